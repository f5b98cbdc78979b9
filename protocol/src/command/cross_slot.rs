//! How a command whose keys lie in several slots can be done all the same: what its row tells about it.
//!
//! Not here: commands that are split by key, which say so in their request policy.

use super::key_spec::{FindKeys, KeyAccess, KeySpec};
use super::policy::RequestPolicy;
use super::{CommandGroup, CommandSpec};

/// How a command over several slots is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It reads its keys, which are fetched whole.
    Copies,
    /// It reads the ends of streams, which are left where they are.
    Streams,
    /// It reads keys and overwrites one.
    Store,
}

impl Way {
    /// The way for a command, if there is one: its row must tell all its keys and what happens to each.
    pub fn of(command: &CommandSpec) -> Option<Way> {
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
        let refused = named(None);
        for name in [
            "rename",
            "renamenx",
            "smove",
            "lmove",
            "rpoplpush",
            "msetnx",
            "pfmerge",
            "sort",
            "blmove",
            "watch",
        ] {
            assert!(refused.contains(&name), "{name}");
        }
    }
}
