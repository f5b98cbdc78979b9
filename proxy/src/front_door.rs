//! The whole front door: bound, started, stopped.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use reddoor_protocol::scratch::MakeScratch;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::watch;

use crate::admin::{self, AdminState};
use crate::channels::counts::ListenerCounts;
use crate::config::Config;
use crate::config::reload::{self, Change};
use crate::directory::Directory;
use crate::error::StartError;
use crate::keeper::Keeper;
use crate::key_mapping::Mapping;
use crate::local::{Answerer, SharedFacts};
use crate::metrics::Metrics;
use crate::peers::Peers;
use crate::refresh::RefreshTrigger;
use crate::scripts::Scripts;
use crate::worker::Worker;
use crate::worker::run::{self, WorkerParts};

/// A front door whose ports are taken and which does nothing yet.
#[derive(Debug)]
pub struct FrontDoor {
    config: Arc<Config>,
    /// One for each worker, all on the same address.
    listeners: Vec<TcpListener>,
    admin: Option<TcpListener>,
    make_scratch: MakeScratch,
}

impl FrontDoor {
    /// Takes the ports. Nothing runs yet, and dropping it gives them back. Commands over several slots will be run in
    /// what `make_scratch` makes.
    ///
    /// # Errors
    /// [`StartError::Listen`]: an address is taken, even if only by another front door.
    pub fn bind(config: Config, make_scratch: MakeScratch) -> Result<FrontDoor, StartError> {
        let addr = config.listen.addr;
        let refused = |source| StartError::Listen { addr, source };
        // Several sockets share the port, and that would let another front door share it too. Only a socket
        // that does not share tells whether it is free.
        drop(bind(addr, config.listen.backlog, Sharing::Exclusive).map_err(refused)?);
        let first = bind(addr, config.listen.backlog, Sharing::Shared).map_err(refused)?;
        let addr = first.local_addr().map_err(refused)?;
        let mut listeners = vec![first];
        for _ in 1..config.workers.count {
            listeners.push(bind(addr, config.listen.backlog, Sharing::Shared).map_err(refused)?);
        }
        let admin = match config.admin.addr {
            Some(addr) => Some(
                bind(addr, ADMIN_BACKLOG, Sharing::Exclusive)
                    .map_err(|source| StartError::Listen { addr, source })?,
            ),
            None => None,
        };
        Ok(FrontDoor { config: Arc::new(config), listeners, admin, make_scratch })
    }

    /// Where clients connect; with port 0 in the configuration, the one that the system chose.
    pub fn listen_addr(&self) -> SocketAddr {
        self.listeners
            .first()
            .and_then(|listener| listener.local_addr().ok())
            .unwrap_or(self.config.listen.addr)
    }

    /// Where `/metrics` and health are told, if anywhere.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref()?.local_addr().ok()
    }

    /// Starts the workers and the topology keeper.
    ///
    /// # Errors
    /// [`StartError::Thread`]: the system makes no more threads; what had started is stopped again.
    pub fn start(self) -> Result<Running, StartError> {
        let port = self.listen_addr().port();
        let metrics = Arc::new(Metrics::new(self.config.workers.count));
        let facts = Arc::new(SharedFacts {
            next_client_id: AtomicU64::new(1),
            clients_count: AtomicUsize::new(0),
            started: Instant::now(),
            started_at: SystemTime::now(),
            run_id: run_id(),
            scripts: Scripts::new(self.config.limits.scripts_bytes_max),
            metrics: metrics.workers().to_vec(),
            port,
            directory: Directory::default(),
            listeners: ListenerCounts::default(),
        });
        let trigger = Arc::new(RefreshTrigger::default());
        let admin_state = Arc::new(AdminState::new(Arc::clone(&self.config), Arc::clone(&metrics)));
        let (maps, maps_receiver) = watch::channel(None);
        let (configs, configs_receiver) = watch::channel(Arc::clone(&self.config));
        let (stop, stop_receiver) = watch::channel(None);
        let (close, closed) = watch::channel(false);
        let mut running = Running {
            configs,
            stop,
            workers: Vec::new(),
            close,
            keeper: None,
            admin: Arc::clone(&admin_state),
        };

        let mapping = Arc::new(Mapping::of(&self.config));
        for preset in &self.config.colocate.presets {
            if !preset.warning.is_empty() {
                tracing::warn!(preset = preset.name, "{}", preset.warning);
            }
        }
        let peers = Peers::connect(self.config.workers.count);
        for (index, (listener, (peers, mailbox))) in
            self.listeners.into_iter().zip(peers).enumerate()
        {
            let worker_metrics = Arc::clone(&metrics.workers()[index]);
            let make_scratch = self.make_scratch;
            let make = {
                let (config, metrics) = (Arc::clone(&self.config), Arc::clone(&worker_metrics));
                let trigger = Arc::clone(&trigger);
                let answerer = Answerer {
                    config: Arc::clone(&self.config),
                    mapping: Arc::clone(&mapping),
                    shared: Arc::clone(&facts),
                };
                Box::new(move || {
                    Worker::new(config, metrics, trigger, answerer, peers, make_scratch)
                })
            };
            let parts = WorkerParts {
                make,
                listener,
                maps: maps_receiver.clone(),
                mailbox,
                stop: stop_receiver.clone(),
                configs: configs_receiver.clone(),
                facts: Arc::clone(&facts),
                metrics: worker_metrics,
            };
            running.workers.push(spawn(format!("worker-{index}"), move || run::run(parts))?);
        }
        let topology_metrics = Arc::clone(metrics.topology());
        let keeper = Keeper::new(
            configs_receiver,
            trigger,
            maps,
            topology_metrics,
            Arc::clone(&admin_state),
        );
        let admin = self.admin;
        running.keeper =
            Some(spawn("keeper".to_owned(), move || keep(keeper, admin, admin_state, closed))?);
        Ok(running)
    }
}

/// Connections to the admin port that may wait to be accepted (count).
const ADMIN_BACKLOG: u32 = 128;

/// Whether other sockets may listen on the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    Exclusive,
    Shared,
}

fn bind(addr: SocketAddr, backlog: u32, sharing: Sharing) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if sharing == Sharing::Shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

/// The keeper's thread: the topology and the admin port.
fn keep(
    keeper: Keeper,
    admin: Option<TcpListener>,
    state: Arc<AdminState>,
    mut closed: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::LocalRuntime::new()?;
    runtime.block_on(async move {
        let keeping = tokio::task::spawn_local(keeper.run());
        match admin {
            Some(listener) => admin::serve(listener, state, closed).await,
            // An error means that nobody is left who could say so: that is the end, too.
            None => drop(closed.wait_for(|is_closed| *is_closed).await),
        }
        keeping.abort();
        Ok(())
    })
}

fn spawn(
    name: String,
    run: impl FnOnce() -> std::io::Result<()> + Send + 'static,
) -> Result<JoinHandle<()>, StartError> {
    let label = name.clone();
    let body = move || {
        if let Err(error) = run() {
            tracing::error!(thread = label, %error, "thread ended");
        }
    };
    thread::Builder::new()
        .name(name.clone())
        .spawn(body)
        .map_err(|source| StartError::Thread { name, source })
}

/// 40 hexadecimal characters, different for every run.
fn run_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    let word = || RandomState::new().hash_one(SystemTime::now());
    format!("{:016x}{:016x}{:08x}", word(), word(), word() >> 32)
}

/// A front door at work. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Running {
    /// The settings in force.
    configs: watch::Sender<Arc<Config>>,
    /// Tells the workers to stop, and how long they may take.
    stop: watch::Sender<Option<Duration>>,
    workers: Vec<JoinHandle<()>>,
    /// Tells the keeper to stop.
    close: watch::Sender<bool>,
    keeper: Option<JoinHandle<()>>,
    admin: Arc<AdminState>,
}

impl Running {
    /// Whether a thread has ended by itself, which none should.
    pub fn is_broken(&self) -> bool {
        self.workers.iter().chain(&self.keeper).any(JoinHandle::is_finished)
    }

    /// Puts other settings in force, of all threads alike, each of which takes them over whole. Gives back every
    /// difference, and whether it takes effect.
    pub fn reload(&self, wanted: Config) -> Vec<Change> {
        let current = Arc::clone(&self.configs.borrow());
        let (config, changes) = reload::replace(&current, wanted);
        let config = Arc::new(config);
        self.admin.set_config(Arc::clone(&config));
        self.configs.send_replace(config);
        changes
    }

    /// Stops: no new clients, those connected get the replies that are under way, for at most `drain`.
    ///
    /// The admin port tells of the drain until it is over. Blocks until every thread has ended.
    pub fn stop(self, drain: Duration) {
        self.admin.set_draining();
        self.stop.send_replace(Some(drain));
        // A thread that panicked has said so on standard error.
        for worker in self.workers {
            let _ = worker.join();
        }
        self.close.send_replace(true);
        if let Some(keeper) = self.keeper {
            let _ = keeper.join();
        }
    }
}
