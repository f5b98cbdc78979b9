//! The front door against one plain Redis: the same random scripts, the same bytes back.
//!
//! A script's keys share a slot, or lie over all of them. The only commands for which the replies are not compared are
//! those in which a difference of `table` shows, and `docs/differences.md` tells of each, no more and no less.
//! `reddoor_scripts::choice` says which scripts are run.

mod table;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::thread;

use reddoor_protocol::command;
use reddoor_protocol::command::cross_slot::Way;
use reddoor_protocol::command::keys::key_indexes;
use reddoor_protocol::command::policy::RequestPolicy;
use reddoor_protocol::request::Args;
use reddoor_protocol::slot::Slot;
use reddoor_scripts::choice::{families, seed_and_count};
use reddoor_scripts::family::Family;
use reddoor_scripts::{grammar, reply};
use reddoor_tests::client::{Client, request};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::redis_server::{self, RedisServer};

use self::table::{DIFFERENCES, Keys, Step, Then};

over_clusters!(real | bundled: scripts_within_a_slot_get_the_replies_of_one_redis,
    scripts_over_all_slots_get_the_replies_of_one_redis, what_differs_is_said_as_it_is_told);

/// Commands of one script.
const SCRIPT_LEN: usize = 800;

/// Scripts of each family in each protocol version, unless the environment says how many.
const SCRIPTS: u64 = 1;

/// Commands sent in one write.
const PIPELINE_LEN: usize = 40;

/// Commands shown before a difference.
const SHOWN_LEN: usize = 40;

/// Strings do not grow beyond this, so that scripts meet the limit without moving gigabytes.
const BULK_LIMIT: [&str; 4] = ["CONFIG", "SET", "proto-max-bulk-len", "1048576"];

type Command = Vec<Vec<u8>>;

/// A command of a script, and what is known to differ in the replies to it.
struct Asked {
    command: Command,
    known: Option<Then>,
}

impl Asked {
    /// Whether one Redis is asked, too.
    fn is_for_both(&self) -> bool {
        !matches!(self.known, Some(Then::DoorRefuses(_)))
    }
}

fn scripts_within_a_slot_get_the_replies_of_one_redis(kind: Kind) {
    run_scripts(kind, &[], |seed| format!("{{{seed}}}"));
}

fn scripts_over_all_slots_get_the_replies_of_one_redis(kind: Kind) {
    run_scripts(kind, &[("transactions.cross_slot", "per_slot")], |_| String::new());
}

/// Runs scripts whose keys begin with what `prefix_of` makes of the seed.
fn run_scripts(kind: Kind, settings: &[(&str, &str)], prefix_of: fn(u64) -> String) {
    if !redis_server::is_installed() {
        return;
    }
    let (cluster, redis) = (Cluster::start(kind, 3), RedisServer::start(&[]));
    let common = [("admin.commands", "allow"), ("workers.count", "2")];
    let door = FrontDoor::start(&cluster.seeds(), &[&common[..], settings].concat());
    redis.client().call(&BULK_LIMIT);
    cluster.nodes.iter().for_each(|node| drop(node.client().call(&BULK_LIMIT)));
    let (first, count) = seed_and_count(SCRIPTS);
    let mut steps = 0;
    for family in families() {
        println!("COMPAT_FAMILY={} COMPAT_SEED={first}", family.name);
        for seed in (0..count).map(|number| first.wrapping_add(number)) {
            for greeting in [&["HELLO", "2"], &["HELLO", "3"]] {
                let mut clients = [redis.client(), door.client()];
                prepare(&mut clients, family, greeting);
                let name = format!("COMPAT_FAMILY={} COMPAT_SEED={seed} {greeting:?}", family.name);
                steps += compare(&mut clients, &script(family, seed, &prefix_of(seed)), &name);
            }
        }
    }
    println!("{steps} steps without a difference");
}

/// A script, its keys behind a prefix, without what is left out.
fn script(family: &Family, seed: u64, prefix: &str) -> Vec<Asked> {
    let home = (!prefix.is_empty()).then(|| Slot::of_key(prefix.as_bytes()));
    let mut is_queued = false;
    let mut asked = Vec::new();
    for command in grammar::script(family.commands, seed, SCRIPT_LEN, prefix.as_bytes()) {
        let is = |name: &[u8]| command.len() == 1 && command[0].eq_ignore_ascii_case(name);
        is_queued = (is_queued || is(b"MULTI")) && !is(b"EXEC") && !is(b"DISCARD");
        let keys = keys_of(&command, is_queued, home);
        let step = Step { command: &command, is_queued, keys, home };
        let difference = DIFFERENCES.iter().find(|difference| (difference.shows_in)(&step));
        let known = difference.map(|difference| difference.then);
        if known != Some(Then::LeftOut) {
            asked.push(Asked { command, known });
        }
    }
    asked
}

/// Where a command's keys lie: a stray word can stand where a key is looked for, even if all keys of the script share
/// a slot.
fn keys_of(command: &Command, is_queued: bool, home: Option<Slot>) -> Keys {
    let words: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
    let args = Args::from_slices(&words);
    let Ok(row) = command::resolve(args) else { return Keys::ServedAtOnce };
    let mut indexes = Vec::new();
    // What does not tell its keys is refused in the same words everywhere.
    if key_indexes(row, args, &mut indexes).is_err() {
        return Keys::ServedAtOnce;
    }
    let keys = indexes.iter().filter_map(|index| args.get(*index as usize));
    let mut slots: BTreeSet<Slot> = keys.map(Slot::of_key).collect();
    let is_transaction = is_queued || matches!(row.request, RequestPolicy::Transaction(_));
    if is_transaction && !slots.is_empty() {
        slots.extend(home);
    }
    let is_split = matches!(row.request, RequestPolicy::SplitByKey { .. });
    if slots.len() < 2 || is_split && !is_transaction {
        return Keys::ServedAtOnce;
    }
    match Way::of(row) {
        _ if is_transaction => Keys::InSeveralSlots,
        Some(Way::Copies | Way::Streams | Way::Pop) => Keys::ServedAtOnce,
        Some(_) => Keys::AreWritten,
        None => Keys::InSeveralSlots,
    }
}

/// Both are empty, have the family's settings and speak the same version.
fn prepare(clients: &mut [Client; 2], family: &Family, greeting: &[&str]) {
    for client in clients {
        client.call(&["FLUSHALL"]);
        for (name, value) in family.settings {
            assert_eq!(client.ask(&format!("CONFIG SET {name} {value}")), "OK");
        }
        client.call(greeting);
    }
}

/// Sends a script to both and compares every reply; gives back how many there were.
fn compare(clients: &mut [Client; 2], script: &[Asked], name: &str) -> usize {
    let [redis, door] = clients;
    for (run, asked) in script.chunks(PIPELINE_LEN).enumerate() {
        let mut theirs = call_all(redis, asked.iter().filter(|a| a.is_for_both())).into_iter();
        let ours = call_all(door, asked.iter());
        for (index, (Asked { command, known }, ours)) in asked.iter().zip(ours).enumerate() {
            let theirs = match known {
                Some(Then::DoorRefuses(refusal)) => refusal.as_bytes().to_vec(),
                _ => theirs.next().unwrap(),
            };
            let is_same = match known {
                Some(Then::DoorRefuses(_)) => ours == theirs,
                _ => reply::is_same(command, &theirs, &ours),
            };
            if !is_same {
                let so_far = &script[..=run * PIPELINE_LEN + index];
                let so_far: Vec<Command> = so_far.iter().map(|a| a.command.clone()).collect();
                panic!(
                    "{name}\n{}expected:   {}\nfront door: {}",
                    reply::show_last(&so_far, SHOWN_LEN),
                    theirs.escape_ascii(),
                    ours.escape_ascii()
                );
            }
        }
    }
    script.len()
}

/// Sends all commands in one write, then reads all replies.
fn call_all<'a>(client: &mut Client, asked: impl Iterator<Item = &'a Asked>) -> Vec<Vec<u8>> {
    let requests: Vec<Vec<u8>> = asked.map(|asked| request(&asked.command)).collect();
    let (count, bytes) = (requests.len(), requests.concat());
    let mut writer = client.stream().try_clone().unwrap();
    // Written aside, so that long replies cannot block long requests.
    let writing = thread::spawn(move || writer.write_all(&bytes));
    let replies = (0..count).map(|_| client.try_reply_bytes().unwrap()).collect();
    writing.join().unwrap().unwrap();
    replies
}

fn what_differs_is_said_as_it_is_told(kind: Kind) {
    if !redis_server::is_installed() {
        return;
    }
    let (cluster, redis) = (Cluster::start(kind, 3), RedisServer::start(&[]));
    let door = FrontDoor::before(&cluster);
    let mut others = Vec::new();
    let examples = DIFFERENCES.iter().flat_map(|difference| difference.examples);
    for example in examples {
        let [theirs, ours] = [redis.client(), door.client()].map(|mut client| {
            example.before.iter().for_each(|line| drop(client.ask(line)));
            client.ask(example.request)
        });
        assert_ne!(theirs, ours, "{} no longer differs", example.request);
        if !theirs.starts_with(example.redis) || !ours.starts_with(example.door) {
            others.push(format!("{:?} {}\n  {theirs}\n  {ours}", example.before, example.request));
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
}

#[test]
fn the_document_tells_of_each_difference_and_of_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/differences.md");
    let text = fs::read_to_string(path).unwrap();
    let told: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let listed: Vec<&str> = DIFFERENCES.iter().map(|difference| difference.name).collect();
    assert_eq!(told, listed);
    assert!(DIFFERENCES.iter().all(|difference| !difference.examples.is_empty()));
}
