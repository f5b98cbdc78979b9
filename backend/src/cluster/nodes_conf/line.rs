//! One node's line, in the nodes file and in `CLUSTER NODES`.
//!
//! `<id> <ip>:<port>@<bus>[,<hostname>] <flags> <primary|-> <ping-ms> <pong-ms> <epoch> <connected|disconnected>
//! [<slot>|<slot>-<slot>]… [[<slot>->-<id>]|[<slot>-<-<id>]]…`
//!
//! Source: redis `src/cluster.c` clusterGenNodeDescription.

use std::fmt::Write as _;

use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::{NodeId, ranges_of};

use crate::cluster::core::Core;
use crate::cluster::member::{Member, MemberFlags};

/// The words for the flags, in the order in which they are written.
const FLAGS: [(MemberFlags, &str); 8] = [
    (MemberFlags::MYSELF, "myself"),
    (MemberFlags::PRIMARY, "master"),
    (MemberFlags::REPLICA, "slave"),
    (MemberFlags::PFAIL, "fail?"),
    (MemberFlags::FAIL, "fail"),
    (MemberFlags::HANDSHAKE, "handshake"),
    (MemberFlags::NOADDR, "noaddr"),
    (MemberFlags::NOFAILOVER, "nofailover"),
];

/// What stands for no flags at all.
const NO_FLAGS: &str = "noflags";

/// Writes a line with its line end.
pub(crate) fn write(out: &mut String, core: &Core, member: &Member) {
    let hostname = if member.hostname.is_empty() { "" } else { "," };
    // A replica may follow a node that this one does not know.
    let primary = member.primary.filter(|primary| core.member(primary).is_some());
    let primary = primary.as_ref().map_or("-", NodeId::as_str);
    let link = if core.is_linked(&member.id) { "connected" } else { "disconnected" };
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "{} {}:{}@{}{hostname}{} {} {primary} {} {} {} {link}",
        member.id,
        member.ip,
        member.port,
        member.bus_port,
        member.hostname,
        flags_text(member.flags),
        member.ping_sent_ms,
        member.pong_received_ms,
        epoch_of_claim(core, member),
    );
    for range in ranges_of(member.slots.iter()) {
        let (first, last) = (range.start(), range.end());
        let _ =
            if first == last { write!(out, " {first}") } else { write!(out, " {first}-{last}") };
    }
    if member.is_myself() {
        write_under_way(out, core);
    }
    out.push('\n');
}

/// The epoch of the claim on the slots that a node serves: a replica's is its primary's.
pub(crate) fn epoch_of_claim(core: &Core, member: &Member) -> u64 {
    let primary = member.primary.filter(|_| member.is_replica());
    primary.and_then(|primary| core.member(&primary)).unwrap_or(member).config_epoch
}

/// Slots under way, in ascending order whichever way they go.
fn write_under_way(out: &mut String, core: &Core) {
    let mut under_way: Vec<(Slot, &str, NodeId)> = Vec::new();
    under_way.extend(core.migrating().iter().map(|(slot, to)| (*slot, ">", *to)));
    under_way.extend(core.importing().iter().map(|(slot, from)| (*slot, "<", *from)));
    under_way.sort_unstable();
    for (slot, way, node) in under_way {
        let _ = write!(out, " [{slot}-{way}-{node}]");
    }
}

fn flags_text(flags: MemberFlags) -> String {
    let words: Vec<&str> =
        FLAGS.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, word)| *word).collect();
    if words.is_empty() { NO_FLAGS.to_owned() } else { words.join(",") }
}

/// What a line tells.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) member: Member,
    pub(super) migrating: Vec<(Slot, NodeId)>,
    pub(super) importing: Vec<(Slot, NodeId)>,
}

/// Reads a line. The times of the last ping and pong are not taken over: they were those of other links.
///
/// # Errors
/// What was expected and not found.
pub(super) fn parse(line: &str) -> Result<Line, &'static str> {
    let mut fields = line.split_ascii_whitespace();
    let mut next = |what| fields.next().ok_or(what);
    let id = node_id(next("no node id")?).ok_or("node id is not 40 hex digits")?;
    let (addr, hostname) = parse_addr(next("no address")?)?;
    let flags = parse_flags(next("no flags")?)?;
    let primary = match next("no primary")? {
        "-" => None,
        text => Some(node_id(text).ok_or("primary is not 40 hex digits")?),
    };
    for what in ["no ping time", "no pong time"] {
        next(what)?.parse::<u64>().map_err(|_| "a time is not a number")?;
    }
    let mut member = Member::new(id, flags, addr, 0);
    member.hostname = hostname;
    member.primary = primary;
    member.config_epoch =
        next("no config epoch")?.parse().map_err(|_| "config epoch is not a number")?;
    next("no link state")?;
    let mut line = Line { member, migrating: Vec::new(), importing: Vec::new() };
    fields.try_for_each(|field| line.add_slots(field))?;
    Ok(line)
}

impl Line {
    /// `5`, `5-7`, `[5->-id]` or `[5-<-id]`.
    fn add_slots(&mut self, field: &str) -> Result<(), &'static str> {
        if let Some(inner) = field.strip_prefix('[').and_then(|field| field.strip_suffix(']')) {
            return self.add_under_way(inner);
        }
        let (first, last) = field.split_once('-').unwrap_or((field, field));
        let (first, last) = (slot(first)?, slot(last)?);
        if last < first {
            return Err("slot range runs backwards");
        }
        Slot::all()
            .skip(first.index())
            .take(last.index() - first.index() + 1)
            .for_each(|slot| self.member.slots.insert(slot));
        Ok(())
    }

    fn add_under_way(&mut self, text: &str) -> Result<(), &'static str> {
        let (list, (number, other)) = if let Some(parts) = text.split_once("->-") {
            (&mut self.migrating, parts)
        } else {
            let parts = text.split_once("-<-").ok_or("a slot under way has no direction")?;
            (&mut self.importing, parts)
        };
        let other =
            node_id(other).ok_or("the other node of a slot under way is not 40 hex digits")?;
        list.push((slot(number)?, other));
        Ok(())
    }
}

type Addr = (String, u16, u16);

/// `ip:port[@bus][,hostname][,name=value]…`; the address itself may have colons.
fn parse_addr(text: &str) -> Result<(Addr, String), &'static str> {
    let mut parts = text.split(',');
    let endpoint = parts.next().unwrap_or_default();
    // Later versions have `name=value` parts behind the host name.
    let hostname = parts.next().filter(|part| !part.contains('=')).unwrap_or_default();
    let (ip, ports) = endpoint.rsplit_once(':').ok_or("address without port")?;
    let port_of = |text: &str| text.parse::<u16>().map_err(|_| "port is not a number");
    let (port, bus_port) = match ports.split_once('@') {
        Some((port, bus_port)) => (port_of(port)?, port_of(bus_port)?),
        // Old versions had no other bus port than this.
        None => (port_of(ports)?, port_of(ports)?.saturating_add(10_000)),
    };
    Ok(((ip.to_owned(), port, bus_port), hostname.to_owned()))
}

fn parse_flags(text: &str) -> Result<MemberFlags, &'static str> {
    if text == NO_FLAGS {
        return Ok(MemberFlags::empty());
    }
    text.split(',').try_fold(MemberFlags::empty(), |flags, word| {
        let found = FLAGS.iter().find(|(_, known)| *known == word);
        found.map(|(flag, _)| flags | *flag).ok_or("a flag that is not known")
    })
}

fn node_id(text: &str) -> Option<NodeId> {
    NodeId::parse(text.as_bytes())
}

fn slot(text: &str) -> Result<Slot, &'static str> {
    text.parse().ok().and_then(Slot::new).ok_or("slot is not a number below 16384")
}
