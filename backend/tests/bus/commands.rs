//! The same commands to a real server and to a node of ours: the same answers.

use reddoor_tests::port::BUS_OFFSET;

use crate::process::{Kind, Node, form_cluster, has_redis_server, start_nodes, wait_agreement};

/// Asks both nodes each line in turn and compares. Lines of one script share a connection.
pub(crate) fn check_script(
    real: &Node,
    ours: &Node,
    script: &[String],
    known: impl Fn(&str) -> String,
) {
    let (mut real_client, mut our_client) = (real.client(), ours.client());
    for line in script {
        let expected = known(&real_client.ask(line));
        assert_eq!(known(&our_client.ask(line)), expected, "{line}");
    }
}

pub(crate) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn a_node_alone_answers_as_a_redis() {
    if !has_redis_server() {
        return;
    }
    let (real, ours) = (Node::start(Kind::Real), Node::start(Kind::Ours));
    let script = lines(
        "CLUSTER
        CLUSTER NOSUCH
        CLUSTER ADDSLOTS
        CLUSTER ADDSLOTS x
        CLUSTER ADDSLOTS -1
        CLUSTER ADDSLOTS 16384
        CLUSTER ADDSLOTS 1 1
        CLUSTER ADDSLOTS 1 2 x
        CLUSTER ADDSLOTS 1 2
        CLUSTER ADDSLOTS 3 1
        CLUSTER DELSLOTS 3
        CLUSTER DELSLOTS 1 1
        CLUSTER DELSLOTS 1
        CLUSTER ADDSLOTSRANGE 1
        CLUSTER ADDSLOTSRANGE 1 2 3
        CLUSTER ADDSLOTSRANGE 5 4
        CLUSTER ADDSLOTSRANGE 1 x
        CLUSTER ADDSLOTSRANGE 5 9 8 10
        CLUSTER ADDSLOTSRANGE 5 9 10 10
        CLUSTER ADDSLOTSRANGE 5 9 x y
        CLUSTER ADDSLOTSRANGE 20 21 20 20 9 8
        CLUSTER DELSLOTSRANGE 9 11
        CLUSTER DELSLOTSRANGE 30 31 9 8
        CLUSTER DELSLOTSRANGE 9 5
        CLUSTER DELSLOTSRANGE 9 10
        CLUSTER MEET 1 2
        CLUSTER MEET 127.0.0.1 x
        CLUSTER MEET 127.0.0.1 7000 x
        CLUSTER MEET 127.0.0.1 99999
        CLUSTER MEET 127.0.0.1 0
        CLUSTER MEET localhost 7000
        CLUSTER MEET 127.0.0.1 60000
        CLUSTER MEET 127.0.0.1 7000 99999
        CLUSTER MEET 127.0.0.1 7000 7001 7002
        CLUSTER KEYSLOT
        CLUSTER KEYSLOT {a}b
        CLUSTER COUNTKEYSINSLOT x
        CLUSTER COUNTKEYSINSLOT -1
        CLUSTER COUNTKEYSINSLOT 16384
        CLUSTER COUNTKEYSINSLOT 5
        CLUSTER GETKEYSINSLOT 5 -1
        CLUSTER GETKEYSINSLOT 5 x
        CLUSTER GETKEYSINSLOT 16384 1
        CLUSTER GETKEYSINSLOT 5 10
        CLUSTER SETSLOT 1
        CLUSTER SETSLOT 1 NOSUCH
        CLUSTER SETSLOT x STABLE
        CLUSTER SETSLOT 16384 STABLE
        CLUSTER SETSLOT 5 MIGRATING
        CLUSTER SETSLOT 5 MIGRATING abc
        CLUSTER SETSLOT 100 MIGRATING abc
        CLUSTER SETSLOT 5 IMPORTING abc
        CLUSTER SETSLOT 100 IMPORTING abc
        CLUSTER SETSLOT 5 NODE abc
        CLUSTER SETSLOT 5 STABLE x
        CLUSTER SETSLOT 5 STABLE
        CLUSTER MYID x
        CLUSTER FORGET abc
        CLUSTER REPLICAS abc
        CLUSTER SLAVES abc
        CLUSTER REPLICATE abc
        CLUSTER COUNT-FAILURE-REPORTS abc
        CLUSTER SET-CONFIG-EPOCH -1
        CLUSTER SET-CONFIG-EPOCH x
        CLUSTER SET-CONFIG-EPOCH 5
        CLUSTER SET-CONFIG-EPOCH 6
        CLUSTER BUMPEPOCH
        CLUSTER SAVECONFIG
        CLUSTER FAILOVER
        CLUSTER FAILOVER NOSUCH
        CLUSTER FAILOVER FORCE
        CLUSTER FAILOVER FORCE x
        CLUSTER RESET NOSUCH
        CLUSTER RESET SOFT HARD
        CLUSTER LINKS
        ASKING
        READONLY
        READWRITE
        ASKING x
        GET a
        MGET {a}1 {a}2
        MGET a b
        CLUSTER FLUSHSLOTS
        CLUSTER INFO x
        CLUSTER NODES
        CLUSTER SLOTS
        CLUSTER SHARDS
        CLUSTER RESET
        CLUSTER RESET HARD
        CLUSTER BUMPEPOCH
        CLUSTER BUMPEPOCH",
    );
    let (real_id, our_id) = (real.id(), ours.id());
    let marks = [(real_id.as_str(), real.port), (our_id.as_str(), ours.port)];
    check_script(&real, &ours, &script, |text| without_own_marks(text, &marks));
    for (line, expected) in [
        ("CLUSTER FORGET", "-ERR I tried hard but I can't forget myself..."),
        ("CLUSTER REPLICATE", "-ERR Can't replicate myself"),
        ("CLUSTER REPLICAS", "[]"),
        ("CLUSTER COUNT-FAILURE-REPORTS", ":0"),
    ] {
        for node in [&real, &ours] {
            assert_eq!(node.ask(&format!("{line} {}", node.id())), expected, "{:?}", node.kind);
        }
    }
}

/// What a node tells of itself, without what differs between any two nodes.
fn without_own_marks(text: &str, nodes: &[(&str, u16)]) -> String {
    nodes.iter().fold(text.to_owned(), |text, (id, port)| {
        let text = text.replace(id, "ID").replace(&(port + BUS_OFFSET).to_string(), "BUS");
        text.replace(&port.to_string(), "PORT")
    })
}

#[test]
fn a_slot_under_way_is_answered_as_by_a_redis() {
    if !has_redis_server() {
        return;
    }
    // Two clusters of two, one of each kind, in the same states.
    let (real, ours) = (start_nodes(2, 0), start_nodes(0, 2));
    form_cluster(&real);
    form_cluster(&ours);
    // Key a lies in slot 15495, foo in 12182, {06S}x in slot 0.
    let prepare = |nodes: &[Node]| {
        let ids = [nodes[0].id(), nodes[1].id()];
        assert_eq!(nodes[0].ask("SET {06S}1 one"), "OK");
        assert_eq!(nodes[1].ask(&format!("CLUSTER SETSLOT 0 IMPORTING {}", ids[0])), "OK");
        assert_eq!(nodes[0].ask(&format!("CLUSTER SETSLOT 0 MIGRATING {}", ids[1])), "OK");
        ids
    };
    let (real_ids, our_ids) = (prepare(&real), prepare(&ours));
    let known = |text: &str| {
        let mut text = text.to_owned();
        for index in 0..2 {
            text = text.replace(&real_ids[index], &format!("ID{index}"));
            text = text.replace(&our_ids[index], &format!("ID{index}"));
            text = text.replace(&real[index].port.to_string(), &format!("PORT{index}"));
            text = text.replace(&ours[index].port.to_string(), &format!("PORT{index}"));
        }
        text
    };
    let script = lines(
        "GET {06S}1
        GET {06S}2
        SET {06S}2 two
        MGET {06S}1 {06S}2
        MGET {06S}2 {06S}3
        DEL {06S}2 {06S}3
        GET foo
        MGET a foo
        MGET {06S}1 foo
        EXISTS {06S}1 {06S}1
        ASKING
        GET {06S}2
        GET {06S}2
        ASKING
        MGET {06S}2 {06S}2
        ASKING
        MULTI
        GET {06S}2
        EXEC
        GET {06S}2
        ASKING
        NOSUCH
        GET {06S}2
        ASKING
        MGET {06S}2 {06S}3
        ASKING
        SET {06S}2 two
        ASKING
        MGET {06S}2 {06S}3
        ASKING
        MGET {06S}2 {06S}2
        ASKING
        GET foo
        READONLY
        GET {06S}2
        READWRITE
        CLUSTER COUNTKEYSINSLOT 0
        CLUSTER GETKEYSINSLOT 0 10
        CLUSTER SETSLOT 0 NODE abc
        MULTI
        GET {06S}2
        EXEC
        MULTI
        GET a
        EXEC
        CLUSTER FLUSHSLOTS
        CLUSTER RESET
        CLUSTER SET-CONFIG-EPOCH 3
        CLUSTER SLOTS",
    );
    for index in 0..2 {
        check_script(&real[index], &ours[index], &script, known);
    }
    for nodes in [&real, &ours] {
        let other = nodes[1].id();
        let answer = nodes[0].ask(&format!("CLUSTER SETSLOT 0 NODE {other}"));
        assert_eq!(
            answer,
            "-ERR Can't assign hashslot 0 to a different node while I still hold keys for this hash slot."
        );
        let answer = nodes[0].ask(&format!("CLUSTER SETSLOT 1 IMPORTING {other}"));
        assert_eq!(answer, "-ERR I'm already the owner of hash slot 1");
        let answer = nodes[0].ask(&format!("CLUSTER SETSLOT 16383 MIGRATING {other}"));
        assert_eq!(answer, "-ERR I'm not the owner of hash slot 16383");
        let answer = nodes[0].ask(&format!("CLUSTER REPLICATE {other}"));
        assert_eq!(
            answer,
            "-ERR To set a master the node must be empty and without assigned slots."
        );
    }
}

/// A script that says what it is may use one slot: that of the keys it was given, even before it has used any.
#[test]
fn a_script_keeps_to_the_slot_of_the_keys_that_its_call_names() {
    if !has_redis_server() {
        return;
    }
    let nodes = [Kind::Real, Kind::Ours].map(Node::start);
    for node in &nodes {
        assert_eq!(node.ask("CLUSTER ADDSLOTSRANGE 0 16383"), "OK");
        wait_agreement(std::slice::from_ref(node));
    }
    let script = [
        "EVAL #!lua\nreturn(redis.call('set','foo','bar')) 1 bar",
        "EVAL #!lua\nreturn(redis.call('set','foo','bar')) 1 {foo}",
        "EVAL #!lua\nreturn(redis.call('set','foo','bar')) 0",
        "EVAL #!lua\tflags=allow-cross-slot-keys\nreturn(redis.call('set','foo','bar')) 1 bar",
        "EVAL return(redis.call('set','foo','bar')) 1 bar",
        "FUNCTION LOAD #!lua\tname=l\nredis.register_function('f',function()return(redis.call('get','foo'))end)",
        "FCALL f 1 bar",
        "FCALL f 1 foo",
    ];
    check_script(&nodes[0], &nodes[1], &script.map(str::to_owned), |reply| reply.to_owned());
}
