//! `redis.register_function`: how the code of a library names its functions.
//!
//! Source: redis `src/function_lua.c` luaRegisterFunction.

use std::collections::BTreeMap;
use std::rc::Rc;

use mlua::{Function, MultiValue, Result, Table, Value};

use crate::scripting::fault;
use crate::scripting::flags::ScriptFlags;
use crate::scripting::job::FunctionInfo;
use crate::scripting::machine::Shared;
use crate::scripting::number;

/// The functions that a library has registered so far.
pub(super) struct Registration {
    infos: BTreeMap<String, FunctionInfo>,
    /// By their names.
    functions: Table,
}

impl Registration {
    pub(super) fn new(functions: Table) -> Registration {
        Registration { infos: BTreeMap::new(), functions }
    }

    pub(super) fn into_parts(self) -> (BTreeMap<String, FunctionInfo>, Table) {
        (self.infos, self.functions)
    }
}

/// What one call registers.
struct Registered {
    name: Vec<u8>,
    function: Function,
    info: FunctionInfo,
}

/// Registers one function.
///
/// # Errors
/// The arguments name none, or one that is there.
pub(super) fn register(shared: &Rc<Shared>, args: &MultiValue) -> Result<()> {
    let mut registration = shared.registration.borrow_mut();
    let Some(registration) = registration.as_mut() else {
        return Err(fault::reply(
            "ERR redis.register_function can only be called on FUNCTION LOAD command",
        ));
    };
    let registered = match (args.len(), args.front()) {
        (1, Some(Value::Table(fields))) => by_name(fields)?,
        (1, _) => {
            return Err(fault::reply(
                "ERR calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).",
            ));
        }
        (2, _) => by_place(args)?,
        _ => return Err(fault::reply("ERR wrong number of arguments to redis.register_function")),
    };
    let name = String::from_utf8(registered.name).ok().filter(|name| is_name(name)).ok_or_else(|| {
        fault::reply("ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long")
    })?;
    if registration.infos.contains_key(&name) {
        return Err(fault::reply("ERR Function already exists in the library"));
    }
    registration.functions.raw_set(name.as_str(), registered.function)?;
    registration.infos.insert(name, registered.info);
    Ok(())
}

/// Whether this may be the name of a library or a function.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn by_place(args: &MultiValue) -> Result<Registered> {
    let mut args = args.iter();
    let Some(name) = args.next().and_then(number::text_of) else {
        return Err(fault::reply("ERR first argument to redis.register_function must be a string"));
    };
    let Some(Value::Function(function)) = args.next() else {
        return Err(fault::reply(
            "ERR second argument to redis.register_function must be a function",
        ));
    };
    let info = FunctionInfo { description: None, flags: ScriptFlags::empty() };
    Ok(Registered { name, function: function.clone(), info })
}

fn by_name(fields: &Table) -> Result<Registered> {
    let (mut name, mut description, mut function) = (None, None, None);
    let mut flags = ScriptFlags::empty();
    for pair in fields.pairs::<Value, Value>() {
        let (key, value) = pair?;
        let Some(key) = number::text_of(&key) else {
            return Err(fault::reply(
                "ERR named argument key given to redis.register_function is not a string",
            ));
        };
        let text = number::text_of(&value);
        match (&*key, value) {
            (b"function_name", _) if text.is_some() => name = text,
            (b"function_name", _) => {
                return Err(fault::reply(
                    "ERR function_name argument given to redis.register_function must be a string",
                ));
            }
            (b"description", _) if text.is_some() => description = text,
            (b"description", _) => {
                return Err(fault::reply(
                    "ERR description argument given to redis.register_function must be a string",
                ));
            }
            (b"callback", Value::Function(callback)) => function = Some(callback),
            (b"callback", _) => {
                return Err(fault::reply(
                    "ERR callback argument given to redis.register_function must be a function",
                ));
            }
            (b"flags", Value::Table(list)) => flags = flags_of(&list)?,
            (b"flags", _) => {
                return Err(fault::reply(
                    "ERR flags argument to redis.register_function must be a table representing function flags",
                ));
            }
            _ => {
                return Err(fault::reply("ERR unknown argument given to redis.register_function"));
            }
        }
    }
    let name = name.ok_or_else(|| {
        fault::reply("ERR redis.register_function must get a function name argument")
    })?;
    let function = function
        .ok_or_else(|| fault::reply("ERR redis.register_function must get a callback argument"))?;
    Ok(Registered { name, function, info: FunctionInfo { description, flags } })
}

fn flags_of(list: &Table) -> Result<ScriptFlags> {
    let mut flags = ScriptFlags::empty();
    for index in 1.. {
        match list.raw_get::<Value>(index)? {
            Value::Nil => break,
            Value::String(name) => {
                flags |= ScriptFlags::by_name(&name.as_bytes())
                    .ok_or_else(|| fault::reply("ERR unknown flag given"))?;
            }
            _ => return Err(fault::reply("ERR unknown flag given")),
        }
    }
    Ok(flags)
}
