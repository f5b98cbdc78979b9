//! What `INFO` tells of who copies whom.

use std::time::Instant;

use crate::commands::info::sections::line;
use crate::commands::replication::role_name;
use crate::execute::Call;
use crate::node::Node;
use crate::replication::upstream::Upstream;

pub(super) fn write(call: &Call<'_>, text: &mut String) {
    line(text, "role", role_name(call.node));
    if let Some(upstream) = &call.node.replication.upstream {
        primary(call.node, upstream, text);
    }
    replicas(call.node, text);
    history(call.node, text);
}

/// The primary of this node, and the link to it.
fn primary(node: &Node, upstream: &Upstream, text: &mut String) {
    let standing = node.standing();
    let (is_up, is_copying) = (standing.is_linked, standing.is_copying);
    let silent_s = standing.silent_ms.and_then(|ms| i64::try_from(ms / 1000).ok()).unwrap_or(-1);
    line(text, "master_host", &upstream.host);
    line(text, "master_port", upstream.port);
    line(text, "master_link_status", if is_up { "up" } else { "down" });
    line(text, "master_last_io_seconds_ago", if is_up { silent_s } else { -1 });
    line(text, "master_sync_in_progress", u8::from(is_copying));
    line(text, "slave_read_repl_offset", standing.offset + upstream.unapplied_bytes);
    line(text, "slave_repl_offset", standing.offset);
    if is_copying {
        let (total, read) = upstream.copy_bytes;
        #[expect(clippy::cast_precision_loss, reason = "two digits of it are told")]
        let percent =
            total.filter(|total| *total > 0).map_or(0.0, |all| read as f64 * 100.0 / all as f64);
        line(text, "master_sync_total_bytes", total.unwrap_or(0));
        line(text, "master_sync_read_bytes", read);
        line(text, "master_sync_left_bytes", total.unwrap_or(0).saturating_sub(read));
        line(text, "master_sync_perc", format_args!("{percent:.2}"));
        line(text, "master_sync_last_io_seconds_ago", silent_s);
    }
    if !is_up {
        line(text, "master_link_down_since_seconds", seconds_since(upstream.down_since));
    }
    let settings = &node.config.settings().replication;
    line(text, "slave_priority", settings.priority);
    line(text, "slave_read_only", u8::from(settings.is_read_only));
    line(text, "replica_announced", u8::from(settings.is_announced));
}

/// The replicas of this node.
fn replicas(node: &Node, text: &mut String) {
    let replicas = || {
        let clients = node.clients.iter();
        clients.filter_map(|client| {
            let replica = client.replica.as_deref()?;
            Some((client, replica, replica.state()?))
        })
    };
    line(text, "connected_slaves", replicas().count());
    if node.config.settings().replication.replicas_min > 0 {
        let lag_max = node.config.settings().replication.lag_max;
        let is_good = |at: Instant| at.elapsed().as_secs() <= lag_max.as_secs();
        let good = replicas().filter(|(_, r, _)| r.is_online() && is_good(r.heard_at));
        line(text, "min_slaves_good_slaves", good.count());
    }
    for (index, (client, replica, state)) in replicas().enumerate() {
        let lag_s = if replica.is_online() { seconds_since(replica.heard_at) } else { 0 };
        line(
            text,
            &format!("slave{index}"),
            format_args!(
                "ip={},port={},state={state},offset={},lag={lag_s}",
                replica.ip_seen(client),
                replica.port,
                replica.acked
            ),
        );
    }
}

/// The history of changes, and what is kept of it.
fn history(node: &Node, text: &mut String) {
    let replication = &node.replication;
    let (before, end) = match &replication.before {
        // The first byte that differs, counted from 1.
        Some((id, end)) => (id.clone(), i64::try_from(*end + 1).unwrap_or(i64::MAX)),
        None => ("0".repeat(40), -1),
    };
    let extent = replication.backlog_extent();
    line(text, "master_failover_state", node.failover_state());
    line(text, "master_replid", &replication.id);
    line(text, "master_replid2", before);
    line(text, "master_repl_offset", replication.offset);
    line(text, "second_repl_offset", end);
    line(text, "repl_backlog_active", u8::from(extent.is_some()));
    line(text, "repl_backlog_size", node.config.settings().replication.backlog_bytes);
    line(text, "repl_backlog_first_byte_offset", extent.map_or(0, |(start, _)| start + 1));
    line(text, "repl_backlog_histlen", extent.map_or(0, |(_, len)| len));
}

fn seconds_since(at: Instant) -> i64 {
    i64::try_from(at.elapsed().as_secs()).unwrap_or(i64::MAX)
}
