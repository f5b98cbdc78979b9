//! Transactions: commands queued, then run without anything between them.

use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use crate::client::Transaction;
use crate::execute::{Call, Handler, Origin, Turn, run};

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("multi", multi),
    ("exec", exec),
    ("discard", discard),
    ("watch", watch),
    ("unwatch", unwatch),
];

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
        // A key that has expired is gone now, so that its removal later is no change.
        let at = call.at();
        call.node.peek(at, key);
        call.node.tell_journal();
        let client = &mut *call.client;
        call.node.watches.watch(client.id, &mut client.watched, client.db, key);
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
    let is_touched = is_touched(call);
    call.node.watches.unwatch(call.client.id, &mut call.client.watched);
    if transaction.is_broken {
        return Err(ReplyError::new("EXECABORT Transaction discarded because of previous errors."));
    }
    if is_touched {
        call.reply.null_array();
        return Ok(());
    }
    call.reply.array(transaction.queue.len());
    let mut turn = Turn { now_ms: call.now_ms, last: std::time::Instant::now() };
    for queued in &transaction.queue {
        let args: Vec<&[u8]> = queued.args.iter().map(AsRef::as_ref).collect();
        let resp = call.client.resp;
        let mut inner = Call {
            reply_start: call.reply.out().len(),
            reply: ReplyWriter::new(call.reply.out(), resp),
            node: call.node,
            client: call.client,
            args: Args::from_slices(&args),
            spec: queued.spec,
            origin: Origin::Transaction,
            now_ms: call.now_ms,
        };
        run(&mut inner, &mut turn);
    }
    // What its commands did was collected one by one.
    call.propagate_nothing();
    Ok(())
}

/// Whether a watched key has changed, or has expired.
fn is_touched(call: &mut Call<'_>) -> bool {
    let mut at = call.at();
    for (db, key) in &call.client.watched {
        at.db = *db;
        call.node.peek(at, key);
    }
    call.node.tell_journal();
    call.node.watches.is_touched(call.client.id)
}
