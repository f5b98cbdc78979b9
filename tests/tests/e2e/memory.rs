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
    let connected = each("just connected", before, door.process.resident_bytes(), CLIENTS);
    // What bursts leave behind that is no client's own is there after half of them.
    let (half, rest) = clients.split_at_mut(CLIENTS / 2);
    half.iter_mut().for_each(|client| read_burst(client, &burst, &value));
    let before = door.process.resident_bytes();
    rest.iter_mut().for_each(|client| read_burst(client, &burst, &value));
    let more = each("more after a burst", before, door.process.resident_bytes(), rest.len());
    assert!(connected + more <= IDLE_BYTES_MAX, "{connected} and {more} bytes for each client");
}

fn read_burst(client: &mut Client, burst: &[u8], value: &str) {
    client.send_bytes(burst);
    for _ in 0..20 {
        assert_eq!(text(&client.reply()), value);
    }
}

/// What each of so many clients takes that have come, or done something, since `before` (bytes).
fn each(when: &str, before: usize, now: usize, clients: usize) -> usize {
    let each = now.saturating_sub(before) / clients;
    eprintln!("an idle client, {when}: {each} bytes");
    each
}

/// Every client takes one at either end, and the front door inherits the limit.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    setrlimit(Resource::Nofile, raised).expect("up to the maximum is allowed");
}
