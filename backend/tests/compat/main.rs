//! The node against a real redis-server: the same commands, the same bytes back.
//!
//! Both serve in this machine on unix sockets in a temporary directory. Random scripts take their seed from
//! `COMPAT_SEED`, which may be `clock`, and print it; a difference names the whole script up to it.
//! `COMPAT_FAMILY` runs one family of commands alone, `COMPAT_SCRIPTS` runs so many scripts of 4000 commands each.

mod acl;

mod fixed;

mod lua;

mod lua_fixed;

mod several;

mod waits;

mod servers;

mod content;

mod stream;

mod wire;

use std::env;

use reddoor_protocol::encode::Resp;
use reddoor_scripts::choice::{families, seed_and_count};
use reddoor_scripts::family::Family;
use reddoor_scripts::{grammar, reply};

use crate::servers::Pair;
use crate::several::{scripts, tracking};
use crate::wire::Client;

/// Commands of one random script.
const SCRIPT_LEN: usize = 4000;

/// Random scripts of each family in each protocol version, unless `COMPAT_SCRIPTS` says how many.
const SCRIPTS: u64 = 12;

/// Commands of a random script whose events are compared.
const EVENTS_SCRIPT_LEN: usize = 1000;

/// Commands of a random script of clients that wait.
const WAITING_SCRIPT_LEN: usize = 400;

#[test]
fn random_scripts_get_the_same_replies_and_leave_the_same_keys() {
    let Some(pair) = Pair::start() else { return };
    let (first, scripts) = seed_and_count(SCRIPTS);
    for family in families() {
        println!("COMPAT_FAMILY={} COMPAT_SEED={first}", family.name);
        for number in 0..scripts {
            let seed = first.wrapping_add(number);
            [Resp::V2, Resp::V3].iter().for_each(|resp| run(&pair, family, seed, *resp));
        }
    }
}

/// One random script on both servers, and then every key that it left.
fn run(pair: &Pair, family: &Family, seed: u64, resp: Resp) {
    for (name, value) in family.settings {
        let words = ["CONFIG", "SET", name, value].map(|word| word.as_bytes().to_vec());
        [&pair.redis, &pair.node].iter().for_each(|path| {
            assert_eq!(Client::connect(path).call(&words), b"+OK\r\n", "{name} {value}");
        });
    }
    let name = format!("COMPAT_FAMILY={} COMPAT_SEED={seed}", family.name);
    compare(pair, resp, &grammar::script(family.commands, seed, SCRIPT_LEN, b""), &name);
    let [theirs, ours] = [&pair.redis, &pair.node].map(|path| content::of_all_keys(path));
    for ((key, theirs), (_, ours)) in theirs.iter().zip(&ours) {
        assert_eq!(ours, theirs, "{name} {resp:?}, the key {}", key.escape_ascii());
    }
    content::exchange(pair, &name);
}

/// Effects: what was random or depends on the time of day is sent as what came out.
#[test]
fn replicas_are_sent_the_same() {
    let Some(pair) = Pair::start() else { return };
    let mut readers = [&pair.redis, &pair.node].map(|path| stream::Reader::start(path));
    let (seed, _) = seed_and_count(SCRIPTS);
    for family in families() {
        let name = format!("COMPAT_FAMILY={} COMPAT_SEED={seed}", family.name);
        let script = grammar::script(family.commands, seed, EVENTS_SCRIPT_LEN, b"");
        stream::compare(&pair, &mut readers, &script, &name);
    }
    for script in stream::SCRIPTS {
        stream::compare(&pair, &mut readers, &fixed::commands(script), script);
    }
}

/// Random Lua programs for each protocol version, times the number of scripts.
const PROGRAMS: u64 = 400;

#[test]
fn random_lua_programs_get_the_same_replies() {
    let Some(pair) = Pair::start() else { return };
    let (seed, scripts) = seed_and_count(SCRIPTS);
    println!("COMPAT_SEED={seed}");
    for resp in [Resp::V2, Resp::V3] {
        let mut programs = lua::Programs::new(seed);
        let calls: Vec<_> = (0..PROGRAMS * scripts).map(|_| programs.next()).collect();
        compare(&pair, resp, &calls, &format!("COMPAT_SEED={seed}"));
    }
}

#[test]
fn fixed_lua_programs_get_the_same_replies() {
    let Some(pair) = Pair::start() else { return };
    for resp in [Resp::V2, Resp::V3] {
        for call in lua_fixed::calls() {
            let name = call[1].escape_ascii().to_string();
            compare(&pair, resp, &[call], &name);
        }
    }
}

#[test]
fn fixed_scripts_get_the_same_replies() {
    let Some(pair) = Pair::start() else { return };
    for script in fixed::SCRIPTS {
        let commands = fixed::commands(script);
        for resp in [Resp::V2, Resp::V3] {
            compare(&pair, resp, &commands, script);
        }
    }
}

#[test]
fn users_may_do_the_same_by_random_rules() {
    let Some(pair) = Pair::start() else { return };
    let (first, scripts) = seed_and_count(SCRIPTS);
    println!("COMPAT_SEED={first}");
    (0..scripts).for_each(|number| acl::compare_rules(&pair, first.wrapping_add(number)));
}

#[test]
fn users_run_random_commands_with_the_same_outcome() {
    let Some(pair) = Pair::start() else { return };
    let (first, _) = seed_and_count(SCRIPTS);
    for family in families() {
        println!("COMPAT_FAMILY={} COMPAT_SEED={first}", family.name);
        acl::compare_commands(&pair, family, first);
    }
}

#[test]
fn users_come_and_go_alike() {
    let Some(pair) = Pair::start() else { return };
    for script in acl::scripts::SCRIPTS {
        [&[][..], &["HELLO 3"]].iter().for_each(|setup| several::compare(&pair, script, setup));
    }
    acl::compare_log(&pair);
    acl::compare_categories(&pair);
}

#[test]
fn files_of_users_are_read_and_written_alike() {
    let own = |file: &str| vec!["--aclfile".to_owned(), file.to_owned()];
    let Some(pair) = Pair::start_with(acl::files::FIRST, own) else { return };
    acl::files::compare(&pair);
}

#[test]
fn users_in_configuration_files_are_rewritten_alike() {
    let Some(pair) = Pair::start_with(acl::files::CONFIGURED, |file| vec![file.to_owned()]) else {
        return;
    };
    acl::files::compare_rewritten(&pair);
}

#[test]
fn several_clients_are_told_the_same() {
    let Some(pair) = Pair::start() else { return };
    let groups = [
        scripts::PUBSUB,
        scripts::BLOCKING,
        scripts::DATABASES,
        scripts::EXPIRED_WATCHED,
        scripts::MONITORS,
    ];
    for script in groups.into_iter().flatten() {
        [&[][..], &["HELLO 3"]].iter().for_each(|setup| several::compare(&pair, script, setup));
    }
    for script in [scripts::PUBSUB_RESP3, scripts::EVENTS_RESP3].into_iter().flatten() {
        several::compare(&pair, script, &["HELLO 3"]);
    }
}

#[test]
fn clients_that_track_are_told_the_same() {
    let Some(pair) = Pair::start() else { return };
    tracking::SCRIPTS.iter().for_each(|script| several::compare(&pair, script, &[]));
}

#[test]
fn clients_that_wait_are_served_the_same() {
    let Some(pair) = Pair::start() else { return };
    let (first, scripts) = seed_and_count(SCRIPTS);
    println!("COMPAT_SEED={first}");
    for number in 0..scripts {
        let seed = first.wrapping_add(number);
        let script = several::random::script(seed, WAITING_SCRIPT_LEN);
        let setup: &[&str] = if number.is_multiple_of(2) { &[] } else { &["HELLO 3"] };
        several::compare(&pair, &script, setup);
    }
}

#[test]
fn the_same_events_are_told_of_keys() {
    let Some(pair) = Pair::start() else { return };
    let (seed, _) = seed_and_count(SCRIPTS);
    for family in families() {
        println!("COMPAT_FAMILY={} COMPAT_SEED={seed}", family.name);
        let script = grammar::script(family.commands, seed, EVENTS_SCRIPT_LEN, b"");
        several::compare_events(&pair, Resp::V3, &script, family.name);
    }
}

#[test]
fn who_waits_for_entries_is_told_the_same() {
    let Some(pair) = Pair::start() else { return };
    for script in waits::STREAMS {
        [&[][..], &["HELLO 3"]].iter().for_each(|setup| several::compare(&pair, script, setup));
    }
}

#[test]
fn broken_requests_get_the_same_replies_and_end() {
    let Some(pair) = Pair::start() else { return };
    for bytes in fixed::BROKEN {
        let theirs = Client::connect(&pair.redis).until_closed(bytes);
        let ours = Client::connect(&pair.node).until_closed(bytes);
        assert_eq!(
            ours.escape_ascii().to_string(),
            theirs.escape_ascii().to_string(),
            "{}",
            bytes.escape_ascii()
        );
    }
}

#[test]
fn settings_are_those_of_a_redis() {
    let Some(pair) = Pair::start() else { return };
    let [theirs, ours] = [&pair.redis, &pair.node].map(|path| {
        let reply = Client::connect(path).call(&["CONFIG", "GET", "*"].map(|w| w.into()));
        let mut pairs: Vec<Vec<Vec<u8>>> = Vec::new();
        let words = reply::texts(&reply);
        words.chunks(2).for_each(|pair| pairs.push(pair.to_vec()));
        pairs.sort();
        pairs
    });
    // Each has its own directory and socket; only the Redis was told not to save.
    let is_own = |pair: &&Vec<Vec<u8>>| {
        [b"dir".as_slice(), b"unixsocket", b"save"].contains(&pair[0].as_slice())
    };
    let differing = |a: &[Vec<Vec<u8>>], b: &[Vec<Vec<u8>>]| -> Vec<String> {
        let only = a.iter().filter(|pair| !b.contains(pair) && !is_own(pair));
        only.map(|pair| pair.concat().escape_ascii().to_string()).collect()
    };
    assert_eq!(differing(&theirs, &ours), [] as [&str; 0], "only the Redis has these");
    let own: Vec<String> = differing(&ours, &theirs);
    assert_eq!(own, ["lua-memory-limit536870912"], "only the node has these");
}

#[test]
fn monitoring_finds_the_fields_of_a_redis() {
    /// Fields about how a Redis was built and how it manages memory, which this node has no equal of.
    const NOT_HAD: [&str; 2] = ["atomicvar_api", "gcc_version"];
    let Some(pair) = Pair::start() else { return };
    let [theirs, ours] = [&pair.redis, &pair.node].map(|path| {
        let reply = Client::connect(path).call(&["INFO".into()]);
        let text = String::from_utf8_lossy(&reply).into_owned();
        let names = text.lines().map(|line| line.split(':').next().unwrap_or_default().to_owned());
        names.filter(|name| !name.is_empty()).collect::<Vec<String>>()
    });
    let missing: Vec<&String> = theirs
        .iter()
        .filter(|name| !name.starts_with('$') && !ours.contains(name))
        .filter(|name| !NOT_HAD.contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Runs one script on both and compares every reply.
fn compare(pair: &Pair, resp: Resp, script: &[Vec<Vec<u8>>], name: &str) {
    let mut clients = [&pair.redis, &pair.node].map(|path| Client::connect(path));
    for client in &mut clients {
        client.call(&[b"FLUSHALL".to_vec()]);
        if resp == Resp::V3 {
            client.call(&[b"HELLO".to_vec(), b"3".to_vec()]);
        }
    }
    // Sent in runs, so that pipelines are tried too.
    let mut differences = String::new();
    for (run, commands) in script.chunks(50).enumerate() {
        let [theirs, ours] = clients.each_mut().map(|client| client.call_all(commands));
        for (index, command) in commands.iter().enumerate() {
            if !reply::is_same(command, &theirs[index], &ours[index]) {
                let before = &script[..run * 50 + index + 1];
                differences.push_str(&format!(
                    "{}redis: {}\nnode:  {}\n\n",
                    reply::show_last(
                        before,
                        if env::var_os("COMPAT_ALL").is_some() { 4000 } else { 12 }
                    ),
                    theirs[index].escape_ascii(),
                    ours[index].escape_ascii()
                ));
            }
        }
        // What comes later mostly follows from the first difference.
        assert!(differences.is_empty(), "{name} {resp:?}\n{differences}");
    }
}
