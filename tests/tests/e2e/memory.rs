//! What clients cost that want nothing just now.

use reddoor_tests::client::{Client, request_line, text};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::wait::wait_until;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Clients that are counted: so many that what the front door itself needs is lost among them.
const CLIENTS: usize = 4000;

/// Memory of the front door for each (bytes).
const IDLE_BYTES_MAX: usize = 4096;

#[test]
fn an_idle_client_costs_little_also_after_a_burst() {
    raise_open_files();
    let cluster = Cluster::shared(Kind::Bundled);
    let door = FrontDoor::start(&cluster.seeds(), &[("workers.count", "2")]);
    let value = "v".repeat(3000);
    let burst = request_line("GET memory:value").repeat(20);
    // What all clients together need once is there before any of them is counted.
    let mut first = door.client();
    assert_eq!(first.ask(&format!("SET memory:value {value}")), "OK");
    read_burst(&mut first, &burst, &value);
    let before = door.process.resident_bytes();

    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| door.client()).collect();
    wait_until("all clients to be in", || door.metric("reddoor_clients") >= CLIENTS as f64);
    check("just connected", &door, before);
    for client in &mut clients {
        read_burst(client, &burst, &value);
    }
    check("after a burst", &door, before);
}

fn read_burst(client: &mut Client, burst: &[u8], value: &str) {
    client.send_bytes(burst);
    for _ in 0..20 {
        assert_eq!(text(&client.reply()), value);
    }
}

#[track_caller]
fn check(when: &str, door: &FrontDoor, before: usize) {
    let each = door.process.resident_bytes().saturating_sub(before) / CLIENTS;
    eprintln!("an idle client, {when}: {each} bytes");
    assert!(each <= IDLE_BYTES_MAX, "{when}: {each} bytes for each client");
}

/// Every client takes one at either end, and the front door inherits the limit.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    setrlimit(Resource::Nofile, raised).expect("up to the maximum is allowed");
}
