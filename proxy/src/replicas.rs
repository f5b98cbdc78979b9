//! How far replicas are behind their primaries, as it was found by asking both.
//!
//! The one number that everything rests on is the moment as of which a replica is *complete*:
//! 1. a primary is asked `INFO replication` at the moment `t` and tells its offset `o` in its stream, so all that it
//!    had executed before `t` lies before `o`;
//! 2. then its replica is asked, and tells how much of the same stream it has applied;
//! 3. if that is `o` or more the replica has all that the primary had executed before `t`: it is complete as of `t`.
//!
//! Whoever reads there at `now` gets data that is at most `now - t` old; and whoever got the reply to a write before
//! `t` finds the write there. A replica only goes forward in a stream, so it stays complete as of `t` for as long as
//! its process lives; whose connection ended has to be found complete anew.
//!
//! Streams are told apart by their names (`master_replid`). A new primary begins a new one, so after a failover
//! nothing is known until a replica follows that, and then the new primary is what it is measured by, as a read at
//! the primary would be.
//!
//! In: texts of nodes ([`standing`]), kept by [`history`]. Out: a [`Survey`] now and then ([`watcher`]).
//! Not here: who reads what from whom (`readers`).

pub(crate) mod history;

pub(crate) mod standing;

pub(crate) mod watcher;

use std::time::{Duration, Instant};

use crate::cluster_map::NodeAddr;

/// What was found of all shards.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    /// The shards that have replicas.
    pub(crate) shards: Vec<SurveyedShard>,
}

/// What was found of a primary and its replicas.
#[derive(Clone, Debug)]
pub(crate) struct SurveyedShard {
    /// The primary.
    pub(crate) primary: SurveyedNode,
    /// The replicas that can be read.
    pub(crate) replicas: Vec<SurveyedReplica>,
}

/// What was found of a node.
#[derive(Clone, Debug)]
pub(crate) struct SurveyedNode {
    /// Where it listens.
    pub(crate) addr: NodeAddr,
    /// How long it takes to answer, if it ever did.
    pub(crate) round_trip: Option<Duration>,
    /// Where it stands, if somebody said.
    pub(crate) zone: Option<String>,
}

/// What was found of a replica that can be read.
#[derive(Clone, Debug)]
pub(crate) struct SurveyedReplica {
    /// The node.
    pub(crate) node: SurveyedNode,
    /// The moment as of which it is complete.
    pub(crate) complete_as_of: Instant,
}
