//! Settings of what is kept on disk.

use crate::config::Values;
use crate::data::rdb::file::Checksum;
use crate::data::rdb::write::Compression;

/// Snapshots and the append-only file.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    /// When a snapshot is taken; empty for never.
    pub(crate) save_points: Vec<SavePoint>,
    /// Name of the snapshot inside `dir`.
    pub(crate) snapshot_name: String,
    pub(crate) compression: Compression,
    pub(crate) checksum: Checksum,
    /// Have the system write a snapshot a few megabytes at a time.
    pub(crate) syncs_snapshot_steadily: bool,
    /// Refuse writes after a snapshot has failed.
    pub(crate) stops_writes_on_error: bool,
    pub(crate) appends: bool,
    pub(crate) append_sync: AppendSync,
    /// Leave syncing to the system while a child writes.
    pub(crate) rests_sync_on_rewrite: bool,
    /// Name of the directory of append-only files inside `dir`.
    pub(crate) append_dir: String,
    /// What the names of append-only files begin with.
    pub(crate) append_name: String,
    /// How much the append-only file grows before it is rewritten, in per cent; 0 for never.
    pub(crate) rewrite_percent: u64,
    /// Below this size it is not rewritten (bytes).
    pub(crate) rewrite_bytes_min: u64,
    /// A rewritten append-only file begins as a snapshot.
    pub(crate) has_preamble: bool,
    /// A file that ends in the middle of a command is cut and read.
    pub(crate) loads_truncated: bool,
    /// Write the time between commands.
    pub(crate) appends_times: bool,
    /// Have the system write a rewritten file a few megabytes at a time.
    pub(crate) syncs_rewrite_steadily: bool,
    /// Leave files that nobody needs any more.
    pub(crate) keeps_history: bool,
    pub(crate) on_sigint: ShutdownMode,
    pub(crate) on_sigterm: ShutdownMode,
}

/// A snapshot is taken when so much has changed in such a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SavePoint {
    pub(crate) seconds: i64,
    /// Changes (count).
    pub(crate) changes: u64,
}

/// When the append-only file is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AppendSync {
    /// Before replies leave.
    Always,
    EverySecond,
    /// When the system wishes.
    No,
}

/// What a signal or `SHUTDOWN` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShutdownMode {
    /// `None` to save if there are save points.
    pub(crate) saves: Option<bool>,
    /// End even if saving fails.
    pub(crate) is_forced: bool,
    /// Do not wait for replicas.
    pub(crate) is_now: bool,
}

impl Disk {
    pub(in crate::config) fn read(values: &Values) -> Disk {
        let text = |name| values.text(name).to_owned();
        let numbers: Vec<u64> =
            values.text("save").split(' ').filter_map(|number| number.parse().ok()).collect();
        let point = |pair: &[u64]| SavePoint {
            seconds: i64::try_from(pair[0]).unwrap_or(i64::MAX),
            changes: pair[1],
        };
        Disk {
            save_points: numbers.chunks_exact(2).map(point).collect(),
            snapshot_name: text("dbfilename"),
            compression: if values.flag("rdbcompression") {
                Compression::On
            } else {
                Compression::Off
            },
            checksum: if values.flag("rdbchecksum") { Checksum::On } else { Checksum::Off },
            syncs_snapshot_steadily: values.flag("rdb-save-incremental-fsync"),
            stops_writes_on_error: values.flag("stop-writes-on-bgsave-error"),
            appends: values.flag("appendonly"),
            append_sync: match values.text("appendfsync") {
                "always" => AppendSync::Always,
                "no" => AppendSync::No,
                _ => AppendSync::EverySecond,
            },
            rests_sync_on_rewrite: values.flag("no-appendfsync-on-rewrite"),
            append_dir: text("appenddirname"),
            append_name: text("appendfilename"),
            rewrite_percent: values.number("auto-aof-rewrite-percentage"),
            rewrite_bytes_min: values.number("auto-aof-rewrite-min-size"),
            has_preamble: values.flag("aof-use-rdb-preamble"),
            loads_truncated: values.flag("aof-load-truncated"),
            appends_times: values.flag("aof-timestamp-enabled"),
            syncs_rewrite_steadily: values.flag("aof-rewrite-incremental-fsync"),
            keeps_history: values.flag("aof-disable-auto-gc"),
            on_sigint: ShutdownMode::of(values.text("shutdown-on-sigint")),
            on_sigterm: ShutdownMode::of(values.text("shutdown-on-sigterm")),
        }
    }
}

impl ShutdownMode {
    fn of(text: &str) -> ShutdownMode {
        let says = |option| text.split(' ').any(|word| word == option);
        ShutdownMode {
            saves: if says("save") { Some(true) } else { says("nosave").then_some(false) },
            is_forced: says("force"),
            is_now: says("now"),
        }
    }
}
