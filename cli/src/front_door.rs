//! The front door as a part of this process: its settings, its sockets, its end; and `reddoor proxy`, which is
//! nothing but that.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, anyhow};
use reddoor_proxy::config::Config;
use reddoor_proxy::config::error::{ConfigError, Origin};
use reddoor_proxy::config::layer::Overrides;
use reddoor_proxy::drain::Departure;
use reddoor_proxy::front_door::{FrontDoor, Running, Sockets};
use tracing::{info, warn};

use crate::activation;
use crate::args::{DoorArgs, ProxyArgs};
use crate::attendant::{Attendant, TakenOver};
use crate::control::Control;
use crate::exit::{Failure, Mistake, refuse_if_any};
use crate::log::{self, Wish};
use crate::ports;
use crate::reload::Source;
use crate::report::{self, Endpoints};
use crate::signals::StopSignals;
use crate::take_over::{self, Predecessor};

/// How often the front door's threads are looked after.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The setting that names the nodes of the cluster.
const SEEDS: &str = "cluster.seeds";

/// How the front door ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    /// By itself, within its time.
    InTime,
    /// Not yet: it was asked a second time, which means now.
    Interrupted,
}

/// Runs the front door alone.
pub(crate) fn run(args: &ProxyArgs) -> Result<(), Failure> {
    let config = settings(&args.door, args.cluster.as_deref()).map_err(|errors| {
        Failure::Refused(errors.iter().map(|error| mistake(error, Hint::NameTheCluster)).collect())
    })?;
    if args.door.starts_nothing() {
        show(&args.door, &config);
        return Ok(());
    }
    // Who takes over is given the sockets of the one before, which may have had them of the service manager.
    let passed = if args.take_over { None } else { activation::sockets().map_err(one)? };
    if !args.take_over && passed.is_none() {
        refuse_if_any(taken_ports(&config))?;
    }
    log::start(&log::directives(log_wish(&args.door, &config)), config.log.format)?;
    let (door, predecessor) = if args.take_over {
        let (door, predecessor) = take_over::begin(config)?;
        (door, Some(predecessor))
    } else {
        (bind(config, passed)?, None)
    };
    let runtime = runtime()?;
    let result = runtime.block_on(serve(door, predecessor, args));
    // A drain that was interrupted still runs, and nobody waits for it.
    runtime.shutdown_background();
    Ok(result?)
}

async fn serve(
    door: FrontDoor,
    predecessor: Option<Predecessor>,
    args: &ProxyArgs,
) -> anyhow::Result<()> {
    let mut signals = StopSignals::listen()?;
    let endpoints = endpoints(&door);
    let running = start(door)?;
    let control = match predecessor {
        Some(predecessor) => predecessor.replace(&running).await?,
        None => None,
    };
    let control = control.unwrap_or_else(|| Control::listen(endpoints.listen));
    let source = Source { args: &args.door, seeds: args.cluster.as_deref() };
    let mut attendant = Attendant::new(control, source)?;
    report::print(&report::door(&endpoints));
    let result = tokio::select! {
        () = signals.recv() => Ok(Departure::Stop),
        TakenOver = attendant.attend(&running) => Ok(Departure::TakenOver),
        error = breakdown(&running) => Err(error),
    };
    // Whoever comes next may have the name.
    drop(attendant);
    let departure = *result.as_ref().unwrap_or(&Departure::Stop);
    stop(running, departure, &mut signals).await;
    result.map(drop)
}

/// The settings of all layers; `seeds` is stronger than what they say of the cluster.
pub(crate) fn settings(args: &DoorArgs, seeds: Option<&str>) -> Result<Config, Vec<ConfigError>> {
    let mut overrides = Overrides::default();
    let flags = [
        ("listen.addr", &args.listen),
        ("admin.addr", &args.admin),
        ("workers.count", &args.workers),
        ("log.level", &args.log_level),
        ("log.format", &args.log_format),
    ];
    for (key, flag) in flags {
        if let Some(value) = flag {
            overrides.set(key, value);
        }
    }
    if let Some(seeds) = seeds {
        overrides.set(SEEDS, seeds);
    }
    Config::load(args.config.as_deref(), std::env::vars_os(), &overrides)
}

/// Whether any layer names nodes of a cluster.
pub(crate) fn names_a_cluster(args: &DoorArgs) -> bool {
    let is_default = |error: &ConfigError| matches!(error, ConfigError::Invalid { key, origin: Origin::Default, .. } if key == SEEDS);
    settings(args, None).map_or_else(|errors| !errors.iter().any(is_default), |_| true)
}

/// What to say beside a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// Nothing.
    None,
    /// How to name the nodes, when none are.
    NameTheCluster,
}

/// A mistake in the settings as the command line tells it.
pub(crate) fn mistake(error: &ConfigError, hint: Hint) -> Mistake {
    match (error, hint) {
        (ConfigError::Invalid { key, origin: Origin::Default, .. }, Hint::NameTheCluster)
            if key == SEEDS =>
        {
            Mistake::Setting(format!(
                "no cluster to stand before: give --cluster HOST:PORT[,HOST:PORT...], or {SEEDS} in the file of --config"
            ))
        }
        _ => Mistake::Setting(error.to_string()),
    }
}

/// Prints what `--check-config` or `--print-config` asks for.
pub(crate) fn show(args: &DoorArgs, config: &Config) {
    match args.print_config {
        true => report::print(&config.to_toml_redacted()),
        false => report::print("the settings are fine\n"),
    }
}

/// The front door's addresses that cannot be listened on.
pub(crate) fn taken_ports(config: &Config) -> Vec<Mistake> {
    let (listen, admin) = (config.listen.addr, config.admin.addr);
    let mut mistakes: Vec<Mistake> =
        ports::require_free(listen, "--listen").err().into_iter().collect();
    let Some(admin) = admin else { return mistakes };
    if admin == listen && admin.port() != 0 {
        mistakes.push(Mistake::Setting(format!("--listen and --admin are both {admin}")));
    } else {
        mistakes.extend(ports::require_free(admin, "--admin").err());
    }
    mistakes
}

/// Who decides how much is logged.
pub(crate) fn log_wish(args: &DoorArgs, config: &Config) -> Wish {
    match args.log_level {
        Some(_) => Wish::Typed(config.log.level),
        None => Wish::Default(config.log.level),
    }
}

/// Takes the sockets, or those that were passed; nothing is served yet.
pub(crate) fn bind(config: Config, passed: Option<Sockets>) -> Result<FrontDoor, Failure> {
    let make = reddoor_backend::scratch::make;
    let door = match passed {
        Some(sockets) => FrontDoor::with_sockets(config, sockets, make),
        None => FrontDoor::bind(config, make),
    };
    door.map_err(|error| one(Mistake::Obstacle(error.to_string())))
}

fn one(mistake: Mistake) -> Failure {
    Failure::Refused(vec![mistake])
}

/// Where the front door is to be found.
pub(crate) fn endpoints(door: &FrontDoor) -> Endpoints {
    let (listen, admin): (SocketAddr, Option<SocketAddr>) = (door.listen_addr(), door.admin_addr());
    Endpoints { listen, reads: door.reads_addr(), admin }
}

/// Starts to serve.
pub(crate) fn start(door: FrontDoor) -> anyhow::Result<Running> {
    door.start().map_err(|error| anyhow!("{error}")).context("cannot open the front door")
}

/// Waits for the front door to break; never returns when it does not.
pub(crate) async fn breakdown(running: &Running) -> anyhow::Error {
    while !running.is_broken() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    anyhow!("a thread of the front door ended by itself; the log says why")
}

/// Stops taking clients and lets those that are there finish, until the next stop signal at most.
pub(crate) async fn stop(
    running: Running,
    departure: Departure,
    signals: &mut StopSignals,
) -> Drained {
    match departure {
        Departure::Stop => info!("stopping: letting clients finish; once more to stop now"),
        Departure::TakenOver => info!("another process has taken over: letting clients finish"),
    }
    let drain = async {
        if departure == Departure::Stop {
            running.announce_stop();
            tokio::time::sleep(running.config().shutdown.delay).await;
        }
        tokio::task::spawn_blocking(move || running.stop(departure)).await
    };
    tokio::select! {
        result = drain => {
            if let Err(error) = result {
                warn!(%error, "the front door did not end well");
            }
            Drained::InTime
        }
        () = signals.recv() => Drained::Interrupted,
    }
}

/// A runtime for the main thread: signals, timers and the supervisor's few connections.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().context("cannot start the runtime")
}
