//! `MEMORY`.

mod doctor;

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is};
use crate::commands::memory_use::MemoryUse;
use crate::data::key::Key;
use crate::data::keyspace::RECORD_BYTES;
use crate::execute::Call;

/// Parts of a large value that are looked at (count). Source: redis `src/object.c` OBJ_COMPUTE_SIZE_DEF_SAMPLES.
const SAMPLES_DEFAULT: usize = 5;

pub(super) fn usage(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let mut samples = SAMPLES_DEFAULT;
    let mut index = 3;
    while index < call.args.len() {
        if !is(call.arg(index), "SAMPLES") || index + 1 >= call.args.len() {
            return Err(ReplyError::SYNTAX);
        }
        let count = integer(call.arg(index + 1))?;
        samples = match usize::try_from(count).map_err(|_| ReplyError::SYNTAX)? {
            0 => usize::MAX,
            count => count,
        };
        index += 2;
    }
    let key = call.arg(2);
    match call.node.peek(call.at(), key) {
        Some(record) => {
            let bytes =
                RECORD_BYTES + Key::from(key).heap_bytes() + record.value.heap_bytes(samples);
            call.reply.integer(number(bytes));
        }
        None => call.reply.null(),
    }
    Ok(())
}

pub(super) fn stats(call: &mut Call<'_>) -> Result<(), ReplyError> {
    /// Names of the reply beside those of databases (count).
    const NAMES: usize = 27;
    let memory = MemoryUse::of(call);
    call.reply.map(NAMES + memory.tables.len());
    for (name, bytes) in [
        ("peak.allocated", memory.peak),
        ("total.allocated", memory.used),
        ("startup.allocated", memory.at_start),
        ("replication.backlog", memory.backlog),
        ("clients.slaves", memory.replicas),
        ("clients.normal", memory.clients),
        ("cluster.links", memory.links),
        ("aof.buffer", memory.append),
        ("lua.caches", memory.scripts),
        ("functions.caches", memory.functions),
    ] {
        write_bytes(call, name, bytes);
    }
    for (database, keys, volatile) in &memory.tables {
        call.reply.bulk(format!("db.{database}").as_bytes());
        call.reply.map(3);
        write_bytes(call, "overhead.hashtable.main", *keys);
        write_bytes(call, "overhead.hashtable.expires", *volatile);
        // Slots have tables of their own, which are those above.
        write_bytes(call, "overhead.hashtable.slot-to-keys", 0);
    }
    write_bytes(call, "overhead.total", memory.overhead());
    write_bytes(call, "keys.count", memory.keys);
    write_bytes(call, "keys.bytes-per-key", memory.bytes_per_key());
    write_bytes(call, "dataset.bytes", memory.dataset());
    write_ratio(call, "dataset.percentage", memory.dataset_percent());
    write_ratio(call, "peak.percentage", memory.peak_percent());
    write_bytes(call, "allocator.allocated", memory.used);
    write_bytes(call, "allocator.active", memory.resident);
    write_bytes(call, "allocator.resident", memory.resident);
    write_fragmentation(call, &memory);
    Ok(())
}

/// What the C library does not tell apart: see `INFO memory`.
fn write_fragmentation(call: &mut Call<'_>, memory: &MemoryUse) {
    let excess = i64::try_from(memory.fragmentation_bytes()).unwrap_or(i64::MAX);
    for (name, ratio, bytes) in [
        ("allocator-fragmentation", memory.fragmentation(), excess),
        ("allocator-rss", 1.0, 0),
        ("rss-overhead", 1.0, 0),
        ("fragmentation", memory.fragmentation(), excess),
    ] {
        let ratio_name =
            if name == "fragmentation" { name.to_owned() } else { format!("{name}.ratio") };
        write_ratio(call, &ratio_name, ratio);
        call.reply.bulk(format!("{name}.bytes").as_bytes());
        call.reply.integer(bytes);
    }
}

fn write_bytes(call: &mut Call<'_>, name: &str, bytes: usize) {
    call.reply.bulk(name.as_bytes());
    call.reply.integer(number(bytes));
}

fn write_ratio(call: &mut Call<'_>, name: &str, ratio: f64) {
    call.reply.bulk(name.as_bytes());
    call.reply.double(ratio);
}

fn number(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

pub(super) fn doctor(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let clients = call.node.clients.len();
    let report = doctor::report(&MemoryUse::of(call), clients);
    call.reply.verbatim("txt", report.as_bytes());
    Ok(())
}

pub(super) fn purge(call: &mut Call<'_>) -> Result<(), ReplyError> {
    // The allocator gives memory back by itself.
    call.reply.ok();
    Ok(())
}

pub(super) fn malloc_stats(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.verbatim("txt", b"Stats not supported for the current allocator");
    Ok(())
}
