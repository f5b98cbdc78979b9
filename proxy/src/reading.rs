//! Which requests a replica may answer, and what is made of its reply. Pure.
//!
//! A replica is no primary a moment ago: while slots move it does not know of the keys that have moved already, and
//! says that there are none. So where `reads.missing` is "verify", a reply that an absent key would get, too, is not
//! believed, and a command goes to replicas only if that can be told from its reply.
//!
//! Never to replicas go what is no read of a slot (scans of the whole, figures, scripts that may write), cursors of
//! single keys, which mean nothing to another node, and what is about one node's memory of a key.

use reddoor_protocol::command::policy::RequestPolicy;
use reddoor_protocol::command::{CommandId, CommandSpec, all};

use crate::config::reads::{MissingKeys, ReadFrom, ReadsConfig};
use crate::errand::{Doubts, Reading};
use crate::join::elements;

/// Reads that mean something at one node only.
const OF_ONE_NODE: [CommandId; 6] = [
    CommandId::of("hscan"),
    CommandId::of("sscan"),
    CommandId::of("zscan"),
    CommandId::of("touch"),
    CommandId::of("object|freq"),
    CommandId::of("object|idletime"),
];

const MGET: CommandId = CommandId::of("mget");

const EXISTS: CommandId = CommandId::of("exists");

/// Who answers which command.
#[derive(Debug)]
pub(crate) struct ReadTable(Box<[Reading]>);

impl ReadTable {
    /// The table that the settings ask for, for clients whose reads go `from` there unless a rule says otherwise.
    pub(crate) fn new(reads: &ReadsConfig, from: ReadFrom) -> ReadTable {
        let reading = |command: &CommandSpec| {
            let rules = reads.commands.iter().rev();
            let rule = rules.into_iter().find(|rule| rule.speaks_of(command));
            let from = rule.map_or(from, |rule| rule.from);
            match doubts_of(command, reads.missing).filter(|_| from != ReadFrom::Primary) {
                Some(doubts) => Reading { from, doubts, ..Reading::OWNER },
                None => Reading::OWNER,
            }
        };
        ReadTable(all().iter().map(reading).collect())
    }

    /// Who answers a command.
    #[inline]
    pub(crate) fn of(&self, command: &CommandSpec) -> Reading {
        self.0[command.id().index()]
    }
}

/// What is not believed of a replica's reply to a command; `None`: only primaries answer it.
fn doubts_of(command: &CommandSpec, missing: MissingKeys) -> Option<Doubts> {
    let is_of_a_slot = matches!(
        command.request,
        RequestPolicy::OneSlot
            | RequestPolicy::SplitByKey { .. }
            | RequestPolicy::BlockingIf { .. }
            | RequestPolicy::Script(_)
    );
    if !command.is_readonly() || !is_of_a_slot || OF_ONE_NODE.contains(&command.id()) {
        return None;
    }
    match missing {
        MissingKeys::Believe => Some(Doubts::None),
        MissingKeys::Verify if command.id() == MGET => Some(Doubts::AnyNull),
        MissingKeys::Verify if command.id() == EXISTS => Some(Doubts::TooFew),
        MissingKeys::Verify => command.single_key_index().map(|_| Doubts::Nothing),
    }
}

/// Whether a replica's reply to a request is not believed. Costs O(reply) for a reply in which nothing is found, and
/// O(elements) for one to `MGET`.
pub(crate) fn is_doubted(doubts: Doubts, reply: &[u8], request: &[u8]) -> bool {
    match doubts {
        Doubts::None => false,
        Doubts::Nothing => finds_nothing(reply),
        Doubts::AnyNull => match elements::of(reply) {
            Some(elements) => elements.into_iter().any(elements::is_null),
            None => true,
        },
        Doubts::TooFew => {
            let count = number(reply, b':');
            let args = number(request, b'*');
            count.is_none() || count.map(|count| count + 1) != args
        }
    }
}

/// As [`is_doubted`], of a reply that begins so and is longer: whether what has not come yet may decide.
pub(crate) fn may_be_doubted(doubts: Doubts, start: &[u8]) -> bool {
    let looked_at = &start[..start.len().min(LOOKED_AT_BYTES)];
    match doubts {
        Doubts::None => false,
        // The last line may be the beginning of one that says something.
        Doubts::Nothing => {
            let end = looked_at.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            finds_nothing(&looked_at[..end])
        }
        Doubts::AnyNull | Doubts::TooFew => true,
    }
}

/// Bytes of a long reply that are looked at: one that begins with so many nulls may as well come whole.
const LOOKED_AT_BYTES: usize = 4096;

/// Whether every line of a reply is one that an absent key can get: a null, an empty string or list, 0, -1, -2.
fn finds_nothing(reply: &[u8]) -> bool {
    // A string that is not empty ends this at its length, so no line of a value is ever looked at.
    let is_empty = |line: &[u8]| {
        matches!(
            line,
            b"" | b"$-1"
                | b"_"
                | b"$0"
                | b":0"
                | b":-1"
                | b":-2"
                | b"+none"
                | [b'*' | b'~' | b'%', ..]
        )
    };
    reply
        .split(|byte| *byte == b'\n')
        .all(|line| is_empty(line.strip_suffix(b"\r").unwrap_or(line)))
}

/// The number on a first line of this kind.
fn number(bytes: &[u8], kind: u8) -> Option<u64> {
    let line = bytes.split(|byte| *byte == b'\r').next()?;
    let digits = line.strip_prefix(&[kind])?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use reddoor_protocol::command::lookup_full;

    use super::*;
    use crate::config::Config;
    use crate::config::layer::Overrides;

    fn table(settings: &[(&str, &str)]) -> ReadTable {
        let mut overrides = Overrides::default();
        overrides.set("cluster.seeds", "a:1");
        settings.iter().for_each(|(key, value)| overrides.set(key, *value));
        let reads = Config::load(None, [], &overrides).unwrap().reads;
        ReadTable::new(&reads, reads.from)
    }

    fn readings<const N: usize>(table: &ReadTable, commands: [&str; N]) -> [(ReadFrom, Doubts); N] {
        commands.map(|command| {
            let reading = table.of(lookup_full(command.as_bytes()).unwrap());
            (reading.from, reading.doubts)
        })
    }

    const OWNER: (ReadFrom, Doubts) = (ReadFrom::Primary, Doubts::None);

    #[test]
    fn what_a_replica_cannot_know_it_is_not_asked() {
        let verifying = table(&[("reads.from", "any")]);
        let any = |doubts| (ReadFrom::Any, doubts);
        assert_eq!(
            readings(&verifying, ["get", "hgetall", "object|encoding", "mget", "exists"]),
            [
                any(Doubts::Nothing),
                any(Doubts::Nothing),
                any(Doubts::Nothing),
                any(Doubts::AnyNull),
                any(Doubts::TooFew)
            ]
        );
        let never =
            ["set", "incr", "eval", "hscan", "touch", "dbsize", "scan", "keys", "publish", "watch"];
        assert_eq!(readings(&verifying, never), [OWNER; 10]);
        let several = ["sinter", "zunion", "xread", "eval_ro", "pfcount"];
        assert_eq!(readings(&verifying, several), [OWNER; 5]);
        let believing = table(&[("reads.from", "any"), ("reads.missing", "believe")]);
        assert_eq!(readings(&believing, several), [any(Doubts::None); 5]);
        assert_eq!(readings(&believing, never), [OWNER; 10]);
    }

    #[test]
    fn the_last_rule_that_fits_holds() {
        let rules = "@slow=replica,lrange=primary,get=nearest";
        let table = table(&[("reads.commands", rules)]);
        let from = |command| readings(&table, [command])[0].0;
        assert_eq!(from("lrange"), ReadFrom::Primary);
        assert_eq!(from("smembers"), ReadFrom::Replica);
        assert_eq!(from("get"), ReadFrom::Nearest);
        assert_eq!(from("strlen"), ReadFrom::Primary);
        // Categories hold no writes, whatever they are called.
        assert_eq!(from("sort"), ReadFrom::Primary);
    }

    #[test]
    fn replies_of_absent_keys_are_doubted() {
        let nothing = [
            "$-1",
            "*-1",
            "_",
            "*0",
            "%0",
            "~0",
            ":0",
            ":-2",
            ":-1",
            "$0\r\n",
            "+none",
            "*2\r\n$-1\r\n:0",
            "*1\r\n*0",
        ];
        for reply in nothing {
            assert!(is_doubted(Doubts::Nothing, format!("{reply}\r\n").as_bytes(), b""), "{reply}");
        }
        let something =
            ["$1\r\n0", "$3\r\n$-1", ":1", "+string", "*2\r\n$-1\r\n$1\r\nx", "*1\r\n:7", ",0.5"];
        for reply in something {
            assert!(
                !is_doubted(Doubts::Nothing, format!("{reply}\r\n").as_bytes(), b""),
                "{reply}"
            );
        }
        assert!(!is_doubted(Doubts::None, b"$-1\r\n", b""));
    }

    #[test]
    fn the_beginning_of_a_long_reply_is_believed_when_it_says_something() {
        let nulls = "$-1\r\n".repeat(2000);
        for (start, is_doubted) in [
            ("$300000\r\nxxx".to_owned(), false),
            ("*90000\r\n$1\r\na".to_owned(), false),
            ("*90000\r\n$-1\r\n:7\r\n".to_owned(), false),
            ("*90000\r\n$-1\r\n$".to_owned(), true),
            ("*90000\r\n$-1\r\n:".to_owned(), true),
            ("*90000".to_owned(), true),
            (format!("*90000\r\n{nulls}$1\r\na\r\n"), true),
        ] {
            assert_eq!(
                may_be_doubted(Doubts::Nothing, start.as_bytes()),
                is_doubted,
                "{start:.40}"
            );
            assert!(may_be_doubted(Doubts::AnyNull, start.as_bytes()));
            assert!(!may_be_doubted(Doubts::None, start.as_bytes()));
        }
    }

    #[test]
    fn each_key_of_several_has_to_be_found() {
        let mget = |reply: &str| is_doubted(Doubts::AnyNull, reply.as_bytes(), b"");
        assert!(!mget("*2\r\n$1\r\na\r\n$0\r\n\r\n"));
        assert!(!mget("*1\r\n$5\r\n$-1\r\n\r\n"));
        assert!(mget("*2\r\n$1\r\na\r\n$-1\r\n"));
        assert!(mget("*2\r\n_\r\n$1\r\na\r\n"));
        let exists = |reply: &str| {
            is_doubted(
                Doubts::TooFew,
                reply.as_bytes(),
                b"*3\r\n$6\r\nEXISTS\r\n$1\r\na\r\n$1\r\nb\r\n",
            )
        };
        assert!(!exists(":2\r\n"));
        assert!(exists(":1\r\n") && exists(":0\r\n") && exists("$-1\r\n"));
    }
}
