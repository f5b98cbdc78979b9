//! Clusters of one kind, started to see what their nodes do among themselves.
//!
//! In: the kind and the numbers of primaries and replicas. Out: a cluster that agrees, whose nodes can be killed and
//! started again. Its processes end when it is dropped.

use anyhow::{Context, Result};

use crate::forming;
use crate::persistence::wait_serves;
use crate::process::Server;
use crate::resp::Client;
use crate::target::{Starter, Target};

/// See the module.
#[derive(Debug)]
pub(crate) struct Cluster {
    kind: Target,
    directives: Vec<&'static str>,
    primaries: usize,
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    folder: String,
    port: u16,
    /// `None` while it is dead.
    server: Option<Server>,
}

impl Cluster {
    /// Starts the nodes and has them agree: primaries first, then replicas of them in turn. `kind` is a redis-server
    /// or a bundled node.
    ///
    /// # Errors
    /// A program is not found, or the nodes do not agree.
    pub(crate) fn start(
        starter: &mut Starter,
        kind: Target,
        (primaries, replicas): (usize, usize),
        directives: &[&'static str],
    ) -> Result<Cluster> {
        let always = ["--cluster-enabled", "yes", "--repl-diskless-sync-delay", "0"];
        let directives = [&always, directives].concat();
        let mut cluster = Cluster { kind, directives, primaries, nodes: Vec::new() };
        for _ in 0..primaries + replicas {
            cluster.add(starter)?;
        }
        let ports = cluster.ports();
        let (leading, copying) = ports.split_at(primaries);
        forming::form(leading, copying).context(kind.name())?;
        Ok(cluster)
    }

    fn add(&mut self, starter: &mut Starter) -> Result<u16> {
        let folder = format!("cluster-of-{}-{}", self.kind.name(), self.nodes.len());
        let (port, server) = starter.start_in(self.kind, &folder, &self.directives)?;
        wait_serves(port)?;
        self.nodes.push(Node { folder, port, server: Some(server) });
        Ok(port)
    }

    /// Adds a primary without slots.
    ///
    /// # Errors
    /// It does not start, or they do not agree.
    pub(crate) fn grow(&mut self, starter: &mut Starter) -> Result<()> {
        let port = self.add(starter)?;
        self.primaries += 1;
        let entry = self.nodes[0].port.to_string();
        Client::connect(port)?.expect(&["CLUSTER", "MEET", "127.0.0.1", &entry])?;
        forming::wait_agreed(&self.ports(), self.primaries)
    }

    /// Who its nodes are.
    pub(crate) fn kind(&self) -> Target {
        self.kind
    }

    /// The port of each node.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(|node| node.port).collect()
    }

    /// The process of each node that lives.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.nodes.iter().filter_map(|node| node.server.as_ref()).map(Server::pid).collect()
    }

    /// Kills a node, as a machine that loses power would.
    pub(crate) fn kill(&mut self, place: usize) {
        self.nodes[place].server = None;
    }

    /// Starts a node that was killed with the same folder and port, and waits until all agree again.
    ///
    /// # Errors
    /// It does not start, or they do not agree.
    pub(crate) fn revive(&mut self, starter: &mut Starter, place: usize) -> Result<()> {
        let node = &mut self.nodes[place];
        let server = starter.start_at(self.kind, node.port, &node.folder, &self.directives)?;
        node.server = Some(server);
        wait_serves(node.port)?;
        forming::wait_agreed(&self.ports(), self.primaries)
    }
}
