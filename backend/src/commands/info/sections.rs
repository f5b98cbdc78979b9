//! The sections of `INFO`.

use std::fmt::{Display, Write as _};
use std::fs;

use crate::clock;
use crate::commands::info::system::cpu_times;
use crate::commands::info::{memory, per_command, persistence};
use crate::data::keyspace::Keyspace;
use crate::execute::Call;
use crate::pubsub::Kind;
use crate::server::REDIS_VERSION;

/// One section.
pub(super) struct Section {
    /// The name by which one asks for it.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// Whether it is given when nothing is asked for.
    pub(super) is_default: bool,
    /// Whether `INFO all` has it.
    pub(super) is_in_all: bool,
    pub(super) write: fn(&Call<'_>, &mut String),
}

/// All sections in the order of the reply.
pub(super) const ALL: &[Section] = &[
    section("server", "Server", server),
    section("clients", "Clients", clients),
    section("memory", "Memory", memory::write),
    section("persistence", "Persistence", persistence::write),
    section("stats", "Stats", stats),
    section("replication", "Replication", super::replication::write),
    section("cpu", "CPU", cpu),
    Section { is_in_all: false, ..section("modules", "Modules", |_, _| {}) },
    Section { is_default: false, ..section("commandstats", "Commandstats", per_command::counts) },
    section("errorstats", "Errorstats", per_command::errors),
    Section {
        is_default: false,
        ..section("latencystats", "Latencystats", per_command::latencies)
    },
    section("cluster", "Cluster", cluster),
    section("keyspace", "Keyspace", keyspace),
];

const fn section(
    name: &'static str,
    title: &'static str,
    write: fn(&Call<'_>, &mut String),
) -> Section {
    Section { name, title, is_default: true, is_in_all: true, write }
}

/// Appends one `name:value` line.
pub(super) fn line(text: &mut String, name: &str, value: impl Display) {
    // Writing into a string does not fail.
    let _ = write!(text, "{name}:{value}\r\n");
}

/// Appends lines whose values never change.
pub(super) fn fixed(text: &mut String, lines: &[(&str, &str)]) {
    lines.iter().for_each(|(name, value)| line(text, name, value));
}

fn server(call: &Call<'_>, text: &mut String) {
    let node = &*call.node;
    let settings = node.config.settings();
    let uptime = node.started_at.elapsed().as_secs();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let executable = std::env::current_exe().unwrap_or_default();
    line(text, "redis_version", REDIS_VERSION);
    fixed(
        text,
        &[("redis_git_sha1", "00000000"), ("redis_git_dirty", "0"), ("redis_build_id", "0")],
    );
    line(text, "redis_mode", if settings.is_cluster { "cluster" } else { "standalone" });
    line(text, "os", format_args!("Linux {} {}", release.trim_end(), std::env::consts::ARCH));
    line(text, "arch_bits", usize::BITS);
    fixed(text, &[("monotonic_clock", "POSIX clock_gettime"), ("multiplexing_api", "epoll")]);
    line(text, "reddoor_version", env!("CARGO_PKG_VERSION"));
    line(text, "process_id", std::process::id());
    line(text, "process_supervised", node.supervisor.name());
    line(text, "run_id", &node.run_id);
    line(text, "tcp_port", settings.port);
    line(text, "server_time_usec", clock::unix_us());
    line(text, "uptime_in_seconds", uptime);
    line(text, "uptime_in_days", uptime / 86_400);
    line(text, "hz", settings.hz);
    line(text, "configured_hz", settings.hz);
    // Source: redis `src/server.h` LRU_BITS: seconds in 24 bits.
    line(text, "lru_clock", (call.now_ms / 1000) & 0xff_ffff);
    line(text, "executable", executable.display());
    line(
        text,
        "config_file",
        node.config.file().map_or(String::new(), |f| f.display().to_string()),
    );
    line(text, "io_threads_active", 0);
    if let Some(left) = node.ends_in() {
        line(text, "shutdown_in_milliseconds", left.as_millis());
    }
}

fn clients(call: &Call<'_>, text: &mut String) {
    let node = &*call.node;
    let connected = node.clients.len().saturating_sub(node.replication.replicas.len());
    let others = node.clients.iter();
    let timed =
        others.clone().filter(|c| c.blocked.as_ref().is_some_and(|b| b.until.is_some())).count();
    let blocked = others.clone().filter(|client| client.is_waiting()).count();
    let input = others.clone().map(|client| client.query_bytes).max().unwrap_or(0);
    let output = others.map(|client| client.output_bytes).max().unwrap_or(0);
    line(text, "connected_clients", connected);
    line(
        text,
        "cluster_connections",
        node.cluster.as_ref().map_or(0, |c| c.borrow().links_count()),
    );
    line(text, "maxclients", node.config.settings().clients_max);
    line(text, "client_recent_max_input_buffer", input);
    line(text, "client_recent_max_output_buffer", output);
    line(text, "blocked_clients", blocked);
    line(text, "tracking_clients", node.tracking.trackers_count());
    line(text, "clients_in_timeout_table", timed);
}

fn stats(call: &Call<'_>, text: &mut String) {
    let stats = &call.node.stats;
    let [commands, rates @ ..] = stats.rate.average();
    let [input, output, from_primary, to_replicas] = rates.map(|bytes| bytes / 1024.0);
    let (received, sent) = (stats.replication_input_bytes, stats.replication_output_bytes);
    line(text, "total_connections_received", stats.connections_received);
    line(text, "total_commands_processed", stats.commands_processed);
    line(text, "instantaneous_ops_per_sec", format_args!("{commands:.0}"));
    line(text, "total_net_input_bytes", stats.input_bytes + received);
    line(text, "total_net_output_bytes", stats.output_bytes + sent);
    line(text, "total_net_repl_input_bytes", received);
    line(text, "total_net_repl_output_bytes", sent);
    line(text, "instantaneous_input_kbps", format_args!("{input:.2}"));
    line(text, "instantaneous_output_kbps", format_args!("{output:.2}"));
    line(text, "instantaneous_input_repl_kbps", format_args!("{from_primary:.2}"));
    line(text, "instantaneous_output_repl_kbps", format_args!("{to_replicas:.2}"));
    line(text, "rejected_connections", stats.connections_rejected);
    let syncs = call.node.replication.counts;
    line(text, "sync_full", syncs.full);
    line(text, "sync_partial_ok", syncs.partial);
    line(text, "sync_partial_err", syncs.partial_refused);
    line(text, "expired_keys", call.node.expired_count());
    line(text, "expired_stale_perc", format_args!("{:.2}", stats.expired_stale_percent));
    line(text, "expired_time_cap_reached_count", stats.expire_cycles_cut_short);
    line(text, "expire_cycle_cpu_milliseconds", stats.expire_cycle_us / 1000);
    line(text, "evicted_keys", stats.evicted_keys);
    line(text, "evicted_clients", stats.evicted_clients);
    let short_for = call.node.eviction.short_for();
    let short_ms = (stats.short_of_memory + short_for).as_millis();
    line(text, "total_eviction_exceeded_time", short_ms);
    line(text, "current_eviction_exceeded_time", short_for.as_millis());
    line(text, "keyspace_hits", stats.keyspace_hits);
    line(text, "keyspace_misses", stats.keyspace_misses);
    for (name, kind) in [
        ("pubsub_channels", Kind::Channel),
        ("pubsub_patterns", Kind::Pattern),
        ("pubsubshard_channels", Kind::Shard),
    ] {
        line(text, name, call.node.pubsub.len(kind));
    }
    line(text, "latest_fork_usec", call.node.persistence.fork_pause.as_micros());
    line(text, "total_forks", call.node.persistence.forks_count);
    line(text, "migrate_cached_sockets", call.node.migrate_targets.len());
    let own_count: usize = call.node.databases.iter().map(Keyspace::own_volatile_len).sum();
    line(text, "slave_expires_tracked_keys", own_count);
    fixed(
        text,
        &[
            ("active_defrag_hits", "0"),
            ("active_defrag_misses", "0"),
            ("active_defrag_key_hits", "0"),
            ("active_defrag_key_misses", "0"),
            ("total_active_defrag_time", "0"),
            ("current_active_defrag_time", "0"),
        ],
    );
    let tracking = &call.node.tracking;
    line(text, "tracking_total_keys", tracking.keys_count());
    line(text, "tracking_total_items", tracking.items_count());
    line(text, "tracking_total_prefixes", tracking.prefixes_count());
    line(text, "unexpected_error_replies", stats.unexpected_errors);
    line(text, "total_error_replies", stats.error_replies);
    line(text, "dump_payload_sanitizations", 0);
    line(text, "total_reads_processed", stats.reads_processed);
    line(text, "total_writes_processed", stats.writes_processed);
    line(text, "client_output_buffer_limit_disconnections", stats.output_limit_disconnects);
    line(text, "client_query_buffer_limit_disconnections", stats.query_limit_disconnects);
    fixed(
        text,
        &[
            ("io_threaded_reads_processed", "0"),
            ("io_threaded_writes_processed", "0"),
            ("reply_buffer_shrinks", "0"),
            ("reply_buffer_expands", "0"),
        ],
    );
}

fn cpu(_: &Call<'_>, text: &mut String) {
    let process = cpu_times("/proc/self/stat");
    let thread = cpu_times("/proc/thread-self/stat");
    for (name, seconds) in [
        ("used_cpu_sys", process.system),
        ("used_cpu_user", process.user),
        ("used_cpu_sys_children", process.system_of_children),
        ("used_cpu_user_children", process.user_of_children),
        ("used_cpu_sys_main_thread", thread.system),
        ("used_cpu_user_main_thread", thread.user),
    ] {
        line(text, name, format_args!("{seconds:.6}"));
    }
}

fn cluster(call: &Call<'_>, text: &mut String) {
    line(text, "cluster_enabled", u8::from(call.node.cluster.is_some()));
}

fn keyspace(call: &Call<'_>, text: &mut String) {
    for (index, database) in call.node.databases.iter().enumerate() {
        if database.len() > 0 {
            line(
                text,
                &format!("db{index}"),
                format_args!(
                    "keys={},expires={},avg_ttl={}",
                    database.len(),
                    database.volatile_len(),
                    database.average_lifetime_ms()
                ),
            );
        }
    }
}
