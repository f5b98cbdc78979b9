//! How each section is read and what must hold within it.
//!
//! The ranges stand here, where they are enforced; a test holds the words of `config/reddoor.toml` against them.

use std::thread::available_parallelism;
use std::time::Duration;

use reddoor_protocol::frame::ReplyLimits;

use super::doctor::DoctorKeys;
use super::error::{ConfigError, Origin};
use super::reader::Reader;
use super::tuning::SettingsAllowed;
use super::{
    AdminConfig, ClusterConfig, CrossSlot, CrossSlotConfig, CrossSlotPops, CrossSlotReads,
    CrossSlotWrites, FailoverConfig, HealthConfig, LimitsConfig, ListenConfig, LogConfig,
    LogFormat, LogLevel, Permission, RequestConfig, TransactionsConfig, WorkersConfig,
};

impl ListenConfig {
    pub(super) fn read(reader: &mut Reader) -> ListenConfig {
        let keepalive = reader.number("listen.tcp_keepalive_seconds", "seconds", 0..=32_767);
        ListenConfig {
            addr: reader.listen_addr("listen.addr"),
            backlog: reader.count("listen.backlog", "connections", 1..=65_535),
            clients_max: reader.size("listen.clients_max", "clients", 1..=1_000_000),
            accept_per_second: reader.count("listen.accept_per_second", "clients", 0..=1_000_000),
            accept_burst: reader.count("listen.accept_burst", "clients", 1..=1_000_000),
            tcp_keepalive: Duration::from_secs(keepalive),
        }
    }
}

impl AdminConfig {
    pub(super) fn read(reader: &mut Reader) -> AdminConfig {
        AdminConfig {
            addr: reader.optional_listen_addr("admin.addr"),
            commands: reader.choice("admin.commands", &Permission::CHOICES),
            settings: reader.choice("admin.settings", &SettingsAllowed::CHOICES),
            cluster_commands: reader.choice("admin.cluster_commands", &Permission::CHOICES),
            doctor_keys: reader.choice("admin.doctor_keys", &DoctorKeys::CHOICES),
        }
    }
}

impl Permission {
    const CHOICES: [(&'static str, Permission); 2] =
        [("refuse", Permission::Refuse), ("allow", Permission::Allow)];
}

impl WorkersConfig {
    pub(super) fn read(reader: &mut Reader) -> WorkersConfig {
        let count = match reader.size("workers.count", "threads", 0..=WORKERS_MAX as u64) {
            0 => available_parallelism().map_or(1, usize::from).min(WORKERS_MAX),
            count => count,
        };
        WorkersConfig { count }
    }
}

/// Each worker keeps connections to every node, so more of them than any machine has cores would only cost.
const WORKERS_MAX: usize = 256;

impl ClusterConfig {
    pub(super) fn read(reader: &mut Reader) -> ClusterConfig {
        let gap_origin = reader.origin("cluster.refresh_min_gap_ms");
        let cluster = ClusterConfig {
            seeds: reader.host_ports("cluster.seeds"),
            username: reader.optional_text("cluster.username"),
            password: reader.optional_secret("cluster.password"),
            connect_timeout: reader.milliseconds("cluster.connect_timeout_ms", 10..=60_000),
            refresh_interval: reader.milliseconds("cluster.refresh_interval_ms", 100..=3_600_000),
            refresh_min_gap: reader.milliseconds("cluster.refresh_min_gap_ms", 10..=60_000),
            refresh_nodes: reader.size("cluster.refresh_nodes", "nodes", 1..=16),
            connects_per_second: reader.count(
                "cluster.connects_per_second",
                "connections",
                0..=1_000_000,
            ),
            connect_burst: reader.count("cluster.connect_burst", "connections", 1..=1_000_000),
            reconnect_jitter: reader.milliseconds("cluster.reconnect_jitter_ms", 0..=10_000),
        };
        if cluster.refresh_min_gap > cluster.refresh_interval {
            let keys = ["cluster.refresh_min_gap_ms", "cluster.refresh_interval_ms"];
            let mistake = ConfigError::Invalid {
                key: keys[0].to_owned(),
                value: cluster.refresh_min_gap.as_millis().to_string(),
                expected: format!("at most {}: {}", keys[1], cluster.refresh_interval.as_millis()),
                origin: gap_origin,
            };
            reader.conflict(&keys, mistake);
        }
        cluster
    }
}

impl RequestConfig {
    pub(super) fn read(reader: &mut Reader) -> RequestConfig {
        RequestConfig {
            timeout: reader.milliseconds("request.timeout_ms", 10..=3_600_000),
            redirects_max: reader.count("request.redirects_max", "times", 1..=64),
            retry_delay: reader.milliseconds("request.retry_delay_ms", 1..=10_000),
        }
    }
}

impl FailoverConfig {
    pub(super) fn read(reader: &mut Reader) -> FailoverConfig {
        FailoverConfig {
            hold: reader.milliseconds("failover.hold_ms", 0..=3_600_000),
            hold_requests_max: reader.size("failover.hold_requests_max", "commands", 1..=MIB),
            hold_bytes_max: reader.size("failover.hold_bytes_max", "bytes", 65_536..=TIB),
        }
    }
}

impl HealthConfig {
    pub(super) fn read(reader: &mut Reader) -> HealthConfig {
        HealthConfig {
            probe_interval: reader.milliseconds("health.probe_interval_ms", 0..=3_600_000),
            silence: reader.milliseconds("health.silence_ms", 20..=3_600_000),
            unconfirmed: reader.milliseconds("health.unconfirmed_ms", 0..=3_600_000),
        }
    }
}

impl LimitsConfig {
    pub(super) fn read(reader: &mut Reader) -> LimitsConfig {
        let output_origin = reader.origin("limits.client_output_bytes_max");
        let input_origin = reader.origin("limits.client_input_bytes_max");
        let limits = LimitsConfig {
            bytes_max: reader.size("limits.bytes_max", "bytes", MIB..=TIB),
            requests_max: reader.size("limits.requests_max", "commands", 1..=1 << 30),
            client_input_bytes_max: reader.size(
                "limits.client_input_bytes_max",
                "bytes",
                MIB..=TIB,
            ),
            upload_from_bytes: reader.size("limits.upload_from_bytes", "bytes", 65_536..=TIB),
            bulk_bytes_max: reader.size("limits.bulk_bytes_max", "bytes", MIB..=4096 * MIB),
            args_max: reader.size("limits.args_max", "arguments", 16..=2_147_483_647),
            inline_bytes_max: reader.size("limits.inline_bytes_max", "bytes", 1024..=MIB),
            client_pipeline_max: reader.size("limits.client_pipeline_max", "commands", 1..=MIB),
            client_output_pause_bytes: reader.size(
                "limits.client_output_pause_bytes",
                "bytes",
                4096..=1024 * MIB,
            ),
            client_output_bytes_max: reader.size(
                "limits.client_output_bytes_max",
                "bytes",
                MIB..=TIB,
            ),
            subscriber_output_bytes_max: reader.size(
                "limits.subscriber_output_bytes_max",
                "bytes",
                65_536..=TIB,
            ),
            subscriptions_max: reader.size(
                "limits.subscriptions_max",
                "subscriptions",
                1..=1 << 30,
            ),
            link_inflight_max: reader.size("limits.link_inflight_max", "commands", 1..=MIB),
            link_output_bytes_max: reader.size(
                "limits.link_output_bytes_max",
                "bytes",
                65_536..=TIB,
            ),
            split_parts_max: reader.size("limits.split_parts_max", "parts", 1..=16_384),
            join_bytes_max: reader.size("limits.join_bytes_max", "bytes", 65_536..=TIB),
            reply_bytes_max: reader.size("limits.reply_bytes_max", "bytes", MIB..=TIB),
            stream_wait: reader.milliseconds("limits.stream_wait_ms", 0..=3_600_000),
            pinned_links_max: reader.size("limits.pinned_links_max", "connections", 1..=1_000_000),
            pinned_idle_max: reader.size("limits.pinned_idle_max", "connections", 0..=1_000_000),
            tracking_prefix_bytes_max: reader.size(
                "limits.tracking_prefix_bytes_max",
                "bytes",
                16..=MIB,
            ),
            held_input_bytes_max: reader.size("limits.held_input_bytes_max", "bytes", 4096..=TIB),
            transaction_bytes_max: reader.size("limits.transaction_bytes_max", "bytes", 4096..=TIB),
            transaction_commands_max: reader.size(
                "limits.transaction_commands_max",
                "commands",
                1..=MIB,
            ),
            scripts_bytes_max: reader.size("limits.scripts_bytes_max", "bytes", 0..=TIB),
            cross_slot_waits_max: reader.size(
                "limits.cross_slot_waits_max",
                "commands",
                1..=1_000_000,
            ),
        };
        let output = ("limits.client_output_bytes_max", limits.client_output_bytes_max);
        let floors = [
            ("limits.client_output_pause_bytes", limits.client_output_pause_bytes),
            ("limits.reply_bytes_max", limits.reply_bytes_max),
        ];
        check_floors(reader, output, &floors, &output_origin);
        let input = ("limits.client_input_bytes_max", limits.client_input_bytes_max);
        check_floors(
            reader,
            input,
            &[("limits.bulk_bytes_max", limits.bulk_bytes_max)],
            &input_origin,
        );
        limits
    }

    /// What a reply of a node may not exceed.
    pub fn reply_limits(&self) -> ReplyLimits {
        ReplyLimits {
            reply_bytes_max: self.reply_bytes_max,
            depth_max: ReplyLimits::SCRIPT_DEPTH_MAX,
            ..ReplyLimits::default()
        }
    }
}

/// Notes a setting that is below others, so that what these allow could never be.
fn check_floors(
    reader: &mut Reader,
    (key, value): (&str, usize),
    floors: &[(&str, usize)],
    origin: &Origin,
) {
    for (other, floor) in floors.iter().filter(|(_, floor)| value < *floor) {
        let mistake = ConfigError::Invalid {
            key: key.to_owned(),
            value: value.to_string(),
            expected: format!("at least {other}: {floor}"),
            origin: origin.clone(),
        };
        reader.conflict(&[key, other], mistake);
    }
}

const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;

impl TransactionsConfig {
    pub(super) fn read(reader: &mut Reader) -> TransactionsConfig {
        let choices = [("refuse", CrossSlot::Refuse), ("per_slot", CrossSlot::PerSlot)];
        TransactionsConfig { cross_slot: reader.choice("transactions.cross_slot", &choices) }
    }
}

impl CrossSlotConfig {
    pub(super) fn read(reader: &mut Reader) -> CrossSlotConfig {
        let reads = [("reject", CrossSlotReads::Reject), ("gather", CrossSlotReads::Gather)];
        let writes = [("reject", CrossSlotWrites::Reject), ("emulate", CrossSlotWrites::Emulate)];
        let pops = [("reject", CrossSlotPops::Reject), ("serve", CrossSlotPops::Serve)];
        CrossSlotConfig {
            reads: reader.choice("cross_slot.reads", &reads),
            writes: reader.choice("cross_slot.writes", &writes),
            pops: reader.choice("cross_slot.pops", &pops),
        }
    }
}

impl LogConfig {
    pub(super) fn read(reader: &mut Reader) -> LogConfig {
        LogConfig {
            level: reader.choice("log.level", &LogLevel::CHOICES),
            format: reader.choice("log.format", &LogFormat::CHOICES),
        }
    }
}

impl LogLevel {
    const CHOICES: [(&'static str, LogLevel); 6] = [
        ("off", LogLevel::Off),
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];

    /// The word for it, as filters of `tracing` take it.
    pub const fn as_str(self) -> &'static str {
        Self::CHOICES[self as usize].0
    }
}

impl LogFormat {
    const CHOICES: [(&'static str, LogFormat); 2] =
        [("text", LogFormat::Text), ("json", LogFormat::Json)];
}
