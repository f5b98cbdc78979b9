//! What a client's requests wait for, and what it holds at a node.

use reddoor_protocol::slot::Slot;

use super::{Pending, Session};
use crate::errand::{LinkKey, Seq};

/// Whether requests are run as they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hold {
    /// They are.
    #[default]
    Free,
    /// None is run before every one that was is answered: the next, or the last, travels by another connection than
    /// its neighbours, which would be overtaken or overtake it.
    UntilAnswered,
    /// None is run while all clients are paused.
    UntilUnpaused,
}

/// Whether keys are guarded for the next transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Watch {
    /// None.
    #[default]
    Nothing,
    /// Keys of this slot are, at the other end of this link.
    Guarded {
        /// The slot.
        slot: Slot,
        /// The link.
        link: LinkKey,
        /// Whether a `WATCH` was answered. Until then nothing is lost with the link.
        is_confirmed: bool,
        /// Whether the node only takes over the slot, so that it has to be told so for each request.
        is_importing: bool,
    },
    /// Keys of this slot were, and the guard is lost: they count as touched.
    Lost(Slot),
}

impl Watch {
    /// The slot of the keys.
    pub(crate) fn slot(self) -> Option<Slot> {
        match self {
            Watch::Nothing => None,
            Watch::Guarded { slot, .. } | Watch::Lost(slot) => Some(slot),
        }
    }
}

/// The part of a transaction that runs here, once the nodes have run theirs.
#[derive(Debug)]
pub(crate) struct LocalPart {
    /// The `EXEC`.
    pub(crate) seq: Seq,
    /// The part of its reply.
    pub(crate) part: u32,
    /// The commands (count).
    pub(crate) count: usize,
    /// Their bytes.
    pub(crate) requests: Vec<u8>,
}

impl Session {
    /// Whether a blocking command is outstanding.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waits.is_some_and(|seq| self.outstanding(seq).is_some())
    }

    /// Gives back what `f` answers instead of answering it.
    pub(crate) fn capture(&mut self, f: impl FnOnce(&mut Session)) -> Vec<u8> {
        self.capture = Some(Vec::new());
        f(self);
        self.capture.take().unwrap_or_default()
    }

    /// Whether nothing may be run yet, because of what is not answered.
    pub(crate) fn is_held(&mut self) -> bool {
        if self.hold == Hold::UntilAnswered && self.queue.is_empty() {
            self.hold = Hold::Free;
        }
        self.hold != Hold::Free
    }

    /// Whether the request at `seq` waits for nothing but this part, and whether the other parts went well.
    pub(crate) fn is_last_missing(&self, seq: Seq, part: u32) -> Option<bool> {
        match self.queue.get(self.index_of(seq)?)? {
            Pending::Joining(_, join) => join.is_last_missing(part),
            Pending::Waiting(_)
            | Pending::Gathering(..)
            | Pending::Streaming(_)
            | Pending::Ready { .. } => None,
        }
    }

    /// Answers of nodes that the request at `seq` still lacks (count).
    pub(crate) fn missing_parts(&self, seq: Seq) -> usize {
        match self.index_of(seq).map(|index| &self.queue[index]) {
            Some(Pending::Gathering(_, gather)) => gather.missing(),
            Some(Pending::Waiting(_)) => 1,
            _ => 0,
        }
    }

    /// What nodes say of the request at `seq` is of no use any more.
    pub(crate) fn forget_gather(&mut self, seq: Seq) {
        let Some(index) = self.index_of(seq) else { return };
        if let Pending::Gathering(outstanding, _) = self.queue[index] {
            self.queue[index] = Pending::Waiting(outstanding);
        }
    }
}
