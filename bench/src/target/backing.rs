//! What stands behind the front doors: a Redis Cluster of three, and three plain redis-servers.
//!
//! Each is started when the first front door asks for it and then shared: the front doors are
//! loaded in turn, so only one of them uses it at a time.

use std::path::Path;

use anyhow::Result;

use crate::forming;
use crate::port::Ports;
use crate::process::Server;
use crate::target::redis;

/// Nodes behind a front door.
const NODES_COUNT: u16 = 3;

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
            forming::form(&ports_of(&nodes), &[])?;
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
