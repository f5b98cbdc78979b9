//! The configuration: what an operator wrote, checked and typed once, before any port opens.
//!
//! In: the defaults (`config/reddoor.toml`, built in), a file, the environment, flags; the later the stronger.
//! Out: a [`Config`] that can be relied on, or every mistake at once.
//!
//! What each setting means, its unit, range and default stand in `config/reddoor.toml` and nowhere else; fields
//! here bear the names of their keys, with [`Duration`]s in place of milliseconds.
//!
//! Not here: what any other module does with a setting; this folder knows none of them.

pub mod colocation;
pub mod compat;
pub mod databases;
pub mod doctor;
pub mod error;
mod host_port;
pub mod layer;
pub mod preset;
pub mod profile;
pub mod rates;
mod reader;
pub mod reads;
pub mod reload;
pub mod secret;
mod section;
pub mod shutdown;
pub mod tuning;

use std::ffi::OsString;
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde::{Serialize, Serializer};

use compat::CompatConfig;
use databases::{ColocateConfig, DatabasesConfig};
use doctor::DoctorKeys;
use error::ConfigError;
use layer::Overrides;
use profile::Profile;
use rates::RatesConfig;
use reader::Reader;
use reads::ReadsConfig;
use secret::Secret;
use shutdown::ShutdownConfig;
use tuning::SettingsAllowed;

/// Every setting of the front door. Made by [`Config::load`] only, so what is in it has been checked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Config {
    /// Section `profile`.
    pub profile: ProfileConfig,
    /// Where and how clients connect.
    pub listen: ListenConfig,
    /// The admin port.
    pub admin: AdminConfig,
    /// Threads.
    pub workers: WorkersConfig,
    /// The nodes and how they are met.
    pub cluster: ClusterConfig,
    /// What one command may take.
    pub request: RequestConfig,
    /// What happens while no node runs a command.
    pub failover: FailoverConfig,
    /// How nodes that fall silent are found.
    pub health: HealthConfig,
    /// Which nodes answer commands that only read.
    pub reads: ReadsConfig,
    /// What everything may hold.
    pub limits: LimitsConfig,
    /// How fast clients may be.
    pub rates: RatesConfig,
    /// What a transaction may do.
    pub transactions: TransactionsConfig,
    /// Section `cross_slot`.
    pub cross_slot: CrossSlotConfig,
    /// How it stops.
    pub shutdown: ShutdownConfig,
    /// Databases over one keyspace.
    pub databases: DatabasesConfig,
    /// Keys that are brought into one slot.
    pub colocate: ColocateConfig,
    /// What clients are told.
    pub compat: CompatConfig,
    /// Who may come in.
    pub auth: AuthConfig,
    /// What is logged.
    pub log: LogConfig,
}

/// Section `profile`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProfileConfig {
    /// The bundle of settings that goes before all that is set by itself.
    pub name: Profile,
}

/// Section `listen`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ListenConfig {
    /// Where clients connect; port 0 takes a free one.
    pub addr: SocketAddr,
    /// Connections that wait for accept, per worker.
    pub backlog: u32,
    /// Clients connected at once, over all workers.
    pub clients_max: usize,
    /// Clients accepted in a second, per worker; zero: as they come.
    pub accept_per_second: u32,
    /// Clients accepted at once after a pause, per worker.
    pub accept_burst: u32,
    /// Silence after which the kernel probes a client; zero: never.
    #[serde(rename = "tcp_keepalive_seconds", serialize_with = "as_seconds")]
    pub tcp_keepalive: Duration,
}

/// Section `admin`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AdminConfig {
    /// Where the admin server listens; `None`: nowhere.
    #[serde(serialize_with = "as_text_or_empty")]
    pub addr: Option<SocketAddr>,
    /// Whether clients may run commands that change or stop nodes.
    pub commands: Permission,
    /// Which settings clients may change where they may not run such commands.
    pub settings: SettingsAllowed,
    /// Whether clients may run `CLUSTER` commands.
    pub cluster_commands: Permission,
    /// What is kept and told of the keys of commands that a cluster would refuse.
    pub doctor_keys: DoctorKeys,
}

/// Whether something is allowed to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// It is refused, with the setting named.
    Refuse,
    /// It is done.
    Allow,
}

/// Section `workers`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WorkersConfig {
    /// Threads to start, at least 1. A configured 0 is one per core the process may use, a container's quota
    /// considered.
    pub count: usize,
}

/// Section `cluster`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClusterConfig {
    /// Nodes to learn the cluster from. Never empty in what [`Config::load`] returns.
    pub seeds: Vec<HostPort>,
    /// User at the nodes; `None`: `default`.
    #[serde(serialize_with = "as_text_or_empty")]
    pub username: Option<String>,
    /// Password at the nodes; `None`: no login.
    #[serde(serialize_with = "as_text_or_empty")]
    pub password: Option<Secret>,
    /// When an attempt to connect is given up.
    #[serde(rename = "connect_timeout_ms", serialize_with = "as_milliseconds")]
    pub connect_timeout: Duration,
    /// Time between refreshes that nothing else set off.
    #[serde(rename = "refresh_interval_ms", serialize_with = "as_milliseconds")]
    pub refresh_interval: Duration,
    /// Least time between two refreshes; not above `refresh_interval`.
    #[serde(rename = "refresh_min_gap_ms", serialize_with = "as_milliseconds")]
    pub refresh_min_gap: Duration,
    /// Nodes asked in one refresh, at least 1.
    pub refresh_nodes: usize,
    /// Connections made to one node in a second, per worker; zero: as they are needed.
    pub connects_per_second: u32,
    /// Connections made to one node at once after a pause, per worker.
    pub connect_burst: u32,
    /// Wait of a random part of this before a lost connection is made again.
    #[serde(rename = "reconnect_jitter_ms", serialize_with = "as_milliseconds")]
    pub reconnect_jitter: Duration,
}

/// Section `request`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RequestConfig {
    /// From a command read to the latest moment of its reply.
    #[serde(rename = "timeout_ms", serialize_with = "as_milliseconds")]
    pub timeout: Duration,
    /// Times one command follows a redirect.
    pub redirects_max: u32,
    /// Wait before a command is sent again to a cluster that would not run it yet.
    #[serde(rename = "retry_delay_ms", serialize_with = "as_milliseconds")]
    pub retry_delay: Duration,
}

/// Section `failover`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FailoverConfig {
    /// How long a command waits for a node that runs it, from the first time it has to.
    #[serde(rename = "hold_ms", serialize_with = "as_milliseconds")]
    pub hold: Duration,
    /// Commands that wait so, per worker.
    pub hold_requests_max: usize,
    /// Bytes of the commands that wait so, per worker.
    pub hold_bytes_max: usize,
}

/// Section `health`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HealthConfig {
    /// Idle time after which a node connection is asked `PING`; zero: never.
    #[serde(rename = "probe_interval_ms", serialize_with = "as_milliseconds")]
    pub probe_interval: Duration,
    /// Time a node may owe a reply before nothing more is sent to it.
    #[serde(rename = "silence_ms", serialize_with = "as_milliseconds")]
    pub silence: Duration,
    /// Time after which a connection is given up whose other end confirms nothing; zero: as the system likes.
    #[serde(rename = "unconfirmed_ms", serialize_with = "as_milliseconds")]
    pub unconfirmed: Duration,
}

/// Section `limits`. Sizes in bytes, the rest counts.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LimitsConfig {
    /// Bytes that all clients hold, over all workers.
    pub bytes_max: usize,
    /// Commands in flight of all clients, per worker.
    pub requests_max: usize,
    /// Bytes of one request that has not arrived whole, past which its client is cut; not below `bulk_bytes_max`.
    pub client_input_bytes_max: usize,
    /// Bytes of a request from which on it is handed on as it comes.
    pub upload_from_bytes: usize,
    /// Bytes of one argument.
    pub bulk_bytes_max: usize,
    /// Arguments of one request.
    pub args_max: usize,
    /// Bytes of one inline request.
    pub inline_bytes_max: usize,
    /// Commands of one client in flight; at it the client is not read.
    pub client_pipeline_max: usize,
    /// Bytes of replies not fetched, past which a client is not read.
    pub client_output_pause_bytes: usize,
    /// Bytes of replies not fetched, past which a client is cut; not below `client_output_pause_bytes` and
    /// `reply_bytes_max`.
    pub client_output_bytes_max: usize,
    /// Bytes of messages not fetched, past which a client that listens is cut.
    pub subscriber_output_bytes_max: usize,
    /// Pairs of a client and what it listens to, per worker.
    pub subscriptions_max: usize,
    /// Commands in flight on one node connection.
    pub link_inflight_max: usize,
    /// Bytes not yet written to one node connection.
    pub link_output_bytes_max: usize,
    /// Parts of one command.
    pub split_parts_max: usize,
    /// Bytes of the replies that are joined into one.
    pub join_bytes_max: usize,
    /// Bytes of one reply of a node.
    pub reply_bytes_max: usize,
    /// Time that a command waits, in all, for clients that fetch large replies before its own.
    #[serde(rename = "stream_wait_ms", serialize_with = "as_milliseconds")]
    pub stream_wait: Duration,
    /// Node connections of single clients, per worker.
    pub pinned_links_max: usize,
    /// Of these, the ones that are kept while no client needs them.
    pub pinned_idle_max: usize,
    /// Bytes of the prefixes that one client is tracked by (`BCAST`), each counted with 16 more.
    pub tracking_prefix_bytes_max: usize,
    /// Bytes that a client sends while an earlier command of it waits, past which it is not read.
    pub held_input_bytes_max: usize,
    /// Bytes of the commands of one transaction.
    pub transaction_bytes_max: usize,
    /// Commands of one transaction.
    pub transaction_commands_max: usize,
    /// Bytes of remembered scripts, over all workers.
    pub scripts_bytes_max: usize,
    /// Commands over several slots that wait for their keys, per worker.
    pub cross_slot_waits_max: usize,
}

/// Section `transactions`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TransactionsConfig {
    /// What becomes of a transaction whose keys lie in several slots.
    pub cross_slot: CrossSlot,
}

/// What becomes of a transaction whose keys lie in several slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CrossSlot {
    /// It is refused.
    Refuse,
    /// It becomes one transaction for each slot.
    PerSlot,
}

/// Section `cross_slot`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CrossSlotConfig {
    /// What becomes of a command that reads keys of several slots.
    pub reads: CrossSlotReads,
    /// What becomes of a command that writes keys of several slots.
    pub writes: CrossSlotWrites,
    /// What becomes of a command that takes from the first of several keys.
    pub pops: CrossSlotPops,
}

/// What becomes of a command that reads keys of several slots and cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CrossSlotReads {
    /// It is refused.
    Reject,
    /// Its keys are fetched, and it is run here.
    Gather,
}

/// What becomes of a command that writes keys of several slots and cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CrossSlotWrites {
    /// It is refused.
    Reject,
    /// It is done in steps, which other clients may see one by one.
    Emulate,
}

/// What becomes of a command that takes from the first of several keys that has something, when they lie in several
/// slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CrossSlotPops {
    /// It is refused.
    Reject,
    /// The keys are looked at one by one, and waited for.
    Serve,
}

/// Section `auth`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AuthConfig {
    /// Password of clients, as user `default`; `None`: none is asked for.
    #[serde(serialize_with = "as_text_or_empty")]
    pub password: Option<Secret>,
}

/// Section `log`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LogConfig {
    /// How much is logged.
    pub level: LogLevel,
    /// How a line looks.
    pub format: LogFormat,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What broke.
    Error,
    /// What may break.
    Warn,
    /// What changed.
    Info,
    /// What was decided.
    Debug,
    /// Each step.
    Trace,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Where to connect to: a name or an address, and a port. Names are looked up at each connect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// Name or address, an IPv6 address without brackets. Never empty.
    pub host: String,
    /// TCP port, not 0.
    pub port: u16,
}

impl Config {
    /// Reads the configuration from all its layers.
    ///
    /// `environment` is [`std::env::vars_os`] outside tests.
    ///
    /// # Errors
    /// Every mistake found; print each on its line, and end with exit code 64 before any port opens.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        overrides: &Overrides,
    ) -> Result<Config, Vec<ConfigError>> {
        let (settings, errors) = layer::stack(file, environment, overrides);
        let mut reader = Reader::new(settings, errors);
        let seeds_origin = reader.origin("cluster.seeds");
        let config = Config::read(&mut reader);
        if config.cluster.seeds.is_empty() {
            let mistake = ConfigError::Invalid {
                key: "cluster.seeds".to_owned(),
                value: "[]".to_owned(),
                expected: "at least one node, as host:port".to_owned(),
                origin: seeds_origin,
            };
            reader.conflict(&["cluster.seeds"], mistake);
        }
        let errors = reader.finish();
        if errors.is_empty() { Ok(config) } else { Err(errors) }
    }

    /// The whole configuration as TOML that [`Config::load`] reads back, but for the secrets, which are not in it.
    pub fn to_toml_redacted(&self) -> String {
        toml::to_string(self).expect("plain sections of plain values are TOML")
    }

    fn read(reader: &mut Reader) -> Config {
        Config {
            profile: ProfileConfig { name: reader.choice("profile.name", &Profile::CHOICES) },
            listen: ListenConfig::read(reader),
            admin: AdminConfig::read(reader),
            workers: WorkersConfig::read(reader),
            cluster: ClusterConfig::read(reader),
            request: RequestConfig::read(reader),
            failover: FailoverConfig::read(reader),
            health: HealthConfig::read(reader),
            reads: ReadsConfig::read(reader),
            limits: LimitsConfig::read(reader),
            rates: RatesConfig::read(reader),
            transactions: TransactionsConfig::read(reader),
            cross_slot: CrossSlotConfig::read(reader),
            shutdown: ShutdownConfig::read(reader),
            databases: DatabasesConfig::read(reader),
            colocate: ColocateConfig::read(reader),
            compat: CompatConfig::read(reader),
            auth: AuthConfig { password: reader.optional_secret("auth.password") },
            log: LogConfig::read(reader),
        }
    }
}

impl Default for Config {
    /// The defaults alone. They name no seeds.
    fn default() -> Config {
        let (settings, errors) = layer::stack(None, [], &Overrides::default());
        let mut reader = Reader::new(settings, errors);
        let config = Config::read(&mut reader);
        let errors = reader.finish();
        assert!(errors.is_empty(), "the defaults are wrong, which a test checks: {errors:?}");
        config
    }
}

fn as_milliseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn as_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_secs())
}

fn as_text_or_empty<T: Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_str(""),
    }
}

#[cfg(test)]
mod tests;
