//! The replies of `CLUSTER SLOTS` and `CLUSTER SHARDS`, read and written.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::{Health, NodeId, NodeInfo, Role, Topology, TopologyError};
use crate::encode::ReplyWriter;
use crate::slot::Slot;
use crate::value::Value;

/// Reads a reply of `CLUSTER SLOTS`. It tells no epochs (all are 0) and no nodes without slots.
///
/// # Errors
/// The reply has another shape.
pub fn parse_slots(reply: &Value) -> Result<Topology, TopologyError> {
    let bad = |what| TopologyError::BadReply { command: "CLUSTER SLOTS", what };
    let mut nodes: BTreeMap<NodeId, NodeInfo> = BTreeMap::new();
    let mut order = Vec::new();
    for entry in reply.as_array().ok_or(bad("no array"))? {
        let [first, last, members @ ..] = entry.as_array().ok_or(bad("an entry is no array"))?
        else {
            return Err(bad("an entry has no range"));
        };
        let range = slot_range(first, last).ok_or(bad("an entry has no slot range"))?;
        let mut primary = None;
        for member in members {
            let mut node = parse_slots_member(member).ok_or(bad("a node has another shape"))?;
            let id = node.id;
            if let Some(primary) = primary {
                node.role = Role::Replica;
                node.primary = Some(primary);
            }
            let known = nodes.entry(id).or_insert_with(|| {
                order.push(id);
                node
            });
            if primary.is_none() {
                known.slots.push(range.clone());
                primary = Some(id);
            }
        }
    }
    let mut nodes: Vec<NodeInfo> = order.iter().filter_map(|id| nodes.remove(id)).collect();
    for node in &mut nodes {
        sort_ranges(&mut node.slots).ok_or(bad("slot ranges overlap"))?;
    }
    Ok(Topology { nodes })
}

fn parse_slots_member(member: &Value) -> Option<NodeInfo> {
    let [endpoint, port, id, rest @ ..] = member.as_array()? else { return None };
    let mut node = blank(NodeId::parse(id.as_bytes()?)?);
    // A null endpoint means: the address that was asked.
    node.ip = endpoint.as_str().unwrap_or_default().to_owned();
    node.port = u16::try_from(port.as_integer()?).ok()?;
    if let Some(metadata) = rest.first() {
        node.hostname = text_field(metadata, "hostname").unwrap_or_default().to_owned();
        if let Some(ip) = text_field(metadata, "ip") {
            node.ip = ip.to_owned();
        }
    }
    Some(node)
}

/// Reads a reply of `CLUSTER SHARDS`. It tells no epochs: all are 0.
///
/// # Errors
/// The reply has another shape.
pub fn parse_shards(reply: &Value) -> Result<Topology, TopologyError> {
    let bad = |what| TopologyError::BadReply { command: "CLUSTER SHARDS", what };
    let mut topology = Topology::default();
    for shard in reply.as_array().ok_or(bad("no array"))? {
        let slots = shard.field("slots").and_then(Value::as_array).ok_or(bad("no slots"))?;
        let mut ranges = slots
            .chunks(2)
            .map(|pair| slot_range(pair.first()?, pair.get(1)?))
            .collect::<Option<Vec<_>>>()
            .ok_or(bad("a slot range is no pair of slots"))?;
        sort_ranges(&mut ranges).ok_or(bad("slot ranges overlap"))?;
        let members = shard.field("nodes").and_then(Value::as_array).ok_or(bad("no nodes"))?;
        let members: Vec<NodeInfo> = members
            .iter()
            .map(parse_shards_member)
            .collect::<Option<_>>()
            .ok_or(bad("a node has another shape"))?;
        let primary = members.iter().find(|n| n.role == Role::Primary).map(|n| n.id);
        topology.nodes.extend(members.into_iter().map(|mut node| {
            match node.role {
                Role::Primary => node.slots = ranges.clone(),
                Role::Replica => node.primary = primary,
            }
            node
        }));
    }
    Ok(topology)
}

fn parse_shards_member(member: &Value) -> Option<NodeInfo> {
    let mut node = blank(NodeId::parse(member.field("id")?.as_bytes()?)?);
    node.ip = text_field(member, "ip")?.to_owned();
    let port = member.field("port").or_else(|| member.field("tls-port"))?;
    node.port = u16::try_from(port.as_integer()?).ok()?;
    node.hostname = text_field(member, "hostname").unwrap_or_default().to_owned();
    if text_field(member, "role")? != "master" {
        node.role = Role::Replica;
    }
    node.health = match text_field(member, "health") {
        Some("fail" | "failed") => Health::Failed,
        _ => Health::Online,
    };
    Some(node)
}

fn text_field<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.field(name)?.as_str()
}

fn slot_range(first: &Value, last: &Value) -> Option<RangeInclusive<u16>> {
    let number = |value: &Value| Slot::new(u16::try_from(value.as_integer()?).ok()?);
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then(|| first.number()..=last.number())
}

/// Sorts ranges; `None` when two overlap.
fn sort_ranges(ranges: &mut [RangeInclusive<u16>]) -> Option<()> {
    ranges.sort_unstable_by_key(|range| *range.start());
    ranges.windows(2).all(|pair| pair[0].end() < pair[1].start()).then_some(())
}

fn blank(id: NodeId) -> NodeInfo {
    NodeInfo {
        id,
        ip: String::new(),
        port: 0,
        bus_port: 0,
        hostname: String::new(),
        role: Role::Primary,
        primary: None,
        health: Health::Online,
        is_myself: false,
        is_unusable: false,
        config_epoch: 0,
        is_linked: true,
        slots: Vec::new(),
    }
}

/// Which of a node's names clients are given first (`cluster-preferred-endpoint-type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Endpoint {
    /// The address.
    #[default]
    Ip,
    /// The host name, or `?` when the node has none.
    Hostname,
    /// Nothing: clients go on with the address they know.
    Unknown,
}

/// Writes a reply of `CLUSTER SLOTS`, an entry for every range, replicas that have not failed behind their primary.
pub fn write_slots(topology: &Topology, endpoint: Endpoint, reply: &mut ReplyWriter<'_>) {
    let mut ranges: Vec<(RangeInclusive<u16>, &NodeInfo)> = topology
        .primaries()
        .flat_map(|node| node.slots.iter().map(move |range| (range.clone(), node)))
        .collect();
    ranges.sort_unstable_by_key(|(range, _)| *range.start());
    reply.array(ranges.len());
    for (range, primary) in ranges {
        let replicas: Vec<&NodeInfo> =
            topology.replicas_of(primary.id).filter(|n| n.health != Health::Failed).collect();
        reply.array(3 + replicas.len());
        reply.integer(i64::from(*range.start()));
        reply.integer(i64::from(*range.end()));
        for node in std::iter::once(primary).chain(replicas) {
            write_slots_member(node, endpoint, reply);
        }
    }
}

fn write_slots_member(node: &NodeInfo, endpoint: Endpoint, reply: &mut ReplyWriter<'_>) {
    reply.array(4);
    match endpoint {
        Endpoint::Ip => reply.bulk(node.ip.as_bytes()),
        Endpoint::Hostname if node.hostname.is_empty() => reply.bulk(b"?"),
        Endpoint::Hostname => reply.bulk(node.hostname.as_bytes()),
        Endpoint::Unknown => reply.null(),
    }
    reply.integer(i64::from(node.port));
    reply.bulk(node.id.as_bytes());
    let shows_ip = endpoint != Endpoint::Ip;
    let shows_hostname = endpoint != Endpoint::Hostname && !node.hostname.is_empty();
    reply.map(usize::from(shows_ip) + usize::from(shows_hostname));
    if shows_ip {
        reply.bulk(b"ip");
        reply.bulk(node.ip.as_bytes());
    }
    if shows_hostname {
        reply.bulk(b"hostname");
        reply.bulk(node.hostname.as_bytes());
    }
}

/// Writes a reply of `CLUSTER SHARDS`; replication offsets are not part of a topology, so `offset_of` tells them.
pub fn write_shards(
    topology: &Topology,
    endpoint: Endpoint,
    offset_of: impl Fn(&NodeInfo) -> i64,
    reply: &mut ReplyWriter<'_>,
) {
    reply.array(topology.primaries().count());
    for primary in topology.primaries() {
        reply.map(2);
        reply.bulk(b"slots");
        reply.array(primary.slots.len() * 2);
        for range in &primary.slots {
            reply.integer(i64::from(*range.start()));
            reply.integer(i64::from(*range.end()));
        }
        reply.bulk(b"nodes");
        reply.array(1 + topology.replicas_of(primary.id).count());
        for node in std::iter::once(primary).chain(topology.replicas_of(primary.id)) {
            write_shards_member(node, endpoint, offset_of(node), reply);
        }
    }
}

fn write_shards_member(
    node: &NodeInfo,
    endpoint: Endpoint,
    offset: i64,
    reply: &mut ReplyWriter<'_>,
) {
    let shows_hostname = !node.hostname.is_empty();
    reply.map(7 + usize::from(shows_hostname));
    reply.bulk(b"id");
    reply.bulk(node.id.as_bytes());
    reply.bulk(b"port");
    reply.integer(i64::from(node.port));
    reply.bulk(b"ip");
    reply.bulk(node.ip.as_bytes());
    reply.bulk(b"endpoint");
    match endpoint {
        Endpoint::Ip => reply.bulk(node.ip.as_bytes()),
        Endpoint::Hostname if !shows_hostname => reply.bulk(b"?"),
        Endpoint::Hostname => reply.bulk(node.hostname.as_bytes()),
        // Not null, as in `CLUSTER SLOTS`: this reply has it empty.
        Endpoint::Unknown => reply.bulk(b""),
    }
    if shows_hostname {
        reply.bulk(b"hostname");
        reply.bulk(node.hostname.as_bytes());
    }
    reply.bulk(b"role");
    reply.bulk(match node.role {
        Role::Primary => b"master".as_slice(),
        Role::Replica => b"replica",
    });
    reply.bulk(b"replication-offset");
    reply.integer(offset);
    reply.bulk(b"health");
    reply.bulk(match node.health {
        Health::Failed => b"fail".as_slice(),
        // A replica that has no offset yet is still being filled.
        Health::Online | Health::Suspected if offset == 0 && node.role == Role::Replica => {
            b"loading"
        }
        Health::Online | Health::Suspected => b"online",
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::Resp;
    use crate::frame::ReplyLimits;
    use crate::topology::nodes_text;
    use crate::value;

    fn sample() -> Topology {
        nodes_text::parse(
            "07c37dfeb235213a872192d90877d0cd55635b91 10.0.0.1:7001@17001,h1 master - 0 0 1 connected 0-5 9\n\
             67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 10.0.0.2:7002@17002 slave 07c37dfeb235213a872192d90877d0cd55635b91 0 0 1 connected\n\
             e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 10.0.0.3:7003@17003 master - 0 0 2 connected 6-8\n",
        )
        .unwrap()
    }

    /// The sample without what these replies do not tell.
    fn told(mut topology: Topology) -> Topology {
        for node in &mut topology.nodes {
            node.bus_port = 0;
            node.config_epoch = 0;
        }
        topology
    }

    fn written(resp: Resp, write: impl Fn(&mut ReplyWriter<'_>)) -> Value {
        let mut out = Vec::new();
        write(&mut ReplyWriter::new(&mut out, resp));
        let (value, len) = value::parse(&out, &ReplyLimits::default()).unwrap().unwrap();
        assert_eq!(len, out.len());
        value
    }

    #[test]
    fn slots_read_back_in_both_versions() {
        for resp in [Resp::V2, Resp::V3] {
            for endpoint in [Endpoint::Ip, Endpoint::Unknown] {
                let reply = written(resp, |w| write_slots(&sample(), endpoint, w));
                assert_eq!(parse_slots(&reply).unwrap(), told(sample()));
            }
        }
    }

    #[test]
    fn shards_read_back_in_both_versions() {
        for resp in [Resp::V2, Resp::V3] {
            let reply = written(resp, |w| write_shards(&sample(), Endpoint::Ip, |_| 0, w));
            assert_eq!(parse_shards(&reply).unwrap(), told(sample()));
        }
    }

    #[test]
    fn replies_of_another_shape_are_errors() {
        for value in [Value::Null, Value::Array(vec![Value::Integer(1)])] {
            assert!(parse_slots(&value).is_err());
            assert!(parse_shards(&value).is_err());
        }
    }
}
