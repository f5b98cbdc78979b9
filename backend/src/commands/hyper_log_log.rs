//! Strings that count different elements.
//!
//! Source: redis `src/hyperloglog.c`.

use std::fmt::Write as _;

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{is, quoted, string_of};
use crate::data::hyper_log_log::{self as hll, Corrupted, Encoding, REGISTERS, Registers};
use crate::data::keyspace::Record;
use crate::data::string::Str;
use crate::data::value::Value;
use crate::execute::{Call, Handler};
use crate::notify::Class;
use crate::propagate::Reach;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("pfadd", pfadd),
    ("pfcount", pfcount),
    ("pfmerge", pfmerge),
    ("pfdebug", pfdebug),
    ("pfselftest", pfselftest),
];

fn pfadd(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, args) = (call.arg(1), call.args);
    let sparse_max = call.node.config.settings().hll_sparse_bytes_max;
    let mut has_changed = make_if_missing(call, key);
    let bytes = bytes_of(call, key)?;
    for element in args.iter().skip(2) {
        has_changed |= hll::add(bytes, element, sparse_max).map_err(corrupted)?;
    }
    if has_changed {
        hll::expire_cache(bytes);
        call.changed(key);
        call.notify(Class::String, "pfadd", key);
    }
    call.reply.integer(i64::from(has_changed));
    Ok(())
}

fn pfcount(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let estimate = if call.args.len() > 2 { count_union(call)? } else { count_one(call)? };
    // A client may have written any number as the last estimate.
    call.reply.integer(estimate.cast_signed());
    Ok(())
}

fn count_one(call: &mut Call<'_>) -> Result<u64, ReplyError> {
    let (at, key) = (call.at(), call.arg(1));
    let Some(record) = call.node.read(at, key) else { return Ok(0) };
    encoding_of(record)?;
    let bytes = string_of(record)?.make_raw();
    if let Some(estimate) = hll::cached(bytes) {
        return Ok(estimate);
    }
    let estimate = hll::estimate(bytes).map_err(corrupted)?;
    // The estimate kept in the value is a change of it.
    call.changed(key);
    Ok(estimate)
}

fn count_union(call: &mut Call<'_>) -> Result<u64, ReplyError> {
    let (registers, _) = merge_keys(call)?;
    Ok(registers.estimate())
}

/// Merges all keys of the command, missing ones as empty. Whether one of them was dense.
fn merge_keys(call: &mut Call<'_>) -> Result<(Registers, bool), ReplyError> {
    let (at, args) = (call.at(), call.args);
    let (mut registers, mut is_dense) = (Registers::default(), false);
    for key in args.iter().skip(1) {
        let Some(record) = call.node.read(at, key) else { continue };
        is_dense |= encoding_of(record)? == Encoding::Dense;
        let mut digits = itoa::Buffer::new();
        hll::merge(&mut registers, string_of(record)?.bytes(&mut digits)).map_err(corrupted)?;
    }
    Ok((registers, is_dense))
}

fn pfmerge(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let key = call.arg(1);
    let sparse_max = call.node.config.settings().hll_sparse_bytes_max;
    let (registers, is_dense) = merge_keys(call)?;
    make_if_missing(call, key);
    let bytes = bytes_of(call, key)?;
    if is_dense {
        hll::make_dense(bytes).map_err(corrupted)?;
    }
    for (index, value) in registers.filled() {
        hll::raise(bytes, index, value, sparse_max).map_err(corrupted)?;
    }
    hll::expire_cache(bytes);
    call.changed(key);
    call.notify(Class::String, "pfadd", key);
    call.reply.ok();
    Ok(())
}

fn pfdebug(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (subcommand, key) = (call.arg(1), call.arg(2));
    if call.node.write(call.at(), key).is_none() {
        return Err(ReplyError::new("ERR The specified key does not exist"));
    }
    let bytes = bytes_of(call, key)?;
    let encoding = Encoding::of(bytes).map_err(|_| not_one())?;
    if is(subcommand, "GETREG") {
        hll::make_dense(bytes).map_err(corrupted)?;
        let mut values = Vec::with_capacity(REGISTERS);
        hll::for_each_register(bytes, |value| values.push(value));
        propagate_if_sparse(call, encoding);
        call.reply.array(values.len());
        values.into_iter().for_each(|value| call.reply.integer(i64::from(value)));
    } else if is(subcommand, "DECODE") {
        if encoding == Encoding::Dense {
            return Err(ReplyError::new("ERR HLL encoding is not sparse"));
        }
        let text = describe(bytes);
        call.reply.bulk(text.as_bytes());
    } else if is(subcommand, "ENCODING") {
        call.reply.simple(match encoding {
            Encoding::Dense => "dense",
            Encoding::Sparse => "sparse",
        });
    } else if is(subcommand, "TODENSE") {
        hll::make_dense(bytes).map_err(corrupted)?;
        propagate_if_sparse(call, encoding);
        call.reply.integer(i64::from(encoding == Encoding::Sparse));
    } else {
        let name = quoted(subcommand);
        return Err(ReplyError::new(format!("ERR Unknown PFDEBUG subcommand '{name}'")));
    }
    Ok(())
}

/// What was sparse is dense now, everywhere.
fn propagate_if_sparse(call: &mut Call<'_>, before: Encoding) {
    if before == Encoding::Sparse {
        call.propagate_always(Reach::All);
    }
}

/// The runs of a sparse one: `z` and `Z` for zeros, `v` for a value.
fn describe(bytes: &[u8]) -> String {
    let mut text = String::new();
    for run in hll::runs(bytes) {
        let separator = if text.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = match (run.value, run.bytes) {
            (0, 1) => write!(text, "{separator}z:{}", run.len),
            (0, _) => write!(text, "{separator}Z:{}", run.len),
            (value, _) => write!(text, "{separator}v:{value},{}", run.len),
        };
    }
    text
}

/// Elements that the self-test shows, and by how much its estimate may be wrong: five standard errors.
const TEST_ELEMENTS: u32 = 10_000;
const TEST_ERROR_MAX: u64 = 400;

/// Shows many elements to a sparse and to a dense one, which must agree, and be near the truth.
fn pfselftest(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (mut sparse, mut dense) = (hll::empty(), hll::empty());
    hll::make_dense(&mut dense).map_err(corrupted)?;
    let mut estimate = 0;
    for number in 1..=TEST_ELEMENTS {
        let element = number.to_le_bytes();
        let changed = hll::add(&mut sparse, &element, usize::MAX).map_err(corrupted)?;
        let is_same = hll::add(&mut dense, &element, 0).map_err(corrupted)? == changed;
        if !is_same {
            return Err(ReplyError::new("TESTFAILED sparse and dense encodings differ"));
        }
        // Every so often is enough, and the last one decides about the error.
        if number % (TEST_ELEMENTS / 10) == 0 {
            estimate = hll::estimate(&mut dense).map_err(corrupted)?;
            if hll::estimate(&mut sparse).map_err(corrupted)? != estimate {
                return Err(ReplyError::new("TESTFAILED sparse and dense estimates differ"));
            }
        }
    }
    if estimate.abs_diff(u64::from(TEST_ELEMENTS)) > TEST_ERROR_MAX {
        return Err(ReplyError::new("TESTFAILED the estimate is too far from the truth"));
    }
    call.reply.ok();
    Ok(())
}

/// Makes an empty one at a key that is not there. Whether it did.
fn make_if_missing(call: &mut Call<'_>, key: &[u8]) -> bool {
    let at = call.at();
    let is_missing = call.node.write(at, key).is_none();
    if is_missing {
        let value = Value::String(Str::Raw(hll::empty()));
        call.node.databases[at.db].insert(key, value, None, at.now_ms);
    }
    is_missing
}

/// The string at a key that is there, to be changed in place.
fn bytes_of<'c>(call: &'c mut Call<'_>, key: &[u8]) -> Result<&'c mut Vec<u8>, ReplyError> {
    let record = call.node.write(call.at(), key).ok_or(ReplyError::NO_SUCH_KEY)?;
    encoding_of(record)?;
    Ok(string_of(record)?.make_raw())
}

fn encoding_of(record: &mut Record) -> Result<Encoding, ReplyError> {
    Encoding::of(string_of(record)?.bytes(&mut itoa::Buffer::new())).map_err(|_| not_one())
}

fn not_one() -> ReplyError {
    ReplyError::new("WRONGTYPE Key is not a valid HyperLogLog string value.")
}

fn corrupted(_: Corrupted) -> ReplyError {
    ReplyError::new("INVALIDOBJ Corrupted HLL object detected")
}
