//! The node against a real redis-server: the same commands, the same bytes back.
//!
//! Both serve in this machine on unix sockets in a temporary directory. Random scripts take their seed from
//! `COMPAT_SEED`, or from the clock, and print it; a difference names the whole script up to it.

mod fixed;

mod random;

mod servers;

mod wire;

use reddoor_protocol::encode::Resp;

use crate::servers::Pair;
use crate::wire::Client;

/// Commands of one random script.
const SCRIPT_LEN: usize = 4000;

/// Random scripts in each protocol version.
const SCRIPTS: u64 = 6;

#[test]
fn random_scripts_get_the_same_replies() {
    let Some(pair) = Pair::start() else { return };
    let seed = random::seed();
    for (number, resp) in (0..SCRIPTS).flat_map(|number| [(number, Resp::V2), (number, Resp::V3)]) {
        let seed = seed.wrapping_add(number);
        println!("COMPAT_SEED={seed} {resp:?}");
        let script = random::script(seed, SCRIPT_LEN);
        compare(&pair, resp, &script, &format!("COMPAT_SEED={seed}"));
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
            if !wire::is_same(command, &theirs[index], &ours[index]) {
                let before = &script[..run * 50 + index + 1];
                differences.push_str(&format!(
                    "{}redis: {}\nnode:  {}\n\n",
                    wire::show_last(before, 4),
                    theirs[index].escape_ascii(),
                    ours[index].escape_ascii()
                ));
            }
        }
        // What comes later mostly follows from the first difference.
        assert!(differences.is_empty(), "{name} {resp:?}\n{differences}");
    }
}
