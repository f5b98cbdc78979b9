//! Node connections that belong to one client for a while, counted and kept for the next.
//!
//! In: a link that is done with its client. Out: a link for the next client, when one to that node in that protocol
//! version lies idle.
//!
//! The story of such a link:
//! 1. a client's request needs state at a node (`WATCH`, `CLIENT TRACKING`), or may keep a node waiting (`BLPOP`);
//! 2. an idle link is taken, or a new one made while the limit allows it; it is the client's now ([`Owner::Client`]);
//! 3. every reply and every out-of-band message on it goes to that client alone;
//! 4. when nothing is left at the node of what the client did, the link is idle again ([`Owner::Nobody`]); one that was
//!    tracked is ended instead, for the node would go on telling;
//! 5. when the client leaves before that, or the node is given up, the link is ended, and the node forgets with it.
//!
//! Invariant: `count` is the number of links that are owned by a client or nobody and are not closing.
//!
//! Not here: sockets, sessions, what is sent.

use reddoor_protocol::encode::Resp;

use crate::errand::{ClientId, LinkKey, NodeIndex, Purpose};

/// Whose a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// All clients of the worker share it.
    Everybody,
    /// One client's.
    Client(Pin),
    /// It waits for a client.
    Nobody,
}

/// A client's claim on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    /// The session's place in its worker.
    pub(crate) session: usize,
    /// The client that had this place then.
    pub(crate) client: ClientId,
    /// What for.
    pub(crate) purpose: Purpose,
}

/// The links of one worker that are not shared.
#[derive(Debug, Default)]
pub(crate) struct PinnedPool {
    /// The one used last stands last.
    idle: Vec<Idle>,
    count: usize,
}

#[derive(Clone, Copy, Debug)]
struct Idle {
    node: NodeIndex,
    resp: Resp,
    link: LinkKey,
}

impl PinnedPool {
    /// Links that are owned by a client or nobody (count).
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Links that are owned by a client (count).
    pub(crate) fn in_use_count(&self) -> usize {
        self.count.saturating_sub(self.idle.len())
    }

    /// A link was made.
    pub(crate) fn add(&mut self) {
        self.count += 1;
    }

    /// A link is about to end, or has.
    pub(crate) fn remove(&mut self, link: LinkKey) {
        self.count = self.count.saturating_sub(1);
        self.idle.retain(|idle| idle.link != link);
    }

    /// Keeps a link for the next client; false when enough are kept.
    pub(crate) fn keep(&mut self, node: NodeIndex, resp: Resp, link: LinkKey, max: usize) -> bool {
        if self.idle.len() >= max {
            return false;
        }
        self.idle.push(Idle { node, resp, link });
        true
    }

    /// Takes an idle link to this node in this version.
    pub(crate) fn take(&mut self, node: NodeIndex, resp: Resp) -> Option<LinkKey> {
        let is_meant = |idle: &Idle| idle.node == node && idle.resp == resp;
        let index = self.idle.iter().rposition(is_meant)?;
        Some(self.idle.remove(index).link)
    }

    /// The idle link used longest ago, which may give way to one that is needed.
    pub(crate) fn oldest_idle(&self) -> Option<LinkKey> {
        self.idle.first().map(|idle| idle.link)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cluster_map::NodeAddr;
    use crate::metrics::node::NodeMetrics;
    use crate::routes::Routes;

    #[test]
    fn idle_links_are_taken_by_node_and_version() {
        let mut routes = Routes::new();
        let mut node = |port| {
            let metrics = |_: &str| Arc::new(NodeMetrics::default());
            routes.find_or_add(&NodeAddr::new("h", port), metrics).unwrap()
        };
        let (a, b) = (node(1), node(2));
        let mut pool = PinnedPool::default();
        for (node, resp, key) in [(a, Resp::V2, 1), (a, Resp::V3, 2), (b, Resp::V2, 3)] {
            pool.add();
            assert!(pool.keep(node, resp, LinkKey(key), 3));
        }
        assert!(!pool.keep(a, Resp::V2, LinkKey(4), 3));
        assert_eq!(pool.oldest_idle(), Some(LinkKey(1)));
        assert_eq!(pool.take(b, Resp::V3), None);
        assert_eq!(pool.take(a, Resp::V3), Some(LinkKey(2)));
        assert_eq!(pool.take(a, Resp::V3), None);
        pool.remove(LinkKey(3));
        assert_eq!(pool.take(b, Resp::V2), None);
        assert_eq!(pool.count(), 2);
    }
}
