//! `CLIENT TRACKING`: what a client has read, or the prefixes it names, are told of as by one Redis.

use reddoor_tests::client::{Client, text};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::redis_server::{self, RedisServer};
use reddoor_tests::wait::wait_until;

over_clusters!(
    real | bundled: what_was_read_is_told_of_once,
    only_what_is_asked_for_is_told,
    prefixes_are_told_of_unread,
    a_change_of_version_loses_nothing,
    another_client_is_told_instead,
    a_redirect_that_is_gone_is_told_of,
    transactions_scripts_and_waits_are_heard_of,
    requests_keep_their_order,
    tracking_ends_with_its_client,
    links_and_prefixes_are_bounded,
);

/// Whether the nodes track; a cluster of those that do not refuses it, and goes on.
fn tracks(kind: Kind) -> bool {
    let cluster = Cluster::shared(kind);
    if cluster.nodes[0].ask("CLIENT TRACKING ON") == "OK" {
        return true;
    }
    let door = FrontDoor::before(cluster);
    let mut client = door.client_v3();
    let refusal = client.ask("CLIENT TRACKING ON");
    assert!(refusal.contains(" refused CLIENT TRACKING: "), "{refusal}");
    assert!(client.ask("CLIENT TRACKINGINFO").contains("~[off]"));
    assert_eq!(client.ask("SET refused 1"), "OK");
    wait_until("the links to be ended", || door.metric("reddoor_pinned_links") == 0.0);
    eprintln!("PASSED OVER: these nodes do not track");
    false
}

/// A key in each third of the slots.
const KEYS: [&str; 3] = ["foo", "bar", "key:2"];

#[track_caller]
fn expect(client: &mut Client, message: &str) {
    assert_eq!(text(&client.reply()), message);
}

/// Nothing was told before the reply to a `PING` that is asked of the front door itself.
#[track_caller]
fn expect_silence(client: &mut Client) {
    assert_eq!(client.ask("PING still"), "still");
}

#[test]
fn words_are_those_of_a_redis() {
    if !redis_server::is_installed() {
        return;
    }
    let server = RedisServer::start(&[]);
    let door = FrontDoor::before(Cluster::shared(Kind::Real));
    for version in ["HELLO 2", "HELLO 3"] {
        let (mut redis, mut client) = (server.client(), door.client());
        for each in [&mut redis, &mut client] {
            each.ask(version);
        }
        for line in WORDS.lines().map(str::trim) {
            redis.send_line(line);
            client.send_line(line);
            // That nothing is known any more of what was cached is said where other keys are tracked from now on.
            let reply = std::iter::repeat_with(|| client.reply_bytes())
                .find(|reply| reply != ">2\r\n$10\r\ninvalidate\r\n_\r\n");
            assert_eq!(reply, Some(redis.reply_bytes()), "{line}");
        }
    }
}

const WORDS: &str = "\
    CLIENT TRACKINGINFO
    CLIENT GETREDIR
    CLIENT CACHING YES
    CLIENT CACHING maybe
    CLIENT CACHING
    CLIENT TRACKING
    CLIENT TRACKING maybe
    CLIENT TRACKING on foo
    CLIENT TRACKING maybe redirect
    CLIENT TRACKING on prefix
    CLIENT TRACKING on prefix a
    CLIENT TRACKING on bcast optin
    CLIENT TRACKING on optin optout
    CLIENT TRACKING on redirect 99999999
    CLIENT TRACKING on redirect x
    CLIENT TRACKING on redirect -1
    CLIENT TRACKING on redirect 0
    CLIENT TRACKING off bcast
    CLIENT TRACKING off
    CLIENT TRACKING on
    CLIENT GETREDIR
    CLIENT TRACKINGINFO
    CLIENT CACHING YES
    CLIENT TRACKING on bcast
    CLIENT TRACKING off
    CLIENT TRACKING on bcast prefix a prefix ab
    CLIENT TRACKING on bcast prefix b prefix a
    CLIENT TRACKINGINFO
    CLIENT TRACKING on bcast prefix a
    CLIENT TRACKING on bcast prefix ax
    CLIENT TRACKING on bcast prefix c noloop
    CLIENT TRACKINGINFO
    CLIENT TRACKING on
    CLIENT TRACKING on bcast
    CLIENT TRACKINGINFO
    CLIENT TRACKING on bcast prefix x
    CLIENT TRACKING off
    CLIENT TRACKINGINFO
    CLIENT TRACKING on OPTIN
    CLIENT TRACKING on optout
    CLIENT CACHING no
    CLIENT CACHING yes
    CLIENT TRACKINGINFO
    CLIENT GETREDIR
    CLIENT TRACKINGINFO
    PING
    CLIENT TRACKINGINFO
    CLIENT TRACKING on noloop
    CLIENT TRACKINGINFO
    CLIENT TRACKING on optout
    CLIENT CACHING no
    CLIENT CACHING yes
    CLIENT CACHING maybe
    CLIENT TRACKINGINFO
    MULTI
    DISCARD
    CLIENT TRACKINGINFO
    RESET
    CLIENT TRACKINGINFO
    CLIENT GETREDIR";

fn what_was_read_is_told_of_once(kind: Kind) {
    if !tracks(kind) {
        return;
    }
    let door = FrontDoor::before(Cluster::shared(kind));
    let (mut client, mut other) = (door.client_v3(), door.client());
    other.ask("DEL once:foo once:bar once:nil");
    assert_eq!(client.ask("CLIENT TRACKING ON"), "OK");
    // A reply in parts, and keys that are not there.
    assert_eq!(client.ask("MGET once:foo once:bar once:nil"), "[nil, nil, nil]");
    for key in ["once:foo", "once:bar", "once:nil"] {
        assert_eq!(other.ask(&format!("SET {key} 1")), "OK");
        expect(&mut client, &format!(">[invalidate, [{key}]]"));
        assert_eq!(other.ask(&format!("SET {key} 2")), "OK");
    }
    expect_silence(&mut client);
    // What it changes itself it is told, too, unless it wants it not.
    assert_eq!(client.ask("GET once:foo"), "2");
    client.send_line("SET once:foo 3");
    let both = [text(&client.reply()), text(&client.reply())];
    assert!(
        both.contains(&"OK".to_owned()) && both.contains(&">[invalidate, [once:foo]]".to_owned())
    );
    let mut client = door.client_v3();
    assert_eq!(client.ask("CLIENT TRACKING ON NOLOOP"), "OK");
    assert_eq!(client.ask("MGET once:foo once:bar"), "[3, 2]");
    assert_eq!(client.ask("MSET once:foo 4 once:bar 4"), "OK");
    expect_silence(&mut client);
    assert_eq!(client.ask("MGET once:foo once:bar"), "[4, 4]");
    assert_eq!(other.ask("MSET once:foo 5 once:bar 5"), "OK");
    let mut told = [text(&client.reply()), text(&client.reply())];
    told.sort();
    assert_eq!(told, [">[invalidate, [once:bar]]", ">[invalidate, [once:foo]]"]);
}

fn only_what_is_asked_for_is_told(kind: Kind) {
    if !tracks(kind) {
        return;
    }
    let door = FrontDoor::before(Cluster::shared(kind));
    let mut other = door.client();
    let mut change = |keys: &[&str]| {
        for key in keys {
            assert_eq!(other.ask(&format!("SET {key} x")), "OK");
        }
    };
    for (mode, word, told, untold) in
        [("OPTIN", "YES", "opt:said", "opt:unsaid"), ("OPTOUT", "NO", "opt:unsaid", "opt:said")]
    {
        let mut client = door.client_v3();
        assert_eq!(client.ask(&format!("CLIENT TRACKING ON {mode}")), "OK");
        // Words about the connection stand between; in a pipeline it concerns one command only.
        for line in
            [&format!("CLIENT CACHING {word}"), "CLIENT ID", "GET opt:said", "GET opt:unsaid"]
        {
            client.send_line(line);
        }
        (0..4).for_each(|_| drop(client.reply()));
        change(&[untold, told]);
        expect(&mut client, &format!(">[invalidate, [{told}]]"));
        expect_silence(&mut client);
        // A whole transaction, and a command in parts.
        let keys = ["{opt}a", "{opt}b"].map(|key| format!("{key}:{mode}"));
        for line in [
            &format!("CLIENT CACHING {word}"),
            "MULTI",
            &format!("GET {}", keys[0]),
            &format!("GET {}", keys[1]),
            "EXEC",
            &format!("CLIENT CACHING {word}"),
            "MGET foo bar key:2",
        ] {
            client.send_line(line);
        }
        (0..7).for_each(|_| drop(client.reply()));
        change(&[&keys[0], &keys[1]]);
        change(&KEYS);
        if word == "YES" {
            for key in &keys {
                expect(&mut client, &format!(">[invalidate, [{key}]]"));
            }
            // Of these each node tells by itself.
            let mut told = KEYS.map(|_| text(&client.reply()));
            let mut changed = KEYS.map(|key| format!(">[invalidate, [{key}]]"));
            told.sort();
            changed.sort();
            assert_eq!(told, changed);
        }
        expect_silence(&mut client);
    }
}

fn prefixes_are_told_of_unread(kind: Kind) {
    if !tracks(kind) {
        return;
    }
    let door = FrontDoor::before(Cluster::shared(kind));
    let (mut client, mut other) = (door.client_v3(), door.client());
    assert_eq!(client.ask("CLIENT TRACKING ON BCAST PREFIX pre:a PREFIX pre:b NOLOOP"), "OK");
    for key in ["pre:a1", "pre:a2", "pre:a3", "pre:b", "pre:a1"] {
        assert_eq!(other.ask(&format!("SET {key} x")), "OK");
        expect(&mut client, &format!(">[invalidate, [{key}]]"));
    }
    assert_eq!(other.ask("SET pre:c x"), "OK");
    assert_eq!(client.ask("MSET pre:a1 y pre:a2 y"), "OK");
    expect_silence(&mut client);
    // A further prefix, for which nodes are asked on the links that are there.
    assert_eq!(client.ask("CLIENT TRACKING ON BCAST PREFIX pre:c"), "OK");
    for key in ["pre:c", "pre:a1"] {
        assert_eq!(other.ask(&format!("SET {key} x")), "OK");
        expect(&mut client, &format!(">[invalidate, [{key}]]"));
    }
}

fn a_change_of_version_loses_nothing(kind: Kind) {
    if !tracks(kind) {
        return;
    }
    let door = FrontDoor::before(Cluster::shared(kind));
    let (mut hearer, mut other) = (door.client_v3(), door.client());
    let mut change = |key: &str| assert_eq!(other.ask(&format!("SET {key} x")), "OK");
    let id = hearer.ask("CLIENT ID").trim_start_matches(':').to_owned();
    for options in ["", " NOLOOP", " BCAST PREFIX version:"] {
        let mut reader = door.client();
        assert_eq!(reader.ask(&format!("CLIENT TRACKING ON REDIRECT {id}{options}")), "OK");
        for version in ["3", "2", "3"] {
            let keys = KEYS.map(|key| format!("version:{version}:{key}"));
            keys.iter().for_each(|key| drop(reader.ask(&format!("GET {key}"))));
            reader.ask(&format!("HELLO {version}"));
            for key in &keys {
                change(key);
                expect(&mut hearer, &format!(">[invalidate, [{key}]]"));
            }
            if !options.contains("BCAST") {
                expect_silence(&mut hearer);
            } else {
                break;
            }
        }
        reader.ask("CLIENT TRACKING OFF");
    }
    // A client of RESP2 that no other is told for can be told of nothing: only what it read meanwhile is not known.
    let mut reader = door.client();
    assert_eq!(reader.ask("CLIENT TRACKING ON"), "OK");
    reader.ask("HELLO 3");
    expect_silence(&mut reader);
    reader.ask("HELLO 2");
    reader.ask("GET version:foo");
    reader.ask("HELLO 3");
    expect(&mut reader, ">[invalidate, nil]");
    expect_silence(&mut reader);
}

fn another_client_is_told_instead(kind: Kind) {
    if !tracks(kind) {
        return;
    }
    let cluster = Cluster::shared(kind);
    // Several workers, so that some of the clients are served by others.
    let door = FrontDoor::start(&cluster.seeds(), &[("workers.count", "3")]);
    let mut other = door.client();
    for (round, version) in ["2", "3", "2", "3", "2", "3"].into_iter().enumerate() {
        for reader_version in ["2", "3"] {
            let (mut hearer, mut reader) = (door.client(), door.client());
            hearer.ask(&format!("HELLO {version}"));
            reader.ask(&format!("HELLO {reader_version}"));
            let id = hearer.ask("CLIENT ID").trim_start_matches(':').to_owned();
            if version == "2" {
                assert_eq!(
                    hearer.ask("SUBSCRIBE __redis__:invalidate"),
                    "[subscribe, __redis__:invalidate, :1]"
                );
            }
            assert_eq!(reader.ask(&format!("CLIENT TRACKING ON REDIRECT {id}")), "OK");
            assert_eq!(reader.ask("CLIENT GETREDIR"), format!(":{id}"));
            for key in KEYS.map(|key| format!("redirect:{key}:{round}")) {
                reader.ask(&format!("GET {key}"));
                assert_eq!(other.ask(&format!("SET {key} x")), "OK");
                let told = match version {
                    "2" => format!("[message, __redis__:invalidate, [{key}]]"),
                    _ => format!(">[invalidate, [{key}]]"),
                };
                expect(&mut hearer, &told);
            }
            expect_silence(&mut reader);
        }
    }
}

fn a_redirect_that_is_gone_is_told_of(kind: Kind) {
    if !tracks(kind) {
        return;
    }
    let door = FrontDoor::before(Cluster::shared(kind));
    let (mut hearer, mut reader, mut other) = (door.client_v3(), door.client_v3(), door.client());
    let id = hearer.ask("CLIENT ID").trim_start_matches(':').to_owned();
    assert_eq!(reader.ask(&format!("CLIENT TRACKING ON REDIRECT {id}")), "OK");
    reader.ask("GET gone");
    drop(hearer);
    let is_gone = "-ERR The client ID you want redirect to does not exist";
    wait_until("the client to be gone", || {
        other.ask(&format!("CLIENT TRACKING ON REDIRECT {id}")) == is_gone
    });
    assert_eq!(other.ask("SET gone 1"), "OK");
    expect(&mut reader, &format!(">[tracking-redir-broken, :{id}]"));
    let info = reader.ask("CLIENT TRACKINGINFO");
    assert!(info.contains("~[on, broken_redirect], redirect: :"), "{info}");
    let line = reader.ask("CLIENT INFO");
    assert!(line.contains(" flags=tR ") && line.contains(&format!(" redir={id} ")), "{line}");
}

fn transactions_scripts_and_waits_are_heard_of(kind: Kind) {
    if !tracks(kind) {
        return;
    }
    let cluster = Cluster::shared(kind);
    let door = FrontDoor::before(cluster);
    let (mut client, mut other) = (door.client_v3(), door.client());
    assert_eq!(client.ask("CLIENT TRACKING ON NOLOOP"), "OK");
    other.ask("DEL {all}guarded {all}read {all}list {all}script {all}stream");
    // Guarded by the link that is tracked: touched by others it aborts, and what it reads is told of.
    assert_eq!(client.ask("WATCH {all}guarded"), "OK");
    assert_eq!(client.ask("MULTI"), "OK");
    assert_eq!(client.ask("GET {all}read"), "QUEUED");
    assert_eq!(client.ask("SET {all}guarded 1"), "QUEUED");
    assert_eq!(client.ask("EXEC"), "[nil, OK]");
    assert_eq!(client.ask("WATCH {all}guarded"), "OK");
    assert_eq!(client.ask("UNWATCH"), "OK");
    assert_eq!(client.ask("WATCH {all}guarded"), "OK");
    assert_eq!(other.ask("SET {all}guarded 2"), "OK");
    assert_eq!(client.ask("MULTI"), "OK");
    assert_eq!(client.ask("GET {all}guarded"), "QUEUED");
    assert_eq!(client.ask("EXEC"), "nil");
    expect_silence(&mut client);
    assert_eq!(other.ask("SET {all}read 1"), "OK");
    expect(&mut client, ">[invalidate, [{all}read]]");
    // What a script reads is what it declares.
    assert_eq!(client.ask("EVAL return(redis.call('GET',KEYS[1])) 1 {all}script"), "nil");
    assert_eq!(other.ask("SET {all}script 1"), "OK");
    expect(&mut client, ">[invalidate, [{all}script]]");
    // A wait takes an element by the same link, so that its own change is not told; a read that waits is.
    assert_eq!(client.ask("LRANGE {all}list 0 -1"), "[]");
    assert_eq!(other.ask("RPUSH {all}list a"), ":1");
    expect(&mut client, ">[invalidate, [{all}list]]");
    assert_eq!(client.ask("LRANGE {all}list 0 -1"), "[a]");
    assert_eq!(client.ask("BLPOP {all}list 0"), "[{all}list, a]");
    expect_silence(&mut client);
    client.send_line("XREAD BLOCK 0 STREAMS {all}stream $");
    // At the node, which has to know from when on entries are new.
    let owner = cluster.owner_of("{all}stream");
    wait_until("the client to wait", || {
        let clients = owner.ask("CLIENT LIST");
        clients.lines().any(|line| line.contains(" flags=bt ") && line.contains(" cmd=xread "))
    });
    assert_eq!(other.ask("XADD {all}stream 1-1 f v"), "1-1");
    let mut told = [text(&client.reply()), text(&client.reply())];
    told.sort();
    assert_eq!(told[0], ">[invalidate, [{all}stream]]");
    assert!(told[1].starts_with("{{all}stream: "), "{told:?}");
    // One that waits is still let go by another client.
    let id = client.ask("CLIENT ID").trim_start_matches(':').to_owned();
    client.send_line("BLPOP {all}list 0");
    wait_until("the client to wait", || other.ask(&format!("CLIENT UNBLOCK {id}")) == ":1");
    expect(&mut client, "nil");
}

/// What goes by shared connections keeps its place among what goes by the client's own.
fn requests_keep_their_order(kind: Kind) {
    if !tracks(kind) {
        return;
    }
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    let mut client = door.client_v3();
    assert_eq!(client.ask("CLIENT TRACKING ON NOLOOP"), "OK");
    for round in 0..50 {
        for line in [&format!("MSET foo {round} bar {round}"), "DBSIZE", "FLUSHALL", "GET foo"] {
            client.send_line(line);
        }
        let mut replies = (0..).map(|_| text(&client.reply()));
        let mut next = || replies.find(|reply| !reply.starts_with('>')).unwrap();
        assert_eq!([next(), next(), next(), next()], ["OK", ":2", "OK", "nil"]);
    }
}

fn tracking_ends_with_its_client(kind: Kind) {
    if !tracks(kind) {
        return;
    }
    let cluster = Cluster::shared(kind);
    let door = FrontDoor::start(&cluster.seeds(), &[("workers.count", "1")]);
    let mut other = door.client();
    for end in ["CLIENT TRACKING OFF", "RESET", "leave", "QUIT"] {
        let mut client = door.client_v3();
        // Other tests write to the same nodes.
        assert_eq!(client.ask("CLIENT TRACKING ON BCAST PREFIX ends"), "OK");
        assert!(client.ask("CLIENT INFO").contains(" flags=tB "));
        assert_eq!(door.metric("reddoor_tracking_clients"), 1.0);
        assert!(other.ask("INFO clients").contains("tracking_clients:1\r\n"));
        if end == "leave" {
            drop(client);
        } else {
            // In a pipeline all before it is tracked, and nothing behind it.
            client.send_line("GET ends");
            client.send_line(end);
            client.send_line("GET ends");
            client.reply();
            assert!(["OK", "RESET"].contains(&text(&client.reply()).as_str()));
            if end != "QUIT" {
                client.reply();
                assert_eq!(other.ask("SET ends x"), "OK");
                expect_silence(&mut client);
            }
        }
        wait_until("the links to be ended", || door.metric("reddoor_pinned_links") == 0.0);
        wait_until("nobody to be tracked", || door.metric("reddoor_tracking_clients") == 0.0);
        assert!(other.ask("INFO clients").contains("tracking_clients:0\r\n"));
    }
    assert_eq!(door.metric("reddoor_tracking_flushes_total"), 0.0);
    let info = |node: &reddoor_tests::cluster::node::Node| node.ask("CLIENT LIST");
    wait_until("the nodes to be left", || {
        let port = format!("laddr=127.0.0.1:{}", cluster.nodes[0].port());
        !info(&cluster.nodes[0]).lines().any(|line| line.contains(&port) && line.contains("=tB"))
    });
}

fn links_and_prefixes_are_bounded(kind: Kind) {
    if !tracks(kind) {
        return;
    }
    let cluster = Cluster::shared(kind);
    let settings = [
        ("workers.count", "1"),
        ("limits.pinned_links_max", "4"),
        ("limits.tracking_prefix_bytes_max", "40"),
    ];
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let (mut client, mut other) = (door.client_v3(), door.client_v3());
    let reached =
        |limit: &str| door.metric(&format!("reddoor_limits_reached_total{{limit=\"{limit}\"}}"));
    assert_eq!(
        client.ask("CLIENT TRACKING ON BCAST PREFIX 12345 PREFIX abcd"),
        "-OVERLOAD bytes of tracked prefixes: limit of 40 reached; the command was not applied"
    );
    assert_eq!(reached("tracking_prefix_bytes_max"), 1.0);
    assert_eq!(client.ask("CLIENT TRACKING ON BCAST PREFIX 1234 PREFIX abcd"), "OK");
    assert_eq!(
        other.ask("CLIENT TRACKING ON"),
        "-OVERLOAD node connections of single clients: limit of 4 reached; the command was not applied"
    );
    assert_eq!(reached("pinned_links_max"), 1.0);
    assert!(other.ask("CLIENT TRACKINGINFO").contains("~[off]"));
    // Its own links make room for those that take their place.
    client.send_line("CLIENT TRACKING OFF");
    expect(&mut client, "OK");
    wait_until("room for another", || other.ask("CLIENT TRACKING ON") == "OK");
    assert_eq!(other.ask("CLIENT TRACKING ON NOLOOP"), "OK");
    // Links of another version take the place of those before, whose news are lost with them.
    let id = client.ask("CLIENT ID").trim_start_matches(':').to_owned();
    assert_eq!(other.ask(&format!("CLIENT TRACKING ON REDIRECT {id}")), "OK");
    other.ask("HELLO 2");
    for key in KEYS {
        assert!(!other.ask(&format!("GET {key}")).starts_with('-'));
    }
    expect(&mut client, ">[invalidate, nil]");
}
