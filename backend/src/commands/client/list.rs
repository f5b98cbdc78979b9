//! `CLIENT LIST` and `CLIENT INFO`.

use std::fmt::Write as _;

use reddoor_protocol::command::spec;
use reddoor_protocol::reply_error::ReplyError;

use crate::client::{Client, Close, Transaction};
use crate::commands::argument::is;
use crate::commands::client::parse_id;
use crate::commands::client::tracking::redirect_number;
use crate::execute::Call;
use crate::node::Node;
use crate::tracking::Tracker;

pub(super) fn info(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let mut text = Vec::new();
    write_line(&mut text, call.client, call.node, call.now_ms);
    call.reply.verbatim("txt", &text);
    Ok(())
}

pub(super) fn list(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let mut ids = None;
    let mut class = None;
    match (call.args.len(), call.arg(2)) {
        (2, _) => {}
        (4, option) if is(option, "TYPE") => {
            class = Some(ClientType::parse(call.arg(3))?);
        }
        (4.., option) if is(option, "ID") => {
            let parsed = call.args.iter().skip(3).map(parse_id).collect::<Option<Vec<_>>>();
            ids = Some(parsed.ok_or(ReplyError::new("ERR Invalid client ID"))?);
        }
        _ => return Err(ReplyError::SYNTAX),
    }
    let myself = &*call.client;
    let mut clients: Vec<&Client> = call.node.clients.iter().chain([myself]).collect();
    // Who was ended is gone for everyone else, though its session may not have noticed yet.
    clients.retain(|client| client.close != Some(Close::Now) || client.id == myself.id);
    clients.retain(|client| class.is_none_or(|class| class == ClientType::of(client)));
    clients.retain(|client| ids.as_ref().is_none_or(|ids| ids.contains(&client.id)));
    clients.sort_unstable_by_key(|client| client.id);
    let mut text = Vec::new();
    for client in clients {
        write_line(&mut text, client, call.node, call.now_ms);
    }
    call.reply.verbatim("txt", &text);
    Ok(())
}

/// The classes of clients by which one may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientType {
    Normal,
    PubSub,
    Replica,
    /// The link to the primary.
    Primary,
}

impl ClientType {
    pub(super) fn parse(name: &[u8]) -> Result<ClientType, ReplyError> {
        if is(name, "normal") {
            return Ok(ClientType::Normal);
        }
        if is(name, "pubsub") {
            return Ok(ClientType::PubSub);
        }
        if is(name, "slave") || is(name, "replica") {
            return Ok(ClientType::Replica);
        }
        if is(name, "master") {
            return Ok(ClientType::Primary);
        }
        let name = String::from_utf8_lossy(name);
        Err(ReplyError::new(format!("ERR Unknown client type '{name}'")))
    }

    /// The class of a client.
    pub(super) fn of(client: &Client) -> ClientType {
        if client.is_primary {
            ClientType::Primary
        } else if client.is_replica() {
            ClientType::Replica
        } else if client.subscriptions.are_any() {
            ClientType::PubSub
        } else {
            ClientType::Normal
        }
    }
}

/// The line of one client, without its end.
pub(crate) fn describe_client(client: &Client, node: &Node, now_ms: i64) -> Vec<u8> {
    let mut text = Vec::new();
    write_line(&mut text, client, node, now_ms);
    text.pop();
    text
}

/// Appends the line of one client, its end included.
fn write_line(text: &mut Vec<u8>, client: &Client, node: &Node, now_ms: i64) {
    let seconds_since = |time_ms: i64| (now_ms - time_ms).max(0) / 1000;
    let queued = client.transaction.as_ref();
    let mut line = format!(
        "id={} addr={} laddr={} fd={} name=",
        client.id.0, client.addr, client.local_addr, client.descriptor
    );
    text.extend_from_slice(line.as_bytes());
    text.extend_from_slice(&client.name);
    line.clear();
    // Writing into a string does not fail.
    let _ = write!(
        line,
        " age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} qbuf={} qbuf-free=0 argv-mem=0 \
         multi-mem={} rbs=0 rbp=0 obl=0 oll={} omem={} tot-mem={} events=r cmd={} user=",
        seconds_since(client.connected_at_ms),
        seconds_since(client.used_at_ms),
        flags(client, node),
        client.db,
        client.subscriptions.channels,
        client.subscriptions.patterns,
        client.subscriptions.shards,
        queued.map_or(-1, |queued| i64::try_from(queued.queue.len()).unwrap_or(i64::MAX)),
        client.query_bytes,
        queued.map_or(0, Transaction::memory_bytes),
        u8::from(client.unsent_bytes() > 0),
        client.unsent_bytes(),
        client.memory_bytes(),
        client.last_command.map_or("NULL", |id| spec(id).name),
    );
    text.extend_from_slice(line.as_bytes());
    text.extend_from_slice(client.login.user.name());
    let redirect = redirect_number(&node.tracking, client.id);
    text.extend_from_slice(format!(" redir={redirect} resp={}\n", client.resp.number()).as_bytes());
}

fn flags(client: &Client, node: &Node) -> String {
    let tracker = node.tracking.tracker(client.id);
    let flags = [
        (client.is_monitor, 'O'),
        (client.is_replica(), 'S'),
        (client.is_primary, 'M'),
        (client.subscriptions.are_any(), 'P'),
        (client.transaction.is_some(), 'x'),
        (client.is_waiting(), 'b'),
        (tracker.is_some(), 't'),
        (tracker.is_some_and(|tracker| tracker.is_redirect_broken), 'R'),
        (tracker.is_some_and(Tracker::tracks_prefixes), 'B'),
        (node.watches.is_touched(client.id), 'd'),
        (client.close == Some(Close::AfterReplies), 'c'),
        (client.close == Some(Close::Now), 'A'),
        (!client.local_addr.is_empty() && client.addr == client.local_addr, 'U'),
        (client.is_readonly, 'r'),
        (client.is_no_evict && !client.is_primary, 'e'),
    ];
    let text: String = flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag).collect();
    if text.is_empty() { "N".to_owned() } else { text }
}
