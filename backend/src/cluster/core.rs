//! The cluster as one node sees it: a pure state machine.
//!
//! It has no socket, no clock and no chance of its own. Its two callers, the bus and the simulation, give it
//! what happens, in four families of methods:
//!
//! | family | methods |
//! |---|---|
//! | what happened | [`Core::handle_message`], [`Core::handle_link_up`], [`Core::handle_link_down`], [`Core::handle_tick`] |
//! | what an operator wants | [`Core::meet`], [`Core::add_slots`], [`Core::forget`], … (`admin`) |
//! | what is to be done | [`Core::poll_action`], until it gives `None`, after any of the above |
//! | what is known | [`Core::myself`], [`Core::owner`], [`Core::topology`], … |
//!
//! How two nodes meet (both sides):
//! 1. A is told to meet B's address. It adds a member with a made-up name, in handshake, and connects.
//! 2. A sends `MEET`. B does not know the sender, so it adds a member in handshake, too, with the address that
//!    the message came from, and answers `PONG`, as it answers any ping.
//! 3. A gets the `PONG` on the link that it made and so learns B's name: the member is renamed, the handshake over.
//! 4. B connects to A, pings, and learns A's name in the same way.
//! 5. Whoever hears of an unknown node from a node it knows (gossip) connects to it as well.
//!
//! How a claim on slots spreads: every ping carries the sender's slots and the epoch of its claim. Of two claims
//! the one with the higher epoch holds. Who sees an older claim than it knows answers with `UPDATE`.
//!
//! How a replica takes over stands in `election`, what a vote promises in `pledge`, how an operator has a replica take
//! over in `by_hand`, how one moves to another primary in `migration`.
//!
//! Invariants: every epoch only grows; a slot has at most one owner; two primaries with one epoch part by
//! themselves, the one with the smaller name takes a new epoch; a vote is on the disk before it is on the wire.
//!
//! Not here: data. How far it has been copied is told to the core ([`Core::set_replication`]), and whom to copy
//! from is told by it ([`Action::Follow`], [`Action::Lead`]).
//!
//! Spec: <https://valkey.io/topics/cluster-spec/>. Source: redis `src/cluster.c`.

pub(crate) mod table;

pub(crate) mod links;

pub(crate) mod admin;

mod receive;

mod claims;

mod gossip;

mod health;

mod roles;

mod election;

mod pledge;

pub(crate) mod by_hand;

mod migration;

pub(crate) mod tick;

mod view;

use std::collections::{BTreeMap, HashMap, VecDeque};

use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::NodeId;

use self::links::{LinkId, Links};
use self::table::Table;
use super::member::{Member, MemberFlags};
use super::message::Kind;
use crate::data::random::Random;

/// Members beyond which nobody is taken in whom no operator has met (count). A Redis Cluster has a thousand at most.
pub(crate) const MEMBERS_MAX: usize = 4_096;

/// Links beyond which none is taken that another node makes (count): one for each member, and as many new ones while
/// the old ones are not known to be dead.
pub(crate) const INBOUND_MAX: usize = 2 * MEMBERS_MAX;

/// Settings of the cluster; replaced whole when one changes.
#[derive(Clone, Debug)]
pub(crate) struct CoreSettings {
    /// Silence after which a node is suspected, in milliseconds.
    pub(crate) node_timeout_ms: u64,
    /// Whether the cluster is down when a slot has no owner.
    pub(crate) requires_full_coverage: bool,
    /// The address to announce; empty: let others take the socket's.
    pub(crate) announce_ip: String,
    /// The host name to announce; empty for none.
    pub(crate) hostname: String,
    /// TCP port for clients, as announced.
    pub(crate) port: u16,
    /// TCP port of the bus, as announced.
    pub(crate) bus_port: u16,
    /// How many node timeouts a replica may have been without its primary and still take over (count); 0: any.
    pub(crate) validity_factor: u64,
    /// How often a primary pings its replicas, in milliseconds.
    pub(crate) replication_ping_ms: u64,
    /// Whether this node, as a replica, takes over only by hand.
    pub(crate) stays_replica: bool,
    /// Whether this node, as a replica, may move to a primary that has lost all of its own.
    pub(crate) may_migrate: bool,
    /// Replicas that have to remain where one leaves (count).
    pub(crate) migration_barrier: usize,
}

#[cfg(test)]
impl CoreSettings {
    /// The defaults, with a node timeout of two seconds.
    pub(crate) fn sample() -> CoreSettings {
        CoreSettings {
            node_timeout_ms: 2_000,
            requires_full_coverage: true,
            announce_ip: String::new(),
            hostname: String::new(),
            port: 6379,
            bus_port: 16379,
            validity_factor: 10,
            replication_ping_ms: 10_000,
            stays_replica: false,
            may_migrate: true,
            migration_barrier: 1,
        }
    }
}

/// How this node's copy of the data stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replication {
    /// Bytes of the stream of changes: made, by a primary; taken over, by a replica.
    pub(crate) offset: u64,
    /// When a replica last heard from its primary, in milliseconds since 1970; 0 for never.
    pub(crate) heard_ms: u64,
}

/// What the core wants to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Connect to a bus, then tell of it by `handle_link_up` or `handle_link_down`.
    Connect {
        /// The link's name from now on.
        link: LinkId,
        /// The address.
        ip: String,
        /// The bus port.
        port: u16,
    },
    /// Send a message. It may be dropped if the link cannot take it; then the link is down.
    Send {
        /// On which link.
        link: LinkId,
        /// A whole message.
        bytes: Vec<u8>,
    },
    /// Close a link; it is not reported down.
    Disconnect {
        /// Which.
        link: LinkId,
    },
    /// Delete the keys of slots that went to another node.
    DropSlotKeys {
        /// Which.
        slots: Vec<Slot>,
    },
    /// Tell what was published on another node to the clients of this one.
    Publish {
        /// Whether within the shard only.
        is_sharded: bool,
        /// The channel.
        channel: Vec<u8>,
        /// The message.
        text: Vec<u8>,
    },
    /// Become a replica of the node there, or go on as one: its data takes the place of this node's.
    Follow {
        /// The primary's address.
        ip: String,
        /// Its TCP port for clients.
        port: u16,
    },
    /// Be a replica no more, and keep the data.
    Lead,
    /// Hold back what clients write, for a failover by hand.
    PauseWrites {
        /// Until when at the longest, in milliseconds since 1970.
        until_ms: u64,
    },
    /// Hold back no more.
    ResumeWrites,
    /// Write the nodes file. Asked for at most once between two polls.
    Save {
        /// Whether it has to be on the disk before anything else is done; what is not may be so some time later.
        is_promise: bool,
    },
}

/// Whether the nodes file is behind what it has to remember.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Unsaved {
    #[default]
    Nothing,
    /// What other nodes would tell again, or an operator set.
    Note,
    /// An epoch, a vote, this node's own part: others rely on it as soon as they are told.
    Promise,
}

impl Unsaved {
    fn note(&mut self) {
        if *self == Unsaved::Nothing {
            *self = Unsaved::Note;
        }
    }

    fn note_promise(&mut self) {
        *self = Unsaved::Promise;
    }
}

/// Messages counted by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct BusStats {
    /// Sent (count), by the number of the kind.
    pub(crate) sent: [u64; Kind::ALL.len()],
    /// Received (count), by the number of the kind.
    pub(crate) received: [u64; Kind::ALL.len()],
}

/// What the nodes file remembers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remembered {
    /// All nodes, this one among them.
    pub(crate) members: Vec<Member>,
    /// The newest epoch seen.
    pub(crate) current_epoch: u64,
    /// The epoch of the last vote given.
    pub(crate) last_vote_epoch: u64,
    /// Slots on their way to another node.
    pub(crate) migrating: BTreeMap<Slot, NodeId>,
    /// Slots on their way here.
    pub(crate) importing: BTreeMap<Slot, NodeId>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Core {
    settings: CoreSettings,
    random: Random,
    myself: NodeId,
    table: Table,
    links: Links,
    current_epoch: u64,
    last_vote_epoch: u64,
    migrating: BTreeMap<Slot, NodeId>,
    importing: BTreeMap<Slot, NodeId>,
    /// Nodes that an operator had forgotten, and until when gossip about them is not believed.
    forgotten: HashMap<NodeId, u64>,
    health: health::Health,
    replication: Replication,
    /// Where [`Action::Follow`] last sent this node.
    followed: Option<(String, u16)>,
    election: election::Election,
    by_hand: by_hand::ByHand,
    ticks_count: u64,
    ticked_ms: u64,
    /// Nodes that were not taken for members because there are enough (count).
    refused_count: u64,
    stats: BusStats,
    /// Messages of this kind are passed over, for tests.
    ignored: Option<Kind>,
    actions: VecDeque<Action>,
    unsaved: Unsaved,
}

impl Core {
    /// A node that remembers nothing: alone, with a new name.
    pub(crate) fn new(settings: CoreSettings, random: Random, now_ms: u64) -> Core {
        let mut core = Core::empty(settings, random);
        let id = core.made_up_id();
        let flags = MemberFlags::PRIMARY | MemberFlags::MYSELF;
        core.become_member(Member::new(id, flags, (String::new(), 0, 0), now_ms));
        core.unsaved.note_promise();
        core
    }

    /// A node that goes on from what its file remembers; `None` when that does not tell which node it is.
    pub(crate) fn restore(
        settings: CoreSettings,
        random: Random,
        mut remembered: Remembered,
        now_ms: u64,
    ) -> Option<Core> {
        let mut core = Core::empty(settings, random);
        let place = remembered.members.iter().position(Member::is_myself)?;
        core.become_member(remembered.members.swap_remove(place));
        for mut member in remembered.members {
            // Links are new, so what the old ones brought does not count.
            member.ping_sent_ms = 0;
            member.pong_received_ms = 0;
            member.created_ms = now_ms;
            // Nor is it known for how long a node has been down.
            member.failed_ms = if member.is_failed() { now_ms } else { 0 };
            core.table.insert(member);
        }
        core.current_epoch = remembered.current_epoch;
        core.last_vote_epoch = remembered.last_vote_epoch;
        core.migrating = remembered.migrating;
        core.importing = remembered.importing;
        let newest = core.table.iter().map(|member| member.config_epoch).max().unwrap_or(0);
        core.current_epoch = core.current_epoch.max(newest);
        core.renew_pledges(now_ms);
        Some(core)
    }

    fn empty(settings: CoreSettings, random: Random) -> Core {
        Core {
            settings,
            random,
            myself: NodeId::ZERO,
            table: Table::new(),
            links: Links::default(),
            current_epoch: 0,
            last_vote_epoch: 0,
            migrating: BTreeMap::new(),
            importing: BTreeMap::new(),
            forgotten: HashMap::new(),
            health: health::Health::default(),
            replication: Replication::default(),
            followed: None,
            election: election::Election::default(),
            by_hand: by_hand::ByHand::default(),
            ticks_count: 0,
            ticked_ms: 0,
            refused_count: 0,
            stats: BusStats::default(),
            ignored: None,
            actions: VecDeque::new(),
            unsaved: Unsaved::default(),
        }
    }

    /// Adds this node itself, with the ports of the settings.
    fn become_member(&mut self, mut member: Member) {
        member.flags |= MemberFlags::MYSELF;
        member.flags -= MemberFlags::PFAIL | MemberFlags::FAIL | MemberFlags::NOADDR;
        self.myself = member.id;
        self.table.insert(member);
        self.announce_myself();
    }

    /// Takes over new settings.
    pub(crate) fn configure(&mut self, settings: CoreSettings) {
        self.settings = settings;
        self.announce_myself();
    }

    fn announce_myself(&mut self) {
        let settings = self.settings.clone();
        let me = self.myself_mut();
        me.port = settings.port;
        me.bus_port = settings.bus_port;
        me.hostname = settings.hostname;
        me.flags.set(MemberFlags::NOFAILOVER, settings.stays_replica);
        if !settings.announce_ip.is_empty() {
            me.ip = settings.announce_ip;
        }
    }

    /// What is to be done next; to be called until it gives `None`.
    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        // A file that is behind must not be waited for by a message that tells what it should remember.
        match std::mem::take(&mut self.unsaved) {
            Unsaved::Nothing => self.actions.pop_front(),
            unsaved => Some(Action::Save { is_promise: unsaved == Unsaved::Promise }),
        }
    }

    /// What follows from anything that happened: a failover goes on, and the copy of the data goes where it belongs.
    fn step(&mut self, now_ms: u64) {
        self.skip_generation(now_ms);
        self.pursue_by_hand(now_ms);
        self.pursue_election(now_ms);
        self.direct_replication();
    }

    /// A name at random, as new nodes and handshakes bear.
    fn made_up_id(&mut self) -> NodeId {
        loop {
            let words = [self.random.next(), self.random.next(), self.random.next()];
            let text: String = words.iter().map(|word| format!("{word:016x}")).collect();
            if let Some(id) = NodeId::parse(&text.as_bytes()[..NodeId::LEN])
                && self.table.get(&id).is_none()
            {
                return id;
            }
        }
    }

    fn myself_mut(&mut self) -> &mut Member {
        let id = self.myself;
        self.table.get_mut(&id).expect("this node is always a member of its own cluster")
    }
}

#[cfg(test)]
mod simulation;
