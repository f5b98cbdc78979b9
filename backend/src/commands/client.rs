//! `CLIENT`: what the node knows of its clients, and what one may do to others.

mod kill;

mod list;

mod tracking;

use std::time::{Duration, Instant};

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::parse_integer;

use crate::blocking::{Release, release};
use crate::client::{Client, ClientId, Replies};
use crate::commands::argument::is;
use crate::commands::connection::check_name;
use crate::execute::{Call, Handler};
use crate::node::{Pause, PauseReach};

pub(crate) use kill::end_clients;
pub(crate) use list::describe_client;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("client|id", id),
    ("client|info", list::info),
    ("client|list", list::list),
    ("client|kill", kill::kill),
    ("client|setname", setname),
    ("client|getname", getname),
    ("client|reply", reply),
    ("client|pause", pause),
    ("client|unpause", unpause),
    ("client|unblock", unblock),
    ("client|no-evict", no_evict),
    ("client|getredir", tracking::getredir),
    ("client|tracking", tracking::tracking),
    ("client|trackinginfo", tracking::trackinginfo),
    ("client|caching", tracking::caching),
    ("client|help", super::help),
];

fn id(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.integer(i64::try_from(call.client.id.0).unwrap_or(i64::MAX));
    Ok(())
}

fn setname(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let name = call.arg(2);
    check_name(name)?;
    call.client.name = name.to_vec();
    call.reply.ok();
    Ok(())
}

fn getname(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let name = Some(call.client.name.as_slice()).filter(|name| !name.is_empty());
    call.reply.bulk_or_null(name);
    Ok(())
}

fn reply(call: &mut Call<'_>) -> Result<(), ReplyError> {
    // Replies that are not wanted are taken back by the session.
    let mode = call.arg(2);
    if is(mode, "ON") {
        call.client.replies = Replies::On;
        call.reply.ok();
    } else if is(mode, "OFF") {
        call.client.replies = Replies::Off;
    } else if is(mode, "SKIP") {
        if call.client.replies != Replies::Off {
            call.client.replies = Replies::SkipNext;
        }
    } else {
        return Err(ReplyError::SYNTAX);
    }
    Ok(())
}

fn pause(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let reach = match call.args.get(3) {
        None => PauseReach::All,
        Some(mode) if is(mode, "ALL") => PauseReach::All,
        Some(mode) if is(mode, "WRITE") => PauseReach::Writes,
        Some(_) => return Err(ReplyError::new("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let timeout_ms = parse_integer(call.arg(2))
        .ok_or(ReplyError::new("ERR timeout is not an integer or out of range"))?;
    let timeout_ms =
        u64::try_from(timeout_ms).map_err(|_| ReplyError::new("ERR timeout is negative"))?;
    let until = Instant::now()
        .checked_add(Duration::from_millis(timeout_ms))
        .ok_or(ReplyError::new("ERR timeout is out of range"))?;
    // A pause under way only grows: it keeps the later end and the wider reach.
    let pause = match call.node.pause.filter(|old| old.until > Instant::now()) {
        None => Pause { until, reach },
        Some(old) => Pause {
            until: until.max(old.until),
            reach: if old.reach == PauseReach::All { old.reach } else { reach },
        },
    };
    call.node.begin_pause(pause);
    call.reply.ok();
    Ok(())
}

fn unpause(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.node.end_pause();
    call.reply.ok();
    Ok(())
}

fn unblock(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let is_error = match call.args.get(3) {
        None => false,
        Some(reason) if is(reason, "TIMEOUT") => false,
        Some(reason) if is(reason, "ERROR") => true,
        Some(_) => {
            return Err(ReplyError::new("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
        }
    };
    let id = parse_integer(call.arg(2)).ok_or(ReplyError::NOT_INTEGER)?;
    let is_it = |client: &&Client| u64::try_from(id) == Ok(client.id.0);
    let seat = call.node.clients.iter().find(is_it).map(|client| client.seat);
    let error = ReplyError::from_static("UNBLOCKED client unblocked via CLIENT UNBLOCK");
    let reason = if is_error { Release::Error(&error) } else { Release::Timeout };
    let has_waited = seat.is_some_and(|seat| release(call.node, seat, reason));
    call.reply.integer(i64::from(has_waited));
    Ok(())
}

fn no_evict(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.client.is_no_evict = match call.arg(2) {
        mode if is(mode, "ON") => true,
        mode if is(mode, "OFF") => false,
        _ => return Err(ReplyError::SYNTAX),
    };
    call.reply.ok();
    Ok(())
}

/// A client id as an argument.
fn parse_id(arg: &[u8]) -> Option<ClientId> {
    parse_integer(arg).and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0).map(ClientId)
}
