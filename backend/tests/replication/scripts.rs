//! Libraries of functions and scripts, from primaries of either kind to replicas of the other.

use crate::load::Load;
use crate::process::{Kind, Server, has_redis_server, show, wait_until};
use crate::{COPY_SETTINGS, PAIRS, follow, wait_linked, wait_same};

const COUNTER: &str = "#!lua name=counter\nredis.register_function('add', function(keys, args) \
    redis.call('SADD', keys[1] .. ':set', args[1]) redis.call('SPOP', keys[1] .. ':set') \
    return redis.call('INCRBY', keys[1], args[1]) end)";
const READER: &str = "#!lua name=reader\nredis.register_function{function_name='read', flags={'no-writes'}, \
    callback=function(keys) return redis.call('GET', keys[1]) end}";

fn call(server: &Server, words: &[&str]) -> String {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    show(&server.client().call(&words))
}

/// All libraries with their code. Each kind has an order of its own, so they are asked for by their names.
fn libraries(server: &Server) -> Vec<String> {
    let names = ["counter", "reader", "own"];
    names.map(|name| server.ask(&format!("FUNCTION LIST LIBRARYNAME {name} WITHCODE"))).into()
}

fn wait_same_libraries(primary: &Server, replica: &Server) {
    wait_until(
        || format!("{:?} to have the libraries of {:?}", replica.kind, primary.kind),
        || libraries(primary) == libraries(replica),
    );
}

#[test]
fn replicas_have_the_libraries_of_their_primary() {
    if !has_redis_server() {
        return;
    }
    for (primary, replica) in PAIRS {
        for settings in COPY_SETTINGS {
            println!("{primary:?} {replica:?} {settings}");
            let (primary, replica) =
                (Server::start(primary, settings), Server::start(replica, settings));
            // Goes away with all other data when the copy comes.
            let own = "#!lua name=own\nredis.register_function('own', function() return 1 end)";
            assert_eq!(call(&replica, &["FUNCTION", "LOAD", own]), "own");
            assert_eq!(call(&primary, &["FUNCTION", "LOAD", COUNTER]), "counter");
            follow(&replica, primary.port);
            wait_linked(&replica);
            wait_same_libraries(&primary, &replica);
            assert_eq!(call(&primary, &["FUNCTION", "LOAD", READER]), "reader");
            assert_eq!(primary.ask("FCALL add 1 sum 5"), "5");
            wait_same_libraries(&primary, &replica);
            wait_same(&primary, &replica);
            assert_eq!(replica.ask("FCALL_RO read 1 sum"), "5");
            let refused = replica.ask("FCALL add 1 sum 1");
            assert!(refused.starts_with("READONLY"), "{refused}");
            assert_eq!(primary.ask("FUNCTION DELETE reader"), "OK");
            wait_same_libraries(&primary, &replica);
            assert_eq!(primary.ask("FUNCTION FLUSH"), "OK");
            wait_same_libraries(&primary, &replica);
        }
    }
}

/// Goes on until three requests were refused because the node is busy, and writes before and behind it.
const SLOW: &str = "redis.call('SET', KEYS[1], 'begun') \
    repeat local errors = redis.call('INFO', 'errorstats') until errors:find('errorstat_BUSY:count=[3-9]') \
    redis.call('SET', KEYS[1], 'done') return 'ended'";

#[test]
fn what_lay_still_reaches_replicas_whole_and_in_its_place() {
    if !has_redis_server() {
        return;
    }
    for replica in [Kind::Real, Kind::Ours] {
        let settings = "--busy-reply-threshold 20 --min-replicas-to-write 1";
        let (primary, replica) = (Server::start(Kind::Ours, settings), Server::start(replica, ""));
        let refused = call(&primary, &["EVAL", SLOW, "1", "slow"]);
        assert!(refused.starts_with("NOREPLICAS"), "{refused}");
        follow(&replica, primary.port);
        wait_linked(&replica);
        wait_until(|| "writes".to_owned(), || primary.ask("SET before 1") == "OK");
        let mut slow = primary.client();
        slow.send_words(&[b"EVAL", SLOW.as_bytes(), b"1", b"slow"]);
        slow.send_words(&[b"WAIT", b"1", b"60000"]);
        wait_until(|| "a busy node".to_owned(), || primary.ask("PING").starts_with("BUSY"));
        // Nothing of it has gone out yet, and nothing else gets between.
        assert_eq!(replica.ask("EXISTS slow"), "0");
        assert!(primary.ask("SET between 1").starts_with("BUSY"));
        assert!(primary.ask("PING").starts_with("BUSY"));
        assert_eq!(show(&slow.reply()), "ended");
        assert_eq!(show(&slow.reply()), "1");
        assert_eq!(replica.ask("GET slow"), "done");
        let mut load = Load::new(&primary, 11);
        load.run(200);
        load.finish();
        wait_same(&primary, &replica);
        assert_eq!(replica.field("replication", "master_link_status"), "up");
        assert_eq!(primary.field("stats", "sync_full"), "1");
    }
}

#[test]
fn a_replica_that_comes_while_a_script_lies_still_gets_all_of_it_or_nothing() {
    if !has_redis_server() {
        return;
    }
    for replica in [Kind::Real, Kind::Ours] {
        let primary = Server::start(Kind::Ours, "--busy-reply-threshold 20");
        let replica = Server::start(replica, "");
        let mut slow = primary.client();
        slow.send_words(&[b"EVAL", SLOW.as_bytes(), b"1", b"slow"]);
        wait_until(|| "a busy node".to_owned(), || primary.ask("PING").starts_with("BUSY"));
        follow(&replica, primary.port);
        assert_eq!(show(&slow.reply()), "ended");
        wait_linked(&replica);
        wait_same(&primary, &replica);
        assert_eq!(replica.ask("GET slow"), "done");
    }
}
