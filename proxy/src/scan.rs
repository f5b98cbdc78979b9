//! How far a scan of the whole cluster got, and the cursor that stands for it.
//!
//! The story of a scan:
//! 1. it takes the smallest slot that is not done, and opens a *pass* over the node that has it: a walk over all
//!    keys of that node with the node's own cursor, of which only those count that lie in slots not done yet;
//! 2. when the pass ends, the node is asked again for its slots. Those that were its own all the time are done.
//!    A slot that is on its way to another node gets a *detour*: keys that left before the pass saw them are at
//!    that node already, so a pass over it, begun now, sees them. Until that node has a name and can be asked the
//!    request waits, like any that no node runs, and then fails: nobody could say that the scan is complete, and to
//!    begin anew over and over would never end. A slot that has left is simply not done;
//! 3. if slots are left it begins again at 1.
//!
//! A node's cursor means something to one process only, since each hashes with a seed of its own. So a pass names
//! its process, and begins anew when another one answers at that address, or another node took the slots over.
//!
//! The session keeps a [`ScanState`], and the cursor names it. A cursor that the session does not know, because it
//! came from another connection or another front door, is read by itself: passes go over shards in the order of
//! their first slots, so the first slot of the pass tells what is done, as long as the slots lie as they did when
//! the cursor was made. A tag tells whether they do; if not, the scan begins again from its start. Keys may come
//! twice then, which the contract of `SCAN` allows; no key is missed that was there all the time.
//!
//! ```text
//! bit 52      38 37  28 27                  0
//!     first slot  tag    the node's cursor
//!       plus 1
//! ```
//!
//! A cursor has 53 bits, for that is what a number of JavaScript keeps, and there are clients that make one of it. A
//! node's cursor that is longer stays in the session, as that of a scan which nobody else can go on with.

use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::nodes_text;

use crate::cluster_map::NodeAddr;
use crate::routes::Routes;
use crate::walk::Walk;

pub(crate) mod slot_set;

use self::slot_set::SlotSet;

/// Bits of the node's own cursor: a node needs as many as its table, so these are enough for 2^28 keys.
const INNER_BITS: u32 = 28;

/// Bits that tell whether the slots lie as they did.
const TAG_BITS: u32 = 10;

/// Stands in the place of the first slot when only the session can tell what is done.
const UNREADABLE: u64 = (1 << 15) - 1;

/// Names one run of a server process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProcessId(u64);

impl ProcessId {
    /// The process that gives this `INFO server`; `None` when it does not say who it is.
    pub(crate) fn of_info(text: &[u8]) -> Option<ProcessId> {
        let mut lines = text.split(|byte| *byte == b'\n');
        let run_id = lines.find_map(|line| line.strip_prefix(b"run_id:"))?;
        Some(ProcessId(run_id.iter().fold(FNV_OFFSET, |hash, byte| fnv(hash, u64::from(*byte)))))
    }
}

/// How far a scan got.
#[derive(Clone, Debug)]
pub(crate) struct ScanState {
    /// The cursor that the client was given for it.
    pub(crate) cursor: u64,
    /// The node that is walked over just now.
    pub(crate) pass: Option<Pass>,
    done: SlotSet,
    /// Slots on their way, with the node that has what left before it was seen.
    detours: Vec<(Slot, NodeAddr)>,
}

/// A walk over one node.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    /// The node.
    pub(crate) addr: NodeAddr,
    /// Its process, or what is known of it.
    pub(crate) process: PassProcess,
    /// The node's own cursor.
    pub(crate) inner: u64,
    /// Keys in these slots count.
    slots: SlotSet,
    /// What the cursor says beside `inner`; `None` when only the session can tell.
    token: Option<Token>,
}

/// Which process a pass belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PassProcess {
    /// This one.
    Known(ProcessId),
    /// The one with which the cursor has this tag over slots that lie in this way.
    Tagged {
        /// The cursor's tag.
        tag: u64,
        /// How the slots lie.
        layout: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Token {
    first: Slot,
    tag: u64,
}

impl PassProcess {
    /// Whether a pass that was begun in this process can go on in that one.
    pub(crate) fn is(self, process: ProcessId) -> bool {
        match self {
            PassProcess::Known(known) => known == process,
            PassProcess::Tagged { tag, layout } => tag_of(layout, Some(process)) == tag,
        }
    }
}

impl ScanState {
    /// A scan that begins.
    pub(crate) fn new() -> ScanState {
        ScanState { cursor: 0, pass: None, done: SlotSet::default(), detours: Vec::new() }
    }

    /// What a cursor says by itself; a scan that begins when that is nothing.
    pub(crate) fn read(cursor: u64, routes: &Routes) -> ScanState {
        ScanState::try_read(cursor, routes).unwrap_or_else(ScanState::new)
    }

    fn try_read(cursor: u64, routes: &Routes) -> Option<ScanState> {
        let number = u16::try_from((cursor >> (INNER_BITS + TAG_BITS)).checked_sub(1)?).ok()?;
        let (first, tag) = (Slot::new(number)?, (cursor >> INNER_BITS) & ((1 << TAG_BITS) - 1));
        let inner = cursor & ((1 << INNER_BITS) - 1);
        let layout = layout_of(routes);
        let done = done_before(first, routes)?;
        let mut state = ScanState { done, ..ScanState::new() };
        if inner == 0 {
            return (tag == tag_of(layout, None)).then_some(state);
        }
        let owner = routes.owner(first)?;
        let addr = routes.node(owner)?.addr.clone();
        let slots = Slot::all().filter(|slot| routes.owner(*slot) == Some(owner)).collect();
        let process = PassProcess::Tagged { tag, layout };
        let token = Some(Token { first, tag });
        state.pass = Some(Pass { addr, process, inner, slots, token });
        Some(state)
    }

    /// The slot that comes next and the node that has it; `None` when all are done or nobody has it.
    pub(crate) fn next(&self, routes: &Routes) -> Option<(Slot, NodeAddr)> {
        let slot = self.done.first_missing()?;
        if let Some((_, addr)) = self.detours.iter().find(|(other, _)| *other == slot) {
            return Some((slot, addr.clone()));
        }
        Some((slot, routes.node(routes.owner(slot)?)?.addr.clone()))
    }

    /// Whether all slots are done.
    pub(crate) fn is_over(&self) -> bool {
        self.done.first_missing().is_none()
    }

    /// Opens a pass over the node that this view is from; false when it does not have the slot that it was
    /// asked for, so that another node has to be found.
    pub(crate) fn open(
        &mut self,
        (wanted, addr): (Slot, NodeAddr),
        process: ProcessId,
        view: &NodeView,
        routes: &Routes,
    ) -> bool {
        let mut slots = view.slots.clone();
        let detours = self.detours.iter().filter(|(_, other)| *other == addr);
        detours.for_each(|(slot, _)| slots.insert(*slot));
        slots.remove_all(&self.done);
        if !slots.contains(wanted) {
            return false;
        }
        let is_readable = self.detours.is_empty()
            && done_before(wanted, routes).is_some_and(|done| done == self.done);
        let token = is_readable
            .then(|| Token { first: wanted, tag: tag_of(layout_of(routes), Some(process)) });
        let process = PassProcess::Known(process);
        self.pass = Some(Pass { addr, process, inner: 0, slots, token });
        true
    }

    /// A slot of the pass which the node says leaves for one that it cannot name. The pass cannot be closed then: there
    /// would be no detour to what left already.
    pub(crate) fn leaving_unnamed(&self, view: &NodeView) -> Option<Slot> {
        let pass = self.pass.as_ref()?;
        let is_detour = |slot| self.detours.contains(&(slot, pass.addr.clone()));
        let unnamed = view.leaving.iter().filter(|(_, target)| target.is_none());
        let mut unnamed = unnamed.map(|(slot, _)| *slot);
        unnamed.find(|slot| pass.slots.contains(*slot) && !is_detour(*slot))
    }

    /// Whether this node is to be walked over for what has left for it of this slot.
    pub(crate) fn is_detour(&self, slot: Slot, addr: &NodeAddr) -> bool {
        self.detours.iter().any(|(other, target)| *other == slot && target == addr)
    }

    /// A detour for this slot could not be made. Its owner says now where it leaves for; if it does not leave any more,
    /// the owner is to be walked over again. False when the owner cannot name the node.
    pub(crate) fn settle_detour(&mut self, slot: Slot, view: &NodeView) -> bool {
        let leaving = view.leaving.iter().find(|(other, _)| *other == slot);
        let Some((_, target)) = leaving else {
            self.detours.retain(|(other, _)| *other != slot);
            return true;
        };
        let Some(target) = target else { return false };
        let detours = self.detours.iter_mut().filter(|(other, _)| *other == slot);
        detours.for_each(|(_, addr)| addr.clone_from(target));
        true
    }

    /// Ends the pass; `view` is what the node says of itself now.
    pub(crate) fn close(&mut self, view: &NodeView) {
        let Some(pass) = self.pass.take() else { return };
        for slot in pass.slots.iter() {
            let is_detour = |(other, addr): &(Slot, NodeAddr)| *other == slot && *addr == pass.addr;
            if let Some(index) = self.detours.iter().position(is_detour) {
                self.detours.swap_remove(index);
                self.done.insert(slot);
                continue;
            }
            match view.leaving.iter().find(|(other, _)| *other == slot) {
                Some((_, Some(target))) => self.detours.push((slot, target.clone())),
                Some((_, None)) => {}
                None if view.slots.contains(slot) => self.done.insert(slot),
                None => {}
            }
        }
    }

    /// Gives the pass up: it will be begun anew, wherever its slots are then.
    pub(crate) fn abandon(&mut self) {
        if let Some(pass) = self.pass.take() {
            self.detours.retain(|(_, addr)| *addr != pass.addr);
        }
    }

    /// As [`ScanState::abandon`] for a pass that could not even be opened.
    pub(crate) fn avoid(&mut self, addr: &NodeAddr) {
        self.pass = None;
        self.detours.retain(|(_, other)| other != addr);
    }

    /// Whether a key counts in the pass.
    pub(crate) fn counts(&self, slot: Slot) -> bool {
        self.pass.as_ref().is_some_and(|pass| pass.slots.contains(slot))
    }

    /// Names the state by a cursor, which is kept in it. `nonce` tells unreadable cursors of one session apart.
    pub(crate) fn name(&mut self, routes: &Routes, nonce: u64) -> u64 {
        let unreadable = UNREADABLE << (INNER_BITS + TAG_BITS) | nonce & ((1 << INNER_BITS) - 1);
        let token = match &self.pass {
            Some(pass) => pass.token.map(|token| (token, pass.inner)),
            None => self.token_between(routes).map(|token| (token, 0)),
        };
        self.cursor = match token {
            Some((Token { first, tag }, inner)) if inner < 1 << INNER_BITS => {
                (u64::from(first.number()) + 1) << (INNER_BITS + TAG_BITS)
                    | tag << INNER_BITS
                    | inner
            }
            _ => unreadable,
        };
        self.cursor
    }

    fn token_between(&self, routes: &Routes) -> Option<Token> {
        let first = self.done.first_missing()?;
        let is_readable = self.detours.is_empty() && done_before(first, routes)? == self.done;
        is_readable.then(|| Token { first, tag: tag_of(layout_of(routes), None) })
    }
}

/// The slots that are done when passes go over shards in the order of their first slots and come to this one;
/// `None` when no shard begins with it, or a slot has no owner.
fn done_before(first: Slot, routes: &Routes) -> Option<SlotSet> {
    let shards = routes.shards()?;
    shards.iter().find(|(slot, _)| *slot == first)?;
    let earlier: Vec<_> =
        shards.iter().filter(|(slot, _)| *slot < first).map(|(_, node)| *node).collect();
    let is_done = |slot: &Slot| routes.owner(*slot).is_some_and(|owner| earlier.contains(&owner));
    Some(Slot::all().filter(is_done).collect())
}

/// A number for how the slots lie on the nodes. The same in every front door that sees them so.
fn layout_of(routes: &Routes) -> u64 {
    let (mut hash, mut last) = (FNV_OFFSET, None);
    for slot in Slot::all() {
        let owner = routes.owner(slot);
        if owner != last {
            let addr = owner.and_then(|owner| routes.node(owner)).map(|node| node.addr.as_str());
            hash = fnv(hash, u64::from(slot.number()));
            hash = addr.unwrap_or_default().bytes().fold(hash, |hash, byte| fnv(hash, byte.into()));
            last = owner;
        }
    }
    hash
}

fn tag_of(layout: u64, process: Option<ProcessId>) -> u64 {
    let hash = fnv(layout, process.map_or(0, |process| process.0));
    (hash ^ (hash >> 32)) >> 4 & ((1 << TAG_BITS) - 1)
}

/// Where FNV-1a begins.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

/// One step of FNV-1a, with a whole word at once.
fn fnv(hash: u64, word: u64) -> u64 {
    let mixed = (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
    mixed ^ (mixed >> 29)
}

/// What a node says of itself in `CLUSTER NODES`.
#[derive(Debug)]
pub(crate) struct NodeView {
    slots: SlotSet,
    /// Slots that are on their way to another node, with its address where that is told.
    leaving: Vec<(Slot, Option<NodeAddr>)>,
}

impl NodeView {
    /// Reads what a node answers to `CLUSTER NODES`; `host` is where it was asked. `None`: it cannot be read.
    pub(crate) fn parse(text: &str, host: &str) -> Option<NodeView> {
        let topology = nodes_text::parse(text).ok()?;
        let myself = topology.nodes.iter().find(|node| node.is_myself)?;
        let ranges = myself.slots.iter().flat_map(|range| range.clone());
        let addr_of = |id: &str| {
            let node = topology.nodes.iter().find(|node| node.id.as_str() == id)?;
            let ip = if node.ip.is_empty() { host } else { &node.ip };
            Some(NodeAddr::new(ip, node.port))
        };
        let mut lines = text.lines().map(|line| line.split(' '));
        let fields = lines.find(|fields| {
            fields.clone().nth(2).is_some_and(|flags| flags.split(',').any(|f| f == "myself"))
        })?;
        // `[77->-id]` leaves, `[77-<-id]` comes.
        let leaving = fields.filter_map(|field| {
            let (slot, id) = field.strip_prefix('[')?.strip_suffix(']')?.split_once("->-")?;
            Some((Slot::new(slot.parse().ok()?)?, addr_of(id)))
        });
        Some(NodeView { slots: ranges.filter_map(Slot::new).collect(), leaving: leaving.collect() })
    }
}

/// A page of a scan that a node is asked for.
#[derive(Debug)]
pub(crate) struct ScanPage {
    /// How far the scan got.
    pub(crate) state: ScanState,
    /// The arguments behind the cursor, as they came, encoded, and how many there are (count).
    pub(crate) options: (Vec<u8>, usize),
    /// What the node is asked for.
    pub(crate) stage: ScanStage,
    /// What the pages are for, unless a client asked for one.
    pub(crate) walk: Option<Box<Walk>>,
}

/// What a node is asked for in the course of a scan.
#[derive(Debug)]
pub(crate) enum ScanStage {
    /// Nothing yet.
    Idle,
    /// Who it is, its slots and the first page, for this slot.
    Open(Slot, NodeAddr),
    /// Who it is and a page.
    Check,
    /// A page.
    Page,
    /// Whether a slot still leaves for the node that should have been walked over for it, of the slot's owner.
    Detour(Slot),
    /// Its slots, after the last page, whose keys these are, encoded and counted.
    Close {
        /// The keys.
        keys: Vec<u8>,
        /// How many (count).
        count: usize,
    },
}

#[cfg(test)]
mod tests;
