//! The table `redis` that scripts and libraries see.
//!
//! Source: redis `src/script_lua.c` luaRegisterRedisAPI.

use std::rc::Rc;

use mlua::{Lua, MultiValue, Result, Table, Value};
use reddoor_protocol::encode::Resp;

use crate::propagate::Reach;
use crate::scripting::cache::digest_of;
use crate::scripting::fault;
use crate::scripting::libraries::arguments::number_of_text;
use crate::scripting::machine::Shared;
use crate::scripting::{number, raw, register};
use crate::server::REDIS_VERSION;

/// What a script ends with that was killed.
pub(super) const KILLED: &str = "ERR Script killed by user with SCRIPT KILL...";

/// [`REDIS_VERSION`] with a byte for each of its parts.
const REDIS_VERSION_NUMBER: i64 = 0x0007_000F;

const LOG_LEVELS: [(&str, i64); 4] =
    [("LOG_DEBUG", 0), ("LOG_VERBOSE", 1), ("LOG_NOTICE", 2), ("LOG_WARNING", 3)];

const REPL_FILE: i64 = 1;
const REPL_REPLICAS: i64 = 2;

/// The table for scripts.
pub(super) fn for_scripts(lua: &Lua, shared: &Rc<Shared>) -> Result<Table> {
    let redis = common(lua, shared)?;
    redis.raw_set("replicate_commands", lua.create_function(|_, _: MultiValue| Ok(true))?)?;
    // There is no debugger, so there is nothing to stop in and nobody to tell.
    redis.raw_set("breakpoint", lua.create_function(|_, _: MultiValue| Ok(false))?)?;
    redis.raw_set("debug", lua.create_function(|_, _: MultiValue| Ok(()))?)?;
    Ok(redis)
}

/// The table for functions.
pub(super) fn for_functions(lua: &Lua, shared: &Rc<Shared>) -> Result<Table> {
    common(lua, shared)
}

/// The table for libraries while they are loaded.
pub(super) fn for_loading(lua: &Lua, shared: &Rc<Shared>) -> Result<Table> {
    let redis = lua.create_table()?;
    install_log(lua, &redis)?;
    let registering = Rc::clone(shared);
    let function =
        lua.create_function(move |_, args: MultiValue| register::register(&registering, &args))?;
    redis.raw_set("register_function", function)?;
    Ok(redis)
}

fn common(lua: &Lua, shared: &Rc<Shared>) -> Result<Table> {
    let redis = lua.create_table()?;
    raw::install_asking(lua, shared, &redis)?;
    install_log(lua, &redis)?;
    redis.raw_set("sha1hex", lua.create_function(|_, args: MultiValue| sha1hex(&args))?)?;
    redis.raw_set("error_reply", lua.create_function(|lua, args| error_reply(lua, &args))?)?;
    redis.raw_set("status_reply", lua.create_function(|lua, args| status_reply(lua, &args))?)?;
    let setting = Rc::clone(shared);
    redis.raw_set(
        "setresp",
        lua.create_function(move |_, args: MultiValue| set_resp(&setting, &args))?,
    )?;
    let setting = Rc::clone(shared);
    redis.raw_set(
        "set_repl",
        lua.create_function(move |_, args: MultiValue| set_reach(&setting, &args))?,
    )?;
    redis.raw_set("REPL_NONE", 0)?;
    redis.raw_set("REPL_AOF", REPL_FILE)?;
    redis.raw_set("REPL_SLAVE", REPL_REPLICAS)?;
    redis.raw_set("REPL_REPLICA", REPL_REPLICAS)?;
    redis.raw_set("REPL_ALL", REPL_FILE | REPL_REPLICAS)?;
    Ok(redis)
}

/// What scripts and libraries that are being loaded share.
fn install_log(lua: &Lua, redis: &Table) -> Result<()> {
    redis.raw_set("log", lua.create_function(|_, args: MultiValue| log(&args))?)?;
    for (name, level) in LOG_LEVELS {
        redis.raw_set(name, level)?;
    }
    redis.raw_set("REDIS_VERSION", REDIS_VERSION)?;
    redis.raw_set("REDIS_VERSION_NUM", REDIS_VERSION_NUMBER)?;
    Ok(())
}

fn log(args: &MultiValue) -> Result<()> {
    if args.len() < 2 {
        return Err(fault::reply("ERR redis.log() requires two arguments or more."));
    }
    let Some(level) = args.front().and_then(whole) else {
        return Err(fault::reply("ERR First argument must be a number (log level)."));
    };
    let words: Vec<Vec<u8>> = args.iter().skip(1).filter_map(number::text_of).collect();
    let text = words.join(&b' ');
    let text = String::from_utf8_lossy(&text);
    match level {
        0 => tracing::trace!("{text}"),
        1 => tracing::debug!("{text}"),
        2 => tracing::info!("{text}"),
        3 => tracing::warn!("{text}"),
        _ => return Err(fault::reply("ERR Invalid debug level.")),
    }
    Ok(())
}

fn sha1hex(args: &MultiValue) -> Result<String> {
    match args.front() {
        Some(value) if args.len() == 1 => {
            Ok(hex_digest(&number::text_of(value).unwrap_or_default()))
        }
        _ => Err(fault::reply("ERR wrong number of arguments")),
    }
}

/// The SHA-1 of some bytes in 40 hexadecimal digits.
fn hex_digest(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&digest_of(bytes)).into_owned()
}

fn one_string(args: &MultiValue) -> Option<Vec<u8>> {
    match args.front() {
        Some(Value::String(text)) if args.len() == 1 => Some(text.as_bytes().to_vec()),
        _ => None,
    }
}

const WRONG_FIELD: &[u8] = b"ERR wrong number or type of arguments";

fn error_reply(lua: &Lua, args: &MultiValue) -> Result<Table> {
    let Some(text) = one_string(args) else {
        return fault::error_table(lua, WRONG_FIELD);
    };
    // A text of C ends at its first zero byte.
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = trimmed_end(text.strip_prefix(b"-").unwrap_or(text));
    let (code, message) = match memchr::memchr(b' ', text) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (&b"ERR"[..], text),
    };
    let start = message.iter().position(|byte| !is_line_end(*byte)).unwrap_or(message.len());
    let text = [code, b" ", trimmed_end(&message[start..])].concat();
    fault::error_table(lua, &text)
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

fn trimmed_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !is_line_end(*byte)).map_or(0, |at| at + 1);
    &text[..end]
}

fn status_reply(lua: &Lua, args: &MultiValue) -> Result<Table> {
    let Some(text) = one_string(args) else {
        return fault::error_table(lua, WRONG_FIELD);
    };
    let table = lua.create_table_with_capacity(0, 1)?;
    table.raw_set("ok", lua.create_string(text)?)?;
    Ok(table)
}

fn set_resp(shared: &Shared, args: &MultiValue) -> Result<()> {
    if args.len() != 1 {
        return Err(fault::reply("ERR redis.setresp() requires one argument."));
    }
    let resp = match args.front().and_then(whole) {
        Some(2) => Resp::V2,
        Some(3) => Resp::V3,
        _ => return Err(fault::reply("ERR RESP version must be 2 or 3.")),
    };
    shared.resp.set(resp);
    Ok(())
}

fn set_reach(shared: &Shared, args: &MultiValue) -> Result<()> {
    if args.len() != 1 {
        return Err(fault::reply("ERR redis.set_repl() requires two arguments."));
    }
    let flags = args.front().and_then(whole).unwrap_or(0);
    if flags & !(REPL_FILE | REPL_REPLICAS) != 0 {
        return Err(fault::reply(
            "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
        ));
    }
    shared.reach.set(match (flags & REPL_FILE != 0, flags & REPL_REPLICAS != 0) {
        (true, true) => Reach::All,
        (true, false) => Reach::File,
        (false, true) => Reach::Replicas,
        (false, false) => Reach::Nobody,
    });
    Ok(())
}

/// A number, or a text that is one, cut to a whole one.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Number(number) => Some(number::integer_of(*number)),
        Value::String(text) => number_of_text(&text.as_bytes()).map(number::integer_of),
        _ => None,
    }
}
