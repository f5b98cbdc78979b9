//! Users: random rules, what they allow, and what is told of it.

pub(crate) mod files;

mod rules;

pub(crate) mod scripts;

use reddoor_protocol::command::flags::AclCategories;
use reddoor_protocol::value::Value;
use reddoor_scripts::family::Family;
use reddoor_scripts::{grammar, reply};

use crate::fixed;
use crate::servers::Pair;
use crate::several::random::Random;
use crate::wire::Client;

/// Changes of one user's rules by one seed.
const CHANGES: usize = 60;

/// Commands that are looked at after each of them.
const DRY_RUNS: usize = 20;

/// Commands that a user runs before its rules change.
const COMMANDS: usize = 12;

/// How many times they do.
const ROUNDS: usize = 25;

/// Both servers' replies to one command after the other.
struct Both {
    clients: [Client; 2],
    /// What was sent, for failures.
    sent: Vec<Vec<Vec<u8>>>,
    name: String,
}

impl Both {
    fn connect(pair: &Pair, name: &str) -> Both {
        let clients = [&pair.redis, &pair.node].map(|path| Client::connect(path));
        Both { clients, sent: Vec::new(), name: name.to_owned() }
    }

    fn call(&mut self, command: &[Vec<u8>]) -> [Vec<u8>; 2] {
        self.sent.push(command.to_vec());
        self.clients.each_mut().map(|client| client.call(command))
    }

    /// Sends a command to both, whose replies must be the same when they have been seen through `shown`.
    fn compare(&mut self, command: &[Vec<u8>], shown: fn(&[u8]) -> String) -> String {
        let [theirs, ours] = self.call(command).map(|reply| shown(&reply));
        assert_eq!(ours, theirs, "{}\n{}", self.name, reply::show_last(&self.sent, 12));
        ours
    }

    fn compare_line(&mut self, line: &str, shown: fn(&[u8]) -> String) {
        fixed::commands(line).iter().for_each(|command| {
            self.compare(command, shown);
        });
    }
}

fn plain(reply: &[u8]) -> String {
    reply.escape_ascii().to_string()
}

/// Descriptions of users with rules about single commands in order of their names: a Redis has them in that of its
/// hash table, which is another one at each start.
fn sorted_rules(reply: &[u8]) -> String {
    let mut texts = Vec::new();
    let mut values = vec![reply::parse(reply)];
    while let Some(value) = values.pop() {
        match value {
            Value::Array(inner) | Value::Set(inner) => values.extend(inner),
            Value::Map(pairs) => values.extend(pairs.into_iter().flat_map(|(a, b)| [a, b])),
            Value::Bulk(text) => texts.push(sorted_words(&String::from_utf8_lossy(&text))),
            other => texts.push(format!("{other:?}")),
        }
    }
    texts.join("\n")
}

fn sorted_words(text: &str) -> String {
    let text = text.replace(')', " )");
    let mut words: Vec<&str> = text.split(' ').collect();
    let is_single = |word: &&str| word.starts_with(['+', '-']) && !word.contains('@');
    let mut start = 0;
    while start < words.len() {
        let count = words[start..].iter().take_while(|word| is_single(word)).count();
        words[start..start + count].sort_unstable();
        start += count + 1;
    }
    words.join(" ")
}

/// Entries of the log without times and descriptions of clients.
fn entries(reply: &[u8]) -> String {
    let Value::Array(entries) = reply::parse(reply) else { return plain(reply) };
    let shown = entries.into_iter().map(|entry| match entry {
        Value::Array(fields) => {
            let pairs = fields.chunks(2).filter(|pair| !is_own(&pair[0]));
            format!("{:?}", pairs.collect::<Vec<_>>())
        }
        Value::Map(pairs) => {
            format!("{:?}", pairs.iter().filter(|(name, _)| !is_own(name)).collect::<Vec<_>>())
        }
        other => format!("{other:?}"),
    });
    shown.collect::<Vec<_>>().join("\n")
}

fn is_own(name: &Value) -> bool {
    let Value::Bulk(name) = name else { return false };
    [b"age-seconds".as_slice(), b"client-info"].contains(&name.as_slice())
}

/// The commands of each category, which a Redis has in the order of its hash table.
pub(crate) fn compare_categories(pair: &Pair) {
    let mut both = Both::connect(pair, "categories");
    for name in AclCategories::all().names() {
        let [theirs, ours] =
            both.call(&["ACL", "CAT", name].map(|word| word.into())).map(|reply| {
                let mut names = reply::texts(&reply);
                names.sort();
                names
            });
        assert_eq!(ours, theirs, "{name}");
    }
}

/// Random rules for a user: what is said of each change, what is told of the user then, and what it may do with any
/// command there is.
pub(crate) fn compare_rules(pair: &Pair, seed: u64) {
    let mut both = Both::connect(pair, &format!("COMPAT_SEED={seed}"));
    let mut random = Random(seed);
    if seed.is_multiple_of(2) {
        both.compare_line("HELLO 3", |reply| String::from_utf8_lossy(&reply[..1]).into_owned());
    }
    for _ in 0..CHANGES {
        let mut change = fixed::commands("ACL SETUSER user").remove(0);
        change.extend((0..1 + random.below(4)).map(|_| rules::any(&mut random).into_bytes()));
        both.compare(&change, plain);
        both.compare_line("ACL GETUSER user\nACL LIST", sorted_rules);
        for _ in 0..DRY_RUNS {
            let request = rules::dry_run(&mut random);
            if !is_lone_pfmerge(&request[3..]) {
                both.compare(&request, plain);
            }
        }
    }
    both.compare_line("ACL DELUSER user\nACL USERS", plain);
}

/// Commands of a family, run by a user whose rules change.
pub(crate) fn compare_commands(pair: &Pair, family: &Family, seed: u64) {
    let name = format!("COMPAT_FAMILY={} COMPAT_SEED={seed}", family.name);
    let [mut operator, mut user] = [(); 2].map(|()| Both::connect(pair, &name));
    operator
        .compare_line("FLUSHALL\nACL LOG RESET\nACL SETUSER user reset on nopass ~* +@all", plain);
    user.compare_line("AUTH user any\nACL WHOAMI", plain);
    let mut random = Random(seed);
    let script = grammar::script(family.commands, seed, ROUNDS * COMMANDS, b"");
    for commands in script.chunks(COMMANDS) {
        let mut change = fixed::commands("ACL SETUSER user").remove(0);
        change.extend(rules::of_family(&mut random).into_iter().map(String::into_bytes));
        operator.compare(&change, plain);
        let is_queued = random.below(4) == 0;
        if is_queued {
            user.compare_line("MULTI", plain);
        }
        for command in commands {
            if is_lone_pfmerge(command) || is_queued && picks_at_random(command) {
                continue;
            }
            let [theirs, ours] = user.call(command);
            let is_same = reply::is_same(command, &theirs, &ours);
            let shown = || reply::show_last(&user.sent, 14);
            assert!(is_same, "{name}\n{}\n{}\n{}", shown(), plain(&theirs), plain(&ours));
        }
        if is_queued {
            // Half of the time the rules are others when the commands run.
            operator.compare_line(
                ["PING", "ACL SETUSER user -@read resetkeys ~b*"][random.below(2)],
                plain,
            );
            let exec = [b"EXEC".to_vec()];
            let [theirs, ours] = user.call(&exec);
            assert!(
                reply::is_same(&exec, &theirs, &ours),
                "{name}\n{}\n{}",
                plain(&theirs),
                plain(&ours)
            );
        }
    }
    operator.compare_line("ACL LOG 128", entries);
    operator.compare_line("ACL DELUSER user", plain);
}

/// Whether nobody can tell what a command would have answered, once its reply is one among others.
fn picks_at_random(command: &[Vec<u8>]) -> bool {
    let name = command[0].to_ascii_uppercase();
    [&b"RANDMEMBER"[..], b"RANDFIELD", b"RANDOMKEY", b"SPOP"].iter().any(|end| name.ends_with(end))
}

/// `PFMERGE` of a destination alone, whose key a Redis does not find, and so lets everybody have.
fn is_lone_pfmerge(command: &[Vec<u8>]) -> bool {
    command.len() == 2 && command[0].eq_ignore_ascii_case(b"PFMERGE")
}

/// What the log of refusals says after all ways to be refused.
pub(crate) fn compare_log(pair: &Pair) {
    let mut operator = Both::connect(pair, "the log");
    let mut user = Both::connect(pair, "the log");
    operator.compare_line(scripts::LOG_SETUP, plain);
    user.compare_line(scripts::LOGGED, plain);
    operator.compare_line(
        "ACL LOG\nACL LOG 3\nACL LOG -1\nACL LOG 0\nACL LOG x\nACL LOG 1000",
        entries,
    );
    operator.compare_line("CONFIG SET acllog-max-len 2", plain);
    user.compare_line("GET nosuch", plain);
    operator.compare_line("ACL LOG\nHELLO 3\nACL LOG", entries_or_greeting);
    operator.compare_line("CONFIG SET acllog-max-len 128\nACL LOG RESET\nACL DELUSER user", plain);
}

fn entries_or_greeting(reply: &[u8]) -> String {
    if reply.starts_with(b"%") { String::new() } else { entries(reply) }
}
