//! The topology keeper: asks several nodes who owns what, believes the highest epochs, publishes one map.
//!
//! 1. It waits for its timer or for a worker's sign that something changed ([`RefreshTrigger`]).
//! 2. It asks nodes that it knows, each time beginning with another one, until enough have answered, and does not
//!    wait for one that hangs; if none answers, it looks the seeds' names up again and asks those. Seeds may have left
//!    the cluster long ago: a node that belongs to none tells nothing.
//! 3. The views are merged by epoch, with what is held of nodes that did not speak for themselves, so a node in a
//!    minority cannot roll the map back, not even when it alone answers.
//! 4. If the map changed, every worker gets it.
//!
//! Invariant: never more than one refresh at a time, and a pause between two of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reddoor_protocol::encode::Resp;
use reddoor_protocol::frame::ReplyLimits;
use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::{NodeInfo, Role, Topology, merge, nodes_text};
use reddoor_protocol::value::Value;
use tokio::net::lookup_host;
use tokio::sync::watch;

use crate::admin::AdminState;
use crate::cluster_map::{ClusterMap, NodeAddr};
use crate::config::Config;
use crate::handshake::{self, Login};
use crate::metrics::label::{RefreshReason, RefreshResult};
use crate::metrics::topology::{TopologyMetrics, TopologySize};
use crate::refresh::RefreshTrigger;

/// Bytes of one `CLUSTER NODES` reply: room for 16384 nodes that each name hundreds of slots.
const NODES_REPLY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Refresh intervals without an answer (count) before the front door calls itself not ready.
const FAILED_INTERVALS_MAX: u32 = 3;

/// How long answers are waited for after the last one, when there are some or others to be asked.
const STRAGGLER_PATIENCE: Duration = Duration::from_millis(100);

/// See the module.
pub(crate) struct Keeper {
    config: Arc<Config>,
    /// The settings as they change.
    configs: watch::Receiver<Arc<Config>>,
    trigger: Arc<RefreshTrigger>,
    maps: watch::Sender<Option<Arc<ClusterMap>>>,
    metrics: Arc<TopologyMetrics>,
    admin: Arc<AdminState>,
    /// The last topology.
    topology: Topology,
    /// The nodes of the last map.
    known: Vec<NodeAddr>,
    /// Which of them is asked first next time.
    first: usize,
    /// Since when every refresh has failed.
    failing_since: Option<Instant>,
}

impl Keeper {
    /// A keeper that knows nothing yet.
    pub(crate) fn new(
        configs: watch::Receiver<Arc<Config>>,
        trigger: Arc<RefreshTrigger>,
        maps: watch::Sender<Option<Arc<ClusterMap>>>,
        metrics: Arc<TopologyMetrics>,
        admin: Arc<AdminState>,
    ) -> Keeper {
        let (topology, known) = (Topology::default(), Vec::new());
        let config = Arc::clone(&configs.borrow());
        Keeper {
            config,
            configs,
            trigger,
            maps,
            metrics,
            admin,
            topology,
            known,
            first: 0,
            failing_since: None,
        }
    }

    /// Keeps the topology for ever.
    pub(crate) async fn run(mut self) {
        let mut reasons = vec![RefreshReason::Startup];
        loop {
            self.config = Arc::clone(&self.configs.borrow());
            let result = self.refresh().await;
            for reason in reasons {
                self.metrics.refreshed(reason, result, Instant::now());
            }
            tokio::time::sleep(self.config.cluster.refresh_min_gap).await;
            // While nothing is known the next attempt comes at once.
            if !self.known.is_empty() {
                let interval = self.config.cluster.refresh_interval;
                let _ = tokio::time::timeout(interval, self.trigger.requested()).await;
            }
            reasons = self.trigger.take_reasons().collect();
            if reasons.is_empty() {
                reasons.push(RefreshReason::Timer);
            }
        }
    }

    async fn refresh(&mut self) -> RefreshResult {
        let mut asked = self.ask_known().await;
        if asked.views.is_empty() {
            asked.absorb(self.ask_seeds().await);
        }
        let Asked { views, refusals } = asked;
        if views.is_empty() {
            self.note_failure(&refusals);
            return RefreshResult::Failed;
        }
        self.failing_since = None;
        let silent = claims_of_the_silent(&self.topology, &views);
        self.topology = merge::merge(views.into_iter().chain([silent]));
        self.publish(ClusterMap::new(&self.topology))
    }

    /// No node told anything. What is known still serves: only when that lasts, clients had better go elsewhere.
    fn note_failure(&mut self, refusals: &[String]) {
        let reason = refusals.first().map_or("no address was found", String::as_str);
        let since = *self.failing_since.get_or_insert_with(|| {
            tracing::warn!(reason, "no node tells the topology; asking until one does");
            Instant::now()
        });
        let patience = FAILED_INTERVALS_MAX * self.config.cluster.refresh_interval;
        if self.known.is_empty() || since.elapsed() > patience {
            self.admin.set_not_ready(&format!("no node tells the topology: {reason}"));
        }
    }

    fn publish(&mut self, map: ClusterMap) -> RefreshResult {
        self.known = map.nodes.iter().map(|node| node.addr.clone()).collect();
        let covered = map.slots_covered();
        // Told from outside is only what the workers have been told.
        let result = self.hand_out(map);
        if covered == Slot::COUNT {
            self.admin.set_ready();
        } else {
            let missing = Slot::COUNT - covered;
            self.admin.set_not_ready(&format!("{missing} of {} slots have no owner", Slot::COUNT));
        }
        result
    }

    /// Gives the workers a map that is not the one they have.
    fn hand_out(&self, map: ClusterMap) -> RefreshResult {
        let is_unchanged =
            self.maps.borrow().as_ref().is_some_and(|current| current.as_ref() == &map);
        if is_unchanged {
            return RefreshResult::Unchanged;
        }
        let size = TopologySize {
            primaries: map.count(Role::Primary),
            replicas: map.count(Role::Replica),
            slots_covered: map.slots_covered(),
        };
        tracing::info!(
            epoch = map.epoch,
            primaries = size.primaries,
            replicas = size.replicas,
            slots = size.slots_covered,
            "topology adopted"
        );
        let epoch = map.epoch;
        self.maps.send_replace(Some(Arc::new(map)));
        self.metrics.adopted(epoch, size);
        RefreshResult::Adopted
    }

    /// Asks known nodes until enough have answered or none is left. One that takes its time is not waited for once
    /// others have answered, and not alone.
    async fn ask_known(&mut self) -> Asked {
        let mut asked = Asked::default();
        let wanted = self.config.cluster.refresh_nodes.min(self.known.len());
        if wanted == 0 {
            return asked;
        }
        self.first = (self.first + 1) % self.known.len();
        let (behind, from) = self.known.split_at(self.first);
        let mut addrs = from.iter().chain(behind).map(|addr| addr.as_str().to_owned());
        let mut asking = tokio::task::JoinSet::new();
        let mut more = wanted;
        loop {
            addrs.by_ref().take(more).for_each(|addr| self.ask(&mut asking, addr));
            match tokio::time::timeout(STRAGGLER_PATIENCE, asking.join_next()).await {
                Ok(None) => return asked,
                Ok(Some(answer)) => {
                    let is_view = matches!(answer, Ok(Ok(_)));
                    asked.take(answer);
                    more = usize::from(!is_view);
                }
                Err(_) if !asked.views.is_empty() => return asked,
                Err(_) => more = wanted,
            }
            if asked.views.len() >= wanted {
                return asked;
            }
        }
    }

    async fn ask_seeds(&self) -> Asked {
        let mut addrs: Vec<String> = Vec::new();
        let mut refusals = Vec::new();
        for seed in &self.config.cluster.seeds {
            match lookup_host(seed.to_string()).await {
                Ok(found) => addrs.extend(found.map(|addr: SocketAddr| addr.to_string())),
                Err(error) => refusals.push(format!("{seed}: {error}")),
            }
        }
        let mut asked = self.ask_all(addrs).await;
        asked.refusals.append(&mut refusals);
        asked
    }

    /// Asks nodes at the same time.
    async fn ask_all(&self, addrs: Vec<String>) -> Asked {
        let mut asking = tokio::task::JoinSet::new();
        addrs.into_iter().for_each(|addr| self.ask(&mut asking, addr));
        let mut asked = Asked::default();
        while let Some(answer) = asking.join_next().await {
            asked.take(answer);
        }
        asked
    }

    fn ask(&self, asking: &mut tokio::task::JoinSet<Answer>, addr: String) {
        let login = Login::new(&self.config, Resp::V2);
        let timeout = self.config.cluster.connect_timeout;
        asking.spawn_local(async move {
            match tokio::time::timeout(timeout, ask_one(&addr, &login)).await {
                Ok(Ok(view)) => Ok(view),
                Ok(Err(reason)) => Err(format!("{addr}: {reason}")),
                Err(_) => Err(format!("{addr}: no answer within {timeout:?}")),
            }
        });
    }
}

/// A node's view of the cluster, or its address and why it told none.
type Answer = Result<Topology, String>;

/// What is held of nodes that are still known but did not speak for themselves this time: should only a node answer
/// that was cut off, the newer claims of the others are not forgotten for its older ones.
fn claims_of_the_silent(known: &Topology, views: &[Topology]) -> Topology {
    let told = || views.iter().flat_map(|view| &view.nodes);
    let is_silent = |node: &&NodeInfo| {
        told().any(|other| other.id == node.id)
            && !told().any(|other| other.id == node.id && other.is_myself)
    };
    let nodes = known.nodes.iter().filter(is_silent).cloned();
    Topology { nodes: nodes.map(|node| NodeInfo { is_myself: false, ..node }).collect() }
}

/// What nodes answered.
#[derive(Debug, Default)]
struct Asked {
    views: Vec<Topology>,
    /// Why the others told nothing, each with its address.
    refusals: Vec<String>,
}

impl Asked {
    fn take(&mut self, answer: Result<Answer, tokio::task::JoinError>) {
        match answer {
            Ok(Ok(view)) => self.views.push(view),
            Ok(Err(refusal)) => self.refusals.push(refusal),
            Err(broken) => self.refusals.push(broken.to_string()),
        }
    }

    fn absorb(&mut self, mut other: Asked) {
        self.views.append(&mut other.views);
        self.refusals.append(&mut other.refusals);
    }
}

/// One node's view of the cluster, or why it has none.
async fn ask_one(addr: &str, login: &Login) -> Result<Topology, String> {
    let mut stream = handshake::connect(addr, login).await.map_err(|error| error.to_string())?;
    let limits = ReplyLimits { reply_bytes_max: NODES_REPLY_BYTES_MAX, ..ReplyLimits::default() };
    let reply = handshake::ask(&mut stream, &["CLUSTER", "NODES"], &limits)
        .await
        .map_err(|error| error.to_string())?;
    if let Value::Error(error) = &reply {
        return Err(String::from_utf8_lossy(error).into_owned());
    }
    let text = reply.as_str().ok_or("CLUSTER NODES is answered in another shape")?;
    let mut view = nodes_text::parse(text).map_err(|error| error.to_string())?;
    if is_of_no_cluster(&view) {
        return Err("it belongs to no cluster".to_owned());
    }
    name_myself(&mut view, addr);
    Ok(view)
}

/// Whether a node knows nobody and owns nothing: one that has left its cluster, or has not been met yet. Its word
/// would say that no slot has an owner, and a seed that left would be believed whenever all others are silent.
fn is_of_no_cluster(view: &Topology) -> bool {
    view.nodes.len() <= 1 && view.slots_covered() == 0
}

/// A node that was never met does not know its own address: it is the one that was asked.
fn name_myself(view: &mut Topology, addr: &str) {
    let Some((host, _)) = addr.rsplit_once(':') else { return };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    for node in view.nodes.iter_mut().filter(|node| node.is_myself && node.ip.is_empty()) {
        node.ip = host.to_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_left_its_cluster_tells_nothing_of_it() {
        let alone =
            "07c37dfeb235213a872192d90877d0cd55635b91 :7000@17000 myself,master - 0 0 1 connected";
        let other = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 h:1@2 slave 07c37dfeb235213a872192d90877d0cd55635b91 0 0 1 connected";
        for (text, is_none) in [
            (alone.to_owned(), true),
            (format!("{alone} 5"), false),
            (format!("{alone}\n{other}"), false),
        ] {
            assert_eq!(is_of_no_cluster(&nodes_text::parse(&text).unwrap()), is_none, "{text}");
        }
    }

    #[test]
    fn a_node_without_an_address_is_the_one_that_was_asked() {
        let text = "07c37dfeb235213a872192d90877d0cd55635b91 :7000@17000 myself,master - 0 0 1 connected 0";
        for (asked, ip) in [("10.0.0.1:7000", "10.0.0.1"), ("[::1]:7000", "::1")] {
            let mut view = nodes_text::parse(text).unwrap();
            name_myself(&mut view, asked);
            assert_eq!(view.nodes[0].ip, ip);
        }
    }
}
