//! The node as a whole: emptying it, ending it, its logs, its role.

mod latency;

mod memory;

mod slowlog;

use reddoor_protocol::command::describe;
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::parse_integer;

use crate::blocking::Cause;
use crate::client::{Blocked, Close};
use crate::clock;
use crate::commands::argument::{is, is_flush_mode};
use crate::config::settings::disk::ShutdownMode;
use crate::data::keyspace::Presence;
use crate::data::lazy_free::Freeing;
use crate::execute::{Call, Handler};
use crate::node::Node;
use crate::propagate::Reach;
use crate::server::REDIS_VERSION;
use crate::server::ending::{self, Progress};

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("time", time),
    ("flushall", flushall),
    ("flushdb", flushdb),
    ("swapdb", swapdb),
    ("shutdown", shutdown),
    ("lolwut", lolwut),
    ("monitor", monitor),
    ("command", command),
    ("command|count", command),
    ("command|docs", command),
    ("command|getkeys", command),
    ("command|getkeysandflags", command),
    ("command|info", command),
    ("command|list", command),
    ("command|help", super::help),
    ("slowlog|get", slowlog::get),
    ("slowlog|len", slowlog::len),
    ("slowlog|reset", slowlog::reset),
    ("slowlog|help", super::help),
    ("latency|latest", latency::latest),
    ("latency|history", latency::history),
    ("latency|reset", latency::reset),
    ("latency|graph", latency::graph),
    ("latency|doctor", latency::doctor),
    ("latency|histogram", latency::histogram),
    ("latency|help", super::help),
    ("memory|usage", memory::usage),
    ("memory|stats", memory::stats),
    ("memory|doctor", memory::doctor),
    ("memory|purge", memory::purge),
    ("memory|malloc-stats", memory::malloc_stats),
    ("memory|help", super::help),
];

fn time(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let now_us = clock::unix_us();
    call.reply.array(2);
    for part in [now_us / 1_000_000, now_us % 1_000_000] {
        call.reply.bulk(itoa::Buffer::new().format(part).as_bytes());
    }
    Ok(())
}

fn flushall(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let freeing = flush_mode(call)?;
    for db in 0..call.node.databases.len() {
        flush(call.node, db, freeing);
    }
    call.node.invalidate_all();
    call.node.reset_snapshot();
    call.propagate_always(Reach::All);
    call.reply.ok();
    Ok(())
}

fn flushdb(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let freeing = flush_mode(call)?;
    flush(call.node, call.client.db, freeing);
    call.node.invalidate_all();
    call.propagate_always(Reach::All);
    call.reply.ok();
    Ok(())
}

/// When what is flushed is freed.
fn flush_mode(call: &Call<'_>) -> Result<Freeing, ReplyError> {
    if !is_flush_mode(call, 1) {
        return Err(ReplyError::SYNTAX);
    }
    Ok(match call.args.get(1) {
        Some(mode) => Freeing::of_lazy(is(mode, "ASYNC")),
        None => call.node.config.settings().memory.lazy.flushed,
    })
}

fn flush(node: &mut Node, db: usize, freeing: Freeing) {
    let (database, now_ms) = (&node.databases[db], clock::unix_ms());
    let before = |key: &[u8]| database.presence(key, now_ms);
    node.watches.touch_replaced(db, before, |_| Presence::Missing);
    node.changes += node.databases[db].len() as u64;
    node.databases[db].clear(freeing);
    look_at_awaited(node, db);
}

/// All keys of a database may have changed: those that clients wait for become ready.
fn look_at_awaited(node: &mut Node, db: usize) {
    for key in node.blocking.awaited_keys(db) {
        node.look_if_ready(db, &key, Cause::Made);
    }
}

fn swapdb(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if call.node.cluster.is_some() {
        return Err(ReplyError::new("ERR SWAPDB is not allowed in cluster mode"));
    }
    let index = |arg: &[u8], error: &'static str| {
        let number = parse_integer(arg).filter(|number| i32::try_from(*number).is_ok());
        number.ok_or(ReplyError::new(error))
    };
    let first = index(call.arg(1), "ERR invalid first DB index")?;
    let second = index(call.arg(2), "ERR invalid second DB index")?;
    let count = call.node.databases.len();
    let within = |number| usize::try_from(number).ok().filter(|index| *index < count);
    let (Some(first), Some(second)) = (within(first), within(second)) else {
        return Err(ReplyError::DB_OUT_OF_RANGE);
    };
    let now_ms = call.now_ms;
    let databases = &call.node.databases;
    for (db, other) in [(first, second), (second, first)].into_iter().filter(|(a, b)| a != b) {
        let look_in = |db: usize| move |key: &[u8]| databases[db].presence(key, now_ms);
        call.node.watches.touch_replaced(db, look_in(db), look_in(other));
    }
    call.node.databases.swap(first, second);
    look_at_awaited(call.node, first);
    look_at_awaited(call.node, second);
    call.node.changes += 1;
    call.reply.ok();
    Ok(())
}

fn shutdown(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (mut aborts, mut mode, mut options_count) = (false, ShutdownMode::default(), 0);
    for option in call.args.iter().skip(1) {
        options_count += 1;
        if is(option, "ABORT") {
            aborts = true;
        } else if is(option, "SAVE") && mode.saves != Some(false) {
            mode.saves = Some(true);
        } else if is(option, "NOSAVE") && mode.saves != Some(true) {
            mode.saves = Some(false);
        } else if is(option, "FORCE") {
            mode.is_forced = true;
        } else if is(option, "NOW") {
            mode.is_now = true;
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    if aborts {
        if options_count > 1 {
            return Err(ReplyError::SYNTAX);
        }
        if !call.node.abort_end() {
            return Err(ReplyError::new("ERR No shutdown in progress."));
        }
        call.reply.ok();
        return Ok(());
    }
    if !mode.is_now && !call.may_block() {
        return Err(ReplyError::new(
            "ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client",
        ));
    }
    if let Some(error) = call.node.scripting.busy_error()
        && mode.saves != Some(false)
    {
        return Err(error);
    }
    tracing::warn!("User requested shutdown...");
    match call.node.begin_to_end(mode) {
        Progress::Failed => return Err(ending::FAILED),
        Progress::Ends => {
            call.node.shutdown.notify_one();
            call.client.close = Some(Close::AfterReplies);
        }
        Progress::Waits => {
            call.node.await_end(call.client);
            call.client.blocked = Some(Blocked { until: None, reply: Vec::new() });
        }
    }
    Ok(())
}

fn monitor(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if !call.may_block() {
        return Err(ReplyError::new("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    // Who monitors already gets no answer.
    if call.node.monitors.add(call.client) {
        call.reply.ok();
    }
    Ok(())
}

fn lolwut(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.verbatim("txt", format!("Redis ver. {REDIS_VERSION}\n").as_bytes());
    Ok(())
}

fn command(call: &mut Call<'_>) -> Result<(), ReplyError> {
    describe::write_answer(call.spec, call.args, &|_| true, &mut call.reply);
    Ok(())
}
