//! Data as the commands that make it: a base that anybody can read.
//!
//! Elements of a collection are added at most 64 at a time, so that reading them holds nobody up.
//!
//! Source: redis `src/aof.c` rewriteAppendOnlyFileRio.

use std::io::{self, Write};

use reddoor_protocol::double::double_text;
use reddoor_protocol::encode::encode_request;

use crate::data::keyspace::Keyspace;
use crate::data::pace::Pace;
use crate::data::stream::Stream;
use crate::data::stream::group::Group;
use crate::data::stream::id::Id;
use crate::data::value::Value;

/// Elements of one command (count). Source: redis `src/server.h` AOF_REWRITE_ITEMS_PER_CMD.
const ITEMS_MAX: usize = 64;

/// Bytes that are gathered before they are written.
const PIECE_BYTES: usize = 64 * 1024;

/// Keys between two reports of progress (count).
const KEYS_PER_REPORT: u64 = 1024;

/// Writes all databases and libraries of functions. `report` hears how many keys have been written, now and then.
///
/// # Errors
/// The first one of `out`.
pub(crate) fn write(
    databases: &[Keyspace],
    libraries: &[&[u8]],
    pace: Pace,
    out: &mut dyn Write,
    report: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let mut piece = Piece { bytes: Vec::new(), out };
    for library in libraries {
        piece.command(&[b"FUNCTION", b"LOAD", library])?;
    }
    let mut keys_count = 0;
    for (number, database) in databases.iter().enumerate().filter(|(_, d)| d.len() > 0) {
        piece.command(&[b"SELECT", number.to_string().as_bytes()])?;
        for (key, record) in database.iter() {
            write_value(key, &record.value, &mut piece)?;
            if record.is_volatile()
                && let Some(time) = database.expires_at_ms(key)
            {
                piece.command(&[b"PEXPIREAT", key, time.to_string().as_bytes()])?;
            }
            keys_count += 1;
            pace.wait(keys_count);
            if keys_count % KEYS_PER_REPORT == 0 {
                report(keys_count);
            }
        }
    }
    report(keys_count);
    piece.pass_on()
}

/// Gathers commands.
struct Piece<'a> {
    bytes: Vec<u8>,
    out: &'a mut dyn Write,
}

impl Piece<'_> {
    fn command(&mut self, words: &[&[u8]]) -> io::Result<()> {
        encode_request(&mut self.bytes, words.iter().copied());
        if self.bytes.len() < PIECE_BYTES {
            return Ok(());
        }
        self.pass_on()
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.out.write_all(&self.bytes)?;
        self.bytes.clear();
        Ok(())
    }

    /// One command for each handful of elements; each takes one word or more.
    fn in_handfuls<const N: usize>(
        &mut self,
        name: &[u8],
        key: &[u8],
        elements: impl Iterator<Item = [Vec<u8>; N]>,
    ) -> io::Result<()> {
        let mut elements = elements.peekable();
        while elements.peek().is_some() {
            let handful: Vec<_> = elements.by_ref().take(ITEMS_MAX).collect();
            let mut words = vec![name, key];
            words.extend(handful.iter().flatten().map(Vec::as_slice));
            self.command(&words)?;
        }
        Ok(())
    }
}

fn write_value(key: &[u8], value: &Value, out: &mut Piece<'_>) -> io::Result<()> {
    match value {
        Value::String(string) => {
            out.command(&[b"SET", key, string.bytes(&mut itoa::Buffer::new())])
        }
        Value::List(list) => out.in_handfuls(b"RPUSH", key, list.iter().map(|e| [e.to_vec()])),
        Value::Set(set) => out.in_handfuls(b"SADD", key, set.iter().map(|m| [m.to_vec()])),
        Value::Hash(hash) => {
            out.in_handfuls(b"HMSET", key, hash.iter().map(|(f, v)| [f.to_vec(), v.to_vec()]))
        }
        Value::SortedSet(set) => {
            let pairs = set.iter().map(|(name, score)| [double_text(score), name.to_vec()]);
            out.in_handfuls(b"ZADD", key, pairs)
        }
        Value::Stream(stream) => write_stream(key, stream, out),
    }
}

fn write_stream(key: &[u8], stream: &Stream, out: &mut Piece<'_>) -> io::Result<()> {
    let marks = stream.marks();
    if marks.len == 0 {
        // One entry is added and trimmed at once, to have an empty stream.
        out.command(&[b"XADD", key, b"MAXLEN", b"0", b"0-1", b"x", b"y"])?;
    }
    for entry in stream.range(Id::MIN, Id::MAX) {
        let id = entry.id.text();
        let mut words: Vec<&[u8]> = vec![b"XADD", key, id.as_bytes()];
        let fields: Vec<Vec<u8>> =
            entry.fields().flat_map(|(field, value)| [field.to_vec(), value.to_vec()]).collect();
        words.extend(fields.iter().map(Vec::as_slice));
        out.command(&words)?;
    }
    out.command(&[
        b"XSETID",
        key,
        marks.last_id.text().as_bytes(),
        b"ENTRIESADDED",
        marks.entries_added.to_string().as_bytes(),
        b"MAXDELETEDID",
        marks.max_deleted_id.text().as_bytes(),
    ])?;
    for (name, group) in stream.groups() {
        write_group(key, name, group, out)?;
    }
    Ok(())
}

fn write_group(key: &[u8], name: &[u8], group: &Group, out: &mut Piece<'_>) -> io::Result<()> {
    let (last_id, read) = (group.last_id.text(), group.entries_read);
    let read = read.map_or_else(|| "-1".to_owned(), |read| read.to_string());
    let words: [&[u8]; 7] =
        [b"XGROUP", b"CREATE", key, name, last_id.as_bytes(), b"ENTRIESREAD", read.as_bytes()];
    out.command(&words)?;
    for consumer in group.consumers() {
        out.command(&[b"XGROUP", b"CREATECONSUMER", key, name, &consumer.name])?;
        for id in &consumer.pending {
            let Some(pending) = group.pending().get(id) else { continue };
            let (id, time) = (id.text(), pending.delivered_at_ms.to_string());
            out.command(&[
                b"XCLAIM",
                key,
                name,
                &consumer.name,
                b"0",
                id.as_bytes(),
                b"TIME",
                time.as_bytes(),
                b"RETRYCOUNT",
                pending.deliveries.to_string().as_bytes(),
                b"JUSTID",
                b"FORCE",
            ])?;
        }
    }
    Ok(())
}
