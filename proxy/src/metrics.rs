//! The counters of the data path and how Prometheus reads them.
//!
//! In: one thread counts into one [`worker::WorkerMetrics`] (or, the topology keeper, into one
//! [`topology::TopologyMetrics`]); counting is a load and a store of memory that no other thread writes.
//! Out: [`Metrics::exposition`] sums over the workers when it is scraped, and only then.
//!
//! Labels take their values from closed sets ([`label`]), the command table and the nodes of the topology; never
//! from what clients send.
//!
//! Not here: HTTP (see `admin`), and any knowledge of sessions, links or configuration.
//!
//! Spec: <https://prometheus.io/docs/practices/naming/>

pub mod cell;
pub mod label;
pub mod latency;

pub mod node;
pub mod topology;
pub mod worker;

mod exposition;
mod family;
mod sample;

use std::sync::Arc;
use std::time::Instant;

use prometheus::process_collector::ProcessCollector;
use prometheus::{Registry, TextEncoder};

use cell::Gauge;
use exposition::DataPath;
use topology::TopologyMetrics;
use worker::WorkerMetrics;

/// All counts of one front door.
#[derive(Debug)]
pub struct Metrics {
    counts: Arc<Counts>,
    registry: Registry,
}

/// The cells themselves, one owner each.
#[derive(Debug)]
struct Counts {
    workers: Vec<Arc<WorkerMetrics>>,
    topology: Arc<TopologyMetrics>,
    ready: Gauge,
}

impl Counts {
    fn have_workers_maps(&self) -> bool {
        self.workers.iter().all(|worker| worker.has_map.value() > 0)
    }
}

impl Metrics {
    /// Makes the counts of `workers_count` workers, all at zero.
    pub fn new(workers_count: usize) -> Metrics {
        let counts = Arc::new(Counts {
            workers: (0..workers_count).map(|_| Arc::new(WorkerMetrics::new())).collect(),
            topology: Arc::new(TopologyMetrics::new(Instant::now())),
            ready: Gauge::default(),
        });
        let registry = Registry::new();
        registry
            .register(Box::new(DataPath::new(Arc::clone(&counts))))
            .and_then(|()| registry.register(Box::new(ProcessCollector::for_self())))
            .expect("a new registry holds no collector these two could clash with");
        Metrics { counts, registry }
    }

    /// The counts of each worker; to be written by that worker's thread alone.
    pub fn workers(&self) -> &[Arc<WorkerMetrics>] {
        &self.counts.workers
    }

    /// The counts of the topology keeper; to be written by its thread alone.
    pub fn topology(&self) -> &Arc<TopologyMetrics> {
        &self.counts.topology
    }

    /// Whether every worker goes by a topology: until then commands wait.
    pub(crate) fn have_workers_maps(&self) -> bool {
        self.counts.have_workers_maps()
    }

    /// Whether clients are welcome as far as the topology tells: 1 or 0. Written by the admin server's state alone.
    pub(crate) fn ready(&self) -> &Gauge {
        &self.counts.ready
    }

    /// Everything in the text format Prometheus scrapes, each metric with its meaning and type.
    ///
    /// # Errors
    /// [`prometheus::Error`] when a family is malformed, which no count can bring about.
    pub fn exposition(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
