//! A command that waits is answered when there is something, when its time is over, or when it is told to stop; who
//! waits disturbs nobody, and who leaves takes nothing.

use reddoor_protocol::slot::Slot;
use reddoor_tests::client::{Client, text};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::redis_server::{self, RedisServer};
use reddoor_tests::wait::wait_until;

over_clusters!(real | bundled: an_element_that_comes_ends_the_wait, a_wait_ends_with_its_time,
    the_replies_are_those_of_one_redis, what_is_pipelined_keeps_its_order, who_leaves_takes_nothing,
    a_client_of_any_worker_is_unblocked, many_wait_and_none_is_in_the_way, a_waiting_client_may_send_on_within_bounds);

/// A cluster whose nodes know the command.
fn cluster(kind: Kind, command: &str) -> Option<&'static Cluster> {
    let cluster = Cluster::shared(kind);
    cluster.nodes[0].serves(command).then_some(cluster)
}

/// Waits until so many clients of the front door wait at nodes.
fn wait_waiting(cluster: &Cluster, count: usize) {
    wait_until("clients to wait", || {
        let waiting = |node: &reddoor_tests::cluster::node::Node| -> usize {
            let info = node.ask("INFO clients");
            let line = info.lines().find_map(|line| line.strip_prefix("blocked_clients:"));
            line.unwrap().trim().parse().unwrap()
        };
        cluster.nodes.iter().map(waiting).sum::<usize>() == count
    });
}

fn an_element_that_comes_ends_the_wait(kind: Kind) {
    if cluster(kind, "BLPOP").is_none() {
        return;
    }
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    let mut other = door.client();
    for (wait, come, reply) in [
        ("BLPOP {b}l {b}m 0", "RPUSH {b}m 1", "[{b}m, 1]"),
        ("BRPOP {b}l 0", "RPUSH {b}l 2", "[{b}l, 2]"),
        ("BLMOVE {b}l {b}n LEFT RIGHT 0", "RPUSH {b}l 3", "3"),
        ("BRPOPLPUSH {b}l {b}n 0", "RPUSH {b}l 4", "4"),
        ("BLMPOP 0 2 {b}l {b}m LEFT COUNT 2", "RPUSH {b}l 5 6", "[{b}l, [5, 6]]"),
        ("BZPOPMIN {b}z 0", "ZADD {b}z 1 a 2 b", "[{b}z, a, 1]"),
        ("BZPOPMAX {b}y 0", "ZADD {b}y 1 a 2 b", "[{b}y, b, 2]"),
        ("BZMPOP 0 1 {b}x MIN", "ZADD {b}x 1 a", "[{b}x, [[a, 1]]]"),
        ("XREAD BLOCK 0 STREAMS {b}s 0", "XADD {b}s 1-1 f v", "[[{b}s, [[1-1, [f, v]]]]]"),
    ] {
        if !cluster.nodes[0].serves(wait.split(' ').next().unwrap()) {
            continue;
        }
        let mut client = door.client();
        client.send_line(wait);
        wait_waiting(&cluster, 1);
        assert!(other.ask("INFO clients").contains("blocked_clients:1\r\n"), "{wait}");
        let come = other.ask(come);
        assert!(!come.starts_with('-'), "{come}");
        assert_eq!(text(&client.reply()), reply, "{wait}");
    }
    // What is there already is answered at once.
    other.ask("RPUSH {b}now 1");
    assert_eq!(other.ask("BLPOP {b}now 0"), "[{b}now, 1]");
}

fn a_wait_ends_with_its_time(kind: Kind) {
    let Some(cluster) = cluster(kind, "BLPOP") else { return };
    // The front door's own limit is shorter than the wait, and has no say in it. It is what the node may be late.
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "5000")]);
    let mut client = door.client();
    assert_eq!(client.ask("BLPOP never 6"), "nil");
    assert_eq!(client.ask("PING"), "PONG");
}

fn the_replies_are_those_of_one_redis(kind: Kind) {
    let Some(cluster) = cluster(kind, "BLPOP") else { return };
    if !redis_server::is_installed() {
        return;
    }
    let oracle = RedisServer::start(&[]);
    let door = FrontDoor::before(cluster);
    for hello in ["HELLO 2", "HELLO 3"] {
        let (mut here, mut there) = (door.client(), oracle.client());
        for line in [
            hello,
            "BLPOP {o}n 0.01",
            "BLMOVE {o}n {o}m LEFT LEFT 0.01",
            "BRPOPLPUSH {o}n {o}m 0.01",
            "BLPOP {o}n x",
            "BLPOP {o}n -1",
            "BLPOP {o}n inf",
            "BLPOP {o}n",
            "SET {o}s 1",
            "BLPOP {o}s 0",
            "BLMOVE {o}n {o}m UP LEFT 0",
            "MULTI",
            "BLPOP {o}n 0",
            "BLMOVE {o}n {o}m LEFT LEFT 0",
            "EXEC",
            "DEL {o}s",
        ] {
            here.send_line(line);
            there.send_line(line);
            let (reply, expect) = (here.reply_bytes(), there.reply_bytes());
            assert!(reply == expect || line == hello, "{line}: {reply} {expect}");
        }
    }
}

fn what_is_pipelined_keeps_its_order(kind: Kind) {
    let Some(cluster) = cluster(kind, "BLPOP") else { return };
    let door = FrontDoor::before(cluster);
    for mut client in [door.client(), door.client_v3()] {
        for _ in 0..50 {
            for line in [
                "RPUSH {pipe}l 1 2",
                "BLPOP {pipe}l 0",
                "LLEN {pipe}l",
                "DEL {pipe}l",
                "BLPOP {pipe}l 0.001",
                "PING",
            ] {
                client.send_line(line);
            }
            let replies: Vec<String> = (0..6).map(|_| text(&client.reply())).collect();
            assert_eq!(replies, [":2", "[{pipe}l, 1]", ":1", ":1", "nil", "PONG"]);
        }
    }
}

fn who_leaves_takes_nothing(kind: Kind) {
    if cluster(kind, "BLPOP").is_none() {
        return;
    }
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    let mut other = door.client();
    for leaving in ["closed", "shut", "killed"] {
        let mut client = door.client();
        let id = client.ask("CLIENT ID");
        client.send_line("BLPOP left 0");
        wait_waiting(&cluster, 1);
        match leaving {
            "closed" => drop(client),
            "shut" => {
                client.stream().shutdown(std::net::Shutdown::Write).unwrap();
                assert_eq!(client.read_to_end(), "");
            }
            _ => {
                assert_eq!(other.ask(&format!("CLIENT KILL ID {}", &id[1..])), ":1");
                assert_eq!(client.read_to_end(), "");
            }
        }
        wait_waiting(&cluster, 0);
        assert_eq!(other.ask("RPUSH left x"), ":1");
        assert_eq!(other.ask("LPOP left"), "x", "{leaving}");
    }
}

fn a_client_of_any_worker_is_unblocked(kind: Kind) {
    if cluster(kind, "BLPOP").is_none() {
        return;
    }
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("workers.count", "3")]);
    let mut other = door.client();
    for (how, reply) in [
        ("", "nil"),
        (" TIMEOUT", "nil"),
        (" ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK"),
    ] {
        for _ in 0..4 {
            let mut client = door.client();
            let id = client.ask("CLIENT ID");
            client.send_line("BLPOP unblock 0");
            wait_waiting(&cluster, 1);
            assert_eq!(other.ask(&format!("CLIENT UNBLOCK {}{how}", &id[1..])), ":1");
            assert_eq!(text(&client.reply()), reply);
            assert_eq!(other.ask(&format!("CLIENT UNBLOCK {}{how}", &id[1..])), ":0");
            assert_eq!(client.ask("PING"), "PONG");
        }
    }
}

fn many_wait_and_none_is_in_the_way(kind: Kind) {
    let Some(cluster) = cluster(kind, "BLPOP") else { return };
    let door = FrontDoor::start(&cluster.seeds(), &[("limits.pinned_links_max", "200")]);
    let mut other = door.client();
    let mut clients: Vec<Client> = (0..60).map(|_| door.client()).collect();
    for (client, index) in clients.iter_mut().zip(0..) {
        client.send_line(&format!("BLPOP many:{index} 0"));
    }
    for index in 0..60 {
        assert_eq!(other.ask(&format!("RPUSH many:{index} {index}")), ":1");
    }
    for (client, index) in clients.iter_mut().zip(0..) {
        assert_eq!(text(&client.reply()), format!("[many:{index}, {index}]"));
    }
    wait_until("nobody to wait", || door.metric("reddoor_waiting_clients") == 0.0);
}

fn a_waiting_client_may_send_on_within_bounds(kind: Kind) {
    let Some(cluster) = cluster(kind, "BLPOP") else { return };
    let door = FrontDoor::start(&cluster.seeds(), &[("limits.held_input_bytes_max", "4096")]);
    let (mut client, mut other) = (door.client(), door.client());
    client.send_line("BLPOP {held}l 0");
    for _ in 0..300 {
        client.send(&["SET", "{held}s", &"x".repeat(100)]);
    }
    wait_until("the limit to be reached", || {
        door.metric("reddoor_limits_reached_total{limit=\"held_input_bytes_max\"}") == 1.0
    });
    assert_eq!(other.ask("RPUSH {held}l 1"), ":1");
    assert_eq!(text(&client.reply()), "[{held}l, 1]");
    for _ in 0..300 {
        assert_eq!(text(&client.reply()), "OK");
    }
    assert_eq!(other.ask("DEL {held}s"), ":1");
    assert!(Slot::of_key(b"{held}s") == Slot::of_key(b"{held}l"));
}
