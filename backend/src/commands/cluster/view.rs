//! What this node knows of its cluster.

use std::fmt::Write as _;

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::topology::replies::{write_shards, write_slots};

use super::{member_id, with_cluster};
use crate::cluster::Cluster;
use crate::cluster::core::links::{Link, LinkId};
use crate::cluster::message::Kind;
use crate::cluster::nodes_conf::line;
use crate::execute::Call;

pub(super) fn myid(call: &mut Call<'_>) -> Result<(), ReplyError> {
    with_cluster(call, |call, cluster| {
        call.reply.bulk(cluster.core.myself().id.as_bytes());
        Ok(())
    })
}

pub(super) fn nodes(call: &mut Call<'_>) -> Result<(), ReplyError> {
    with_cluster(call, |call, cluster| {
        let mut text = String::new();
        for member in cluster.core.members() {
            line::write(&mut text, &cluster.core, member);
        }
        call.reply.verbatim("txt", text.as_bytes());
        Ok(())
    })
}

pub(super) fn slots(call: &mut Call<'_>) -> Result<(), ReplyError> {
    with_cluster(call, |call, cluster| {
        let core = &cluster.core;
        let mut topology = core.topology();
        // Clients read from the replicas they are told of, so those that have copied nothing yet are left out.
        topology.nodes.retain(|node| {
            core.member(&node.id).is_some_and(|m| !m.is_replica() || m.repl_offset > 0)
        });
        write_slots(&topology, cluster.endpoint(), &mut call.reply);
        Ok(())
    })
}

pub(super) fn shards(call: &mut Call<'_>) -> Result<(), ReplyError> {
    with_cluster(call, |call, cluster| {
        let offset_of = |node: &reddoor_protocol::topology::NodeInfo| {
            let offset = cluster.core.member(&node.id).map_or(0, |member| member.repl_offset);
            i64::try_from(offset).unwrap_or(i64::MAX)
        };
        write_shards(&cluster.core.topology(), cluster.endpoint(), offset_of, &mut call.reply);
        Ok(())
    })
}

pub(super) fn replicas(call: &mut Call<'_>) -> Result<(), ReplyError> {
    with_cluster(call, |call, cluster| {
        let core = &cluster.core;
        let id = member_id(&cluster, call.arg(2), "Unknown node")?;
        if core.member(&id).is_some_and(|member| member.is_replica()) {
            return Err(ReplyError::new("ERR The specified node is not a master"));
        }
        let replicas = || core.members().filter(|member| member.primary == Some(id));
        call.reply.array(replicas().count());
        for replica in replicas() {
            let mut text = String::new();
            line::write(&mut text, core, replica);
            call.reply.bulk(text.trim_end().as_bytes());
        }
        Ok(())
    })
}

pub(super) fn info(call: &mut Call<'_>) -> Result<(), ReplyError> {
    with_cluster(call, |call, cluster| {
        let text = info_text(&cluster);
        call.reply.verbatim("txt", text.as_bytes());
        Ok(())
    })
}

fn info_text(cluster: &Cluster) -> String {
    let core = &cluster.core;
    let [assigned, ok, pfail, fail] = core.slots_by_health();
    let mut text = format!("cluster_state:{}\r\n", if core.is_ok() { "ok" } else { "fail" });
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    for (name, value) in [
        ("slots_assigned", count(assigned)),
        ("slots_ok", count(ok)),
        ("slots_pfail", count(pfail)),
        ("slots_fail", count(fail)),
        ("known_nodes", count(core.members_count())),
        ("size", count(core.size())),
        ("current_epoch", core.current_epoch()),
        ("my_epoch", line::epoch_of_claim(core, core.myself())),
    ] {
        // Writing to a String cannot fail.
        let _ = write!(text, "cluster_{name}:{value}\r\n");
    }
    let stats = core.stats();
    for (way, counts) in [("sent", &stats.sent), ("received", &stats.received)] {
        for (kind, count) in Kind::ALL.iter().zip(counts).filter(|(_, count)| **count > 0) {
            let _ = write!(text, "cluster_stats_messages_{}_{way}:{count}\r\n", kind.name());
        }
        let total: u64 = counts.iter().sum();
        let _ = write!(text, "cluster_stats_messages_{way}:{total}\r\n");
    }
    if core.refused_count() > 0 {
        let _ = write!(text, "cluster_members_refused:{}\r\n", core.refused_count());
    }
    let overflows = cluster.lines.overflows_count();
    let _ = write!(text, "total_cluster_links_buffer_limit_exceeded:{overflows}\r\n");
    text
}

pub(super) fn links(call: &mut Call<'_>) -> Result<(), ReplyError> {
    with_cluster(call, |call, cluster| {
        // Nodes in handshake have no names yet, and who has made a link has none before it spoke.
        let is_named = |(_, link): &(LinkId, &Link)| {
            let member = link.peer.and_then(|peer| cluster.core.member(&peer));
            link.is_up && member.is_some_and(|member| !member.is_in_handshake())
        };
        let links: Vec<(LinkId, &Link)> = cluster.core.links().filter(is_named).collect();
        call.reply.array(links.len());
        for (id, link) in links {
            write_link(call, link, cluster.lines.queued_bytes(id));
        }
        Ok(())
    })
}

fn write_link(call: &mut Call<'_>, link: &Link, queued_bytes: usize) {
    let integer = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let queued = integer(u64::try_from(queued_bytes).unwrap_or(u64::MAX));
    let reply = &mut call.reply;
    reply.map(6);
    reply.bulk(b"direction");
    reply.bulk(if link.is_inbound { b"from" } else { b"to" });
    reply.bulk(b"node");
    reply.bulk(link.peer.map(|peer| *peer.as_bytes()).as_ref().map_or(&[], |id| id.as_slice()));
    reply.bulk(b"create-time");
    reply.integer(integer(link.created_ms));
    reply.bulk(b"events");
    reply.bulk(if queued > 0 { b"rw" } else { b"r" });
    reply.bulk(b"send-buffer-allocated");
    reply.integer(queued);
    reply.bulk(b"send-buffer-used");
    reply.integer(queued);
}
