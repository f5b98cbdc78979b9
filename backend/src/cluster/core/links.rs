//! Connections of the bus as the core knows them: names, and who is at the other end.
//!
//! Every node has two links with every other one, each made by one side. Pings go out on a node's own link and
//! their answers come back on it; so only an own link proves who is at the other end.

use std::collections::BTreeMap;

use reddoor_protocol::topology::NodeId;

use super::{Core, INBOUND_MAX};
use crate::cluster::message::MessageError;
use crate::cluster::message::decode::PING_BYTES_MAX;

/// A link's name, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LinkId(pub(crate) u64);

/// What is known of a link.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// The node it was made to; for a link that another node made: who spoke on it last.
    pub(crate) peer: Option<NodeId>,
    /// Whether the other side made it.
    pub(crate) is_inbound: bool,
    /// Whether it is connected.
    pub(crate) is_up: bool,
    /// Whether the other side has said that it reads extensions.
    pub(crate) reads_extensions: bool,
    /// When it was asked for, in milliseconds since 1970.
    pub(crate) created_ms: u64,
    /// The address of the other side.
    pub(crate) peer_ip: String,
    /// The address of this side; empty until connected.
    pub(crate) local_ip: String,
}

/// All links.
#[derive(Debug, Default)]
pub(crate) struct Links {
    last: u64,
    links: BTreeMap<LinkId, Link>,
    /// The own link to each node.
    own: BTreeMap<NodeId, LinkId>,
}

impl Links {
    fn next_id(&mut self) -> LinkId {
        self.last += 1;
        LinkId(self.last)
    }

    /// A new own link, not connected yet.
    pub(crate) fn open(&mut self, peer: NodeId, peer_ip: String, now_ms: u64) -> LinkId {
        let id = self.next_id();
        let link = Link {
            peer: Some(peer),
            is_inbound: false,
            is_up: false,
            reads_extensions: false,
            created_ms: now_ms,
            peer_ip,
            local_ip: String::new(),
        };
        self.links.insert(id, link);
        self.own.insert(peer, id);
        id
    }

    /// A link with this name.
    pub(crate) fn get(&self, id: LinkId) -> Option<&Link> {
        self.links.get(&id)
    }

    /// A link with this name.
    pub(crate) fn get_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.get_mut(&id)
    }

    /// The own link to a node, connected or not.
    pub(crate) fn own(&self, peer: &NodeId) -> Option<LinkId> {
        self.own.get(peer).copied()
    }

    /// The own link to a node, if it is connected.
    pub(crate) fn own_up(&self, peer: &NodeId) -> Option<LinkId> {
        self.own(peer).filter(|id| self.links.get(id).is_some_and(|link| link.is_up))
    }

    /// Forgets a link.
    pub(crate) fn remove(&mut self, id: LinkId) -> Option<Link> {
        let link = self.links.remove(&id)?;
        if let Some(peer) = &link.peer
            && self.own.get(peer) == Some(&id)
        {
            self.own.remove(peer);
        }
        Some(link)
    }

    /// The node at the other end of an own link has told its name.
    pub(crate) fn rename(&mut self, old: &NodeId, new: NodeId) {
        if let Some(id) = self.own.remove(old) {
            self.own.insert(new, id);
            if let Some(link) = self.links.get_mut(&id) {
                link.peer = Some(new);
            }
        }
    }

    /// Every link that another node made.
    pub(crate) fn inbound(&self) -> impl Iterator<Item = (LinkId, &Link)> {
        self.links.iter().filter(|(_, link)| link.is_inbound).map(|(id, link)| (*id, link))
    }

    /// Every link.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (LinkId, &Link)> {
        self.links.iter().map(|(id, link)| (*id, link))
    }
}

impl Core {
    /// Another node has connected; gives back the link's name, or `None` when there are too many: then the
    /// connection is to be closed.
    pub(crate) fn handle_accept(
        &mut self,
        now_ms: u64,
        peer_ip: String,
        local_ip: String,
    ) -> Option<LinkId> {
        if self.links.links.len() - self.links.own.len() >= INBOUND_MAX {
            return None;
        }
        let id = self.links.next_id();
        let link = Link {
            peer: None,
            is_inbound: true,
            is_up: true,
            reads_extensions: false,
            created_ms: now_ms,
            peer_ip,
            local_ip,
        };
        self.links.links.insert(id, link);
        Some(id)
    }

    /// The longest message that is read from a link, in bytes: who is no member has nothing to publish.
    pub(crate) fn message_bytes_max(&self, id: LinkId) -> usize {
        let peer = self.links.get(id).and_then(|link| link.peer);
        let member = peer.and_then(|peer| self.table.get(&peer));
        if member.is_some_and(|member| !member.is_in_handshake()) {
            usize::MAX
        } else {
            PING_BYTES_MAX
        }
    }

    /// A link that was asked for is connected: the first message goes out.
    pub(crate) fn handle_link_up(&mut self, now_ms: u64, id: LinkId, local_ip: String) {
        let Some(link) = self.links.get_mut(id) else { return };
        link.is_up = true;
        link.local_ip = local_ip;
        link.created_ms = now_ms;
        if let Some(peer) = link.peer {
            self.greet(now_ms, id, &peer);
        }
    }

    /// A link ended, or could not be made.
    pub(crate) fn handle_link_down(&mut self, id: LinkId) {
        self.links.remove(id);
    }

    /// A link brought bytes that are no message. The caller closes it.
    pub(crate) fn handle_garbage(&mut self, id: LinkId, error: MessageError) {
        if let Some(link) = self.links.remove(id) {
            tracing::warn!(peer = link.peer_ip, %error, "bus link closed");
        }
    }

    /// Whether the own link to a node is connected; this node is always linked to itself.
    pub(crate) fn is_linked(&self, id: &NodeId) -> bool {
        *id == self.myself || self.links.own_up(id).is_some()
    }

    /// Every link, for `CLUSTER LINKS`.
    pub(crate) fn links(&self) -> impl Iterator<Item = (LinkId, &Link)> {
        self.links.iter()
    }

    /// Closes the links with a node for which `is_ended` is true; what was an own one is made anew.
    pub(crate) fn end_links(&mut self, peer: &NodeId, is_ended: impl Fn(&Link) -> bool) {
        let ended = self.links.iter().filter(|(_, l)| l.peer == Some(*peer) && is_ended(l));
        for link in ended.map(|(id, _)| id).collect::<Vec<_>>() {
            self.links.remove(link);
            self.actions.push_back(super::Action::Disconnect { link });
        }
    }

    /// Closes the own link to a node, if there is one; the next tick makes a new one.
    pub(super) fn drop_own_link(&mut self, peer: &NodeId) {
        if let Some(link) = self.links.own(peer) {
            self.links.remove(link);
            self.actions.push_back(super::Action::Disconnect { link });
        }
    }
}
