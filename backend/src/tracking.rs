//! Client-side caching: which clients are to be told when which keys change.
//!
//! 1. A client that tracks keys reads one; its number is noted at the key, in a table that the settings bound.
//! 2. The key changes, expires or is dropped from a table that is too full: everyone noted there is told once, and the
//!    note is gone.
//! 3. A client that tracks prefixes is noted nowhere: at the end of each turn it is told of all keys that have changed
//!    and begin so.
//!
//! What a client is told of its own change stands behind the reply to it ([`Tracking::put_off`]).
//!
//! Invariants: a client stands at a prefix exactly if the prefix stands in the client's own list; no prefix is without
//! clients; no list of a key is empty, and they are in ascending order.
//! Not here: how the messages reach the clients ([`deliver`]).
//! Source: redis `src/tracking.c`.

mod deliver;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::client::{ClientId, Seat};
use crate::data::dict::Dict;
use crate::data::hashing::HashKey;
use crate::data::key::Key;
use crate::data::random::Random;

/// Bytes of keys.
pub(crate) type Prefix = Box<[u8]>;

/// Everyone who tracks, and what.
#[derive(Debug, Default)]
pub(crate) struct Tracking {
    trackers: HashMap<ClientId, Tracker>,
    /// Who is to be told of a key, in ascending order of their numbers.
    table: Dict<Vec<ClientId>>,
    hash_key: HashKey,
    /// Numbers in the table (count).
    items_count: usize,
    prefixes: BTreeMap<Prefix, AtPrefix>,
    /// The client whose requests are executed now.
    pub(crate) current: Option<ClientId>,
    /// What that client is to be told behind its reply.
    put_off: Vec<Lost>,
    /// Commands in a row before which the table was still too full after some keys had been dropped (count).
    too_full_count: usize,
    random: Random,
}

/// How one client tracks.
#[derive(Clone, Debug)]
pub(crate) struct Tracker {
    pub(crate) seat: Seat,
    pub(crate) redirect: Option<Redirect>,
    /// The other client has left, which this one was told.
    pub(crate) is_redirect_broken: bool,
    pub(crate) mode: Mode,
    /// It is not told of what it changes itself.
    pub(crate) is_no_loop: bool,
}

/// The client that is told instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Redirect {
    pub(crate) to: ClientId,
    pub(crate) seat: Seat,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Keys that it has read. `is_caching` is what `CLIENT CACHING` has said of the next command.
    Keys { choice: Choice, is_caching: bool },
    /// All keys that begin so.
    Prefixes(BTreeSet<Prefix>),
}

/// Which keys that are read count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    All,
    /// Those after `CLIENT CACHING YES`.
    OptIn,
    /// All but those after `CLIENT CACHING NO`.
    OptOut,
}

/// Who waits for keys with a prefix, and which have changed in this turn, with the client that did it last.
#[derive(Debug, Default)]
struct AtPrefix {
    clients: BTreeSet<ClientId>,
    changed: BTreeMap<Box<[u8]>, Option<ClientId>>,
}

/// What must not be relied on any more.
#[derive(Clone, Debug)]
enum Lost {
    Key(Key),
    AllKeys,
}

impl Tracker {
    pub(crate) fn tracks_prefixes(&self) -> bool {
        matches!(self.mode, Mode::Prefixes(_))
    }
}

impl Tracking {
    /// Whether nobody tracks, so that changes need not be told.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.trackers.is_empty()
    }

    /// How many clients track.
    pub(crate) fn trackers_count(&self) -> usize {
        self.trackers.len()
    }

    /// Keys that some client is to be told of (count).
    pub(crate) fn keys_count(&self) -> usize {
        self.table.len()
    }

    /// Clients that are to be told, summed over keys (count).
    pub(crate) fn items_count(&self) -> usize {
        self.items_count
    }

    /// Prefixes that some client tracks (count).
    pub(crate) fn prefixes_count(&self) -> usize {
        self.prefixes.len()
    }

    /// How a client tracks, if it does.
    pub(crate) fn tracker(&self, client: ClientId) -> Option<&Tracker> {
        self.trackers.get(&client)
    }

    /// As [`Tracking::tracker`], to change what is remembered beside prefixes.
    pub(crate) fn tracker_mut(&mut self, client: ClientId) -> Option<&mut Tracker> {
        self.trackers.get_mut(&client)
    }

    /// Begins to track, or goes on in another way. Prefixes are added to those that the client has.
    pub(crate) fn begin(&mut self, client: ClientId, mut tracker: Tracker) {
        if let Mode::Prefixes(prefixes) = &mut tracker.mode {
            if prefixes.is_empty() {
                prefixes.insert(Prefix::default());
            }
            for prefix in &*prefixes {
                self.prefixes.entry(prefix.clone()).or_default().clients.insert(client);
            }
            if let Some(Tracker { mode: Mode::Prefixes(before), .. }) = self.trackers.get(&client) {
                prefixes.extend(before.iter().cloned());
            }
        }
        self.trackers.insert(client, tracker);
    }

    /// Ends tracking. To be called for everyone who leaves; keys forget the client when they change.
    pub(crate) fn end(&mut self, client: ClientId) {
        let Some(tracker) = self.trackers.remove(&client) else { return };
        if let Mode::Prefixes(prefixes) = tracker.mode {
            for prefix in prefixes {
                let Some(at_prefix) = self.prefixes.get_mut(&prefix) else { continue };
                at_prefix.clients.remove(&client);
                if at_prefix.clients.is_empty() {
                    self.prefixes.remove(&prefix);
                }
            }
        }
        if self.is_idle() {
            self.clear_table();
        }
    }

    /// Whether keys that a client reads now are to be remembered.
    #[inline]
    pub(crate) fn remembers(&self, client: ClientId) -> bool {
        match self.trackers.get(&client).map(|tracker| &tracker.mode) {
            None | Some(Mode::Prefixes(_)) => false,
            Some(Mode::Keys { choice, is_caching }) => match choice {
                Choice::All => true,
                Choice::OptIn => *is_caching,
                Choice::OptOut => !is_caching,
            },
        }
    }

    /// `CLIENT CACHING` holds for one command, or for one transaction, which has ended.
    pub(crate) fn end_caching(&mut self, client: ClientId) {
        if let Some(Tracker { mode: Mode::Keys { is_caching, .. }, .. }) =
            self.trackers.get_mut(&client)
        {
            *is_caching = false;
        }
    }

    /// A client has read a key, and is to be told when it changes.
    pub(crate) fn remember(&mut self, client: ClientId, key: &[u8]) {
        let hash = self.hash_key.hash(key);
        let Some(clients) = self.table.find_mut(hash, key) else {
            self.table.insert_new(hash, Key::from(key), vec![client]);
            self.items_count += 1;
            return;
        };
        let Err(at) = clients.binary_search(&client) else { return };
        clients.insert(at, client);
        self.items_count += 1;
        if clients.len() > self.trackers.len() {
            // Some of them do not track any more.
            let before = clients.len();
            clients.retain(|client| self.trackers.contains_key(client));
            self.items_count -= before - clients.len();
        }
    }

    /// Notes a changed key at all prefixes that it begins with.
    fn note_at_prefixes(&mut self, key: &[u8], by: Option<ClientId>) {
        for (_, at_prefix) in self.prefixes.iter_mut().filter(|(prefix, _)| key.starts_with(prefix))
        {
            at_prefix.changed.insert(key.into(), by);
        }
    }

    /// Forgets a key; who is to be told.
    fn forget_key(&mut self, key: &[u8]) -> Vec<ClientId> {
        let clients = self.table.remove(self.hash_key.hash(key), key).unwrap_or_default();
        self.items_count -= clients.len();
        clients
    }

    fn clear_table(&mut self) {
        self.table = Dict::default();
        self.items_count = 0;
        self.too_full_count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracker(mode: Mode) -> Tracker {
        Tracker {
            seat: Seat(0),
            redirect: None,
            is_redirect_broken: false,
            mode,
            is_no_loop: false,
        }
    }

    fn of_keys(choice: Choice) -> Tracker {
        tracker(Mode::Keys { choice, is_caching: false })
    }

    #[test]
    fn clients_that_have_left_do_not_fill_the_table() {
        let mut tracking = Tracking::default();
        tracking.begin(ClientId(1), of_keys(Choice::All));
        tracking.remember(ClientId(1), b"k");
        for number in 2..100 {
            tracking.begin(ClientId(number), of_keys(Choice::All));
            tracking.remember(ClientId(number), b"k");
            tracking.end(ClientId(number));
        }
        assert_eq!(tracking.keys_count(), 1);
        assert!(tracking.items_count() <= 2, "{}", tracking.items_count());
        assert!(tracking.forget_key(b"k").contains(&ClientId(1)));
        assert_eq!((tracking.keys_count(), tracking.items_count()), (0, 0));
        tracking.remember(ClientId(1), b"k");
        tracking.end(ClientId(1));
        assert_eq!((tracking.keys_count(), tracking.items_count()), (0, 0));
    }

    #[test]
    fn prefixes_add_up_and_end_together() {
        let (mut tracking, client) = (Tracking::default(), ClientId(1));
        let of = |prefix: &[u8]| tracker(Mode::Prefixes([prefix.into()].into()));
        tracking.begin(client, of(b"a"));
        tracking.begin(client, of(b"b"));
        tracking.begin(ClientId(2), tracker(Mode::Prefixes(BTreeSet::new())));
        tracking.note_at_prefixes(b"abc", Some(client));
        let changed = |tracking: &Tracking, prefix: &[u8]| tracking.prefixes[prefix].changed.len();
        assert_eq!(changed(&tracking, b"a"), 1);
        assert_eq!(changed(&tracking, b"b"), 0);
        assert_eq!(changed(&tracking, b""), 1);
        tracking.end(client);
        assert_eq!(tracking.prefixes_count(), 1);
        tracking.end(ClientId(2));
        assert_eq!(tracking.prefixes_count(), 0);
    }

    #[test]
    fn what_is_read_counts_as_the_client_chose() {
        let (mut tracking, client) = (Tracking::default(), ClientId(1));
        assert!(!tracking.remembers(client));
        let table = [
            (Choice::All, true, true),
            (Choice::OptIn, false, true),
            (Choice::OptOut, true, false),
        ];
        for (choice, plain, told) in table {
            tracking.begin(client, of_keys(choice));
            assert_eq!(tracking.remembers(client), plain, "{choice:?}");
            if let Some(Tracker { mode: Mode::Keys { is_caching, .. }, .. }) =
                tracking.tracker_mut(client)
            {
                *is_caching = true;
            }
            assert_eq!(tracking.remembers(client), told, "{choice:?}");
            tracking.end_caching(client);
            assert_eq!(tracking.remembers(client), plain, "{choice:?}");
        }
    }
}
