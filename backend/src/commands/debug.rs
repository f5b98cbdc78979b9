//! `DEBUG`: what tests do to a node. Locked unless `enable-debug-command` opens it.
//!
//! What a Redis tells of its own structures is told of this node's; what asks for its allocator (`MALLCTL`, `JMAP`)
//! is unknown, as on a Redis that was built without.

mod answers;

mod cluster;

mod data;

mod disk;

mod encoding;

mod ending;

pub(super) mod switches;

mod tables;

use std::ops::RangeInclusive;

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::is;
use crate::execute::{Call, Handler};

pub(super) const HANDLERS: &[(&str, Handler)] = &[("debug", debug)];

/// One subcommand.
struct Row {
    name: &'static str,
    /// How many arguments it takes, the two names among them.
    counts: RangeInclusive<usize>,
    handler: Handler,
    /// What it does, as `HELP` tells it.
    about: &'static str,
}

const fn row(
    name: &'static str,
    counts: RangeInclusive<usize>,
    handler: Handler,
    about: &'static str,
) -> Row {
    Row { name, counts, handler, about }
}

const ANY: usize = usize::MAX;

static ROWS: &[Row] = &[
    row(
        "AOF-FLUSH-SLEEP",
        3..=3,
        switches::delay_appends,
        "<microseconds> Waits before each write to the append-only file.",
    ),
    row("ASSERT", 2..=2, ending::abort, "Ends the process as a failed check would."),
    row(
        "CHANGE-REPL-ID",
        2..=2,
        switches::change_replication_id,
        "Gives the replication history a new name.",
    ),
    row(
        "CLIENT-EVICTION",
        2..=2,
        answers::client_eviction,
        "Tells what clients take of maxmemory-clients.",
    ),
    row(
        "CLUSTERLINK",
        5..=5,
        cluster::kill_links,
        "KILL <to|from|all> <node-id> Ends bus links with a node.",
    ),
    row(
        "CONFIG-REWRITE-FORCE-ALL",
        2..=2,
        disk::rewrite_all_settings,
        "As CONFIG REWRITE, with every directive.",
    ),
    row(
        "CRASH-AND-RECOVER",
        2..=3,
        ending::crash_and_recover,
        "[<milliseconds>] Starts again at once, or later.",
    ),
    row("DIGEST", 2..=2, data::digest, "Answers a digest of all data."),
    row(
        "DIGEST-VALUE",
        2..=ANY,
        data::digest_values,
        "<key> [<key> ...] Answers the digest of each value.",
    ),
    row(
        "DROP-CLUSTER-PACKET-FILTER",
        3..=3,
        cluster::drop_packets,
        "<kind> Ignores bus messages of a kind; -1 for none.",
    ),
    row("ERROR", 3..=3, answers::error, "<text> Answers an error of these words."),
    row("HTSTATS", 3..=3, tables::of_database, "<db> Tells how even a database's tables are."),
    row("HTSTATS-KEY", 3..=3, tables::of_key, "<key> Tells how even a value's table is."),
    row("LEAK", 3..=3, answers::ok, "<text> Does nothing: this node leaks no memory."),
    row("LISTPACK", 3..=3, encoding::listpack, "<key> Writes a listpack to the log."),
    row(
        "LOADAOF",
        2..=2,
        disk::load_append_only_file,
        "Forgets everything and reads the append-only file.",
    ),
    row("LOG", 3..=3, answers::log, "<text> Writes a line to the log."),
    row("OBJECT", 3..=4, encoding::object, "<key> [fast] Tells how a value is kept."),
    row("OOM", 2..=2, ending::abort, "Ends the process as one without memory would."),
    row("PANIC", 2..=2, ending::abort, "Ends the process as a mistake in it would."),
    row("PAUSE-CRON", 3..=3, switches::pause_cron, "<0|1> Stops what the node does by itself."),
    row(
        "POPULATE",
        3..=5,
        data::populate,
        "<count> [<prefix>] [<size>] Makes keys that are not there yet.",
    ),
    row("PROTOCOL", 3..=3, answers::protocol, "<type> Answers a reply of this type."),
    row("QUICKLIST", 3..=4, encoding::quicklist, "<key> [<0|1>] Writes a list to the log."),
    row(
        "QUICKLIST-PACKED-THRESHOLD",
        3..=3,
        encoding::packed_threshold,
        "<size> Keeps longer elements of lists apart.",
    ),
    row(
        "RELOAD",
        2..=5,
        disk::reload,
        "[MERGE] [NOFLUSH] [NOSAVE] Saves, forgets and reads everything.",
    ),
    row(
        "REPLICATE",
        3..=ANY,
        switches::replicate,
        "<command> Passes a command to replicas that is not run here.",
    ),
    row(
        "REPLYBUFFER",
        4..=4,
        answers::reply_buffer,
        "<setting> <value> Does nothing: reply buffers have one size.",
    ),
    row("RESTART", 2..=3, ending::restart, "[<milliseconds>] Ends in good order and starts again."),
    row("SDSLEN", 3..=3, encoding::string_len, "<key> Tells how much a key and its string take."),
    row("SEGFAULT", 2..=2, ending::segfault, "Ends the process as a broken pointer would."),
    row(
        "SET-ACTIVE-EXPIRE",
        3..=3,
        switches::set_active_expire,
        "<0|1> Whether keys expire that nobody asks for.",
    ),
    row(
        "SET-DISABLE-DENY-SCRIPTS",
        3..=3,
        switches::allow_in_scripts,
        "<0|1> Lets scripts use commands that they may not.",
    ),
    row(
        "SET-SKIP-CHECKSUM-VALIDATION",
        3..=3,
        switches::skip_checksums,
        "<0|1> Takes payloads with a wrong checksum.",
    ),
    row("SLEEP", 3..=3, answers::sleep, "<seconds> Stands still."),
    row("STRINGMATCH-LEN", 4..=4, answers::match_string, "<len> <pattern> Matches a long text."),
    row(
        "STRINGMATCH-TEST",
        2..=2,
        answers::match_random,
        "Matches random texts against random patterns.",
    ),
    row("STRUCTSIZE", 2..=2, encoding::struct_sizes, "Tells the sizes of some structures."),
    row(
        "ZIPLIST",
        3..=3,
        encoding::listpack,
        "<key> As LISTPACK, which took the place of ziplists.",
    ),
];

fn debug(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (name, count) = (call.arg(1), call.args.len());
    if is(name, "HELP") && count == 2 {
        return help(call);
    }
    let found = ROWS.iter().find(|row| is(name, row.name) && row.counts.contains(&count));
    match found {
        Some(row) => (row.handler)(call),
        None => Err(unknown(call)),
    }
}

fn unknown(call: &Call<'_>) -> ReplyError {
    ReplyError::new(format!(
        "ERR unknown subcommand or wrong number of arguments for '{}'. Try DEBUG HELP.",
        String::from_utf8_lossy(call.arg(1))
    ))
}

fn help(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.array(3 + 2 * ROWS.len());
    call.reply.simple("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    for row in ROWS {
        call.reply.simple(row.name);
        call.reply.simple(&format!("    {}", row.about));
    }
    call.reply.simple("HELP");
    call.reply.simple("    Answers this text.");
    Ok(())
}
