//! A wait is carried over what happens to the cluster, unless something may have been taken already.

use reddoor_protocol::slot::Slot;
use reddoor_tests::client::text;
use reddoor_tests::cluster::node::Node;
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::wait::wait_until;

over_clusters!(real | bundled: a_wait_follows_its_slot);
over_clusters!(real: a_wait_is_carried_over_a_failover, no_element_is_lost_or_taken_twice_over_failovers);

fn blocked_at(node: &Node) -> bool {
    node.ask("INFO clients").contains("blocked_clients:1")
}

fn a_wait_follows_its_slot(kind: Kind) {
    if !Cluster::shared(kind).nodes[0].serves("BLPOP") {
        return;
    }
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "60000")]);
    let (mut client, mut other) = (door.client(), door.client());
    let slot = Slot::of_key(b"waited");
    let from = cluster.owner_of_slot(slot);
    let to = cluster.other_than(from);
    client.send_line("BLPOP waited 0");
    wait_until("the client to wait", || blocked_at(from));
    cluster.move_slot(slot, from, to);
    wait_until("the client to wait elsewhere", || blocked_at(to));
    assert_eq!(other.ask("RPUSH waited 1"), ":1");
    assert_eq!(text(&client.reply()), "[waited, 1]");
}

fn a_wait_is_carried_over_a_failover(kind: Kind) {
    let cluster = Cluster::start_with_replicas(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "80000")]);
    let (mut client, mut other, mut timed) = (door.client(), door.client(), door.client());
    let (primary, replica) = cluster.pair_of("waited");
    client.send_line("BLPOP waited 0");
    wait_until("the client to wait", || blocked_at(primary));
    timed.send_line("BLPOP {waited}never 2");
    replica.fail_over();
    assert_eq!(text(&timed.reply()), "nil");
    wait_until("the client to wait at the new primary", || blocked_at(replica));
    assert_eq!(other.ask("RPUSH waited 1"), ":1");
    assert_eq!(text(&client.reply()), "[waited, 1]");
}

fn no_element_is_lost_or_taken_twice_over_failovers(kind: Kind) {
    let cluster = Cluster::start_with_replicas(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "80000")]);
    let (primary, replica) = cluster.pair_of("queue");
    let nodes = [replica, primary];
    // Twice is what a shard is granted: a third time its voters would want to rest.
    const ELEMENTS: usize = 200;
    let taken = std::thread::scope(|scope| {
        let taker = scope.spawn(|| {
            let mut client = door.client();
            (0..ELEMENTS).map(|_| client.ask("BLPOP queue 0")).collect::<Vec<_>>()
        });
        let mut giver = door.client();
        for element in 0..ELEMENTS {
            assert!(giver.ask(&format!("RPUSH queue {element}")).starts_with(':'));
            if element % 100 == 50 {
                let (next, last) = (nodes[element / 100], nodes[1 - element / 100]);
                // A primary does not listen to a replica that it has not heard to be its own.
                let (id, last_id) = (next.id(), last.id());
                wait_until("the replica to be known", || {
                    last.ask(&format!("CLUSTER REPLICAS {last_id}")).contains(&id)
                });
                wait_until("the replica to be in step", || {
                    next.ask("INFO replication").contains("master_link_status:up")
                });
                next.fail_over();
            }
        }
        taker.join().unwrap()
    });
    let expect: Vec<String> = (0..ELEMENTS).map(|element| format!("[queue, {element}]")).collect();
    assert_eq!(taken, expect);
}

#[test]
fn a_wait_whose_link_ends_is_asked_again_only_if_it_reads() {
    let node = FakeNode::start();
    let addr = node.addr();
    let door = FrontDoor::start(&addr.to_string(), &[("request.timeout_ms", "60000")]);
    let mut client = door.client();
    client.send_line("BLPOP k 0");
    node.expect_call("BLPOP k 0").cut();
    let lost = format!(
        "-LINKLOST connection to node {addr} ended before it replied; the command may have been applied"
    );
    assert_eq!(text(&client.reply()), lost);
    client.send_line("XREAD BLOCK 0 STREAMS k 0");
    node.expect_call("XREAD BLOCK 0 STREAMS k 0").cut();
    node.expect_call("XREAD BLOCK 0 STREAMS k 0").reply("*-1\r\n");
    assert_eq!(text(&client.reply()), "nil");
}

#[test]
fn a_wait_that_is_asked_again_waits_for_what_is_left() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("request.timeout_ms", "60000")]);
    let mut client = door.client();
    client.send_line("BLPOP k 5000");
    let unblocked = "-UNBLOCKED force unblock from blocking operation, instance state changed\r\n";
    node.expect_call("BLPOP k 5000").reply(unblocked);
    let again = node.next_call();
    let left: f64 = again.line().strip_prefix("BLPOP k ").unwrap().parse().unwrap();
    assert!(left < 5000.0 && left > 4000.0, "{left}");
    again.reply("*-1\r\n");
    assert_eq!(text(&client.reply()), "nil");
    // Other reasons for the same code are for the client.
    client.send_line("XREADGROUP GROUP g c BLOCK 9 STREAMS k >");
    let gone = "-UNBLOCKED the stream key no longer exists";
    node.next_call().reply(format!("{gone}\r\n"));
    assert_eq!(text(&client.reply()), gone);
}

#[test]
fn a_node_that_is_silent_past_the_time_is_given_up() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("request.timeout_ms", "5000")]);
    let mut client = door.client();
    client.send_line("BLPOP k 0.1");
    let call = node.expect_call("BLPOP k 0.1");
    let late = "-TIMEOUT no reply within 5100 ms; the command may have been applied";
    assert_eq!(text(&client.reply()), late);
    call.reply("*2\r\n$1\r\nk\r\n$1\r\nx\r\n");
    assert_eq!(client.ask("PING"), "PONG");
}
