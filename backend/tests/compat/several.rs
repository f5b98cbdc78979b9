//! Several clients at once: who is told what, and when.
//!
//! A script is lines of a client's number and a command. After each command everything that came to any client is
//! taken down, so that the same bytes must have come to the same clients after the same commands.

pub(crate) mod random;

pub(crate) mod scripts;

pub(crate) mod tracking;

use std::path::{Path, PathBuf};

use reddoor_protocol::encode::Resp;
use reddoor_scripts::reply;

use crate::fixed;
use crate::servers::{Pair, STARTING};
use crate::wire::Client;

/// What came to each client after one command.
type Step = Vec<(usize, Vec<u8>)>;

/// Runs a script on both servers and compares what came.
pub(crate) fn compare(pair: &Pair, script: &str, setup: &[&str]) {
    let [theirs, ours] = [&pair.redis, &pair.node].map(|path| play(path, script, setup));
    for (index, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
        if !is_same(script, index, theirs, ours) {
            let lines: Vec<&str> = script.lines().take(index + 1).collect();
            let from = lines.len().saturating_sub(15);
            panic!(
                "{setup:?}\n{}\nredis: {}\nnode:  {}",
                lines[from..].join("\n"),
                shown(theirs),
                shown(ours)
            );
        }
    }
}

fn is_same(script: &str, index: usize, theirs: &Step, ours: &Step) -> bool {
    let line = script.lines().nth(index).unwrap_or_default();
    let (_, _, command) = parse(line);
    theirs.len() == ours.len()
        && theirs.iter().zip(ours).all(|((a, theirs), (b, ours))| {
            a == b && (theirs == ours || is_same_greeting(&command, theirs, ours))
        })
}

/// A greeting tells the number of the client, which is another one.
fn is_same_greeting(command: &[Vec<u8>], theirs: &[u8], ours: &[u8]) -> bool {
    command[0].eq_ignore_ascii_case(b"hello") && reply::is_same(command, theirs, ours)
}

fn shown(step: &Step) -> String {
    let shown = step.iter().map(|(client, bytes)| format!("{client}: {}", bytes.escape_ascii()));
    shown.collect::<Vec<_>>().join("\n       ")
}

/// A line's client, whether something must come to it before the next line, and the command.
fn parse(line: &str) -> (usize, bool, Vec<Vec<u8>>) {
    let (client, command) = line.trim().split_once(' ').expect("a number and a command");
    let command = fixed::commands(command).pop().expect("a command");
    let number = client.trim_end_matches('<').parse().expect("a number");
    (number, client.ends_with('<'), command)
}

/// What came to whom, by command. `setup` is run by every client when it is first named; `<` behind a client's number
/// waits until something comes to it, and `@3` stands for the number that the server knows client 3 by.
fn play(path: &Path, script: &str, setup: &[&str]) -> Vec<Step> {
    let mut control = Client::connect(path);
    control.call(&[b"FLUSHALL".to_vec()]);
    let mut clients: Vec<Option<Client>> = Vec::new();
    let mut ids: Vec<Vec<u8>> = Vec::new();
    let mut steps = Vec::new();
    for line in script.lines() {
        let (number, waits, mut command) = parse(line);
        if clients.len() <= number {
            clients.resize_with(number + 1, || None);
            ids.resize(number + 1, Vec::new());
        }
        let client = clients[number].get_or_insert_with(|| {
            let mut client = Client::connect(path);
            setup.iter().flat_map(|line| fixed::commands(line)).for_each(|command| {
                client.call(&command);
            });
            let id = client.call(&[b"CLIENT".into(), b"ID".into()]);
            ids[number] = id[1..id.len() - 2].to_vec();
            client
        });
        for word in &mut command {
            // The number that the server has given to another client.
            if let [b'@', other @ b'0'..=b'9'] = word.as_slice() {
                *word = ids.get(usize::from(other - b'0')).cloned().unwrap_or_default();
            }
        }
        let _steady = STARTING.read().expect("no panic while it is held");
        client.send(&command);
        if waits {
            client.wait();
        }
        settle(&mut control);
        let came = clients.iter_mut().enumerate();
        let came = came.filter_map(|(number, client)| Some((number, client.as_mut()?.came())));
        let came = came.filter(|(_, bytes)| !bytes.is_empty());
        steps.push(
            came.map(|(number, bytes)| (number, without_times(without_ids(&command, bytes, &ids))))
                .collect(),
        );
    }
    steps
}

/// Where the number of a client is told to whom others are redirected, its number in the script stands instead.
fn without_ids(command: &[Vec<u8>], bytes: Vec<u8>, ids: &[Vec<u8>]) -> Vec<u8> {
    const BROKEN: &[u8] = b"tracking-redir-broken\r\n";
    let asks =
        |word: &str| command.get(1).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    let is_broken = bytes.windows(BROKEN.len()).any(|window| window == BROKEN);
    if !is_broken && !asks("GETREDIR") && !asks("TRACKINGINFO") {
        return bytes;
    }
    let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    for line in &mut lines {
        let number = line.strip_prefix(b":").and_then(|line| line.strip_suffix(b"\r"));
        let client =
            number.and_then(|number| ids.iter().position(|id| !id.is_empty() && id == number));
        if let Some(client) = client {
            *line = format!(":@{client}\r").into_bytes();
        }
    }
    lines.join(&b'\n')
}

/// The lines of a monitor without when they were, and without the socket, which is each server's own.
fn without_times(bytes: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8_lossy(&bytes);
    if !text.contains(" unix:/") {
        return bytes;
    }
    let shown = |line: &str| match (line.split_once(" unix:/"), line.split_once("] ")) {
        (Some((head, _)), Some((_, words))) if line.starts_with('+') => {
            format!("+{}] {words}", head.split(' ').next_back().unwrap_or_default())
        }
        _ => line.to_owned(),
    };
    text.split('\n').map(shown).collect::<Vec<_>>().join("\n").into_bytes()
}

/// Lets a server execute and send all that was asked before: requests are executed in the order in which they came,
/// and what a turn of the server has to send goes out before the next turn answers.
fn settle(control: &mut Client) {
    // Monitors are not shown this one.
    let command = ["CONFIG", "GET", "port"].map(|word| word.as_bytes().to_vec());
    for _ in 0..3 {
        control.call(&command);
    }
}

/// Runs a script of one client on both servers, while another client listens to all that happens to keys.
pub(crate) fn compare_events(pair: &Pair, resp: Resp, script: &[Vec<Vec<u8>>], name: &str) {
    // Without `x`, as keys expire when each server finds time for it. What a sort looks up, it does in the order in
    // which its own hash function has the elements, so it is not asked for missing keys.
    let classes = if name.starts_with("sort") { "KEg$lshztdxn" } else { "KEg$lshztdxmn" };
    let play = |path: &PathBuf| events_of(path, resp, script, classes);
    let [theirs, ours] = [&pair.redis, &pair.node].map(play);
    for (index, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
        let [theirs, ours] = [theirs, ours].map(|bytes| told(&script[index], bytes));
        let shown = reply::show_last(&script[..=index], 8);
        assert_eq!(ours, theirs, "{name} {resp:?}\n{shown}");
    }
}

/// What was heard after a command, as text. In which order `SORT` looks up what belongs to the members of a table is
/// each server's own affair.
fn told(command: &[Vec<u8>], heard: &[u8]) -> String {
    let text = heard.escape_ascii().to_string();
    let is_sort =
        command.first().is_some_and(|name| name.to_ascii_uppercase().starts_with(b"SORT"));
    if !is_sort {
        return text;
    }
    let mut events: Vec<&str> = text.split(">4\\r\\n").collect();
    events.sort_unstable();
    events.join(">4\\r\\n")
}

/// What the listener heard after each command.
fn events_of(path: &Path, resp: Resp, script: &[Vec<Vec<u8>>], classes: &str) -> Vec<Vec<u8>> {
    let words =
        |line: &str| line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
    let mut client = Client::connect(path);
    client.call(&words(&format!("CONFIG SET notify-keyspace-events {classes}")));
    client.call(&words("DEBUG SET-ACTIVE-EXPIRE 0"));
    client.call(&words("FLUSHALL"));
    let mut listener = Client::connect(path);
    if resp == Resp::V3 {
        listener.call(&words("HELLO 3"));
    }
    listener.call(&words("PSUBSCRIBE *"));
    let mut events = Vec::new();
    for command in script {
        client.call(command);
        settle(&mut client);
        events.push(listener.came());
    }
    client.call(&words("RESET"));
    client.call(&words("DEBUG SET-ACTIVE-EXPIRE 1"));
    client.call(&[b"CONFIG".into(), b"SET".into(), b"notify-keyspace-events".into(), b"".into()]);
    events
}
