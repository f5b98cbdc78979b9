//! A walk over all keys of one database, for what one Redis does in one step: counting them, choosing one, removing
//! all.
//!
//! It goes as a client's `SCAN` over the whole cluster does (see [`scan`](crate::scan)), a page after the other, so a
//! key that is there all the time is met, one that comes or goes meanwhile may be, and nodes are never held up for
//! longer than a page takes. While slots move, or nodes resize their tables, a key may be met twice.
//!
//! Not here: sockets, and how the next page is asked for.

use crate::key_mapping::Mapping;

/// Keys that a node looks at for one page (count).
const PAGE_KEYS: &[u8] = b"1000";

/// What the keys are met for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// To be counted.
    Count,
    /// To be counted by counting those of the other databases, out of so many of all.
    CountOthers(u64),
    /// One of them is chosen, each with the same chance.
    Choose,
    /// To be removed.
    Remove,
}

/// How far a walk got, apart from the scan itself.
#[derive(Debug)]
pub(crate) struct Walk {
    goal: Goal,
    database: u32,
    met: u64,
    chosen: Option<Vec<u8>>,
}

/// What a walk has found when it is over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// So many keys.
    Count(u64),
    /// This stored key; `None`: there is none.
    Key(Option<Vec<u8>>),
    /// All keys are removed.
    Removed,
}

impl Walk {
    /// A walk that begins.
    pub(crate) fn new(goal: Goal, database: u32) -> Walk {
        Walk { goal, database, met: 0, chosen: None }
    }

    /// What a node is asked for, behind the cursor.
    pub(crate) fn options(&self, mapping: &Mapping) -> [Vec<u8>; 4] {
        let pattern = match self.goal {
            Goal::CountOthers(_) => mapping.pattern_of_others(),
            _ => mapping.node_pattern(self.database, b"*"),
        };
        [b"MATCH".to_vec(), pattern, b"COUNT".to_vec(), PAGE_KEYS.to_vec()]
    }

    /// Takes a page of stored keys; `random` gives numbers without a pattern. Gives back what has to be removed.
    pub(crate) fn meet<'k>(
        &mut self,
        mapping: &Mapping,
        stored: &[&'k [u8]],
        mut random: impl FnMut() -> u64,
    ) -> Vec<&'k [u8]> {
        let mut doomed = Vec::new();
        for stored in stored {
            let (database, _) = mapping.client_key(stored);
            let is_other = database != self.database;
            if is_other != matches!(self.goal, Goal::CountOthers(_)) {
                continue;
            }
            self.met += 1;
            match self.goal {
                Goal::Count | Goal::CountOthers(_) => {}
                // Each key takes the place of the one before by the chance that makes all equal in the end.
                Goal::Choose if random().is_multiple_of(self.met) => {
                    self.chosen = Some(stored.to_vec())
                }
                Goal::Choose => {}
                Goal::Remove => doomed.push(*stored),
            }
        }
        doomed
    }

    /// What it has found.
    pub(crate) fn end(self) -> Found {
        match self.goal {
            Goal::Count => Found::Count(self.met),
            Goal::CountOthers(all) => Found::Count(all.saturating_sub(self.met)),
            Goal::Choose => Found::Key(self.chosen),
            Goal::Remove => Found::Removed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_mapping::tests::mapping;

    const KEYS: [&[u8]; 4] = [b"foo", b"~db3={foo}", b"~db3:{t}a", b"~db4={foo}"];

    fn walked(goal: Goal, database: u32) -> (Found, Vec<&'static [u8]>) {
        let mapping = mapping(&[("databases.mode", "prefix")]);
        let mut walk = Walk::new(goal, database);
        let doomed = walk.meet(&mapping, &KEYS, || 0);
        (walk.end(), doomed)
    }

    #[test]
    fn only_keys_of_the_database_are_met() {
        assert_eq!(walked(Goal::Count, 3).0, Found::Count(2));
        assert_eq!(walked(Goal::CountOthers(10), 0).0, Found::Count(7));
        assert_eq!(walked(Goal::Choose, 3).0, Found::Key(Some(b"~db3:{t}a".to_vec())));
        assert_eq!(walked(Goal::Choose, 5).0, Found::Key(None));
        assert_eq!(walked(Goal::Remove, 3), (Found::Removed, vec![KEYS[1], KEYS[2]]));
        assert_eq!(walked(Goal::Remove, 0).1, vec![KEYS[0]]);
    }

    #[test]
    fn nodes_are_asked_for_as_little_as_they_can_tell_apart() {
        let mapping = mapping(&[("databases.mode", "prefix")]);
        let pattern = |goal, database| {
            let [_, pattern, ..] = Walk::new(goal, database).options(&mapping);
            String::from_utf8(pattern).unwrap()
        };
        assert_eq!(pattern(Goal::Count, 3), "~db3[:=]***");
        assert_eq!(pattern(Goal::CountOthers(1), 0), "~db[0-9]*[:=]*");
        assert_eq!(pattern(Goal::Remove, 0), "*");
    }
}
