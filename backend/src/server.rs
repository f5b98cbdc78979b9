//! The node as a process: listeners, the periodic tick, signals, the end.

pub(crate) mod ending;

mod listen;

mod expiry;

mod tick;

mod memory;

mod oom_score;

mod supervised;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::{env, fs, io};

use tokio::runtime::LocalRuntime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use crate::cluster::Cluster;
use crate::config::Config;
use crate::config::settings::Settings;
use crate::crash;
use crate::error::RunError;
use crate::eviction;
use crate::log;
use crate::node::{Node, SharedNode};
use crate::persistence;
use crate::replication;
use crate::scripting;
use crate::session::Scratch;

use ending::Progress;

pub(crate) use listen::Listeners;
pub(crate) use memory::resident_bytes;
pub(crate) use supervised::Supervisor;

/// The version of Redis as which this node answers.
pub(crate) const REDIS_VERSION: &str = "7.0.15";

/// Serves until a signal or `SHUTDOWN`.
pub(crate) fn run(mut config: Config) -> Result<(), RunError> {
    let dir = config.settings().dir.clone();
    let entered = env::set_current_dir(&dir).and_then(|()| env::current_dir());
    config.note_directory(&entered.map_err(|source| RunError::Directory { dir, source })?);
    start_log(&config)?;
    let runtime = LocalRuntime::new().map_err(RunError::Runtime)?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), RunError> {
    announce(&config);
    let mut signals = Signals::new().map_err(RunError::Runtime)?;
    let listeners = listen::open(config.settings())?;
    let settings = config.settings().clone();
    let cluster = if settings.is_cluster {
        Some(Rc::new(RefCell::new(Cluster::load(&settings)?)))
    } else {
        None
    };
    let pid_file = PidFile::write(&settings);
    let mut node = Node::new(config, cluster);
    load_users(&mut node)?;
    let supervisor = Supervisor::find(&settings.supervised);
    node.supervisor = supervisor;
    node.memory_at_start_bytes = crate::memory::used_bytes();
    let shutdown = Arc::clone(&node.shutdown);
    let node: SharedNode = Rc::new(RefCell::new(node));
    if settings.is_cluster {
        crate::cluster::start(&node).await?;
    }
    let scratch = Rc::new(RefCell::new(Scratch::new()));
    Listeners::serve(&node, &scratch, listeners);
    // It was logged, and a node whose score cannot be changed serves all the same.
    let _ = node.borrow_mut().adjust_oom_score();
    crash::watch();
    tokio::task::spawn_local(tick::run(Rc::clone(&node)));
    tokio::task::spawn_local(persistence::child::follow(Rc::clone(&node)));
    tokio::task::spawn_local(persistence::aof::append::commit(Rc::clone(&node)));
    tokio::task::spawn_local(persistence::aof::append::sync(Rc::clone(&node)));
    tokio::task::spawn_local(replication::copy::relay(Rc::clone(&node)));
    tokio::task::spawn_local(scripting::go_on(Rc::clone(&node)));
    tokio::task::spawn_local(eviction::go_on(Rc::clone(&node)));
    tokio::select! {
        loaded = persistence::load::load(&node) => {
            loaded?;
            tokio::task::spawn_local(replication::upstream::follow(Rc::clone(&node)));
            node.borrow_mut().follow_configured();
            tracing::info!("Ready to accept connections");
            if let Some(path) = &settings.unix_socket {
                tracing::info!("The server is now ready to accept connections at {}", path.display());
            }
            supervisor.tell("STATUS=Ready to accept connections\nREADY=1\n");
            until_ended(&node, &mut signals, &shutdown).await;
        }
        _ = signals.ended() => {
            tracing::warn!("Received shutdown signal during loading, exiting now.");
        }
        () = shutdown.notified() => {}
    }
    supervisor.tell("STOPPING=1\n");
    if let Some(cluster) = &node.borrow().cluster {
        cluster.borrow_mut().save_before_exit();
    }
    if let Some(path) = &settings.unix_socket {
        tracing::info!("Removing the unix socket file.");
        // It may have been removed by somebody else.
        let _ = fs::remove_file(path);
    }
    if pid_file.0.is_some() {
        tracing::info!("Removing the pid file.");
        drop(pid_file);
    }
    tracing::warn!("Redis is now ready to exit, bye bye...");
    Ok(())
}

/// Waits until the node may end: a signal or `SHUTDOWN` asks for it, and what is to be saved is saved.
async fn until_ended(node: &SharedNode, signals: &mut Signals, shutdown: &Notify) {
    loop {
        let name = tokio::select! {
            name = signals.ended() => name,
            () = shutdown.notified() => return,
        };
        tracing::warn!("Received {name} scheduling shutdown...");
        node.borrow_mut().scripting.kill_unwritten();
        scripting::until_free(node).await;
        let mut node = node.borrow_mut();
        let disk = &node.config.settings().disk;
        let mode = if name == "SIGINT" { disk.on_sigint } else { disk.on_sigterm };
        tracing::warn!("User requested shutdown...");
        if node.begin_to_end(mode) == Progress::Ends {
            return;
        }
    }
}

fn start_log(config: &Config) -> Result<(), RunError> {
    let settings = config.settings();
    let file = Some(Path::new(&settings.log_file)).filter(|path| !path.as_os_str().is_empty());
    log::start(file, &settings.log_level).map_err(|source| RunError::File {
        purpose: "log file",
        file: PathBuf::from(&settings.log_file),
        source,
    })
}

/// The first lines of the log, which tools search for the process id and the port.
fn announce(config: &Config) {
    let settings = config.settings();
    let version = env!("CARGO_PKG_VERSION");
    tracing::warn!(
        "reddoor node {version}, answering as Redis version={REDIS_VERSION}, bits=64, PID: {}",
        std::process::id()
    );
    for warning in config.warnings() {
        tracing::warn!("WARNING {warning}");
    }
    let bytes_max = settings.memory.bytes_max;
    if (1..1024 * 1024).contains(&bytes_max) {
        tracing::warn!(
            "WARNING: You specified a maxmemory value that is less than 1MB (current value is {bytes_max} bytes). \
             Are you sure this is what you really want?"
        );
    }
    let mode = if settings.is_cluster { "cluster" } else { "standalone" };
    tracing::info!("Running mode={mode}, port={}.", settings.port);
}

/// Reads the file of users, if there is one.
fn load_users(node: &mut Node) -> Result<(), RunError> {
    let settings = &node.config.settings().acl;
    if let Some(file) = &settings.file {
        return node.acl.load(file, settings.first_channels).map_err(|mistakes| {
            let mistakes = String::from_utf8_lossy(&mistakes).into_owned();
            tracing::warn!("Aborting Redis startup because of ACL errors: {mistakes}");
            RunError::Users(mistakes)
        });
    }
    for user in node.acl.users().filter(|user| !user.rules().are_on()) {
        tracing::info!(
            "The user '{}' is disabled (there is no 'on' modifier in the user description). Make sure this is not \
             a configuration error.",
            String::from_utf8_lossy(user.name())
        );
    }
    Ok(())
}

/// The signals that a node heeds. SIGHUP is caught so that a closed terminal does not end it.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    _hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for a signal that ends the node; gives back its name.
    async fn ended(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// The file with the process id, removed at the end.
struct PidFile(Option<PathBuf>);

/// Where a node in the background leaves its process id if the settings do not say.
const PID_FILE_OF_DAEMON: &str = "/var/run/redis.pid";

impl PidFile {
    /// Writes it where the settings say. A node without the file serves all the same.
    fn write(settings: &Settings) -> PidFile {
        let path = match settings.pid_file.as_str() {
            "" if settings.is_daemon => PID_FILE_OF_DAEMON,
            "" => return PidFile(None),
            path => path,
        };
        match fs::write(path, format!("{}\n", std::process::id())) {
            Ok(()) => PidFile(Some(PathBuf::from(path))),
            Err(error) => {
                tracing::warn!("Failed to write PID file {path}: {error}");
                PidFile(None)
            }
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // It may have been removed by somebody else.
            let _ = fs::remove_file(path);
        }
    }
}
