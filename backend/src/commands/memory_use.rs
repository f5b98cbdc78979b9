//! What the memory in use is made of, for `INFO memory`, `MEMORY STATS` and `MEMORY DOCTOR`. All sizes are in bytes.
//!
//! Source: redis `src/object.c` getMemoryOverheadData.

use crate::client::Client;
use crate::execute::Call;
use crate::memory::used_bytes;
use crate::node::Node;
use crate::server::resident_bytes;

/// The memory of one moment.
#[derive(Clone, Debug)]
pub(super) struct MemoryUse {
    pub(super) used: usize,
    /// The most that was in use.
    pub(super) peak: usize,
    /// What was in use before there was any data.
    pub(super) at_start: usize,
    /// What the system has given to the process.
    pub(super) resident: usize,
    /// The stream as far as it is kept whether anybody needs it or not.
    pub(super) backlog: usize,
    /// Clients that are replicas, with what is kept of the stream because one of them has not read it.
    pub(super) replicas: usize,
    /// All other clients.
    pub(super) clients: usize,
    /// What waits to be sent on the cluster bus.
    pub(super) links: usize,
    /// Effects that wait to be appended.
    pub(super) append: usize,
    /// Texts of scripts.
    pub(super) scripts: usize,
    /// Texts of libraries of functions.
    pub(super) functions: usize,
    /// Of each database with keys: its number, its table, and that of its keys that expire.
    pub(super) tables: Vec<(usize, usize, usize)>,
    /// Keys (count).
    pub(super) keys: usize,
}

impl MemoryUse {
    /// The memory now.
    pub(super) fn of(call: &Call<'_>) -> MemoryUse {
        let node = &*call.node;
        let clients = || node.clients.iter().chain([&*call.client]);
        let bytes_of = |is_replica: bool| -> usize {
            clients().filter(|c| c.is_replica() == is_replica).map(Client::memory_bytes).sum()
        };
        let used = used_bytes();
        let (backlog, unread) = stream_bytes(node);
        let with_keys = node.databases.iter().enumerate().filter(|(_, db)| db.len() > 0);
        let tables = with_keys.map(|(number, db)| {
            let (keys, volatile) = db.table_bytes();
            (number, keys, volatile)
        });
        MemoryUse {
            used,
            peak: node.memory_peak_bytes.max(used),
            at_start: node.memory_at_start_bytes,
            resident: resident_bytes(),
            backlog,
            replicas: bytes_of(true) + unread,
            clients: bytes_of(false),
            links: link_bytes(node),
            append: node.persistence.aof.unwritten.capacity(),
            scripts: node.scripting.scripts.bytes(),
            functions: node.scripting.libraries.bytes(),
            tables: tables.collect(),
            keys: node.databases.iter().map(|database| database.len()).sum(),
        }
    }

    /// What is no data.
    pub(super) fn overhead(&self) -> usize {
        let tables: usize = self.tables.iter().map(|(_, keys, volatile)| keys + volatile).sum();
        self.at_start
            + self.backlog
            + self.replicas
            + self.clients
            + self.links
            + self.append
            + self.scripts
            + self.functions
            + tables
    }

    pub(super) fn dataset(&self) -> usize {
        self.used.saturating_sub(self.overhead())
    }

    /// What has come since the start, at least one.
    pub(super) fn net(&self) -> usize {
        self.used.saturating_sub(self.at_start).max(1)
    }

    /// The share of that which is data, in per cent.
    pub(super) fn dataset_percent(&self) -> f64 {
        percent(self.dataset(), self.net())
    }

    /// The share of the most that is in use, in per cent.
    pub(super) fn peak_percent(&self) -> f64 {
        percent(self.used, self.peak)
    }

    /// How much more the system has given than is in use, as a factor.
    pub(super) fn fragmentation(&self) -> f64 {
        percent(self.resident, self.used) / 100.0
    }

    /// The same in bytes.
    pub(super) fn fragmentation_bytes(&self) -> isize {
        self.resident.cast_signed() - self.used.cast_signed()
    }

    /// How much a key takes on average.
    pub(super) fn bytes_per_key(&self) -> usize {
        self.net().checked_div(self.keys).unwrap_or(0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn percent(part: usize, whole: usize) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}

/// What is kept of the stream by the settings, and what only for replicas.
fn stream_bytes(node: &Node) -> (usize, usize) {
    let taken = node.replication.backlog_bytes();
    if node.replication.replicas.is_empty() {
        return (taken, 0);
    }
    let kept = taken.min(node.config.settings().replication.backlog_bytes);
    (kept, taken - kept)
}

fn link_bytes(node: &Node) -> usize {
    let Some(cluster) = &node.cluster else { return 0 };
    let cluster = cluster.borrow();
    cluster.core.links().map(|(link, _)| cluster.lines.queued_bytes(link)).sum()
}
