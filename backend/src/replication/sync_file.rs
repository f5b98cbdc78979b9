//! Files that copies were made by, and that are not to stay: `rdb-del-sync-files`.
//!
//! Who keeps nothing on disk may not want the data to lie there because of replication. A replica removes the file
//! that it has read; a primary removes the one that it has sent when nobody needs it any more. What the node keeps by
//! other settings is never touched.
//!
//! Source: redis `src/replication.c` removeRDBUsedToSyncReplicas.

use std::fs;

use crate::node::Node;
use crate::replication::replica::Stage;

impl Node {
    /// Removes the file that replicas were sent, if it is not to stay and was sent to all.
    pub(super) fn remove_sent_file(&mut self) {
        if !self.removes_sync_files() {
            self.replication.has_sync_file = false;
        }
        if !self.replication.has_sync_file {
            return;
        }
        let mut is_needed = false;
        self.each_replica(|_, replica| {
            is_needed |= matches!(
                replica.stage,
                Stage::Waiting | Stage::FileInTheMaking | Stage::Reading { .. }
            );
        });
        if !is_needed {
            self.replication.has_sync_file = false;
            tracing::info!(
                "Removing the RDB file used to feed replicas in a persistence-less instance"
            );
            self.remove_sync_file();
        }
    }

    /// Removes the file of a copy that this node has read, if it is not to stay.
    pub(super) fn remove_read_file(&mut self) {
        if self.removes_sync_files() {
            tracing::info!("Removing the RDB file obtained from the master.");
            self.remove_sync_file();
        }
    }

    fn remove_sync_file(&self) {
        let path = self.snapshot_path();
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!("cannot remove {}: {error}", path.display());
        }
    }

    /// Whether it is asked for, and the node keeps nothing by other settings.
    fn removes_sync_files(&self) -> bool {
        let settings = self.config.settings();
        let keeps = settings.disk.appends || !settings.disk.save_points.is_empty();
        settings.replication.removes_sync_files && !keeps
    }
}
