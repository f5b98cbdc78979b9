//! Commands over several slots are split, and joined as if one node had answered: whole or not at all.

use reddoor_protocol::value::Value;
use reddoor_tests::client::{request, text, words};
use reddoor_tests::cluster::{Cluster, Kind, keys};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;

over_clusters!(real | bundled: values_stand_in_the_order_of_the_keys, what_is_missing_is_null_in_either_version,
    keys_named_twice_count_twice, an_odd_mset_sets_nothing, a_dead_node_fails_the_whole_command);
over_clusters!(real: a_part_that_is_refused_fails_the_whole_command);

fn values_stand_in_the_order_of_the_keys(kind: Kind) {
    let door = FrontDoor::before(Cluster::shared(kind));
    let mut client = door.client();
    let keys = keys("order", 200);
    let pairs: Vec<String> =
        keys.iter().flat_map(|key| [key.clone(), format!("of:{key}")]).collect();
    let mset: Vec<&str> = ["MSET"].into_iter().chain(pairs.iter().map(String::as_str)).collect();
    assert_eq!(text(&client.call(&mset)), "OK");
    for step in [1, 7, 31] {
        let asked: Vec<&str> =
            (0..keys.len()).map(|n| keys[n * step % keys.len()].as_str()).collect();
        let mget: Vec<&str> = ["MGET"].into_iter().chain(asked.iter().copied()).collect();
        let expect =
            asked.iter().map(|key| Value::Bulk(format!("of:{key}").into_bytes())).collect();
        assert_eq!(client.call(&mget), Value::Array(expect));
    }
}

fn what_is_missing_is_null_in_either_version(kind: Kind) {
    let door = FrontDoor::before(Cluster::shared(kind));
    let mget = request(&words("MGET null:a null:b null:a null:c"));
    let mut client = door.client();
    assert_eq!(client.ask("SET null:b 1"), "OK");
    client.send_bytes(&mget);
    assert_eq!(client.reply_bytes(), "*4\r\n$-1\r\n$1\r\n1\r\n$-1\r\n$-1\r\n");
    let mut client = door.client_v3();
    client.send_bytes(&mget);
    assert_eq!(client.reply_bytes(), "*4\r\n_\r\n$1\r\n1\r\n_\r\n_\r\n");
}

fn keys_named_twice_count_twice(kind: Kind) {
    let door = FrontDoor::before(Cluster::shared(kind));
    let mut client = door.client();
    let script = [
        ("MSET twice:a 1 twice:b 2 twice:a 3 twice:c 4", "OK"),
        ("MGET twice:a twice:b twice:a", "[3, 2, 3]"),
        ("EXISTS twice:a twice:b twice:a twice:nope", ":3"),
        ("TOUCH twice:a twice:b twice:a twice:nope", ":3"),
        ("DEL twice:a twice:a twice:nope twice:b", ":2"),
        ("UNLINK twice:c twice:c twice:a", ":1"),
        ("EXISTS twice:a twice:b twice:c", ":0"),
    ];
    for (line, expect) in script {
        assert_eq!(client.ask(line), expect, "{line}");
    }
}

fn an_odd_mset_sets_nothing(kind: Kind) {
    let door = FrontDoor::before(Cluster::shared(kind));
    let mut client = door.client();
    let refusal = "-ERR wrong number of arguments for 'mset' command";
    for line in ["MSET", "MSET odd:a", "MSET odd:a 1 odd:b"] {
        assert_eq!(client.ask(line), refusal);
    }
    assert_eq!(client.ask("MGET odd:a odd:b"), "[nil, nil]");
    assert_eq!(client.ask("MGET"), "-ERR wrong number of arguments for 'mget' command");
}

/// One key for each node, the first of them on the first node.
fn key_of_each(cluster: &Cluster) -> Vec<String> {
    let owned_by = |port: u16| {
        let mut candidates = keys("each", 1000).into_iter();
        candidates.find(|key| cluster.owner_of(key).port() == port).unwrap()
    };
    cluster.nodes.iter().map(|node| owned_by(node.port())).collect()
}

fn a_part_that_is_refused_fails_the_whole_command(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let [a, b, c] = &key_of_each(&cluster)[..] else { panic!("three nodes") };
    let door = FrontDoor::before(&cluster);
    let mut client = door.client();
    assert_eq!(cluster.nodes[1].ask("CONFIG SET maxmemory 1"), "OK");
    assert_eq!(
        client.ask(&format!("MSET {a} 1 {b} 2 {c} 3")),
        "-PARTIAL 1 of 3 parts failed: OOM command not allowed when used memory > 'maxmemory'."
    );
    // The connection goes on, and what could be done was done.
    assert_eq!(client.ask(&format!("MGET {a} {b} {c}")), "[1, nil, 3]");
}

fn a_dead_node_fails_the_whole_command(kind: Kind) {
    let mut cluster = Cluster::start(kind, 3);
    let [a, b, c] = &key_of_each(&cluster)[..] else { panic!("three nodes") };
    let door = FrontDoor::start(&cluster.seeds(), &[("failover.hold_ms", "500")]);
    let mut client = door.client();
    assert_eq!(client.ask(&format!("MSET {a} 1 {b} 2 {c} 3")), "OK");
    cluster.nodes[1].kill();
    for (command, rest) in [("MGET", ""), ("EXISTS", ""), ("DEL", ""), ("MSET", " 1")] {
        let line = format!("{command} {a}{rest} {b}{rest} {c}{rest}");
        let reply = client.ask(&line);
        assert!(reply.starts_with("-PARTIAL 1 of 3 parts failed: "), "{line}: {reply}");
    }
    assert_eq!(client.ask(&format!("GET {a}")), "1");
}

#[test]
fn a_part_that_is_late_fails_the_whole_command() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("request.timeout_ms", "3000")]);
    let mut client = door.client();
    client.send_line("EXISTS a b c");
    let calls = [node.next_call(), node.next_call(), node.next_call()];
    calls[0].reply(":1\r\n");
    let reply = text(&client.reply());
    assert!(reply.starts_with("-PARTIAL 2 of 3 parts failed: TIMEOUT "), "{reply}");
    // What comes too late belongs to nobody, and shifts nothing.
    calls[1].reply(":1\r\n:1\r\n");
    client.send_line("EXISTS d");
    node.expect_call("EXISTS d").reply(":0\r\n");
    assert_eq!(client.reply(), Value::Integer(0));
}

#[test]
fn parts_in_another_shape_fail_the_whole_command() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[]);
    let mut client = door.client();
    for odd in ["*2\r\n$1\r\na\r\n$1\r\nb\r\n", "*0\r\n", ":1\r\n", "$-1\r\n", "*-1\r\n"] {
        client.send_line("MGET a b");
        node.next_call().reply("*1\r\n$1\r\na\r\n");
        node.next_call().reply(odd);
        let reply = text(&client.reply());
        assert!(reply.starts_with("-PARTIAL 1 of 2 parts failed: BADREPLY "), "{odd:?}: {reply}");
    }
}
