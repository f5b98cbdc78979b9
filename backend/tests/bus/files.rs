//! The nodes file: read by the other kind, kept from a second node, refused when damaged.

use reddoor_tests::port::NodePort;

use crate::process::{Kind, Node, form_cluster, has_redis_server, start_nodes, wait_agreement};

#[test]
fn a_real_server_goes_on_from_our_file_and_our_node_from_its() {
    if !has_redis_server() {
        return;
    }
    let mut nodes = start_nodes(2, 2);
    form_cluster(&nodes);
    let ids: Vec<String> = nodes.iter().map(Node::id).collect();
    // A slot under way is remembered, too.
    assert_eq!(nodes[2].ask(&format!("CLUSTER SETSLOT 9000 MIGRATING {}", ids[0])), "OK");
    assert_eq!(nodes[1].ask(&format!("CLUSTER SETSLOT 9001 IMPORTING {}", ids[2])), "OK");
    let under_way = |node: &Node| {
        let text = node.ask("CLUSTER NODES");
        let line = text.lines().find(|line| line.contains("myself")).expect("its own line");
        line.split(' ').filter(|word| word.starts_with('[')).collect::<Vec<_>>().join(" ")
    };
    let before: Vec<String> = nodes.iter().map(under_way).collect();
    assert_eq!(before[2], format!("[9000->-{}]", ids[0]));
    for (index, kind) in [(2, Kind::Real), (1, Kind::Ours)] {
        nodes[index].restart_as(kind);
    }
    wait_agreement(&nodes);
    assert_eq!(nodes.iter().map(Node::id).collect::<Vec<_>>(), ids);
    assert_eq!(nodes.iter().map(under_way).collect::<Vec<_>>(), before);
}

#[test]
fn two_nodes_cannot_share_a_file() {
    let node = Node::start(Kind::Ours);
    let reservation = NodePort::free();
    let port = reservation.number();
    let log = node.start_second(port);
    assert!(log.contains("is in use by another node"), "{log}");
    assert_eq!(node.ask("PING"), "PONG");
}

#[test]
fn our_node_and_a_real_server_cannot_share_a_file() {
    if !has_redis_server() {
        return;
    }
    let mut node = Node::start(Kind::Ours);
    let reservation = NodePort::free();
    let port = reservation.number();
    node.kind = Kind::Real;
    let log = node.start_second(port);
    assert!(log.contains("already used by a different Redis Cluster node"), "{log}");
}

#[test]
fn a_damaged_file_is_refused_in_one_line() {
    let mut node = Node::start(Kind::Ours);
    node.kill();
    let path = node.dir.join("nodes.conf");
    let text = std::fs::read_to_string(&path).expect("the nodes file");
    std::fs::write(&path, text.replace(" myself,", " mine,")).expect("a damaged file");
    let reservation = NodePort::free();
    let port = reservation.number();
    let log = node.start_second(port);
    assert!(log.contains("nodes.conf is damaged, line 1: a flag that is not known"), "{log}");
}
