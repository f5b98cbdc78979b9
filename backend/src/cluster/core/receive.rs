//! What a message changes.
//!
//! Source: redis `src/cluster.c` clusterProcessPacket.

use reddoor_protocol::topology::NodeId;

use super::links::LinkId;
use super::{Action, Core};
use crate::cluster::member::{Member, MemberFlags};
use crate::cluster::message::{Body, Kind, Message, Sender};

impl Core {
    /// From now on passes over messages of this kind, if any.
    pub(crate) fn ignore(&mut self, kind: Option<Kind>) {
        self.ignored = kind;
    }

    /// Takes a message that came on a link.
    pub(crate) fn handle_message(&mut self, now_ms: u64, link: LinkId, message: Message) {
        if self.links.get(link).is_none() {
            return;
        }
        if let Some(kind) = message.body.kind() {
            self.stats.received[kind as usize] += 1;
            if self.ignored == Some(kind) {
                return;
            }
        }
        let Message { sender, body } = message;
        // Every node is as new as its own claim; who says otherwise would take slots by an epoch that nobody gave.
        if sender.config_epoch > sender.current_epoch {
            return;
        }
        let is_known = self.note_sender(now_ms, link, &sender);
        match body {
            Body::Ping { kind, gossip, hostname } => {
                self.receive_ping(now_ms, link, kind, &sender, hostname.as_deref(), is_known);
                // Who is asked to meet a node may also meet those that it knows.
                if is_known || kind == Kind::Meet {
                    self.hear_gossip(now_ms, is_known.then_some(sender.id), &gossip);
                }
            }
            Body::Fail { id } if is_known => self.receive_fail(now_ms, &sender.id, &id),
            Body::Update { config_epoch, id, slots }
                if is_known && config_epoch <= sender.current_epoch =>
            {
                self.receive_update(now_ms, &id, config_epoch, &slots);
            }
            Body::Publish { is_sharded, channel, message } if is_known => {
                self.actions.push_back(Action::Publish { is_sharded, channel, text: message });
            }
            Body::Bare { kind: Kind::AuthRequest } if is_known => {
                self.receive_vote_request(now_ms, &sender);
            }
            Body::Bare { kind: Kind::AuthAck } if is_known => self.receive_vote(&sender),
            Body::Bare { kind: Kind::ManualFailoverStart } if is_known => {
                self.receive_failover_start(now_ms, &sender.id);
            }
            Body::Fail { .. }
            | Body::Update { .. }
            | Body::Publish { .. }
            | Body::Bare { .. }
            | Body::Unread { .. } => {}
        }
        self.judge(now_ms);
        self.step(now_ms);
    }

    /// Takes over what every message tells of its sender; true when that is a member whose name is proven.
    fn note_sender(&mut self, now_ms: u64, link: LinkId, sender: &Sender) -> bool {
        if let Some(entry) = self.links.get_mut(link) {
            entry.reads_extensions = sender.reads_extensions;
            if entry.is_inbound {
                entry.peer = Some(sender.id);
            }
        }
        let Some(member) = self.table.get_mut(&sender.id) else { return false };
        if member.is_in_handshake() || member.is_myself() {
            return false;
        }
        member.data_received_ms = now_ms;
        member.repl_offset = sender.repl_offset;
        if sender.reads_extensions {
            member.flags |= MemberFlags::EXTENSIONS;
        }
        if sender.config_epoch > member.config_epoch {
            member.config_epoch = sender.config_epoch;
            self.unsaved.note_promise();
        }
        if sender.current_epoch > self.current_epoch {
            self.current_epoch = sender.current_epoch;
            self.unsaved.note();
        }
        self.note_aim(sender);
        true
    }

    fn receive_ping(
        &mut self,
        now_ms: u64,
        link: LinkId,
        kind: Kind,
        sender: &Sender,
        hostname: Option<&str>,
        is_known: bool,
    ) {
        if kind != Kind::Pong {
            self.learn_own_address(link, kind);
            if kind == Kind::Meet && !is_known && self.table.get(&sender.id).is_none() {
                self.begin_handshake_back(now_ms, link, sender);
            }
            self.send_ping(now_ms, link, Kind::Pong);
        }
        let is_own = self.links.get(link).is_some_and(|entry| !entry.is_inbound);
        let is_proven = if is_own { self.prove_peer(now_ms, link, kind, sender) } else { is_known };
        if !is_proven {
            return;
        }
        if kind == Kind::Ping && !is_own {
            self.follow_address(link, sender);
        }
        // Who has not heard of this node leaves its name out: it does not know yet that extensions are read here.
        let is_answer = is_own && kind == Kind::Pong;
        let hostname = hostname.or(is_answer.then_some(""));
        self.follow_hostname(&sender.id, hostname);
        if hostname.is_some() || !self.is_new(sender) {
            // Both or neither: a replica that has won and whose slots are not known would be no successor of anybody.
            self.follow_role(sender);
            self.follow_claim(now_ms, link, sender);
        }
    }

    /// Whether nothing is known yet of what a node serves, and its answer will tell that and its name together: clients
    /// that are told of nodes by name should not be told of it without.
    fn is_new(&self, sender: &Sender) -> bool {
        let member = self.table.get(&sender.id);
        sender.reads_extensions
            && member.is_some_and(|member| member.answered_ms == 0 && member.slots.is_empty())
    }

    /// A node that was never told its address takes the one at which another one reached it.
    fn learn_own_address(&mut self, link: LinkId, kind: Kind) {
        if !self.settings.announce_ip.is_empty() {
            return;
        }
        let Some(local_ip) = self.links.get(link).map(|entry| entry.local_ip.clone()) else {
            return;
        };
        let me = self.myself_mut();
        if (kind == Kind::Meet || me.ip.is_empty()) && !local_ip.is_empty() && me.ip != local_ip {
            tracing::warn!("IP address for this node updated to {local_ip}");
            me.ip = local_ip;
            self.unsaved.note();
        }
    }

    /// Step 2 of a meeting, on the side that was met.
    fn begin_handshake_back(&mut self, now_ms: u64, link: LinkId, sender: &Sender) {
        let Some(ip) = self.address_of(link, sender) else { return };
        let bus_port = bus_port_of(sender);
        // Several messages may come before the handshake ends; one member is enough.
        if self.is_shaking_hands_with(&ip, bus_port) || !self.has_room() {
            return;
        }
        let id = self.made_up_id();
        let flags = MemberFlags::HANDSHAKE;
        self.table.insert(Member::new(id, flags, (ip, sender.port, bus_port), now_ms));
        self.unsaved.note();
    }

    /// Whether a member in handshake has this bus address.
    pub(super) fn is_shaking_hands_with(&self, ip: &str, bus_port: u16) -> bool {
        self.table.iter().any(|member| {
            member.is_in_handshake() && member.ip == ip && member.bus_port == bus_port
        })
    }

    /// The address that a sender announces or, if it leaves that to others, speaks from.
    fn address_of(&self, link: LinkId, sender: &Sender) -> Option<String> {
        if !sender.ip.is_empty() {
            return Some(sender.ip.clone());
        }
        self.links.get(link).map(|entry| entry.peer_ip.clone())
    }

    /// An answer on an own link proves who is at its other end; false when it is not who it should be.
    fn prove_peer(&mut self, now_ms: u64, link: LinkId, kind: Kind, sender: &Sender) -> bool {
        let Some(peer) = self.links.get(link).and_then(|entry| entry.peer) else { return false };
        let Some(member) = self.table.get(&peer) else { return false };
        if member.is_in_handshake() {
            if self.table.get(&sender.id).is_some() {
                // It was known all along, perhaps under another address: this handshake was for nothing.
                self.follow_address(link, sender);
                self.table.remove(&peer);
                self.drop_own_link(&peer);
                self.unsaved.note();
                return false;
            }
            self.end_handshake(&peer, sender);
        } else if peer != sender.id {
            // Another node lives at this address now.
            if let Some(member) = self.table.get_mut(&peer) {
                member.flags |= MemberFlags::NOADDR;
                member.ip.clear();
                member.port = 0;
                member.bus_port = 0;
            }
            self.drop_own_link(&peer);
            self.unsaved.note();
            return false;
        }
        if kind == Kind::Pong {
            self.receive_pong(now_ms, &sender.id);
        }
        true
    }

    /// Steps 3 and 4 of a meeting: the node has told its name.
    fn end_handshake(&mut self, made_up: &NodeId, sender: &Sender) {
        self.table.rename(made_up, sender.id);
        self.links.rename(made_up, sender.id);
        if let Some(member) = self.table.get_mut(&sender.id) {
            member.flags -= MemberFlags::HANDSHAKE | MemberFlags::MEET;
            member.flags |= sender.flags & (MemberFlags::PRIMARY | MemberFlags::REPLICA);
        }
        self.unsaved.note();
    }

    fn receive_pong(&mut self, now_ms: u64, id: &NodeId) {
        let Some(member) = self.table.get_mut(id) else { return };
        member.pong_received_ms = now_ms;
        member.answered_ms = member.answered_ms.max(member.ping_sent_ms);
        member.ping_sent_ms = 0;
        if member.flags.contains(MemberFlags::PFAIL) {
            member.flags -= MemberFlags::PFAIL;
            self.unsaved.note();
        } else if member.is_failed() {
            self.reconsider_failure(now_ms, id);
        }
    }

    /// A known node speaks from another address than it did: its link is made anew.
    fn follow_address(&mut self, link: LinkId, sender: &Sender) {
        let Some(ip) = self.address_of(link, sender) else { return };
        let bus_port = bus_port_of(sender);
        let Some(member) = self.table.get_mut(&sender.id) else { return };
        if member.is_myself()
            || (member.ip == ip && member.port == sender.port && member.bus_port == bus_port)
        {
            return;
        }
        tracing::warn!("Address updated for node {}, now {ip}:{}", sender.id, sender.port);
        member.ip = ip;
        member.port = sender.port;
        member.bus_port = bus_port;
        member.flags -= MemberFlags::NOADDR;
        self.drop_own_link(&sender.id);
        self.unsaved.note();
    }

    /// Takes over the name that a node gives itself; `None` if it has not said whether it has one.
    fn follow_hostname(&mut self, id: &NodeId, hostname: Option<&str>) {
        if let Some(hostname) = hostname
            && let Some(member) = self.table.get_mut(id)
            && !member.is_myself()
            && member.hostname != hostname
        {
            hostname.clone_into(&mut member.hostname);
            self.unsaved.note();
        }
    }

    /// Takes over whether a node is a primary or a replica, and of whom.
    fn follow_role(&mut self, sender: &Sender) {
        let Some(member) = self.table.get_mut(&sender.id) else { return };
        if member.is_myself() {
            return;
        }
        let takes_no_part = sender.flags.contains(MemberFlags::NOFAILOVER);
        if member.flags.contains(MemberFlags::NOFAILOVER) != takes_no_part {
            member.flags.set(MemberFlags::NOFAILOVER, takes_no_part);
            self.unsaved.note();
        }
        let has_changed =
            member.primary != sender.primary || member.is_primary() != sender.primary.is_none();
        if has_changed {
            self.set_role(&sender.id, sender.primary);
        }
    }

    fn receive_fail(&mut self, now_ms: u64, by: &NodeId, id: &NodeId) {
        let Some(member) = self.table.get_mut(id) else { return };
        if member.is_failed() || member.is_myself() {
            return;
        }
        tracing::info!("FAIL message received from {by} about {id}");
        member.flags |= MemberFlags::FAIL;
        member.flags -= MemberFlags::PFAIL;
        member.failed_ms = now_ms;
        self.unsaved.note();
    }

    /// Queues a message for a link, unless this node has to be silent there.
    pub(super) fn send(&mut self, link: LinkId, body: Body) {
        if self.is_silent_on(link) {
            return;
        }
        if let Some(kind) = body.kind() {
            self.stats.sent[kind as usize] += 1;
        }
        let message = Message { sender: self.own_header(), body };
        let bytes = crate::cluster::message::encode::message(&message);
        self.actions.push_back(Action::Send { link, bytes });
    }

    /// What every message of this node tells of it.
    pub(super) fn own_header(&self) -> Sender {
        let me = self.myself();
        // A replica tells of the shard that it copies.
        let claim = self.my_primary().unwrap_or(me);
        Sender {
            id: me.id,
            ip: self.settings.announce_ip.clone(),
            port: self.settings.port,
            bus_port: self.settings.bus_port,
            flags: me.flags,
            current_epoch: self.current_epoch,
            config_epoch: claim.config_epoch,
            repl_offset: me.repl_offset,
            slots: claim.slots.clone(),
            primary: me.primary,
            sees_ok: self.is_ok(),
            reads_extensions: true,
            is_paused: self.by_hand.is_paused(),
            is_forced: self.by_hand.may_start(),
        }
    }
}

/// The bus port that a sender means.
fn bus_port_of(sender: &Sender) -> u16 {
    if sender.bus_port != 0 { sender.bus_port } else { sender.port.saturating_add(10_000) }
}
