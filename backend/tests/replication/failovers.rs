//! `FAILOVER` between nodes of ours and real ones, and how both refuse it.

use crate::load::Load;
use crate::process::{Kind, Server, has_redis_server, wait_until};
use crate::{PAIRS, follow, wait_linked, wait_same};

fn wait_state(server: &Server, state: &str) {
    wait_until(
        || format!("{:?} to be in {state}", server.kind),
        || server.field("replication", "master_failover_state") == state,
    );
}

fn wait_role(server: &Server, role: &str) {
    wait_until(
        || format!("{:?} to be {role}", server.kind),
        || server.field("replication", "role") == role,
    );
}

fn linked(primary: Kind, replica: Kind) -> (Server, Server) {
    let (primary, replica) = (Server::start(primary, ""), Server::start(replica, ""));
    follow(&replica, primary.port);
    wait_linked(&replica);
    wait_until(
        || "a replica online".to_owned(),
        || primary.field("replication", "slave0").contains("state=online"),
    );
    (primary, replica)
}

#[test]
fn a_primary_hands_over_without_a_copy() {
    if !has_redis_server() {
        return;
    }
    for (first, second) in PAIRS {
        for form in ["FAILOVER", "FAILOVER TO 127.0.0.1 PORT TIMEOUT 60000"] {
            println!("{first:?} {second:?} {form}");
            let (first, second) = linked(first, second);
            let mut load = Load::new(&first, 21);
            load.run(400);
            load.finish();
            let form = form.replace("PORT", &second.port.to_string());
            assert_eq!(first.ask(&form), "OK");
            wait_role(&first, "slave");
            wait_role(&second, "master");
            wait_state(&first, "no-failover");
            wait_linked(&first);
            assert_eq!(second.field("stats", "sync_partial_ok"), "1");
            assert!(first.ask("SET a 1").starts_with("READONLY"));
            let mut load = Load::new(&second, 22);
            load.run(400);
            load.finish();
            wait_same(&second, &first);
            // And back.
            assert_eq!(second.ask("FAILOVER"), "OK");
            wait_role(&first, "master");
            wait_linked(&second);
            wait_same(&first, &second);
        }
    }
}

/// A replica that stands still: the primary waits for it, holds writes back, and goes on when it is given up.
#[test]
fn a_failover_that_is_given_up_lets_writes_go_on() {
    if !has_redis_server() {
        return;
    }
    let [theirs, ours] = [Kind::Real, Kind::Ours].map(|kind| {
        let (primary, replica) = linked(kind, Kind::Real);
        replica.signal("STOP");
        primary.ask("SET a 1");
        let to = format!("FAILOVER TO 127.0.0.1 {}", replica.port);
        let mut told = vec![primary.ask(&to)];
        let state = |told: &mut Vec<String>| {
            told.push(primary.field("replication", "master_failover_state"));
        };
        state(&mut told);
        told.extend(["FAILOVER", "REPLICAOF 127.0.0.1 1"].map(|line| primary.ask(line)));
        let mut held = primary.client();
        held.send("SET b 1");
        let mut publisher = primary.client();
        publisher.send("PUBLISH channel x");
        told.push(primary.ask("GET b"));
        told.push(primary.ask("FAILOVER ABORT"));
        told.push(held.receive());
        told.push(publisher.receive());
        state(&mut told);
        primary.ask("SET c 1");
        told.push(primary.ask(&format!("{to} TIMEOUT 50")));
        wait_state(&primary, "no-failover");
        told.push(primary.field("replication", "role"));
        told.push(primary.ask("SET b 2"));
        replica.signal("CONT");
        wait_same(&primary, &replica);
        told
    });
    assert_eq!(ours, theirs);
}

#[test]
fn a_forced_failover_leads_without_what_the_replica_lacks() {
    if !has_redis_server() {
        return;
    }
    for (first, second) in PAIRS {
        println!("{first:?} {second:?}");
        let (first, second) = linked(first, second);
        second.signal("STOP");
        first.ask("SET lost 1");
        let to = format!("FAILOVER TO 127.0.0.1 {} FORCE TIMEOUT 50", second.port);
        assert_eq!(first.ask(&to), "OK");
        wait_state(&first, "failover-in-progress");
        assert_eq!(first.field("replication", "role"), "slave");
        assert_eq!(first.ask("REPLICAOF NO ONE"), "ERR REPLICAOF not allowed while failing over.");
        second.signal("CONT");
        wait_role(&second, "master");
        wait_state(&first, "no-failover");
        wait_linked(&first);
        wait_same(&second, &first);
    }
}

/// A forced failover to whoever does not answer is given up by hand.
#[test]
fn a_failover_under_way_that_is_given_up_leaves_a_primary() {
    if !has_redis_server() {
        return;
    }
    for kind in [Kind::Real, Kind::Ours] {
        let (primary, replica) = linked(kind, Kind::Real);
        replica.signal("STOP");
        primary.ask("SET a 1");
        let id = primary.field("replication", "master_replid");
        let to = format!("FAILOVER TO 127.0.0.1 {} FORCE TIMEOUT 50", replica.port);
        assert_eq!(primary.ask(&to), "OK");
        wait_state(&primary, "failover-in-progress");
        assert_eq!(primary.ask("FAILOVER ABORT"), "OK");
        assert_eq!(primary.field("replication", "role"), "master");
        assert_eq!(primary.field("replication", "master_replid2"), id);
        assert_eq!(primary.ask("SET a 2"), "OK");
        replica.signal("CONT");
    }
}

#[test]
fn both_kinds_refuse_in_the_same_words() {
    if !has_redis_server() {
        return;
    }
    const LINES: [&str; 17] = [
        "FAILOVER",
        "FAILOVER ABORT",
        "FAILOVER ABORT NOW",
        "FAILOVER TIMEOUT",
        "FAILOVER TIMEOUT x",
        "FAILOVER TIMEOUT 0",
        "FAILOVER TIMEOUT -1",
        "FAILOVER TIMEOUT 5 TIMEOUT 6",
        "FAILOVER TO 127.0.0.1",
        "FAILOVER TO 127.0.0.1 x",
        "FAILOVER TO 127.0.0.1 1",
        "FAILOVER TO 127.0.0.1 1 TO 127.0.0.1 2",
        "FAILOVER FORCE",
        "FAILOVER FORCE FORCE",
        "FAILOVER FORCE TIMEOUT 5",
        "FAILOVER FORCE TO 127.0.0.1 1",
        "PSYNC 0123456789012345678901234567890123456789 1 FAILOVER",
    ];
    let [theirs, ours] = [Kind::Real, Kind::Ours].map(|kind| {
        let alone = Server::start(kind, "");
        let mut told: Vec<String> = LINES.iter().map(|line| alone.ask(line)).collect();
        let (primary, replica) = linked(kind, kind);
        told.extend(LINES.iter().skip(1).map(|line| primary.ask(line)));
        told.extend(LINES.iter().map(|line| replica.ask(line)));
        let clustered = Server::start(kind, "--cluster-enabled yes");
        told.extend(["FAILOVER", "FAILOVER ABORT"].map(|line| clustered.ask(line)));
        told
    });
    for (at, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!(ours, theirs, "answer {at}");
    }
}
