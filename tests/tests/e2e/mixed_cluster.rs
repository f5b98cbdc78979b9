//! Bundled nodes and real ones are one cluster: they meet, learn each other's slots and epochs, miss each other.

use std::process::Command;

use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::{Health, Topology};
use reddoor_tests::cluster::node::Node;
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::wait::wait_until;

/// Two real nodes and two bundled ones, formed by the first of them; `None` where no real one can be had.
fn mixed(first: Kind) -> Option<Cluster> {
    if !Kind::Real.is_available() {
        return None;
    }
    let second = if first == Kind::Real { Kind::Bundled } else { Kind::Real };
    let mut nodes = Cluster::unformed(first, 2).nodes;
    nodes.append(&mut Cluster::unformed(second, 2).nodes);
    let cluster = Cluster { nodes };
    cluster.form(4);
    Some(cluster)
}

/// What a view says of slots and epochs, in the order of names.
fn claims(topology: &Topology) -> Vec<String> {
    let mut claims: Vec<String> = topology
        .nodes
        .iter()
        .map(|node| format!("{} {} {:?} {:?}", node.id, node.config_epoch, node.slots, node.health))
        .collect();
    claims.sort();
    claims
}

fn wait_agreement(cluster: &Cluster) {
    wait_until("all nodes to tell the same", || {
        let first = claims(&cluster.nodes[0].topology());
        cluster.nodes.iter().all(|node| claims(&node.topology()) == first)
    });
}

fn sees(node: &Node, other: &str, health: Health) -> bool {
    node.topology().nodes.iter().any(|seen| seen.id.as_str() == other && seen.health == health)
}

#[test]
fn a_real_node_that_meets_bundled_ones_agrees_with_them() {
    let Some(cluster) = mixed(Kind::Real) else { return };
    wait_agreement(&cluster);
}

#[test]
fn a_bundled_node_that_meets_real_ones_agrees_with_them() {
    let Some(cluster) = mixed(Kind::Bundled) else { return };
    wait_agreement(&cluster);
}

#[test]
fn the_front_door_serves_a_mixed_cluster() {
    let Some(cluster) = mixed(Kind::Bundled) else { return };
    let door = FrontDoor::before(&cluster);
    let mut client = door.client();
    for index in 0..100 {
        assert_eq!(client.ask(&format!("SET mixed:{index} {index}")), "OK");
    }
    assert_eq!(client.ask("MGET mixed:1 mixed:2 mixed:3 mixed:none"), "[1, 2, 3, nil]");
    assert_eq!(client.ask("DEL mixed:1 mixed:2 mixed:3 mixed:none"), ":3");
}

#[test]
fn a_node_that_was_killed_finds_its_cluster_again() {
    let Some(mut cluster) = mixed(Kind::Real) else { return };
    let ids: Vec<String> = cluster.nodes.iter().map(Node::id).collect();
    for index in [0, 3] {
        cluster.nodes[index].restart();
        wait_until("the node to answer again", || {
            reddoor_tests::client::Client::try_connect(("127.0.0.1", cluster.nodes[index].port()))
                .is_ok()
        });
        assert_eq!(cluster.nodes[index].id(), ids[index]);
    }
    cluster.wait_whole();
    wait_agreement(&cluster);
}

#[test]
fn a_dead_node_is_given_up_by_both_kinds_and_taken_back() {
    for first in [Kind::Real, Kind::Bundled] {
        let Some(mut cluster) = mixed(first) else { return };
        let dead = cluster.nodes[3].id();
        cluster.expect_death();
        cluster.nodes[3].kill();
        wait_until("the majority to give the node up", || {
            cluster.nodes[..3].iter().all(|node| sees(node, &dead, Health::Failed))
        });
        wait_until("the cluster to be down", || {
            cluster.nodes[..3]
                .iter()
                .all(|node| node.ask("CLUSTER INFO").contains("cluster_state:fail"))
        });
        cluster.nodes[3].restart();
        cluster.wait_whole();
        wait_agreement(&cluster);
    }
}

#[test]
fn a_slot_changes_hands_between_the_kinds() {
    let Some(cluster) = mixed(Kind::Real) else { return };
    let [real, _, bundled, _] = &cluster.nodes[..] else { panic!("four nodes") };
    for (slot, from, to) in [(0, real, bundled), (16383 / 4 * 3 - 10, bundled, real)] {
        let slot = Slot::new(slot).unwrap();
        assert_eq!(cluster.owner_of_slot(slot).port(), from.port());
        let (from_id, to_id) = (from.id(), to.id());
        assert_eq!(to.ask(&format!("CLUSTER SETSLOT {slot} IMPORTING {from_id}")), "OK");
        assert_eq!(from.ask(&format!("CLUSTER SETSLOT {slot} MIGRATING {to_id}")), "OK");
        assert_eq!(to.ask(&format!("CLUSTER SETSLOT {slot} NODE {to_id}")), "OK");
        assert_eq!(from.ask(&format!("CLUSTER SETSLOT {slot} NODE {to_id}")), "OK");
        wait_agreement(&cluster);
        assert_eq!(cluster.owner_of_slot(slot).port(), to.port());
    }
}

#[test]
fn redis_cli_creates_and_checks_a_cluster_of_bundled_nodes() {
    if !Kind::Real.is_available() {
        return;
    }
    let cluster = Cluster::unformed(Kind::Bundled, 3);
    let addrs = cluster.nodes.iter().map(Node::addr);
    let created = Command::new("redis-cli")
        .args(["--cluster", "create"])
        .args(addrs)
        .arg("--cluster-yes")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&created.stdout);
    assert!(created.status.success() && text.contains("All 16384 slots covered"), "{text}");
    cluster.wait_whole();
    let checked = Command::new("redis-cli")
        .args(["--cluster", "check", &cluster.nodes[1].addr()])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{text}");
}
