//! Who copies whom: asking for data, saying how far one has come, changing sides.
//!
//! Source: redis `src/replication.c`.

use std::time::Instant;

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::parse_integer;

use crate::blocking::TimeoutReply;
use crate::client::{Blocked, Client, Close};
use crate::commands::argument::{integer, is, quoted, timeout_ms};
use crate::commands::failover;
use crate::execute::{Call, Handler};
use crate::node::Node;
use crate::replication::replica::{Replica, Stage};
use crate::replication::upstream::LinkState;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("psync", psync),
    ("sync", sync),
    ("replconf", replconf),
    ("replicaof", replicaof),
    ("slaveof", replicaof),
    ("role", role),
    ("wait", wait),
];

/// What this node is to others, in the words of the wire.
pub(super) fn role_name(node: &Node) -> &'static str {
    if node.replication.upstream.is_some() { "slave" } else { "master" }
}

fn psync(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if is_replica_already(call) {
        return Ok(());
    }
    if call.args.get(3).is_some_and(|word| is(word, "FAILOVER")) {
        failover::take_over(call)?;
    }
    may_be_copied(call)?;
    let offset = integer(call.arg(2)).inspect_err(|_| {
        tracing::warn!(
            "Replica {} asks for synchronization but with a wrong offset",
            call.client.addr
        );
    })?;
    let id = String::from_utf8_lossy(call.arg(1)).into_owned();
    if go_on(call, &id, offset) {
        return Ok(());
    }
    if id != "?" {
        call.node.replication.counts.partial_refused += 1;
    }
    begin(call, false);
    Ok(())
}

fn sync(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if is_replica_already(call) {
        return Ok(());
    }
    may_be_copied(call)?;
    begin(call, true);
    Ok(())
}

/// Who is a replica need not ask again, and is not answered.
fn is_replica_already(call: &Call<'_>) -> bool {
    call.client.is_replica()
}

/// Whether this node has data to give.
fn may_be_copied(call: &Call<'_>) -> Result<(), ReplyError> {
    if call.node.replication.failover.is_some() {
        return Err(ReplyError::new("NOMASTERLINK Can't SYNC while failing over"));
    }
    let upstream = call.node.replication.upstream.as_ref();
    if upstream.is_some_and(|upstream| upstream.state != LinkState::Connected) {
        return Err(ReplyError::new("NOMASTERLINK Can't SYNC while not connected with my master"));
    }
    Ok(())
}

/// Lets the replica go on from where it is, if that can be. Whether it can.
fn go_on(call: &mut Call<'_>, id: &str, next_byte: i64) -> bool {
    // The first byte has the number 1.
    let Some(offset) = next_byte.checked_sub(1).and_then(|at| u64::try_from(at).ok()) else {
        return false;
    };
    if !call.node.replication.can_go_on(id, offset) {
        tracing::info!(
            "Unable to partial resync with replica {} for {id}:{next_byte}",
            call.client.addr
        );
        return false;
    }
    let replication = &mut call.node.replication;
    replication.counts.partial += 1;
    tracing::info!(
        "Partial resynchronization request from {} accepted. Sending {} bytes of backlog starting from offset {next_byte}.",
        call.client.addr,
        replication.offset - offset
    );
    let own_id = replication.id.clone();
    let replica = enlist(call.node, call.client);
    replica.stage = Stage::Online;
    replica.next = offset;
    replica.heard_at = Instant::now();
    if replica.can_change_history {
        call.reply.simple(&format!("CONTINUE {own_id}"));
    } else {
        call.reply.simple("CONTINUE");
    }
    true
}

/// Lets the replica wait for a copy.
fn begin(call: &mut Call<'_>, is_old: bool) {
    tracing::info!("Full resync requested by replica {}", call.client.addr);
    call.node.replication.counts.full += 1;
    call.node.keep_stream();
    let replica = enlist(call.node, call.client);
    replica.is_old = is_old;
    replica.stage = Stage::Waiting;
    replica.heard_at = Instant::now();
    let settings = &call.node.config.settings().replication;
    let is_direct = settings.is_diskless && replica_of(call.client).can_read_unsized;
    if !is_direct || settings.diskless_delay.is_zero() {
        call.node.copy_is_due = true;
    }
}

fn replica_of(client: &mut Client) -> &mut Replica {
    client.replica.get_or_insert_with(|| Box::new(Replica::new()))
}

/// Counts a client among the replicas.
fn enlist<'c>(node: &mut Node, client: &'c mut Client) -> &'c mut Replica {
    if !node.replication.replicas.contains(&client.seat) {
        node.replication.replicas.push(client.seat);
    }
    node.replication.lonely_since = None;
    replica_of(client)
}

fn replconf(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if call.args.len().is_multiple_of(2) {
        return Err(ReplyError::SYNTAX);
    }
    for index in (1..call.args.len()).step_by(2) {
        let (option, value) = (call.arg(index), call.arg(index + 1));
        if is(option, "ACK") {
            acknowledge(call, value);
            return Ok(());
        }
        if is(option, "GETACK") {
            // Only the link to the primary brings it, and answers by itself.
            return Ok(());
        }
        configure(call, option, value)?;
    }
    call.reply.ok();
    Ok(())
}

fn configure(call: &mut Call<'_>, option: &[u8], value: &[u8]) -> Result<(), ReplyError> {
    let flag = |value: &[u8]| integer(value).map(|number| number == 1);
    let replica = replica_of(call.client);
    if is(option, "LISTENING-PORT") {
        replica.port = u16::try_from(integer(value)?).map_err(|_| ReplyError::NOT_INTEGER)?;
    } else if is(option, "IP-ADDRESS") {
        const IP_BYTES_MAX: usize = 255;
        if value.len() > IP_BYTES_MAX {
            return Err(ReplyError::new(format!(
                "ERR REPLCONF ip-address provided by replica instance is too long: {} bytes",
                value.len()
            )));
        }
        replica.ip = String::from_utf8_lossy(value).into_owned();
    } else if is(option, "CAPA") {
        replica.can_read_unsized |= is(value, "EOF");
        replica.can_change_history |= is(value, "PSYNC2");
    } else if is(option, "RDB-ONLY") {
        replica.is_copy_only = flag(value)?;
    } else if is(option, "RDB-FILTER-ONLY") {
        filter(replica, value)?;
    } else {
        return Err(ReplyError::new(format!(
            "ERR Unrecognized REPLCONF option: {}",
            quoted(option)
        )));
    }
    Ok(())
}

/// Which parts of the data a copy is to hold; nothing named is all of it that is not keys.
fn filter(replica: &mut Replica, value: &[u8]) -> Result<(), ReplyError> {
    let words = value.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    replica.wants_functions_only = true;
    for word in words {
        if !is(word, "functions") {
            return Err(ReplyError::new(format!(
                "ERR Unsupported rdb-filter-only option: {}",
                quoted(word)
            )));
        }
    }
    Ok(())
}

/// A replica says how far it has come; it is not answered.
fn acknowledge(call: &mut Call<'_>, value: &[u8]) {
    let Some(replica) = &mut call.client.replica else { return };
    let offset = parse_integer(value).and_then(|offset| u64::try_from(offset).ok());
    replica.acked = replica.acked.max(offset.unwrap_or(0));
    replica.heard_at = Instant::now();
    if matches!(replica.stage, Stage::Loading) {
        if replica.is_copy_only {
            call.client.close = Some(Close::AfterReplies);
        } else {
            replica.stage = Stage::Online;
        }
    }
    call.node.acks_came = true;
}

fn replicaof(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if call.node.cluster.is_some() {
        return Err(ReplyError::new("ERR REPLICAOF not allowed in cluster mode."));
    }
    if call.node.replication.failover.is_some() {
        return Err(ReplyError::new("ERR REPLICAOF not allowed while failing over."));
    }
    let (host, port) = (call.arg(1), call.arg(2));
    if is(host, "NO") && is(port, "ONE") {
        if call.node.replication.upstream.is_some() {
            call.node.stop_replicating();
            tracing::info!("MASTER MODE enabled (user request from '{}')", call.client.addr);
        }
        call.reply.ok();
        return Ok(());
    }
    if is_replica_already(call) {
        return Err(ReplyError::new("ERR Command is not valid when client is a replica."));
    }
    let port = parse_integer(port).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or(ReplyError::new("ERR Invalid master port"))?;
    let host = String::from_utf8_lossy(host).into_owned();
    let upstream = call.node.replication.upstream.as_ref();
    if upstream.is_some_and(|upstream| upstream.host == host && upstream.port == port) {
        call.reply.simple("OK Already connected to specified master");
        return Ok(());
    }
    call.node.replicate(&host, port);
    tracing::info!("REPLICAOF {host}:{port} enabled (user request from '{}')", call.client.addr);
    call.reply.ok();
    Ok(())
}

fn role(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let number = |offset: u64| i64::try_from(offset).unwrap_or(i64::MAX);
    let offset = number(call.node.replication.offset);
    if let Some(upstream) = &call.node.replication.upstream {
        let (state, offset) = match upstream.state {
            LinkState::Down => ("connect", -1),
            LinkState::Connecting => ("connecting", -1),
            LinkState::Handshake => ("handshake", -1),
            LinkState::Copying => ("sync", -1),
            LinkState::Connected => ("connected", offset),
        };
        call.reply.array(5);
        call.reply.bulk(b"slave");
        call.reply.bulk(upstream.host.as_bytes());
        call.reply.integer(i64::from(upstream.port));
        call.reply.bulk(state.as_bytes());
        call.reply.integer(offset);
        return Ok(());
    }
    let mut replicas = Vec::new();
    call.node.each_replica(|client, replica| {
        if replica.is_online() {
            replicas.push((replica.ip_seen(client), replica.port, replica.acked));
        }
    });
    call.reply.array(3);
    call.reply.bulk(b"master");
    call.reply.integer(offset);
    call.reply.array(replicas.len());
    for (ip, port, acked) in replicas {
        call.reply.array(3);
        call.reply.bulk(ip.as_bytes());
        call.reply.bulk(port.to_string().as_bytes());
        call.reply.bulk(acked.to_string().as_bytes());
    }
    Ok(())
}

fn wait(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if call.node.replication.upstream.is_some() {
        return Err(ReplyError::new(
            "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica \
             is configured to be writable (which is not the default) writes to replicas are just local and are \
             not propagated.",
        ));
    }
    let wanted = integer(call.arg(1))?;
    let timeout = timeout_ms(call.arg(2))?;
    let offset = call.client.written_to;
    let acked = call.node.count_acked(offset);
    if acked >= wanted || !call.may_block() {
        call.reply.integer(acked);
        return Ok(());
    }
    let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let reply = TimeoutReply::Integer(acked).bytes(call.client.resp);
    call.client.blocked = Some(Blocked { until, reply });
    call.client.awaits_acks = Some((wanted, offset));
    call.node.ask_for_acks();
    Ok(())
}
