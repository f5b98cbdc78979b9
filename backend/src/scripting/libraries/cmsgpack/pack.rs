//! From Lua values to MessagePack.

use mlua::{Lua, LuaString, MultiValue, Result, Table, Value};

use crate::scripting::fault;
use crate::scripting::libraries::arguments::Arguments;
use crate::scripting::machine::Shared;
use crate::scripting::number::integer_of;

/// Tables in tables; a deeper one becomes nil.
const NESTING_MAX: usize = 16;

/// Values of one call: half of what fits on Lua's stack, since a Redis wants room for each twice.
const ARGUMENTS_MAX: usize = 4000;

pub(super) fn pack(lua: &Lua, shared: &Shared, args: &MultiValue) -> Result<LuaString> {
    if args.is_empty() {
        return Err(Arguments::new(lua, args).fail(0, "MessagePack pack needs input."));
    }
    if args.len() > ARGUMENTS_MAX {
        let reason = "Too many arguments for MessagePack pack.";
        return Err(Arguments::new(lua, args).fail(0, reason));
    }
    let mut out = Vec::new();
    for value in args {
        write(shared, &mut out, value, 0)?;
    }
    lua.create_string(out)
}

fn write(shared: &Shared, out: &mut Vec<u8>, value: &Value, level: usize) -> Result<()> {
    // A value may stand in a table many times.
    if out.len() > shared.string_bytes_max() {
        return Err(fault::out_of_memory());
    }
    match value {
        Value::String(text) => write_text(out, &text.as_bytes()),
        Value::Boolean(value) => out.push(if *value { 0xc3 } else { 0xc2 }),
        Value::Integer(number) => write_whole(out, *number),
        Value::Number(number) => write_number(out, *number),
        Value::Table(table) if level < NESTING_MAX => {
            return write_table(shared, out, table, level);
        }
        _ => out.push(0xc0),
    }
    Ok(())
}

/// The head of something of a length: in the type itself, or behind it in two or four bytes.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn write_len(out: &mut Vec<u8>, len: usize, fixed: u8, fixed_max: usize, types: [u8; 2]) {
    if len <= fixed_max {
        out.push(fixed | len as u8);
    } else if let Ok(len) = u16::try_from(len) {
        out.push(types[0]);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(types[1]);
        out.extend_from_slice(&(len as u32).to_be_bytes());
    }
}

fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    match u8::try_from(text.len()) {
        Ok(len) if len >= 32 => out.extend_from_slice(&[0xd9, len]),
        _ => write_len(out, text.len(), 0xa0, 31, [0xda, 0xdb]),
    }
    out.extend_from_slice(text);
}

fn write_number(out: &mut Vec<u8>, number: f64) {
    let whole = integer_of(number);
    #[expect(clippy::cast_precision_loss, reason = "compared with what it came from")]
    let is_whole = whole as f64 == number;
    if is_whole {
        return write_whole(out, whole);
    }
    #[expect(clippy::cast_possible_truncation, reason = "compared with what it came from")]
    let short = number as f32;
    if f64::from(short) == number {
        out.push(0xca);
        out.extend_from_slice(&short.to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the ranges are checked")]
fn write_whole(out: &mut Vec<u8>, number: i64) {
    match number {
        0..=0x7f => out.push(number as u8),
        0x80..=0xff => out.extend_from_slice(&[0xcc, number as u8]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend_from_slice(&(number as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend_from_slice(&(number as u32).to_be_bytes());
        }
        0x1_0000_0000.. => {
            out.push(0xcf);
            out.extend_from_slice(&number.to_be_bytes());
        }
        -32..=-1 => out.push(number as u8),
        -128..=-33 => out.extend_from_slice(&[0xd0, number as u8]),
        -0x8000..=-129 => {
            out.push(0xd1);
            out.extend_from_slice(&(number as i16).to_be_bytes());
        }
        -0x8000_0000..=-0x8001 => {
            out.push(0xd2);
            out.extend_from_slice(&(number as i32).to_be_bytes());
        }
        _ => {
            out.push(0xd3);
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}

fn write_table(shared: &Shared, out: &mut Vec<u8>, table: &Table, level: usize) -> Result<()> {
    let (mut is_array, mut max, mut count) = (true, 0, 0_usize);
    for pair in table.pairs::<Value, Value>() {
        match pair?.0 {
            Value::Integer(index) if index > 0 => max = max.max(index),
            _ => is_array = false,
        }
        count += 1;
    }
    if is_array && usize::try_from(max) == Ok(count) {
        write_len(out, count, 0x90, 15, [0xdc, 0xdd]);
        for index in 1..=count {
            write(shared, out, &table.raw_get::<Value>(index)?, level + 1)?;
        }
        return Ok(());
    }
    write_len(out, count, 0x80, 15, [0xde, 0xdf]);
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        write(shared, out, &key, level + 1)?;
        write(shared, out, &value, level + 1)?;
    }
    Ok(())
}
