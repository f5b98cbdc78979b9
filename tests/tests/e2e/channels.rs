//! Publish and subscribe, MONITOR: many clients listen through the front door as to one Redis.

use reddoor_protocol::slot::Slot;
use reddoor_tests::client::Client;
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::redis_server::{self, RedisServer};
use reddoor_tests::wait::wait_until;

over_clusters!(
    real | bundled: listeners_hear_what_is_published,
    many_clients_share_what_the_nodes_carry,
    shard_channels_follow_their_slot,
    who_has_left_is_not_counted,
    nobody_hears_a_message_before_the_confirmation,
    one_that_does_not_read_is_cut_alone,
);

over_clusters!(
    real: events_of_all_primaries_are_heard,
    listeners_outlive_a_failover,
    monitors_see_what_all_primaries_execute,
);

/// Whether the nodes publish at all; bundled ones learn as they grow.
fn publishes(cluster: &Cluster) -> bool {
    let is_known = cluster.nodes[0].ask("PUBSUB NUMPAT").starts_with(':');
    if !is_known {
        eprintln!("SKIPPED: these nodes do not publish yet");
    }
    is_known
}

/// What a script of one listening client brings, as bytes; what the other client publishes comes in between.
const SCRIPT: &str = "\
    SUBSCRIBE a b a
    PSUBSCRIBE a* ?
    > PUBLISH a hello
    ! 3
    PING
    PING x
    > PUBLISH c hello
    ! 1
    UNSUBSCRIBE b
    UNSUBSCRIBE b
    GET x
    PUNSUBSCRIBE
    SSUBSCRIBE {s}1 {s}2
    > SPUBLISH {s}1 hi
    ! 1
    SUNSUBSCRIBE
    SUNSUBSCRIBE
    UNSUBSCRIBE
    GET x
    PING
    SUBSCRIBE z
    RESET
    GET x
    UNSUBSCRIBE
    PUNSUBSCRIBE nothing
    > PUBLISH z nobody
    SUBSCRIBE
    PUBLISH z";

fn listeners_hear_what_is_published(kind: Kind) {
    if !redis_server::is_installed() || !publishes(Cluster::shared(kind)) {
        return;
    }
    let redis = RedisServer::start(&[]);
    let door = FrontDoor::before(Cluster::shared(kind));
    for version in ["2", "3"] {
        let [expected, got] =
            [redis.addr(), ("127.0.0.1", door.addr.port())].map(|addr| heard(addr, version));
        assert_eq!(got, expected, "RESP{version}");
    }
}

/// What the listening and the publishing client get for [`SCRIPT`], a reply a line, what is in no order sorted.
fn heard(addr: (&str, u16), version: &str) -> Vec<String> {
    let (mut listener, mut publisher) = (Client::connect(addr), Client::connect(addr));
    listener.ask(&format!("HELLO {version}"));
    let mut lines = Vec::new();
    for line in SCRIPT.lines().map(str::trim) {
        if let Some(request) = line.strip_prefix("> ") {
            lines.push(publisher.ask(request));
        } else if let Some(count) = line.strip_prefix("! ") {
            let mut heard: Vec<String> =
                (0..count.parse().unwrap()).map(|_| listener.reply_bytes()).collect();
            heard.sort();
            lines.extend(heard);
        } else {
            // A command about several channels is answered once for each.
            let words: Vec<&str> = line.split(' ').collect();
            let is_for_all = ["PUNSUBSCRIBE", "SUNSUBSCRIBE"].contains(&line)
                && lines.last().is_some_and(|last| !last.contains(&line.to_lowercase()));
            let is_listening = words[0].ends_with("SUBSCRIBE");
            let count = match words.len() {
                1 if is_for_all => 2,
                len if is_listening && len > 2 => len - 1,
                _ => 1,
            };
            listener.send_line(line);
            let mut replies: Vec<String> = (0..count).map(|_| listener.reply_bytes()).collect();
            if is_for_all {
                // In which order all channels are left is each server's own affair.
                replies = replies.iter().map(|r| r.lines().nth(2).unwrap().to_owned()).collect();
            }
            lines.extend(replies);
        }
    }
    lines
}

fn many_clients_share_what_the_nodes_carry(kind: Kind) {
    let cluster = Cluster::shared(kind);
    if !publishes(cluster) {
        return;
    }
    let door = FrontDoor::start(&cluster.seeds(), &[("workers.count", "2")]);
    let channel = format!("shared:{}", kind as u8);
    let mut listeners: Vec<Client> = (0..40).map(|_| door.client()).collect();
    for listener in &mut listeners {
        assert_eq!(
            listener.ask(&format!("SUBSCRIBE {channel}")),
            format!("[subscribe, {channel}, :1]")
        );
    }
    let counts: Vec<usize> = cluster
        .nodes
        .iter()
        .map(|node| node.ask(&format!("PUBSUB NUMSUB {channel}")))
        .map(|reply| reply.rsplit(':').next().unwrap().trim_end_matches(']').parse().unwrap())
        .collect();
    assert!(counts.iter().sum::<usize>() <= 2, "one for each worker: {counts:?}");
    let mut publisher = door.client();
    assert_eq!(publisher.ask(&format!("PUBLISH {channel} one")), ":40");
    publisher.send_line(&format!("PUBLISH {channel} two"));
    for listener in &mut listeners {
        for message in ["one", "two"] {
            assert_eq!(listener.reply_bytes(), bytes_of(&channel, message));
        }
    }
    drop(listeners);
    wait_until("the nodes to be told that nobody listens", || {
        cluster.nodes.iter().all(|n| n.ask(&format!("PUBSUB NUMSUB {channel}")).ends_with(":0]"))
    });
}

fn bytes_of(channel: &str, message: &str) -> String {
    let (c, m) = (channel.len(), message.len());
    format!("*3\r\n$7\r\nmessage\r\n${c}\r\n{channel}\r\n${m}\r\n{message}\r\n")
}

fn shard_channels_follow_their_slot(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    if !publishes(&cluster) {
        return;
    }
    let door = FrontDoor::before(&cluster);
    let (mut listener, mut publisher) = (door.client_v3(), door.client());
    assert_eq!(listener.ask("SSUBSCRIBE follow"), ">[ssubscribe, follow, :1]");
    assert_eq!(publisher.ask("SPUBLISH follow 1"), ":1");
    assert_eq!(listener.reply_bytes(), ">3\r\n$8\r\nsmessage\r\n$6\r\nfollow\r\n$1\r\n1\r\n");
    let owner = cluster.owner_of("follow");
    let target = cluster.other_than(owner);
    cluster.move_slot(reddoor_protocol::slot::Slot::of_key(b"follow"), owner, target);
    // The subscription moves to the new owner by itself.
    wait_until("the new owner to carry the channel", || {
        target.ask("PUBSUB SHARDNUMSUB follow") == "[follow, :1]"
    });
    assert_eq!(publisher.ask("SPUBLISH follow 2"), ":1");
    assert_eq!(listener.reply_bytes(), ">3\r\n$8\r\nsmessage\r\n$6\r\nfollow\r\n$1\r\n2\r\n");
}

fn who_has_left_is_not_counted(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    if !publishes(&cluster) {
        return;
    }
    // Several workers, each of which a node knows by a connection of its own.
    let door = FrontDoor::start(&cluster.seeds(), &[("workers.count", "3")]);
    let mut publisher = door.client();
    for (round, command) in ["", "P", "S"].into_iter().cycle().take(60).enumerate() {
        let mut listener = door.client_v3();
        let topic = format!("left:{round}");
        let publish = format!("{}PUBLISH {topic} x", command.replace('P', ""));
        listener.ask(&format!("{command}SUBSCRIBE {topic} {{{topic}}}other"));
        listener.reply();
        assert_eq!(publisher.ask(&publish), ":1");
        listener.reply();
        listener.ask(&format!("{command}UNSUBSCRIBE {topic}"));
        assert_eq!(publisher.ask(&publish), ":0");
    }
    // A node that hangs keeps nobody from leaving.
    let mut listener = door.client();
    listener.ask("SUBSCRIBE left");
    let home = cluster.owner_of_slot(Slot::ZERO);
    home.pause();
    let reply = listener.ask("UNSUBSCRIBE left");
    home.resume();
    assert_eq!(reply, "[unsubscribe, left, :0]");
}

fn nobody_hears_a_message_before_the_confirmation(kind: Kind) {
    let cluster = Cluster::shared(kind);
    if !publishes(cluster) {
        return;
    }
    let door = FrontDoor::before(cluster);
    let (mut listener, mut publisher) = (door.client(), door.client());
    for round in 0..20 {
        let channel = format!("order:{}:{round}", kind as u8);
        // What stands before the subscription in the pipeline is answered before it.
        listener.send_line("GET nothing");
        listener.send_line(&format!("SUBSCRIBE {channel}"));
        listener.send_line("PING between");
        assert_eq!(listener.reply_bytes(), "$-1\r\n");
        assert!(listener.reply_bytes().contains("subscribe"));
        assert_eq!(listener.reply_bytes(), "*2\r\n$4\r\npong\r\n$7\r\nbetween\r\n");
        // The confirmation means that what is published from now on is heard.
        assert_eq!(publisher.ask(&format!("PUBLISH {channel} {round}")), ":1");
        assert_eq!(listener.reply_bytes(), bytes_of(&channel, &round.to_string()));
        listener.ask(&format!("UNSUBSCRIBE {channel}"));
    }
}

fn one_that_does_not_read_is_cut_alone(kind: Kind) {
    let cluster = Cluster::shared(kind);
    if !publishes(cluster) {
        return;
    }
    let settings = [("limits.subscriber_output_bytes_max", "1000000"), ("workers.count", "1")];
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let channel = format!("flood:{}", kind as u8);
    let (mut deaf, mut listener, mut publisher) = (door.client(), door.client(), door.client());
    deaf.ask(&format!("SUBSCRIBE {channel}"));
    listener.ask(&format!("SUBSCRIBE {channel}"));
    let message = "x".repeat(200_000);
    wait_until("the deaf one to be cut", || {
        publisher.ask(&format!("PUBLISH {channel} {message}"));
        listener.reply();
        door.http("/metrics")
            .1
            .contains("reddoor_limits_reached_total{limit=\"subscriber_output_bytes_max\"} 1")
    });
    assert_eq!(publisher.ask(&format!("PUBLISH {channel} last")), ":1");
    assert_eq!(listener.reply_bytes(), bytes_of(&channel, "last"));
    deaf.read_to_end();
}

fn events_of_all_primaries_are_heard(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    for node in &cluster.nodes {
        assert_eq!(node.ask("CONFIG SET notify-keyspace-events KEA"), "OK");
    }
    let door = FrontDoor::before(&cluster);
    let (mut listener, mut client) = (door.client(), door.client());
    listener.ask("PSUBSCRIBE __keyevent@0__:*");
    listener.ask("SUBSCRIBE __keyspace@0__:seen:7");
    for index in 0..30 {
        assert_eq!(client.ask(&format!("SET seen:{index} x")), "OK");
    }
    let mut keys: Vec<String> = (0..31).map(|_| listener.reply_bytes()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 31, "each event is heard once: {keys:?}");
    assert!(keys.iter().any(|event| event.contains("__keyspace@0__:seen:7\r\n$3\r\nset")));
    // Messages of clients are still heard once, though every primary brings them.
    listener.ask("PSUBSCRIBE *");
    client.ask("PUBLISH ordinary x");
    client.ask("SET seen:end x");
    assert!(listener.reply_bytes().contains("ordinary"));
    assert!(!listener.reply_bytes().contains("ordinary"));
}

fn listeners_outlive_a_failover(kind: Kind) {
    let mut cluster = Cluster::start_with_replicas(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "80000")]);
    let (mut listener, mut publisher) = (door.client(), door.client());
    listener.ask("SUBSCRIBE news");
    listener.ask("SSUBSCRIBE {06S}news");
    let home = reddoor_protocol::slot::Slot::ZERO;
    let port = cluster.owner_of_slot(home).port();
    let index = cluster.nodes.iter().position(|node| node.port() == port).unwrap();
    cluster.expect_death();
    cluster.nodes[index].kill();
    // What is published waits for the new primary, and so, perhaps, does the subscription: it is not heard then.
    wait_until("the channel to be carried again", || publisher.ask("PUBLISH news again") == ":1");
    wait_until("the shard channel to be carried again", || {
        publisher.ask("SPUBLISH {06S}news again") == ":1"
    });
    assert!(listener.reply_bytes().contains("again"));
    assert!(listener.reply_bytes().contains("again"));
}

fn monitors_see_what_all_primaries_execute(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    let (mut first, mut second, mut client) = (door.client(), door.client_v3(), door.client());
    assert_eq!(first.ask("MONITOR"), "OK");
    assert_eq!(second.ask("MONITOR"), "OK");
    for index in 0..10 {
        client.ask(&format!("SET monitored:{index} x"));
    }
    for monitor in [&mut first, &mut second] {
        let mut seen = 0;
        while seen < 10 {
            let line = monitor.reply_bytes();
            assert!(line.starts_with('+'), "{line}");
            seen += usize::from(line.contains("\"SET\" \"monitored:"));
        }
    }
    drop((first, second));
    wait_until("the nodes to have no monitor", || {
        cluster.nodes.iter().all(|node| !node.ask("CLIENT LIST").contains("flags=O"))
    });
}
