//! Nodes meet, learn each other's slots, and stay together.

use std::process::Command;

use crate::process::{
    Kind, Node, form_cluster, has_program, has_redis_server, start_nodes, wait_agreement, wait_for,
    wait_until,
};

/// Both see the other one connected, with the right slots.
fn check_meeting(from: Kind, to: Kind) {
    let (from, to) = (Node::start(from), Node::start(to));
    assert_eq!(from.ask("CLUSTER ADDSLOTSRANGE 0 99 200 16383"), "OK");
    assert_eq!(to.ask("CLUSTER ADDSLOTS 100 101 102 199"), "OK");
    assert_eq!(from.ask(&format!("CLUSTER MEET 127.0.0.1 {}", to.port)), "OK");
    for (node, other, slots) in
        [(&from, &to, vec![100..=102, 199..=199]), (&to, &from, vec![0..=99, 200..=16383])]
    {
        let id = other.id();
        let seen = wait_for("the other node's slots", || {
            node.view_of(other.port).filter(|seen| seen.is_linked && seen.slots == slots)
        });
        assert_eq!((seen.id.to_string(), seen.ip.as_str()), (id, "127.0.0.1"));
        assert_eq!(seen.bus_port, other.port + 10_000);
        assert_eq!(node.view().nodes.len(), 2);
    }
    // Neither had an epoch when they met: one of them has taken one since.
    wait_until("two epochs", || {
        let epochs: Vec<u64> = from.view().nodes.iter().map(|node| node.config_epoch).collect();
        epochs[0] != epochs[1]
    });
}

#[test]
fn a_real_server_meets_our_node() {
    if has_redis_server() {
        check_meeting(Kind::Real, Kind::Ours);
    }
}

#[test]
fn our_node_meets_a_real_server() {
    if has_redis_server() {
        check_meeting(Kind::Ours, Kind::Real);
    }
}

#[test]
fn our_nodes_meet_each_other() {
    check_meeting(Kind::Ours, Kind::Ours);
}

#[test]
fn three_real_servers_and_three_nodes_of_ours_agree_also_after_restarts() {
    if !has_redis_server() {
        return;
    }
    let mut nodes = start_nodes(3, 3);
    form_cluster(&nodes);
    for index in [0, 3] {
        let kind = nodes[index].kind;
        nodes[index].restart_as(kind);
        wait_agreement(&nodes);
    }
}

#[test]
fn host_names_reach_the_other_kind() {
    if !has_redis_server() {
        return;
    }
    let nodes = start_nodes(1, 1);
    form_cluster(&nodes);
    for (node, other, name) in [(&nodes[0], &nodes[1], "a.test"), (&nodes[1], &nodes[0], "b.test")]
    {
        assert_eq!(node.ask(&format!("CONFIG SET cluster-announce-hostname {name}")), "OK");
        wait_until("the other node to hear of the name", || {
            other.view_of(node.port).is_some_and(|seen| seen.hostname == name)
        });
        assert_eq!(node.ask("CONFIG SET cluster-announce-hostname "), "OK");
        wait_until("the other node to hear that there is none", || {
            other.view_of(node.port).is_some_and(|seen| seen.hostname.is_empty())
        });
    }
}

#[test]
fn a_slot_handed_over_reaches_every_node() {
    if !has_redis_server() {
        return;
    }
    let nodes = start_nodes(2, 2);
    form_cluster(&nodes);
    // From real to ours, from ours to real, from ours to ours.
    for (from, to, slot) in [(0, 2, 7), (2, 1, 8200), (2, 3, 8300)] {
        let (from, to) = (&nodes[from], &nodes[to]);
        let (from_id, to_id) = (from.id(), to.id());
        assert_eq!(to.ask(&format!("CLUSTER SETSLOT {slot} IMPORTING {from_id}")), "OK");
        assert_eq!(from.ask(&format!("CLUSTER SETSLOT {slot} MIGRATING {to_id}")), "OK");
        for node in [to, from] {
            assert_eq!(node.ask(&format!("CLUSTER SETSLOT {slot} NODE {to_id}")), "OK");
        }
        wait_agreement(&nodes);
        for node in &nodes {
            let owner = node
                .view()
                .nodes
                .into_iter()
                .find(|owner| owner.slots.iter().any(|range| range.contains(&slot)));
            assert_eq!(
                owner.map(|owner| owner.port),
                Some(to.port),
                "{slot} seen by {}",
                node.port
            );
        }
    }
}

#[test]
fn redis_cli_forms_and_checks_a_cluster_of_our_nodes() {
    if !has_program("redis-cli") {
        return;
    }
    let nodes = start_nodes(0, 3);
    let addrs: Vec<String> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
    let run = |args: &[&str]| {
        let output = Command::new("redis-cli").args(args).output().expect("redis-cli");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let mut create = vec!["--cluster", "create"];
    create.extend(addrs.iter().map(String::as_str));
    create.push("--cluster-yes");
    assert!(run(&create).contains("All 16384 slots covered"));
    wait_agreement(&nodes);
    assert!(run(&["--cluster", "check", &addrs[1]]).contains("All 16384 slots covered"));
}
