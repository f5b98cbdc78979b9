//! Failovers among real servers and nodes of ours: who dies, who votes, who takes over, what is kept.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::process::{
    Kind, Node, expect_death, fail_over, form_shards, has_redis_server, wait_agreement, wait_for,
    wait_until,
};

fn start(kinds: &[Kind]) -> Vec<Node> {
    kinds.iter().map(|kind| Node::start(*kind)).collect()
}

/// Which of these kinds the machine has.
fn kinds() -> &'static [Kind] {
    if has_redis_server() { &[Kind::Real, Kind::Ours] } else { &[Kind::Ours] }
}

fn is_primary(node: &Node) -> bool {
    node.ask("ROLE").starts_with("[master")
}

/// Writes to the shard of slot 0 whose key is `{06S}`, until the node takes it.
fn write(node: &Node, number: usize) {
    wait_until("a write to be taken", || {
        node.ask(&format!("SET {{06S}}{number} {number}")) == "OK"
    });
}

/// As [`write`], and waits until a replica has it.
fn write_and_copy(node: &Node, number: usize) {
    write(node, number);
    // What is waited for are the writes of the same connection.
    let mut client = node.client();
    assert_eq!(client.ask(&format!("SET {{06S}}{number} {number}")), "OK");
    assert_eq!(client.ask("WAIT 1 60000"), ":1");
}

fn holds(node: &Node, number: usize) -> bool {
    node.ask(&format!("GET {{06S}}{number}")) == number.to_string()
}

/// The primary of the first shard dies; its replica takes over with its data; the dead one comes back as a replica
/// of it and copies what it has missed.
fn check_death(primary: Kind, replica: Kind, voters: Kind) {
    let mut nodes = start(&[primary, voters, voters, replica]);
    form_shards(&nodes, 3);
    write_and_copy(&nodes[0], 1);
    expect_death(&nodes);
    nodes[0].kill();
    wait_until("the replica to take over", || is_primary(&nodes[3]));
    write(&nodes[3], 2);
    assert!(holds(&nodes[3], 1));
    nodes[0].restart_as(primary);
    wait_until("the dead one to come back as a replica", || nodes[0].is_in_step());
    wait_agreement(&nodes);
    let mut reader = nodes[0].client();
    assert_eq!(reader.ask("READONLY"), "OK");
    wait_until("what it has missed", || reader.ask("GET {06S}2") == "2");
}

#[test]
fn our_replica_takes_the_place_of_a_dead_real_primary() {
    if has_redis_server() {
        check_death(Kind::Real, Kind::Ours, Kind::Real);
    }
}

#[test]
fn a_real_replica_takes_the_place_of_our_dead_primary_with_our_votes() {
    if has_redis_server() {
        check_death(Kind::Ours, Kind::Real, Kind::Ours);
    }
}

#[test]
fn our_replica_takes_the_place_of_our_dead_primary() {
    check_death(Kind::Ours, Kind::Ours, Kind::Ours);
}

#[test]
fn a_real_replica_gets_our_votes() {
    if has_redis_server() {
        check_death(Kind::Real, Kind::Real, Kind::Ours);
    }
}

/// A failover by hand while a client writes: no acknowledged write is lost, and back again.
fn check_by_hand(first: Kind, second: Kind) {
    let nodes = start(&[first, Kind::Ours, Kind::Ours, second]);
    form_shards(&nodes, 3);
    let mut written = 0;
    for (from, to) in [(0, 3), (3, 0)] {
        let last = AtomicUsize::new(written);
        let (from, to) = (&nodes[from], &nodes[to]);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut client = from.client();
                loop {
                    let number = last.load(Ordering::Relaxed) + 1;
                    let reply = client.ask(&format!("SET {{06S}}{number} {number}"));
                    if reply == "OK" {
                        last.store(number, Ordering::Relaxed);
                    } else if reply.starts_with("-MOVED") && number > written + 1 {
                        return;
                    }
                }
            });
            wait_until("some writes", || last.load(Ordering::Relaxed) > written + 20);
            fail_over(to);
            wait_until("the old one to follow", || from.is_in_step());
        });
        written = last.load(Ordering::Relaxed);
        let lost = (1..=written).filter(|number| !holds(to, *number)).count();
        assert_eq!(lost, 0, "of {written} acknowledged writes, {first:?} and {second:?}");
        println!("{written} writes acknowledged, none lost");
        wait_agreement(&nodes);
    }
}

#[test]
fn a_failover_by_hand_between_both_kinds_loses_no_write() {
    if has_redis_server() {
        check_by_hand(Kind::Real, Kind::Ours);
    }
}

#[test]
fn a_failover_by_hand_between_ours_loses_no_write() {
    check_by_hand(Kind::Ours, Kind::Ours);
}

#[test]
fn a_forced_takeover_needs_nobody() {
    for kind in kinds() {
        let mut nodes = start(&[Kind::Ours, Kind::Ours, Kind::Ours, *kind]);
        form_shards(&nodes, 3);
        // Without a majority there are no votes.
        expect_death(&nodes);
        nodes[1].kill();
        nodes[2].kill();
        wait_until("the cluster to be down", || {
            nodes[3].ask("CLUSTER INFO").starts_with("cluster_state:fail")
        });
        assert_eq!(nodes[3].ask("CLUSTER FAILOVER TAKEOVER"), "OK");
        wait_until("the replica to lead", || is_primary(&nodes[3]));
        wait_until("the other to follow", || nodes[0].is_in_step());
    }
}

/// A primary that stands still is replaced, and takes no write when it goes on: the writes of the new one stay.
#[test]
fn a_primary_that_stood_still_follows_and_takes_no_write() {
    for kind in kinds() {
        let nodes = start(&[Kind::Ours, Kind::Ours, Kind::Ours, *kind]);
        form_shards(&nodes, 3);
        write_and_copy(&nodes[0], 1);
        let mut client = nodes[0].client();
        assert_eq!(client.ask("PING"), "PONG");
        expect_death(&nodes);
        nodes[0].signal("-STOP");
        wait_until("the replica to take over", || is_primary(&nodes[3]));
        write(&nodes[3], 2);
        // This waits at the door and is the first thing that the old primary reads when it goes on.
        client.send("SET {06S}1 stale");
        nodes[0].signal("-CONT");
        let reply = client.read();
        assert!(reply.starts_with("-CLUSTERDOWN") || reply.starts_with("-MOVED"), "{reply}");
        wait_until("it to follow", || nodes[0].is_in_step());
        wait_agreement(&nodes);
        assert!(holds(&nodes[3], 1) && holds(&nodes[3], 2));
    }
}

#[test]
fn reads_from_a_replica_need_leave() {
    for kind in kinds() {
        let nodes = start(&[Kind::Ours, Kind::Ours, Kind::Ours, *kind]);
        form_shards(&nodes, 3);
        write_and_copy(&nodes[0], 1);
        let moved = format!("-MOVED 0 127.0.0.1:{}", nodes[0].port);
        let mut client = nodes[3].client();
        assert_eq!(client.ask("GET {06S}1"), moved);
        assert_eq!(client.ask("READONLY"), "OK");
        assert_eq!(client.ask("GET {06S}1"), "1");
        assert_eq!(client.ask("SET {06S}1 x"), moved);
        assert_eq!(client.ask("READWRITE"), "OK");
        assert_eq!(client.ask("GET {06S}1"), moved);
        let primary = nodes[0].id();
        let replica = wait_for("the replica to be told of", || {
            let reply = nodes[1].ask(&format!("CLUSTER REPLICAS {primary}"));
            reply.contains(&nodes[3].id()).then_some(reply)
        });
        assert!(replica.contains(&format!(" slave {primary} ")), "{replica}");
    }
}
