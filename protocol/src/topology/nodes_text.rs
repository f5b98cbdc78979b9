//! The text of `CLUSTER NODES`, read and written.
//!
//! One line a node: `<id> <ip>:<port>@<bus>[,<hostname>][,…] <flags> <primary|-> <ping-ms> <pong-ms> <epoch>
//! <connected|disconnected> [<slot>|<slot>-<slot>|[<slot>->-<id>]|[<slot>-<-<id>]]…`

use std::fmt::Write;
use std::ops::RangeInclusive;

use super::{Health, NodeId, NodeInfo, Role, Topology, TopologyError};
use crate::slot::Slot;

/// Reads the whole text. Flags and slot annotations of slots under way that are not known are passed over.
///
/// # Errors
/// A line that cannot be understood; the view is worthless then.
pub fn parse(text: &str) -> Result<Topology, TopologyError> {
    let mut topology = Topology::default();
    for (index, line) in text.lines().enumerate() {
        // nodes.conf, which has the same lines, ends with its variables.
        if line.is_empty() || line.starts_with("vars ") {
            continue;
        }
        let node =
            parse_line(line).map_err(|what| TopologyError::BadLine { line: index + 1, what })?;
        topology.nodes.push(node);
    }
    Ok(topology)
}

fn parse_line(line: &str) -> Result<NodeInfo, &'static str> {
    let mut fields = line.split_ascii_whitespace();
    let mut next = |what| fields.next().ok_or(what);
    let id = NodeId::parse(next("no node id")?.as_bytes()).ok_or("node id is not 40 hex digits")?;
    let addr = Addr::parse(next("no address")?)?;
    let flags = Flags::parse(next("no flags")?);
    let primary = NodeId::parse(next("no primary")?.as_bytes());
    next("no ping time")?;
    next("no pong time")?;
    let config_epoch =
        next("no config epoch")?.parse().map_err(|_| "config epoch is not a number")?;
    let is_linked = next("no link state")? == "connected";
    let slots = parse_slots(fields)?;
    Ok(NodeInfo {
        id,
        is_unusable: flags.is_unusable || addr.port == 0,
        ip: addr.ip.to_owned(),
        port: addr.port,
        bus_port: addr.bus_port,
        hostname: addr.hostname.to_owned(),
        role: flags.role,
        primary,
        health: flags.health,
        is_myself: flags.is_myself,
        config_epoch,
        is_linked,
        slots,
    })
}

struct Addr<'a> {
    ip: &'a str,
    port: u16,
    bus_port: u16,
    hostname: &'a str,
}

impl<'a> Addr<'a> {
    fn parse(text: &'a str) -> Result<Addr<'a>, &'static str> {
        let mut parts = text.split(',');
        let endpoint = parts.next().unwrap_or_default();
        // Later servers append `name=value` parts behind the host name.
        let hostname = parts.next().filter(|part| !part.contains('=')).unwrap_or_default();
        let (ip, ports) = endpoint.rsplit_once(':').ok_or("address without port")?;
        let (port, bus) = ports.split_once('@').unwrap_or((ports, "0"));
        Ok(Addr {
            ip,
            port: port.parse().map_err(|_| "port is not a number")?,
            bus_port: bus.parse().map_err(|_| "bus port is not a number")?,
            hostname,
        })
    }
}

struct Flags {
    role: Role,
    health: Health,
    is_myself: bool,
    is_unusable: bool,
}

impl Flags {
    fn parse(text: &str) -> Flags {
        let mut flags = Flags {
            role: Role::Primary,
            health: Health::Online,
            is_myself: false,
            is_unusable: false,
        };
        for flag in text.split(',') {
            match flag {
                "myself" => flags.is_myself = true,
                "slave" => flags.role = Role::Replica,
                "fail?" => flags.health = Health::Suspected,
                "fail" => flags.health = Health::Failed,
                "handshake" | "noaddr" => flags.is_unusable = true,
                _ => {}
            }
        }
        flags
    }
}

fn parse_slots<'a>(
    fields: impl Iterator<Item = &'a str>,
) -> Result<Vec<RangeInclusive<u16>>, &'static str> {
    let bad = "slot is not a number below 16384";
    let number = |text: &str| text.parse().ok().and_then(Slot::new).map(Slot::number).ok_or(bad);
    let mut ranges = Vec::new();
    // Slots under way stand in brackets behind the owned ones.
    for field in fields.filter(|field| !field.starts_with('[')) {
        let (first, last) = field.split_once('-').unwrap_or((field, field));
        let (first, last) = (number(first)?, number(last)?);
        if last < first {
            return Err("slot range runs backwards");
        }
        ranges.push(first..=last);
    }
    ranges.sort_unstable_by_key(|range| *range.start());
    if ranges.windows(2).any(|pair| pair[1].start() <= pair[0].end()) {
        return Err("slot ranges overlap");
    }
    Ok(ranges)
}

/// Writes the text, times as zero. [`parse`] reads back the same topology.
pub fn write(topology: &Topology) -> String {
    let mut out = String::new();
    for node in &topology.nodes {
        write_line(&mut out, node);
    }
    out
}

fn write_line(out: &mut String, node: &NodeInfo) {
    let hostname = if node.hostname.is_empty() { "" } else { "," };
    let primary = node.primary.as_ref().map_or("-", NodeId::as_str);
    let link = if node.is_linked { "connected" } else { "disconnected" };
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "{} {}:{}@{}{hostname}{} {} {primary} 0 0 {} {link}",
        node.id,
        node.ip,
        node.port,
        node.bus_port,
        node.hostname,
        flags_text(node),
        node.config_epoch,
    );
    for range in &node.slots {
        let (first, last) = (range.start(), range.end());
        let _ =
            if first == last { write!(out, " {first}") } else { write!(out, " {first}-{last}") };
    }
    out.push('\n');
}

fn flags_text(node: &NodeInfo) -> String {
    let mut flags = Vec::new();
    if node.is_myself {
        flags.push("myself");
    }
    flags.push(match node.role {
        Role::Primary => "master",
        Role::Replica => "slave",
    });
    match node.health {
        Health::Online => {}
        Health::Suspected => flags.push("fail?"),
        Health::Failed => flags.push("fail"),
    }
    if node.is_unusable {
        flags.push("noaddr");
    }
    flags.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:30004@31004,hostname4 slave e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 1426238317239 4 connected
67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 127.0.0.1:30002@31002,,shard-id=aa master - 0 1426238316232 2 connected 5461-10922
e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca :30001@31001 myself,master - 0 0 1 connected 0-5460 10923 [93-<-292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f] [77->-e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca]
292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f 2001:db8::1:30003@31003 master,fail? - 0 1426238318243 3 disconnected
824fe116063bc5fcf9f4ffd895bc17aee7731ac3 :0@0 slave,noaddr - 0 0 0 disconnected
vars currentEpoch 6 lastVoteEpoch 0
";

    #[test]
    fn nodes_text_is_read() {
        let topology = parse(TEXT).unwrap();
        let [replica, second, myself, suspected, gone] = &topology.nodes[..] else {
            panic!("five nodes, got {}", topology.nodes.len())
        };
        assert_eq!((replica.role, replica.primary), (Role::Replica, Some(myself.id)));
        assert_eq!(replica.hostname, "hostname4");
        assert_eq!((second.hostname.as_str(), second.slots.as_slice()), ("", &[5461..=10922][..]));
        assert!(myself.is_myself && myself.ip.is_empty());
        assert_eq!(myself.slots, vec![0..=5460, 10923..=10923]);
        assert_eq!((suspected.ip.as_str(), suspected.port), ("2001:db8::1", 30003));
        assert_eq!((suspected.health, suspected.is_linked), (Health::Suspected, false));
        assert!(gone.is_unusable);
        assert_eq!(topology.slots_covered(), 5461 + 1 + 5462);
    }

    #[test]
    fn what_is_written_reads_back() {
        let topology = parse(TEXT).unwrap();
        assert_eq!(parse(&write(&topology)).unwrap(), topology);
    }

    #[test]
    fn damaged_lines_are_named() {
        let id = "07c37dfeb235213a872192d90877d0cd55635b91";
        for (line, what) in [
            ("abc", "node id is not 40 hex digits".to_owned()),
            (&format!("{id} 1.2.3.4"), "address without port".to_owned()),
            (&format!("{id} 1.2.3.4:x@1 master"), "port is not a number".to_owned()),
            (&format!("{id} :1@1 master - 0 0 x connected"), "config epoch is not a number".into()),
            (
                &format!("{id} :1@1 master - 0 0 1 connected 5-4"),
                "slot range runs backwards".into(),
            ),
            (
                &format!("{id} :1@1 master - 0 0 1 connected 16384"),
                "slot is not a number below 16384".into(),
            ),
            (&format!("{id} :1@1 master - 0 0 1 connected 1-5 5"), "slot ranges overlap".into()),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert_eq!(error, format!("CLUSTER NODES line 1: {what}"));
        }
    }
}
