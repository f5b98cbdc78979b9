//! In what the front door differs from one Redis: where it shows in random scripts, and what both say to examples.

use reddoor_protocol::slot::Slot;

/// Something in which the front door differs from one Redis.
pub(crate) struct Difference {
    /// Its name in `docs/differences.md`.
    pub(crate) name: &'static str,
    /// Whether it shows in a command of a script.
    pub(crate) shows_in: fn(&Step<'_>) -> bool,
    /// What becomes of such a command.
    pub(crate) then: Then,
    /// Requests to which both give the answers told here.
    pub(crate) examples: &'static [Example],
}

/// A command of a script, and what comes of the commands around it.
pub(crate) struct Step<'a> {
    /// Its words.
    pub(crate) command: &'a [Vec<u8>],
    /// Whether a transaction is open.
    pub(crate) is_queued: bool,
    /// Where its keys lie.
    pub(crate) keys: Keys,
    /// The slot that the script's keys share, if they do.
    pub(crate) home: Option<Slot>,
}

/// Where the keys of a command lie.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Where the front door serves them all, or there are none.
    ServedAtOnce,
    /// In several slots, and the command writes some of them, one way or another.
    AreWritten,
    /// In several slots, though the command is neither split nor gathered nor emulated; of one that is queued or guards:
    /// elsewhere than the keys of all the script, or in several slots.
    InSeveralSlots,
}

/// What becomes of a command in which a difference shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nobody is asked.
    LeftOut,
    /// The front door alone is asked, and says exactly this.
    DoorRefuses(&'static str),
}

/// A request to which the answers differ.
pub(crate) struct Example {
    /// What both are asked first.
    pub(crate) before: &'static [&'static str],
    /// What both are asked then.
    pub(crate) request: &'static str,
    /// How the answer of one Redis begins.
    pub(crate) redis: &'static str,
    /// How the answer of the front door begins, with its default settings.
    pub(crate) door: &'static str,
}

impl Example {
    const fn of(
        before: &'static [&'static str],
        request: &'static str,
        redis: &'static str,
        door: &'static str,
    ) -> Example {
        Example { before, request, redis, door }
    }
}

impl Step<'_> {
    fn is_one_of(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.command[0].eq_ignore_ascii_case(name.as_bytes()))
    }

    fn has_word(&self, word: &str) -> bool {
        self.command[1..].iter().any(|argument| argument.eq_ignore_ascii_case(word.as_bytes()))
    }
}

/// All of them.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "databases",
        shows_in: |step| {
            step.is_one_of(&["SWAPDB", "MOVE"])
                || step.is_one_of(&["COPY"]) && step.has_word("DB")
                || step.is_one_of(&["SELECT"]) && step.command.get(1).is_none_or(|n| n != b"0")
        },
        then: Then::LeftOut,
        examples: &[
            Example::of(&[], "SELECT 1", "OK", "-ERR DB index is out of range"),
            Example::of(&[], "SWAPDB 0 1", "OK", "-ERR SWAPDB is not allowed in cluster mode"),
            Example::of(
                &["SET {db}a 1"],
                "MOVE {db}a 1",
                ":1",
                "-ERR MOVE is not allowed in cluster mode",
            ),
            Example::of(
                &["SET {db}a 1"],
                "COPY {db}a {db}b DB 1",
                ":1",
                "-ERR Copying to another database is not allowed in cluster mode",
            ),
        ],
    },
    Difference {
        name: "keys in several slots",
        shows_in: |step| {
            step.keys == Keys::InSeveralSlots && !step.is_queued && !step.is_one_of(&["WATCH"])
        },
        then: Then::DoorRefuses("-CROSSSLOT Keys in request don't hash to the same slot\r\n"),
        examples: &[Example::of(
            &[],
            "EVAL return(1) 2 foo bar",
            ":1",
            "-CROSSSLOT Keys in request don't hash to the same slot: slots 12182 and 5061",
        )],
    },
    Difference {
        name: "writes over several slots",
        shows_in: |step| step.keys == Keys::AreWritten,
        then: Then::DoorRefuses(
            "-CROSSSLOT Keys in request don't hash to the same slot; cross_slot.writes = \"emulate\" serves it\r\n",
        ),
        examples: &[
            Example::of(
                &["SADD store:a 1", "SADD store:b 1"],
                "SINTERSTORE store:c store:a store:b",
                ":1",
                "-CROSSSLOT Keys in request don't hash to the same slot; cross_slot.writes = \"emulate\" serves it",
            ),
            Example::of(
                &["MSET foo 1 bar 2"],
                "MSETNX foo 1 bar 2",
                ":0",
                "-CROSSSLOT Keys in request don't hash to the same slot; cross_slot.writes = \"emulate\" serves it",
            ),
        ],
    },
    Difference {
        name: "transactions over several slots",
        shows_in: |step| step.keys == Keys::InSeveralSlots && step.is_queued,
        then: Then::LeftOut,
        examples: &[
            Example::of(
                &["MULTI", "GET foo"],
                "GET bar",
                "QUEUED",
                "-CROSSSLOT commands of one transaction have keys in slots 12182 and 5061; \
                 transactions.cross_slot = \"per_slot\" runs one transaction for each slot",
            ),
            Example::of(
                &["MULTI"],
                "MGET foo bar",
                "QUEUED",
                "-CROSSSLOT commands of one transaction have keys in slots 5061 and 12182; \
                 transactions.cross_slot = \"per_slot\" runs one transaction for each slot",
            ),
        ],
    },
    Difference {
        name: "guards over several slots",
        shows_in: |step| {
            let is_elsewhere = step.keys == Keys::InSeveralSlots || step.home.is_none();
            step.is_one_of(&["WATCH"]) && is_elsewhere
        },
        then: Then::LeftOut,
        examples: &[
            Example::of(
                &[],
                "WATCH foo bar",
                "OK",
                "-CROSSSLOT WATCH of keys in slots 12182 and 5061; all keys guarded for one \
                 transaction must share a slot",
            ),
            Example::of(
                &["WATCH foo", "MULTI"],
                "GET bar",
                "QUEUED",
                "-CROSSSLOT WATCH guards slot 12182 and the transaction has keys in slot 5061",
            ),
        ],
    },
    Difference {
        name: "all nodes inside a transaction",
        shows_in: |step| step.is_queued && step.is_one_of(&["KEYS", "DBSIZE", "CONFIG"]),
        then: Then::LeftOut,
        examples: &[
            Example::of(
                &["MULTI"],
                "DBSIZE",
                "QUEUED",
                "-UNSERVED command 'dbsize' is not served inside a transaction",
            ),
            Example::of(
                &["MULTI"],
                "HELLO 3",
                "QUEUED",
                "-UNSERVED command 'hello' is not served inside a transaction",
            ),
        ],
    },
    Difference {
        name: "scan cursors",
        shows_in: |step| step.is_one_of(&["SCAN"]),
        then: Then::LeftOut,
        examples: &[Example::of(&["FLUSHALL"], "SCAN 0", "[0, []]", "[1")],
    },
    Difference {
        name: "sort by other keys",
        shows_in: |step| {
            step.is_one_of(&["SORT", "SORT_RO"]) && (step.has_word("BY") || step.has_word("GET"))
        },
        then: Then::LeftOut,
        examples: &[
            Example::of(
                &["DEL {sort}l"],
                "SORT {sort}l BY w_*",
                "[]",
                "-ERR BY option of SORT denied in Cluster mode.",
            ),
            Example::of(
                &["DEL {sort}l"],
                "SORT {sort}l GET w_*",
                "[]",
                "-ERR GET option of SORT denied in Cluster mode.",
            ),
        ],
    },
    Difference {
        name: "commands that change nodes",
        shows_in: |step| step.is_one_of(&["DEBUG"]),
        then: Then::LeftOut,
        examples: &[
            Example::of(
                &[],
                "CONFIG SET maxmemory 0",
                "OK",
                "-NOTALLOWED command 'config|set' changes nodes, which clients may where \
                 admin.commands is \"allow\"",
            ),
            Example::of(
                &[],
                "REPLICAOF NO ONE",
                "OK",
                "-NOTALLOWED command 'replicaof' changes nodes",
            ),
        ],
    },
    Difference {
        name: "clients",
        shows_in: |step| step.is_queued && step.is_one_of(&["CLIENT"]) && step.has_word("LIST"),
        then: Then::LeftOut,
        examples: &[Example::of(&["MULTI", "CLIENT LIST"], "EXEC", "[id=", "[-UNSERVED ")],
    },
    Difference {
        name: "replication",
        shows_in: |_| false,
        then: Then::LeftOut,
        examples: &[Example::of(
            &[],
            "REPLCONF capa eof",
            "OK",
            "-UNSERVED command 'replconf' is not served by this front door",
        )],
    },
    Difference {
        name: "descriptions of commands",
        shows_in: |_| false,
        then: Then::LeftOut,
        examples: &[Example::of(
            &[],
            "COMMAND DOCS GET",
            "[get, [summary, Get the value of a key,",
            "[get, [summary, Answers the string stored at a key,",
        )],
    },
];
