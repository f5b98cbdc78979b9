//! `bit`: operations on the low 32 bits of numbers.
//!
//! Source: LuaBitOp 1.0.2, <https://bitop.luajit.org/api.html>

use mlua::{Lua, MultiValue, Result, Table};

use crate::scripting::libraries::arguments::Arguments;

/// Added to a double it leaves the low 32 bits of the rounded number at the low end.
const SHIFTER: f64 = 6_755_399_441_055_744.0;

pub(super) fn table(lua: &Lua) -> Result<Table> {
    let bit = lua.create_table()?;
    one(lua, &bit, "tobit", |a| a)?;
    one(lua, &bit, "bnot", |a| !a)?;
    one(lua, &bit, "bswap", u32::swap_bytes)?;
    fold(lua, &bit, "band", |a, b| a & b)?;
    fold(lua, &bit, "bor", |a, b| a | b)?;
    fold(lua, &bit, "bxor", |a, b| a ^ b)?;
    shift(lua, &bit, "lshift", |a, by| a << by)?;
    shift(lua, &bit, "rshift", |a, by| a >> by)?;
    shift(lua, &bit, "arshift", |a, by| (signed(a) >> by).cast_unsigned())?;
    shift(lua, &bit, "rol", u32::rotate_left)?;
    shift(lua, &bit, "ror", u32::rotate_right)?;
    bit.raw_set("tohex", lua.create_function(|lua, args: MultiValue| to_hex(lua, &args))?)?;
    Ok(bit)
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are wanted")]
fn bits(number: f64) -> u32 {
    (number + SHIFTER).to_bits() as u32
}

fn signed(bits: u32) -> i32 {
    bits.cast_signed()
}

fn one(lua: &Lua, bit: &Table, name: &str, of: fn(u32) -> u32) -> Result<()> {
    let function = lua.create_function(move |lua, args: MultiValue| {
        Ok(signed(of(bits(Arguments::new(lua, &args).number(1)?))))
    })?;
    bit.raw_set(name, function)
}

fn fold(lua: &Lua, bit: &Table, name: &str, of: fn(u32, u32) -> u32) -> Result<()> {
    let function = lua.create_function(move |lua, args: MultiValue| {
        let arguments = Arguments::new(lua, &args);
        let mut all = bits(arguments.number(1)?);
        for index in 2..=args.len() {
            all = of(all, bits(arguments.number(index)?));
        }
        Ok(signed(all))
    })?;
    bit.raw_set(name, function)
}

fn shift(lua: &Lua, bit: &Table, name: &str, of: fn(u32, u32) -> u32) -> Result<()> {
    let function = lua.create_function(move |lua, args: MultiValue| {
        let arguments = Arguments::new(lua, &args);
        let number = bits(arguments.number(1)?);
        Ok(signed(of(number, bits(arguments.number(2)?) & 31)))
    })?;
    bit.raw_set(name, function)
}

/// Up to eight hexadecimal digits; a negative count asks for upper case.
fn to_hex(lua: &Lua, args: &MultiValue) -> Result<String> {
    let arguments = Arguments::new(lua, args);
    let number = bits(arguments.number(1)?);
    let count = if args.len() < 2 { 8 } else { signed(bits(arguments.number(2)?)) };
    let digits = count.unsigned_abs().min(8) as usize;
    let all = if count < 0 { format!("{number:08X}") } else { format!("{number:08x}") };
    Ok(all[8 - digits..].to_owned())
}
