//! One worker's thread: its runtime, its listener, its end.

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

use super::Worker;
use super::tasks::{Shared, flush_turns, serve_client, tick};
use crate::cluster_map::ClusterMap;
use crate::config::Config;
use crate::local::SharedFacts;
use crate::metrics::label::Limit;
use crate::metrics::worker::WorkerMetrics;
use crate::peers::PeerMessage;
use crate::replicas::Survey;
use crate::session::Entrance;
use crate::token_bucket::{Rate, TokenBucket};

/// Pause after an `accept` that failed for want of descriptors or memory: trying at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// How often a draining worker looks whether its clients are gone.
const DRAIN_POLL: Duration = Duration::from_millis(5);

/// What a worker's thread is made of.
pub(crate) struct WorkerParts {
    /// The worker itself is made on its thread by this.
    pub(crate) make: Box<dyn FnOnce() -> Worker + Send>,
    /// Its own listener on the shared address.
    pub(crate) listener: TcpListener,
    /// The topology as it changes.
    pub(crate) maps: watch::Receiver<Option<Arc<ClusterMap>>>,
    /// Its listener on the second address, if there is one.
    pub(crate) reads_listener: Option<TcpListener>,
    /// What is found of replicas.
    pub(crate) surveys: watch::Receiver<Arc<Survey>>,
    /// Messages of other workers.
    pub(crate) mailbox: mpsc::Receiver<PeerMessage>,
    /// `Some` when the front door is to stop: how long clients may take to get their replies.
    pub(crate) stop: watch::Receiver<Option<Duration>>,
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
/// The runtime or the listener could not be made; nothing runs then.
pub(crate) fn run(parts: WorkerParts) -> std::io::Result<()> {
    let runtime = LocalRuntime::new()?;
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::from_std(parts.listener)?;
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
        let accepting = tokio::task::spawn_local(door.clone().accept(Rc::clone(&shared), listener));
        let reads_accepting = match parts.reads_listener {
            Some(listener) => {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                let door = Door { entrance: Entrance::Reads, ..door };
                Some(tokio::task::spawn_local(door.accept(Rc::clone(&shared), listener)))
            }
            None => None,
        };
        let drain = stopped(parts.stop).await;
        accepting.abort();
        reads_accepting.iter().for_each(|accepting| accepting.abort());
        shared.with(Worker::drain);
        let emptied = async {
            while shared.with(|worker| worker.sessions_count()) > 0 {
                tokio::time::sleep(DRAIN_POLL).await;
            }
        };
        if tokio::time::timeout(drain, emptied).await.is_err() {
            let left = shared.with(|worker| worker.sessions_count());
            tracing::warn!(clients = left, "clients were cut off: the drain took too long");
        }
        Ok(())
    })
}

/// Waits until the front door is to stop; gives back how long that may take.
async fn stopped(mut stop: watch::Receiver<Option<Duration>>) -> Duration {
    match stop.wait_for(Option::is_some).await {
        Ok(drain) => drain.unwrap_or_default(),
        // Nobody is left who could say so: stop at once.
        Err(_) => Duration::ZERO,
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
