//! What can break in the front door: at its start, and for one request.

use std::io;
use std::net::SocketAddr;

use reddoor_protocol::encode::{ReplyWriter, Resp};
use reddoor_protocol::error::ProtocolError;
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::slot::Slot;
use thiserror::Error;

/// Why the front door did not start. Nothing is left running.
#[derive(Debug, Error)]
pub enum StartError {
    /// A listening address is taken or not this machine's.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A listening socket could not be named twice, most often for want of file descriptors.
    #[error("cannot duplicate a listening socket: {0}")]
    Clone(#[source] io::Error),
    /// A thread or its runtime could not be made.
    #[error("cannot start thread {name}: {source}")]
    Thread {
        /// The thread's name.
        name: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Whose fault it is that a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client did not send the rest of its request.
    Client,
    /// A node did not answer, or not as it should.
    Node,
    /// The front door's own limits.
    Proxy,
}

/// Whether the command may be sent again by whoever gets the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It surely did not run.
    Safe,
    /// It may have run.
    OutcomeUnknown,
}

/// Why one request failed. The connection it came on stays usable.
///
/// `Display` is the error reply; its first word is a code of the front door's own that no Redis uses.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// No reply came before the deadline.
    #[error("TIMEOUT no reply within {timeout_ms} ms{}", outcome(*.retry))]
    Timeout {
        /// The deadline, from the moment the request was read.
        timeout_ms: u64,
        /// Whether it may have run.
        retry: Retry,
    },
    /// A request that was handed on as it came stood still before its node had all of it.
    #[error(
        "TIMEOUT {} nothing more of a large request for {timeout_ms} ms; the command was not applied",
        did(*.side)
    )]
    Stalled {
        /// Who did nothing.
        side: Side,
        /// For how long.
        timeout_ms: u64,
    },
    /// The connection to the node ended after the command was sent.
    #[error("LINKLOST connection to node {node} ended before it replied{}", outcome(*.retry))]
    LinkLost {
        /// The node's address.
        node: String,
        /// Whether it may have run.
        retry: Retry,
    },
    /// A node broke the protocol.
    #[error("BADREPLY node {node} broke the protocol: {reason}{}", outcome(*.retry))]
    BadReply {
        /// The node's address.
        node: String,
        /// How.
        reason: ProtocolError,
        /// Whether it may have run.
        retry: Retry,
    },
    /// The cluster would not run it until the deadline.
    #[error("UNAVAILABLE {reason} for {waited_ms} ms; the command was not applied")]
    Unavailable {
        /// What the cluster lacked.
        reason: Unavailable,
        /// How long the front door tried.
        waited_ms: u64,
    },
    /// A request that was handed on as it came did not run, and cannot be sent again.
    #[error(
        "UNAVAILABLE a large request was handed on as it came and is not there to be sent again: \
         {reason}; the command was not applied"
    )]
    NotRepeatable {
        /// Why it did not run.
        reason: String,
    },
    /// The nodes pointed at each other.
    #[error("REDIRECTS more than {max} redirects; the command was not applied")]
    Redirects {
        /// The limit.
        max: u32,
    },
    /// A node did not take a transaction for one.
    #[error("BADREPLY node {node} refused MULTI: {reason}{}", outcome(Retry::OutcomeUnknown))]
    NoMulti {
        /// The node's address.
        node: String,
        /// Its error.
        reason: String,
    },
    /// A node would not track for a client.
    #[error("UNTRACKED node {node} refused CLIENT TRACKING: {reason}; the command was not applied")]
    Untracked {
        /// The node's address.
        node: String,
        /// Its error.
        reason: String,
    },
    /// What nodes replied to the parts of one command is more than may be held.
    #[error("OVERLOAD bytes joined into one reply: limit of {max} reached{}", outcome(*.retry))]
    JoinTooLarge {
        /// The limit.
        max: usize,
        /// Whether it may have changed anything.
        retry: Retry,
    },
    /// A queue of the front door is full.
    #[error("OVERLOAD {what}: limit of {max} reached; the command was not applied")]
    Overload {
        /// Which.
        what: &'static str,
        /// The limit.
        max: usize,
    },
}

/// What a cluster lacked to run a command.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unavailable {
    /// No known node owns the slot.
    #[error("no node owns slot {0}")]
    NoOwner(Slot),
    /// A slot has no owner, so that not every primary is known.
    #[error("not every slot has an owner")]
    NotCovered,
    /// The slots of a node that was asked went to another one that was asked, too.
    #[error("slots moved between nodes that were being asked")]
    Regrouped,
    /// The process that was walked over is not there any more, or has lost its slots.
    #[error("no node could go on with the scan")]
    ScanBroken,
    /// A slot is on its way, and its owner does not say where to, so that a scan cannot be complete.
    #[error("slot {0} leaves for a node that its owner cannot name")]
    Leaving(Slot),
    /// Keys of a slot are at a node that cannot be asked, so that a scan cannot be complete.
    #[error("slot {slot} leaves for node {node}, which could not be asked")]
    Stranded {
        /// The slot.
        slot: Slot,
        /// The node's address.
        node: String,
    },
    /// Only a replica may answer, and none is near enough to its primary's state.
    #[error("no replica of slot {0} could be read from")]
    NoReplica(Slot),
    /// No node at all is known.
    #[error("no node of the cluster is known")]
    NoNode,
    /// Requests before it, for the same slot, wait.
    #[error("earlier requests for the slot wait")]
    Queued,
    /// The owner owes replies and is asked nothing more until it gives them.
    #[error("node {0} did not answer")]
    Silent(String),
    /// The connection to the owner ended, and it has not been connected again.
    #[error("node {0} closed its connection")]
    Cut(String),
    /// The owner could not be connected to.
    #[error("node {0} could not be reached")]
    Unreachable(String),
    /// The owner answered so every time; the code is Redis's.
    #[error("node {node} answered {code}")]
    Refused {
        /// The node's address.
        node: String,
        /// The error code, such as `CLUSTERDOWN`.
        code: &'static str,
    },
}

impl Unavailable {
    /// Whether it concerns the keys of one command alone, or reads, so that others for the same slot need not wait for
    /// it.
    pub(crate) fn is_of_keys(&self) -> bool {
        let is_of_keys = matches!(self, Unavailable::Refused { code: "TRYAGAIN", .. });
        is_of_keys || matches!(self, Unavailable::NoReplica(_))
    }
}

fn outcome(retry: Retry) -> &'static str {
    match retry {
        Retry::Safe => "; the command was not applied",
        Retry::OutcomeUnknown => "; the command may have been applied",
    }
}

fn did(side: Side) -> &'static str {
    match side {
        Side::Client => "the client sent",
        Side::Node => "its node took",
        Side::Proxy => "the front door sent",
    }
}

impl RequestError {
    /// Whose fault it is.
    pub fn side(&self) -> Side {
        match self {
            RequestError::Stalled { side, .. } => *side,
            RequestError::Timeout { .. }
            | RequestError::LinkLost { .. }
            | RequestError::BadReply { .. }
            | RequestError::Unavailable { .. }
            | RequestError::NotRepeatable { .. }
            | RequestError::NoMulti { .. }
            | RequestError::Untracked { .. }
            | RequestError::Redirects { .. } => Side::Node,
            RequestError::JoinTooLarge { .. } | RequestError::Overload { .. } => Side::Proxy,
        }
    }

    /// Whether the command may be sent again.
    pub fn retry(&self) -> Retry {
        match self {
            RequestError::Timeout { retry, .. }
            | RequestError::LinkLost { retry, .. }
            | RequestError::BadReply { retry, .. }
            | RequestError::JoinTooLarge { retry, .. } => *retry,
            RequestError::NoMulti { .. } => Retry::OutcomeUnknown,
            RequestError::Unavailable { .. }
            | RequestError::NotRepeatable { .. }
            | RequestError::Stalled { .. }
            | RequestError::Redirects { .. }
            | RequestError::Untracked { .. }
            | RequestError::Overload { .. } => Retry::Safe,
        }
    }

    /// The error as a client is told it.
    pub fn to_reply(&self) -> ReplyError {
        ReplyError::new(self.to_string())
    }

    /// Appends the error reply to `out`; its shape is the same in every protocol version.
    pub fn write_reply(&self, out: &mut Vec<u8>) {
        ReplyWriter::new(out, Resp::V2).error(&self.to_reply());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_whether_the_command_may_have_run() {
        let table = [
            (
                RequestError::Timeout { timeout_ms: 5000, retry: Retry::OutcomeUnknown },
                "TIMEOUT no reply within 5000 ms; the command may have been applied",
            ),
            (
                RequestError::Stalled { side: Side::Client, timeout_ms: 5000 },
                "TIMEOUT the client sent nothing more of a large request for 5000 ms; the command was not applied",
            ),
            (
                RequestError::LinkLost { node: "h:1".into(), retry: Retry::Safe },
                "LINKLOST connection to node h:1 ended before it replied; the command was not applied",
            ),
            (
                RequestError::Unavailable {
                    reason: Unavailable::Refused { node: "h:1".into(), code: "LOADING" },
                    waited_ms: 5000,
                },
                "UNAVAILABLE node h:1 answered LOADING for 5000 ms; the command was not applied",
            ),
        ];
        for (error, text) in table {
            assert_eq!(error.to_reply().as_str(), text);
            assert_eq!(error.retry() == Retry::Safe, text.ends_with("was not applied"));
        }
    }
}
