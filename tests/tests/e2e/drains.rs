//! A front door that is told to stop: who is closed when, and that nobody loses a reply.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use reddoor_tests::client::{Client, request_line, text};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::wait::wait_until;
use rustix::process::Signal;

over_clusters!(real | bundled: clients_finish_what_they_began, a_wait_is_ended_without_losing_its_element);

/// Ages, in which a test that needs the end of a time would fail.
const AGES_MS: &str = "600000";

fn clients_finish_what_they_began(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let settings = [
        ("shutdown.delay_ms", "5000"),
        // A client that is at work rests for less, also where its thread is not let run for a while.
        ("shutdown.idle_ms", "5000"),
        ("shutdown.drain_ms", AGES_MS),
    ];
    let mut door = FrontDoor::start(&cluster.seeds(), &settings);
    let mut transactor = door.client();
    assert_eq!(transactor.ask("MULTI"), "OK");
    assert_eq!(transactor.ask("SET drains:tx 1"), "QUEUED");
    let mut guard = door.client();
    assert_eq!(guard.ask("WATCH drains:tx"), "OK");
    let mut half = door.client();
    half.send_bytes(b"*2\r\n$4\r\nECHO\r\n$5\r\nhel");
    let mut listener = door.client();
    assert_eq!(listener.ask("SUBSCRIBE drains:news"), "[subscribe, drains:news, :1]");
    let mut idle = door.client();
    assert_eq!(idle.ask("PING"), "PONG");

    let is_over = AtomicBool::new(false);
    let rounds = AtomicU64::new(0);
    let client = door.client();
    thread::scope(|scope| {
        let busy = scope.spawn(|| keep_asking(client, &rounds, &is_over));
        wait_until("the busy client to work", || rounds.load(Ordering::Relaxed) > 10);
        door.process.signal(Signal::TERM);
        wait_until("the load balancer to be told", || door.http("/readyz").0 == 503);
        assert_eq!(door.http("/readyz").1, "not ready: draining\n");
        let mut late =
            Client::try_connect(door.addr).expect("clients come in while that gets about");
        assert_eq!(late.ask("PING"), "PONG");
        wait_until("the end of accepting", || TcpStream::connect(door.addr).is_err());
        assert_eq!(idle.read_to_end(), "");
        assert_eq!(listener.read_to_end(), "");
        assert_eq!(late.read_to_end(), "");
        // These are in the middle of something, and go on.
        half.send_bytes(b"lo\r\n");
        assert_eq!(text(&half.reply()), "hello");
        assert_eq!(transactor.ask("EXEC"), "[OK]");
        assert_eq!(guard.ask("MULTI"), "OK");
        assert_eq!(guard.ask("PING"), "QUEUED");
        assert_eq!(guard.ask("EXEC"), "nil");
        for mut client in [half, transactor, guard] {
            assert_eq!(client.read_to_end(), "");
        }
        let before = rounds.load(Ordering::Relaxed);
        wait_until("the busy client to go on", || rounds.load(Ordering::Relaxed) > before + 100);
        assert!(door.process.poll_end().is_none());
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(busy.join().unwrap().read_to_end(), "");
    });
    assert!(door.process.wait_end().success());
}

/// Sends pipelines without a rest, and looks at every reply.
fn keep_asking(mut client: Client, rounds: &AtomicU64, is_over: &AtomicBool) -> Client {
    while !is_over.load(Ordering::Relaxed) {
        let round = rounds.fetch_add(1, Ordering::Relaxed);
        let lines = [format!("SET drains:{round} {round}"), format!("GET drains:{round}")];
        let bytes: Vec<u8> = lines.iter().flat_map(|line| request_line(line)).collect();
        client.send_bytes(&bytes);
        assert_eq!(text(&client.reply()), "OK");
        assert_eq!(text(&client.reply()), round.to_string());
    }
    client
}

fn a_wait_is_ended_without_losing_its_element(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let other = FrontDoor::before(cluster);
    let mut giver = other.client();
    // Each time the stop meets the element at another moment.
    for round in 0..5 {
        let mut door = FrontDoor::start(&cluster.seeds(), &[("shutdown.drain_ms", AGES_MS)]);
        let queue = format!("drains:queue:{}:{round}", door.process.id());
        let mut taker = door.client();
        taker.send_line(&format!("BLPOP {queue} 0"));
        wait_until("the client to wait", || door.metric("reddoor_waiting_clients") > 0.0);
        door.process.signal(Signal::TERM);
        assert_eq!(giver.ask(&format!("RPUSH {queue} element")), ":1");
        let told = taker.read_to_end();
        let left = giver.ask(&format!("LRANGE {queue} 0 -1"));
        match told.as_str() {
            "" => assert_eq!(left, "[element]", "nothing was told, so nothing is gone"),
            _ => {
                assert!(told.ends_with("element\r\n"), "{told}");
                assert_eq!(left, "[]");
            }
        }
        assert!(door.process.wait_end().success());
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let cluster = Cluster::shared(Kind::Bundled);
    let mut door = FrontDoor::start(&cluster.seeds(), &[("shutdown.drain_ms", AGES_MS)]);
    let mut client = door.client();
    assert_eq!(client.ask("MULTI"), "OK");
    door.process.signal(Signal::TERM);
    wait_until("the end of accepting", || TcpStream::connect(door.addr).is_err());
    door.process.signal(Signal::TERM);
    door.process.wait_end();
    assert_eq!(client.read_to_end(), "");
}

#[test]
fn a_drain_is_bounded() {
    let cluster = Cluster::shared(Kind::Bundled);
    let mut door = FrontDoor::start(&cluster.seeds(), &[("shutdown.drain_ms", "300")]);
    let mut client = door.client();
    assert_eq!(client.ask("MULTI"), "OK");
    let began = Instant::now();
    door.process.signal(Signal::TERM);
    assert_eq!(client.read_to_end(), "");
    assert!(door.process.wait_end().success());
    assert!(began.elapsed() >= Duration::from_millis(300), "it may go on as long as that");
}
