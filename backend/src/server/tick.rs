//! What the node does by itself, `hz` times a second: expiry, idle clients, rates.

use std::time::{Duration, Instant};

use crate::blocking;
use crate::client::Close;
use crate::clock;
use crate::data::keyspace::Expired;
use crate::memory;
use crate::node::{Node, SharedNode};
use crate::notify::Class;
use crate::persistence::schedule;
use crate::replication;

/// The share of a tick that expiry may take, in per cent, at effort 1 and for each effort above.
/// Source: redis `src/expire.c` ACTIVE_EXPIRE_CYCLE_SLOW_TIME_PERC.
const EXPIRE_PERCENT: (u32, u32) = (25, 2);

/// Time between two samples of the rates. Source: redis `src/server.c` serverCron.
const SAMPLE_MS: i64 = 100;

/// Time between two looks at idle clients.
const SLOW_MS: i64 = 1000;

/// Ticks for ever.
pub(super) async fn run(node: SharedNode) {
    let mut tick = Tick::default();
    loop {
        let hz = node.borrow().config.settings().hz;
        tokio::time::sleep(Duration::from_secs(1) / hz).await;
        let mut node = node.borrow_mut();
        if !node.switches.is_cron_paused {
            tick.run(&mut node);
        }
    }
}

#[derive(Default)]
struct Tick {
    sampled_at_ms: i64,
    slow_at_ms: i64,
}

impl Tick {
    fn run(&mut self, node: &mut Node) {
        let now_ms = clock::unix_ms();
        if node.persistence.loading.is_none() {
            expire(node, now_ms);
        }
        node.memory_peak_bytes = node.memory_peak_bytes.max(memory::used_bytes());
        node.write_appended();
        schedule::run(node, now_ms);
        replication::cron::run(node);
        if now_ms - self.sampled_at_ms >= SAMPLE_MS {
            self.sampled_at_ms = now_ms;
            node.stats.sample_rates(now_ms);
        }
        if !node.blocking.is_idle() && !node.scripting.is_busy() {
            blocking::release_moved(node);
            blocking::serve(node, now_ms);
        }
        node.release_shard_channels();
        node.broadcast_invalidations();
        if now_ms - self.slow_at_ms >= SLOW_MS {
            self.slow_at_ms = now_ms;
            close_idle_clients(node, now_ms);
            node.migrate_targets.close_unused();
        }
    }
}

fn expire(node: &mut Node, now_ms: i64) {
    // While writes are paused nothing may change, expiry included.
    if !node.is_expiring
        || node.expiry_mode() != Expired::Removed
        || node.scripting.is_busy()
        || node.active_pause().is_some()
    {
        return;
    }
    let settings = node.config.settings();
    let effort = settings.expire_effort;
    let percent = EXPIRE_PERCENT.0 + EXPIRE_PERCENT.1 * (effort - 1);
    let word = node.expired_removal();
    let start = Instant::now();
    let deadline = start + Duration::from_secs(1) / settings.hz * percent / 100;
    let (mut looked_at, mut removed) = (0, 0);
    for db in 0..node.databases.len() {
        let sweep = node.databases[db].sweep(now_ms, effort, deadline);
        for key in &sweep.removed {
            node.propagate_removal(db, key, word);
            node.notify(Class::Expired, "expired", db, key);
            node.changed(db, key);
        }
        node.end_apart();
        looked_at += sweep.looked_at;
        removed += sweep.removed.len();
        if sweep.is_cut_short {
            node.stats.expire_cycles_cut_short += 1;
            break;
        }
    }
    node.stats.note_expiry(looked_at, removed);
    let took = start.elapsed();
    node.stats.expire_cycle_us += u64::try_from(took.as_micros()).unwrap_or(0);
    node.note_latency("expire-cycle", took);
}

fn close_idle_clients(node: &mut Node, now_ms: i64) {
    let timeout = node.config.settings().client_timeout;
    if timeout.is_zero() {
        return;
    }
    let timeout_ms = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
    for client in node.clients.iter_mut() {
        let is_waiting =
            client.is_replica() || client.blocked.is_some() || client.subscriptions.are_any();
        if !is_waiting && now_ms - client.used_at_ms > timeout_ms {
            tracing::debug!("Closing idle client");
            client.close = Some(Close::Now);
            client.wake();
        }
    }
}
