//! Transactions: commands queued, then run without anything between them.

use reddoor_protocol::command::CommandId;
use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use crate::acl::Context;
use crate::client::{Client, Queued, Transaction};
use crate::execute::{Call, Handler, Origin, Turn, check_rights, run};
use crate::node::Node;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("multi", multi),
    ("exec", exec),
    ("discard", discard),
    ("watch", watch),
    ("unwatch", unwatch),
];

const EXEC: CommandId = CommandId::of("exec");

fn multi(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if call.client.transaction.is_some() {
        return Err(ReplyError::new("ERR MULTI calls can not be nested"));
    }
    call.client.transaction = Some(Transaction::default());
    call.reply.ok();
    Ok(())
}

fn discard(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if call.client.transaction.take().is_none() {
        return Err(ReplyError::new("ERR DISCARD without MULTI"));
    }
    call.node.watches.unwatch(call.client.id, &mut call.client.watched);
    call.reply.ok();
    Ok(())
}

fn watch(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if call.client.transaction.is_some() {
        return Err(ReplyError::new("ERR WATCH inside MULTI is not allowed"));
    }
    let args = call.args;
    for key in args.iter().skip(1) {
        let client = &mut *call.client;
        let presence = call.node.databases[client.db].presence(key, call.now_ms);
        call.node.watches.watch(client.id, &mut client.watched, (client.db, key), presence);
        call.node.keep_journal();
    }
    call.reply.ok();
    Ok(())
}

fn unwatch(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.node.watches.unwatch(call.client.id, &mut call.client.watched);
    call.reply.ok();
    Ok(())
}

fn exec(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let Some(transaction) = call.client.transaction.take() else {
        return Err(ReplyError::new("ERR EXEC without MULTI"));
    };
    let (client, databases) = (&*call.client, &call.node.databases);
    let is_touched = call.node.watches.is_any_changed(client.id, &client.watched, |db, key| {
        databases[db].presence(key, call.now_ms)
    });
    call.node.watches.unwatch(call.client.id, &mut call.client.watched);
    if transaction.is_broken {
        return Err(ReplyError::new("EXECABORT Transaction discarded because of previous errors."));
    }
    if is_touched {
        call.reply.null_array();
        return Ok(());
    }
    call.reply.array(transaction.queue.len());
    let start = call.reply_start;
    // What a transaction does that is repeated is repeated, too.
    let origin = if call.origin == Origin::Replay { Origin::Replay } else { Origin::Transaction };
    let out = (call.reply.out(), start);
    run_queue(call.node, call.client, transaction.queue, out, (origin, call.now_ms));
    // What its commands did was collected one by one.
    call.propagate_nothing();
    Ok(())
}

/// Goes on with a transaction after one of its scripts has ended. Whether the transaction has, too.
pub(crate) fn resume_transaction(
    node: &mut Node,
    client: &mut Client,
    queue: Vec<Queued>,
    out: &mut Vec<u8>,
    now_ms: i64,
) -> bool {
    run_queue(node, client, queue, (out, 0), (Origin::Transaction, now_ms))
}

/// Runs queued commands, whose replies begin in `out` at a place. Whether all have run: if not, a script among them
/// takes long, and both its replies and those behind it come when it has ended.
fn run_queue(
    node: &mut Node,
    client: &mut Client,
    queue: Vec<Queued>,
    (out, start): (&mut Vec<u8>, usize),
    (origin, now_ms): (Origin<'_>, i64),
) -> bool {
    let mut turn = Turn::new(now_ms);
    let mut queue = queue.into_iter();
    let mut has_denied = false;
    while let Some(queued) = queue.next() {
        let args: Vec<&[u8]> = queued.args.iter().map(AsRef::as_ref).collect();
        let resp = client.resp;
        let request = (queued.spec, Args::from_slices(&args));
        // Rights may have been taken away since it was queued.
        if let Err(denial) = check_rights(node, client, request, Context::Transaction) {
            let error = denial.reply_at_exec();
            node.stats.count_error(error.code());
            // However many are refused, one call of `EXEC` has failed.
            node.stats.command(EXEC).failed += u64::from(!has_denied);
            has_denied = true;
            ReplyWriter::new(out, resp).error(&error);
            continue;
        }
        let mut inner = Call {
            reply_start: out.len(),
            reply: ReplyWriter::new(out, resp),
            node,
            client,
            args: Args::from_slices(&args),
            spec: queued.spec,
            origin,
            now_ms,
        };
        run(&mut inner, &mut turn);
        if node.scripting.is_busy() {
            node.scripting.park_transaction(out.split_off(start), queue.collect());
            return false;
        }
    }
    true
}
