//! One request to many nodes: who is asked, what they answered, what is to come of it.
//!
//! In: a [`Start`], which says whom to ask what. Out: a [`Gather`] in the client's queue; once the last node has
//! answered, the worker finishes its [`Job`]: with a reply, or with another start.
//!
//! Invariants: a part stands for one shard or one node, whatever its address becomes; the replies held are never
//! more than the limit that was given; if a part fails, so does the whole.
//! Not here: sockets, and how replies become one (see `join`).

use std::ops::Range;

use reddoor_protocol::command::policy::ReplyPolicy;
use reddoor_protocol::encode::Resp;
use reddoor_protocol::slot::Slot;

use crate::cluster_map::NodeAddr;
use crate::cross_slot::Across;
use crate::cross_slot::steps::Steps;
use crate::errand::{Bound, Lane};
use crate::error::{RequestError, Retry};
use crate::join::answers::{Answers, JoinHint, is_error};
use crate::local::config_get::ConfigQuestion;
use crate::local::info::InfoQuestion;
use crate::scan::ScanPage;

/// Which nodes are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The primary of every shard.
    Primaries,
    /// Every node that the cluster has not given up.
    Nodes,
    /// The node with this address.
    Node(NodeAddr),
}

/// What is asked, of whom, and what for.
#[derive(Debug)]
pub(crate) struct Start {
    /// What becomes of the answers.
    pub(crate) job: Job,
    /// Who is asked.
    pub(crate) reach: Reach,
    /// The request, as it goes to each.
    pub(crate) request: Vec<u8>,
    /// The version that the client spoke when it asked.
    pub(crate) resp: Resp,
    /// The connection that is taken.
    pub(crate) lane: Lane,
    /// Whether a part may be sent again when it is not known to have run.
    pub(crate) bound: Bound,
}

impl Start {
    /// A question that changes nothing, so that it may be asked twice.
    pub(crate) fn question(job: Job, reach: Reach, request: Vec<u8>, resp: Resp) -> Start {
        Start { job, reach, request, resp, lane: Lane::Shared, bound: Bound::Question }
    }
}

/// What becomes of the answers.
#[derive(Debug)]
pub(crate) enum Job {
    /// They are joined into the reply.
    Join {
        /// How.
        policy: ReplyPolicy,
        /// What the request says about it.
        hint: JoinHint,
    },
    /// They are numbers of connections that listen to channels, each to be raised by so much for the clients behind them.
    Listeners(Vec<i64>),
    /// They say which scripts nodes have, and these the front door has for nodes that lack them.
    Scripts(Vec<bool>),
    /// They are the sizes by which `RANDOMKEY` chooses a node.
    Sizes,
    /// The one answer is the reply.
    Passthrough,
    /// They are figures for `INFO`.
    Info(Box<InfoQuestion>),
    /// They are settings of the nodes for `CONFIG GET`.
    Config(ConfigQuestion),
    /// They are the sizes of which the keys of other databases are to be taken off.
    Total,
    /// They are keys of any database, among which one is looked for.
    Sample,
    /// They tell that a page of keys is removed.
    Unlink(Box<ScanPage>),
    /// It says that the node is there which a large request is for.
    Upload,
    /// It is a page of a scan.
    Scan(Box<ScanPage>),
    /// They say whether a client is tracked.
    Track,
    /// They are counts of replicas, of which the least is the reply.
    Wait,
    /// They are what a command over several slots needs.
    CrossSlot(Box<Across>),
    /// They are what a step of a command over several slots needs.
    Steps(Box<dyn Steps>),
    /// It tells whether the result of a command over several slots was stored.
    Store {
        /// The command.
        across: Box<Across>,
        /// What its client gets then.
        reply: Vec<u8>,
    },
}

/// A node that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Its address.
    pub(crate) addr: NodeAddr,
    /// A slot of the shard whose primary is meant, whichever node that becomes; `None`: this node is meant.
    pub(crate) slot: Option<Slot>,
}

/// The nodes that are asked, and what they have answered.
#[derive(Debug)]
pub(crate) struct Gather {
    /// What becomes of the answers.
    pub(crate) job: Job,
    /// The version in which they come.
    pub(crate) resp: Resp,
    parts: Vec<Part>,
    /// The answers, one behind the other.
    bytes: Vec<u8>,
    bytes_max: usize,
    /// Parts without an answer (count).
    missing: usize,
    is_too_large: bool,
}

#[derive(Debug)]
struct Part {
    /// `None`: whoever owns the slot of what is asked.
    target: Option<Target>,
    is_done: bool,
    /// Where its answer lies in `bytes`.
    answer: Range<usize>,
}

impl Part {
    fn addr(&self) -> Option<&NodeAddr> {
        self.target.as_ref().map(|target| &target.addr)
    }
}

impl Gather {
    /// Bytes of the answers that are there.
    pub(crate) fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    /// All of these nodes are asked; their answers may take so many bytes together.
    pub(crate) fn new(job: Job, resp: Resp, targets: Vec<Target>, bytes_max: usize) -> Gather {
        let targets = targets.into_iter().map(Some);
        Gather::of_parts(job, resp, targets, bytes_max)
    }

    /// The owners of slots are asked so many questions; the answers may take so many bytes together.
    pub(crate) fn of_slots(job: Job, resp: Resp, count: usize, bytes_max: usize) -> Gather {
        Gather::of_parts(job, resp, (0..count).map(|_| None), bytes_max)
    }

    fn of_parts(
        job: Job,
        resp: Resp,
        targets: impl Iterator<Item = Option<Target>>,
        bytes_max: usize,
    ) -> Gather {
        let parts: Vec<Part> =
            targets.map(|target| Part { target, is_done: false, answer: 0..0 }).collect();
        let missing = parts.len();
        Gather { job, resp, parts, bytes: Vec::new(), bytes_max, missing, is_too_large: false }
    }

    /// Who is asked for a part.
    pub(crate) fn target(&self, part: u32) -> Option<&Target> {
        self.parts.get(part as usize)?.target.as_ref()
    }

    /// Another node has taken over a part; false when that node answers for another part already.
    pub(crate) fn move_part(&mut self, part: u32, addr: &NodeAddr) -> bool {
        if self.parts.iter().flat_map(|part| &part.target).any(|target| target.addr == *addr) {
            return false;
        }
        let part = self.parts.get_mut(part as usize);
        let Some(target) = part.and_then(|part| part.target.as_mut()) else { return false };
        target.addr = addr.clone();
        true
    }

    /// Parts without an answer (count).
    pub(crate) fn missing(&self) -> usize {
        self.missing
    }

    /// Takes the answer to one part; true when none is missing any more. A second answer is dropped.
    pub(crate) fn hand_in(&mut self, part: u32, answer: &[u8]) -> bool {
        let Some(part) = self.parts.get_mut(part as usize).filter(|part| !part.is_done) else {
            return false;
        };
        part.is_done = true;
        self.missing -= 1;
        if self.bytes.len() + answer.len() > self.bytes_max {
            self.is_too_large = true;
            self.bytes = Vec::new();
        }
        if !self.is_too_large {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(answer);
            part.answer = start..self.bytes.len();
        }
        if matches!(self.job, Job::Wait) && is_error(answer) {
            // The others may take for ever, and could not mend it.
            self.parts.iter_mut().for_each(|part| part.is_done = true);
            self.missing = 0;
        }
        self.missing == 0
    }

    /// Every part without an answer failed with this error reply.
    pub(crate) fn fail_missing(&mut self, error: &[u8]) {
        for part in 0..self.parts.len() {
            self.hand_in(u32::try_from(part).unwrap_or(u32::MAX), error);
        }
    }

    /// Whether the answers were more than may be held.
    pub(crate) fn is_too_large(&self) -> bool {
        self.is_too_large
    }

    /// The answers with the nodes that gave them.
    pub(crate) fn answers(&self) -> Answers<'_> {
        let parts = self.parts.iter();
        Answers::new(
            parts.map(|part| (part.addr(), &self.bytes[part.answer.clone()])).collect(),
            self.resp,
        )
    }

    /// Appends what the client gets when a part failed, or when there was too much to be held.
    pub(crate) fn write_failure(&self, out: &mut Vec<u8>) {
        match &self.job {
            Job::Info(question) => question.write(self, out),
            // Nothing was done yet, so there are no parts to tell of: the first error is that of the command.
            Job::CrossSlot(_) | Job::Steps(_) | Job::Store { .. } | Job::Wait
                if !self.is_too_large =>
            {
                self.answers().write_first_error(out);
            }
            _ => self.write_error(out),
        }
    }

    /// Appends the error that stands for the whole; nothing when nothing failed.
    pub(crate) fn write_error(&self, out: &mut Vec<u8>) {
        if self.is_too_large {
            let error = RequestError::JoinTooLarge { max: self.bytes_max, retry: Retry::Safe };
            return error.write_reply(out);
        }
        self.answers().write_failure(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gather(bytes_max: usize) -> Gather {
        let targets = ["a:1", "b:2"].map(|addr| {
            let (host, port) = addr.split_once(':').unwrap();
            Target { addr: NodeAddr::new(host, port.parse().unwrap()), slot: None }
        });
        Gather::new(Job::Passthrough, Resp::V2, targets.into(), bytes_max)
    }

    #[test]
    fn each_part_is_answered_once() {
        let mut gather = gather(100);
        assert!(!gather.hand_in(1, b":1\r\n"));
        assert!(!gather.hand_in(1, b":7\r\n"));
        assert!(!gather.hand_in(9, b":7\r\n"));
        assert!(gather.hand_in(0, b":2\r\n"));
        let bytes: Vec<&[u8]> = gather.answers().bytes().collect();
        assert_eq!(bytes, [b":2\r\n", b":1\r\n"]);
    }

    #[test]
    fn what_is_too_much_is_not_held() {
        let mut gather = gather(8);
        assert!(!gather.hand_in(0, b"$1\r\na\r\n"));
        assert!(gather.hand_in(1, b"$1\r\nb\r\n"));
        assert!(gather.is_too_large() && gather.bytes.is_empty());
        let mut out = Vec::new();
        gather.write_failure(&mut out);
        assert!(out.starts_with(b"-OVERLOAD bytes joined into one reply: limit of 8 reached"));
    }

    #[test]
    fn a_part_moves_to_a_node_that_was_not_asked() {
        let mut gather = gather(8);
        assert!(!gather.move_part(0, &NodeAddr::new("b", 2)));
        assert!(gather.move_part(0, &NodeAddr::new("c", 3)));
        assert_eq!(gather.target(0).unwrap().addr.as_str(), "c:3");
    }
}
