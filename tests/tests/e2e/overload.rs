//! More than the front door can take: memory stays bounded, load is shed in a fixed order, and it never ends.

use std::io::{BufRead, BufReader, Write};
use std::thread;
use std::time::{Duration, Instant};

use reddoor_tests::client::{Client, request, request_line, text};
use reddoor_tests::cluster::{Cluster, Kind, keys};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::wait::{PATIENCE, wait_for, wait_until};

over_clusters!(real | bundled: a_million_commands_in_one_pipeline_take_bounded_memory,
    a_slow_reader_is_cut_and_fifty_others_do_not_notice);

const MIB: usize = 1 << 20;

/// The refusal of a command while clients hold too much, with a budget of 1 MiB.
const REFUSED: &str =
    "-OVERLOAD bytes held for clients: limit of 1048576 reached; the command was not applied";

fn a_million_commands_in_one_pipeline_take_bounded_memory(kind: Kind) {
    const COUNT: usize = 1_000_000;
    /// What an idle front door takes, and the limits of one client.
    const BYTES_MAX: usize = 64 * MIB;
    let door = FrontDoor::before(Cluster::shared(kind));
    let mut client = door.client();
    client.ask("DEL million");
    let mut writer = client.stream().try_clone().unwrap();
    let writing = thread::spawn(move || {
        let some = request_line("INCR million").repeat(1000);
        (0..COUNT / 1000).for_each(|_| writer.write_all(&some).unwrap());
    });
    let series = "reddoor_limits_reached_total{limit=\"client_pipeline_max\"}";
    wait_until("the client to be held back", || door.metric(series) >= 1.0);
    let mut replies = BufReader::new(client.stream().try_clone().unwrap());
    let mut line = String::new();
    for number in 1..=COUNT {
        line.clear();
        replies.read_line(&mut line).unwrap();
        assert_eq!(line.strip_prefix(':').map(str::trim_end), Some(&*number.to_string()));
    }
    writing.join().unwrap();
    let peak = door.process.resident_bytes_peak();
    assert!(peak < BYTES_MAX, "{peak} bytes");
}

fn a_slow_reader_is_cut_and_fifty_others_do_not_notice(kind: Kind) {
    const OTHERS: usize = 50;
    let max = (2 * MIB).to_string();
    let settings = [("limits.client_output_bytes_max", &*max), ("limits.reply_bytes_max", &max)];
    let door = FrontDoor::start(&Cluster::shared(kind).seeds(), &settings);
    let keys = keys("slow", OTHERS);
    let mut others: Vec<Client> = (0..OTHERS).map(|_| door.client()).collect();
    for (other, key) in others.iter_mut().zip(&keys) {
        other.ask(&format!("DEL {key}"));
    }
    assert_eq!(text(&others[0].call(&["SET", "slow-value", &"x".repeat(MIB / 2)])), "OK");
    let mut slow = door.client();
    slow.send_bytes(&request_line("GET slow-value").repeat(200));
    let series = "reddoor_client_disconnections_total{reason=\"output_limit\"}";
    let mut rounds = 0;
    wait_until("the slow reader to be cut", || {
        rounds += 1;
        for (other, key) in others.iter_mut().zip(&keys) {
            assert_eq!(other.ask(&format!("INCR {key}")), format!(":{rounds}"));
        }
        door.metric(series) == 1.0
    });
    slow.read_to_end();
    for (other, key) in others.iter_mut().zip(&keys) {
        assert_eq!(other.ask(&format!("GET {key}")), rounds.to_string());
    }
    assert_eq!(door.metric("reddoor_clients"), OTHERS as f64);
}

/// A front door with a budget of 1 MiB before a node that answers everything.
fn start_tight(workers: &str) -> FrontDoor {
    let node = FakeNode::start();
    let settings = [("limits.bytes_max", "1048576"), ("workers.count", workers)];
    let door = FrontDoor::start(&node.addr().to_string(), &settings);
    node.answer_all(|_| b"$-1\r\n".to_vec());
    door
}

/// The end of what [`holding`] begins.
const REST: &[u8] = b"0123456789\r\n";

/// A client that holds so much: a request that has not arrived whole.
fn holding(door: &FrontDoor, bytes: usize) -> Client {
    let mut client = door.client();
    let len = bytes + REST.len() - 2;
    let begin = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${len}\r\n{}", "x".repeat(bytes));
    client.send_bytes(begin.as_bytes());
    client
}

/// The request of a client that holds much comes to its end, and finds no room in turn.
fn release(mut holder: Client) {
    holder.send_bytes(REST);
    assert_eq!(text(&holder.reply()), REFUSED);
}

fn shed(door: &FrontDoor, step: &str) -> f64 {
    door.metric(&format!("reddoor_shed_total{{step=\"{step}\"}}"))
}

#[test]
fn commands_are_refused_while_clients_hold_too_much_and_run_again_when_they_do_not() {
    for workers in ["1", "2"] {
        let door = start_tight(workers);
        // On two workers some of these are served by the other one, which holds nothing itself.
        let mut others: Vec<Client> = (0..8).map(|_| door.client()).collect();
        let holder = holding(&door, 930_000);
        for other in &mut others {
            wait_until("commands to be refused", || other.ask("GET a") == REFUSED);
            assert_eq!(other.ask("PING"), "PONG");
            assert_eq!(other.ask("MULTI"), "OK");
            assert_eq!(other.ask("GET a"), REFUSED);
            let aborted = "-EXECABORT Transaction discarded because of previous errors.";
            assert_eq!(other.ask("EXEC"), aborted);
        }
        assert_eq!(door.client().ask("PING"), "PONG", "new clients are still taken");
        release(holder);
        for other in &mut others {
            wait_until("commands to run again", || other.ask("GET a") == "nil");
        }
        assert!(shed(&door, "command") >= 16.0);
        assert_eq!((shed(&door, "client"), shed(&door, "cut")), (0.0, 0.0));
    }
}

#[test]
fn new_clients_are_turned_away_before_anybody_is_cut() {
    let door = start_tight("1");
    let mut other = door.client();
    let holder = holding(&door, 1_000_000);
    // Commands are refused while less is held than keeps new clients out.
    wait_until("the request to be held", || door.metric("reddoor_held_bytes") > 1_000_000.0);
    assert_eq!(other.ask("GET a"), REFUSED);
    let refusal =
        "-OVERLOAD bytes held for clients: limit of 1048576 reached; no new client is taken\r\n";
    assert_eq!(door.client().read_to_end(), refusal);
    assert_eq!((shed(&door, "client"), shed(&door, "cut")), (1.0, 0.0));
    assert_eq!(other.ask("PING"), "PONG");
    release(holder);
    wait_until("new clients to be taken", || {
        door.client().try_ask("PING").is_ok_and(|reply| reply == "PONG")
    });
}

#[test]
fn the_client_that_holds_most_is_cut_when_nothing_is_left() {
    let door = start_tight("1");
    let mut small = holding(&door, 100_000);
    let mut other = door.client();
    let mut large = door.client();
    // Too small to be handed on as it comes. The front door may end the connection while this is sent.
    let begin = [&b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9999999\r\n"[..], &[b'x'; 2 * MIB]].concat();
    let _ = large.try_send_bytes(&begin);
    large.read_to_end();
    wait_until("commands to run again", || other.ask("GET a") == "nil");
    assert_eq!(shed(&door, "cut"), 1.0);
    assert_eq!(door.metric("reddoor_client_disconnections_total{reason=\"overload\"}"), 1.0);
    small.send_bytes(REST);
    assert_eq!(text(&small.reply()), "nil");
    wait_until("nothing to be held", || door.metric("reddoor_held_bytes") == 0.0);
}

#[test]
fn who_holds_most_is_not_read_until_it_holds_less() {
    const REPLIES: usize = 25;
    let (first, second) = (FakeNode::start(), FakeNode::start());
    let view = |of_first: &str, of_second: &str| {
        first.line(of_first, 1, "0-8191") + &second.line(of_second, 2, "8192-16383")
    };
    first.set_view(&view("myself,master", "master"));
    second.set_view(&view("master", "myself,master"));
    let settings = [
        ("limits.bytes_max", "16777216"),
        ("limits.client_output_pause_bytes", "1073741824"),
        ("workers.count", "1"),
    ];
    let door = FrontDoor::start(&first.addr().to_string(), &settings);
    let mut client = door.client();
    // `b` lies in a slot of the first node, `a` in one of the second.
    client.send_line("GET b");
    let late = first.expect_call("GET b");
    let reply = format!("$524288\r\n{}\r\n", "x".repeat(MIB / 2));
    // All are asked for before the first comes, or the client would not be read to its last one.
    (0..REPLIES).for_each(|_| client.send_line("GET a"));
    let asked: Vec<_> = (0..REPLIES).map(|_| second.expect_call("GET a")).collect();
    asked.into_iter().for_each(|call| call.reply(&reply));
    let parked = (REPLIES * MIB / 2) as f64;
    wait_until("the replies to be held", || door.metric("reddoor_held_bytes") > parked);
    client.send_line("GET last{a}");
    wait_until("the client not to be read", || shed(&door, "reading") == 1.0);
    assert_eq!(door.client().ask("PING"), "PONG");
    assert_eq!(second.arrived().len(), 0);
    late.reply("$1\r\nb\r\n");
    assert_eq!(text(&client.reply()), "b");
    for _ in 0..REPLIES {
        assert_eq!(client.reply().as_bytes().map(<[u8]>::len), Some(MIB / 2));
    }
    second.expect_call("GET last{a}").reply("$-1\r\n");
    assert_eq!(text(&client.reply()), "nil");
    assert_eq!((shed(&door, "command"), shed(&door, "cut")), (0.0, 0.0));
}

#[test]
fn commands_in_flight_of_all_clients_are_bounded() {
    let node = FakeNode::start();
    let settings = [("limits.requests_max", "3"), ("workers.count", "1")];
    let door = FrontDoor::start(&node.addr().to_string(), &settings);
    let (mut one, mut other) = (door.client(), door.client());
    one.send_bytes(&request_line("GET k").repeat(2));
    let calls = [node.next_call(), node.next_call()];
    other.send_bytes(&request_line("GET k").repeat(2));
    let call = node.next_call();
    let refusal = "-OVERLOAD commands in flight of all clients: limit of 3 reached; the command was not applied";
    call.reply("$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
    assert_eq!((text(&one.reply()), text(&one.reply())), ("a".into(), "b".into()));
    assert_eq!((text(&other.reply()), text(&other.reply())), ("c".into(), refusal.into()));
    drop(calls);
    other.send_line("GET k");
    node.expect_call("GET k").reply("$1\r\nd\r\n");
    assert_eq!(text(&other.reply()), "d");
    assert_eq!(door.metric("reddoor_limits_reached_total{limit=\"requests_max\"}"), 1.0);
    wait_until("no request in flight", || door.metric("reddoor_requests_in_flight") == 0.0);
}

#[test]
fn a_request_that_is_too_long_cuts_its_client_alone() {
    let node = FakeNode::start();
    let settings =
        [("limits.bulk_bytes_max", "1048576"), ("limits.client_input_bytes_max", "1048576")];
    let door = FrontDoor::start(&node.addr().to_string(), &settings);
    let (mut client, mut other) = (door.client(), door.client());
    let half = "x".repeat(600_000);
    let bytes = request(&["MSET", "{k}1", &half, "{k}2", &half]);
    // One byte too many and none behind it, lest the end of the connection overtakes what is said before.
    client.send_bytes(&bytes[..MIB + 1]);
    let refusal =
        "-OVERLOAD bytes of one request: limit of 1048576 reached; the command was not applied\r\n";
    assert_eq!(client.read_to_end(), refusal);
    assert_eq!(other.ask("PING"), "PONG");
    let series = "reddoor_client_disconnections_total{reason=\"input_limit\"}";
    wait_until("the end to be counted", || door.metric(series) == 1.0);
}

#[test]
fn a_storm_of_connections_is_taken_in_by_and_by() {
    let node = FakeNode::start();
    let settings =
        [("listen.accept_per_second", "50"), ("listen.accept_burst", "2"), ("workers.count", "1")];
    let door = FrontDoor::start(&node.addr().to_string(), &settings);
    let begin = Instant::now();
    let mut clients: Vec<Client> = (0..20).map(|_| door.client()).collect();
    for client in &mut clients {
        assert_eq!(client.ask("PING"), "PONG");
    }
    // One is under way beside the burst; the others wait for their turn.
    assert!(begin.elapsed() >= Duration::from_millis(17 * 1000 / 50));
    assert!(door.metric("reddoor_limits_reached_total{limit=\"accept_per_second\"}") >= 1.0);
}

#[test]
fn a_node_that_drops_its_connections_is_not_stormed() {
    let node = FakeNode::start();
    let settings = [
        ("cluster.connects_per_second", "10"),
        ("cluster.connect_burst", "2"),
        ("workers.count", "1"),
    ];
    let door = FrontDoor::start(&node.addr().to_string(), &settings);
    let mut client = door.client();
    let begin = Instant::now();
    client.send_line("GET k");
    for _ in 0..5 {
        node.expect_call("GET k").cut();
    }
    node.expect_call("GET k").reply("$1\r\nv\r\n");
    assert_eq!(text(&client.reply()), "v");
    // Six connections, two of them at once.
    assert!(begin.elapsed() >= Duration::from_millis(350));
    assert!(door.metric("reddoor_limits_reached_total{limit=\"connects_per_second\"}") >= 1.0);
}

#[test]
fn a_client_that_is_too_fast_waits_and_loses_nothing() {
    for name in ["address", "user"] {
        let node = FakeNode::start();
        let (rate, burst) =
            (format!("rates.{name}_commands_per_second"), format!("rates.{name}_burst"));
        let door = FrontDoor::start(
            &node.addr().to_string(),
            &[(&*rate, "100"), (&*burst, "5"), ("workers.count", "2")],
        );
        let mut count = 0;
        node.answer_all(move |_| {
            count += 1;
            format!(":{count}\r\n").into_bytes()
        });
        let (mut client, mut other) = (door.client(), door.client());
        let begin = Instant::now();
        client.send_bytes(&request_line("INCR k").repeat(30));
        for number in 1..=30 {
            assert_eq!(text(&client.reply()), format!(":{number}"));
        }
        assert_eq!(other.ask("INCR k"), ":31", "it shares the limit and is served by and by");
        assert!(begin.elapsed() >= Duration::from_millis(250));
        let series =
            format!("reddoor_limits_reached_total{{limit=\"{name}_commands_per_second\"}}");
        assert!(door.metric(&series) >= 1.0);
    }
}

/// A front door with these limits before one node, and two clients of it.
fn start_joining(settings: &[(&str, &str)]) -> (FakeNode, FrontDoor, [Client; 2]) {
    let node = FakeNode::start();
    let settings = [&[("workers.count", "1")], settings].concat();
    let door = FrontDoor::start(&node.addr().to_string(), &settings);
    let clients = [door.client(), door.client()];
    (node, door, clients)
}

fn too_large(outcome: &str) -> String {
    format!(
        "-OVERLOAD bytes joined into one reply: limit of 65536 reached; the command {outcome} applied"
    )
}

/// A reply to `MGET` of one key: its first half, and the rest.
fn halves(value_bytes: usize) -> [String; 2] {
    let half = "x".repeat(value_bytes / 2);
    [format!("*1\r\n${value_bytes}\r\n{half}"), format!("{half}\r\n")]
}

#[test]
fn replies_to_the_parts_of_a_command_are_held_up_to_their_limit() {
    let (node, door, [mut client, _]) = start_joining(&[("limits.join_bytes_max", "65536")]);
    client.send_line("MGET a b");
    for _ in 0..2 {
        node.next_call().reply(halves(40_000).concat());
    }
    assert_eq!(text(&client.reply()), too_large("was not"));
    // Refused before it has come whole.
    client.send_line("MGET a b");
    let [large, other] = [node.next_call(), node.next_call()];
    let [half, rest] = halves(4 * MIB);
    large.reply(half);
    let series = format!("reddoor_node_bytes_total{{node=\"{}\",direction=\"in\"}}", node.addr());
    wait_until("half of it to come, and not to be held", || {
        let come = door.metric(&series) >= (2 * MIB) as f64;
        come && door.metric("reddoor_held_bytes") < (MIB / 4) as f64
    });
    large.reply(rest);
    other.reply(halves(10).concat());
    assert_eq!(text(&client.reply()), too_large("was not"));
    let series = "reddoor_limits_reached_total{limit=\"join_bytes_max\"}";
    assert_eq!(door.metric(series), 2.0);
    client.send_line("GET a");
    node.expect_call("GET a").reply("$1\r\nv\r\n");
    assert_eq!(text(&client.reply()), "v", "on the same connection");
}

#[test]
fn a_transaction_whose_replies_are_too_large_may_have_been_applied() {
    let settings = [("limits.join_bytes_max", "65536"), ("transactions.cross_slot", "per_slot")];
    let (node, _door, [mut client, _]) = start_joining(&settings);
    let lines = ["MULTI", "GETSET a 1", "GETSET b 1", "EXEC"];
    client.send_bytes(&lines.map(request_line).concat());
    for _ in 0..6 {
        let call = node.next_call();
        call.reply(match call.line().as_str() {
            "MULTI" => "+OK\r\n".to_owned(),
            "EXEC" => halves(40_000).concat(),
            _ => "+QUEUED\r\n".to_owned(),
        });
    }
    let told = ["OK", "QUEUED", "QUEUED", &too_large("may have been")];
    assert_eq!(lines.map(|_| text(&client.reply())), told);
}

#[test]
fn who_waits_for_what_finds_no_room_is_cut_and_nobody_else() {
    let (node, door, [mut client, mut other]) = start_joining(&[("limits.bytes_max", "4194304")]);
    client.send_line("MGET a b");
    let [large, _small] = [node.next_call(), node.next_call()];
    let [half, rest] = halves(16 * MIB);
    large.reply(half);
    client.read_to_end();
    assert_eq!(shed(&door, "cut"), 1.0);
    // What had come of it is not held any more.
    // What had come of it is not held any more. A refusal comes at once.
    other.stream().set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let call = wait_for("room for commands", || {
        other.send_line("GET c");
        other.try_reply().is_err().then(|| node.expect_call("GET c"))
    });
    other.stream().set_read_timeout(Some(PATIENCE)).unwrap();
    large.reply(rest + &halves(10).concat());
    call.reply("$1\r\nv\r\n");
    assert_eq!(text(&other.reply()), "v", "on the same connection");
}
