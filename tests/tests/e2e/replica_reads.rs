//! Reads that replicas answer: they spread, they see what their client wrote, and nobody notices what happens to a
//! replica.

use std::fs;

use reddoor_protocol::slot::Slot;
use reddoor_tests::client::{Client, request_line, text};
use reddoor_tests::cluster::node::Node;
use reddoor_tests::cluster::{Cluster, Kind, keys};
use reddoor_tests::front_door::{FrontDoor, reported};
use reddoor_tests::guard;
use reddoor_tests::load::Load;
use reddoor_tests::over_clusters;
use reddoor_tests::wait::{wait_for, wait_until};
use rustix::process::Signal;

over_clusters!(
    real | bundled: reads_go_where_the_policy_says,
    a_client_reads_what_it_wrote,
    a_replica_that_dies_is_not_missed,
    a_replica_that_hangs_is_not_missed,
    a_key_that_moves_is_never_absent,
    what_was_counted_never_goes_back,
);

const REPLICA_READS: &str = "reddoor_reads_total{role=\"replica\"}";

const PRIMARY_READS: &str = "reddoor_reads_total{role=\"primary\"}";

const READABLE: &str = "reddoor_replicas_readable";

/// How long a test waits for what the front door does by itself.
const PATIENT: (&str, &str) = ("request.timeout_ms", "80000");

/// Waits until a read of each of these keys is answered by a replica.
fn wait_replicas_answer(door: &FrontDoor, client: &mut Client, keys: &[String]) {
    for key in keys {
        wait_until("a replica to answer", || {
            let before = door.metric(REPLICA_READS);
            client.ask(&format!("GET {key}"));
            door.metric(REPLICA_READS) > before
        });
    }
}

/// How often a node was asked for a string by front doors.
fn gets(node: &Node) -> u64 {
    let info = node.ask("INFO commandstats");
    let calls = info.lines().find_map(|line| line.strip_prefix("cmdstat_get:calls="));
    calls.and_then(|calls| calls.split(',').next()?.parse().ok()).unwrap_or(0)
}

fn reads_go_where_the_policy_says(kind: Kind) {
    let cluster = Cluster::start_with_replicas(kind, 3);
    let zones: Vec<String> = cluster.nodes.iter().map(|n| format!("*:{}=far", n.port())).collect();
    let near = cluster.owner_of("k").port();
    let file = guard::temp_dir("reads").join("reddoor.toml");
    let settings = |reads: &str| fs::write(&file, format!("[reads]\n{reads}\n")).unwrap();
    settings("");
    let door = FrontDoor::start_by_file(&cluster.seeds(), &file);
    let mut client = door.client();
    assert_eq!(client.ask("SET k v"), "OK");
    assert_eq!(client.ask("GET k"), "v");
    assert_eq!((door.metric(REPLICA_READS), door.metric(READABLE)), (0.0, 0.0));
    let reload = |reads: &str| {
        let before = door.process.log().len();
        settings(reads);
        door.process.signal(Signal::HUP);
        wait_until("the settings to be in force", || {
            door.process.log()[before..].contains("reads.")
        });
    };
    let asks_only = |client: &mut Client, role: &str, other: &str| {
        wait_until("the policy to be in force", || {
            let before = (door.metric(role), door.metric(other));
            for _ in 0..20 {
                assert_eq!(client.ask("GET k"), "v");
            }
            (door.metric(role), door.metric(other)) == (before.0 + 20.0, before.1)
        });
    };

    reload("from = 'prefer_replica'");
    wait_until("the replicas to be known", || door.metric(READABLE) == 3.0);
    asks_only(&mut client, REPLICA_READS, PRIMARY_READS);
    let total: u64 = cluster.nodes[3..].iter().map(gets).sum();
    assert!(total >= 20 || kind == Kind::Bundled, "{total}");

    reload("from = 'any'");
    wait_until("both to be asked in turn", || {
        let before = (door.metric(REPLICA_READS), door.metric(PRIMARY_READS));
        (0..20).for_each(|_| assert_eq!(client.ask("GET k"), "v"));
        (door.metric(REPLICA_READS), door.metric(PRIMARY_READS))
            == (before.0 + 10.0, before.1 + 10.0)
    });

    // The primary stands where the front door does, and all replicas far away.
    let near = format!("*:{near}=here");
    let zones = format!("{near},{}", zones.join(","));
    reload(&format!("from = 'nearest'\nzone = 'here'\nzones = '{zones}'"));
    asks_only(&mut client, PRIMARY_READS, REPLICA_READS);
    reload(&format!("from = 'nearest'\nzone = 'far'\nzones = '{zones}'"));
    asks_only(&mut client, REPLICA_READS, PRIMARY_READS);

    // What is said of a command or of its category is stronger.
    reload("from = 'replica'\ncommands = ['@string=primary', 'strlen=any']");
    let before = wait_for("no replica to be asked", || {
        let before = door.metric(REPLICA_READS);
        (0..20).for_each(|_| assert_eq!(client.ask("GET k"), "v"));
        (door.metric(REPLICA_READS) == before).then_some(before)
    });
    wait_until("a replica to answer", || {
        assert_eq!(client.ask("STRLEN k"), ":1");
        door.metric(REPLICA_READS) > before
    });

    reload("");
    wait_until("no replica to be looked at", || door.metric(READABLE) == 0.0);
    assert_eq!(client.ask("GET k"), "v");
}

fn a_client_reads_what_it_wrote(kind: Kind) {
    let cluster = Cluster::start_with_replicas(kind, 3);
    let settings = [PATIENT, ("reads.from", "prefer_replica"), ("reads.your_writes", "true")];
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let mut client = door.client();
    let keys = keys("mine", 12);
    let appends = match cluster.nodes[0].serves("eval") {
        true => "EVAL return(redis.call('APPEND',KEYS[1],'y')) 1 @",
        false => "APPEND @ y",
    };
    for key in &keys {
        assert_eq!(client.ask(&format!("SET {key} -1")), "OK");
    }
    wait_replicas_answer(&door, &mut client, &keys);
    for round in 0..300 {
        let key = &keys[round % keys.len()];
        // Behind its reply, in the same pipeline, and by commands of other kinds.
        assert_eq!(client.ask(&format!("SET {key} {round}")), "OK");
        assert_eq!(client.ask(&format!("GET {key}")), round.to_string());
        let next = &keys[(round + 1) % keys.len()];
        let lines = [
            format!("SET {next} {round}"),
            format!("GET {next}"),
            format!("APPEND {next} x"),
            format!("STRLEN {next}"),
            appends.replace('@', next),
            format!("MGET {next} {key}"),
            "MULTI".to_owned(),
            format!("SETRANGE {next} 0 z"),
            "EXEC".to_owned(),
            format!("GETRANGE {next} 0 0"),
        ];
        let batch: Vec<u8> = lines.iter().flat_map(|line| request_line(line)).collect();
        client.send_bytes(&batch);
        let replies: Vec<String> = lines.iter().map(|_| text(&client.reply())).collect();
        let value = round.to_string();
        assert_eq!(replies[1], value);
        assert_eq!(replies[3], format!(":{}", value.len() + 1));
        assert_eq!(replies[5], format!("[{value}xy, {round}]"));
        assert_eq!(replies[9], "z");
        // Another round begins when replicas answer this client again, which they do by and by.
        if round % 100 == 99 {
            wait_replicas_answer(&door, &mut client, &keys);
        }
    }
    // A client that wants no replies reads what it wrote all the same.
    client.send_line("CLIENT REPLY OFF");
    client.send_line(&format!("SET {} quiet", keys[0]));
    assert_eq!(client.ask("CLIENT REPLY ON"), "OK");
    assert_eq!(client.ask(&format!("GET {}", keys[0])), "quiet");
    assert!(door.metric("reddoor_read_detours_total{reason=\"own_write\"}") > 0.0);
}

/// Clients that read keys which are there, and do not like anything else; meanwhile something happens.
fn read_while(door: &FrontDoor, keys: &[String], happening: impl FnOnce(&Load)) {
    let client = |index: usize| -> Box<dyn FnMut(usize)> {
        let mut client = door.client();
        let keys = keys.to_vec();
        Box::new(move |round| {
            let key = &keys[(index + round) % keys.len()];
            assert_eq!(
                client.ask(&format!("GET {key}")),
                format!("value of {key}").replace(' ', "_")
            );
            // Keys of one slot cannot be asked for together while one of them has moved.
            if !keys[0].contains('{') {
                let line = format!("MGET {} {}", keys[0], keys[1]);
                let pair = [&keys[0], &keys[1]].map(|key| format!("value_of_{key}")).join(", ");
                assert_eq!(client.ask(&line), format!("[{pair}]"));
            }
        })
    };
    Load::run(4, client, happening);
}

/// A front door before a cluster whose replicas answer reads of these keys.
fn start_reading(cluster: &Cluster, keys: &[String], more: &[(&str, &str)]) -> FrontDoor {
    let mut settings = vec![PATIENT, ("reads.from", "prefer_replica")];
    settings.extend(more);
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let mut client = door.client();
    for key in keys {
        assert_eq!(client.ask(&format!("SET {key} value_of_{key}")), "OK");
    }
    wait_replicas_answer(&door, &mut client, keys);
    door
}

fn a_replica_that_dies_is_not_missed(kind: Kind) {
    let mut cluster = Cluster::start_with_replicas(kind, 3);
    let keys = keys("there", 24);
    let door = start_reading(&cluster, &keys, &[]);
    read_while(&door, &keys, |load| {
        load.wait_rounds(200);
        cluster.nodes[3].kill();
        load.wait_rounds(200);
        wait_until("it to be left out", || door.metric(READABLE) == 2.0);
        cluster.nodes[3].restart();
        wait_until("it to be read from again", || door.metric(READABLE) == 3.0);
        load.wait_rounds(200);
        for node in &mut cluster.nodes[3..] {
            node.kill();
        }
        load.wait_rounds(200);
    });
}

fn a_replica_that_hangs_is_not_missed(kind: Kind) {
    let cluster = Cluster::start_with_replicas(kind, 3);
    let keys = keys("there", 24);
    let soon = [("health.silence_ms", "50"), ("cluster.connect_timeout_ms", "1000")];
    let door = start_reading(&cluster, &keys, &soon);
    read_while(&door, &keys, |load| {
        load.wait_rounds(200);
        cluster.nodes[4].pause();
        load.wait_rounds(200);
        wait_until("it to be left out", || door.metric(READABLE) == 2.0);
        cluster.nodes[4].resume();
        wait_until("it to be read from again", || door.metric(READABLE) == 3.0);
        load.wait_rounds(200);
    });
    assert_eq!(door.metric("reddoor_request_timeouts_total"), 0.0);
}

fn a_key_that_moves_is_never_absent(kind: Kind) {
    let cluster = Cluster::start_with_replicas(kind, 3);
    let keys: Vec<String> = (0..24).map(|index| format!("{{moving}}:{index}")).collect();
    let door = start_reading(&cluster, &keys, &[]);
    let slot = Slot::of_key(b"moving");
    let from = cluster.owner_of_slot(slot).port();
    let primaries = || cluster.nodes[..3].iter();
    let from = primaries().find(|node| node.port() == from).unwrap();
    let to = primaries().find(|node| node.port() != from.port()).unwrap();
    read_while(&door, &keys, |load| {
        load.wait_rounds(100);
        for (from, to) in [(from, to), (to, from), (from, to)] {
            cluster.open_slot(slot, from, to);
            load.wait_rounds(100);
            for key in &keys {
                reddoor_tests::cluster::reshard::move_key(key, from, to);
                load.wait_rounds(4);
            }
            load.wait_rounds(100);
            cluster.close_slot(slot, from, to);
            load.wait_rounds(100);
        }
    });
    let missing = door.metric("reddoor_read_detours_total{reason=\"missing\"}");
    assert!(missing > 0.0, "a replica was to be asked for what had moved");
}

fn what_was_counted_never_goes_back(kind: Kind) {
    let cluster = Cluster::start_with_replicas(kind, 3);
    let settings = [PATIENT, ("reads.from", "any"), ("reads.your_writes", "true")];
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let (primary, replica) = cluster.pair_of("counted");
    let client = |_| -> Box<dyn FnMut(usize)> {
        let mut client = door.client();
        Box::new(move |round| {
            assert_eq!(client.ask("INCR counted"), format!(":{round}"));
            for _ in 0..3 {
                assert_eq!(client.ask("GET counted"), round.to_string());
            }
        })
    };
    Load::run(1, client, |load| {
        load.wait_rounds(50);
        replica.fail_over();
        wait_until("the old primary to follow", || primary.ask("ROLE").starts_with("[slave"));
        load.wait_rounds(200);
    });
}

#[test]
fn the_second_address_has_a_policy_of_its_own() {
    let cluster = Cluster::start_with_replicas(Kind::Bundled, 3);
    let settings = [PATIENT, ("reads.addr", "127.0.0.1:0"), ("reads.addr_from", "replica")];
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let addr = reported(&door.process.log(), "reads");
    assert_ne!(addr, door.addr);
    let (mut main, mut second) = (door.client(), Client::connect(addr));
    assert_eq!(second.ask("SET k v"), "OK");
    let replica = cluster.pair_of("k").1;
    wait_until("the write to reach the replica", || {
        let mut client = replica.client();
        client.ask("READONLY");
        client.ask("GET k") == "v"
    });
    let before = door.metric(REPLICA_READS);
    assert_eq!(second.ask("GET k"), "v");
    assert_eq!(door.metric(REPLICA_READS), before + 1.0);
    assert_eq!(main.ask("GET k"), "v");
    assert_eq!(door.metric(REPLICA_READS), before + 1.0);
}
