//! Nodes that die, come back, or talk nonsense.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use reddoor_protocol::topology::Health;
use reddoor_tests::port::BUS_OFFSET;

use crate::process::{
    Kind, Node, expect_death, form_cluster, form_shards, has_redis_server, start_nodes,
    wait_agreement, wait_until,
};

/// The survivors give a dead node up together, and take it back.
fn check_death(real: usize, ours: usize, victim: usize) {
    let mut nodes = start_nodes(real, ours);
    form_cluster(&nodes);
    let (port, kind) = (nodes[victim].port, nodes[victim].kind);
    expect_death(&nodes);
    nodes[victim].kill();
    for (index, node) in nodes.iter().enumerate().filter(|(index, _)| *index != victim) {
        wait_until(&format!("node {index} to give the dead one up"), || {
            node.view_of(port).is_some_and(|seen| seen.health == Health::Failed)
                && node.ask("CLUSTER INFO").starts_with("cluster_state:fail")
        });
        assert_eq!(node.ask("GET a"), "-CLUSTERDOWN The cluster is down");
    }
    nodes[victim].restart_as(kind);
    wait_agreement(&nodes);
}

#[test]
fn a_dead_node_of_ours_is_given_up_by_both_kinds_and_taken_back() {
    if has_redis_server() {
        check_death(2, 2, 3);
    }
}

#[test]
fn a_dead_real_server_is_given_up_by_both_kinds_and_taken_back() {
    if has_redis_server() {
        check_death(2, 2, 0);
    }
}

#[test]
fn a_node_that_comes_back_at_another_port_is_followed() {
    if !has_redis_server() {
        return;
    }
    let mut nodes = start_nodes(2, 2);
    form_cluster(&nodes);
    for index in [3, 0] {
        nodes[index].move_away();
        wait_agreement(&nodes);
    }
}

#[test]
fn a_transaction_ends_when_the_slot_of_a_watched_key_goes_to_another_node() {
    let nodes = start_nodes(0, 2);
    form_cluster(&nodes);
    let mut client = nodes[0].client();
    // The key lies in slot 0.
    for (line, reply) in [("SET {06S} 1", "OK"), ("WATCH {06S}", "OK"), ("MULTI", "OK")] {
        assert_eq!(client.ask(line), reply);
    }
    assert_eq!(client.ask("PING"), "QUEUED");
    // The other node takes the slot over without asking: only an epoch can do that.
    let taker = &nodes[1];
    assert_eq!(taker.ask(&format!("CLUSTER SETSLOT 0 IMPORTING {}", nodes[0].id())), "OK");
    assert_eq!(taker.ask(&format!("CLUSTER SETSLOT 0 NODE {}", taker.id())), "OK");
    wait_agreement(&nodes);
    wait_until("the keys to be dropped", || nodes[0].ask("DBSIZE") == ":0");
    assert_eq!(client.ask("EXEC"), "null");
}

#[test]
fn a_forgotten_node_stays_forgotten() {
    if !has_redis_server() {
        return;
    }
    let mut nodes = start_nodes(2, 2);
    form_cluster(&nodes);
    let gone = nodes.pop().expect("the last node");
    let slots = "CLUSTER DELSLOTSRANGE 12288 16383";
    for node in &nodes {
        assert_eq!(node.ask(slots), "OK");
        assert_eq!(node.ask(&format!("CLUSTER FORGET {}", gone.id())), "OK");
    }
    assert_eq!(nodes[2].ask("CLUSTER ADDSLOTSRANGE 12288 16383"), "OK");
    wait_agreement(&nodes);
    assert!(nodes.iter().all(|node| node.view_of(gone.port).is_none()));
}

#[test]
fn nonsense_on_the_bus_closes_its_connection_and_nothing_else() {
    let node = Node::start(Kind::Ours);
    let mut too_long = b"RCmb".to_vec();
    too_long.extend_from_slice(&u32::MAX.to_be_bytes());
    let mut too_short = b"RCmb".to_vec();
    too_short.extend_from_slice(&16_u32.to_be_bytes());
    let mut empty_header = b"RCmb".to_vec();
    empty_header.extend_from_slice(&2256_u32.to_be_bytes());
    empty_header.resize(2256, 0xff);
    for bytes in [b"GET / HTTP/1.0\r\n\r\n".to_vec(), too_long, too_short, empty_header] {
        let mut stream =
            TcpStream::connect(("127.0.0.1", node.port + BUS_OFFSET)).expect("the bus");
        stream.write_all(&bytes).expect("bytes to be taken");
        let mut answer = Vec::new();
        // A reset is as good an end as any.
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty());
    }
    assert_eq!(node.ask("PING"), "PONG");
    assert_eq!(node.view().nodes.len(), 1);
}

/// Others see it by its offset of zero, and do not send clients there to read.
#[test]
fn a_replica_that_copies_anew_is_hidden_until_it_has_copied() {
    if !has_redis_server() {
        return;
    }
    let settings = ["--enable-debug-command", "yes", "--repl-diskless-sync-delay", "0"];
    let nodes = [Node::start_with(Kind::Real, &settings), Node::start(Kind::Ours)];
    form_shards(&nodes, 1);
    let [primary, replica] = &nodes;
    (0..100).for_each(|key| assert_eq!(primary.ask(&format!("SET {key} text")), "OK"));
    let name = replica.id();
    let is_shown = || primary.ask("CLUSTER SLOTS").contains(&name);
    wait_until("the replica to be shown", is_shown);
    // So the copy takes twenty seconds, and every second one of them pings the other.
    assert_eq!(primary.ask("CONFIG SET rdb-key-save-delay 200000"), "OK");
    assert_eq!(primary.ask("DEBUG CHANGE-REPL-ID"), "OK");
    assert_eq!(primary.ask("CLIENT KILL TYPE replica"), ":1");
    wait_until("the replica to be hidden", || !is_shown());
    assert!(primary.ask("CLUSTER SHARDS").contains("loading"));
    wait_until("the replica to have copied", || replica.is_in_step());
    wait_until("the replica to be shown again", is_shown);
}
