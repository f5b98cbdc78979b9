//! Between replies and Lua values.
//!
//! | reply | Lua |
//! |---|---|
//! | integer, bulk, array | number, string, table |
//! | simple string, error | `{ok=…}`, `{err=…}` |
//! | null in RESP2 | false |
//! | map, set, double, big number, verbatim, null, boolean (`redis.setresp(3)`) | `{map=…}`, `{set=…}`, `{double=…}`, `{big_number=…}`, `{verbatim_string=…}`, nil, boolean |
//!
//! Back again: numbers lose what is behind the point, an array ends at the first nil, false is a null.
//!
//! Source: redis `src/script_lua.c` redisProtocolToLuaType, luaReplyToRedisReply.

use mlua::{Lua, LuaString, Result, Table, Value};
use reddoor_protocol::encode::{ReplyWriter, Resp};

use crate::scripting::fault;
use crate::scripting::job::{Done, Errors};
use crate::scripting::machine::Shared;
use crate::scripting::number::integer_of;

/// Levels of tables in tables that become a reply; deeper ones become an error in their place.
///
/// A Redis ends where its Lua stack does: 8000 values, less a few for the call.
const DEPTH_MAX: usize = 7995;

/// Elements that are written between two looks at the clock.
const LOOK_ELEMENTS: u64 = 1024;

/// Makes replies of Lua values.
pub(super) struct Replier;

impl Replier {
    /// The reply that a script gave.
    ///
    /// # Errors
    /// It is too large, or the script was killed.
    pub(super) fn reply(
        &self,
        lua: &Lua,
        shared: &Shared,
        value: &Value,
        resp: Resp,
    ) -> Result<Done> {
        let has_booleans = shared.resp.get() == Resp::V3;
        let (out, heads, errors) = (Vec::new(), Vec::new(), Errors::default());
        let mut writing = Writing { resp, has_booleans, out, heads, errors };
        writing.write(lua, shared, value)?;
        let bytes = writing.with_heads();
        Ok(Done::Replied { bytes, errors: writing.errors })
    }

    /// The reply for an error that ended a script of this name.
    pub(super) fn error(&self, lua: &Lua, raised: Value, name: &str) -> Result<Done> {
        let Ok(Value::Table(table)) = fault::settle(lua, raised.clone()) else {
            // Memory ran out before the place of the error could be told.
            let text = self.error_text(lua, raised)?;
            return Ok(failed(&text, false));
        };
        let mut text = text_field(&table, "err").unwrap_or_else(|| b"ERR unknown error".to_vec());
        text.truncate(memchr::memchr(0, &text).unwrap_or(text.len()));
        if let (Ok(source), Ok(line)) =
            (table.raw_get::<LuaString>("source"), table.raw_get::<i64>("line"))
        {
            text.extend_from_slice(format!(" script: {name}, on ").as_bytes());
            text.extend_from_slice(&source.as_bytes());
            text.extend_from_slice(format!(":{line}.").as_bytes());
        }
        Ok(failed(&text, is_counted(&table)?))
    }

    /// The words of an error alone.
    pub(super) fn error_text(&self, lua: &Lua, raised: Value) -> Result<Vec<u8>> {
        Ok(match fault::settle(lua, raised)? {
            Value::Table(table) => text_field(&table, "err").unwrap_or_default(),
            Value::String(text) => text.as_bytes().to_vec(),
            _ => b"unknown error".to_vec(),
        })
    }
}

fn failed(text: &[u8], is_counted: bool) -> Done {
    let (mut bytes, mut errors) = (Vec::new(), Errors::default());
    write_error(&mut bytes, text, is_counted, &mut errors);
    Done::Replied { bytes, errors }
}

/// Writes an error line, and notes its code if nobody has counted it.
fn write_error(out: &mut Vec<u8>, text: &[u8], is_counted: bool, errors: &mut Errors) {
    write_line(out, b'-', text);
    if is_counted {
        errors.counted += 1;
        return;
    }
    // What is no code, for it is too long or nothing stands behind it, counts as one.
    let code = memchr::memchr(b' ', &text[..text.len().min(CODE_BYTES_MAX + 1)]);
    let code = code.map_or(&b"ERR"[..], |end| &text[..end]);
    errors.uncounted.push(String::from_utf8_lossy(code).into_owned());
}

/// The longest code of an error (bytes).
const CODE_BYTES_MAX: usize = 30;

fn is_counted(table: &Table) -> Result<bool> {
    Ok(matches!(table.raw_get::<Value>("ignore_error_stats_update")?, Value::Boolean(true)))
}

/// A field that is a string.
fn text_field(table: &Table, name: &str) -> Option<Vec<u8>> {
    match table.raw_get::<Value>(name).ok()? {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        _ => None,
    }
}

/// A reply being written.
struct Writing {
    resp: Resp,
    /// Whether the script knows booleans, as `redis.setresp(3)` has it; otherwise they are 1 and null.
    has_booleans: bool,
    /// All of it but the heads of arrays, whose lengths are known behind their last elements.
    out: Vec<u8>,
    heads: Vec<Head>,
    errors: Errors,
}

/// The head of an array, to be put into the reply.
struct Head {
    at: usize,
    count: usize,
}

/// A table whose elements are being written.
struct Open {
    elements: Table,
    written: usize,
    /// The head of an array, which ends at its first nil; other tables end behind so many elements.
    end: End,
}

enum End {
    Nil { head: usize },
    Count(usize),
}

impl Open {
    /// The next element; `None` behind the last one.
    fn next(&mut self) -> Result<Option<Value>> {
        if matches!(self.end, End::Count(count) if self.written == count) {
            return Ok(None);
        }
        let value = self.elements.raw_get::<Value>(self.written + 1)?;
        if value == Value::Nil {
            return Ok(None);
        }
        self.written += 1;
        Ok(Some(value))
    }
}

impl Writing {
    /// Writes a value and what is in it.
    fn write(&mut self, lua: &Lua, shared: &Shared, value: &Value) -> Result<()> {
        let Some(mut open) = self.begin(lua, value)? else { return Ok(()) };
        // Lua keeps the tables around the one at hand, since the bridge has room for a few thousand values only.
        let around = lua.create_table()?;
        let mut ways_back: Vec<(usize, End)> = Vec::new();
        let mut steps: u64 = 0;
        loop {
            steps += 1;
            // A table may stand in others many times.
            if self.bytes() > shared.string_bytes_max() {
                return Err(fault::out_of_memory());
            }
            if steps.is_multiple_of(LOOK_ELEMENTS) {
                shared.look()?;
            }
            let Some(element) = open.next()? else {
                self.finish(&open);
                let Some((written, end)) = ways_back.pop() else { return Ok(()) };
                open = Open { elements: around.raw_get(ways_back.len() + 1)?, written, end };
                continue;
            };
            if ways_back.len() + 1 >= DEPTH_MAX {
                let text = b"ERR reached lua stack limit";
                write_error(&mut self.out, text, false, &mut self.errors);
            } else if let Some(inner) = self.begin(lua, &element)? {
                let outer = std::mem::replace(&mut open, inner);
                around.raw_set(ways_back.len() + 1, outer.elements)?;
                ways_back.push((outer.written, outer.end));
            }
        }
    }

    /// Memory of what is written.
    fn bytes(&self) -> usize {
        self.out.len() + self.heads.len() * size_of::<Head>()
    }

    /// Writes a value, but of a table only the beginning: its elements are to be written next.
    fn begin(&mut self, lua: &Lua, value: &Value) -> Result<Option<Open>> {
        let mut reply = ReplyWriter::new(&mut self.out, self.resp);
        match value {
            Value::String(text) => reply.bulk(&text.as_bytes()),
            Value::Integer(number) => reply.integer(*number),
            Value::Number(number) => reply.integer(integer_of(*number)),
            Value::Boolean(value) if self.has_booleans => reply.boolean(*value),
            Value::Boolean(true) => reply.integer(1),
            Value::Table(table) => return self.begin_table(lua, table),
            _ => reply.null(),
        }
        Ok(None)
    }

    fn begin_table(&mut self, lua: &Lua, table: &Table) -> Result<Option<Open>> {
        if let Some(text) = text_field(table, "err") {
            write_error(&mut self.out, &text, is_counted(table)?, &mut self.errors);
            return Ok(None);
        }
        if let Some(text) = text_field(table, "ok") {
            write_line(&mut self.out, b'+', &text);
            return Ok(None);
        }
        let double = match table.raw_get::<Value>("double")? {
            Value::Number(number) => Some(number),
            #[expect(clippy::cast_precision_loss, reason = "it was a double before")]
            Value::Integer(number) => Some(number as f64),
            _ => None,
        };
        let mut reply = ReplyWriter::new(&mut self.out, self.resp);
        if let Some(number) = double {
            reply.double(number);
            return Ok(None);
        }
        if let Value::Table(map) = table.raw_get::<Value>("map")? {
            let (elements, count) = flattened(lua, &map, true)?;
            reply.map(count / 2);
            return Ok(Some(Open { elements, written: 0, end: End::Count(count) }));
        }
        if let Value::Table(set) = table.raw_get::<Value>("set")? {
            let (elements, count) = flattened(lua, &set, false)?;
            reply.set(count);
            return Ok(Some(Open { elements, written: 0, end: End::Count(count) }));
        }
        if let Some(digits) = text_field(table, "big_number") {
            match self.resp {
                Resp::V2 => reply.bulk(&digits.iter().map(in_line).collect::<Vec<_>>()),
                Resp::V3 => write_line(&mut self.out, b'(', &digits),
            }
            return Ok(None);
        }
        if let Value::Table(verbatim) = table.raw_get::<Value>("verbatim_string")?
            && let (Some(format), Some(text)) =
                (text_field(&verbatim, "format"), text_field(&verbatim, "string"))
        {
            let mut three = [b' '; 3];
            three.iter_mut().zip(&format).for_each(|(to, from)| *to = *from);
            match self.resp {
                Resp::V2 => reply.bulk(&text),
                // The format may be any bytes.
                Resp::V3 => {
                    let head = format!("={}\r\n", text.len() + 4);
                    reply.raw(&[head.as_bytes(), &three, b":", &text, b"\r\n"].concat());
                }
            }
            return Ok(None);
        }
        let head = self.heads.len();
        self.heads.push(Head { at: self.out.len(), count: 0 });
        Ok(Some(Open { elements: table.clone(), written: 0, end: End::Nil { head } }))
    }

    fn finish(&mut self, open: &Open) {
        if let End::Nil { head } = open.end {
            self.heads[head].count = open.written;
        }
    }

    /// The whole reply.
    fn with_heads(&mut self) -> Vec<u8> {
        if self.heads.is_empty() {
            return std::mem::take(&mut self.out);
        }
        let mut whole = Vec::with_capacity(self.out.len() + 8 * self.heads.len());
        let mut taken = 0;
        for head in &self.heads {
            whole.extend_from_slice(&self.out[taken..head.at]);
            taken = head.at;
            ReplyWriter::new(&mut whole, self.resp).array(head.count);
        }
        whole.extend_from_slice(&self.out[taken..]);
        whole
    }
}

/// The keys of a table with their values, or without them, as a sequence; and its length.
fn flattened(lua: &Lua, table: &Table, has_values: bool) -> Result<(Table, usize)> {
    let (elements, mut count) = (lua.create_table()?, 0);
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        for element in std::iter::once(key).chain(has_values.then_some(value)) {
            count += 1;
            elements.raw_set(count, element)?;
        }
    }
    Ok((elements, count))
}

/// Writes a line, whatever the text holds. A text of C ends at its first zero byte.
fn write_line(out: &mut Vec<u8>, kind: u8, text: &[u8]) {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    out.push(kind);
    out.extend(text.iter().map(in_line));
    out.extend_from_slice(b"\r\n");
}

/// A byte of a text that must stay in one line.
fn in_line(byte: &u8) -> u8 {
    if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }
}
