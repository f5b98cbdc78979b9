//! What keeps replication alive, ten times a second: pings, timeouts, limits, copies that are due.
//!
//! Source: redis `src/replication.c` replicationCron.

use std::time::{Duration, Instant};

use crate::client::Client;
use crate::config::custom::OutputLimit;
use crate::node::Node;
use crate::replication::replica::{Replica, Stage};

/// Time between two signs of life to replicas that wait for a copy.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// Does what is due. Called at every tick.
pub(crate) fn run(node: &mut Node) {
    node.go_on_with_failover();
    node.remove_sent_file();
    node.trim_stream();
    if node.replication.replicas.is_empty() {
        give_backlog_up(node);
        return;
    }
    let now = Instant::now();
    let settings = node.config.settings();
    let (period, timeout) = (settings.replication.ping_period, settings.replication.timeout);
    let since_ping = now.duration_since(node.replication.pinged_at);
    let is_life_due = since_ping >= SIGN_OF_LIFE;
    if since_ping >= period && node.replication.upstream.is_none() {
        node.feed_request(PING);
    }
    if is_life_due && since_ping >= period {
        node.replication.pinged_at = now;
    }
    let limit = limit_of_replicas(node);
    let end = node.replication.offset;
    let chunk = node.replication.copy.as_ref().map_or(0, |copy| copy.number);
    let mut too_slow = Vec::new();
    node.each_replica(|client, replica| {
        if matches!(replica.stage, Stage::Waiting | Stage::FileInTheMaking) && is_life_due {
            client.outbox.push(b'\n');
            client.wake();
        }
        let awaited = match replica.stage {
            Stage::Online if !replica.is_old => Some("streaming sync"),
            Stage::Loading => Some("streaming sync"),
            // While the child is slow, nobody has anything to take.
            Stage::Receiving { number, .. } if number <= chunk => Some("full sync"),
            _ => None,
        };
        let awaited = awaited.filter(|_| now.duration_since(replica.heard_at) > timeout);
        if let Some(what) = awaited {
            let ip = replica.ip_seen(client);
            tracing::warn!("Disconnecting timedout replica ({what}): {ip}:{}", replica.port);
            client.kill();
        } else if is_too_slow(client, replica, end, limit, now) {
            too_slow.push(client.seat);
        }
    });
    too_slow.into_iter().for_each(|seat| node.end_unread(seat));
    node.drop_unwanted_copy();
    begin_due_copy(node, now);
}

/// How much of the stream replicas may leave unread. What is kept for those that were away may be behind anyway: who is
/// given it is not to be ended for it.
fn limit_of_replicas(node: &Node) -> OutputLimit {
    let settings = node.config.settings();
    let (limit, kept) = (settings.output_limits.replica, settings.replication.backlog_bytes);
    let at_least = |bytes: usize| if bytes > 0 { bytes.max(kept) } else { 0 };
    OutputLimit {
        hard_bytes: at_least(limit.hard_bytes),
        soft_bytes: at_least(limit.soft_bytes),
        ..limit
    }
}

/// Whether a replica has left too much of the stream unread, or much for too long.
fn is_too_slow(
    client: &mut Client,
    replica: &mut Replica,
    end: u64,
    limit: OutputLimit,
    now: Instant,
) -> bool {
    let unread = replica.needs_from().map_or(0, |from| end - from.min(end));
    client.output_bytes = usize::try_from(unread).unwrap_or(usize::MAX);
    if limit.soft_bytes == 0 || client.output_bytes < limit.soft_bytes {
        replica.soft_limit_since = None;
    }
    if limit.hard_bytes > 0 && client.output_bytes >= limit.hard_bytes {
        return true;
    }
    if limit.soft_bytes > 0 && client.output_bytes >= limit.soft_bytes {
        let since = *replica.soft_limit_since.get_or_insert(now);
        return now.duration_since(since) > Duration::from_secs(limit.soft_seconds);
    }
    false
}

/// Begins a copy that has waited long enough for more replicas.
fn begin_due_copy(node: &mut Node, now: Instant) {
    let settings = &node.config.settings().replication;
    let (delay, count_max) = (settings.diskless_delay, settings.diskless_replicas_max);
    let is_diskless = settings.is_diskless;
    let (mut waiting, mut longest) = (0, Duration::ZERO);
    node.each_replica(|_, replica| {
        if matches!(replica.stage, Stage::Waiting) {
            waiting += 1;
            longest = longest.max(now.duration_since(replica.heard_at));
        }
    });
    let is_full = count_max > 0 && waiting >= count_max;
    if waiting > 0 && (!is_diskless || is_full || longest >= delay) {
        node.begin_copy();
    }
}

/// Without replicas for long, a primary keeps the stream no more; whoever comes then has missed something.
fn give_backlog_up(node: &mut Node) {
    let ttl = node.config.settings().replication.backlog_ttl;
    let replication = &mut node.replication;
    let is_over = replication.lonely_since.is_some_and(|since| since.elapsed() > ttl);
    if ttl.is_zero() || !is_over || replication.upstream.is_some() || replication.backlog.is_none()
    {
        return;
    }
    tracing::info!(
        "Replication backlog freed after {} seconds without connected replicas.",
        ttl.as_secs()
    );
    replication.renew_id(&mut node.random);
    replication.backlog = None;
    node.stream_changed();
}
