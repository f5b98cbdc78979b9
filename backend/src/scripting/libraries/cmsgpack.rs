//! `cmsgpack`: MessagePack.
//!
//! Source: lua-cmsgpack 0.4.0; <https://github.com/msgpack/msgpack/blob/master/spec.md>

mod pack;

mod unpack;

use std::rc::Rc;

use mlua::{Lua, MultiValue, Result, Table};

use crate::scripting::machine::Shared;

pub(super) fn table(lua: &Lua, shared: &Rc<Shared>) -> Result<Table> {
    let limits = Rc::clone(shared);
    let cmsgpack = lua.create_table()?;
    let pack = lua.create_function(move |lua, args: MultiValue| pack::pack(lua, &limits, &args))?;
    cmsgpack.raw_set("pack", pack)?;
    let all = lua.create_function(|lua, args: MultiValue| unpack::all(lua, &args))?;
    cmsgpack.raw_set("unpack", all)?;
    let one = lua.create_function(|lua, args: MultiValue| unpack::one(lua, &args))?;
    cmsgpack.raw_set("unpack_one", one)?;
    let some = lua.create_function(|lua, args: MultiValue| unpack::some(lua, &args))?;
    cmsgpack.raw_set("unpack_limit", some)?;
    cmsgpack.raw_set("_NAME", "cmsgpack")?;
    cmsgpack.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    cmsgpack.raw_set("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo")?;
    cmsgpack.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    Ok(cmsgpack)
}
