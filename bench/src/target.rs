//! What is measured: the rows, and how each is started.
//!
//! A target is one process that serves Redis clients on one port. Front doors are compared with
//! twemproxy, nodes with a redis-server of the same mode.

use std::path::PathBuf;

use anyhow::Result;

use crate::process::Server;

mod backing;
mod envoy;
mod predixy;
mod reddoor;
mod redis;
mod start;
mod twemproxy;

pub(crate) use start::Starter;

/// One kind of process to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// One redis-server, reached directly.
    Redis,
    /// nutcracker before three plain redis-servers.
    Twemproxy,
    /// Envoy before a Redis Cluster of three.
    Envoy,
    /// predixy before a Redis Cluster of three.
    Predixy,
    /// The front door before a Redis Cluster of three.
    Reddoor,
    /// The same of another build.
    ReddoorBefore,
    /// The bundled node, not in cluster mode.
    Node,
    /// One redis-server in cluster mode that owns all slots.
    RedisCluster,
    /// One bundled node in cluster mode that owns all slots.
    NodeCluster,
}

/// All targets, in the order they are visited.
pub(crate) const TARGETS: &[Target] = &[
    Target::Redis,
    Target::Twemproxy,
    Target::Envoy,
    Target::Predixy,
    Target::Reddoor,
    Target::ReddoorBefore,
    Target::Node,
    Target::RedisCluster,
    Target::NodeCluster,
];

/// The two tables of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Proxies, and Redis without one.
    FrontDoors,
    /// Single nodes.
    Nodes,
}

impl Target {
    /// Its name on the command line and in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Twemproxy => "twemproxy",
            Self::Envoy => "envoy",
            Self::Predixy => "predixy",
            Self::Reddoor => "reddoor",
            Self::ReddoorBefore => "reddoor-before",
            Self::Node => "node",
            Self::RedisCluster => "redis-cluster",
            Self::NodeCluster => "node-cluster",
        }
    }

    /// One line for people.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Redis => "one redis-server, reached directly",
            Self::Twemproxy => "nutcracker before three plain redis-servers",
            Self::Envoy => "Envoy's redis_proxy before a Redis Cluster of three, concurrency 1",
            Self::Predixy => "predixy before a Redis Cluster of three, one worker",
            Self::Reddoor => "reddoor proxy before a Redis Cluster of three, one worker",
            Self::ReddoorBefore => "the same of another build, which --before names",
            Self::Node => "reddoor node, not in cluster mode",
            Self::RedisCluster => "one redis-server in cluster mode that owns all slots",
            Self::NodeCluster => "one reddoor node in cluster mode that owns all slots",
        }
    }

    /// Whether it belongs in a table.
    pub(crate) fn is_in(self, group: Group) -> bool {
        match self {
            // Redis itself is the floor of every proxy and the baseline of every node.
            Self::Redis => true,
            Self::Twemproxy | Self::Envoy | Self::Predixy | Self::Reddoor | Self::ReddoorBefore => {
                group == Group::FrontDoors
            }
            Self::Node | Self::RedisCluster | Self::NodeCluster => group == Group::Nodes,
        }
    }

    /// Whether its scenarios include those for nodes alone.
    pub(crate) fn is_node(self) -> bool {
        self.is_in(Group::Nodes)
    }

    /// Whether one command may name keys of several slots.
    pub(crate) fn serves_across_slots(self) -> bool {
        !matches!(self, Self::RedisCluster | Self::NodeCluster)
    }

    /// What its figures are divided by in a table.
    pub(crate) fn baseline(self, group: Group) -> Self {
        match (group, self) {
            (Group::FrontDoors, _) => Self::Twemproxy,
            (Group::Nodes, Self::RedisCluster | Self::NodeCluster) => Self::RedisCluster,
            (Group::Nodes, _) => Self::Redis,
        }
    }
}

/// A target that serves.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) target: Target,
    pub(crate) port: u16,
    /// What the program says about its version.
    pub(crate) version: String,
    /// Data sets it was filled with, by prefix.
    pub(crate) filled: Vec<&'static str>,
    server: Server,
}

impl Running {
    /// The process whose time and memory are measured.
    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }
}

/// Where the programs under test are, as far as the command line says.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    pub(crate) reddoor: Option<PathBuf>,
    pub(crate) before: Option<PathBuf>,
    pub(crate) envoy: Option<PathBuf>,
    pub(crate) twemproxy: Option<PathBuf>,
    pub(crate) predixy: Option<PathBuf>,
}

/// What a target's module gives back: a server and its version.
type Started = Result<(Server, String)>;
