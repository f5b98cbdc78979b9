//! A new process in the place of a running front door: nobody is refused, nobody loses a reply.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use reddoor_tests::binary;
use reddoor_tests::client::{Client, request_line, text};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::guard;
use reddoor_tests::over_clusters;
use reddoor_tests::port;
use reddoor_tests::process::Process;
use reddoor_tests::wait::wait_until;

over_clusters!(real | bundled: nobody_notices_that_the_front_door_is_another);

/// Clients of each kind (count).
const CLIENTS: usize = 3;

/// Pairs of commands in one pipeline (count).
const PIPELINE: usize = 20;

fn nobody_notices_that_the_front_door_is_another(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let patient = ("shutdown.idle_ms", "600000");
    let mut door = FrontDoor::start(&cluster.seeds(), &[("workers.count", "2"), patient]);
    let addr = door.addr;
    let mut predecessors = Vec::new();
    let (visits, rounds) = (AtomicU64::new(0), AtomicU64::new(0));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _end = SetOnDrop(&is_over);
        let (visits, rounds, is_over) = (&visits, &rounds, &is_over);
        for client in 0..CLIENTS {
            scope.spawn(move || visit_again_and_again(addr, client, visits, is_over));
        }
        // The number of workers may change, either way.
        for workers in ["3", "1", "2"] {
            for client in 0..CLIENTS {
                scope.spawn(move || send_pipelines(addr, client, rounds, is_over));
            }
            wait_for_more(&[visits, rounds]);
            let successor =
                door.successor(&cluster.seeds(), &[("workers.count", workers), patient]);
            assert_eq!((successor.addr, successor.admin), (door.addr, door.admin));
            predecessors.push(std::mem::replace(&mut door, successor));
            wait_for_more(&[visits, rounds]);
            assert_eq!(door.http("/readyz").0, 200);
        }
        for door in &mut predecessors {
            assert!(door.process.poll_end().is_none(), "it has clients that are not idle");
        }
    });
    // Their clients have left.
    for mut door in predecessors {
        assert!(door.process.wait_end().success());
    }
    assert_eq!(door.client().ask("PING"), "PONG");
}

fn wait_for_more(counts: &[&AtomicU64]) {
    for count in counts {
        let before = count.load(Ordering::Relaxed);
        wait_until("the clients to go on", || count.load(Ordering::Relaxed) > before + 200);
    }
}

/// Connects, asks and leaves; fails when anything of that does.
fn visit_again_and_again(
    addr: SocketAddr,
    client: usize,
    visits: &AtomicU64,
    is_over: &AtomicBool,
) {
    while !is_over.load(Ordering::Relaxed) {
        let mut visitor = Client::connect(addr);
        assert_eq!(visitor.ask(&format!("SET visitor:{client} here")), "OK");
        visits.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends pipelines on one connection, looks at every reply, and leaves when it is sent away.
fn send_pipelines(addr: SocketAddr, client: usize, rounds: &AtomicU64, is_over: &AtomicBool) {
    let mut sender = Client::connect(addr);
    while !is_over.load(Ordering::Relaxed) {
        let round = rounds.fetch_add(1, Ordering::Relaxed);
        let (set, echo) = (format!("SET sender:{client} {round}"), format!("ECHO {round}"));
        let pipeline = [request_line(&set), request_line(&echo)].concat().repeat(PIPELINE);
        sender.send_bytes(&pipeline);
        for _ in 0..PIPELINE {
            assert_eq!(text(&sender.reply()), "OK");
            assert_eq!(text(&sender.reply()), round.to_string());
        }
    }
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_client_at_rest_is_closed_and_comes_back_to_the_new_one() {
    let cluster = Cluster::shared(Kind::Bundled);
    let mut door = FrontDoor::before(cluster);
    let mut idle = door.client();
    assert_eq!(idle.ask("PING"), "PONG");
    let mut waiting = door.client();
    waiting.send_line("BLPOP take-overs:nothing 0");
    let new = door.successor(&cluster.seeds(), &[]);
    assert_eq!(idle.read_to_end(), "");
    assert_eq!(waiting.read_to_end(), "");
    assert!(door.process.wait_end().success());
    assert_eq!(new.client().ask("PING"), "PONG");
    // The control socket has come along.
    let last = new.successor(&cluster.seeds(), &[]);
    assert_eq!(last.client().ask("PING"), "PONG");
}

#[test]
fn a_successor_that_fails_changes_nothing() {
    let cluster = Cluster::shared(Kind::Bundled);
    let door = FrontDoor::before(cluster);
    let mut client = door.client();
    let deserted = format!("127.0.0.1:{}", port::deserted());
    for (seeds, settings, code, why) in [
        (&cluster.seeds(), [("limits.args_max", "0")], 64, "limits.args_max"),
        (&deserted, [("limits.args_max", "16")], 1, "no node told the topology within 10s"),
    ] {
        let mut command = door.successor_command(seeds, &settings);
        let mut failing = Process::start("failing", &guard::temp_dir("failing"), &mut command);
        assert_eq!(failing.wait_end().code(), Some(code));
        assert!(failing.log().contains(why), "{}", failing.log());
        assert_eq!(client.ask("PING"), "PONG");
        assert_eq!(door.client().ask("PING"), "PONG");
        assert_eq!(door.http("/readyz").0, 200);
    }
    assert_eq!(door.successor(&cluster.seeds(), &[]).client().ask("PING"), "PONG");
}

#[test]
fn without_a_front_door_there_is_nothing_to_take_over() {
    let mut command = binary::command();
    command.args(["proxy", "--cluster", "127.0.0.1:1", "--admin", "", "--take-over"]);
    let addr = format!("127.0.0.1:{}", port::deserted());
    let output = command.args(["--listen", &addr]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(&format!("cannot take over from the front door at {addr}: ")), "{told}");
}
