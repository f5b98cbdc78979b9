//! How a command whose keys lie in several slots can be done all the same: what its row tells about it.
//!
//! Not here: commands that are split by key, which say so in their request policy.

use super::key_spec::{FindKeys, KeyAccess, KeySpec, OddKeys};
use super::policy::RequestPolicy;
use super::{CommandGroup, CommandSpec};
use crate::request::Args;

/// How a command over several slots is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It reads its keys, which are fetched whole.
    Copies,
    /// It reads the ends of streams, which are left where they are.
    Streams,
    /// It reads keys and overwrites one.
    Store,
    /// It gives a key another name, whatever that held.
    Rename,
    /// It gives a key another name, if that holds nothing.
    RenameIfFree,
    /// It changes a key by what others hold.
    Merge,
    /// It sets keys, if none of them is there.
    SetIfNone,
    /// It moves a member from one set to another.
    Member,
    /// It moves an element from an end of one list to an end of another.
    Element,
    /// It reads streams for a consumer, which is taken note of in each.
    Groups,
    /// It takes from the first of its keys that has something.
    Pop,
}

/// Commands of whose way their rows do not tell enough: what they do takes several steps, or they name keys in a way
/// of their own.
const TOLD: [(&str, Way); 19] = [
    ("blmove", Way::Element),
    ("blmpop", Way::Pop),
    ("blpop", Way::Pop),
    ("brpop", Way::Pop),
    ("brpoplpush", Way::Element),
    ("bzmpop", Way::Pop),
    ("bzpopmax", Way::Pop),
    ("bzpopmin", Way::Pop),
    ("lmove", Way::Element),
    ("lmpop", Way::Pop),
    ("msetnx", Way::SetIfNone),
    ("pfmerge", Way::Merge),
    ("rename", Way::Rename),
    ("renamenx", Way::RenameIfFree),
    ("rpoplpush", Way::Element),
    ("smove", Way::Member),
    ("sort", Way::Store),
    ("xreadgroup", Way::Groups),
    ("zmpop", Way::Pop),
];

impl Way {
    /// The way for a command, if there is one: its row must tell all its keys and what happens to each, unless the
    /// way is known.
    pub fn of(command: &CommandSpec) -> Option<Way> {
        if let Some((_, way)) = TOLD.iter().find(|(name, _)| *name == command.name) {
            return Some(*way);
        }
        let takes_part = match command.request {
            RequestPolicy::OneSlot => true,
            RequestPolicy::BlockingIf { .. } => command.is_readonly(),
            _ => false,
        };
        let are_told = |spec: &KeySpec| {
            spec.find != FindKeys::Unknown && !spec.access.contains(KeyAccess::INCOMPLETE)
        };
        if !takes_part || !command.keys.iter().all(are_told) {
            return None;
        }
        if command.is_readonly() {
            let is_stream = command.group == CommandGroup::Stream;
            return Some(if is_stream { Way::Streams } else { Way::Copies });
        }
        let is_destination = |spec: &&KeySpec| is_overwritten(spec.access);
        let is_one = |spec: &KeySpec| matches!(spec.find, FindKeys::Range { last: 0, .. });
        let mut rest = command.keys.iter().filter(|spec| !is_destination(spec));
        let mut destinations = command.keys.iter().filter(is_destination).peekable();
        let is_store = destinations.peek().is_some()
            && destinations.all(is_one)
            && rest.all(|spec| spec.access.contains(KeyAccess::RO));
        is_store.then_some(Way::Store)
    }
}

/// Whether the arguments make a command read keys that they do not name: `SORT` with patterns in `BY` or `GET`.
pub fn reads_unnamed_keys(command: &CommandSpec, args: Args<'_>) -> bool {
    let OddKeys::Sort { .. } = command.odd_keys else { return false };
    let mut options = args.iter().skip(2);
    while let Some(option) = options.next() {
        let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
        if is("LIMIT") {
            options.nth(1);
        } else if is("STORE") {
            options.next();
        } else if is("BY") && options.next().is_some_and(|pattern| pattern.contains(&b'*'))
            || is("GET") && options.next().is_some_and(|pattern| pattern != b"#")
        {
            return true;
        }
    }
    false
}

/// Whether a key is overwritten unread. Of `SINTERSTORE` a Redis says that it reads and changes its destination, but
/// not that anything tells what it was.
pub fn is_overwritten(access: KeyAccess) -> bool {
    const TOLD: KeyAccess = KeyAccess::ACCESS.union(KeyAccess::INSERT).union(KeyAccess::DELETE);
    const CHANGED: KeyAccess = KeyAccess::RW.union(KeyAccess::UPDATE);
    access.contains(KeyAccess::OW) || access.contains(CHANGED) && !access.intersects(TOLD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(way: Option<Way>) -> Vec<&'static str> {
        let several =
            |row: &&CommandSpec| row.keys.len() > 1 || row.legacy.last != row.legacy.first;
        let rows = crate::command::all().iter().filter(several);
        rows.filter(|row| Way::of(row) == way).map(|row| row.name).collect()
    }

    #[test]
    fn commands_are_known_by_what_their_rows_tell() {
        assert_eq!(
            named(Some(Way::Store)),
            [
                "bitop",
                "copy",
                "sort",
                "sdiffstore",
                "sinterstore",
                "sunionstore",
                "zdiffstore",
                "zinterstore",
                "zrangestore",
                "zunionstore",
                "georadius",
                "georadiusbymember",
                "geosearchstore"
            ]
        );
        assert_eq!(named(Some(Way::Rename)), ["rename"]);
        let refused = named(None);
        for name in ["watch", "migrate"] {
            assert!(refused.contains(&name), "{name}");
        }
    }

    #[test]
    fn ways_are_told_of_commands_that_there_are() {
        for (name, _) in TOLD {
            assert!(crate::command::lookup(name.as_bytes()).is_some(), "{name}");
        }
    }

    #[test]
    fn sort_by_patterns_reads_keys_that_nobody_named() {
        let reads = |line: &str| {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let command = crate::command::lookup(words[0]).unwrap();
            reads_unnamed_keys(command, Args::from_slices(&words))
        };
        for line in ["SORT a BY w_* STORE d", "sort a get x STORE d", "SORT a LIMIT 0 by GET p*"] {
            assert!(reads(line), "{line}");
        }
        for line in [
            "SORT a BY nosort STORE d",
            "SORT a GET # STORE d",
            "SORT a STORE get ALPHA",
            "COPY a get b",
        ] {
            assert!(!reads(line), "{line}");
        }
    }
}
