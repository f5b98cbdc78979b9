//! From MessagePack to Lua values.

use mlua::{Lua, MultiValue, Result, Value};

use crate::scripting::fault;
use crate::scripting::libraries::arguments::Arguments;

/// Values of one call (count); and structures in structures.
const VALUES_MAX: usize = 7900;
const DEPTH_MAX: usize = 3900;

const TOO_MANY: &str =
    "stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)";

/// Everything in a text.
pub(super) fn all(lua: &Lua, args: &MultiValue) -> Result<MultiValue> {
    unpack(lua, args, 0, 0)
}

/// One value, and where the next one begins.
pub(super) fn one(lua: &Lua, args: &MultiValue) -> Result<MultiValue> {
    let offset = Arguments::new(lua, args).integer_or(2, 0)?;
    unpack(lua, args, 1, offset)
}

/// So many values, and where the next one begins.
pub(super) fn some(lua: &Lua, args: &MultiValue) -> Result<MultiValue> {
    let arguments = Arguments::new(lua, args);
    let limit = arguments.integer(2)?;
    let offset = arguments.integer_or(3, 0)?;
    unpack(lua, args, limit, offset)
}

/// What is left of a number in C's `int`.
#[expect(clippy::cast_possible_truncation, reason = "C cuts it off")]
fn int(number: i64) -> i64 {
    i64::from(number as i32)
}

fn unpack(lua: &Lua, args: &MultiValue, limit: i64, offset: i64) -> Result<MultiValue> {
    let text = Arguments::new(lua, args).bytes(1)?;
    let (Ok(count), Ok(start)) = (usize::try_from(limit), usize::try_from(offset)) else {
        let (offset, len) = (int(offset), text.len());
        let text = format!("Invalid request to unpack with offset of {offset} and limit of {len}.");
        return Err(fault::text(lua, text));
    };
    if start > text.len() {
        let (offset, len) = (int(offset), text.len());
        let text = format!("Start offset {offset} greater than input length {len}.");
        return Err(fault::text(lua, text));
    }
    let is_all = limit == 0 && offset == 0;
    let mut reader = Reader { lua, text: &text, at: start };
    let mut values = Vec::new();
    while reader.at < text.len() && (is_all || values.len() < count) {
        if values.len() >= VALUES_MAX {
            return Err(fault::text(lua, TOO_MANY));
        }
        values.push(reader.value(0)?);
    }
    if !is_all {
        let end = i64::try_from(reader.at).unwrap_or(-1);
        values.insert(0, Value::Integer(if reader.at == text.len() { -1 } else { end }));
    }
    Ok(MultiValue::from_vec(values))
}

struct Reader<'a> {
    lua: &'a Lua,
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn missing(&self) -> mlua::Error {
        fault::text(self.lua, "Missing bytes in input.")
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count).ok_or_else(|| self.missing())?;
        let bytes = self.text.get(self.at..end).ok_or_else(|| self.missing())?;
        self.at = end;
        Ok(bytes)
    }

    /// A number of so many bytes, the highest first.
    fn unsigned(&mut self, count: usize) -> Result<u64> {
        let bytes = self.bytes(count)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn len(&mut self, count: usize) -> Result<usize> {
        Ok(usize::try_from(self.unsigned(count)?).unwrap_or(usize::MAX))
    }

    fn text(&mut self, len: usize) -> Result<Value> {
        let lua = self.lua;
        Ok(Value::String(lua.create_string(self.bytes(len)?)?))
    }

    #[expect(clippy::cast_precision_loss, reason = "Lua has no other numbers")]
    #[expect(clippy::cast_possible_truncation, reason = "the type says how many bytes there are")]
    fn value(&mut self, depth: usize) -> Result<Value> {
        if depth > DEPTH_MAX {
            return Err(fault::text(
                self.lua,
                "stack overflow (in function mp_decode_to_lua_type)",
            ));
        }
        let kind = self.unsigned(1)? as u8;
        Ok(match kind {
            0x00..=0x7f => Value::Integer(i64::from(kind)),
            0xe0..=0xff => Value::Integer(i64::from(kind.cast_signed())),
            0x80..=0x8f => self.map(usize::from(kind & 0x0f), depth)?,
            0x90..=0x9f => self.array(usize::from(kind & 0x0f), depth)?,
            0xa0..=0xbf => self.text(usize::from(kind & 0x1f))?,
            0xc0 => Value::Nil,
            0xc2 | 0xc3 => Value::Boolean(kind == 0xc3),
            0xca => Value::Number(f64::from(f32::from_bits(self.unsigned(4)? as u32))),
            0xcb => Value::Number(f64::from_bits(self.unsigned(8)?)),
            0xcc..=0xcf => Value::Number(self.unsigned(1 << (kind - 0xcc))? as f64),
            0xd0 => Value::Integer(i64::from(self.unsigned(1)? as i8)),
            0xd1 => Value::Integer(i64::from(self.unsigned(2)? as i16)),
            0xd2 => Value::Integer(i64::from(self.unsigned(4)? as i32)),
            0xd3 => Value::Number(self.unsigned(8)?.cast_signed() as f64),
            0xd9..=0xdb => {
                let len = self.len(1 << (kind - 0xd9))?;
                self.text(len)?
            }
            0xdc | 0xdd => {
                let len = self.len(if kind == 0xdc { 2 } else { 4 })?;
                self.array(len, depth)?
            }
            0xde | 0xdf => {
                let len = self.len(if kind == 0xde { 2 } else { 4 })?;
                self.map(len, depth)?
            }
            _ => return Err(fault::text(self.lua, "Bad data format in input.")),
        })
    }

    fn array(&mut self, len: usize, depth: usize) -> Result<Value> {
        let table = self.lua.create_table()?;
        for index in 1..=len {
            table.raw_set(index, self.value(depth + 1)?)?;
        }
        Ok(Value::Table(table))
    }

    fn map(&mut self, len: usize, depth: usize) -> Result<Value> {
        let table = self.lua.create_table()?;
        for _ in 0..len {
            let (key, value) = (self.value(depth + 1)?, self.value(depth + 1)?);
            match key {
                Value::Nil => {
                    return Err(mlua::Error::RuntimeError("table index is nil".to_owned()));
                }
                Value::Number(number) if number.is_nan() => {
                    return Err(mlua::Error::RuntimeError("table index is NaN".to_owned()));
                }
                key => table.raw_set(key, value)?,
            }
        }
        Ok(Value::Table(table))
    }
}
