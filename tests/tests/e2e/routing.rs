//! Every command whose keys lie in one slot reaches its owner, and its reply comes back as a plain Redis gives it.

use reddoor_tests::client::{Client, request_line};
use reddoor_tests::cluster::{Cluster, Kind, keys};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::redis_server;

over_clusters!(real | bundled: strings_are_as_in_a_plain_redis, keys_are_spread_over_all_nodes,
    commands_may_be_typed, any_byte_split_gives_the_same_replies, the_last_destination_counts);
over_clusters!(real: all_types_are_as_in_a_plain_redis, scripts_run_where_their_keys_lie);

/// One request a line, in an order that leaves the same data behind on each run.
const STRINGS: &str = "\
    DEL s
    SET s v
    SET s w NX
    SET s w XX GET
    GET s
    get s
    APPEND s xyz
    STRLEN s
    GETRANGE s 1 2
    SETRANGE s 1 abc
    GETSET s 10
    INCR s
    INCRBY s 5
    DECR s
    DECRBY s 3
    INCRBYFLOAT s 0.5
    INCR s
    SETEX s 100 v
    SETEX s -1 v
    SET s v EX 0
    SET s v FOO
    PSETEX s 100000 v
    PERSIST s
    TTL s
    EXPIRE s 100 NX
    TTL s
    GETDEL s
    GET s
    TTL s
    SETNX s v
    SETNX s w
    SETBIT b 7 1
    SETBIT b 0 2
    GETBIT b 7
    BITCOUNT b
    BITPOS b 1
    BITFIELD b SET u8 0 200 GET u4 0
    BITOP OR {b}2 {b}3
    TYPE b
    EXISTS b
    OBJECT ENCODING b
    OBJECT FOO b
    DEL b
    SET {t}a 1
    RENAME {t}a {t}b
    RENAME {t}a {t}b
    COPY {t}b {t}c
    MSET {t}a 1 {t}b 2
    MSETNX {t}b 2 {t}d 3
    MGET {t}a {t}b {t}d
    LCS {t}a {t}b
    DEL {t}a {t}b {t}c {t}d";

const ALL_TYPES: &str = "\
    LPUSH l a b c
    RPUSH l d
    LRANGE l 0 -1
    LINDEX l 1
    LPOS l c
    LSET l 99 x
    LPOP l 2
    SORT l ALPHA DESC
    SORT_RO l ALPHA
    INCR l
    GET l
    HSET h f 1 g 2
    HGETALL h
    HINCRBYFLOAT h f 0.25
    HMGET h f nope g
    HRANDFIELD h 0
    HSCAN h 0
    SADD s2 m
    SMEMBERS s2
    SISMEMBER s2 m
    SMISMEMBER s2 m n
    DEL s2
    ZADD z 1 a 2.5 b inf c
    ZRANGE z 0 -1 WITHSCORES
    ZRANGEBYSCORE z -inf 2.5
    ZSCORE z b
    ZMSCORE z a nope
    ZADD z XX INCR 1 a
    ZRANK z nope
    ZPOPMIN z
    XADD x 1-1 f v
    XADD x 1-1 f v
    XLEN x
    XRANGE x - +
    XREAD COUNT 1 STREAMS x 0
    XGROUP CREATE x grp $
    XINFO STREAM x
    GEOADD g 13.361389 38.115556 Palermo
    GEOPOS g Palermo nope
    GEODIST g Palermo Palermo
    PFADD p a b c
    PFCOUNT p
    SADD {t}s1 a
    SADD {t}s2 b
    SUNIONSTORE {t}s3 {t}s1 {t}s2
    SCARD {t}s3
    ZUNIONSTORE {t}z 2 {t}s1 {t}s2
    SINTER {t}s1 {t}s2
    LMPOP 1 {t}nope LEFT
    DEL {t}s1 {t}s2 {t}s3 {t}z
    ZUNIONSTORE {t}z 5 {t}s1 {u}s2
    UNLINK l
    UNLINK h
    UNLINK z
    UNLINK x
    UNLINK g
    UNLINK p";

fn strings_are_as_in_a_plain_redis(kind: Kind) {
    check_as_plain(kind, STRINGS);
}

fn all_types_are_as_in_a_plain_redis(kind: Kind) {
    check_as_plain(kind, ALL_TYPES);
}

/// Runs a script through the front door and on a plain server, and compares every reply byte for byte.
fn check_as_plain(kind: Kind, script: &str) {
    if !redis_server::is_installed() {
        return;
    }
    let door = FrontDoor::before(Cluster::shared(kind));
    // The oracle is a cluster of one node, so that it refuses what no cluster can do.
    let oracle = Cluster::start(Kind::Real, 1);
    for hello in ["PING", "HELLO 3"] {
        let (mut client, mut expected) = (door.client(), oracle.nodes[0].client());
        client.ask(hello);
        expected.ask(hello);
        for line in script.lines().map(str::trim) {
            client.send_line(line);
            expected.send_line(line);
            assert_eq!(client.reply_bytes(), expected.reply_bytes(), "{line} after {hello}");
        }
    }
}

fn keys_are_spread_over_all_nodes(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let door = FrontDoor::before(cluster);
    let mut client = door.client();
    for key in keys("spread", 60) {
        assert_eq!(client.ask(&format!("SET {key} of:{key}")), "OK");
    }
    let mut owners = Vec::new();
    for key in keys("spread", 60) {
        let owner = cluster.owner_of(&key);
        assert_eq!(owner.ask(&format!("GET {key}")), format!("of:{key}"));
        owners.push(owner.port());
    }
    owners.sort_unstable();
    owners.dedup();
    assert_eq!(owners.len(), 3);
}

fn commands_may_be_typed(kind: Kind) {
    let door = FrontDoor::before(Cluster::shared(kind));
    let mut client = door.client();
    client
        .send_bytes(b"SET typed \"a \\x41 b\"\r\nGET typed\nMGET typed typed:nope\r\n\r\nPING\r\n");
    assert_eq!(client.reply_bytes(), "+OK\r\n");
    assert_eq!(client.reply_bytes(), "$5\r\na A b\r\n");
    assert_eq!(client.reply_bytes(), "*2\r\n$5\r\na A b\r\n$-1\r\n");
    assert_eq!(client.reply_bytes(), "+PONG\r\n");
}

fn any_byte_split_gives_the_same_replies(kind: Kind) {
    let door = FrontDoor::before(Cluster::shared(kind));
    let mut bytes = Vec::new();
    for line in
        ["SET cut:a 1", "GET cut:a", "MSET cut:b 2 cut:c 3", "MGET cut:c cut:a cut:nope", "PING"]
    {
        bytes.extend(request_line(line));
    }
    bytes.extend(b"GET cut:b\r\n");
    let expect = "+OK\r\n$1\r\n1\r\n+OK\r\n*3\r\n$1\r\n3\r\n$1\r\n1\r\n$-1\r\n+PONG\r\n$1\r\n2\r\n";
    for size in [1, 2, 3, 7, 16, 61] {
        check_pieces(&mut door.client(), bytes.chunks(size), expect);
    }
    for at in 1..bytes.len() {
        let (head, tail) = bytes.split_at(at);
        check_pieces(&mut door.client(), [head, tail].into_iter(), expect);
    }
}

fn check_pieces<'a>(client: &mut Client, pieces: impl Iterator<Item = &'a [u8]>, expect: &str) {
    pieces.for_each(|piece| client.send_bytes(piece));
    let replies: String = (0..6).map(|_| client.reply_bytes()).collect();
    assert_eq!(replies, expect);
}

fn scripts_run_where_their_keys_lie(kind: Kind) {
    let door = FrontDoor::before(Cluster::shared(kind));
    let mut client = door.client();
    for key in keys("script", 20) {
        assert_eq!(client.ask(&format!("SET {key} {key}")), "OK");
        let script = "return redis.call('get', KEYS[1])";
        let reply = client.call(&["EVAL", script, "1", key.as_str()]);
        assert_eq!(reply.as_str(), Some(key.as_str()));
    }
    let reply = client.call(&["EVAL", "return 1", "2", "script:1", "script:2"]);
    let reply = reddoor_tests::client::text(&reply);
    assert!(reply.starts_with("-CROSSSLOT Keys in request don't hash to the same slot"), "{reply}");
}

/// `STORE` may stand twice: what the command writes to decides where it may run.
fn the_last_destination_counts(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let door = FrontDoor::before(cluster);
    let mut client = door.client();
    client.ask("GEOADD {last}a 13 38 x");
    for (request, reply) in [
        ("GEORADIUS {last}a 13 38 1 km STORE {last}b STORE other", "-CROSSSLOT "),
        ("GEORADIUSBYMEMBER {last}a x 1 km STOREDIST {last}b STORE other", "-CROSSSLOT "),
        ("GEORADIUS {last}a 13 38 1 km STORE other STORE {last}b", ":1"),
    ] {
        let answer = client.ask(request);
        assert!(answer.starts_with(reply), "{request}: {answer}");
        let answer = cluster.owner_of("{last}a").ask(request);
        assert!(answer.starts_with(reply), "{request} at the node: {answer}");
    }
    assert_eq!(client.ask("DEL {last}a {last}b other"), ":2");
}
