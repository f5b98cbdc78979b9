//! Asks nodes how far they are, at an interval, and tells the workers what it found. Idle while no setting has reads
//! go to replicas.
//!
//! Each node has a connection that carries nothing else, so a node that hangs holds up nobody: it is asked again when
//! it has answered or its time is over. A replica is asked after its primary has answered, so one that is in step is
//! found to have at least as much.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reddoor_protocol::encode::Resp;
use reddoor_protocol::frame::ReplyLimits;
use reddoor_protocol::topology::Role;
use reddoor_protocol::value::Value;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout, timeout_at};

use super::history::History;
use super::standing::{self, Standing};
use super::{Survey, SurveyedNode, SurveyedReplica, SurveyedShard};
use crate::cluster_map::{ClusterMap, NodeAddr};
use crate::config::Config;
use crate::handshake::{self, HandshakeError, Login};
use crate::metrics::label::LeftOut;
use crate::metrics::topology::TopologyMetrics;

/// See the module.
pub(crate) struct Watcher {
    configs: watch::Receiver<Arc<Config>>,
    maps: watch::Receiver<Option<Arc<ClusterMap>>>,
    surveys: watch::Sender<Arc<Survey>>,
    metrics: Arc<TopologyMetrics>,
    nodes: HashMap<NodeAddr, Watched>,
    looks: JoinSet<Look>,
}

/// What is held of a node.
#[derive(Debug, Default)]
struct Watched {
    /// Taken while it is being asked.
    post: Option<Post>,
    /// A primary: how far it was when.
    history: History,
    /// A replica: the moment as of which it is complete, or why that does not matter.
    found: Option<Result<Instant, LeftOut>>,
    round_trip: Option<Duration>,
    zone: Option<String>,
}

/// The connection to a node, and what is asked only once on it.
#[derive(Debug, Default)]
struct Post {
    stream: Option<TcpStream>,
    zone: Option<String>,
}

/// One look at a node.
struct Look {
    addr: NodeAddr,
    post: Post,
    began: Instant,
    took: Duration,
    /// `None`: it did not answer, or not with what was asked.
    standing: Option<Standing>,
}

impl Watcher {
    /// A watcher that knows nothing yet.
    pub(crate) fn new(
        configs: watch::Receiver<Arc<Config>>,
        maps: watch::Receiver<Option<Arc<ClusterMap>>>,
        surveys: watch::Sender<Arc<Survey>>,
        metrics: Arc<TopologyMetrics>,
    ) -> Watcher {
        Watcher { configs, maps, surveys, metrics, nodes: HashMap::new(), looks: JoinSet::new() }
    }

    /// Watches for ever.
    pub(crate) async fn run(mut self) {
        loop {
            let config = Arc::clone(&self.configs.borrow_and_update());
            let map = self.maps.borrow_and_update().clone();
            match map.filter(|_| config.reads.uses_replicas()) {
                Some(map) => self.look_at_all(&config, &map).await,
                None => {
                    self.rest();
                    tokio::select! {
                        changed = self.configs.changed() => if changed.is_err() { return },
                        changed = self.maps.changed() => if changed.is_err() { return },
                    }
                }
            }
        }
    }

    /// Forgets all, and lets the connections go.
    fn rest(&mut self) {
        if !self.nodes.is_empty() {
            self.nodes.clear();
            self.looks.abort_all();
            self.surveys.send_replace(Arc::default());
            self.metrics.replicas_left_out([0; LeftOut::COUNT], 0);
        }
    }

    /// Looks at every node once, and ends when it is time for the next look, whoever has not answered by then.
    async fn look_at_all(&mut self, config: &Arc<Config>, map: &ClusterMap) {
        let next = tokio::time::Instant::now() + config.reads.check_interval;
        let shards = shards_of(map);
        let is_known = |addr: &NodeAddr| {
            shards.iter().any(|(primary, replicas)| primary == addr || replicas.contains(addr))
        };
        self.nodes.retain(|addr, _| is_known(addr));
        for (primary, replicas) in &shards {
            if self.is_asked(primary) {
                // Nothing new comes from their primary, but they may have gone away.
                replicas.iter().for_each(|replica| self.look(config, replica));
            } else {
                self.look(config, primary);
            }
        }
        while let Ok(Some(look)) = timeout_at(next, self.looks.join_next()).await {
            // Looks neither panic nor are they aborted while there is anybody to look at.
            let Ok(look) = look else { continue };
            let shard = shards.iter().find(|(p, r)| *p == look.addr || r.contains(&look.addr));
            let Some((primary, replicas)) = shard else { continue };
            if look.addr == *primary {
                self.take_primary(look);
                replicas.iter().for_each(|replica| self.look(config, replica));
            } else {
                self.take_replica(look, primary, config);
            }
        }
        self.publish(config, &shards);
        sleep_until(next).await;
    }

    /// Whether a node still owes the last answer.
    fn is_asked(&self, addr: &NodeAddr) -> bool {
        self.nodes.get(addr).is_some_and(|node| node.post.is_none())
    }

    /// Asks a node, unless it still owes the last answer.
    fn look(&mut self, config: &Arc<Config>, addr: &NodeAddr) {
        let node = self
            .nodes
            .entry(addr.clone())
            .or_insert_with(|| Watched { post: Some(Post::default()), ..Watched::default() });
        if let Some(post) = node.post.take() {
            self.looks.spawn_local(look_once(addr.clone(), post, Arc::clone(config)));
        }
    }

    fn take_primary(&mut self, look: Look) {
        let Some(node) = self.nodes.get_mut(&look.addr) else { return };
        // One that is no primary any more says nothing of what its successor writes.
        if let Some(standing) = look.standing.as_ref().filter(|told| told.role == Role::Primary) {
            node.history.note(look.began, &standing.stream, standing.offset);
        }
        node.found = None;
        node.take_back(look);
    }

    fn take_replica(&mut self, look: Look, primary: &NodeAddr, config: &Config) {
        let found = match (&look.standing, self.nodes.get(primary)) {
            (Some(standing), Some(primary)) => {
                judge(standing, &primary.history, config.reads.lag_max_bytes)
            }
            _ => Err(LeftOut::Silent),
        };
        let Some(node) = self.nodes.get_mut(&look.addr) else { return };
        node.found = Some(found);
        node.take_back(look);
    }

    fn publish(&self, config: &Config, shards: &[(NodeAddr, Vec<NodeAddr>)]) {
        let mut left_out = [0; LeftOut::COUNT];
        let mut readable = 0;
        let mut survey = Survey::default();
        for (primary, replicas) in shards {
            let mut found = Vec::new();
            for addr in replicas {
                match self.complete_as_of(addr, config) {
                    Ok(complete_as_of) => {
                        readable += 1;
                        let node = self.describe(addr, config);
                        found.push(SurveyedReplica { node, complete_as_of });
                    }
                    Err(reason) => left_out[reason.index()] += 1,
                }
            }
            if !found.is_empty() {
                let primary = self.describe(primary, config);
                survey.shards.push(SurveyedShard { primary, replicas: found });
            }
        }
        self.metrics.replicas_left_out(left_out, readable);
        self.surveys.send_replace(Arc::new(survey));
    }

    /// The moment as of which a replica is complete, if it can be read, or why it cannot.
    fn complete_as_of(&self, addr: &NodeAddr, config: &Config) -> Result<Instant, LeftOut> {
        let node = self.nodes.get(addr).ok_or(LeftOut::Silent)?;
        let complete_as_of = node.found.unwrap_or(Err(LeftOut::Silent))?;
        if complete_as_of.elapsed() <= config.reads.lag_max {
            return Ok(complete_as_of);
        }
        // Whoever is being asked for so long does not answer.
        Err(if node.post.is_some() { LeftOut::Lagging } else { LeftOut::Silent })
    }

    fn describe(&self, addr: &NodeAddr, config: &Config) -> SurveyedNode {
        let node = self.nodes.get(addr);
        let told = node.and_then(|node| node.zone.clone());
        let zone = config.reads.zone_of(addr.host(), addr.as_str()).map(str::to_owned).or(told);
        SurveyedNode { addr: addr.clone(), round_trip: node.and_then(|node| node.round_trip), zone }
    }
}

impl Watched {
    /// Takes the connection back, and what was measured on the way.
    fn take_back(&mut self, look: Look) {
        if look.standing.is_some() {
            // One slow answer in eight counts for an eighth: the mean of the last looks, roughly.
            let smoothed = self.round_trip.map_or(look.took, |known| (known * 7 + look.took) / 8);
            self.round_trip = Some(smoothed);
        }
        self.zone.clone_from(&look.post.zone);
        self.post = Some(look.post);
    }
}

/// Whether a replica can be read, as far as can be told without a clock.
fn judge(standing: &Standing, primary: &History, lag_max_bytes: u64) -> Result<Instant, LeftOut> {
    if standing.is_copying {
        return Err(LeftOut::Syncing);
    }
    if standing.role != Role::Replica || !standing.is_linked {
        return Err(LeftOut::LinkDown);
    }
    let Some(written) = primary.offset(&standing.stream) else {
        // It does not follow this primary, or not yet.
        return Err(LeftOut::Syncing);
    };
    if lag_max_bytes > 0 && written.saturating_sub(standing.offset) > lag_max_bytes {
        return Err(LeftOut::Lagging);
    }
    primary.complete_as_of(&standing.stream, standing.offset).ok_or(LeftOut::Lagging)
}

/// Each primary that has replicas, with those that the cluster has not given up.
fn shards_of(map: &ClusterMap) -> Vec<(NodeAddr, Vec<NodeAddr>)> {
    let mut shards: Vec<(NodeAddr, Vec<NodeAddr>)> = Vec::new();
    for replica in map.nodes.iter().filter(|node| !node.is_failed) {
        let Some(primary) = &replica.primary else { continue };
        match shards.iter_mut().find(|(addr, _)| addr == primary) {
            Some((_, replicas)) => replicas.push(replica.addr.clone()),
            None => shards.push((primary.clone(), vec![replica.addr.clone()])),
        }
    }
    shards
}

async fn look_once(addr: NodeAddr, mut post: Post, config: Arc<Config>) -> Look {
    let mut began = Instant::now();
    let asking = ask(&addr, &mut post, &config, &mut began);
    let answer = timeout(config.cluster.connect_timeout, asking).await;
    let took = began.elapsed();
    let standing = match answer {
        Ok(Ok(standing)) => standing,
        Ok(Err(error)) => {
            tracing::debug!(node = addr.as_str(), %error, "cannot ask how far a node is");
            post.stream = None;
            None
        }
        Err(_) => {
            post.stream = None;
            None
        }
    };
    Look { addr, post, began, took, standing }
}

/// Asks a node for its standing; `began` is set to the moment before the question.
async fn ask(
    addr: &NodeAddr,
    post: &mut Post,
    config: &Config,
    began: &mut Instant,
) -> Result<Option<Standing>, HandshakeError> {
    if post.stream.is_none() {
        let login = Login::new(config, Resp::V2);
        let mut stream = handshake::connect(addr.as_str(), &login).await?;
        let Some(server) = info(&mut stream, "server").await? else { return Ok(None) };
        post.zone = standing::zone_of(&server).map(str::to_owned);
        post.stream = Some(stream);
    }
    let Some(stream) = &mut post.stream else { return Ok(None) };
    *began = Instant::now();
    Ok(info(stream, "replication").await?.as_deref().and_then(Standing::parse))
}

/// A section of `INFO`; `None` when the node tells none, as while it loads.
async fn info(stream: &mut TcpStream, section: &str) -> Result<Option<String>, HandshakeError> {
    let reply = handshake::ask(stream, &["INFO", section], &ReplyLimits::default()).await?;
    match &reply {
        Value::Error(_) => Ok(None),
        reply => Ok(reply.as_str().map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(stream: &str, offset: u64) -> Standing {
        Standing {
            role: Role::Replica,
            stream: stream.to_owned(),
            offset,
            is_linked: true,
            is_copying: false,
        }
    }

    #[test]
    fn a_replica_is_left_out_for_a_reason() {
        let (first, second) = (Instant::now(), Instant::now() + Duration::from_millis(1));
        let mut history = History::default();
        history.note(first, "s", 100);
        history.note(second, "s", 200);
        let fit = standing("s", 150);
        let table = [
            (fit.clone(), 0, Ok(first)),
            (fit.clone(), 50, Ok(first)),
            (fit.clone(), 49, Err(LeftOut::Lagging)),
            (standing("s", 201), 49, Ok(second)),
            (standing("s", 99), 0, Err(LeftOut::Lagging)),
            (standing("t", 200), 0, Err(LeftOut::Syncing)),
            (Standing { is_copying: true, ..fit.clone() }, 0, Err(LeftOut::Syncing)),
            (Standing { is_linked: false, ..fit.clone() }, 0, Err(LeftOut::LinkDown)),
            (Standing { role: Role::Primary, ..fit }, 0, Err(LeftOut::LinkDown)),
        ];
        for (standing, lag_max_bytes, expect) in table {
            assert_eq!(judge(&standing, &history, lag_max_bytes), expect, "{standing:?}");
        }
    }
}
