//! The admin port: what operators and their machines ask of a front door, over HTTP/1.
//!
//! In: requests for a few paths (`routes`); what the topology keeper and the stop signal say of readiness.
//! Out: one answer per connection, which then closes.
//!
//! Invariants: connections at once, the life of each and the bytes of its request are bounded by the constants below.
//! So a scraper that is stuck, or that means harm, holds a few buffers for a few seconds, and the port answers again
//! by itself. A connection too many waits in the kernel.
//!
//! Not here: the data path. Whoever answers here shares the topology keeper's thread, and no lock with a worker but
//! those around its list of nodes and its book of the doctor.

mod routes;

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::config::Config;
use crate::doctor::Doctor;
use crate::metrics::Metrics;

/// Connections served at once (count): a few scrapers and probes, and some to spare.
const CONNECTIONS_MAX: usize = 32;

/// From accepted to closed, whatever the other side does. Prometheus itself gives up after 10 seconds by default.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(10);

/// From accepted to a whole request.
const HEADER_TIME_MAX: Duration = Duration::from_secs(5);

/// Bytes of one request; the least that hyper allows.
const REQUEST_BYTES_MAX: usize = 8192;

/// Header lines of one request (count).
const HEADERS_MAX: usize = 64;

/// Time to finish the answers under way when the server closes.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(1);

/// Rest after the system could not give a connection, most often for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the admin port tells of: settings, counts and whether clients are welcome.
#[derive(Debug)]
pub struct AdminState {
    config: Mutex<Arc<Config>>,
    metrics: Arc<Metrics>,
    doctor: Arc<Doctor>,
    readiness: Mutex<Readiness>,
}

/// Whether clients are welcome, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Readiness {
    Ready,
    /// The reason is one line.
    NotReady(String),
    /// Once begun, a drain is not taken back.
    Draining,
}

impl AdminState {
    /// A front door that knows no topology yet, and so is not ready.
    pub fn new(config: Arc<Config>, metrics: Arc<Metrics>, doctor: Arc<Doctor>) -> AdminState {
        let readiness = Mutex::new(Readiness::NotReady("no topology yet".to_owned()));
        AdminState { config: Mutex::new(config), metrics, doctor, readiness }
    }

    /// Other settings are in force.
    pub fn set_config(&self, config: Arc<Config>) {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }

    fn config(&self) -> Arc<Config> {
        // An exchanged pointer is whole, whatever became of the thread that held the lock.
        Arc::clone(&self.config.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Clients are welcome: every slot has an owner. Without effect while draining.
    pub fn set_ready(&self) {
        self.set(Readiness::Ready);
    }

    /// Clients had better go elsewhere, for a reason of one line. Without effect while draining.
    pub fn set_not_ready(&self, reason: &str) {
        self.set(Readiness::NotReady(reason.to_owned()));
    }

    /// The front door is stopping: clients that are there may finish, new ones are not welcome.
    pub fn set_draining(&self) {
        self.set(Readiness::Draining);
    }

    fn set(&self, readiness: Readiness) {
        let mut current = self.lock_readiness();
        if *current != Readiness::Draining {
            self.metrics.ready().set(u64::from(readiness == Readiness::Ready));
            *current = readiness;
        }
    }

    fn readiness(&self) -> Readiness {
        match self.lock_readiness().clone() {
            Readiness::Ready if !self.metrics.have_workers_maps() => {
                Readiness::NotReady("the workers have not taken the topology over yet".to_owned())
            }
            readiness => readiness,
        }
    }

    fn lock_readiness(&self) -> MutexGuard<'_, Readiness> {
        // Set whole or not at all, so what a thread left that died is as good as any.
        self.readiness.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers on `listener` until `closed` turns true or its sender is gone.
///
/// To be run in a tokio runtime with I/O and time, of whatever flavour. What goes wrong is logged: nobody's
/// command fails for it.
pub async fn serve(
    listener: TcpListener,
    state: Arc<AdminState>,
    mut closed: watch::Receiver<bool>,
) {
    let listener =
        listener.set_nonblocking(true).and_then(|()| tokio::net::TcpListener::from_std(listener));
    let listener = match listener {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the admin port cannot be served"),
    };
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = closed.wait_for(|is_closed| *is_closed) => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(serve_one(stream, Arc::clone(&state)));
            }
            Err(error) => {
                tracing::warn!(%error, "the admin port got no connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    // Those that take longer are cut when the set is dropped.
    let _ =
        timeout(CLOSE_TIME_MAX, async { while connections.join_next().await.is_some() {} }).await;
}

async fn serve_one(stream: TcpStream, state: Arc<AdminState>) {
    let service = service_fn(|request| {
        let response = routes::answer(&state, request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME_MAX)
        .keep_alive(false)
        .max_headers(HEADERS_MAX)
        .max_buf_size(REQUEST_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(CONNECTION_TIME_MAX, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "an admin connection broke"),
        Err(_) => tracing::debug!("an admin connection took too long and was cut"),
    }
}

#[cfg(test)]
mod tests;
