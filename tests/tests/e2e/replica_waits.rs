//! `WAIT` says how many replicas have what was written, ends with its own time as on one Redis, and is in nobody's way.

use std::time::{Duration, Instant};

use reddoor_tests::client::{Client, text};
use reddoor_tests::cluster::node::Node;
use reddoor_tests::cluster::{Cluster, Kind, keys};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::redis_server::{self, RedisServer};
use reddoor_tests::wait::wait_until;

over_clusters!(real | bundled: the_replies_are_those_of_one_redis, writes_to_all_shards_have_reached_their_replicas,
    who_waits_is_in_nobodys_way, a_wait_can_be_ended_or_left, a_wait_goes_on_at_the_new_primary,
    a_wait_is_over_in_time_though_a_shard_is_down);

/// Clients that wait at a node.
fn blocked_at(node: &Node) -> usize {
    let info = node.ask("INFO clients");
    let line = info.lines().find_map(|line| line.strip_prefix("blocked_clients:"));
    line.unwrap().trim().parse().unwrap()
}

/// Waits until so many clients wait at each of the first three nodes.
fn wait_blocked(cluster: &Cluster, count: usize) {
    wait_until("clients to wait", || {
        cluster.nodes[..3].iter().all(|node| blocked_at(node) == count)
    });
}

fn the_replies_are_those_of_one_redis(kind: Kind) {
    if !redis_server::is_installed() {
        return;
    }
    let oracle = RedisServer::start(&[]);
    // The front door's own limit is shorter than the wait, and has no say in it.
    let settings = [("request.timeout_ms", "250")];
    let door = FrontDoor::start(&Cluster::shared(kind).seeds(), &settings);
    for hello in ["HELLO 2", "HELLO 3"] {
        let (mut here, mut there) = (door.client(), oracle.client());
        here.ask(hello);
        there.ask(hello);
        for line in [
            "WAIT 0 0",
            "WAIT 0 300",
            "WAIT -1 0",
            "WAIT 1 300",
            "WAIT 2 1",
            "WAIT x 0",
            "WAIT 99999999999999999999 0",
            "WAIT 1 x",
            "WAIT x x",
            "WAIT 1 1.5",
            "WAIT 1 -1",
            "WAIT 0 9223372036854775807",
            "WAIT 1",
            "WAIT 1 0 0",
            "PING",
        ] {
            let ask = |client: &mut Client| {
                let began = Instant::now();
                client.send_line(line);
                (client.reply_bytes(), began.elapsed())
            };
            let ((reply, took), (expect, _)) = (ask(&mut here), ask(&mut there));
            assert_eq!(reply, expect, "{line}");
            assert!(line != "WAIT 1 300" || took >= Duration::from_millis(300), "{took:?}");
        }
    }
    // One node could not answer for all, so it is not served where one node runs the whole.
    let mut client = door.client();
    assert_eq!(client.ask("MULTI"), "OK");
    assert!(client.ask("WAIT 0 0").starts_with("-UNSERVED "));
    assert!(client.ask("EXEC").starts_with("-EXECABORT "));
}

fn writes_to_all_shards_have_reached_their_replicas(kind: Kind) {
    let cluster = Cluster::start_with_replicas(kind, 3);
    let door = FrontDoor::before(&cluster);
    let keys = keys("acked", 30);
    let mut replicas: Vec<(Client, &String)> =
        keys.iter().map(|key| (cluster.pair_of(key).1.client(), key)).collect();
    replicas.iter_mut().for_each(|(replica, _)| assert_eq!(replica.ask("READONLY"), "OK"));
    for mut client in [door.client(), door.client_v3()] {
        for round in 0..5 {
            for key in &keys {
                client.send_line(&format!("SET {key} {round}"));
            }
            client.send_line("WAIT 1 0");
            client.send_line("ECHO behind");
            keys.iter().for_each(|_| assert_eq!(text(&client.reply()), "OK"));
            assert_eq!(text(&client.reply()), ":1");
            for (replica, key) in &mut replicas {
                assert_eq!(replica.ask(&format!("GET {key}")), round.to_string(), "{key}");
            }
            assert_eq!(text(&client.reply()), "behind");
        }
        assert_eq!(client.ask("WAIT 2 3000"), ":1");
        assert_eq!(client.ask("WAIT 1 0"), ":1");
    }
    wait_until("its connections to be kept", || door.metric("reddoor_pinned_links") <= 6.0);
}

fn who_waits_is_in_nobodys_way(kind: Kind) {
    let cluster = Cluster::start_with_replicas(kind, 3);
    let settings = [("limits.pinned_links_max", "63"), ("workers.count", "1")];
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let mut waiting: Vec<Client> = (0..20).map(|_| door.client()).collect();
    waiting.iter_mut().for_each(|client| client.send_line("WAIT 2 0"));
    wait_blocked(&cluster, 20);
    let mut other = door.client();
    assert_eq!(other.ask("SET free 1"), "OK");
    assert_eq!(other.ask("WAIT 1 0"), ":1");
    // One more than there is room for; what it has taken already it gives back.
    waiting.push(door.client());
    waiting[20].send_line("WAIT 2 0");
    wait_blocked(&cluster, 21);
    let refused = other.ask("WAIT 1 0");
    assert!(refused.starts_with("-OVERLOAD node connections of single clients: "), "{refused}");
    assert_eq!(other.ask("GET free"), "1");
    drop(waiting);
    wait_blocked(&cluster, 0);
    assert_eq!(other.ask("WAIT 1 0"), ":1");
}

fn a_wait_can_be_ended_or_left(kind: Kind) {
    let cluster = Cluster::start_with_replicas(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("workers.count", "2")]);
    let mut other = door.client();
    for (how, reply) in [
        ("", ":1"),
        (" TIMEOUT", ":1"),
        (" ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK"),
    ] {
        let mut client = door.client();
        let id = client.ask("CLIENT ID");
        assert_eq!(client.ask("SET ended 1"), "OK");
        // So that each has acknowledged it, when it is asked how far it is.
        assert_eq!(client.ask("WAIT 1 0"), ":1");
        client.send_line("WAIT 2 0");
        client.send_line("PING");
        wait_blocked(&cluster, 1);
        assert_eq!(other.ask(&format!("CLIENT UNBLOCK {}{how}", &id[1..])), ":1");
        assert_eq!(text(&client.reply()), reply);
        assert_eq!(text(&client.reply()), "PONG");
        assert_eq!(other.ask(&format!("CLIENT UNBLOCK {}{how}", &id[1..])), ":0");
    }
    for leaving in ["closed", "killed"] {
        let mut client = door.client();
        let id = client.ask("CLIENT ID");
        client.send_line("WAIT 2 0");
        wait_blocked(&cluster, 1);
        if leaving == "killed" {
            assert_eq!(other.ask(&format!("CLIENT KILL ID {}", &id[1..])), ":1");
            assert_eq!(client.read_to_end(), "");
        }
        drop(client);
        wait_blocked(&cluster, 0);
    }
    wait_until("nobody to wait", || door.metric("reddoor_waiting_clients") == 0.0);
}

fn a_wait_goes_on_at_the_new_primary(kind: Kind) {
    let cluster = Cluster::start_with_replicas(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "80000")]);
    let (mut client, mut other, mut timed) = (door.client(), door.client(), door.client());
    let (primary, replica) = cluster.pair_of("waited");
    let id = client.ask("CLIENT ID");
    assert_eq!(client.ask("SET waited 1"), "OK");
    client.send_line("WAIT 2 0");
    wait_until("the client to wait", || blocked_at(primary) == 1);
    timed.send_line("WAIT 2 1500");
    replica.fail_over();
    let counted = text(&timed.reply());
    assert!([":0", ":1"].contains(&&*counted), "{counted}");
    wait_until("the client to wait at the new primary", || blocked_at(replica) == 1);
    wait_until("the old one to follow it", || {
        replica.ask("INFO replication").contains("connected_slaves:1")
    });
    assert_eq!(other.ask("SET waited 2"), "OK");
    assert_eq!(other.ask("WAIT 1 0"), ":1");
    assert_eq!(other.ask(&format!("CLIENT UNBLOCK {}", &id[1..])), ":1");
    assert_eq!(text(&client.reply()), ":1");
}

fn a_wait_is_over_in_time_though_a_shard_is_down(kind: Kind) {
    // Nobody takes over, and requests for the shard are held for longer than the test has patience.
    let mut cluster = Cluster::start(kind, 3);
    let settings = [("failover.hold_ms", "3600000"), ("request.timeout_ms", "3600000")];
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let (mut client, mut late) = (door.client(), door.client());
    late.send_line("WAIT 1 3000");
    wait_blocked(&cluster, 1);
    drop(cluster.nodes.pop());
    assert_eq!(text(&late.reply()), ":0");
    let began = Instant::now();
    assert_eq!(client.ask("WAIT 1 300"), ":0");
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(client.ask("WAIT 0 1"), ":0");
    // For ever is for ever, until it leaves.
    client.send_line("WAIT 0 0");
    wait_until("it to be held", || door.metric("reddoor_held_requests") > 0.0);
    drop(client);
    wait_until("nothing to be held", || door.metric("reddoor_held_requests") == 0.0);
}

#[test]
fn a_node_that_is_lost_or_is_a_replica_is_asked_again_for_what_is_left() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("request.timeout_ms", "60000")]);
    let mut client = door.client();
    client.send_line("WAIT 1 5000000");
    let left = |line: &str| -> u64 { line.strip_prefix("WAIT 1 ").unwrap().parse().unwrap() };
    let first = node.next_call();
    assert!(left(&first.line()) <= 5_000_000);
    first.cut();
    let replica =
        "-ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0";
    let demoted = "-UNBLOCKED force unblock from blocking operation, instance state changed";
    for error in [replica, demoted, "-LOADING Redis is loading the dataset in memory"] {
        let again = node.next_call();
        assert!((4_000_000..5_000_000).contains(&left(&again.line())), "{}", again.line());
        again.reply(format!("{error}\r\n"));
    }
    node.next_call().reply(":3\r\n");
    assert_eq!(text(&client.reply()), ":3");
    // Any other error is the client's.
    client.send_line("WAIT 1 0");
    node.expect_call("WAIT 1 0").reply("-NOPERM this user has no permissions\r\n");
    assert_eq!(text(&client.reply()), "-NOPERM this user has no permissions");
    assert_eq!(client.ask("PING"), "PONG");
    assert!(node.arrived().is_empty());
}

#[test]
fn a_node_that_does_not_answer_in_time_has_no_replica_that_is_known_of() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("request.timeout_ms", "300")]);
    let mut client = door.client();
    client.send_line("WAIT 1 2000");
    let call = node.next_call();
    assert_eq!(text(&client.reply()), ":0");
    call.reply(":1\r\n");
    client.send_line("WAIT 2 0");
    node.expect_call("WAIT 2 0").reply(":1\r\n");
    assert_eq!(text(&client.reply()), ":1");
    assert_eq!(door.metric("reddoor_request_timeouts_total"), 0.0);
}
