//! Scripts run where their keys are, and on nodes that never saw them.

use reddoor_protocol::slot::Slot;
use reddoor_tests::client::{Client, text};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::wait::wait_until;

over_clusters!(real | bundled: scripts_run_where_their_keys_are, a_script_is_known_everywhere_once_it_was_seen,
    a_script_goes_along_with_its_slot, a_script_that_was_never_seen_is_unknown,
    functions_run_where_their_keys_are);

/// Increments its key by its argument; a comment makes it a script of its own.
fn script(name: &str) -> String {
    format!("return redis.call('INCRBY', KEYS[1], ARGV[1]) -- {name}")
}

fn digest(cluster: &Cluster, script: &str) -> String {
    text(&cluster.nodes[0].client().call(&["SCRIPT", "LOAD", script]))
}

fn scripts_run_where_their_keys_are(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let door = FrontDoor::before(cluster);
    for mut client in [door.client(), door.client_v3()] {
        for index in 0..10 {
            let key = format!("script:{index}");
            client.ask(&format!("DEL {key}"));
            assert_eq!(text(&client.call(&["EVAL", &script("keys"), "1", &key, "5"])), ":5");
            assert_eq!(client.ask(&format!("GET {key}")), "5");
            let read = "return redis.call('GET', KEYS[1])";
            assert_eq!(text(&client.call(&["EVAL_RO", read, "1", &key])), "5");
        }
        assert_eq!(text(&client.call(&["EVAL", "return ARGV[1]", "0", "x"])), "x");
        let (a, b) = (Slot::of_key(b"a"), Slot::of_key(b"b"));
        let error =
            format!("-CROSSSLOT Keys in request don't hash to the same slot: slots {a} and {b}");
        assert_eq!(client.ask("EVAL return 2 a b"), error);
        // What the node has to say of a script passes through.
        let foreign =
            text(&client.call(&["EVAL", "return redis.call('GET', ARGV[1])", "1", "a", "b"]));
        assert!(foreign.starts_with('-') && foreign.contains("non local key"), "{foreign}");
    }
}

fn a_script_is_known_everywhere_once_it_was_seen(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let door = FrontDoor::start(&cluster.seeds(), &[("workers.count", "3")]);
    let script = script(&format!("everywhere over {kind:?}"));
    let seen = text(&door.client().call(&["EVAL", &script, "1", "seen:0", "1"]));
    assert!(seen.starts_with(':'), "{seen}");
    let digest = digest(cluster, &script);
    for node in &cluster.nodes {
        assert_eq!(node.ask("SCRIPT FLUSH"), "OK");
    }
    for index in 0..30 {
        let mut client: Client = if index % 2 == 0 { door.client() } else { door.client_v3() };
        let key = format!("seen:{kind:?}:{index}");
        client.ask(&format!("DEL {key}"));
        assert_eq!(client.ask(&format!("EVALSHA {digest} 1 {key} 2")), ":2");
        // In a transaction the answer would come too late.
        for node in &cluster.nodes {
            assert_eq!(node.ask("SCRIPT FLUSH"), "OK");
        }
        assert_eq!(client.ask("MULTI"), "OK");
        let upper = digest.to_uppercase();
        assert_eq!(client.ask(&format!("EVALSHA {upper} 1 {key} 2")), "QUEUED");
        assert_eq!(client.ask("EXEC"), "[:4]");
    }
    assert!(door.metric("reddoor_redirects_total{kind=\"noscript\"}") >= 1.0);
}

fn a_script_goes_along_with_its_slot(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    let (mut client, script) = (door.client(), script("along"));
    let slot = Slot::of_key(b"{along}");
    let from = cluster.owner_of_slot(slot);
    let to = cluster.other_than(from);
    assert_eq!(text(&client.call(&["EVAL", &script, "1", "{along}a", "1"])), ":1");
    let digest = text(&from.client().call(&["SCRIPT", "LOAD", &script]));
    cluster.open_slot(slot, from, to);
    assert_eq!(client.ask(&format!("EVALSHA {digest} 1 {{along}}a 1")), ":2");
    assert_eq!(client.ask(&format!("EVALSHA {digest} 1 {{along}}new 1")), ":1");
    reddoor_tests::cluster::reshard::move_keys(slot, from, to);
    cluster.close_slot(slot, from, to);
    assert_eq!(to.ask("SCRIPT FLUSH"), "OK");
    assert_eq!(client.ask(&format!("EVALSHA {digest} 1 {{along}}a 1")), ":3");
}

fn a_script_that_was_never_seen_is_unknown(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let door = FrontDoor::before(cluster);
    let mut client = door.client();
    let digest = "0".repeat(40);
    let unknown = "-NOSCRIPT No matching script. Please use EVAL.";
    assert_eq!(client.ask(&format!("EVALSHA {digest} 0")), unknown);
    assert_eq!(client.ask("EVALSHA short 0"), unknown);
}

#[test]
fn a_forgotten_script_is_answered_by_the_node() {
    let node = FakeNode::start();
    let settings = [("limits.scripts_bytes_max", "400"), ("workers.count", "1")];
    let door = FrontDoor::start(&node.addr().to_string(), &settings);
    let mut client = door.client();
    for number in 1..=3 {
        client.send(&["EVAL", &format!("return {number}"), "0"]);
        node.next_call().reply(format!(":{number}\r\n"));
        client.reply();
    }
    wait_until("the limit to be counted", || {
        door.metric("reddoor_limits_reached_total{limit=\"scripts_bytes_max\"}") == 1.0
    });
    let noscript = "-NOSCRIPT No matching script. Please use EVAL.\r\n";
    // The digest of "return 1", the one used longest ago.
    client.send_line("EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0");
    node.next_call().reply(noscript);
    assert_eq!(text(&client.reply()), noscript[..].trim_end());
    // That of "return 2".
    client.send_line("EVALSHA 7f923f79fe76194c868d7e1d0820de36700eb649 0 x");
    node.next_call().reply(noscript);
    let call = node.next_call();
    assert_eq!(call.args, ["EVAL", "return 2", "0", "x"].map(|arg| arg.as_bytes().to_vec()));
    call.reply(":2\r\n");
    assert_eq!(text(&client.reply()), ":2");
}

/// Counts its key up, tells its argument, or only reads.
const LIBRARY: &str = "#!lua name=door_counter
    redis.register_function('door_add', function(keys, args)
        return redis.call('INCRBY', keys[1], args[1])
    end)
    redis.register_function('door_echo', function(keys, args) return args[1] end)
    redis.register_function{function_name = 'door_read', flags = {'no-writes'},
        callback = function(keys) return redis.call('GET', keys[1]) end}";

fn functions_run_where_their_keys_are(kind: Kind) {
    // Libraries of other tests come and go on the shared nodes.
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    let loaded = door.client().call(&["FUNCTION", "LOAD", LIBRARY]);
    assert_eq!(text(&loaded), "door_counter");
    for mut client in [door.client(), door.client_v3()] {
        for index in 0..10 {
            let key = format!("function:{index}");
            client.ask(&format!("DEL {key}"));
            assert_eq!(client.ask(&format!("FCALL door_add 1 {key} 5")), ":5");
            assert_eq!(client.ask(&format!("FCALL_RO door_read 1 {key}")), "5");
            assert_eq!(cluster.owner_of(&key).ask(&format!("GET {key}")), "5");
        }
        assert_eq!(client.ask("FCALL door_echo 0 x"), "x");
        let transaction = ["MULTI", "FCALL door_add 1 function:0 1", "GET function:0"];
        transaction.iter().for_each(|line| drop(client.ask(line)));
        assert_eq!(client.ask("EXEC"), "[:6, 6]");
        let (a, b) = (Slot::of_key(b"a"), Slot::of_key(b"b"));
        let error =
            format!("-CROSSSLOT Keys in request don't hash to the same slot: slots {a} and {b}");
        assert_eq!(client.ask("FCALL door_add 2 a b 1"), error);
        assert_eq!(client.ask("FCALL door_none 0"), "-ERR Function not found");
        let refused = client.ask("FCALL_RO door_add 1 function:0 1");
        assert!(refused.starts_with("-ERR Can not execute a script with write flag"), "{refused}");
    }
    assert_eq!(door.client().ask("FUNCTION DELETE door_counter"), "OK");
    assert_eq!(door.client().ask("FCALL door_echo 0 x"), "-ERR Function not found");
}
