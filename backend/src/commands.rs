//! One handler for each command; files follow the families.
//!
//! A file lists its handlers by the rows they serve in `HANDLERS`; a name that is no row does not compile, and a
//! row without a handler is answered as an unknown command.
//! Handlers parse arguments, call a structure, tell of changes and write a reply, in this order: until all
//! arguments are understood nothing changes, and until nothing can fail any more nothing is written.

pub(crate) mod argument;

mod elements;

mod picks;

mod positions;

mod results;

mod strings;

mod numbers;

mod bits;

mod hashes;

mod sets;

mod lists;

mod sort;

mod sorted_sets;

mod geo;

mod streams;

mod hyper_log_log;

mod keys;

mod expiry;

pub(crate) mod dump;

mod migrate;

mod scan;

mod transactions;

mod scripting;

mod functions;

mod pubsub;

mod connection;

mod acl;

mod client;

mod server;

mod persistence;

mod replication;

mod failover;

mod config;

mod memory_use;

mod info;

mod debug;

mod cluster;

use reddoor_protocol::command::{CommandId, lookup};
use reddoor_protocol::reply_error::ReplyError;

use crate::execute::{Call, Handler};

pub(crate) use client::describe_client;
pub(crate) use debug::switches::Switches;
pub(crate) use migrate::MigrateTargets;
pub(crate) use transactions::resume_transaction;

/// The handler of a row, if this node serves it.
#[inline]
pub(crate) fn handler(id: CommandId) -> Option<Handler> {
    HANDLERS[id.index()]
}

/// Answers `HELP` of any container: its subcommands with one sentence each.
fn help(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let container = call.arg(0).to_ascii_uppercase();
    let container = String::from_utf8_lossy(&container).into_owned();
    let rows = lookup(call.arg(0)).map_or(&[][..], |spec| spec.subcommands());
    let served = rows.iter().filter(|row| handler(row.id()).is_some());
    call.reply.array(1 + 2 * served.clone().count());
    call.reply
        .simple(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for row in served {
        call.reply.simple(&row.short_name().to_ascii_uppercase());
        call.reply.simple(&format!("    {}.", row.summary));
    }
    Ok(())
}

/// The handlers of each file.
const FILES: &[&[(&str, Handler)]] = &[
    strings::HANDLERS,
    numbers::HANDLERS,
    bits::HANDLERS,
    hashes::HANDLERS,
    sets::HANDLERS,
    lists::HANDLERS,
    sort::HANDLERS,
    sorted_sets::HANDLERS,
    geo::HANDLERS,
    streams::HANDLERS,
    hyper_log_log::HANDLERS,
    keys::HANDLERS,
    expiry::HANDLERS,
    dump::HANDLERS,
    migrate::HANDLERS,
    scan::HANDLERS,
    transactions::HANDLERS,
    scripting::HANDLERS,
    functions::HANDLERS,
    pubsub::HANDLERS,
    connection::HANDLERS,
    acl::HANDLERS,
    client::HANDLERS,
    server::HANDLERS,
    persistence::HANDLERS,
    replication::HANDLERS,
    failover::HANDLERS,
    config::HANDLERS,
    info::HANDLERS,
    debug::HANDLERS,
    cluster::HANDLERS,
];

/// Indexed by [`CommandId::index`].
static HANDLERS: [Option<Handler>; CommandId::COUNT] = {
    let mut handlers = [None; CommandId::COUNT];
    let mut file = 0;
    while file < FILES.len() {
        let mut row = 0;
        while row < FILES[file].len() {
            let (name, handler) = FILES[file][row];
            let index = CommandId::of(name).index();
            assert!(handlers[index].is_none(), "two handlers for one row");
            handlers[index] = Some(handler);
            row += 1;
        }
        file += 1;
    }
    handlers
};
