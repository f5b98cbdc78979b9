//! Staying within `maxmemory`: what is refused, and which keys go.
//!
//! 1. Before each command the memory in use is compared with the limit, which costs two loads.
//! 2. If it is above, keys go until it is not, as the policy picks them: the best of some samples, with the best of
//!    earlier ones kept in a pool. Each goes as if it had been deleted: replicas, the append-only file, watchers,
//!    caching clients and listeners hear of it.
//! 3. After the time that the tenacity allows, the command runs all the same, and a task goes on between turns.
//! 4. If nothing may go, or there is nothing, commands that could take more memory are refused.
//!
//! Not counted is what replicas have not read and what the append-only file has not written: keys that went because
//! of these would make more of both.
//! A replica leaves it to its primary. Nothing goes while a script lies still, data is read or clients are paused.
//!
//! Source: redis `src/evict.c` performEvictions, `src/server.c` processCommand.

mod pool;

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::config::settings::memory::{First, Memory, Policy};
use crate::data::key::Key;
use crate::data::keyspace::sample::{Among, Picked};
use crate::data::lazy_free::{self, Freeing};
use crate::memory;
use crate::node::{Node, SharedNode};
use crate::notify::Class;
use crate::propagate::Removal;

use pool::Pool;

/// What is kept between one eviction and the next.
#[derive(Debug, Default)]
pub(crate) struct Eviction {
    /// Whether there is a limit: all that a command looks at where there is none.
    pub(crate) is_limited: bool,
    /// Whether the command under way began with too little memory, and nothing that could go.
    pub(crate) is_short: bool,
    pool: Pool,
    /// The limit in bytes, 0 for none; `None` before settings were read.
    bytes_max: Option<usize>,
    /// The policy by which the pool was filled.
    policy: Option<Policy>,
    /// The database from which a key went at random last.
    last_db: usize,
    /// Since when memory is above the limit.
    short_since: Option<Instant>,
    /// Wakes the task that goes on.
    wake: Rc<Notify>,
}

/// What came of making room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Made,
    /// There will be, in a while.
    BeingMade,
    Short,
}

/// Keys that go between two looks at the clock (count). Source: redis `src/evict.c` performEvictions.
const KEYS_PER_LOOK: usize = 16;

/// The longest sleep for the thread that frees.
const NAP: Duration = Duration::from_millis(1);

impl Eviction {
    /// Heeds changed settings.
    pub(crate) fn settings_changed(&mut self, settings: &Memory) {
        let (before, used) = (self.bytes_max.replace(settings.bytes_max), memory::used_bytes());
        if before.is_some_and(|before| before != settings.bytes_max) && self.falls_short(used) {
            tracing::warn!(
                "WARNING: the new maxmemory value set via CONFIG SET ({}) is smaller than the current memory usage \
                 ({used}). This will result in key eviction and/or the inability to accept new write commands \
                 depending on the maxmemory-policy.",
                settings.bytes_max
            );
        }
        self.is_limited = settings.bytes_max > 0;
        self.is_short &= self.is_limited;
        if self.policy != settings.policy {
            self.policy = settings.policy;
            self.pool.clear();
        }
        self.wake.notify_one();
    }

    /// Whether the limit is below what is in use.
    fn falls_short(&self, used: usize) -> bool {
        self.bytes_max.is_some_and(|bytes_max| bytes_max > 0 && bytes_max < used)
    }

    /// How long memory has been above the limit by now.
    pub(crate) fn short_for(&self) -> Duration {
        self.short_since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// Goes on making room, in small steps, where a command had no time to.
pub(crate) async fn go_on(node: SharedNode) {
    let wake = Rc::clone(&node.borrow().eviction.wake);
    loop {
        wake.notified().await;
        while node.borrow_mut().stay_within() == Room::BeingMade {
            tokio::task::yield_now().await;
        }
    }
}

impl Node {
    /// Makes room where there is too little, before a command. Whether there is still too little.
    pub(crate) fn is_short_of_memory(&mut self) -> bool {
        // What a script has begun is not mixed with the ends of other keys.
        if self.scripting.is_busy() {
            return false;
        }
        self.eviction.is_short = self.evict_if_above() == Room::Short;
        self.eviction.is_short
    }

    /// Makes room outside of any command.
    fn stay_within(&mut self) -> Room {
        if !self.eviction.is_limited || self.scripting.is_busy() {
            return Room::Made;
        }
        let room = self.evict_if_above();
        self.write_appended();
        self.serve_ready_keys();
        self.broadcast_invalidations();
        room
    }

    /// As a replica that does not leave it to its primary, after a part of the stream.
    pub(crate) fn stay_within_as_replica(&mut self) {
        if self.eviction.is_limited && !self.config.settings().memory.is_left_to_primary {
            self.stay_within();
        }
    }

    /// Bytes that do not count: what replicas and the append-only file have not taken yet.
    pub(crate) fn uncounted_bytes(&self) -> usize {
        let kept = self.config.settings().replication.backlog_bytes;
        let unread = self.replication.backlog_bytes().saturating_sub(kept);
        unread + self.persistence.aof.unwritten.capacity()
    }

    /// Bytes above the limit.
    fn excess_bytes(&self) -> usize {
        let bytes_max = self.config.settings().memory.bytes_max;
        let used = memory::used_bytes();
        if bytes_max == 0 || used <= bytes_max {
            return 0;
        }
        used.saturating_sub(self.uncounted_bytes()).saturating_sub(bytes_max)
    }

    fn evict_if_above(&mut self) -> Room {
        let excess = self.excess_bytes();
        let room = if excess == 0 || !self.may_evict() { Room::Made } else { self.evict(excess) };
        self.note_room(room);
        room
    }

    fn may_evict(&mut self) -> bool {
        let is_left =
            self.replication.upstream.is_some() && self.config.settings().memory.is_left_to_primary;
        self.persistence.loading.is_none() && !is_left && self.active_pause().is_none()
    }

    fn evict(&mut self, excess: usize) -> Room {
        let settings = &self.config.settings().memory;
        let Some(policy) = settings.policy else { return Room::Short };
        let (freeing, effort) = (settings.lazy.evicted, settings.effort);
        let start = Instant::now();
        let (mut freed, mut keys_count) = (0, 0);
        let room = loop {
            if freed >= excess {
                break Room::Made;
            }
            let Some((db, key)) = self.pick(policy) else {
                break if self.is_room_freed_by_thread(start, effort) {
                    Room::Made
                } else {
                    Room::Short
                };
            };
            freed += self.give_up(db, &key, freeing);
            keys_count += 1;
            if keys_count % KEYS_PER_LOOK == 0 {
                // The thread may have freed more than was counted here.
                if freeing == Freeing::Later && self.excess_bytes() == 0 {
                    break Room::Made;
                }
                if effort.is_some_and(|effort| start.elapsed() > effort) {
                    self.eviction.wake.notify_one();
                    break Room::BeingMade;
                }
            }
        };
        self.note_latency("eviction-cycle", start.elapsed());
        self.tell_journal();
        self.end_apart();
        room
    }

    /// Whether the thread that frees makes the room that is needed within a short time.
    fn is_room_freed_by_thread(&mut self, start: Instant, effort: Option<Duration>) -> bool {
        let (nap, began) = (effort.map_or(NAP, |effort| effort.min(NAP)), Instant::now());
        let mut is_freed = false;
        while !is_freed
            && lazy_free::pending_count() > 0
            && effort.is_none_or(|effort| start.elapsed() < effort)
        {
            std::thread::sleep(nap);
            is_freed = self.excess_bytes() == 0;
        }
        self.note_latency("eviction-lazyfree", began.elapsed());
        is_freed
    }

    /// The next key to go, with its database.
    fn pick(&mut self, policy: Policy) -> Option<(usize, Key)> {
        if policy.first == First::Any {
            return self.pick_any(policy);
        }
        while self.fill_pool(policy) {
            while let Some((db, key)) = self.eviction.pool.take_best() {
                let database = &self.databases[db];
                let is_there = match policy.among {
                    Among::All => database.record(&key).is_some(),
                    Among::Volatile => database.expires_at_ms(&key).is_some(),
                };
                if is_there {
                    return Some((db, key));
                }
            }
        }
        None
    }

    fn pick_any(&mut self, policy: Policy) -> Option<(usize, Key)> {
        let count = self.databases.len();
        while self.databases.iter().any(|database| database.len_among(policy.among) > 0) {
            // Each database in its turn.
            for _ in 0..count {
                self.eviction.last_db = (self.eviction.last_db + 1) % count;
                let db = self.eviction.last_db;
                if let Some(picked) = self.databases[db].pick(policy.among) {
                    return Some((db, picked.key.clone()));
                }
            }
        }
        None
    }

    /// Looks at some keys of each database. Whether there are any.
    fn fill_pool(&mut self, policy: Policy) -> bool {
        let settings = &self.config.settings().memory;
        let (samples, frequencies) = (settings.samples, settings.frequencies);
        let now_ms = crate::clock::unix_ms();
        let merit = |picked: &Picked<'_>| match policy.first {
            First::SeldomUsed => u64::from(u8::MAX - picked.usage.frequency(now_ms, frequencies)),
            First::SoonestExpiring => {
                // The sooner, the better to give up; what has expired best of all.
                let time = picked.expires_at_ms.unwrap_or(i64::MAX);
                u64::try_from(time).map_or(u64::MAX, |time| u64::MAX - time)
            }
            First::LongestUnused | First::Any => u64::from(picked.usage.idle_s(now_ms)),
        };
        let mut has_keys = false;
        for (db, database) in self.databases.iter_mut().enumerate() {
            let len = database.len_among(policy.among);
            has_keys |= len > 0;
            for _ in 0..samples.min(len) {
                if let Some(picked) = database.pick(policy.among) {
                    self.eviction.pool.offer(merit(&picked), db, picked.key);
                }
            }
        }
        has_keys
    }

    /// Removes a key that nobody asked to remove, and tells everyone concerned. How many bytes that freed by now; what
    /// telling it takes is not set against them.
    fn give_up(&mut self, db: usize, key: &Key, freeing: Freeing) -> usize {
        let (before, began) = (memory::used_bytes(), self.begin_latency());
        let Some(record) = self.databases[db].remove(key) else { return 0 };
        lazy_free::free(record.value, freeing);
        let freed = before.saturating_sub(memory::used_bytes());
        self.note_latency_since("eviction-del", began);
        self.stats.evicted_keys += 1;
        self.watches.touch(db, key);
        self.invalidate(key, None);
        self.notify(Class::Evicted, "evicted", db, key);
        self.propagate_removal(db, key, Removal::of(freeing));
        freed
    }

    /// Keeps account of how long memory is above the limit.
    fn note_room(&mut self, room: Room) {
        let since = &mut self.eviction.short_since;
        if room != Room::Made {
            since.get_or_insert_with(Instant::now);
        } else if let Some(since) = since.take() {
            self.stats.short_of_memory += since.elapsed();
        }
    }
}
