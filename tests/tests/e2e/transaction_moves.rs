//! Slots move and primaries step down in the middle of transactions: each runs whole, once, or says that it may have.

use reddoor_protocol::slot::Slot;
use reddoor_tests::client::{Client, text};
use reddoor_tests::cluster::reshard::move_keys;
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::load::Load;
use reddoor_tests::over_clusters;

over_clusters!(real | bundled: a_transaction_follows_its_slot, a_slot_under_way_takes_transactions_at_both_ends);
over_clusters!(real: transactions_go_on_while_slots_move, transactions_go_on_over_a_failover);

fn a_transaction_follows_its_slot(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(
        &cluster.seeds(),
        &[("cluster.refresh_interval_ms", "3600000"), ("workers.count", "1")],
    );
    let mut client = door.client();
    assert_eq!(client.ask("SET {f}n 0"), "OK");
    let slot = Slot::of_key(b"{f}");
    let from = cluster.owner_of_slot(slot);
    cluster.move_slot(slot, from, cluster.other_than(from));
    for line in ["MULTI", "INCR {f}n", "INCR {f}n"] {
        client.ask(line);
    }
    assert_eq!(client.ask("EXEC"), "[:1, :2]");
    assert_eq!(door.metric("reddoor_redirects_total{kind=\"moved\"}"), 1.0);
}

fn a_slot_under_way_takes_transactions_at_both_ends(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    let slot = Slot::of_key(b"{w}");
    let from = cluster.owner_of_slot(slot);
    let to = cluster.other_than(from);
    let mut client = door.client();
    assert_eq!(client.ask("SET {w}old 1"), "OK");
    cluster.open_slot(slot, from, to);
    for (commands, reply) in [
        (&["INCR {w}old", "GET {w}old"][..], "[:2, 2]"),
        (&["INCR {w}new", "INCR {w}new"], "[:1, :2]"),
        (&["DEL {w}new"], "[:1]"),
    ] {
        assert_eq!(client.ask("MULTI"), "OK");
        for command in commands {
            assert_eq!(client.ask(command), "QUEUED");
        }
        assert_eq!(client.ask("EXEC"), reply, "{commands:?}");
    }
    assert!(door.metric("reddoor_redirects_total{kind=\"ask\"}") >= 2.0);
}

/// Two counters go up together, and never apart.
fn count_both(client: &mut Client, tag: &str, round: usize) {
    let (a, b) = (format!("{{{tag}}}a"), format!("{{{tag}}}b"));
    let lines =
        ["MULTI", &format!("INCR {a}"), &format!("INCR {b}"), &format!("MGET {a} {b}"), "EXEC"];
    lines.iter().for_each(|line| client.send_line(line));
    for _ in 0..4 {
        client.reply();
    }
    assert_eq!(text(&client.reply()), format!("[:{round}, :{round}, [{round}, {round}]]"));
}

fn transactions_go_on_while_slots_move(kind: Kind) {
    const MOVES: usize = 16;
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "60000")]);
    let client = |index: usize| -> Box<dyn FnMut(usize)> {
        let mut client = if index == 0 { door.client() } else { door.client_v3() };
        Box::new(move |round| {
            for tag in (0..MOVES).filter(|tag| tag % 2 == index) {
                count_both(&mut client, &format!("both{tag}"), round);
            }
        })
    };
    Load::run(2, client, |load| {
        for tag in 0..MOVES {
            let slot = Slot::of_key(format!("both{tag}").as_bytes());
            let from = cluster.owner_of_slot(slot);
            let to = cluster.other_than(from);
            cluster.open_slot(slot, from, to);
            load.wait_rounds(2);
            move_keys(slot, from, to);
            cluster.close_slot(slot, from, to);
            load.wait_rounds(2);
        }
    });
    assert!(door.metric("reddoor_redirects_total{kind=\"moved\"}") > 0.0);
}

fn transactions_go_on_over_a_failover(kind: Kind) {
    let cluster = Cluster::start_with_replicas(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "80000")]);
    let (_, replica) = cluster.pair_of("{both0}");
    let client = |_| -> Box<dyn FnMut(usize)> {
        let mut client = door.client();
        Box::new(move |round| count_both(&mut client, "both0", round))
    };
    Load::run(1, client, |load| {
        load.wait_rounds(10);
        replica.fail_over();
        load.wait_rounds(20);
    });
}

#[test]
fn a_run_that_was_refused_follows_whole() {
    let (a, b) = (FakeNode::start(), FakeNode::start());
    let slot = Slot::of_key(b"k").number();
    a.set_view(&format!("{}{}", a.line("myself,master", 1, "0-16383"), b.line("master", 2, "")));
    b.set_view(&format!("{}{}", a.line("master", 1, "0-16383"), b.line("myself,master", 2, "")));
    let door = FrontDoor::start(&a.addr().to_string(), &[("request.timeout_ms", "60000")]);
    let mut client = door.client();
    for refusal in
        ["TRYAGAIN x".to_owned(), "CLUSTERDOWN x".to_owned(), format!("ASK {slot} {}", b.addr())]
    {
        for line in ["MULTI", "SET k 1", "EXEC"] {
            client.send_line(line);
        }
        // Refused while queueing, or at the end.
        a.expect_call("MULTI").reply("+OK\r\n");
        a.expect_call("SET k 1").reply("+QUEUED\r\n");
        a.expect_call("EXEC").reply(format!("-{refusal}\r\n"));
        let node = if refusal.starts_with("ASK") {
            &b
        } else {
            a.expect_call("MULTI").reply("+OK\r\n");
            a.expect_call("SET k 1").reply(format!("-{refusal}\r\n"));
            a.expect_call("EXEC").reply("-EXECABORT Transaction discarded\r\n");
            &a
        };
        node.expect_call("MULTI").reply("+OK\r\n");
        node.expect_call("SET k 1").reply("+QUEUED\r\n");
        node.expect_call("EXEC").reply("*1\r\n+OK\r\n");
        let replies: Vec<String> = (0..3).map(|_| text(&client.reply())).collect();
        assert_eq!(replies, ["OK", "QUEUED", "[OK]"]);
    }
}
