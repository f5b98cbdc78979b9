//! Keys that clients watch for their transactions.
//!
//! A key that has expired but is still there when it begins to be watched counts as missing: that it goes is no change.
//!
//! Invariant: a client stands in a key's list exactly if the key stands in the client's own list.
//! Source: redis `src/multi.c` touchWatchedKey, touchAllWatchedKeysInDb, isWatchedKeyExpired.

use std::collections::{HashMap, HashSet};

use crate::client::ClientId;
use crate::data::key::Key;
use crate::data::keyspace::Presence;

/// Who watches which keys, and whose keys have changed.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    watchers: HashMap<(usize, Key), Vec<Watcher>>,
    /// Clients whose next `EXEC` must not run.
    touched: HashSet<ClientId>,
}

/// A client that watches a key.
#[derive(Debug)]
struct Watcher {
    client: ClientId,
    /// The key had expired when the watch began, and nothing has become of it since.
    had_expired: bool,
}

impl Watches {
    /// Whether nobody watches anything, so that changes need not be told.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.watchers.is_empty()
    }

    /// Adds a key to a client's own list and to the key's, once.
    pub(crate) fn watch(
        &mut self,
        client: ClientId,
        own: &mut Vec<(usize, Key)>,
        (db, key): (usize, &[u8]),
        presence: Presence,
    ) {
        let entry = (db, Key::from(key));
        if own.contains(&entry) {
            return;
        }
        own.push(entry.clone());
        let had_expired = presence == Presence::Expired;
        self.watchers.entry(entry).or_default().push(Watcher { client, had_expired });
    }

    /// Ends all watches of a client and forgets what was touched.
    pub(crate) fn unwatch(&mut self, client: ClientId, own: &mut Vec<(usize, Key)>) {
        for entry in own.drain(..) {
            let Some(watchers) = self.watchers.get_mut(&entry) else { continue };
            watchers.retain(|watcher| watcher.client != client);
            if watchers.is_empty() {
                self.watchers.remove(&entry);
            }
        }
        self.touched.remove(&client);
    }

    /// A key was changed or removed.
    pub(crate) fn touch(&mut self, db: usize, key: &[u8]) {
        if let Some(watchers) = self.watchers.get(&(db, Key::from(key))) {
            self.touched.extend(watchers.iter().map(|watcher| watcher.client));
        }
    }

    /// A key was removed because its time had come.
    pub(crate) fn touch_expired(&mut self, db: usize, key: &[u8]) {
        for watcher in self.watchers.get_mut(&(db, Key::from(key))).into_iter().flatten() {
            if !std::mem::take(&mut watcher.had_expired) {
                self.touched.insert(watcher.client);
            }
        }
    }

    /// Whatever is there may be replaced: all watched keys count as changed.
    pub(crate) fn touch_all(&mut self) {
        self.touched.extend(self.watchers.values().flatten().map(|watcher| watcher.client));
    }

    /// All keys of a database are about to go, and others to take their places: `before` and `after` look a key up
    /// among the former and the latter.
    pub(crate) fn touch_replaced(
        &mut self,
        db: usize,
        before: impl Fn(&[u8]) -> Presence,
        after: impl Fn(&[u8]) -> Presence,
    ) {
        for ((_, key), watchers) in self.watchers.iter_mut().filter(|((of, _), _)| *of == db) {
            let (before, after) = (before(key), after(key));
            if before == Presence::Missing && after == Presence::Missing {
                continue;
            }
            for watcher in watchers {
                let was_missing = watcher.had_expired || before == Presence::Missing;
                let is_same = was_missing && after != Presence::There;
                watcher.had_expired = is_same && after == Presence::Expired;
                if !is_same {
                    self.touched.insert(watcher.client);
                }
            }
        }
    }

    /// Whether one of the client's keys has changed since it began to watch, or has expired although it is still there,
    /// which `presence` tells of a key.
    pub(crate) fn is_any_changed(
        &self,
        client: ClientId,
        own: &[(usize, Key)],
        presence: impl Fn(usize, &[u8]) -> Presence,
    ) -> bool {
        let has_expired = |entry: &(usize, Key)| {
            let mut watchers = self.watchers.get(entry).into_iter().flatten();
            watchers.any(|watcher| watcher.client == client && !watcher.had_expired)
                && presence(entry.0, &entry.1) == Presence::Expired
        };
        self.is_touched(client) || own.iter().any(has_expired)
    }

    /// Whether one of the client's keys has changed since it began to watch.
    pub(crate) fn is_touched(&self, client: ClientId) -> bool {
        self.touched.contains(&client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_watchers_of_a_changed_key_are_touched() {
        let (mut watches, a, b) = (Watches::default(), ClientId(1), ClientId(2));
        let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
        watches.watch(a, &mut of_a, (0, b"x"), Presence::There);
        watches.watch(b, &mut of_b, (1, b"x"), Presence::There);
        watches.touch(0, b"x");
        assert!(watches.is_touched(a) && !watches.is_touched(b));
        watches.unwatch(a, &mut of_a);
        assert!(!watches.is_touched(a) && !watches.is_idle());
        watches.unwatch(b, &mut of_b);
        assert!(watches.is_idle());
    }
    #[test]
    fn what_had_expired_before_is_missing() {
        use Presence::{Expired, Missing, There};
        let table = [
            // Watched as, then replaced by: whether it has changed, and whether its end is a change afterwards.
            (There, Missing, true, true),
            (There, There, true, true),
            (There, Expired, true, true),
            (Missing, Expired, false, false),
            (Missing, There, true, true),
            (Missing, Missing, false, true),
            (Expired, Missing, false, true),
            (Expired, Expired, false, false),
            (Expired, There, true, true),
        ];
        for (before, after, changes, end_changes) in table {
            let (mut watches, client, mut own) = (Watches::default(), ClientId(1), Vec::new());
            watches.watch(client, &mut own, (0, b"x"), before);
            watches.touch_replaced(0, |_| before, |_| after);
            assert_eq!(watches.is_touched(client), changes, "{before:?} {after:?}");
            watches.touch_expired(0, b"x");
            assert_eq!(watches.is_touched(client), end_changes, "{before:?} {after:?}");
        }
    }
}
