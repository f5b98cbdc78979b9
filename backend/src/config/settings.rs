//! The settings that the node acts on, typed, so that nobody looks up a directive by name while it serves.

mod acl;

pub(crate) mod disk;

pub(crate) mod memory;

mod oom_score;

mod replication;

mod rigs;

use std::path::PathBuf;
use std::time::Duration;

use crate::config::Values;
use crate::config::custom::{EventLetters, OutputLimits};
use crate::config::settings::disk::Disk;
use crate::config::settings::memory::Memory;
use crate::data::sorted_set::Limits;
use crate::data::stream::NodeLimits;

pub(crate) use acl::AclSettings;
pub(crate) use oom_score::{OomScore, Scores};
pub(crate) use replication::{OnError, ReplicationSettings};
pub(crate) use rigs::Rigs;

/// Typed settings; made anew from the directives after every change.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// TCP port for clients; 0 for none.
    pub(crate) port: u16,
    /// Addresses to listen on, as in the file: a leading `-` means that it may fail, `*` means all.
    pub(crate) bind: Vec<String>,
    /// Where connections to other nodes come from; `None` for wherever the system likes.
    pub(crate) bind_source: Option<String>,
    /// Length of the queue of connections not yet accepted (count).
    pub(crate) tcp_backlog: u32,
    /// Idle time after which the system probes a connection; zero for never.
    pub(crate) tcp_keepalive: Duration,
    /// Idle time after which a client is disconnected; zero for never.
    pub(crate) client_timeout: Duration,
    pub(crate) unix_socket: Option<PathBuf>,
    /// Mode bits of the unix socket; 0 leaves what the system gives.
    pub(crate) unix_socket_mode: u32,
    pub(crate) dir: PathBuf,
    /// Empty for standard output.
    pub(crate) log_file: String,
    pub(crate) log_level: String,
    /// Say in the log why the process ends when a signal ends it.
    pub(crate) tells_crashes: bool,
    /// Empty for none.
    pub(crate) pid_file: String,
    /// Serve in the background, away from the terminal.
    pub(crate) is_daemon: bool,
    /// `no`, `auto`, `systemd` or `upstart`.
    pub(crate) supervised: String,
    /// Refuse clients from other machines while no password is set.
    pub(crate) is_protected: bool,
    /// Empty for none.
    pub(crate) password: String,
    /// Clients at one time (count).
    pub(crate) clients_max: usize,
    /// Largest argument, and largest string value (bytes).
    pub(crate) bulk_bytes_max: usize,
    /// Largest incomplete request (bytes).
    pub(crate) query_bytes_max: usize,
    pub(crate) output_limits: OutputLimits,
    /// Most fields of a compact hash (count).
    pub(crate) hash_compact_fields_max: usize,
    /// Longest field or value of a compact hash (bytes).
    pub(crate) hash_compact_bytes_max: usize,
    /// Most members of a compact set of integers (count).
    pub(crate) set_integers_max: usize,
    /// Whether keys may share small numbers: not where each needs a note of its own use.
    pub(crate) shares_integers: bool,
    /// Keys that are remembered for clients that track (count); 0 for any number.
    pub(crate) tracking_keys_max: usize,
    /// Which keyspace events are told.
    pub(crate) events: EventLetters,
    /// Databases outside cluster mode (count).
    pub(crate) databases_count: usize,
    /// Ticks of the node's own work per second, 1 to 500.
    pub(crate) hz: u32,
    /// How long the node waits for replicas before it ends; zero does not wait.
    pub(crate) shutdown_timeout: Duration,
    /// 1 to 10: how much time expiry may take.
    pub(crate) expire_effort: u32,
    /// Commands slower than this are remembered; negative for none (microseconds).
    pub(crate) slow_log_slower_than_us: i64,
    /// Slow commands remembered (count).
    pub(crate) slow_log_len_max: usize,
    /// What takes so long is remembered as a latency event; `None` for nothing.
    pub(crate) latency_threshold: Option<Duration>,
    /// A command that takes so long may be one that somebody wants to know of.
    pub(crate) notable: Duration,
    /// Count how long the calls of each command take.
    pub(crate) tracks_latency: bool,
    /// Which percentiles of that `INFO` tells.
    pub(crate) latency_percentiles: Vec<f64>,
    /// Elements of one node of a list if positive, otherwise -1 to -5 for a size.
    pub(crate) list_listpack_size: i32,
    pub(crate) stream_node_limits: NodeLimits,
    /// Largest HyperLogLog kept as runs (bytes).
    pub(crate) hll_sparse_bytes_max: usize,
    /// What is kept on disk.
    pub(crate) disk: Disk,
    pub(crate) memory: Memory,
    /// `yes`, `no` or `local`.
    pub(crate) debug_command: Permission,
    /// `yes`, `no` or `local`.
    pub(crate) protected_configs: Permission,

    /// Up to where sorted sets are kept compact.
    pub(crate) sorted_set_limits: Limits,

    pub(crate) acl: AclSettings,
    pub(crate) oom_score: OomScore,
    pub(crate) replication: ReplicationSettings,
    pub(crate) rigs: Rigs,
    /// How long a script runs before others are told that the node is busy; `None`: they never are.
    pub(crate) busy_reply_threshold: Option<Duration>,
    /// Memory that scripts may use (bytes).
    pub(crate) lua_memory_bytes_max: usize,

    pub(crate) is_cluster: bool,
    /// Name of the nodes file inside `dir`.
    pub(crate) cluster_config_file: String,
    /// Silence after which a node is suspected.
    pub(crate) cluster_node_timeout: Duration,
    /// Port of the cluster bus; 0 means the client port + 10000.
    pub(crate) cluster_port: u16,
    /// Empty for what other nodes see.
    pub(crate) cluster_announce_ip: String,
    /// Empty for none.
    pub(crate) cluster_announce_hostname: String,
    /// 0 for the port in use.
    pub(crate) cluster_announce_port: u16,
    /// 0 for the bus port in use.
    pub(crate) cluster_announce_bus_port: u16,
    /// `ip`, `hostname` or `unknown-endpoint`.
    pub(crate) cluster_preferred_endpoint: String,
    pub(crate) cluster_requires_full_coverage: bool,
    pub(crate) cluster_allows_reads_when_down: bool,
    pub(crate) cluster_allows_pubsub_when_down: bool,
    /// How many node timeouts a replica may have been without its primary and still take over; 0: any (count).
    pub(crate) cluster_validity_factor: u64,
    /// Whether a replica takes over only by hand.
    pub(crate) cluster_stays_replica: bool,
    /// Whether a replica may move to a primary that has lost its own.
    pub(crate) cluster_may_migrate: bool,
    /// Replicas that have to remain where one leaves (count).
    pub(crate) cluster_migration_barrier: usize,
    /// Bytes queued on one bus link before it is dropped; 0 for no limit of its own.
    pub(crate) cluster_link_bytes_max: usize,
}

/// Who may use something dangerous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    Nobody,
    /// Clients of this machine.
    Local,
    Everybody,
}

impl Permission {
    fn parse(text: &str) -> Permission {
        match text {
            "yes" => Permission::Everybody,
            "local" => Permission::Local,
            _ => Permission::Nobody,
        }
    }
}

/// The range in which a Redis keeps `hz`, whatever was asked for.
const HZ_RANGE: (u32, u32) = (1, 500);

impl Settings {
    pub(crate) fn read(values: &Values) -> Settings {
        let text = |name| values.text(name).to_owned();
        let seconds = |name| Duration::from_secs(values.number(name));
        let slow_log_slower_than_us = values.integer("slowlog-log-slower-than");
        let latency_threshold =
            Some(Duration::from_millis(values.number("latency-monitor-threshold")))
                .filter(|threshold| !threshold.is_zero());
        Settings {
            port: values.number("port"),
            bind: values.text("bind").split_ascii_whitespace().map(str::to_owned).collect(),
            bind_source: Some(text("bind-source-addr")).filter(|addr| !addr.is_empty()),
            tcp_backlog: values.number("tcp-backlog"),
            tcp_keepalive: seconds("tcp-keepalive"),
            client_timeout: seconds("timeout"),
            unix_socket: Some(values.text("unixsocket"))
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            unix_socket_mode: u32::from_str_radix(values.text("unixsocketperm"), 8).unwrap_or(0),
            dir: PathBuf::from(values.text("dir")),
            log_file: text("logfile"),
            log_level: text("loglevel"),
            tells_crashes: values.flag("crash-log-enabled"),
            pid_file: text("pidfile"),
            is_daemon: values.flag("daemonize"),
            supervised: text("supervised"),
            is_protected: values.flag("protected-mode"),
            password: text("requirepass"),
            clients_max: values.number("maxclients"),
            bulk_bytes_max: values.number("proto-max-bulk-len"),
            query_bytes_max: values.number("client-query-buffer-limit"),
            output_limits: OutputLimits::from_text(values.text("client-output-buffer-limit")),
            hash_compact_fields_max: values.number("hash-max-listpack-entries"),
            hash_compact_bytes_max: values.number("hash-max-listpack-value"),
            set_integers_max: values.number("set-max-intset-entries"),
            shares_integers: values.number::<u64>("maxmemory") == 0
                || !["lru", "lfu"].iter().any(|by| values.text("maxmemory-policy").ends_with(by)),
            tracking_keys_max: values.number("tracking-table-max-keys"),
            events: EventLetters::from_text(values.text("notify-keyspace-events")),
            databases_count: values.number("databases"),
            shutdown_timeout: Duration::from_secs(values.number("shutdown-timeout")),
            hz: values.number::<u32>("hz").clamp(HZ_RANGE.0, HZ_RANGE.1),
            expire_effort: values.number("active-expire-effort"),
            slow_log_slower_than_us,
            slow_log_len_max: values.number("slowlog-max-len"),
            latency_threshold,
            notable: notable(slow_log_slower_than_us, latency_threshold),
            tracks_latency: values.flag("latency-tracking"),
            latency_percentiles: values
                .text("latency-tracking-info-percentiles")
                .split_ascii_whitespace()
                .filter_map(|percent| percent.parse().ok())
                .collect(),
            list_listpack_size: values.number("list-max-listpack-size"),
            stream_node_limits: NodeLimits {
                bytes: values.number("stream-node-max-bytes"),
                entries: values.number("stream-node-max-entries"),
            },
            hll_sparse_bytes_max: values.number("hll-sparse-max-bytes"),
            disk: Disk::read(values),
            debug_command: Permission::parse(values.text("enable-debug-command")),
            protected_configs: Permission::parse(values.text("enable-protected-configs")),
            sorted_set_limits: Limits {
                entries_max: values.number("zset-max-listpack-entries"),
                name_bytes_max: values.number("zset-max-listpack-value"),
            },
            acl: AclSettings::read(values),
            oom_score: OomScore::read(values),
            memory: Memory::read(values),
            replication: ReplicationSettings::read(values),
            rigs: Rigs::read(values),
            busy_reply_threshold: Some(Duration::from_millis(
                values.number("busy-reply-threshold"),
            ))
            .filter(|threshold| !threshold.is_zero()),
            lua_memory_bytes_max: values.number("lua-memory-limit"),
            is_cluster: values.flag("cluster-enabled"),
            cluster_config_file: text("cluster-config-file"),
            cluster_node_timeout: Duration::from_millis(values.number("cluster-node-timeout")),
            cluster_port: values.number("cluster-port"),
            cluster_announce_ip: text("cluster-announce-ip"),
            cluster_announce_hostname: text("cluster-announce-hostname"),
            cluster_announce_port: values.number("cluster-announce-port"),
            cluster_announce_bus_port: values.number("cluster-announce-bus-port"),
            cluster_preferred_endpoint: text("cluster-preferred-endpoint-type"),
            cluster_requires_full_coverage: values.flag("cluster-require-full-coverage"),
            cluster_allows_reads_when_down: values.flag("cluster-allow-reads-when-down"),
            cluster_allows_pubsub_when_down: values.flag("cluster-allow-pubsubshard-when-down"),
            cluster_validity_factor: values.number("cluster-replica-validity-factor"),
            cluster_stays_replica: values.flag("cluster-replica-no-failover"),
            cluster_may_migrate: values.flag("cluster-allow-replica-migration"),
            cluster_migration_barrier: values.number("cluster-migration-barrier"),
            cluster_link_bytes_max: values.number("cluster-link-sendbuf-limit"),
        }
    }
}

/// The shorter of what the slow log and what the latency monitor take for long.
fn notable(slow_us: i64, latency: Option<Duration>) -> Duration {
    let slow = u64::try_from(slow_us).map_or(Duration::MAX, Duration::from_micros);
    slow.min(latency.unwrap_or(Duration::MAX))
}
