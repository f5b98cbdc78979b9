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
use reddoor_protocol::request::parse_integer;

use crate::scripting::fault::{self, Fault};
use crate::scripting::job::Done;
use crate::scripting::number::integer_of;

/// A reply to a command as a Lua value; one that is an error is given back as that.
pub(super) fn to_lua(lua: &Lua, reply: &[u8]) -> Result<std::result::Result<Value, Fault>> {
    if let Some(error) = reply.strip_prefix(b"-") {
        let text = error.strip_suffix(b"\r\n").unwrap_or(error).to_vec();
        return Ok(Err(Fault::Reply { text, is_counted: true }));
    }
    Ok(Ok(Reader { lua, rest: reply }.value()?))
}

/// Reads replies that this node itself has written, so they are whole and nest as deep as commands do.
struct Reader<'a> {
    lua: &'a Lua,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Result<Value> {
        let (kind, line) = self.line();
        let len = parse_integer(line).unwrap_or(-1);
        let count = usize::try_from(len).ok();
        let value = match kind {
            b'+' => self.one("ok", Value::String(self.lua.create_string(line)?))?,
            b'-' => Value::Table(fault::error_table(self.lua, line, true)?),
            b':' => Value::Integer(len),
            b'$' => match count {
                Some(count) => Value::String(self.lua.create_string(self.bytes(count))?),
                None => Value::Boolean(false),
            },
            b'*' | b'>' => match count {
                Some(count) => self.array(count)?,
                None => Value::Boolean(false),
            },
            b'%' => self.map(count.unwrap_or(0))?,
            b'~' => self.set(count.unwrap_or(0))?,
            b',' => {
                let number = reddoor_protocol::double::read_double(line).number;
                self.one("double", Value::Number(number))?
            }
            b'#' => Value::Boolean(line == b"t"),
            b'(' => self.one("big_number", Value::String(self.lua.create_string(line)?))?,
            b'=' => self.verbatim(count.unwrap_or(0))?,
            _ => Value::Nil,
        };
        Ok(value)
    }

    /// The type and the text of the next line.
    fn line(&mut self) -> (u8, &'a [u8]) {
        let end = memchr::memchr(b'\r', self.rest).unwrap_or(self.rest.len());
        let kind = self.rest.first().copied().unwrap_or_default();
        let line = self.rest.get(1..end).unwrap_or_default();
        self.rest = self.rest.get(end + 2..).unwrap_or_default();
        (kind, line)
    }

    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let bytes = self.rest.get(..count).unwrap_or_default();
        self.rest = self.rest.get(count + 2..).unwrap_or_default();
        bytes
    }

    fn one(&self, name: &str, value: Value) -> Result<Value> {
        let table = self.lua.create_table_with_capacity(0, 1)?;
        table.raw_set(name, value)?;
        Ok(Value::Table(table))
    }

    fn array(&mut self, count: usize) -> Result<Value> {
        // Each element takes three bytes at least.
        let table = self.lua.create_table_with_capacity(count.min(self.rest.len()), 0)?;
        for index in 1..=count {
            table.raw_set(index, self.value()?)?;
        }
        Ok(Value::Table(table))
    }

    fn map(&mut self, pairs: usize) -> Result<Value> {
        let table = self.lua.create_table()?;
        for _ in 0..pairs {
            let (key, value) = (self.value()?, self.value()?);
            table.raw_set(key, value)?;
        }
        self.one("map", Value::Table(table))
    }

    fn set(&mut self, count: usize) -> Result<Value> {
        let table = self.lua.create_table()?;
        for _ in 0..count {
            table.raw_set(self.value()?, true)?;
        }
        self.one("set", Value::Table(table))
    }

    fn verbatim(&mut self, count: usize) -> Result<Value> {
        let bytes = self.bytes(count);
        let (format, text) = bytes.split_at(bytes.len().min(4));
        let table = self.lua.create_table_with_capacity(0, 2)?;
        let format = format.get(..3).unwrap_or_default();
        table.raw_set("format", self.lua.create_string(format)?)?;
        table.raw_set("string", self.lua.create_string(text)?)?;
        self.one("verbatim_string", Value::Table(table))
    }
}

/// Levels of tables in tables that become a reply; deeper ones become an error in their place.
///
/// A Redis ends where its Lua stack does: 8000 values, less a few for the call.
const DEPTH_MAX: usize = 7995;

/// Makes replies of Lua values.
pub(super) struct Replier;

impl Replier {
    /// The reply that a script gave.
    pub(super) fn reply(&self, value: &Value, resp: Resp) -> Result<Done> {
        let mut bytes = Vec::new();
        let mut writing = Writing { resp, uncounted: Vec::new() };
        writing.write(&mut bytes, value, 0)?;
        Ok(Done::Replied { bytes, uncounted: writing.uncounted })
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
    let mut bytes = Vec::new();
    let code = write_error(&mut bytes, text);
    Done::Replied { bytes, uncounted: if is_counted { Vec::new() } else { vec![code] } }
}

/// Writes an error line; its code.
fn write_error(out: &mut Vec<u8>, text: &[u8]) -> String {
    write_line(out, b'-', text);
    let code = text.split(|byte| *byte == b' ').next().unwrap_or_default();
    String::from_utf8_lossy(code).into_owned()
}

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
    /// Codes of errors in it that nobody has counted yet.
    uncounted: Vec<String>,
}

impl Writing {
    /// Writes a value and what is in it. The depth is bounded, and the stack is larger than that.
    fn write(&mut self, out: &mut Vec<u8>, value: &Value, depth: usize) -> Result<()> {
        if depth >= DEPTH_MAX {
            self.uncounted.push(write_error(out, b"ERR reached lua stack limit"));
            return Ok(());
        }
        let mut reply = ReplyWriter::new(out, self.resp);
        match value {
            Value::String(text) => reply.bulk(&text.as_bytes()),
            Value::Integer(number) => reply.integer(*number),
            Value::Number(number) => reply.integer(integer_of(*number)),
            Value::Boolean(true) => reply.integer(1),
            Value::Table(table) => return self.table(out, table, depth),
            _ => reply.null(),
        }
        Ok(())
    }

    fn table(&mut self, out: &mut Vec<u8>, table: &Table, depth: usize) -> Result<()> {
        if let Some(text) = text_field(table, "err") {
            let code = write_error(out, &text);
            if !is_counted(table)? {
                self.uncounted.push(code);
            }
            return Ok(());
        }
        if let Some(text) = text_field(table, "ok") {
            write_line(out, b'+', &text);
            return Ok(());
        }
        let double = match table.raw_get::<Value>("double")? {
            Value::Number(number) => Some(number),
            #[expect(clippy::cast_precision_loss, reason = "it was a double before")]
            Value::Integer(number) => Some(number as f64),
            _ => None,
        };
        if let Some(number) = double {
            ReplyWriter::new(out, self.resp).double(number);
            return Ok(());
        }
        if let Value::Table(map) = table.raw_get::<Value>("map")? {
            return self.pairs(out, &map, depth, true);
        }
        if let Value::Table(set) = table.raw_get::<Value>("set")? {
            return self.pairs(out, &set, depth, false);
        }
        if let Some(digits) = text_field(table, "big_number") {
            match self.resp {
                Resp::V2 => ReplyWriter::new(out, self.resp).bulk(&digits),
                Resp::V3 => write_line(out, b'(', &digits),
            }
            return Ok(());
        }
        if let Value::Table(verbatim) = table.raw_get::<Value>("verbatim_string")?
            && let (Some(format), Some(text)) =
                (text_field(&verbatim, "format"), text_field(&verbatim, "string"))
        {
            let mut three = [b' '; 3];
            three.iter_mut().zip(&format).for_each(|(to, from)| *to = *from);
            let format = three.map(char::from).iter().collect::<String>();
            ReplyWriter::new(out, self.resp).verbatim(&format, &text);
            return Ok(());
        }
        self.array(out, table, depth)
    }

    fn array(&mut self, out: &mut Vec<u8>, table: &Table, depth: usize) -> Result<()> {
        let start = out.len();
        let mut count = 0;
        loop {
            let value = table.raw_get::<Value>(count + 1)?;
            if value == Value::Nil {
                break;
            }
            self.write(out, &value, depth + 1)?;
            count += 1;
        }
        self.put_head(out, start, |reply| reply.array(count));
        Ok(())
    }

    /// Writes the keys of a map with their values, or those of a set.
    fn pairs(
        &mut self,
        out: &mut Vec<u8>,
        of: &Table,
        depth: usize,
        has_values: bool,
    ) -> Result<()> {
        let start = out.len();
        let mut count = 0;
        for pair in of.pairs::<Value, Value>() {
            let (key, value) = pair?;
            self.write(out, &key, depth + 1)?;
            if has_values {
                self.write(out, &value, depth + 1)?;
            }
            count += 1;
        }
        self.put_head(
            out,
            start,
            |reply| if has_values { reply.map(count) } else { reply.set(count) },
        );
        Ok(())
    }

    /// Puts a head before elements that are written already.
    fn put_head(&self, out: &mut Vec<u8>, start: usize, write: impl Fn(&mut ReplyWriter<'_>)) {
        let mut head = Vec::new();
        write(&mut ReplyWriter::new(&mut head, self.resp));
        out.splice(start..start, head);
    }
}

/// Writes a line, whatever the text holds. A text of C ends at its first zero byte.
fn write_line(out: &mut Vec<u8>, kind: u8, text: &[u8]) {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    out.push(kind);
    out.extend(text.iter().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { *b }));
    out.extend_from_slice(b"\r\n");
}
