//! What is known of a request on its way through a worker, apart from its bytes: who waits for it, where and how it
//! travels.
//!
//! Here are also the numbers by which a worker names its clients, requests, nodes and links, so that sessions, links
//! and routes name each other without knowing each other.
//!
//! Not here: what is done with a request (`plan`), the connections themselves (`link`, `pinned`).

use reddoor_protocol::command::CommandSpec;
use reddoor_protocol::encode::Resp;
use reddoor_protocol::slot::Slot;

use crate::config::reads::ReadFrom;

/// A client's number: unique and ascending over all workers, as `CLIENT ID` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientId(pub(crate) u64);

/// The place of one request in its client's queue, counted from the client's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seq(pub(crate) u64);

/// A node's place in its worker's table. Places are never reused while anything points at them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeIndex(pub(crate) u16);

/// A link's place in its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkKey(pub(crate) usize);

/// Who waits for a reply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiter {
    /// The session's place in its worker.
    pub(crate) session: usize,
    /// The client that had this place when it asked.
    pub(crate) client: ClientId,
    /// Which of its requests.
    pub(crate) seq: Seq,
    /// Which part of the request; 0 when it is whole.
    pub(crate) part: u32,
}

/// Connections of one node that do not hold each other up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lane {
    /// What nearly every request travels on.
    #[default]
    Shared,
    /// For what a node takes while it is busy with a script, which another lane may wait behind.
    Control,
    /// For reads that need not go to the primary: the node answers though it be a replica.
    Reading,
    /// On which the node tells of keys that were asked about.
    Lookout,
}

impl Lane {
    /// How many there are, for arrays indexed by [`Lane::index`].
    pub(crate) const COUNT: usize = Lane::Lookout as usize + 1;

    /// The place of the link in this lane and version among the links of a node.
    #[inline]
    pub(crate) const fn index(self, resp: Resp) -> usize {
        self as usize * Resp::COUNT + resp.index()
    }
}

/// Whether a request belongs to one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Bound {
    /// It goes to whoever owns its slot.
    #[default]
    Free,
    /// It is a part of a fan-out, which knows its node.
    Part,
    /// As [`Bound::Part`], and it changes nothing, so that it may be asked twice.
    Question,
    /// It was handed on as it came, so that there is nothing that could be sent again.
    Body,
    /// As [`Bound::Question`], and it means nothing to another process at that address: it is not sent again.
    Process,
}

/// What a client has a link for. It has at most one for each purpose; to be tracked, and to wait for replicas, one to each
/// node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A command that may wait.
    Wait,
    /// Keys are guarded, from `WATCH` to `EXEC`.
    Watch,
    /// A key is guarded for one command over several slots.
    Move,
    /// A large request is handed on as it comes.
    Upload,
    /// The node waits for its replicas (`WAIT`).
    Acks,
    /// The node tells of changes to what is read (`CLIENT TRACKING`), so all that the client asks goes this way.
    Track,
}

/// By which links a request travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Travel {
    /// By the one that all clients share.
    Shared,
    /// By the client's own.
    Pinned(Purpose),
}

/// What `CLIENT CACHING` says of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Caching {
    /// Nothing.
    #[default]
    Usual,
    /// Its keys are tracked, though those of others are not.
    Yes,
    /// Its keys are not tracked, though those of others are.
    No,
}

impl Caching {
    /// What a node is told before the request.
    pub(crate) fn request(self) -> Option<&'static [u8]> {
        match self {
            Caching::Usual => None,
            Caching::Yes => Some(b"*3\r\n$6\r\nCLIENT\r\n$7\r\nCACHING\r\n$3\r\nYES\r\n"),
            Caching::No => Some(b"*3\r\n$6\r\nCLIENT\r\n$7\r\nCACHING\r\n$2\r\nNO\r\n"),
        }
    }
}

/// Whether a request may be answered by another node than the owner of its slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Who answers.
    pub(crate) from: ReadFrom,
    /// Which replies of a replica are not believed.
    pub(crate) doubts: Doubts,
    /// Whether it is a second copy of a request that is under way elsewhere: dropped when it leads to nothing.
    pub(crate) is_hedge: bool,
    /// Whether there is a second copy of it.
    pub(crate) is_hedged: bool,
}

impl Reading {
    /// The owner answers.
    pub(crate) const OWNER: Reading = Reading {
        from: ReadFrom::Primary,
        doubts: Doubts::None,
        is_hedge: false,
        is_hedged: false,
    };
}

/// Which replies of a replica are not believed: those that an absent key would get, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Doubts {
    /// All are.
    #[default]
    None,
    /// Those in which nothing is found.
    Nothing,
    /// Arrays in which anything is a null.
    AnyNull,
    /// Counts below the number of keys.
    TooFew,
}

/// A request on its way, apart from its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Errand {
    /// Who waits for the reply.
    pub(crate) waiter: Waiter,
    /// By which links it travels.
    pub(crate) travel: Travel,
    /// Replies that the node gives to it (count): more than one for a transaction, of which the last is the reply.
    pub(crate) replies: u32,
    /// The command's row: tells whether it may run twice.
    pub(crate) command: &'static CommandSpec,
    /// The slot of its keys; `None` when it has none and any node will do.
    pub(crate) slot: Option<Slot>,
    /// The version in which its client speaks.
    pub(crate) resp: Resp,
    /// What the node is told about tracking its keys.
    pub(crate) caching: Caching,
    /// Whether it belongs to one node.
    pub(crate) bound: Bound,
    /// The connection that it takes.
    pub(crate) lane: Lane,
    /// Whether another node than the owner of its slot may answer.
    pub(crate) reading: Reading,
    /// Redirects that it has followed (count).
    pub(crate) redirects: u32,
    /// Whether it went ahead of others that are held for its slot.
    pub(crate) is_scout: bool,
    /// When it fails, in microseconds of the worker's clock.
    pub(crate) deadline_us: u64,
}

impl Errand {
    /// Whether it may be sent again though it may have run.
    pub(crate) fn may_run_twice(&self) -> bool {
        matches!(self.bound, Bound::Question | Bound::Process) || self.command.is_readonly()
    }
}
