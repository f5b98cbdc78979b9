//! `SCAN` walks over the whole cluster, whatever happens to it meanwhile: no key is missed that was there all the
//! time.

use std::collections::BTreeSet;

use reddoor_protocol::slot::Slot;
use reddoor_protocol::value::Value;
use reddoor_tests::client::{Client, text};
use reddoor_tests::cluster::reshard::move_keys;
use reddoor_tests::cluster::{Cluster, Kind, keys};
use reddoor_tests::fake_node::{Call, FakeNode};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::load::Load;
use reddoor_tests::over_clusters;
use reddoor_tests::wait::wait_until;

over_clusters!(real | bundled: every_key_comes_once, options_are_the_nodes_own,
    another_front_door_goes_on_with_the_cursor, keys_on_their_way_are_found, slots_that_lie_apart_cost_no_pass,
    a_scan_goes_on_while_slots_move);
over_clusters!(real: a_scan_goes_on_while_primaries_fail_over,
    a_scan_goes_on_when_its_node_dies, a_node_that_was_started_again_is_walked_over_anew);

/// One page: where to go on, and the keys.
fn page(client: &mut Client, cursor: &str, options: &[&str]) -> (String, Vec<String>) {
    let args = [&["SCAN", cursor][..], options].concat();
    match client.call(&args) {
        Value::Array(page) if page.len() == 2 => {
            let cursor = text(&page[0]);
            assert!(cursor.parse::<i64>().is_ok_and(|number| number >= 0), "{cursor}");
            (cursor, page[1].as_array().expect("keys").iter().map(text).collect())
        }
        other => panic!("{args:?}: {other:?}"),
    }
}

/// All pages, each asked of the client whose turn it is.
fn scan_in_turns(clients: &mut [Client], options: &[&str]) -> Vec<String> {
    let (mut cursor, mut all, mut turn) = ("0".to_owned(), Vec::new(), 0);
    loop {
        let count = clients.len();
        let (next, mut keys) = page(&mut clients[turn % count], &cursor, options);
        all.append(&mut keys);
        if next == "0" {
            return all;
        }
        (cursor, turn) = (next, turn + 1);
    }
}

fn scan(client: &mut Client, options: &[&str]) -> Vec<String> {
    scan_in_turns(std::slice::from_mut(client), options)
}

fn fill(client: &mut Client, names: &[String]) {
    for names in names.chunks(100) {
        let pairs: Vec<&str> = names.iter().flat_map(|name| [name.as_str(), "1"]).collect();
        assert_eq!(text(&client.call(&[&["MSET"][..], &pairs].concat())), "OK");
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}

fn every_key_comes_once(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    assert_eq!(scan(&mut door.client(), &[]), [""; 0]);
    let names = keys("once", 2000);
    fill(&mut door.client(), &names);
    for mut client in [door.client(), door.client_v3()] {
        for options in [&["COUNT", "7"][..], &["COUNT", "1000"], &[]] {
            assert_eq!(sorted(scan(&mut client, options)), sorted(names.clone()), "{options:?}");
        }
    }
}

fn options_are_the_nodes_own(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    let mut client = door.client();
    fill(&mut client, &keys("plain", 50));
    for n in 0..20 {
        assert_eq!(client.ask(&format!("SETBIT bits:{n} 1 1")), ":0");
    }
    assert_eq!(scan(&mut client, &["MATCH", "bits:*", "COUNT", "5"]).len(), 20);
    assert_eq!(scan(&mut client, &["TYPE", "string"]).len(), 70);
    assert_eq!(scan(&mut client, &["TYPE", "zset", "MATCH", "*"]).len(), 0);
    let node = &cluster.nodes[0];
    for line in [
        "SCAN",
        "SCAN x",
        "SCAN 0 COUNT 0",
        "SCAN 0 COUNT x",
        "SCAN 0 NOSUCH",
        "SCAN 0 MATCH",
        "SCAN 1.5",
    ] {
        assert_eq!(client.ask(line), node.ask(line), "{line}");
    }
    // Two scans of one client do not disturb each other.
    let (first, mut seen) = page(&mut client, "0", &["COUNT", "3"]);
    assert_eq!(scan(&mut client, &[]).len(), 70);
    let mut cursor = first;
    while cursor != "0" {
        let (next, mut keys) = page(&mut client, &cursor, &["COUNT", "3"]);
        seen.append(&mut keys);
        cursor = next;
    }
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>().len(), 70);
}

fn another_front_door_goes_on_with_the_cursor(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let doors = [FrontDoor::before(&cluster), FrontDoor::before(&cluster)];
    let names = keys("shared", 600);
    fill(&mut doors[0].client(), &names);
    let mut clients = [doors[0].client(), doors[1].client(), doors[0].client_v3()];
    let found = scan_in_turns(&mut clients, &["COUNT", "10"]);
    assert_eq!(sorted(found), sorted(names), "nothing is missed and nothing begins anew");
}

fn slots_that_lie_apart_cost_no_pass(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let [a, b, _] = &cluster.nodes[..] else { panic!("three nodes") };
    for number in [5, 50, 500, 5000] {
        cluster.move_slot(Slot::new(number).unwrap(), a, b);
    }
    let door = FrontDoor::before(&cluster);
    let names = keys("apart", 500);
    fill(&mut door.client(), &names);
    let mut client = door.client();
    assert_eq!(sorted(scan(&mut client, &["COUNT", "100000"])), sorted(names));
    let (mut cursor, mut pages) = ("0".to_owned(), 0);
    loop {
        cursor = page(&mut client, &cursor, &["COUNT", "100000"]).0;
        pages += 1;
        if cursor == "0" {
            break;
        }
    }
    assert!(kind == Kind::Bundled || pages == 3, "{pages} pages");
}

fn keys_on_their_way_are_found(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    let mut client = door.client();
    let names: Vec<String> = (0..40).map(|n| format!("{{foo}}:{n}")).collect();
    fill(&mut client, &names);
    let slot = Slot::of_key(b"foo");
    let from = cluster.owner_of_slot(slot);
    let to = &cluster.nodes[0];
    assert_ne!(from.port(), to.port(), "the node that comes first gets the keys");
    cluster.open_slot(slot, from, to);
    for name in &names[..25] {
        reddoor_tests::cluster::reshard::move_key(name, from, to);
    }
    // The first node was walked over before anybody knew that its share of these keys counts.
    for mut client in [door.client(), door.client_v3()] {
        let found: BTreeSet<String> = scan(&mut client, &["COUNT", "4"]).into_iter().collect();
        assert_eq!(found, names.iter().cloned().collect());
    }
    if kind == Kind::Real {
        move_keys(slot, from, to);
        cluster.close_slot(slot, from, to);
        assert_eq!(sorted(scan(&mut client, &["COUNT", "4"])), sorted(names));
    }
}

/// Scans again and again while something happens; every scan finds all of these keys.
fn scan_while(door: &FrontDoor, names: &[String], happening: impl FnOnce(&Load)) {
    let all: BTreeSet<String> = names.iter().cloned().collect();
    let client = |index: usize| -> Box<dyn FnMut(usize)> {
        let mut clients = match index {
            0 => vec![door.client()],
            1 => vec![door.client_v3()],
            // Pages from connections that do not know each other's scans.
            _ => vec![door.client(), door.client()],
        };
        let all = all.clone();
        Box::new(move |_| {
            let found: BTreeSet<String> =
                scan_in_turns(&mut clients, &["COUNT", "40"]).into_iter().collect();
            let missing: Vec<&String> = all.difference(&found).collect();
            assert!(missing.is_empty(), "{missing:?}");
        })
    };
    Load::run(3, client, happening);
}

fn a_scan_goes_on_while_slots_move(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "30000")]);
    let names = keys("moving", 3000);
    fill(&mut door.client(), &names);
    let [a, b, c] = &cluster.nodes[..] else { panic!("three nodes") };
    scan_while(&door, &names, |load| {
        load.wait_rounds(2);
        for number in 0..12 {
            // Towards nodes that a scan comes to later, and to one that it comes to first.
            let to_later = Slot::new(100 + number).unwrap();
            cluster.move_slot(to_later, a, c);
            cluster.move_slot(Slot::new(6000 + number).unwrap(), b, a);
        }
        load.wait_rounds(3);
    });
    let mut client = door.client();
    assert_eq!(sorted(scan(&mut client, &[])), sorted(names));
}

fn a_scan_goes_on_while_primaries_fail_over(kind: Kind) {
    let cluster = Cluster::start_with_replicas(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "80000")]);
    let names = keys("failing", 2000);
    fill(&mut door.client(), &names);
    scan_while(&door, &names, |load| {
        load.wait_rounds(2);
        for index in [0, 1, 2] {
            let (primary, replica) = (&cluster.nodes[index], &cluster.nodes[3 + index]);
            replica.fail_over();
            wait_until("the old primary to follow", || {
                primary.ask("INFO replication").contains("master_link_status:up")
            });
            load.wait_rounds(2);
        }
    });
}

fn a_scan_goes_on_when_its_node_dies(kind: Kind) {
    let mut cluster = Cluster::start_with_replicas(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "80000")]);
    let names = keys("dying", 1500);
    fill(&mut door.client(), &names);
    assert_eq!(door.client().ask("WAIT 1 60000"), ":1");
    let mut client = door.client();
    let (mut cursor, mut found) = page(&mut client, "0", &["COUNT", "20"]);
    // In the middle of the first node's keys it dies, and its replica hashes in another order.
    cluster.expect_death();
    cluster.nodes[0].kill();
    while cursor != "0" {
        let (next, keys) = page(&mut client, &cursor, &["COUNT", "20"]);
        found.extend(keys);
        cursor = next;
    }
    let found: BTreeSet<String> = found.into_iter().collect();
    assert_eq!(found, names.into_iter().collect());
}

fn a_node_that_was_started_again_is_walked_over_anew(kind: Kind) {
    let mut cluster = Cluster::start(kind, 1);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "60000")]);
    let names = keys("again", 1000);
    let mut client = door.client();
    fill(&mut client, &names);
    assert_eq!(cluster.nodes[0].ask("SAVE"), "OK");
    let (mut cursor, mut found) = page(&mut client, "0", &["COUNT", "100"]);
    // The keys are the same, but they are hashed with another seed from now on.
    cluster.nodes[0].restart();
    while cursor != "0" {
        let (next, keys) = page(&mut client, &cursor, &["COUNT", "100"]);
        found.extend(keys);
        cursor = next;
    }
    let found: BTreeSet<String> = found.into_iter().collect();
    assert_eq!(found, names.into_iter().collect());
}

/// A node whose slot 0 leaves for another one, as it tells; and what it answers to `SCAN`: one page with one key.
fn start_leaving(target: &str) -> (FakeNode, FrontDoor, Client) {
    let node = FakeNode::start();
    node.set_view(&leaving_view(&node, target));
    let hold = [("failover.hold_ms", "300"), ("workers.count", "1")];
    let door = FrontDoor::start(&node.addr().to_string(), &hold);
    let client = door.client();
    (node, door, client)
}

fn leaving_view(node: &FakeNode, target: &str) -> String {
    node.line("myself,master", 1, &format!("0-16383 [0->-{target}]"))
}

const UNKNOWN: &str = "0123456789012345678901234567890123456789";

fn reply_page(call: &Call) {
    assert!(call.line().starts_with("SCAN 0"), "{}", call.line());
    call.reply("*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n");
}

#[test]
fn a_slot_that_leaves_for_nobody_known_fails_the_scan_and_says_so() {
    let (node, _door, mut client) = start_leaving(UNKNOWN);
    for _ in 0..2 {
        client.send_line("SCAN 0");
        reply_page(&node.next_call());
        let error = text(&client.reply());
        let expect = "-UNAVAILABLE slot 0 leaves for a node that its owner cannot name for ";
        assert!(error.starts_with(expect) && error.ends_with("was not applied"), "{error}");
    }
}

#[test]
fn a_slot_that_stays_after_all_is_scanned_to_its_end() {
    let node = FakeNode::start();
    node.set_view(&leaving_view(&node, UNKNOWN));
    let door = FrontDoor::start(&node.addr().to_string(), &[("workers.count", "1")]);
    let mut client = door.client();
    client.send_line("SCAN 0");
    reply_page(&node.next_call());
    wait_until("the scan to wait", || door.metric("reddoor_retries_total") >= 3.0);
    node.set_view(&node.line("myself,master", 1, "0-16383"));
    assert_eq!(text(&client.reply()), "[0, [k]]");
}

#[test]
fn a_slot_that_leaves_for_a_node_that_is_gone_fails_the_scan_until_it_is_back() {
    let (node, _door, mut client) = start_leaving(UNKNOWN);
    let target = FakeNode::start();
    let id = target.line("", 0, "").split(' ').next().unwrap().to_owned();
    let addr = target.addr();
    node.set_view(&(leaving_view(&node, &id) + &target.line("master", 2, "")));
    client.send_line("SCAN 0");
    reply_page(&node.next_call());
    let reply = text(&client.reply());
    let cursor = reply.strip_prefix('[').and_then(|rest| rest.split(',').next()).unwrap();
    assert_ne!(cursor, "0", "keys of slot 0 may be at the target");
    target.end();
    let next = format!("SCAN {cursor}");
    let error = client.ask(&next);
    let expect =
        format!("-UNAVAILABLE slot 0 leaves for node {addr}, which could not be asked for ");
    assert!(error.starts_with(&expect), "{error}");
    assert!(node.arrived().is_empty(), "nothing is walked over again in vain");
    let target = FakeNode::start_at(addr.port());
    target.set_view(&target.line("myself,master", 2, ""));
    target.answer_all(|_| b"*2\r\n$1\r\n0\r\n*0\r\n".to_vec());
    wait_until("the target to be walked over", || client.ask(&next) == "[0, []]");
}
