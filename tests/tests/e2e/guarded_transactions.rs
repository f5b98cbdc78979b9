//! `WATCH` guards keys as on one Redis; a guard that is lost counts as touched.

use reddoor_protocol::slot::Slot;
use reddoor_tests::client::{Client, text};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::load::Load;
use reddoor_tests::over_clusters;
use reddoor_tests::wait::wait_until;

over_clusters!(real | bundled: a_touched_key_aborts_and_an_untouched_one_does_not,
    what_a_client_pipelines_keeps_its_order, counters_guarded_by_many_clients_add_up,
    a_slot_that_moves_away_counts_as_touched, links_are_given_back_when_they_are_clean,
    links_of_single_clients_are_bounded);

fn a_touched_key_aborts_and_an_untouched_one_does_not(kind: Kind) {
    let door = FrontDoor::before(Cluster::shared(kind));
    let mut other = door.client();
    for mut client in [door.client(), door.client_v3()] {
        for (toucher, reply) in [("SET {g}k 1", "nil"), ("SET {g}other 1", "[OK]")] {
            assert_eq!(client.ask("WATCH {g}k {g}l"), "OK");
            assert_eq!(other.ask(toucher), "OK");
            assert_eq!(client.ask("MULTI"), "OK");
            assert_eq!(client.ask("SET {g}k 2"), "QUEUED");
            assert_eq!(client.ask("EXEC"), reply, "{toucher}");
        }
        assert_eq!(client.ask("WATCH {g}k"), "OK");
        assert_eq!(client.ask("UNWATCH"), "OK");
        assert_eq!(other.ask("SET {g}k 3"), "OK");
        assert_eq!(client.ask("MULTI"), "OK");
        assert_eq!(client.ask("GET {g}k"), "QUEUED");
        assert_eq!(client.ask("EXEC"), "[3]");
    }
}

fn what_a_client_pipelines_keeps_its_order(kind: Kind) {
    let door = FrontDoor::before(Cluster::shared(kind));
    let mut client = door.client();
    for round in 0..50 {
        for line in [
            &format!("SET {{order}}k {round}"),
            "WATCH {order}k",
            "GET {order}k",
            "MULTI",
            "APPEND {order}k x",
            "EXEC",
            "GET {order}k",
        ] {
            client.send_line(line);
        }
        let replies: Vec<String> = (0..7).map(|_| text(&client.reply())).collect();
        let value = round.to_string();
        let (len, longer) = (format!("[:{}]", value.len() + 1), format!("{value}x"));
        assert_eq!(replies, ["OK", "OK", &value, "OK", "QUEUED", &len, &longer]);
    }
}

/// Reads, adds one and writes back, until that was done undisturbed.
fn counters_guarded_by_many_clients_add_up(kind: Kind) {
    let door = FrontDoor::before(Cluster::shared(kind));
    const CLIENTS: usize = 4;
    const ROUNDS: usize = 25;
    let mut first = door.client();
    first.ask("SET guarded 0");
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = door.client();
                for _ in 0..ROUNDS {
                    loop {
                        assert_eq!(client.ask("WATCH guarded"), "OK");
                        let value: usize = client.ask("GET guarded").parse().unwrap();
                        assert_eq!(client.ask("MULTI"), "OK");
                        assert_eq!(client.ask(&format!("SET guarded {}", value + 1)), "QUEUED");
                        if client.ask("EXEC") == "[OK]" {
                            break;
                        }
                    }
                }
            });
        }
    });
    assert_eq!(first.ask("GET guarded"), (CLIENTS * ROUNDS).to_string());
}

fn a_slot_that_moves_away_counts_as_touched(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    let mut client = door.client();
    let slot = Slot::of_key(b"moving");
    let from = cluster.owner_of_slot(slot);
    assert_eq!(client.ask("SET moving 1"), "OK");
    assert_eq!(client.ask("WATCH moving"), "OK");
    cluster.move_slot(slot, from, cluster.other_than(from));
    assert_eq!(client.ask("MULTI"), "OK");
    assert_eq!(client.ask("SET moving 2"), "QUEUED");
    assert_eq!(client.ask("EXEC"), "nil");
    assert_eq!(client.ask("GET moving"), "1");
    // The next try guards it where it is now.
    assert_eq!(client.ask("WATCH moving"), "OK");
    assert_eq!(client.ask("MULTI"), "OK");
    assert_eq!(client.ask("SET moving 2"), "QUEUED");
    assert_eq!(client.ask("EXEC"), "[OK]");
}

fn links_are_given_back_when_they_are_clean(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let door = FrontDoor::start(&cluster.seeds(), &[("workers.count", "1")]);
    for round in 0..30 {
        let mut client = door.client();
        assert_eq!(client.ask("WATCH back"), "OK");
        let end = ["UNWATCH", "EXEC", "DISCARD", "RESET", "leave"][round % 5];
        if end == "EXEC" || end == "DISCARD" {
            assert_eq!(client.ask("MULTI"), "OK");
        }
        if end != "leave" {
            client.ask(end);
        }
        assert_eq!(client.ask("WATCH back"), "OK");
        assert_eq!(client.ask("UNWATCH"), "OK");
        assert_eq!(client.ask("GET back"), "nil");
    }
    wait_until("the links to be idle", || door.metric("reddoor_pinned_links") <= 2.0);
}

fn links_of_single_clients_are_bounded(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let settings = [("workers.count", "1"), ("limits.pinned_links_max", "2")];
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let (mut a, mut b, mut c) = (door.client(), door.client(), door.client());
    assert_eq!(a.ask("WATCH bound"), "OK");
    assert_eq!(b.ask("WATCH bound"), "OK");
    let full = "-OVERLOAD node connections of single clients: limit of 2 reached; the command was not applied";
    assert_eq!(c.ask("WATCH bound"), full);
    assert_eq!(door.metric("reddoor_limits_reached_total{limit=\"pinned_links_max\"}"), 1.0);
    assert_eq!(b.ask("UNWATCH"), "OK");
    // Even to another node: an idle link gives way.
    wait_until("room for another", || c.ask("WATCH another:node:1") == "OK");
}

#[test]
fn a_guard_that_is_lost_counts_as_touched() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("request.timeout_ms", "60000")]);
    let mut client = door.client();
    for lost_at in ["idle", "before", "exec"] {
        client.send_line("WATCH k");
        let watch = node.expect_call("WATCH k");
        watch.reply("+OK\r\n");
        assert_eq!(text(&client.reply()), "OK");
        assert_eq!(client.ask("MULTI"), "OK");
        assert_eq!(client.ask("SET k 1"), "QUEUED");
        match lost_at {
            "idle" => {
                watch.cut();
                wait_until("the loss to be seen", || client_flags(&door) == "xd");
                assert_eq!(client.ask("EXEC"), "nil");
            }
            "before" => {
                client.send_line("EXEC");
                node.expect_call("MULTI").reply("+OK\r\n");
                node.expect_call("SET k 1").reply("-MOVED 1 127.0.0.1:1\r\n");
                node.expect_call("EXEC")
                    .reply("-EXECABORT Transaction discarded because of previous errors.\r\n");
                assert_eq!(text(&client.reply()), "nil");
            }
            _ => {
                client.send_line("EXEC");
                node.expect_call("MULTI").reply("+OK\r\n");
                node.expect_call("SET k 1").reply("+QUEUED\r\n");
                node.expect_call("EXEC").cut();
                assert!(text(&client.reply()).starts_with("-LINKLOST"));
            }
        }
    }
}

/// The flags of the client that is not the one who asks.
fn client_flags(door: &FrontDoor) -> String {
    let list = door.client().ask("CLIENT LIST");
    let line = list.lines().find(|line| !line.contains("cmd=client|list")).unwrap();
    line.split(' ').find_map(|field| field.strip_prefix("flags=")).unwrap().to_owned()
}

over_clusters!(real: guarded_counters_survive_a_reshard);

/// A guarded increment is acknowledged once or not at all, also while its slot moves.
fn guarded_counters_survive_a_reshard(kind: Kind) {
    const COUNTERS: usize = 10;
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "60000")]);
    let client = |_| -> Box<dyn FnMut(usize)> {
        let mut client = door.client();
        Box::new(move |round| {
            for counter in 0..COUNTERS {
                count_guarded(&mut client, &format!("count{counter}"), round);
            }
        })
    };
    Load::run(1, client, |load| {
        for counter in 0..COUNTERS {
            let slot = Slot::of_key(format!("count{counter}").as_bytes());
            let from = cluster.owner_of_slot(slot);
            load.wait_rounds(1);
            cluster.move_slot(slot, from, cluster.other_than(from));
        }
        load.wait_rounds(2);
    });
}

fn count_guarded(client: &mut Client, key: &str, round: usize) {
    loop {
        assert_eq!(client.ask(&format!("WATCH {key}")), "OK");
        let before = if round == 1 { "nil".to_owned() } else { (round - 1).to_string() };
        assert_eq!(client.ask(&format!("GET {key}")), before, "acknowledged once each");
        assert_eq!(client.ask("MULTI"), "OK");
        assert_eq!(client.ask(&format!("INCR {key}")), "QUEUED");
        match client.ask("EXEC").as_str() {
            "nil" => {}
            reply => return assert_eq!(reply, format!("[:{round}]")),
        }
    }
}
