//! What workers tell each other: the few questions that only all of them together can answer, and what is told to a
//! client of another worker.

use tokio::sync::mpsc;

use crate::directory::Place;
use crate::errand::{ClientId, Waiter};
use crate::local::ClientQuery;

/// Messages that one worker may have waiting (count). Only administrative commands make any, and redirected
/// invalidations, which become one if there are too many.
const MAILBOX_MAX: usize = 1024;

/// One message between workers.
#[derive(Debug)]
pub(crate) enum PeerMessage {
    /// Answer this about your clients.
    Ask {
        /// The worker that wants the answer.
        from: usize,
        /// Who waits for it there.
        waiter: Waiter,
        /// The question.
        query: ClientQuery,
    },
    /// The answer to an `Ask`: a reply, or a part of one.
    Tell {
        /// Who waits for it.
        waiter: Waiter,
        /// The reply.
        reply: Vec<u8>,
    },
    /// Do this about your clients; nobody waits for it.
    Order {
        /// What.
        query: ClientQuery,
    },
    /// Keys have changed that another client has read, for which this one is told.
    Invalidated {
        /// Where it is served.
        place: Place,
        /// The client that is told.
        client: ClientId,
        /// The node's message.
        message: Box<[u8]>,
    },
}

/// One worker's way to all the others.
#[derive(Clone, Debug)]
pub(crate) struct Peers {
    /// The worker whose way it is.
    pub(crate) own: usize,
    mailboxes: Vec<mpsc::Sender<PeerMessage>>,
}

impl Peers {
    /// Mailboxes for `count` workers: the way of each, and what comes in.
    pub(crate) fn connect(count: usize) -> Vec<(Peers, mpsc::Receiver<PeerMessage>)> {
        let (mailboxes, receivers): (Vec<_>, Vec<_>) =
            (0..count).map(|_| mpsc::channel(MAILBOX_MAX)).unzip();
        let peers = (0..count).map(|own| Peers { own, mailboxes: mailboxes.clone() });
        peers.zip(receivers).collect()
    }

    /// How many workers there are (count).
    pub(crate) fn count(&self) -> usize {
        self.mailboxes.len()
    }

    /// Sends a message; false when the other worker has too many waiting, or has ended.
    pub(crate) fn send(&self, to: usize, message: PeerMessage) -> bool {
        self.mailboxes.get(to).is_some_and(|mailbox| mailbox.try_send(message).is_ok())
    }
}
