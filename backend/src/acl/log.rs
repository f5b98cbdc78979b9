//! What was refused lately, the latest first: `ACL LOG`.
//!
//! Source: redis `src/acl.c` addACLLogEntry, ACLLogMatchEntry.

use std::collections::VecDeque;

use super::check::Denial;

/// Entries among which an equal one is looked for (count).
const LOOKED_AT_MAX: usize = 10;

/// How long after an entry an equal one counts as the same (milliseconds).
const SAME_MS_MAX: i64 = 60_000;

/// Refusals, in a number that the settings bound.
#[derive(Debug, Default)]
pub(crate) struct AclLog {
    entries: VecDeque<Entry>,
}

/// Something that was refused, once or more often.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) count: u64,
    pub(crate) reason: Reason,
    pub(crate) context: Context,
    /// The command, key or channel, or the command by which a client would have authenticated.
    pub(crate) object: Vec<u8>,
    /// The user that it was refused to.
    pub(crate) user: Vec<u8>,
    /// When it was refused last, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// The client that was refused last, as `CLIENT LIST` has it.
    pub(crate) client: Vec<u8>,
}

/// What was not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Command,
    Key,
    Channel,
    /// The password was wrong, or there is no such user, or it is off.
    Auth,
}

/// Where it would have run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    TopLevel,
    Transaction,
    Script,
}

impl From<Denial> for Reason {
    fn from(denial: Denial) -> Reason {
        match denial {
            Denial::Command => Reason::Command,
            Denial::Key(_) => Reason::Key,
            Denial::Channel(_) => Reason::Channel,
        }
    }
}

impl Reason {
    /// The word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Channel => "channel",
            Reason::Auth => "auth",
        }
    }
}

impl Context {
    /// The word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Context::TopLevel => "toplevel",
            Context::Transaction => "multi",
            Context::Script => "lua",
        }
    }
}

impl Entry {
    fn is_same(&self, other: &Entry) -> bool {
        self.reason == other.reason
            && self.context == other.context
            && (self.at_ms - other.at_ms).abs() <= SAME_MS_MAX
            && self.object == other.object
            && self.user == other.user
    }
}

impl AclLog {
    /// Notes a refusal, and forgets the oldest beyond `len_max`. An entry for the same is counted on.
    pub(crate) fn push(&mut self, mut entry: Entry, len_max: usize) {
        let same = self.entries.iter().take(LOOKED_AT_MAX).position(|known| known.is_same(&entry));
        if let Some(known) = same.and_then(|index| self.entries.remove(index)) {
            entry.count += known.count;
            return self.entries.push_front(entry);
        }
        self.entries.push_front(entry);
        self.entries.truncate(len_max);
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(object: &str, at_ms: i64) -> Entry {
        Entry {
            count: 1,
            reason: Reason::Command,
            context: Context::TopLevel,
            object: object.into(),
            user: b"default".to_vec(),
            at_ms,
            client: Vec::new(),
        }
    }

    fn counts(log: &AclLog) -> Vec<(String, u64)> {
        let told = |entry: &Entry| (String::from_utf8_lossy(&entry.object).into(), entry.count);
        log.iter().map(told).collect()
    }

    #[test]
    fn the_same_within_a_minute_is_one_entry_that_comes_to_the_front() {
        let mut log = AclLog::default();
        [("get", 0), ("set", 1), ("get", 60_000), ("get", 120_001), ("set", 60_001)]
            .into_iter()
            .for_each(|(object, at_ms)| log.push(entry(object, at_ms), 128));
        let expect = [("set", 2), ("get", 1), ("get", 2)];
        assert_eq!(counts(&log), expect.map(|(object, count)| (object.to_owned(), count)));
    }

    #[test]
    fn the_oldest_go_and_those_far_behind_are_not_looked_at() {
        let mut log = AclLog::default();
        (0..11).for_each(|number| log.push(entry(&number.to_string(), 0), 11));
        log.push(entry("0", 0), 11);
        assert_eq!(counts(&log)[0], ("0".to_owned(), 1));
        assert_eq!(log.iter().len(), 11);
        log.push(entry("x", 0), 0);
        assert_eq!(log.iter().len(), 0);
    }
}
