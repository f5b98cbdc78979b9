//! Save points, and what waits for a child to end.

use crate::node::Node;

/// Time after a failed snapshot before another is tried, in seconds. Source: redis `src/server.h`
/// CONFIG_BGSAVE_RETRY_DELAY.
const RETRY_S: i64 = 5;

/// Begins what is due. Called at every tick.
pub(crate) fn run(node: &mut Node, now_ms: i64) {
    // A child of the middle of a script would keep half of it.
    let persistence = &node.persistence;
    if persistence.loading.is_some() || persistence.child.is_some() || node.scripting.is_busy() {
        return;
    }
    let now_s = now_ms / 1000;
    let is_scheduled = node.persistence.aof.is_rewrite_scheduled;
    let growth = node.growth_to_rewrite();
    if (is_scheduled || growth.is_some()) && !node.is_rewrite_limited(now_s) {
        if let Some(growth) = growth.filter(|_| !is_scheduled) {
            tracing::info!("Starting automatic rewriting of AOF on {growth}% growth");
        }
        // Failing is logged and noted.
        let _ = node.rewrite_in_child();
        return;
    }
    let persistence = &node.persistence;
    let may_try = persistence.snapshot.is_ok || now_s - persistence.snapshot.tried_at_s > RETRY_S;
    if !may_try {
        return;
    }
    let changes = node.changes - persistence.saved_changes;
    let since_s = now_s - persistence.saved_at_s;
    let points = &node.config.settings().disk.save_points;
    let due = points.iter().find(|point| changes >= point.changes && since_s > point.seconds);
    if let Some(point) = due {
        tracing::info!("{} changes in {} seconds. Saving...", point.changes, point.seconds);
    } else if !persistence.is_save_scheduled {
        return;
    }
    // Failing is logged and noted; it is tried again later.
    if node.save_in_child().is_ok() {
        node.persistence.is_save_scheduled = false;
    }
}
