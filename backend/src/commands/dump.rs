//! Values taken out and put in as bytes.
//!
//! Source: redis `src/cluster.c` dumpCommand, restoreCommand.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is};
use crate::data::keyspace::Expired;
use crate::data::rdb::payload::{self, PayloadError};
use crate::data::rdb::write::Compression;
use crate::data::usage::PastUse;
use crate::execute::{Call, Handler};
use crate::notify::Class;

pub(super) const HANDLERS: &[(&str, Handler)] =
    &[("dump", dump), ("restore", restore), ("restore-asking", restore)];

fn dump(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let compression = compression(call);
    match call.node.read(call.at(), call.arg(1)) {
        Some(record) => call.reply.bulk(&payload::write(&record.value, compression)),
        None => call.reply.null(),
    }
    Ok(())
}

/// Whether the settings want long strings compressed.
pub(super) fn compression(call: &Call<'_>) -> Compression {
    call.node.config.settings().disk.compression
}

/// The options of `RESTORE`.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    replaces: bool,
    /// The time to live is a time since 1970.
    is_absolute: bool,
    past_use: PastUse,
}

impl Options {
    fn parse(call: &Call<'_>) -> Result<Options, ReplyError> {
        let mut options = Options::default();
        let mut args = call.args.iter().skip(4);
        while let Some(option) = args.next() {
            if is(option, "REPLACE") {
                options.replaces = true;
            } else if is(option, "ABSTTL") {
                options.is_absolute = true;
            } else if is(option, "IDLETIME") && options.past_use.frequency.is_none() {
                let idle_s = integer(args.next().ok_or(ReplyError::SYNTAX)?)?;
                let idle_s = u64::try_from(idle_s)
                    .map_err(|_| ReplyError::new("ERR Invalid IDLETIME value, must be >= 0"))?;
                options.past_use.idle_s = Some(idle_s);
            } else if is(option, "FREQ") && options.past_use.idle_s.is_none() {
                let frequency = integer(args.next().ok_or(ReplyError::SYNTAX)?)?;
                let frequency = u8::try_from(frequency).map_err(|_| {
                    ReplyError::new("ERR Invalid FREQ value, must be >= 0 and <= 255")
                })?;
                options.past_use.frequency = Some(frequency);
            } else {
                return Err(ReplyError::SYNTAX);
            }
        }
        Ok(options)
    }
}

fn restore(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let key = call.arg(1);
    let at = call.at();
    let options = Options::parse(call)?;
    if !options.replaces && call.node.write(at, key).is_some() {
        return Err(ReplyError::new("BUSYKEY Target key name already exists."));
    }
    let ttl = integer(call.arg(2))?;
    if ttl < 0 {
        return Err(ReplyError::new("ERR Invalid TTL value, must be >= 0"));
    }
    let read =
        if call.node.switches.skips_checksums { payload::read_unchecked } else { payload::read };
    let value = read(call.arg(3), &call.node.rdb_limits()).map_err(|error| match error {
        PayloadError::Footer => ReplyError::new("ERR DUMP payload version or checksum are wrong"),
        PayloadError::Value(reason) => {
            tracing::warn!("Internal error in RDB reading: {reason}");
            ReplyError::new("ERR Bad data format")
        }
    })?;
    let expires_at_ms = match ttl {
        0 => None,
        time if options.is_absolute => Some(time),
        // What does not fit wraps in a Redis, too, and is past then.
        time => Some(time.wrapping_add(at.now_ms)),
    };
    let is_decided_here = call.node.expiry_mode() == Expired::Removed;
    if is_decided_here && expires_at_ms.is_some_and(|time| time <= at.now_ms) {
        remove_replaced(call, key);
    } else {
        call.node.databases[at.db].insert(key, value, expires_at_ms, at.now_ms);
        call.node.databases[at.db].note_past_use(key, options.past_use, at.now_ms);
        propagate_time(call, expires_at_ms, options.is_absolute);
        call.changed(key);
        call.notify(Class::Generic, "restore", key);
    }
    call.reply.ok();
    Ok(())
}

/// A time from now on means another at another time.
fn propagate_time(call: &mut Call<'_>, expires_at_ms: Option<i64>, is_absolute: bool) {
    if let Some(time) = expires_at_ms
        && !is_absolute
    {
        let mut digits = itoa::Buffer::new();
        let time = digits.format(time).as_bytes();
        let mut words: Vec<&[u8]> = call.args.iter().collect();
        words[2] = time;
        words.push(b"ABSTTL");
        call.propagate_as(&words);
    }
}

/// The value that was to come has expired already; the one that it was to replace goes all the same.
fn remove_replaced(call: &mut Call<'_>, key: &[u8]) {
    let at = call.at();
    if call.node.peek(at, key).is_some() {
        call.node.databases[at.db].remove_replaced(key);
        call.propagate_as(&[call.node.expired_removal().word(), key]);
        call.changed(key);
        call.notify(Class::Generic, "del", key);
    }
}
