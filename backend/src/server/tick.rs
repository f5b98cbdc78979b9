//! What the node does by itself, `hz` times a second: expiry, idle clients, rates.

use std::time::Duration;

use crate::blocking;
use crate::client::Close;
use crate::clock;
use crate::memory;
use crate::node::{Node, SharedNode};
use crate::persistence::schedule;
use crate::replication;
use crate::server::expiry::Expiry;

/// Time between two samples of the rates. Source: redis `src/server.c` serverCron.
const SAMPLE_MS: i64 = 100;

/// Time between two looks at idle clients.
const SLOW_MS: i64 = 1000;

/// Ticks for ever.
pub(super) async fn run(node: SharedNode) {
    let mut tick = Tick::default();
    loop {
        let hz = node.borrow().config.settings().hz;
        let due = clock::next_due(Duration::from_secs(1) / hz);
        tick.expiry.catch_up(&node, due).await;
        tokio::time::sleep_until(due.into()).await;
        let mut node = node.borrow_mut();
        if !node.switches.is_cron_paused {
            tick.run(&mut node);
        }
    }
}

#[derive(Default)]
struct Tick {
    expiry: Expiry,
    sampled_at_ms: i64,
    slow_at_ms: i64,
}

impl Tick {
    fn run(&mut self, node: &mut Node) {
        let now_ms = clock::unix_ms();
        self.expiry.run_in_tick(node);
        node.memory_peak_bytes = node.memory_peak_bytes.max(memory::used_bytes());
        node.write_appended();
        schedule::run(node, now_ms);
        replication::cron::run(node);
        node.go_on_with_end();
        if now_ms - self.sampled_at_ms >= SAMPLE_MS {
            self.sampled_at_ms = now_ms;
            node.stats.sample_rates(now_ms);
        }
        if !node.blocking.is_idle() && !node.scripting.is_busy() {
            blocking::release_moved(node);
            blocking::serve(node);
        }
        node.release_shard_channels();
        if !node.tracking.is_idle() {
            // Nobody need ask for anything to be told what was dropped.
            node.bound_tracking_table();
        }
        node.broadcast_invalidations();
        if now_ms - self.slow_at_ms >= SLOW_MS {
            self.slow_at_ms = now_ms;
            close_idle_clients(node, now_ms);
            node.migrate_targets.close_unused();
        }
    }
}

fn close_idle_clients(node: &mut Node, now_ms: i64) {
    let timeout = node.config.settings().client_timeout;
    if timeout.is_zero() {
        return;
    }
    let timeout_ms = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
    for client in node.clients.iter_mut() {
        let is_waiting = client.is_replica()
            || client.is_primary
            || client.blocked.is_some()
            || client.subscriptions.are_any();
        if !is_waiting && now_ms - client.used_at_ms > timeout_ms {
            tracing::debug!("Closing idle client");
            client.close = Some(Close::Now);
            client.wake();
        }
    }
}
