//! The last things before the node ends.

use crate::config::settings::disk::ShutdownMode;
use crate::node::Node;
use crate::persistence::aof::State;
use crate::persistence::child;

impl Node {
    /// Ends the child and saves what is to be saved. Whether the node may end.
    pub(crate) fn prepare_for_shutdown(&mut self, mode: ShutdownMode) -> bool {
        if self.persistence.loading.is_some() {
            // What was read so far must not replace what is on the disk.
            return true;
        }
        if self.persistence.aof.state == State::WaitsForRewrite {
            if !mode.is_forced && mode.saves != Some(false) {
                tracing::warn!("Writing initial AOF, can't exit.");
                return false;
            }
            tracing::warn!("Writing initial AOF. Exit anyway.");
        }
        child::kill(self);
        self.close_append();
        let has_points = !self.config.settings().disk.save_points.is_empty();
        if mode.saves.unwrap_or(has_points) {
            tracing::info!("Saving the final RDB snapshot before exiting.");
            if self.save_now().is_err() {
                if !mode.is_forced {
                    tracing::warn!("Error trying to save the DB, can't exit.");
                    return false;
                }
                tracing::warn!("Error trying to save the DB, but exiting anyway.");
            }
        }
        self.listeners.close_all();
        true
    }
}
