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
