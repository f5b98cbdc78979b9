//! All state of one node, owned by one thread.
//!
//! Sessions borrow it for as long as they execute what one read has brought; nothing is awaited meanwhile.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::acl::Acl;
use crate::blocking::{Blocking, Cause};
use crate::client::Client;
use crate::clients::Clients;
use crate::cluster::Cluster;
use crate::commands::{MigrateTargets, Switches};
use crate::config::Config;
use crate::crash;
use crate::data::keyspace::{Expired, Fate, Keyspace, Layout, Noted, Record};
use crate::data::list::Limits;
use crate::data::random::Random;
use crate::data::{hash, rdb};
use crate::eviction::Eviction;
use crate::latency::Latency;
use crate::monitor::Monitors;
use crate::notify::Class;
use crate::persistence::Persistence;
use crate::propagate::{Effects, Removal};
use crate::pubsub::PubSub;
use crate::replication::Replication;
use crate::scripting::Scripting;
use crate::server::ending::Ending;
use crate::server::{Listeners, Supervisor};
use crate::slow_log::SlowLog;
use crate::stats::Stats;
use crate::tracking::Tracking;
use crate::watch::Watches;

/// A node, as its tasks share it.
pub(crate) type SharedNode = Rc<RefCell<Node>>;

/// Everything a node knows.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) config: Config,
    pub(crate) acl: Acl,
    /// One in cluster mode, otherwise `databases` many.
    pub(crate) databases: Vec<Keyspace>,
    pub(crate) clients: Clients,
    pub(crate) watches: Watches,
    pub(crate) blocking: Blocking,
    pub(crate) pubsub: PubSub,
    pub(crate) tracking: Tracking,
    pub(crate) monitors: Monitors,
    pub(crate) effects: Effects,
    pub(crate) replication: Replication,
    /// What the databases note of keys.
    noted: Noted,
    /// What becomes of keys whose time has come.
    expired: Expired,
    /// A replica waits for a copy that may begin at once.
    pub(crate) copy_is_due: bool,
    /// Replicas have said how far they are since somebody last looked.
    pub(crate) acks_came: bool,
    pub(crate) scripting: Scripting,
    pub(crate) eviction: Eviction,
    pub(crate) stats: Stats,
    pub(crate) slow_log: SlowLog,
    /// Connections that `MIGRATE` keeps for its next call.
    pub(crate) migrate_targets: MigrateTargets,
    pub(crate) latency: Latency,
    /// Present exactly in cluster mode.
    pub(crate) cluster: Option<Rc<RefCell<Cluster>>>,
    pub(crate) pause: Option<Pause>,
    pub(crate) persistence: Persistence,
    /// Until when writes wait for a replica that is about to take over by hand.
    pub(crate) failover_pause_until: Option<Instant>,
    /// An end of the node that waits for replicas.
    pub(crate) ending: Option<Ending>,
    /// Changes since the start (count).
    pub(crate) changes: u64,
    /// Whether the expiry cycle runs; `DEBUG SET-ACTIVE-EXPIRE` stops it.
    pub(crate) is_expiring: bool,
    /// What `DEBUG` has switched on.
    pub(crate) switches: Switches,
    /// An element of a list that is so long is kept apart; `DEBUG QUICKLIST-PACKED-THRESHOLD` sets it (bytes).
    pub(crate) list_plain_bytes: usize,
    pub(crate) random: Random,
    /// 40 hexadecimal characters, new with every start.
    pub(crate) run_id: String,
    pub(crate) started_at: Instant,
    /// Who has started the process and wants to hear of it.
    pub(crate) supervisor: Supervisor,
    /// Where clients come in.
    pub(crate) listeners: Listeners,
    /// How ready the system was to end this process before the node changed that; `None` if it has not.
    pub(crate) oom_score_before: Option<i32>,
    /// The most memory that was seen in use, in bytes.
    pub(crate) memory_peak_bytes: usize,
    /// The memory in use when the node began to serve, in bytes.
    pub(crate) memory_at_start_bytes: usize,
    /// Set by whoever wants the node to end; the server waits for it.
    pub(crate) shutdown: Arc<Notify>,
}

/// `CLIENT PAUSE`: commands wait until a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    pub(crate) until: Instant,
    pub(crate) reach: PauseReach,
}

/// Which commands a pause holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PauseReach {
    Writes,
    All,
}

/// Where and when a command looks for keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    /// The database.
    pub(crate) db: usize,
    pub(crate) now_ms: i64,
}

/// A time at which no key has expired.
const EVER: i64 = i64::MIN;

/// How much longer writes wait than the node waits for replicas: until it has ended, or serves on.
const PAUSE_OF_END: Duration = Duration::from_secs(3600);

impl Node {
    /// A node without data. `cluster` is there exactly if the settings ask for cluster mode.
    pub(crate) fn new(config: Config, cluster: Option<Rc<RefCell<Cluster>>>) -> Node {
        let settings = config.settings();
        let databases = if settings.is_cluster {
            vec![Keyspace::new(Layout::BySlot)]
        } else {
            (0..settings.databases_count).map(|_| Keyspace::new(Layout::Whole)).collect()
        };
        let mut random = Random::default();
        let acl = config.acl();
        let mut node = Node {
            databases,
            config,
            acl,
            clients: Clients::default(),
            watches: Watches::default(),
            blocking: Blocking::default(),
            pubsub: PubSub::default(),
            tracking: Tracking::default(),
            monitors: Monitors::default(),
            effects: Effects::default(),
            replication: Replication::new(&mut random),
            noted: Noted::Nothing,
            expired: Expired::Removed,
            copy_is_due: false,
            acks_came: false,
            scripting: Scripting::default(),
            eviction: Eviction::default(),
            stats: Stats::default(),
            slow_log: SlowLog::default(),
            migrate_targets: MigrateTargets::default(),
            latency: Latency::default(),
            cluster,
            pause: None,
            persistence: Persistence::default(),
            failover_pause_until: None,
            ending: None,
            changes: 0,
            is_expiring: true,
            switches: Switches::default(),
            list_plain_bytes: Limits::PLAIN_BYTES,
            run_id: hex_id(&mut random),
            random,
            started_at: Instant::now(),
            supervisor: Supervisor::Nobody,
            listeners: Listeners::default(),
            oom_score_before: None,
            memory_peak_bytes: 0,
            memory_at_start_bytes: 0,
            shutdown: Arc::new(Notify::new()),
        };
        node.settings_changed();
        node
    }

    /// Takes over settings that were changed while the node runs.
    pub(crate) fn settings_changed(&mut self) {
        let settings = self.config.settings();
        if let Some(cluster) = &self.cluster {
            cluster.borrow_mut().settings_changed(settings);
        }
        self.eviction.settings_changed(&settings.memory);
        self.clients.bound(settings.memory.clients_bytes_max);
        crash::set_enabled(settings.tells_crashes);
        self.renew_treatment();
        self.keep_journal();
        self.remove_history();
    }

    /// Has a journal kept of what happens to keys as long as somebody asks for it.
    pub(crate) fn keep_journal(&mut self) {
        let events = self.config.settings().events;
        let noted = if !self.watches.is_idle()
            || !self.tracking.is_idle()
            || !self.blocking.is_idle()
            || events.contains(b'n')
            || events.contains(b'x')
        {
            Noted::All
        } else if self.effects.are_wanted() {
            Noted::Expired
        } else {
            Noted::Nothing
        };
        if noted != self.noted {
            self.noted = noted;
            self.databases.iter_mut().for_each(|database| database.keep_journal(noted));
        }
    }

    /// Whether somebody hears of keys that change or expire.
    #[inline]
    pub(crate) fn are_changes_heard(&self) -> bool {
        debug_assert!(
            self.noted != Noted::Nothing
                || self.watches.is_idle()
                    && self.tracking.is_idle()
                    && self.blocking.is_idle()
                    && !self.effects.are_wanted(),
            "whoever begins to listen has a journal kept"
        );
        self.noted != Noted::Nothing
    }

    /// Tells everyone concerned of keys that were made or have expired, before anything else is told of them.
    #[inline]
    pub(crate) fn tell_journal(&mut self) {
        if self.noted != Noted::Nothing && self.databases.iter().any(Keyspace::has_journal) {
            self.tell_fates();
        }
    }

    fn tell_fates(&mut self) {
        for db in 0..self.databases.len() {
            for (fate, key) in self.databases[db].take_journal() {
                match fate {
                    Fate::Made => {
                        self.look_if_ready(db, &key, Cause::Made);
                        self.notify(Class::New, "new", db, &key);
                    }
                    Fate::Expired => {
                        let word = self.expired_removal();
                        self.propagate_removal(db, &key, word);
                        self.notify(Class::Expired, "expired", db, &key);
                        self.watches.touch_expired(db, &key);
                        self.invalidate(&key, None);
                    }
                    Fate::StreamLost => self.look_if_ready(db, &key, Cause::StreamLost),
                }
            }
        }
        self.keep_journal();
    }

    /// Looks a key up to read it: counts a hit or a miss and notes the use.
    #[inline]
    pub(crate) fn read(&mut self, at: At, key: &[u8]) -> Option<&mut Record> {
        if self.config.settings().events.contains(b'm')
            && self.databases[at.db].find(key, at.now_ms).is_none()
        {
            self.notify(Class::Missed, "keymiss", at.db, key);
        }
        let found = self.databases[at.db].find_used(key, at.now_ms);
        match found {
            Some(_) => self.stats.keyspace_hits += 1,
            None => self.stats.keyspace_misses += 1,
        }
        found
    }

    /// Looks a key up to tell something of it: as [`Node::read`], but no use of it.
    pub(crate) fn inspect(&mut self, at: At, key: &[u8]) -> Option<&mut Record> {
        let usage = self.peek(at, key).map(|record| record.usage);
        let record = self.read(at, key)?;
        record.usage = usage.unwrap_or(record.usage);
        Some(record)
    }

    /// Looks a key up to change it: notes the use and counts nothing.
    pub(crate) fn write(&mut self, at: At, key: &[u8]) -> Option<&mut Record> {
        self.databases[at.db].find_used(key, at.now_ms)
    }

    /// Looks a key up without a trace.
    pub(crate) fn peek(&mut self, at: At, key: &[u8]) -> Option<&mut Record> {
        self.databases[at.db].find(key, at.now_ms)
    }

    /// Tells everyone concerned that a key has changed: to be called once for each change of a key.
    #[inline]
    pub(crate) fn changed(&mut self, db: usize, key: &[u8]) {
        self.changes += 1;
        if !self.watches.is_idle() {
            self.watches.touch(db, key);
        }
        self.invalidate(key, self.tracking.current);
        if !self.blocking.is_idle() {
            self.tell_journal();
            self.look_if_ready(db, key, Cause::Changed);
        }
    }

    /// As [`Node::changed`], of a key that holds less than before: nobody waits for that.
    pub(crate) fn lost_some(&mut self, db: usize, key: &[u8]) {
        self.changes += 1;
        self.watches.touch(db, key);
        self.invalidate(key, self.tracking.current);
    }

    /// If clients wait for what a key holds now, it becomes ready.
    pub(crate) fn look_if_ready(&mut self, db: usize, key: &[u8], by: Cause) {
        if self.blocking.is_idle() {
            return;
        }
        let found = self.databases[db].find(key, EVER);
        self.blocking.mark_ready(db, key, found.map(|record| &record.value), by);
    }

    /// How large the nodes of lists become.
    #[inline]
    pub(crate) fn list_limits(&self) -> Limits {
        let fill = self.config.settings().list_listpack_size;
        Limits { fill, plain_bytes: self.list_plain_bytes }
    }

    /// Up to where collections are kept compact.
    pub(crate) fn rdb_limits(&self) -> rdb::Limits {
        let settings = self.config.settings();
        rdb::Limits {
            list: self.list_limits(),
            hash: hash::Limits {
                fields_max: settings.hash_compact_fields_max,
                bytes_max: settings.hash_compact_bytes_max,
            },
            set_integers_max: settings.set_integers_max,
            sorted_set: settings.sorted_set_limits,
        }
    }

    /// Whether a pause may be in force. Costs no look at the clock.
    #[inline]
    pub(crate) fn may_be_paused(&self) -> bool {
        self.pause.is_some() || self.failover_pause_until.is_some() || self.ending.is_some()
    }

    /// The pause that is in force now.
    pub(crate) fn active_pause(&mut self) -> Option<Pause> {
        if self.may_be_paused() {
            let now = Instant::now();
            self.pause = self.pause.filter(|pause| pause.until > now);
            self.failover_pause_until = self.failover_pause_until.filter(|until| *until > now);
            self.show_expired_after_pause();
        }
        // Who asked for a wide pause keeps it; when it ends, the rest of the other one is looked at.
        let of_writes = |until| Pause { until, reach: PauseReach::Writes };
        let by_end = self.ends_in().map(|left| of_writes(Instant::now() + left + PAUSE_OF_END));
        self.pause
            .filter(|pause| pause.reach == PauseReach::All)
            .or(by_end)
            .or(self.failover_pause_until.map(of_writes))
            .or(self.pause)
    }

    /// Holds back what clients write, for a failover by hand; nothing else changes data meanwhile, either.
    pub(crate) fn begin_failover_pause(&mut self, until: Instant) {
        self.failover_pause_until = Some(until);
        self.treat_expired(Expired::Hidden);
    }

    /// Lets clients write again that a failover by hand has held back.
    pub(crate) fn end_failover_pause(&mut self) {
        self.failover_pause_until = None;
        self.show_expired_after_pause();
        self.clients.iter_mut().for_each(Client::wake);
    }

    /// Holds clients back who ask for something that the pause concerns; nothing else changes data meanwhile, either.
    pub(crate) fn begin_pause(&mut self, pause: Pause) {
        self.pause = Some(pause);
        if self.expired == Expired::Removed {
            self.treat_expired(Expired::Hidden);
        }
    }

    /// Ends a pause before its time.
    pub(crate) fn end_pause(&mut self) {
        self.pause = None;
        self.show_expired_after_pause();
        self.clients.iter_mut().for_each(Client::wake);
    }

    /// Lets keys go whose time came during a pause, if that was the last one.
    fn show_expired_after_pause(&mut self) {
        let is_primary = self.replication.upstream.is_none();
        if !self.may_be_paused() && is_primary && self.expired == Expired::Hidden {
            self.treat_expired(Expired::Removed);
        }
    }

    /// What becomes of keys whose time has come.
    pub(crate) fn expiry_mode(&self) -> Expired {
        self.expired
    }

    /// From now on does this with keys whose time has come.
    pub(crate) fn treat_expired(&mut self, expired: Expired) {
        self.expired = expired;
        self.databases.iter_mut().for_each(|database| database.treat_expired(expired));
    }

    /// Has new databases treated as those were in whose place they are.
    pub(crate) fn renew_treatment(&mut self) {
        let (noted, expired) = (self.noted, self.expired);
        let memory = &self.config.settings().memory;
        let frequencies = memory.counts_uses().then_some(memory.frequencies);
        for database in &mut self.databases {
            database.keep_journal(noted);
            database.treat_expired(expired);
            database.note_uses(frequencies);
            database.free_values(memory.lazy.frees);
        }
    }

    /// Serves those who wait for keys that became ready otherwise than by a client's command.
    pub(crate) fn serve_ready_keys(&mut self) {
        if self.blocking.has_ready() {
            crate::blocking::serve(self);
        }
    }

    /// Does what the commands of a turn have left to be done once.
    #[inline]
    pub(crate) fn after_turn(&mut self) {
        if self.clients.are_too_large() {
            self.evict_clients();
        }
        if self.copy_is_due && !self.scripting.is_busy() {
            self.copy_is_due = false;
            self.begin_copy();
        }
        if self.acks_came {
            self.serve_waiting();
            self.go_on_with_failover();
            self.go_on_with_end();
        }
    }

    /// How keys go whose time has come.
    pub(crate) fn expired_removal(&self) -> Removal {
        Removal::of(self.config.settings().memory.lazy.frees.expired)
    }

    /// Keys removed by expiry (count), in all databases since the start or `CONFIG RESETSTAT`.
    pub(crate) fn expired_count(&self) -> u64 {
        let ever: u64 = self.databases.iter().map(Keyspace::expired_count).sum();
        ever.saturating_sub(self.stats.expired_keys_before)
    }
}

/// 40 hexadecimal characters at random.
pub(crate) fn hex_id(random: &mut Random) -> String {
    let text = format!("{:016x}{:016x}{:016x}", random.next(), random.next(), random.next());
    text.chars().take(40).collect()
}
