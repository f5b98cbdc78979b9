//! Keys that clients watch for their transactions.
//!
//! Invariant: a client stands in a key's list exactly if the key stands in the client's own list.

use std::collections::{HashMap, HashSet};

use crate::client::ClientId;
use crate::data::key::Key;

/// Who watches which keys, and whose keys have changed.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    watchers: HashMap<(usize, Key), Vec<ClientId>>,
    /// Clients whose next `EXEC` must not run.
    touched: HashSet<ClientId>,
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
        db: usize,
        key: &[u8],
    ) {
        let entry = (db, Key::from(key));
        if own.contains(&entry) {
            return;
        }
        own.push(entry.clone());
        self.watchers.entry(entry).or_default().push(client);
    }

    /// Ends all watches of a client and forgets what was touched.
    pub(crate) fn unwatch(&mut self, client: ClientId, own: &mut Vec<(usize, Key)>) {
        for entry in own.drain(..) {
            let Some(clients) = self.watchers.get_mut(&entry) else { continue };
            clients.retain(|watcher| *watcher != client);
            if clients.is_empty() {
                self.watchers.remove(&entry);
            }
        }
        self.touched.remove(&client);
    }

    /// A key was changed or removed.
    pub(crate) fn touch(&mut self, db: usize, key: &[u8]) {
        if let Some(clients) = self.watchers.get(&(db, Key::from(key))) {
            self.touched.extend(clients);
        }
    }

    /// Many keys were changed at once: all watched keys for which `is_changed` holds.
    pub(crate) fn touch_where(&mut self, mut is_changed: impl FnMut(usize, &Key) -> bool) {
        for ((db, key), clients) in &self.watchers {
            if is_changed(*db, key) {
                self.touched.extend(clients);
            }
        }
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
        watches.watch(a, &mut of_a, 0, b"x");
        watches.watch(b, &mut of_b, 1, b"x");
        watches.touch(0, b"x");
        assert!(watches.is_touched(a) && !watches.is_touched(b));
        watches.unwatch(a, &mut of_a);
        assert!(!watches.is_touched(a) && !watches.is_idle());
        watches.unwatch(b, &mut of_b);
        assert!(watches.is_idle());
    }
}
