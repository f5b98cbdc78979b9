//! One worker's thread: its runtime, its listeners, its end.

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::runtime::LocalRuntime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::Worker;
use super::drain::AtRest;
use super::tasks::{Shared, flush_turns, serve_client, tick};
use crate::cluster_map::ClusterMap;
use crate::config::Config;
use crate::drain::{Departure, Drain};
use crate::local::SharedFacts;
use crate::metrics::label::Limit;
use crate::metrics::worker::WorkerMetrics;
use crate::peers::PeerMessage;
use crate::replicas::Survey;
use crate::session::Entrance;
use crate::token_bucket::{Rate, TokenBucket};

/// Pause after an `accept` that failed for want of descriptors or memory: trying at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// How often a draining worker looks after its clients, which costs a step for each.
const DRAIN_POLL: Duration = Duration::from_millis(10);

/// What a worker's thread is made of.
pub(crate) struct WorkerParts {
    /// The worker itself is made on its thread by this.
    pub(crate) make: Box<dyn FnOnce() -> Worker + Send>,
    /// Its own listeners on the shared address; one, unless they were another process's.
    pub(crate) listeners: Vec<TcpListener>,
    /// Whether clients are let in.
    pub(crate) open: watch::Receiver<bool>,
    /// The topology as it changes.
    pub(crate) maps: watch::Receiver<Option<Arc<ClusterMap>>>,
    /// Its listeners on the second address, if there is one.
    pub(crate) reads_listeners: Vec<TcpListener>,
    /// What is found of replicas.
    pub(crate) surveys: watch::Receiver<Arc<Survey>>,
    /// Messages of other workers.
    pub(crate) mailbox: mpsc::Receiver<PeerMessage>,
    /// `Some` when the front door is to leave: what clients are granted.
    pub(crate) stop: watch::Receiver<Option<Drain>>,
    /// The settings as they change.
    pub(crate) configs: watch::Receiver<Arc<Config>>,
    /// Facts about the whole front door.
    pub(crate) facts: Arc<SharedFacts>,
    /// The worker's counters.
    pub(crate) metrics: Arc<WorkerMetrics>,
}

/// Runs a worker on the calling thread until it is told to stop and its clients are gone.
///
/// # Errors
/// The runtime or a listener could not be made; nothing runs then.
pub(crate) fn run(parts: WorkerParts) -> std::io::Result<()> {
    let runtime = LocalRuntime::new()?;
    runtime.block_on(async move {
        let shared = Shared::new((parts.make)());
        tokio::task::spawn_local(flush_turns(Rc::clone(&shared)));
        tokio::task::spawn_local(tick(Rc::clone(&shared)));
        tokio::task::spawn_local(follow_maps(Rc::clone(&shared), parts.maps));
        tokio::task::spawn_local(follow_surveys(Rc::clone(&shared), parts.surveys));
        tokio::task::spawn_local(take_mail(Rc::clone(&shared), parts.mailbox));
        tokio::task::spawn_local(follow_configs(Rc::clone(&shared), parts.configs.clone()));
        let door = Door {
            configs: parts.configs,
            facts: parts.facts,
            metrics: parts.metrics,
            entrance: Entrance::Main,
        };
        let reads_door = Door { entrance: Entrance::Reads, ..door.clone() };
        let entrances = [(&door, &parts.listeners), (&reads_door, &parts.reads_listeners)];
        let mut accepting = JoinSet::new();
        for (door, listeners) in entrances {
            for listener in listeners {
                let listener = tokio::net::TcpListener::from_std(listener.try_clone()?)?;
                let (door, shared) = (door.clone(), Rc::clone(&shared));
                let mut open = parts.open.clone();
                accepting.spawn_local(async move {
                    // Without a sender nobody can open it any more, nor wants to.
                    if open.wait_for(|is_open| *is_open).await.is_ok() {
                        door.accept(shared, listener).await;
                    }
                });
            }
        }
        let Some(drain) = stopped(parts.stop).await else { return Ok(()) };
        accepting.shutdown().await;
        if drain.departure == Departure::Stop {
            for (door, listeners) in entrances {
                door.admit_waiting(&shared, listeners).await;
            }
        }
        drop((parts.listeners, parts.reads_listeners));
        empty(&shared, drain).await;
        Ok(())
    })
}

/// Waits until the front door is to leave; `None`: at once, for nobody is left who could say so.
async fn stopped(mut stop: watch::Receiver<Option<Drain>>) -> Option<Drain> {
    stop.wait_for(Option::is_some).await.ok().and_then(|drain| *drain)
}

/// Sends all clients away; see [`crate::drain`].
async fn empty(shared: &Shared, drain: Drain) {
    shared.with(Worker::begin_drain);
    let mut at_rest = AtRest::default();
    let serving = until_deserted(shared, || {
        shared.with(|worker| worker.dismiss_idle(&mut at_rest, drain.idle));
    });
    if tokio::time::timeout(drain.serve, serving).await.is_ok() {
        return;
    }
    shared.with(Worker::dismiss_all);
    if tokio::time::timeout(drain.finish, until_deserted(shared, || {})).await.is_err() {
        let left = shared.with(|worker| worker.sessions_count());
        tracing::warn!(clients = left, "clients were cut off: the drain took too long");
    }
}

/// Looks from time to time, until there is nobody left to look after.
async fn until_deserted(shared: &Shared, mut look: impl FnMut()) {
    loop {
        look();
        if shared.with(|worker| worker.is_deserted()) {
            return;
        }
        tokio::time::sleep(DRAIN_POLL).await;
    }
}

async fn follow_maps(shared: Rc<Shared>, mut maps: watch::Receiver<Option<Arc<ClusterMap>>>) {
    loop {
        let map = maps.borrow_and_update().clone();
        if let Some(map) = map {
            shared.with(|worker| worker.adopt(&map));
        }
        if maps.changed().await.is_err() {
            return;
        }
    }
}

async fn follow_configs(shared: Rc<Shared>, mut configs: watch::Receiver<Arc<Config>>) {
    while configs.changed().await.is_ok() {
        let config = Arc::clone(&configs.borrow_and_update());
        shared.with(|worker| worker.set_config(config));
    }
}

async fn follow_surveys(shared: Rc<Shared>, mut surveys: watch::Receiver<Arc<Survey>>) {
    while surveys.changed().await.is_ok() {
        let survey = Arc::clone(&surveys.borrow_and_update());
        shared.with(|worker| worker.adopt_survey(survey));
    }
}

async fn take_mail(shared: Rc<Shared>, mut mailbox: mpsc::Receiver<PeerMessage>) {
    while let Some(message) = mailbox.recv().await {
        shared.with(|worker| worker.peer_message(message));
    }
}

/// Where clients come in.
#[derive(Clone)]
struct Door {
    configs: watch::Receiver<Arc<Config>>,
    facts: Arc<SharedFacts>,
    metrics: Arc<WorkerMetrics>,
    entrance: Entrance,
}

impl Door {
    /// Lets those in who have connected and were not accepted, whom the end of their listener would cut.
    async fn admit_waiting(&self, shared: &Rc<Shared>, listeners: &[TcpListener]) {
        for listener in listeners {
            while let Ok((stream, peer_addr)) = listener.accept() {
                let stream =
                    stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
                if let Ok(stream) = stream {
                    self.admit(shared, stream, peer_addr).await;
                }
            }
        }
    }

    async fn accept(self, shared: Rc<Shared>, listener: tokio::net::TcpListener) {
        let (start, mut bucket) = (Instant::now(), TokenBucket::default());
        loop {
            match listener.accept().await {
                Ok((stream, peer_addr)) => {
                    self.admit(&shared, stream, peer_addr).await;
                    while let Err(wait) = self.may_accept(start, &mut bucket) {
                        self.metrics.limit_reached(Limit::Accepts);
                        tokio::time::sleep(wait).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a client");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Takes for one client more.
    ///
    /// # Errors
    /// Too many came in a short time; how long those that wait have to wait longer.
    fn may_accept(&self, start: Instant, bucket: &mut TokenBucket) -> Result<(), Duration> {
        let config = self.configs.borrow();
        let listen = &config.listen;
        let Some(rate) = Rate::new(listen.accept_per_second, listen.accept_burst) else {
            return Ok(());
        };
        let now_ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        bucket.take(now_ns, rate)
    }

    async fn admit(&self, shared: &Rc<Shared>, mut stream: TcpStream, peer_addr: SocketAddr) {
        let before = self.facts.clients_count.fetch_add(1, Ordering::Relaxed);
        if before >= self.configs.borrow().listen.clients_max {
            self.facts.clients_count.fetch_sub(1, Ordering::Relaxed);
            self.metrics.client_rejected(Limit::Clients);
            // A fresh socket's buffer is empty, so this does not wait; should it fail, the client sees the end.
            let _ = stream.write_all(b"-ERR max number of clients reached\r\n").await;
            return;
        }
        if let Some(refusal) = shared.with(|worker| worker.refuse_client()) {
            self.facts.clients_count.fetch_sub(1, Ordering::Relaxed);
            let _ = stream.write_all(refusal.as_bytes()).await;
            return;
        }
        if let Err(error) = self.prepare(&stream) {
            tracing::debug!(%error, "cannot set options of a client's socket");
        }
        tokio::task::spawn_local(serve_client(Rc::clone(shared), stream, peer_addr, self.entrance));
    }

    fn prepare(&self, stream: &TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let idle = self.configs.borrow().listen.tcp_keepalive;
        if !idle.is_zero() {
            let keepalive = TcpKeepalive::new().with_time(idle).with_interval(idle / 3);
            SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
        }
        Ok(())
    }
}
