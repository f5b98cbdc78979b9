//! `CLIENT PAUSE` holds the clients of all workers back, and refuses nobody.

use reddoor_tests::client::{Client, text};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;

over_clusters!(real | bundled: writers_wait_until_the_pause_is_ended, everybody_waits_until_the_pause_is_over);

/// A minute; no test waits so long.
const LONG: &str = "60000";

fn writers_wait_until_the_pause_is_ended(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let door = FrontDoor::start(&cluster.seeds(), &[("workers.count", "3")]);
    let mut clients: Vec<Client> = (0..12).map(|_| door.client()).collect();
    let mut pauser = door.client();
    assert_eq!(pauser.ask("DEL {pause}n {pause}t"), ":0");
    assert_eq!(pauser.ask(&format!("CLIENT PAUSE {LONG} WRITE")), "OK");
    for client in &mut clients {
        assert_eq!(client.ask("GET {pause}n"), "nil");
        assert_eq!(client.ask("MULTI"), "OK");
        assert_eq!(client.ask("GET {pause}n"), "QUEUED");
        assert_eq!(client.ask("EXEC"), "[nil]");
        client.send_line("INCR {pause}n");
        client.send_line("GET {pause}t");
    }
    assert_eq!(pauser.ask("GET {pause}n"), "nil", "no write has come through");
    assert_eq!(pauser.ask("CLIENT UNPAUSE"), "OK");
    let mut numbers: Vec<i64> =
        clients.iter_mut().map(|client| client.reply().as_integer().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
    clients.iter_mut().for_each(|client| assert_eq!(text(&client.reply()), "nil"));
    assert_eq!(pauser.ask("DEL {pause}n"), ":1");
}

fn everybody_waits_until_the_pause_is_over(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let door = FrontDoor::start(&cluster.seeds(), &[("workers.count", "2")]);
    let mut clients: Vec<Client> = (0..6).map(|_| door.client()).collect();
    let started = std::time::Instant::now();
    assert_eq!(clients[0].ask("CLIENT PAUSE 300"), "OK");
    // Even who would end it waits, as with a Redis.
    clients[0].send_line("CLIENT UNPAUSE");
    for client in &mut clients {
        client.send_line("PING");
    }
    assert_eq!(text(&clients[0].reply()), "OK");
    for client in &mut clients {
        assert_eq!(text(&client.reply()), "PONG");
    }
    assert!(started.elapsed().as_millis() >= 290);
}

#[test]
fn mistakes_are_told_as_by_a_redis() {
    let node = reddoor_tests::fake_node::FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[]);
    let mut client = door.client();
    for (line, reply) in [
        ("CLIENT PAUSE x", "-ERR timeout is not an integer or out of range"),
        ("CLIENT PAUSE -1", "-ERR timeout is negative"),
        ("CLIENT PAUSE 100 FOO", "-ERR CLIENT PAUSE mode must be WRITE or ALL"),
        (
            "CLIENT PAUSE 100 WRITE x",
            "-ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP.",
        ),
        ("CLIENT UNPAUSE", "OK"),
        ("CLIENT UNBLOCK x", "-ERR value is not an integer or out of range"),
        ("CLIENT UNBLOCK 99 NO", "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"),
        ("CLIENT UNBLOCK 99", ":0"),
        (
            "CLIENT UNBLOCK 99 ERROR x",
            "-ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.",
        ),
        ("CLIENT NO-TOUCH ON", "-ERR unknown subcommand 'NO-TOUCH'. Try CLIENT HELP."),
    ] {
        assert_eq!(client.ask(line), reply, "{line}");
    }
}
