//! The whole front door: bound or taken over, started, stopped.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::thread::{self, JoinHandle};
use std::time::{Instant, SystemTime};

use reddoor_protocol::scratch::MakeScratch;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::sync::watch;

use crate::admin::{self, AdminState};
use crate::channels::counts::ListenerCounts;
use crate::cluster_map::ClusterMap;
use crate::config::Config;
use crate::config::reload::{self, Change};
use crate::directory::Directory;
use crate::doctor::Doctor;
use crate::drain::{Departure, Drain};
use crate::error::StartError;
use crate::keeper::Keeper;
use crate::key_mapping::Mapping;
use crate::local::info::counters;
use crate::local::{Answerer, SharedFacts};
use crate::metrics::Metrics;
use crate::peers::Peers;
use crate::rates::Rates;
use crate::refresh::RefreshTrigger;
use crate::replicas::watcher::Watcher;
use crate::scripts::Scripts;
use crate::session::Entrance;
use crate::worker::Worker;
use crate::worker::run::{self, WorkerParts};

/// A front door whose ports are taken and which does nothing yet.
#[derive(Debug)]
pub struct FrontDoor {
    config: Arc<Config>,
    sockets: Sockets,
    make_scratch: MakeScratch,
    /// Whether clients are let in from the start.
    is_open: bool,
}

/// What a front door listens on; another process that is given these goes on where it leaves.
#[derive(Debug)]
pub struct Sockets {
    /// For clients, all on the same address. Never empty.
    pub listeners: Vec<TcpListener>,
    /// For clients on the second address, if there is one.
    pub reads: Vec<TcpListener>,
    /// For the admin port.
    pub admin: Option<TcpListener>,
}

impl Sockets {
    fn try_clone(&self) -> io::Result<Sockets> {
        let all = |listeners: &[TcpListener]| -> io::Result<Vec<TcpListener>> {
            listeners.iter().map(TcpListener::try_clone).collect()
        };
        let admin = self.admin.as_ref().map(TcpListener::try_clone).transpose();
        Ok(Sockets { listeners: all(&self.listeners)?, reads: all(&self.reads)?, admin: admin? })
    }
}

impl FrontDoor {
    /// Takes the ports. Nothing runs yet, and dropping it gives them back. Commands over several slots will be run in
    /// what `make_scratch` makes.
    ///
    /// # Errors
    /// [`StartError::Listen`]: an address is taken, even if only by another front door.
    pub fn bind(config: Config, make_scratch: MakeScratch) -> Result<FrontDoor, StartError> {
        let listeners = bind_all(config.listen.addr, &config)?;
        let reads = bind_reads(&config)?;
        let sockets = Sockets { listeners, reads, admin: bind_admin(&config)? };
        Ok(FrontDoor { config: Arc::new(config), sockets, make_scratch, is_open: true })
    }

    /// As [`FrontDoor::bind`], with sockets that somebody else has opened, wherever they listen. The workers share them
    /// where there are fewer than workers; an address for which none is given is taken as the settings say.
    ///
    /// # Errors
    /// [`StartError::Listen`]: such an address is taken. [`StartError::Clone`]: no descriptors are left.
    pub fn with_sockets(
        config: Config,
        mut sockets: Sockets,
        make_scratch: MakeScratch,
    ) -> Result<FrontDoor, StartError> {
        for listeners in [&mut sockets.listeners, &mut sockets.reads] {
            let given = listeners.len();
            for index in given..config.workers.count.max(given) {
                let Some(listener) = listeners.get(index % given.max(1)) else { break };
                let shared = listener.try_clone().map_err(StartError::Clone)?;
                listeners.push(shared);
            }
        }
        if sockets.reads.is_empty() {
            sockets.reads = bind_reads(&config)?;
        }
        if sockets.admin.is_none() {
            sockets.admin = bind_admin(&config)?;
        }
        Ok(FrontDoor { config: Arc::new(config), sockets, make_scratch, is_open: true })
    }

    /// As [`FrontDoor::bind`], with the sockets of a front door that serves until this one does: nobody is let in before
    /// [`Running::open`].
    ///
    /// No listening socket of the other is closed, whatever the numbers of workers: with it would go the clients that
    /// wait to be accepted there.
    ///
    /// # Errors
    /// [`StartError::Listen`]: another address is asked for, and it is taken.
    pub fn take_over(
        config: Config,
        mut sockets: Sockets,
        make_scratch: MakeScratch,
    ) -> Result<FrontDoor, StartError> {
        go_on_listening(&mut sockets.listeners, config.listen.addr, &config)?;
        sockets.reads.retain(|listener| listener.local_addr().ok() == config.reads.addr);
        match config.reads.addr {
            Some(addr) if !sockets.reads.is_empty() => {
                go_on_listening(&mut sockets.reads, addr, &config)?;
            }
            _ => sockets.reads = bind_reads(&config)?,
        }
        let is_meant = |admin: &TcpListener| admin.local_addr().ok() == config.admin.addr;
        sockets.admin = match sockets.admin.filter(is_meant) {
            Some(admin) => Some(admin),
            None => bind_admin(&config)?,
        };
        Ok(FrontDoor { config: Arc::new(config), sockets, make_scratch, is_open: false })
    }

    /// Where clients connect; with port 0 in the configuration, the one that the system chose.
    pub fn listen_addr(&self) -> SocketAddr {
        self.sockets
            .listeners
            .first()
            .and_then(|listener| listener.local_addr().ok())
            .unwrap_or(self.config.listen.addr)
    }

    /// Where clients connect whose reads go by `reads.addr_from`, if anywhere.
    pub fn reads_addr(&self) -> Option<SocketAddr> {
        self.sockets.reads.first()?.local_addr().ok()
    }

    /// Where `/metrics` and health are told, if anywhere.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.sockets.admin.as_ref()?.local_addr().ok()
    }

    /// Starts the workers and the topology keeper.
    ///
    /// # Errors
    /// [`StartError::Thread`]: the system makes no more threads; what had started is stopped again.
    pub fn start(self) -> Result<Running, StartError> {
        let port = self.listen_addr().port();
        let metrics = Arc::new(Metrics::new(self.config.workers.count));
        let doctor = Arc::new(Doctor::new(self.config.workers.count));
        let facts = Arc::new(SharedFacts {
            next_client_id: AtomicU64::new(1),
            clients_count: AtomicUsize::new(0),
            started: Instant::now(),
            started_at: SystemTime::now(),
            counters_reset: counters::Reset::default(),
            run_id: run_id(),
            scripts: Scripts::new(self.config.limits.scripts_bytes_max),
            metrics: metrics.workers().to_vec(),
            port,
            directory: Directory::default(),
            listeners: ListenerCounts::default(),
            held_bytes: Arc::new(AtomicUsize::new(0)),
            rates: Rates::default(),
            doctor: Arc::clone(&doctor),
        });
        let trigger = Arc::new(RefreshTrigger::default());
        let admin_state =
            Arc::new(AdminState::new(Arc::clone(&self.config), Arc::clone(&metrics), doctor));
        let (maps, maps_receiver) = watch::channel(None);
        let (configs, configs_receiver) = watch::channel(Arc::clone(&self.config));
        let (stop, stop_receiver) = watch::channel(None);
        let (surveys, surveys_receiver) = watch::channel(Arc::default());
        let (open, open_receiver) = watch::channel(self.is_open);
        let (close_admin, admin_closed) = watch::channel(false);
        let (close, closed) = watch::channel(false);
        let mut running = Running {
            sockets: self.sockets.try_clone().map_err(StartError::Clone)?,
            configs,
            maps: maps_receiver.clone(),
            open,
            stop,
            workers: Vec::new(),
            close_admin,
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
        let workers_count = self.config.workers.count;
        let shares = shares(self.sockets.listeners, self.sockets.reads, workers_count);
        let peers = Peers::connect(workers_count);
        for (index, (listeners, (peers, mailbox))) in shares.into_iter().zip(peers).enumerate() {
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
                listeners,
                open: open_receiver.clone(),
                surveys: surveys_receiver.clone(),
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
        let watcher = Watcher::new(
            configs_receiver.clone(),
            maps_receiver,
            surveys,
            Arc::clone(metrics.topology()),
        );
        let keeper = Keeper::new(
            configs_receiver,
            trigger,
            maps,
            topology_metrics,
            Arc::clone(&admin_state),
        );
        let admin = self.sockets.admin.map(|listener| (listener, admin_state, admin_closed));
        let keep = move || keep(keeper, watcher, admin, closed);
        running.keeper = Some(spawn("keeper".to_owned(), keep)?);
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

/// Takes an address once for each worker.
fn bind_all(addr: SocketAddr, config: &Config) -> Result<Vec<TcpListener>, StartError> {
    let (backlog, refused) = (config.listen.backlog, |source| StartError::Listen { addr, source });
    // Several sockets share the port, and that would let another front door share it too. Only a socket
    // that does not share tells whether it is free.
    drop(bind(addr, backlog, Sharing::Exclusive).map_err(refused)?);
    let first = bind(addr, backlog, Sharing::Shared).map_err(refused)?;
    let addr = first.local_addr().map_err(refused)?;
    let mut listeners = vec![first];
    for _ in 1..config.workers.count {
        listeners.push(bind(addr, backlog, Sharing::Shared).map_err(refused)?);
    }
    Ok(listeners)
}

/// The second address, if there is one.
fn bind_reads(config: &Config) -> Result<Vec<TcpListener>, StartError> {
    config.reads.addr.map_or_else(|| Ok(Vec::new()), |addr| bind_all(addr, config))
}

fn bind_admin(config: &Config) -> Result<Option<TcpListener>, StartError> {
    let Some(addr) = config.admin.addr else { return Ok(None) };
    bind(addr, ADMIN_BACKLOG, Sharing::Exclusive)
        .map(Some)
        .map_err(|source| StartError::Listen { addr, source })
}

/// Makes the listeners that another process had on an address fit the settings: each worker has at least one.
fn go_on_listening(
    listeners: &mut Vec<TcpListener>,
    addr: SocketAddr,
    config: &Config,
) -> Result<(), StartError> {
    let refused = |source| StartError::Listen { addr, source };
    let backlog = config.listen.backlog;
    for listener in listeners.iter() {
        SockRef::from(listener).listen(as_backlog(backlog)).map_err(refused)?;
    }
    while listeners.len() < config.workers.count {
        listeners.push(bind(addr, backlog, Sharing::Shared).map_err(refused)?);
    }
    Ok(())
}

/// The listeners of each worker, in turn, and which door each is.
fn shares(
    listeners: Vec<TcpListener>,
    reads: Vec<TcpListener>,
    workers_count: usize,
) -> Vec<Vec<(Entrance, TcpListener)>> {
    let mut shares = Vec::new();
    shares.resize_with(workers_count, Vec::new);
    for (entrance, listeners) in [(Entrance::Main, listeners), (Entrance::Reads, reads)] {
        for (index, listener) in listeners.into_iter().enumerate() {
            shares[index % workers_count].push((entrance, listener));
        }
    }
    shares
}

fn bind(addr: SocketAddr, backlog: u32, sharing: Sharing) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if sharing == Sharing::Shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(as_backlog(backlog))?;
    Ok(socket.into())
}

fn as_backlog(connections: u32) -> i32 {
    i32::try_from(connections).unwrap_or(i32::MAX)
}

/// The keeper's thread: the topology, the state of replicas and the admin port.
fn keep(
    keeper: Keeper,
    watcher: Watcher,
    admin: Option<(TcpListener, Arc<AdminState>, watch::Receiver<bool>)>,
    mut closed: watch::Receiver<bool>,
) -> io::Result<()> {
    let runtime = tokio::runtime::LocalRuntime::new()?;
    runtime.block_on(async move {
        let keeping = tokio::task::spawn_local(keeper.run());
        let watching = tokio::task::spawn_local(watcher.run());
        if let Some((listener, state, admin_closed)) = admin {
            admin::serve(listener, state, admin_closed).await;
        }
        // An error means that nobody is left who could say so: that is the end, too.
        drop(closed.wait_for(|is_closed| *is_closed).await);
        keeping.abort();
        watching.abort();
        Ok(())
    })
}

fn spawn(
    name: String,
    run: impl FnOnce() -> io::Result<()> + Send + 'static,
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
    /// What it listens on, to be handed on.
    sockets: Sockets,
    /// The settings in force.
    configs: watch::Sender<Arc<Config>>,
    /// The topology as it changes.
    maps: watch::Receiver<Option<Arc<ClusterMap>>>,
    /// Tells the workers to let clients in.
    open: watch::Sender<bool>,
    /// Tells the workers to leave, and what clients are granted.
    stop: watch::Sender<Option<Drain>>,
    workers: Vec<JoinHandle<()>>,
    /// Tells the admin port to close.
    close_admin: watch::Sender<bool>,
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

    /// The settings in force.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.configs.borrow())
    }

    /// What it listens on, for the process that takes over.
    pub fn sockets(&self) -> &Sockets {
        &self.sockets
    }

    /// Waits until a node has told the topology.
    pub async fn wait_topology(&self) {
        // An error means that the keeper has ended, which [`Running::is_broken`] tells.
        drop(self.maps.clone().wait_for(Option::is_some).await);
    }

    /// Lets clients in, if they are not let in already.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Puts other settings in force, of all threads alike, each of which takes them over whole. Gives back every
    /// difference, and whether it takes effect.
    pub fn reload(&self, wanted: Config) -> Vec<Change> {
        let (config, changes) = reload::replace(&self.config(), wanted);
        let config = Arc::new(config);
        self.admin.set_config(Arc::clone(&config));
        self.configs.send_replace(config);
        changes
    }

    /// Calls itself not ready, for good; all else goes on.
    pub fn announce_stop(&self) {
        self.admin.set_draining();
    }

    /// Stops: no new clients, and those connected are sent away as the settings in `shutdown` have it.
    ///
    /// The admin port tells of the drain until it is over, unless it is another process's by now. Blocks until every
    /// thread has ended.
    pub fn stop(self, departure: Departure) {
        self.announce_stop();
        let drain = Drain::new(&self.config(), departure);
        if departure == Departure::TakenOver {
            self.close_admin.send_replace(true);
        }
        // As long as these are open, clients could connect and would find nobody.
        drop(self.sockets);
        self.stop.send_replace(Some(drain));
        // A thread that panicked has said so on standard error.
        for worker in self.workers {
            let _ = worker.join();
        }
        self.close_admin.send_replace(true);
        self.close.send_replace(true);
        if let Some(keeper) = self.keeper {
            let _ = keeper.join();
        }
    }
}
