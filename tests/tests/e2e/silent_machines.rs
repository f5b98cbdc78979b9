//! Connections whose other end reads nothing, and connections whose other machine is gone: only the latter are given up.

use std::time::{Duration, Instant};

use reddoor_tests::client::{request_line, text};
use reddoor_tests::cluster::node::Setup;
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::wait::wait_until;

/// Time after which a machine that confirms nothing is given up, in milliseconds.
const UNCONFIRMED_MS: u64 = 1500;

fn settings() -> [(&'static str, &'static str); 3] {
    // Requests of any size are held whole and go by the connection that all share.
    let whole = ("limits.upload_from_bytes", "1073741824");
    [("workers.count", "1"), ("health.unconfirmed_ms", "1500"), whole]
}

#[test]
fn a_node_that_reads_nothing_keeps_its_connection_however_full_that_is() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &settings());
    let mut client = door.client();
    client.send_line("GET first");
    node.expect_call("GET first").reply("$-1\r\n");
    assert_eq!(text(&client.reply()), "nil");
    let held = node.stop_reading();
    client.send_bytes(&request_line("INCR k"));
    // More than sockets hold.
    client.send(&["SET", "big", &"x".repeat(32 << 20)]);
    let began = Instant::now();
    let many_times = Duration::from_millis(4 * UNCONFIRMED_MS);
    wait_until("the machine to be long without room", || began.elapsed() > many_times);
    drop(held);
    node.expect_call("INCR k").reply(":1\r\n");
    node.next_call().reply("+OK\r\n");
    assert_eq!([text(&client.reply()), text(&client.reply())], [":1", "OK"]);
    assert!(node.arrived().is_empty(), "nothing is sent twice");
}

#[test]
fn a_machine_that_is_gone_is_missed() {
    if !Kind::Real.is_available() {
        return;
    }
    let setup = Setup { node_timeout_ms: 60_000, has_relays: false };
    let Some(cluster) = Cluster::unformed_in_namespaces(&[Kind::Real], setup) else { return };
    let node = &cluster.nodes[0];
    assert_eq!(node.ask("CLUSTER ADDSLOTSRANGE 0 16383"), "OK");
    wait_until("the node to serve", || node.ask("CLUSTER INFO").contains("cluster_state:ok"));
    let door = FrontDoor::start(&cluster.seeds(), &settings());
    let mut client = door.client();
    assert_eq!(client.ask("SET k 0"), "OK");
    node.namespace().cut();
    let lost = client.ask("INCR k");
    assert!(lost.starts_with("-LINKLOST ") && lost.ends_with("may have been applied"), "{lost}");
    // What was not sent yet waits for the machine.
    client.send_line("INCR other");
    node.namespace().join();
    assert_eq!(text(&client.reply()), ":1");
}
