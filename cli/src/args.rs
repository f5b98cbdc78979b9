//! The command line: what can be typed, and nothing about what it does.
//!
//! Values stay text here, so that a wrong one is reported together with all other mistakes and not alone.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::exit;

const EXAMPLES: &str = "\
Examples:
  reddoor                               3 shards and their front door on port 6379
  reddoor --dir /var/lib/reddoor        the same, data elsewhere than ./reddoor-data
  reddoor proxy --cluster 10.0.0.1:7000 the front door of a cluster that already runs
  reddoor node --port 7001 --dir /tmp/n one node; takes the directives of redis.conf, as does a link to
                                        this program that is named redis-server
  redis-cli -p 6379 SET greeting hello  any Redis client, once it runs
  reddoor doctor                        what the application does that a cluster would refuse

Started again with the same directory, reddoor finds its cluster there.
";

const PROXY_EXAMPLES: &str = "\
Examples:
  reddoor proxy --cluster 10.0.0.1:7000,10.0.0.2:7000 --listen 0.0.0.0:6379
  reddoor proxy --config /etc/reddoor.toml
  reddoor proxy --config /etc/reddoor.toml --check-config
  reddoor proxy --config /etc/reddoor.toml --take-over    in the place of the one that runs
  reddoor proxy reload                                    the one that runs reads its settings anew
";

const TEMPLATE: &str = "\
{about-with-newline}
{before-help}{usage-heading} {usage}

{all-args}{after-help}";

/// The name of a program that takes the arguments of `reddoor node`.
const NODE_NAME: &str = "redis-server";

/// The command line. Where the program is called `redis-server`, as through a link of that name, it is a node: what
/// starts a program of that name for a Redis gets one.
pub(crate) fn typed() -> Vec<OsString> {
    let mut words: Vec<OsString> = env::args_os().collect();
    let name = words.first().and_then(|path| Path::new(path).file_name());
    if name.is_some_and(|name| name == NODE_NAME) {
        words.insert(1, "node".into());
    }
    words
}

/// What was typed.
#[derive(Debug, Parser)]
#[command(
    name = "reddoor",
    version,
    about = "One endpoint for plain Redis clients in front of a Redis Cluster, with nodes of its own.",
    before_help = EXAMPLES,
    after_help = exit::HELP,
    help_template = TEMPLATE,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    /// What to run; nothing means: nodes and front door together.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Flags of a run without a command.
    #[command(flatten)]
    pub(crate) start: StartArgs,
}

/// The roles that one binary can take.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The front door alone, before a Redis Cluster (6.2 or later) or Valkey that already runs
    #[command(
        before_help = PROXY_EXAMPLES,
        after_help = exit::HELP,
        help_template = TEMPLATE,
        args_conflicts_with_subcommands = true,
        disable_help_subcommand = true
    )]
    Proxy(ProxyArgs),
    /// What a running front door has seen that a plain cluster would refuse, and which settings or rules serve it
    #[command(after_help = exit::HELP)]
    Doctor(DoctorArgs),
    /// One bundled node: [CONFIG-FILE] and the directives of redis.conf as --flags
    // Redis-style arguments are not for this parser: everything behind `node` is passed on as it stands.
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Node {
        /// As redis-server takes them: path/redis.conf --port 7001 --cluster-enabled yes
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARG")]
        args: Vec<String>,
    },
}

/// Flags of the cluster of bundled nodes with its front door.
#[derive(Debug, Default, Args)]
pub(crate) struct StartArgs {
    /// Where data lies, a directory for each node [default: ./reddoor-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Primaries that share the slots, 1 to 100 [default: 3]
    #[arg(long, value_name = "N")]
    pub(crate) shards: Option<String>,
    /// Replicas of each primary, 0 to 5 [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) replicas: Option<String>,
    /// First node port, 1 to 55535; each node also takes its port + 10000. Without this flag a new cluster
    /// begins at 7000 and passes over ports that are taken
    #[arg(long, value_name = "PORT")]
    pub(crate) node_port_base: Option<String>,
    /// Flags that every front door has.
    #[command(flatten)]
    pub(crate) door: DoorArgs,
}

/// Flags of the front door alone.
#[derive(Debug, Args)]
pub(crate) struct ProxyArgs {
    /// What to do in place of starting one.
    #[command(subcommand)]
    pub(crate) action: Option<ProxyAction>,
    /// Some nodes of the cluster; the others are learned from them
    #[arg(long, value_name = "HOST:PORT[,HOST:PORT...]")]
    pub(crate) cluster: Option<String>,
    /// Take the listening sockets of the front door that runs at the same address; it serves the clients it has until
    /// they are idle, and ends
    #[arg(long)]
    pub(crate) take_over: bool,
    /// Flags that every front door has.
    #[command(flatten)]
    pub(crate) door: DoorArgs,
}

/// What can be asked of a front door that runs.
#[derive(Debug, Subcommand)]
pub(crate) enum ProxyAction {
    /// A running front door reads its settings anew: all that can change takes effect, or nothing if any is wrong
    #[command(after_help = exit::HELP)]
    Reload(ReloadArgs),
}

/// Flags of `reload`.
#[derive(Debug, Args)]
pub(crate) struct ReloadArgs {
    /// Which one, by the address where its clients connect; needed only where several run
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
}

/// Flags of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Which front door, by its admin address
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9379")]
    pub(crate) admin: String,
    /// End with exit code 1 if the front door has refused anything, for tests of an application
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Flags that every front door has. A flag wins over the environment (`REDDOOR_SECTION__KEY`), which wins over
/// the file.
#[derive(Debug, Default, Args)]
pub(crate) struct DoorArgs {
    /// Where clients connect [default: 127.0.0.1:6379]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Where /metrics, /healthz and /readyz are served [default: 127.0.0.1:9379]
    #[arg(long, value_name = "ADDR")]
    pub(crate) admin: Option<String>,
    /// Threads that serve clients; the default is one for each core
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<String>,
    /// Settings in TOML; flags and REDDOOR_SECTION__KEY variables win over it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Check arguments and settings, start nothing
    #[arg(long)]
    pub(crate) check_config: bool,
    /// Print the settings as merged, secrets blacked out; start nothing
    #[arg(long)]
    pub(crate) print_config: bool,
    /// off, error, warn, info, debug or trace; RUST_LOG is stronger than the settings and weaker than this
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
    /// text or json
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
}

impl DoorArgs {
    /// Whether settings are only to be looked at.
    pub(crate) fn starts_nothing(&self) -> bool {
        self.check_config || self.print_config
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_ascii_whitespace())
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn nothing_typed_means_the_whole() {
        let cli = parse("reddoor").unwrap();
        assert!(cli.command.is_none());
        assert!(cli.start.dir.is_none());
    }

    #[test]
    fn values_are_not_judged_here() {
        let cli = parse("reddoor --shards many --listen nowhere --workers -").unwrap();
        assert_eq!(cli.start.shards.as_deref(), Some("many"));
        assert_eq!(cli.start.door.listen.as_deref(), Some("nowhere"));
    }

    #[test]
    fn redis_style_arguments_reach_the_node_untouched() {
        for line in [
            "path/redis.conf --port 7001 --cluster-enabled yes",
            "--port 7001 --save 900 1 --save 300 10",
            "--help",
            "--version",
            "--dir d --check-config x --listen y",
            "- --port 1",
            "",
        ] {
            let cli = parse(&format!("reddoor node {line}")).unwrap();
            let Some(Command::Node { args }) = cli.command else { panic!("{line}") };
            assert_eq!(args, line.split_ascii_whitespace().collect::<Vec<_>>(), "{line}");
        }
    }

    #[test]
    fn flags_of_the_whole_do_not_mix_with_a_command() {
        assert!(parse("reddoor --shards 3 proxy --cluster a:1").is_err());
        assert!(parse("reddoor proxy --shards 3").is_err());
    }

    #[test]
    fn examples_come_first_in_the_help() {
        let help = Cli::command().render_long_help().to_string();
        let examples = help.find("Examples:").unwrap();
        assert!(examples < help.find("Usage:").unwrap(), "{help}");
        assert!(help.contains("Exit codes:"), "{help}");
    }
}
