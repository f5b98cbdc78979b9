//! `struct`: values as bytes by a format, and back.
//!
//! Source: struct 0.2 for Lua, <http://www.inf.puc-rio.br/~roberto/struct/>

use mlua::{Lua, LuaString, MultiValue, Result, Table, Value};

use crate::scripting::fault;
use crate::scripting::libraries::arguments::Arguments;

/// Bytes of the largest integer.
const INTEGER_BYTES_MAX: usize = 32;
/// The alignment that `!` alone asks for.
const ALIGN_MAX: usize = 8;
/// Values of one call (count).
const VALUES_MAX: usize = 7900;

pub(super) fn table(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("pack", lua.create_function(|lua, args: MultiValue| pack(lua, &args))?)?;
    table.raw_set("unpack", lua.create_function(|lua, args: MultiValue| unpack(lua, &args))?)?;
    table.raw_set("size", lua.create_function(|lua, args: MultiValue| size(lua, &args))?)?;
    Ok(table)
}

/// A format being read.
struct Format<'a> {
    lua: &'a Lua,
    arguments: &'a Arguments<'a>,
    text: &'a [u8],
    at: usize,
    is_little: bool,
    align: usize,
}

/// One option of a format.
struct Item {
    option: u8,
    /// Bytes; 0 where the value says it, or there is none.
    size: usize,
}

impl<'a> Format<'a> {
    fn new(lua: &'a Lua, arguments: &'a Arguments<'a>, text: &'a [u8]) -> Format<'a> {
        Format { lua, arguments, text, at: 0, is_little: cfg!(target_endian = "little"), align: 1 }
    }

    fn next(&mut self) -> Result<Option<Item>> {
        // A text of C ends at its first zero byte.
        let Some(option) = self.text.get(self.at).copied().filter(|byte| *byte != 0) else {
            return Ok(None);
        };
        self.at += 1;
        let size = match option {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'f' => 4,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'c' => self.number(1)?,
            b'i' | b'I' => {
                let size = self.number(4)?;
                if size > INTEGER_BYTES_MAX {
                    let text =
                        format!("integral size {size} is larger than limit of {INTEGER_BYTES_MAX}");
                    return Err(fault::text(self.lua, text));
                }
                size
            }
            _ => 0,
        };
        Ok(Some(Item { option, size }))
    }

    fn number(&mut self, default: usize) -> Result<usize> {
        if !self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            return Ok(default);
        }
        let mut number: usize = 0;
        while let Some(digit) = self.text.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            let digit = usize::from(digit - b'0');
            if number > i32::MAX as usize / 10 || number * 10 > i32::MAX as usize - digit {
                return Err(fault::text(self.lua, "integral size overflow"));
            }
            number = number * 10 + digit;
            self.at += 1;
        }
        Ok(number)
    }

    /// Bytes to be left out before an item at this offset.
    fn padding(&self, item: &Item, offset: usize) -> usize {
        if item.size == 0 || item.option == b'c' {
            return 0;
        }
        let size = item.size.min(self.align);
        size.wrapping_sub(offset & size.wrapping_sub(1)) & size.wrapping_sub(1)
    }

    /// What is no value: byte order, alignment, spaces.
    fn control(&mut self, option: u8) -> Result<()> {
        match option {
            b' ' => {}
            b'>' => self.is_little = false,
            b'<' => self.is_little = true,
            b'!' => {
                let align = self.number(ALIGN_MAX)?;
                if !align.is_power_of_two() {
                    let text = format!("alignment {align} is not a power of 2");
                    return Err(fault::text(self.lua, text));
                }
                self.align = align;
            }
            _ => {
                let reason = [b"invalid format option '", &[option][..], b"'"].concat();
                return Err(self.arguments.fail(1, reason));
            }
        }
        Ok(())
    }

    /// Puts bytes from the lowest on into the format's order.
    fn ordered(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        if !self.is_little {
            bytes.reverse();
        }
        bytes
    }
}

fn pack(lua: &Lua, args: &MultiValue) -> Result<LuaString> {
    // The original has a nil behind its arguments, and says so where one is missing.
    let mut args = args.clone();
    args.push_back(Value::Nil);
    let arguments = Arguments::new(lua, &args);
    let text = arguments.bytes(1)?;
    let mut format = Format::new(lua, &arguments, &text);
    let (mut out, mut index) = (Vec::new(), 2);
    while let Some(item) = format.next()? {
        out.resize(out.len() + format.padding(&item, out.len()), 0);
        match item.option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let bytes = integer_bytes(arguments.number(index)?, item.size);
                out.extend(format.ordered(bytes));
                index += 1;
            }
            b'x' => out.push(0),
            #[expect(clippy::cast_possible_truncation, reason = "a float was asked for")]
            b'f' => {
                let number = arguments.number(index)? as f32;
                out.extend(format.ordered(number.to_le_bytes().to_vec()));
                index += 1;
            }
            b'd' => {
                let number = arguments.number(index)?;
                out.extend(format.ordered(number.to_le_bytes().to_vec()));
                index += 1;
            }
            b'c' | b's' => {
                let value = arguments.bytes(index)?;
                index += 1;
                let size = if item.size == 0 { value.len() } else { item.size };
                let Some(value) = value.get(..size) else {
                    return Err(arguments.fail(index, "string too short"));
                };
                out.extend_from_slice(value);
                if item.option == b's' {
                    out.push(0);
                }
            }
            option => format.control(option)?,
        }
    }
    lua.create_string(out)
}

/// The low bytes of a number, the lowest first.
fn integer_bytes(number: f64, size: usize) -> Vec<u8> {
    const END: f64 = 18_446_744_073_709_551_616.0;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    #[expect(clippy::cast_sign_loss, reason = "the range is checked")]
    let whole = if number >= END {
        0
    } else if number >= 0.0 {
        number as u64
    } else {
        crate::scripting::number::integer_of(number).cast_unsigned()
    };
    let mut bytes = whole.to_le_bytes().to_vec();
    bytes.resize(size, 0);
    bytes
}

fn unpack(lua: &Lua, args: &MultiValue) -> Result<MultiValue> {
    let arguments = Arguments::new(lua, args);
    let (text, data) = (arguments.bytes(1)?, arguments.bytes(2)?);
    let mut format = Format::new(lua, &arguments, &text);
    let start = arguments.integer_or(3, 1)?;
    if start == 0 {
        return Err(arguments.fail(3, "offset must be 1 or greater"));
    }
    // What is before the beginning is as far away as what is behind the end.
    let mut at = usize::try_from(start.saturating_sub(1)).unwrap_or(usize::MAX);
    let too_short = || arguments.fail(2, "data string too short");
    let mut values: Vec<Value> = Vec::new();
    while let Some(item) = format.next()? {
        at = at.saturating_add(format.padding(&item, at));
        let end = at.saturating_add(item.size);
        let bytes = data.get(at..end).ok_or_else(too_short)?;
        if values.len() >= VALUES_MAX {
            return Err(fault::text(lua, "stack overflow (too many results)"));
        }
        let mut size = item.size;
        match item.option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let is_signed = item.option.is_ascii_lowercase();
                values.push(Value::Number(integer_of_bytes(
                    &format.ordered(bytes.to_vec()),
                    is_signed,
                )));
            }
            b'x' => {}
            b'f' => {
                let bytes = format.ordered(bytes.to_vec()).try_into().unwrap_or_default();
                values.push(Value::Number(f64::from(f32::from_le_bytes(bytes))));
            }
            b'd' => {
                let bytes = format.ordered(bytes.to_vec()).try_into().unwrap_or_default();
                values.push(Value::Number(f64::from_le_bytes(bytes)));
            }
            b'c' => {
                if size == 0 {
                    size = previous_size(lua, values.pop())?;
                }
                let bytes = data.get(at..at.saturating_add(size)).ok_or_else(too_short)?;
                values.push(Value::String(lua.create_string(bytes)?));
            }
            b's' => {
                let rest = data.get(at..).unwrap_or_default();
                let Some(len) = memchr::memchr(0, rest) else {
                    return Err(fault::text(lua, "unfinished string in data"));
                };
                values.push(Value::String(lua.create_string(&rest[..len])?));
                size = len + 1;
            }
            option => format.control(option)?,
        }
        at = at.saturating_add(size);
    }
    values.push(Value::Integer(i64::try_from(at).unwrap_or(i64::MAX).saturating_add(1)));
    Ok(MultiValue::from_vec(values))
}

/// The size of a `c0`, which is the value before it.
fn previous_size(lua: &Lua, value: Option<Value>) -> Result<usize> {
    let size = match value {
        Some(Value::Number(number)) => Some(crate::scripting::number::integer_of(number)),
        Some(Value::Integer(number)) => Some(number),
        Some(Value::String(text)) => {
            crate::scripting::libraries::arguments::number_of_text(&text.as_bytes())
                .map(crate::scripting::number::integer_of)
        }
        _ => None,
    };
    let size = size.ok_or_else(|| fault::text(lua, "format 'c0' needs a previous size"))?;
    Ok(usize::try_from(size).unwrap_or(usize::MAX))
}

/// The number that bytes stand for, the lowest first.
#[expect(clippy::cast_precision_loss, reason = "Lua has no other numbers")]
fn integer_of_bytes(bytes: &[u8], is_signed: bool) -> f64 {
    let number = bytes.iter().take(8).rev().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
    if !is_signed {
        return number as f64;
    }
    let unused = 64 - 8 * u32::try_from(bytes.len().clamp(1, 8)).unwrap_or(8);
    (number << unused).cast_signed().wrapping_shr(unused) as f64
}

fn size(lua: &Lua, args: &MultiValue) -> Result<usize> {
    let arguments = Arguments::new(lua, args);
    let text = arguments.bytes(1)?;
    let mut format = Format::new(lua, &arguments, &text);
    let mut at: usize = 0;
    while let Some(item) = format.next()? {
        at = at.saturating_add(format.padding(&item, at));
        match (item.option, item.size) {
            (b's', _) => return Err(arguments.fail(1, "option 's' has no fixed size")),
            (b'c', 0) => return Err(arguments.fail(1, "option 'c0' has no fixed size")),
            (option, _) if !option.is_ascii_alphanumeric() => format.control(option)?,
            _ => {}
        }
        at = at.saturating_add(item.size);
    }
    Ok(at)
}
