//! The connection itself: greeting, authentication, database, end.

use reddoor_protocol::encode::{ReplyWriter, Resp};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::parse_integer;

use crate::acl::{Context, DEFAULT, Login};
use crate::client::{Close, Replies};
use crate::commands::argument::{database_number, is, quoted};
use crate::execute::{Call, Handler, Origin, note_refused_login};
use crate::server::REDIS_VERSION;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("ping", ping),
    ("echo", echo),
    ("auth", auth),
    ("hello", hello),
    ("select", select),
    ("quit", quit),
    ("reset", reset),
];

fn ping(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if call.args.len() <= 2 && call.client.subscriptions.are_any() && call.client.resp == Resp::V2 {
        let text = call.arg(1);
        call.reply.array(2);
        call.reply.bulk(b"pong");
        call.reply.bulk(text);
        return Ok(());
    }
    match call.args.len() {
        1 => call.reply.simple("PONG"),
        2 => call.reply.bulk(call.args.get(1).unwrap_or_default()),
        _ => return Err(ReplyError::wrong_arity(call.spec.name)),
    }
    Ok(())
}

fn echo(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let text = call.arg(1);
    call.reply.bulk(text);
    Ok(())
}

fn auth(call: &mut Call<'_>) -> Result<(), ReplyError> {
    match call.args.len() {
        2 if call.node.acl.default_user().rules().need_no_password() => {
            return Err(ReplyError::new(
                "ERR AUTH <password> called without any password configured for the default user. \
                 Are you sure your configuration is correct?",
            ));
        }
        2 => authenticate(call, DEFAULT, call.arg(1))?,
        3 => authenticate(call, call.arg(1), call.arg(2))?,
        _ => return Err(ReplyError::SYNTAX),
    }
    call.reply.ok();
    Ok(())
}

/// Makes the client another user.
fn authenticate(call: &mut Call<'_>, user: &[u8], password: &[u8]) -> Result<(), ReplyError> {
    let Some(user) = call.node.acl.admit(user, password) else {
        let is_queued = call.origin == Origin::Transaction;
        let context = if is_queued { Context::Transaction } else { Context::TopLevel };
        note_refused_login(call.node, call.client, context, (call.arg(0), user));
        return Err(ReplyError::WRONG_PASS);
    };
    call.client.login = Login { user, is_authenticated: true };
    Ok(())
}

fn hello(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let resp = match call.args.get(1) {
        None => call.client.resp,
        Some(version) => match parse_integer(version) {
            Some(2) => Resp::V2,
            Some(3) => Resp::V3,
            Some(_) => return Err(ReplyError::NO_PROTO),
            None => {
                return Err(ReplyError::new(
                    "ERR Protocol version is not an integer or out of range",
                ));
            }
        },
    };
    let name = hello_options(call)?;
    if !call.client.login.is_authenticated {
        return Err(ReplyError::new(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH \
             <user> <pass> option can be used to authenticate the client and select the RESP protocol \
             version at the same time",
        ));
    }
    if let Some(name) = name {
        call.client.name = name.to_vec();
    }
    call.client.resp = resp;
    greet(call);
    Ok(())
}

/// Follows `AUTH`, and gives back the name that `SETNAME` asks for.
fn hello_options<'a>(call: &mut Call<'a>) -> Result<Option<&'a [u8]>, ReplyError> {
    let mut name = None;
    let mut index = 2;
    while index < call.args.len() {
        let (option, more) = (call.arg(index), call.args.len() - index - 1);
        if is(option, "AUTH") && more >= 2 {
            authenticate(call, call.arg(index + 1), call.arg(index + 2))?;
            index += 3;
        } else if is(option, "SETNAME") && more >= 1 {
            check_name(call.arg(index + 1))?;
            name = Some(call.arg(index + 1));
            index += 2;
        } else {
            let option = quoted(option);
            return Err(ReplyError::new(format!("ERR Syntax error in HELLO option '{option}'")));
        }
    }
    Ok(name)
}

fn greet(call: &mut Call<'_>) {
    let mode = if call.node.cluster.is_some() { "cluster" } else { "standalone" };
    let is_replica = call.node.replication.upstream.is_some();
    let role = if is_replica { "replica" } else { "master" };
    let id = i64::try_from(call.client.id.0).unwrap_or(i64::MAX);
    let resp = call.client.resp;
    let mut reply = ReplyWriter::new(call.reply.out(), resp);
    reply.map(7);
    for (name, value) in [("server", "redis"), ("version", REDIS_VERSION)] {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    for (name, value) in [("proto", resp.number()), ("id", id)] {
        reply.bulk(name.as_bytes());
        reply.integer(value);
    }
    for (name, value) in [("mode", mode), ("role", role)] {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"modules");
    reply.array(0);
}

/// Refuses a client name that could not be printed in one word.
pub(super) fn check_name(name: &[u8]) -> Result<(), ReplyError> {
    if name.iter().all(u8::is_ascii_graphic) {
        return Ok(());
    }
    Err(ReplyError::new("ERR Client names cannot contain spaces, newlines or special characters."))
}

fn select(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let index = database_number(call.arg(1))?;
    if call.node.cluster.is_some() && index != 0 {
        return Err(ReplyError::new("ERR SELECT is not allowed in cluster mode"));
    }
    let index = usize::try_from(index).ok().filter(|index| *index < call.node.databases.len());
    call.client.db = index.ok_or(ReplyError::DB_OUT_OF_RANGE)?;
    call.reply.ok();
    Ok(())
}

fn quit(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.client.close = Some(Close::AfterReplies);
    call.reply.ok();
    Ok(())
}

fn reset(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let client = &mut *call.client;
    client.transaction = None;
    call.node.pubsub.forget(client);
    call.node.watches.unwatch(client.id, &mut client.watched);
    call.node.tracking.end(client.id);
    client.prefix_bytes = 0;
    call.node.monitors.forget(client);
    client.is_asking = false;
    client.is_readonly = false;
    client.is_no_evict = false;
    client.replies = Replies::On;
    client.resp = Resp::V2;
    client.db = 0;
    client.name.clear();
    client.login = Login::of_stranger(&call.node.acl);
    call.reply.simple("RESET");
    Ok(())
}
