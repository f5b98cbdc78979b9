//! Reads that a replica does not answer well, with nodes that do as they are told: what it refuses, lacks, or takes long
//! for is asked elsewhere.

use reddoor_tests::client::{Client, text};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::wait::{wait_for, wait_until};

/// A primary and its replica.
struct Shard {
    primary: FakeNode,
    replica: FakeNode,
}

impl Shard {
    fn start() -> Shard {
        let shard = Shard { primary: FakeNode::start(), replica: FakeNode::start() };
        let (primary, replica) = (&shard.primary, &shard.replica);
        let line = |flags: &str| primary.line(flags, 1, "0-16383");
        primary.set_view(&(line("myself,master") + &replica.line_of_replica("slave", primary)));
        replica.set_view(&(line("master") + &replica.line_of_replica("myself,slave", primary)));
        shard.write("stream", 100);
        shard.apply("stream", 100);
        shard
    }

    /// The primary has written so much.
    fn write(&self, stream: &str, offset: u64) {
        let text =
            format!("role:master\r\nmaster_replid:{stream}\r\nmaster_repl_offset:{offset}\r\n");
        self.primary.set_replication(&text);
    }

    /// The replica has applied so much.
    fn apply(&self, stream: &str, offset: u64) {
        self.replica.set_replication(&replication(stream, offset));
    }

    fn door(&self, more: &[(&str, &str)]) -> FrontDoor {
        let mut settings = vec![
            ("workers.count", "1"),
            ("request.timeout_ms", "80000"),
            ("reads.from", "prefer_replica"),
            ("reads.check_interval_ms", "20"),
            // No replica is left out because it is late on a busy machine, unless the test is about it.
            ("reads.lag_max_ms", "3600000"),
        ];
        settings.extend(more);
        FrontDoor::start(&self.primary.addr().to_string(), &settings)
    }

    /// Sends a read and answers it; whether the replica was the one that was asked.
    fn is_replica_asked(&self, client: &mut Client, line: &str) -> bool {
        client.send_line(line);
        let (call, is_replica) = wait_for("somebody to be asked", || {
            let by_replica = self.replica.arrived().pop().map(|call| (call, true));
            by_replica.or_else(|| Some((self.primary.arrived().pop()?, false)))
        });
        assert_eq!(call.line(), line);
        call.reply("$1\r\nv\r\n");
        assert_eq!(text(&client.reply()), "v");
        is_replica
    }

    /// Reads until the replica is the one that is asked.
    fn wait_replica_asked(&self, client: &mut Client) {
        wait_until("the replica to be asked", || self.is_replica_asked(client, "GET warm"));
    }

    /// Reads until the primary is the one that is asked.
    fn wait_primary_asked(&self, client: &mut Client) {
        wait_until("the primary to be asked", || !self.is_replica_asked(client, "GET cold"));
    }
}

fn replication(stream: &str, offset: u64) -> String {
    format!(
        "role:slave\r\nmaster_link_status:up\r\nmaster_sync_in_progress:0\r\nslave_repl_offset:{offset}\r\n\
         master_replid:{stream}\r\n"
    )
}

fn start(more: &[(&str, &str)]) -> (Shard, FrontDoor, Client) {
    let shard = Shard::start();
    let door = shard.door(more);
    let mut client = door.client();
    shard.wait_replica_asked(&mut client);
    (shard, door, client)
}

fn detours(door: &FrontDoor, reason: &str) -> f64 {
    door.metric(&format!("reddoor_read_detours_total{{reason=\"{reason}\"}}"))
}

#[test]
fn what_a_replica_lacks_is_asked_of_the_primary() {
    let (shard, door, mut client) = start(&[]);
    let Shard { primary, replica } = &shard;
    for (line, nothing, something) in [
        ("GET k", "$-1\r\n", "$1\r\nv\r\n"),
        ("EXISTS k", ":0\r\n", ":1\r\n"),
        ("HMGET k a b", "*2\r\n$-1\r\n$-1\r\n", "*2\r\n$1\r\na\r\n$-1\r\n"),
        ("SMEMBERS k", "*0\r\n", "*1\r\n$1\r\nm\r\n"),
        ("TTL k", ":-2\r\n", ":7\r\n"),
        ("MGET {k} {k}2", "*2\r\n$1\r\na\r\n$-1\r\n", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
    ] {
        client.send_line(line);
        replica.expect_call(line).reply(nothing);
        primary.expect_call(line).reply(something);
        assert_eq!(client.reply_bytes(), something);
        client.send_line(line);
        replica.expect_call(line).reply(something);
        assert_eq!(client.reply_bytes(), something);
        // What the primary does not have either is not there.
        client.send_line(line);
        replica.expect_call(line).reply(nothing);
        primary.expect_call(line).reply(nothing);
        assert_eq!(client.reply_bytes(), nothing);
    }
    assert_eq!(detours(&door, "missing"), 12.0);
    // Where that could not be told from the reply, no replica is asked, nor where the reply is of that node alone.
    for line in ["SINTER {k} {k}2", "SSCAN k 0", "TOUCH k", "OBJECT FREQ k", "SET k v", "SORT k"] {
        client.send_line(line);
        primary.expect_call(line).reply("*0\r\n");
        client.reply();
    }
}

#[test]
fn a_replica_may_be_believed_in_all() {
    let (shard, _door, mut client) = start(&[("reads.missing", "believe")]);
    for line in ["GET k", "SINTER {k} {k}2", "EVAL_RO return(1) 1 k"] {
        client.send_line(line);
        shard.replica.expect_call(line).reply("$-1\r\n");
        assert_eq!(client.reply_bytes(), "$-1\r\n");
    }
}

#[test]
fn the_parts_of_one_command_are_asked_by_themselves() {
    let (shard, _door, mut client) = start(&[]);
    let Shard { primary, replica } = &shard;
    client.send_line("MGET a b");
    let (first, second) = (replica.next_call(), replica.next_call());
    assert_eq!((first.line(), second.line()), ("MGET b".into(), "MGET a".into()));
    first.reply("*1\r\n$-1\r\n");
    second.reply("*1\r\n$1\r\nA\r\n");
    primary.expect_call("MGET b").reply("*1\r\n$1\r\nB\r\n");
    assert_eq!(text(&client.reply()), "[A, B]");
}

#[test]
fn what_a_replica_refuses_is_asked_of_the_primary() {
    let (shard, door, mut client) = start(&[]);
    let Shard { primary, replica } = &shard;
    let moved = format!("MOVED 7629 {}", primary.addr());
    for refusal in [
        "LOADING Redis is loading the dataset in memory",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "CLUSTERDOWN The cluster is down",
        "BUSY Redis is busy running a script.",
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "NOPERM no",
        &moved,
    ] {
        shard.wait_replica_asked(&mut client);
        client.send_line("GET k");
        replica.expect_call("GET k").reply(format!("-{refusal}\r\n"));
        primary.expect_call("GET k").reply("$1\r\nv\r\n");
        assert_eq!(text(&client.reply()), "v", "{refusal}");
    }
    assert_eq!(detours(&door, "refused"), 7.0);
    // An error of the primary is the client's.
    shard.wait_replica_asked(&mut client);
    client.send_line("GET k");
    let call = replica.next_call();
    call.reply("-ERR one\r\n");
    primary.expect_call("GET k").reply("-ERR two\r\n");
    assert_eq!(text(&client.reply()), "-ERR two");
}

#[test]
fn what_is_lost_with_a_replica_is_asked_of_the_primary() {
    let (shard, door, mut client) = start(&[]);
    let Shard { primary, replica } = &shard;
    for garbage in ["", "$3\r\nabcde", "HTTP/1.1 200 OK\r\n\r\n"] {
        shard.wait_replica_asked(&mut client);
        client.send_line("GET k");
        client.send_line("GET l");
        let call = replica.expect_call("GET k");
        replica.expect_call("GET l");
        if garbage.is_empty() {
            call.cut()
        } else {
            call.reply(garbage)
        }
        primary.expect_call("GET k").reply("$1\r\nk\r\n");
        primary.expect_call("GET l").reply("$1\r\nl\r\n");
        assert_eq!(text(&client.reply()), "k");
        assert_eq!(text(&client.reply()), "l");
    }
    assert_eq!(detours(&door, "lost"), 6.0);
}

#[test]
fn a_silent_replica_is_asked_around_and_its_late_reply_is_dropped() {
    let (shard, _door, mut client) =
        start(&[("health.silence_ms", "100"), ("health.probe_interval_ms", "0")]);
    let Shard { primary, replica } = &shard;
    client.send_line("GET k");
    let late = replica.expect_call("GET k");
    primary.expect_call("GET k").reply("$1\r\nv\r\n");
    assert_eq!(text(&client.reply()), "v");
    late.reply("$3\r\nold\r\n");
    shard.wait_replica_asked(&mut client);
}

#[test]
fn a_replica_that_lags_is_left_out() {
    let (shard, door, mut client) = start(&[("reads.lag_max_ms", "200")]);
    let left_out = |reason: &str| {
        let series = format!("reddoor_replicas_left_out{{reason=\"{reason}\"}}");
        wait_until("the replica to be left out", || door.metric(&series) == 1.0);
    };
    // It stands still while the primary goes on.
    shard.write("stream", 101);
    left_out("lagging");
    shard.wait_primary_asked(&mut client);
    assert_eq!(door.metric("reddoor_replicas_readable"), 0.0);
    shard.apply("stream", 101);
    shard.wait_replica_asked(&mut client);
    // A stream of another name tells nothing of this one.
    shard.write("another", 50);
    left_out("syncing");
    shard.wait_primary_asked(&mut client);
    shard.apply("another", 50);
    shard.wait_replica_asked(&mut client);
    let down = replication("another", 60).replace("status:up", "status:down");
    shard.replica.set_replication(&down);
    left_out("link_down");
    shard.wait_primary_asked(&mut client);
    let copying = replication("another", 60).replace("progress:0", "progress:1");
    shard.replica.set_replication(&copying);
    left_out("syncing");
    shard.replica.set_replication("no sense");
    left_out("silent");
    shard.wait_primary_asked(&mut client);
}

#[test]
fn few_bytes_behind_may_be_too_many() {
    let settings = [("reads.lag_max_ms", "3600000"), ("reads.lag_max_bytes", "10")];
    let (shard, door, mut client) = start(&settings);
    shard.write("stream", 110);
    shard.wait_replica_asked(&mut client);
    shard.write("stream", 111);
    wait_until("the replica to be left out", || door.metric("reddoor_replicas_readable") == 0.0);
    shard.wait_primary_asked(&mut client);
}

#[test]
fn a_write_that_has_not_reached_the_replica_is_read_at_the_primary() {
    let settings = [("reads.your_writes", "true"), ("reads.lag_max_ms", "3600000")];
    let (shard, door, mut client) = start(&settings);
    let Shard { primary, replica } = &shard;
    client.send_line("SET k v");
    client.send_line("GET k");
    let write = primary.expect_call("SET k v");
    shard.write("stream", 130);
    write.reply("+OK\r\n");
    primary.expect_call("GET k").reply("$1\r\nv\r\n");
    assert_eq!((text(&client.reply()), text(&client.reply())), ("OK".into(), "v".into()));
    // The looks that come now find the primary ahead, however many they are.
    let looks = "reddoor_replicas_left_out{reason=\"lagging\"}";
    for _ in 0..20 {
        client.send_line("GET k");
        primary.expect_call("GET k").reply("$1\r\nv\r\n");
        assert_eq!(text(&client.reply()), "v");
        // To another client, and of another slot, the replica is near enough.
        let mut other = door.client();
        other.send_line("GET k");
        replica.expect_call("GET k").reply("$3\r\nold\r\n");
        assert_eq!(text(&other.reply()), "old");
        client.send_line("GET elsewhere");
        replica.expect_call("GET elsewhere").reply("$1\r\ne\r\n");
        assert_eq!(text(&client.reply()), "e");
        assert_eq!(door.metric(looks), 0.0);
    }
    shard.apply("stream", 130);
    wait_until("the write to be known to have arrived", || {
        shard.is_replica_asked(&mut client, "GET k")
    });
}

#[test]
fn a_policy_of_replicas_alone_waits_for_one() {
    let settings =
        [("reads.from", "replica"), ("reads.lag_max_ms", "200"), ("failover.hold_ms", "300")];
    let (shard, door, mut client) = start(&settings);
    shard.write("stream", 101);
    let refusal = "-UNAVAILABLE no replica of slot 7629 could be read from for ";
    wait_until("the replica to be left out", || door.metric("reddoor_replicas_readable") == 0.0);
    // It may be asked for a moment longer than that is known here.
    wait_until("a read to wait in vain", || {
        client.send_line("GET k");
        client.stream().set_nonblocking(true).unwrap();
        let reply = wait_for("a reply", || {
            shard.replica.arrived().into_iter().for_each(|call| call.reply("$1\r\nv\r\n"));
            client.try_reply().ok()
        });
        client.stream().set_nonblocking(false).unwrap();
        text(&reply).starts_with(refusal)
    });
    // A read that waits holds up no write to its slot.
    client.send_line("GET k");
    client.send_line("SET k v");
    shard.primary.expect_call("SET k v").reply("+OK\r\n");
    assert!(text(&client.reply()).starts_with(refusal));
    assert_eq!(text(&client.reply()), "OK");
    assert!(shard.primary.arrived().is_empty());
}

#[test]
fn a_slow_read_is_sent_to_another_node_and_the_first_reply_counts() {
    let settings = [("reads.hedge_after_ms", "20"), ("reads.hedge_percent_max", "100")];
    let (shard, door, mut client) = start(&settings);
    let Shard { primary, replica } = &shard;
    let hedges =
        |result: &str| door.metric(&format!("reddoor_read_hedges_total{{result=\"{result}\"}}"));
    // What was slow before, as on a busy machine, may have been asked of the primary, too.
    let (sent, won) = (hedges("sent"), hedges("won"));
    // The first times there is no connection yet by which the primary could be asked.
    let (mut slow, mut copy) = (None, None);
    wait_until("a second copy", || {
        client.send_line("GET k");
        let call = replica.expect_call("GET k");
        let before = hedges("no_node");
        wait_until("it to be slow", || {
            for call in primary.arrived() {
                match call.line().as_str() {
                    "GET k" => copy = Some(call),
                    _ => call.reply("$1\r\nv\r\n"),
                }
            }
            copy.is_some() || hedges("no_node") > before
        });
        if copy.is_none() {
            call.reply("$1\r\nv\r\n");
            assert_eq!(text(&client.reply()), "v");
            return false;
        }
        slow = Some(call);
        true
    });
    copy.unwrap().reply("$1\r\nw\r\n");
    assert_eq!(text(&client.reply()), "w");
    assert_eq!((hedges("sent"), hedges("won")), (sent + 1.0, won + 1.0));
    slow.unwrap().reply("$1\r\nv\r\n");
    // A second copy that leads to nothing is dropped.
    client.send_line("GET k");
    let slow = replica.expect_call("GET k");
    primary.expect_call("GET k").reply("-ERR nobody is told\r\n");
    client.send_line("SET l m");
    primary.expect_call("SET l m").reply("+OK\r\n");
    slow.reply("$1\r\nx\r\n");
    assert_eq!((text(&client.reply()), text(&client.reply())), ("x".into(), "OK".into()));
    assert_eq!((hedges("sent"), hedges("won")), (sent + 2.0, won + 1.0));
}
