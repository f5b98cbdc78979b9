//! How this node copies others and is copied.

use std::time::Duration;

use crate::config::Values;

/// The `repl-…`, `replica-…` and `min-replicas-…` directives.
#[derive(Clone, Debug)]
pub(crate) struct ReplicationSettings {
    /// Bytes of the stream that are kept for replicas that were away.
    pub(crate) backlog_bytes: usize,
    /// Time without any replica after which they are given up; zero for never.
    pub(crate) backlog_ttl: Duration,
    /// Silence after which either side gives a link up.
    pub(crate) timeout: Duration,
    /// Time between two pings to replicas.
    pub(crate) ping_period: Duration,
    /// A full copy is sent as it is made, without a file.
    pub(crate) is_diskless: bool,
    /// How long such a copy waits for more replicas.
    pub(crate) diskless_delay: Duration,
    /// Replicas for which it waits no longer (count); 0 for no such number.
    pub(crate) diskless_replicas_max: usize,
    /// `disabled`, `on-empty-db` or `swapdb`: whether a copy is loaded as it comes.
    pub(crate) diskless_load: String,
    /// Empty for none.
    pub(crate) primary_user: String,
    /// Empty for none.
    pub(crate) primary_password: String,
    /// Empty for what the primary sees.
    pub(crate) announce_ip: String,
    /// 0 for the port in use.
    pub(crate) announce_port: u16,
    /// The lower, the sooner it is chosen to replace its primary; 0 for never.
    pub(crate) priority: u32,
    /// Whether it is named to those who look for replicas.
    pub(crate) is_announced: bool,
    pub(crate) is_read_only: bool,
    pub(crate) serves_stale_data: bool,
    /// Replicas without which nothing may be written (count); 0 for none.
    pub(crate) replicas_min: usize,
    /// Silence after which a replica does not count among those; zero for no such check.
    pub(crate) lag_max: Duration,
    /// Let small portions of the stream wait for more.
    pub(crate) delays_stream: bool,
    /// Files of copies do not stay where nothing else is kept.
    pub(crate) removes_sync_files: bool,
    /// Execute what the primary says even while it cannot be kept.
    pub(crate) ignores_disk_errors: bool,
    /// What becomes of a node that cannot do again what was done before.
    pub(crate) on_unexpected_error: OnError,
    /// The primary: `<host> <port>`, or empty. `REPLICAOF` and others change it.
    pub(crate) primary: String,
}

/// What becomes of a node that is answered with an error when it does again what was done before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnError {
    GoOn,
    /// It ends if the primary said it.
    EndIfReplica,
    /// It ends, whether the primary or the append-only file said it.
    End,
}

impl ReplicationSettings {
    pub(super) fn read(values: &Values) -> ReplicationSettings {
        let text = |name| values.text(name).to_owned();
        let seconds = |name| Duration::from_secs(values.number(name));
        ReplicationSettings {
            backlog_bytes: values.number("repl-backlog-size"),
            backlog_ttl: seconds("repl-backlog-ttl"),
            timeout: seconds("repl-timeout"),
            ping_period: seconds("repl-ping-replica-period"),
            is_diskless: values.flag("repl-diskless-sync"),
            diskless_delay: seconds("repl-diskless-sync-delay"),
            diskless_replicas_max: values.number("repl-diskless-sync-max-replicas"),
            diskless_load: text("repl-diskless-load"),
            primary_user: text("masteruser"),
            primary_password: text("masterauth"),
            announce_ip: text("replica-announce-ip"),
            announce_port: values.number("replica-announce-port"),
            priority: values.number("replica-priority"),
            is_announced: values.flag("replica-announced"),
            is_read_only: values.flag("replica-read-only"),
            serves_stale_data: values.flag("replica-serve-stale-data"),
            replicas_min: values.number("min-replicas-to-write"),
            lag_max: seconds("min-replicas-max-lag"),
            delays_stream: values.flag("repl-disable-tcp-nodelay"),
            removes_sync_files: values.flag("rdb-del-sync-files"),
            ignores_disk_errors: values.flag("replica-ignore-disk-write-errors"),
            on_unexpected_error: match values.text("propagation-error-behavior") {
                "panic" => OnError::End,
                "panic-on-replicas" => OnError::EndIfReplica,
                _ => OnError::GoOn,
            },
            primary: text("replicaof"),
        }
    }
}
