//! Every directive of Redis 7.0 as one row: name, kind of value, when it may change, default.
//!
//! [`HEEDED`] are those that this node acts on; [`ACCEPTED`] are real and checked, so that a file written for a
//! Redis starts here too, but change nothing yet: setting one away from its default is warned about.
//! The rows must agree with what a real Redis answers to `CONFIG GET *`, and a test says so.

use crate::config::custom::{
    APPEND_DIR, APPEND_NAME, HOSTNAME, NOTIFICATIONS, OCTAL, OOM_SCORE, OOM_SCORE_VALUES,
    OUTPUT_LIMITS, PERCENTILES, PRIMARY_ADDRESS, SAVE_POINTS, SHUTDOWN_OPTIONS, SNAPSHOT_NAME,
};
use crate::config::directive::{Directive, Kind, int, live, protected, startup};

const PORT_MAX: i64 = 65535;
const I32_MAX: i64 = i32::MAX as i64;
const I32_MIN: i64 = i32::MIN as i64;
const U32_MAX: i64 = u32::MAX as i64;

/// Directives that have an effect on this node.
pub(crate) static HEEDED: &[Directive] = &[
    live("acl-pubsub-default", Kind::Choice(&["allchannels", "resetchannels"]), "resetchannels"),
    startup("aclfile", Kind::Text, ""),
    live("acllog-max-len", int(0, i64::MAX), "128"),
    live("active-expire-effort", int(1, 10), "1"),
    live("aof-disable-auto-gc", Kind::Flag, "no"),
    live("aof-load-truncated", Kind::Flag, "yes"),
    live("aof-rewrite-incremental-fsync", Kind::Flag, "yes"),
    live("aof-timestamp-enabled", Kind::Flag, "no"),
    live("aof-use-rdb-preamble", Kind::Flag, "yes"),
    startup("appenddirname", APPEND_DIR, "appendonlydir"),
    startup("appendfilename", APPEND_NAME, "appendonly.aof"),
    live("appendfsync", Kind::Choice(&["everysec", "always", "no"]), "everysec"),
    live("appendonly", Kind::Flag, "no").fixed_while_loading(),
    live("auto-aof-rewrite-min-size", Kind::Memory, "67108864"),
    live("auto-aof-rewrite-percentage", int(0, I32_MAX), "100"),
    live("bind", Kind::Words, "* -::*"),
    live("bind-source-addr", Kind::Text, ""),
    live("busy-reply-threshold", int(0, i64::MAX), "5000").alias("lua-time-limit"),
    live(
        "client-output-buffer-limit",
        OUTPUT_LIMITS,
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
    ),
    live("client-query-buffer-limit", Kind::MemoryAtLeast(1024 * 1024), "1073741824"),
    live("cluster-allow-pubsubshard-when-down", Kind::Flag, "yes"),
    live("cluster-allow-reads-when-down", Kind::Flag, "no"),
    live("cluster-allow-replica-migration", Kind::Flag, "yes"),
    live("cluster-announce-bus-port", int(0, PORT_MAX), "0"),
    live("cluster-announce-hostname", HOSTNAME, ""),
    live("cluster-announce-ip", Kind::Text, ""),
    live("cluster-announce-port", int(0, PORT_MAX), "0"),
    startup("cluster-config-file", Kind::Text, "nodes.conf"),
    startup("cluster-enabled", Kind::Flag, "no"),
    live("cluster-link-sendbuf-limit", Kind::Memory, "0"),
    live("cluster-migration-barrier", int(0, I32_MAX), "1"),
    live("cluster-node-timeout", int(0, i64::MAX), "15000"),
    startup("cluster-port", int(0, PORT_MAX), "0"),
    live(
        "cluster-preferred-endpoint-type",
        Kind::Choice(&["ip", "hostname", "unknown-endpoint"]),
        "ip",
    ),
    live("cluster-replica-no-failover", Kind::Flag, "no").alias("cluster-slave-no-failover"),
    live("cluster-replica-validity-factor", int(0, I32_MAX), "10")
        .alias("cluster-slave-validity-factor"),
    live("cluster-require-full-coverage", Kind::Flag, "yes"),
    live("crash-log-enabled", Kind::Flag, "yes"),
    startup("databases", int(1, I32_MAX), "16"),
    startup("daemonize", Kind::Flag, "no"),
    protected("dbfilename", SNAPSHOT_NAME, "dump.rdb"),
    protected("dir", Kind::Text, ".").fixed_while_loading(),
    startup("enable-debug-command", Kind::Choice(&["no", "yes", "local"]), "no"),
    startup("enable-protected-configs", Kind::Choice(&["no", "yes", "local"]), "no"),
    live("hash-max-listpack-entries", int(0, i64::MAX), "512").alias("hash-max-ziplist-entries"),
    live("hash-max-listpack-value", Kind::Memory, "64").alias("hash-max-ziplist-value"),
    live("hll-sparse-max-bytes", Kind::Memory, "3000"),
    live("hz", int(0, I32_MAX), "10"),
    live("latency-monitor-threshold", int(0, i64::MAX), "0"),
    live("latency-tracking", Kind::Flag, "yes"),
    live("latency-tracking-info-percentiles", PERCENTILES, "50 99 99.9"),
    live("lazyfree-lazy-eviction", Kind::Flag, "no"),
    live("lazyfree-lazy-expire", Kind::Flag, "no"),
    live("lazyfree-lazy-server-del", Kind::Flag, "no"),
    live("lazyfree-lazy-user-del", Kind::Flag, "no"),
    live("lazyfree-lazy-user-flush", Kind::Flag, "no"),
    live("lfu-decay-time", int(0, I32_MAX), "1"),
    live("lfu-log-factor", int(0, I32_MAX), "10"),
    live("list-max-listpack-size", int(I32_MIN, I32_MAX), "-2").alias("list-max-ziplist-size"),
    live("key-load-delay", int(I32_MIN, I32_MAX), "0").hidden(),
    live("loading-process-events-interval-bytes", int(1024, I32_MAX), "2097152").hidden(),
    live("lua-memory-limit", Kind::Memory, "536870912"),
    startup("logfile", Kind::Text, ""),
    live("loglevel", Kind::Choice(&["debug", "verbose", "notice", "warning"]), "notice"),
    live("maxclients", int(1, U32_MAX), "10000"),
    live("maxmemory", Kind::Memory, "0"),
    live("maxmemory-clients", Kind::MemoryOrPercent, "0"),
    live("maxmemory-eviction-tenacity", int(0, 100), "10"),
    live(
        "maxmemory-policy",
        Kind::Choice(&[
            "volatile-lru",
            "volatile-lfu",
            "volatile-random",
            "volatile-ttl",
            "allkeys-lru",
            "allkeys-lfu",
            "allkeys-random",
            "noeviction",
        ]),
        "noeviction",
    ),
    live("maxmemory-samples", int(1, I32_MAX), "5"),
    live("no-appendfsync-on-rewrite", Kind::Flag, "no"),
    live("notify-keyspace-events", NOTIFICATIONS, ""),
    live("oom-score-adj", OOM_SCORE, "no"),
    live("oom-score-adj-values", OOM_SCORE_VALUES, "0 200 800"),
    startup("pidfile", Kind::Text, ""),
    live("port", int(0, PORT_MAX), "6379"),
    live("protected-mode", Kind::Flag, "yes"),
    live("proto-max-bulk-len", Kind::MemoryAtLeast(1024 * 1024), "536870912"),
    live(
        "propagation-error-behavior",
        Kind::Choice(&["ignore", "panic", "panic-on-replicas"]),
        "ignore",
    ),
    live("rdb-del-sync-files", Kind::Flag, "no"),
    live("rdb-key-save-delay", int(I32_MIN, I32_MAX), "0").hidden(),
    live("rdb-save-incremental-fsync", Kind::Flag, "yes"),
    startup("rdbchecksum", Kind::Flag, "yes"),
    live("rdbcompression", Kind::Flag, "yes"),
    live("masterauth", Kind::Text, ""),
    live("masteruser", Kind::Text, ""),
    live("min-replicas-max-lag", int(0, I32_MAX), "10").alias("min-slaves-max-lag"),
    live("min-replicas-to-write", int(0, I32_MAX), "0").alias("min-slaves-to-write"),
    live("repl-backlog-size", Kind::Memory, "1048576"),
    live("repl-backlog-ttl", int(0, i64::MAX), "3600"),
    live("repl-disable-tcp-nodelay", Kind::Flag, "no"),
    live("repl-diskless-load", Kind::Choice(&["disabled", "on-empty-db", "swapdb"]), "disabled")
        .fixed_while_loading(),
    live("repl-diskless-sync", Kind::Flag, "yes"),
    live("repl-diskless-sync-delay", int(0, I32_MAX), "5"),
    live("repl-diskless-sync-max-replicas", int(0, I32_MAX), "0"),
    live("repl-ping-replica-period", int(1, I32_MAX), "10").alias("repl-ping-slave-period"),
    live("repl-timeout", int(1, I32_MAX), "60"),
    live("replica-announce-ip", Kind::Text, "").alias("slave-announce-ip"),
    live("replica-announce-port", int(0, PORT_MAX), "0").alias("slave-announce-port"),
    live("replica-announced", Kind::Flag, "yes"),
    live("replica-ignore-disk-write-errors", Kind::Flag, "no"),
    live("replica-ignore-maxmemory", Kind::Flag, "yes").alias("slave-ignore-maxmemory"),
    live("replica-lazy-flush", Kind::Flag, "no").alias("slave-lazy-flush"),
    live("replica-priority", int(0, I32_MAX), "100").alias("slave-priority"),
    live("replica-read-only", Kind::Flag, "yes").alias("slave-read-only"),
    live("replica-serve-stale-data", Kind::Flag, "yes").alias("slave-serve-stale-data"),
    startup(PRIMARY, PRIMARY_ADDRESS, "").alias("slaveof"),
    live("requirepass", Kind::Text, ""),
    live("save", SAVE_POINTS, "3600 1 300 100 60 10000"),
    live("set-max-intset-entries", int(0, i64::MAX), "512"),
    live("shutdown-on-sigint", SHUTDOWN_OPTIONS, "default"),
    live("shutdown-on-sigterm", SHUTDOWN_OPTIONS, "default"),
    live("shutdown-timeout", int(0, I32_MAX), "10"),
    live("slowlog-log-slower-than", int(-1, i64::MAX), "10000"),
    live("slowlog-max-len", int(0, i64::MAX), "128"),
    live("stop-writes-on-bgsave-error", Kind::Flag, "yes"),
    live("stream-node-max-bytes", Kind::Memory, "4096"),
    live("stream-node-max-entries", int(0, i64::MAX), "100"),
    startup("supervised", Kind::Choice(&["upstart", "systemd", "auto", "no"]), "no"),
    startup("tcp-backlog", int(0, I32_MAX), "511"),
    live("tcp-keepalive", int(0, I32_MAX), "300"),
    live("timeout", int(0, I32_MAX), "0"),
    live("tracking-table-max-keys", int(0, i64::MAX), "1000000"),
    startup("unixsocket", Kind::Text, ""),
    startup("unixsocketperm", OCTAL, "0"),
    live("zset-max-listpack-entries", int(0, i64::MAX), "128").alias("zset-max-ziplist-entries"),
    live("zset-max-listpack-value", Kind::Memory, "64").alias("zset-max-ziplist-value"),
];

/// Directives that a Redis knows and this node only remembers.
pub(crate) static ACCEPTED: &[Directive] = &[
    live("dynamic-hz", Kind::Flag, "yes"),
    startup("always-show-logo", Kind::Flag, "no"),
    startup("lua-enable-deprecated-api", Kind::Flag, "no").hidden(),
    startup("set-proc-title", Kind::Flag, "yes"),
    live("active-defrag-cycle-max", int(1, 99), "25"),
    live("active-defrag-cycle-min", int(1, 99), "1"),
    live("active-defrag-ignore-bytes", Kind::Memory, "104857600"),
    live("active-defrag-max-scan-fields", int(1, i64::MAX), "1000"),
    live("active-defrag-threshold-lower", int(0, 1000), "10"),
    live("active-defrag-threshold-upper", int(0, 1000), "100"),
    live("activedefrag", Kind::Flag, "no"),
    live("activerehashing", Kind::Flag, "yes"),
    startup("aof_rewrite_cpulist", Kind::Text, ""),
    startup("bgsave_cpulist", Kind::Text, ""),
    startup("bio_cpulist", Kind::Text, ""),
    live("cluster-announce-tls-port", int(0, PORT_MAX), "0"),
    live("crash-memcheck-enabled", Kind::Flag, "yes"),
    startup("disable-thp", Kind::Flag, "yes"),
    startup("enable-module-command", Kind::Choice(&["no", "yes", "local"]), "no"),
    live("ignore-warnings", Kind::Text, ""),
    startup("io-threads", int(1, 128), "1"),
    startup("io-threads-do-reads", Kind::Flag, "no"),
    live("jemalloc-bg-thread", Kind::Flag, "yes"),
    live("list-compress-depth", int(0, I32_MAX), "0"),
    live("proc-title-template", Kind::Text, "{title} {listen-addr} {server-mode}"),
    live("sanitize-dump-payload", Kind::Choice(&["no", "yes", "clients"]), "no"),
    startup("server_cpulist", Kind::Text, ""),
    startup("socket-mark-id", int(0, U32_MAX), "0"),
    startup("syslog-enabled", Kind::Flag, "no"),
    startup(
        "syslog-facility",
        Kind::Choice(&[
            "user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
        ]),
        "local0",
    ),
    startup("syslog-ident", Kind::Text, "redis"),
    live("use-exit-on-panic", Kind::Flag, "no").hidden(),
    live("watchdog-period", int(0, I32_MAX), "0").hidden(),
    live("tls-auth-clients", Kind::Choice(&["no", "yes", "optional"]), "yes"),
    live("tls-ca-cert-dir", Kind::Text, ""),
    live("tls-ca-cert-file", Kind::Text, ""),
    live("tls-cert-file", Kind::Text, ""),
    live("tls-ciphers", Kind::Text, ""),
    live("tls-ciphersuites", Kind::Text, ""),
    live("tls-client-cert-file", Kind::Text, ""),
    live("tls-client-key-file", Kind::Text, ""),
    live("tls-client-key-file-pass", Kind::Text, ""),
    live("tls-cluster", Kind::Flag, "no"),
    live("tls-dh-params-file", Kind::Text, ""),
    live("tls-key-file", Kind::Text, ""),
    live("tls-key-file-pass", Kind::Text, ""),
    live("tls-port", int(0, PORT_MAX), "0"),
    live("tls-prefer-server-ciphers", Kind::Flag, "no"),
    live("tls-protocols", Kind::Text, ""),
    live("tls-replication", Kind::Flag, "no"),
    live("tls-session-cache-size", int(0, I32_MAX), "20480"),
    live("tls-session-cache-timeout", int(0, I32_MAX), "300"),
    live("tls-session-caching", Kind::Flag, "yes"),
];

/// The directive of whom the node copies.
pub(crate) const PRIMARY: &str = "replicaof";

/// The directive that declares a user: no setting, as it may stand in a file any number of times.
pub(crate) const USER: &str = "user";

/// Directives of a Redis that would be dangerous to ignore: whoever writes one relies on it.
pub(crate) static REFUSED: &[&str] = &["loadmodule", "rename-command"];

/// All directives, those with an effect first. Settings are indexed by the position here.
pub(crate) fn all() -> impl Iterator<Item = &'static Directive> {
    HEEDED.iter().chain(ACCEPTED)
}

/// The row of this name or alias, in any case of letters, and its position in [`all`].
pub(crate) fn find(name: &str) -> Option<(usize, &'static Directive)> {
    all().enumerate().find(|(_, row)| {
        row.name.eq_ignore_ascii_case(name)
            || row.alias.is_some_and(|alias| alias.eq_ignore_ascii_case(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_defaults_are_values_of_their_kind() {
        let mut names: Vec<&str> =
            all().flat_map(|row| [Some(row.name), row.alias]).flatten().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for row in all() {
            let words = row.words(row.default.as_bytes());
            assert!(row.parse(&words).is_ok(), "{}", row.name);
        }
    }
}
