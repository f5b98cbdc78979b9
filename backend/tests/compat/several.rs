//! Several clients at once: who is told what, and when.
//!
//! A script is lines of a client's number and a command. After each command everything that came to any client is
//! taken down, so that the same bytes must have come to the same clients after the same commands.

use std::path::Path;

use reddoor_protocol::encode::Resp;

use crate::fixed;
use crate::servers::Pair;
use crate::wire::{self, Client};

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
    let (_, command) = parse(line);
    theirs.len() == ours.len()
        && theirs.iter().zip(ours).all(|((a, theirs), (b, ours))| {
            a == b && (theirs == ours || is_same_greeting(&command, theirs, ours))
        })
}

/// A greeting tells the number of the client, which is another one.
fn is_same_greeting(command: &[Vec<u8>], theirs: &[u8], ours: &[u8]) -> bool {
    command[0].eq_ignore_ascii_case(b"hello") && wire::is_same(command, theirs, ours)
}

fn shown(step: &Step) -> String {
    let shown = step.iter().map(|(client, bytes)| format!("{client}: {}", bytes.escape_ascii()));
    shown.collect::<Vec<_>>().join("\n       ")
}

/// A line's client and command.
fn parse(line: &str) -> (usize, Vec<Vec<u8>>) {
    let (client, command) = line.trim().split_once(' ').expect("a number and a command");
    let command = fixed::commands(command).pop().expect("a command");
    (client.parse().expect("a number"), command)
}

/// What came to whom, by command. `setup` is run by every client when it is first named; a line of a client and `<`
/// waits until something comes to it.
fn play(path: &Path, script: &str, setup: &[&str]) -> Vec<Step> {
    let mut control = Client::connect(path);
    control.call(&[b"FLUSHALL".to_vec()]);
    let mut clients: Vec<Option<Client>> = Vec::new();
    let mut steps = Vec::new();
    for line in script.lines() {
        let (number, command) = parse(line);
        if clients.len() <= number {
            clients.resize_with(number + 1, || None);
        }
        let client = clients[number].get_or_insert_with(|| {
            let mut client = Client::connect(path);
            setup.iter().flat_map(|line| fixed::commands(line)).for_each(|command| {
                client.call(&command);
            });
            client
        });
        if command[0] == b"<" {
            client.wait();
        } else {
            client.send(&command);
        }
        settle(&mut control);
        let came = clients.iter_mut().enumerate();
        let came = came.filter_map(|(number, client)| Some((number, client.as_mut()?.came())));
        steps.push(came.filter(|(_, bytes)| !bytes.is_empty()).collect());
    }
    steps
}

/// Lets a server execute and send all that was asked before: requests are executed in the order in which they came,
/// and what a turn of the server has to send goes out before the next turn answers.
fn settle(control: &mut Client) {
    for _ in 0..3 {
        control.call(&[b"PING".to_vec()]);
    }
}

/// Runs a script of one client on both servers, while another client listens to all that happens to keys.
pub(crate) fn compare_events(pair: &Pair, resp: Resp, script: &[Vec<Vec<u8>>], name: &str) {
    let [theirs, ours] = [&pair.redis, &pair.node].map(|path| events_of(path, resp, script));
    for (index, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
        let [theirs, ours] = [theirs, ours].map(|bytes| bytes.escape_ascii().to_string());
        let shown = wire::show_last(&script[..=index], 8);
        assert_eq!(ours, theirs, "{name} {resp:?}\n{shown}");
    }
}

/// What the listener heard after each command.
fn events_of(path: &Path, resp: Resp, script: &[Vec<Vec<u8>>]) -> Vec<Vec<u8>> {
    let words =
        |line: &str| line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
    let mut client = Client::connect(path);
    client.call(&words("CONFIG SET notify-keyspace-events KEg$lshztdmn"));
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
    client.call(&[b"CONFIG".into(), b"SET".into(), b"notify-keyspace-events".into(), b"".into()]);
    events
}

/// Publish and subscribe, as any protocol version has it.
pub(crate) const PUBSUB: &[&str] = &[
    "1 SUBSCRIBE a b a\n1 PING\n1 PING x\n1 PING x y\n1 GET a\n1 GET a b\n1 nosuch\n1 PSUBSCRIBE h* h*\n1 SSUBSCRIBE s\n\
     2 PUBLISH a hi\n2 PUBLISH hello you\n2 SPUBLISH s x\n2 SPUBLISH a x\n2 PUBLISH s x\n1 UNSUBSCRIBE a\n\
     2 PUBLISH a hi\n1 UNSUBSCRIBE\n1 UNSUBSCRIBE\n1 UNSUBSCRIBE x y\n1 PUNSUBSCRIBE\n1 PUNSUBSCRIBE\n1 PING\n\
     1 PUNSUBSCRIBE h*\n1 SUNSUBSCRIBE\n1 SUNSUBSCRIBE\n1 SUNSUBSCRIBE s\n1 PING\n1 GET a",
    "1 MULTI\n1 SUBSCRIBE a\n1 SSUBSCRIBE b\n1 PSUBSCRIBE *\n1 PUBLISH a hi\n1 GET x\n1 PING\n1 EXEC\n1 PING\n\
     2 PUBLISH a x\n1 MULTI\n1 RESET\n1 PING\n2 PUBLISH a x\n1 UNSUBSCRIBE",
    "1 SUBSCRIBE a\n1 HELLO 3\n1 HELLO 2\n1 HELLO 3 AUTH a b\n1 SELECT 3\n1 MULTI\n1 EXEC\n1 QUIT",
    "1 SUBSCRIBE a\n2 SUBSCRIBE a\n3 PSUBSCRIBE a*\n3 SUBSCRIBE ab\n4 PUBLISH a 1\n4 PUBLISH ab 2\n4 PUBSUB NUMSUB a ab x\n\
     4 PUBSUB NUMPAT\n4 PUBSUB CHANNELS a\n4 PUBSUB CHANNELS *b\n4 PUBSUB SHARDCHANNELS\n5 SSUBSCRIBE a\n\
     4 PUBSUB SHARDCHANNELS\n4 PUBSUB SHARDNUMSUB a b\n4 PUBSUB SHARDCHANNELS x*\n4 PUBSUB NUMSUB\n4 PUBSUB FOO\n\
     4 PUBSUB CHANNELS a b\n4 PUBSUB SHARDCHANNELS a b\n4 PUBSUB NUMPAT x\n4 PUBSUB\n4 SUBSCRIBE\n4 PUBLISH a\n\
     4 SPUBLISH a\n4 CLIENT KILL TYPE pubsub\n4 PUBLISH a 3\n4 PUBSUB NUMPAT",
    "1 CLIENT REPLY OFF\n1 SUBSCRIBE a\n1 PING\n2 PUBLISH a x\n1 UNSUBSCRIBE\n1 CLIENT REPLY ON\n1 CLIENT REPLY SKIP\n\
     1 SUBSCRIBE a\n2 PUBLISH a x\n1 PING\n1 UNSUBSCRIBE\n1 CLIENT REPLY SKIP\n1 GET a\n1 GET a",
    "1 PSUBSCRIBE \\x00* a?c [ab]\n2 PUBLISH abc x\n2 PUBLISH b x\n2 PUBLISH c x\n2 PUBLISH \"\" \"\"\n1 SUBSCRIBE \"\"\n\
     2 PUBLISH \"\" \"\"\n1 UNSUBSCRIBE \"\"",
];

/// A client that listens to itself, which only RESP3 allows outside of transactions.
pub(crate) const PUBSUB_RESP3: &[&str] = &[
    "1 SUBSCRIBE a\n1 PUBLISH a hi\n1 MULTI\n1 PUBLISH a hi\n1 GET x\n1 EXEC\n1 CLIENT REPLY OFF\n1 PUBLISH a hi\n\
     1 SUBSCRIBE b\n2 PUBLISH b x\n1 CLIENT REPLY ON\n1 CLIENT REPLY SKIP\n1 PUBLISH a hi\n1 PING\n1 SET x 1\n1 HELLO 2\n\
     1 GET x\n1 UNSUBSCRIBE b a\n1 GET x",
    "1 SUBSCRIBE a\n1 PSUBSCRIBE a\n1 SSUBSCRIBE a\n1 PUBLISH a 1\n1 SPUBLISH a 2\n1 CLIENT GETNAME\n1 RESET\n1 PUBLISH a 1",
];
