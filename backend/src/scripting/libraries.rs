//! The libraries that scripts find beside Lua's own, and those functions of Lua's that are not safe as they are.
//!
//! Stock `string.find` and its company recurse as deep as a pattern is long and may run for years without a look
//! at the clock; here they do neither.

pub(super) mod arguments;

mod bit;

mod cjson;

mod cmsgpack;

mod pattern;

mod strings;

mod structs;

use std::rc::Rc;

use mlua::{Lua, Result, Table};

use crate::scripting::machine::Shared;
use crate::scripting::random;

/// Puts everything into the table that the prelude gets.
pub(super) fn install(lua: &Lua, shared: &Rc<Shared>, host: &Table) -> Result<()> {
    host.raw_set("bit", bit::table(lua)?)?;
    host.raw_set("cjson", cjson::table(lua, shared)?)?;
    host.raw_set("cmsgpack", cmsgpack::table(lua, shared)?)?;
    host.raw_set("struct", structs::table(lua)?)?;
    strings::install(lua, shared, host)?;
    let math = lua.create_table()?;
    random::install(lua, shared, &math)?;
    host.raw_set("math", math)
}
