//! What stands behind the front doors: a Redis Cluster of three, and three plain redis-servers.
//!
//! Each is started when the first front door asks for it and then shared: the front doors are
//! loaded in turn, so only one of them uses it at a time.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::port::Ports;
use crate::process::{Server, wait_until};
use crate::resp::{Client, Reply};
use crate::target::redis;

/// Nodes behind a front door.
const NODES_COUNT: u16 = 3;
/// Slots of a Redis Cluster.
const SLOTS_COUNT: u16 = 16_384;
/// How long the nodes may take to agree on the slots.
const AGREE_TIMEOUT: Duration = Duration::from_secs(30);

/// Servers that are started once and kept.
#[derive(Debug, Default)]
pub(crate) struct Backing {
    plain: Vec<(u16, Server)>,
    cluster: Vec<(u16, Server)>,
}

impl Backing {
    /// The ports of three redis-servers that know nothing of each other.
    pub(crate) fn plain(
        &mut self,
        redis_server: &Path,
        ports: &mut Ports,
        folder: &Path,
    ) -> Result<Vec<u16>> {
        if self.plain.is_empty() {
            self.plain = start_all(ports, |index, port| {
                redis::start(redis_server, port, &folder.join(format!("plain-{index}")), &[])
            })?;
        }
        Ok(ports_of(&self.plain))
    }

    /// The ports of three primaries that form one cluster.
    pub(crate) fn cluster(
        &mut self,
        redis_server: &Path,
        ports: &mut Ports,
        folder: &Path,
    ) -> Result<Vec<u16>> {
        if self.cluster.is_empty() {
            let nodes = start_all(ports, |index, port| {
                let folder = folder.join(format!("cluster-{index}"));
                redis::start(redis_server, port, &folder, &["--cluster-enabled", "yes"])
            })?;
            form(&ports_of(&nodes))?;
            self.cluster = nodes;
        }
        Ok(ports_of(&self.cluster))
    }
}

fn start_all(
    ports: &mut Ports,
    mut start: impl FnMut(u16, u16) -> Result<Server>,
) -> Result<Vec<(u16, Server)>> {
    (0..NODES_COUNT)
        .map(|index| {
            let port = ports.take()?;
            let mut server = start(index, port)?;
            server.wait_until_serving(port, &["PING"])?;
            Ok((port, server))
        })
        .collect()
}

fn ports_of(servers: &[(u16, Server)]) -> Vec<u16> {
    servers.iter().map(|(port, _)| *port).collect()
}

/// Gives each node its share of the slots, introduces them to the first, and waits until all agree.
fn form(ports: &[u16]) -> Result<()> {
    for (ordinal, port) in (0..NODES_COUNT).zip(ports) {
        // The first nodes take the larger shares when the slots do not divide evenly.
        let share = |n: u16| n * (SLOTS_COUNT / NODES_COUNT) + n.min(SLOTS_COUNT % NODES_COUNT);
        let (first, last) = (share(ordinal), share(ordinal + 1) - 1);
        let mut node = Client::connect(*port)?;
        node.expect(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()])?;
        node.expect(&["CLUSTER", "SET-CONFIG-EPOCH", &(ordinal + 1).to_string()])?;
        node.expect(&["CLUSTER", "MEET", "127.0.0.1", &ports[0].to_string()])?;
    }
    let agreed = wait_until(AGREE_TIMEOUT, || {
        ports.iter().try_fold(true, |agreed, port| Ok(agreed && knows_all(*port)?))
    })?;
    if !agreed {
        bail!("the Redis Cluster did not form in {} s", AGREE_TIMEOUT.as_secs());
    }
    Ok(())
}

fn knows_all(port: u16) -> Result<bool> {
    let mut node = Client::connect(port)?;
    let Reply::Bulk(info) = node.expect(&["CLUSTER", "INFO"])? else { return Ok(false) };
    let info = String::from_utf8_lossy(&info);
    let has = |line: &str| info.lines().any(|l| l.trim() == line);
    Ok(has("cluster_state:ok")
        && has(&format!("cluster_known_nodes:{NODES_COUNT}"))
        && has(&format!("cluster_size:{NODES_COUNT}")))
}

/// Makes a single cluster node the owner of all slots, and waits until it serves them.
pub(crate) fn own_all_slots(port: u16) -> Result<()> {
    let mut node = Client::connect(port)?;
    node.expect(&["CLUSTER", "ADDSLOTSRANGE", "0", &(SLOTS_COUNT - 1).to_string()])?;
    Ok(())
}
