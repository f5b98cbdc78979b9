//! Errors on their way through Lua.
//!
//! A function written in Rust raises a [`Fault`]; between there and where it is caught it travels as an opaque value
//! of the Lua bridge. Whoever catches (`pcall`, `xpcall`, `coroutine.resume`, the outermost call) turns it into what
//! Lua code may see, with [`settle`]. A kill is never turned into anything: it is raised again.
//!
//! Source: Lua 5.1 `lauxlib.c` luaL_where, luaL_argerror.

use std::fmt;

use mlua::{Error, Lua, Result, Value};

/// What a function of ours raises.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// A text, with the place in front where it has one.
    Text(Vec<u8>),
    /// An error reply that nobody has counted, which Lua code sees as a table: code and text, without the leading `-`.
    Reply(Vec<u8>),
    /// Somebody ended the script.
    Killed,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Text(text) | Fault::Reply(text) => f.write_str(&String::from_utf8_lossy(text)),
            Fault::Killed => f.write_str("the script was killed"),
        }
    }
}

impl std::error::Error for Fault {}

impl Fault {
    /// As the bridge carries it.
    pub(super) fn raise(self) -> Error {
        Error::external(self)
    }
}

/// The error of a reply that was made here, not by a command.
pub(super) fn reply(text: &str) -> Error {
    Fault::Reply(text.into()).raise()
}

/// A text that begins with the place of whoever called the function that fails.
pub(super) fn text(lua: &Lua, text: impl AsRef<[u8]>) -> Error {
    text_above(lua, 0, text.as_ref())
}

/// As [`text`], for the function that is so many levels above the running one.
pub(super) fn text_above(lua: &Lua, level: usize, text: &[u8]) -> Error {
    let mut message = place(lua, level + 1);
    message.extend_from_slice(text);
    Fault::Text(message).raise()
}

/// Argument `index` (from 1) of the running function is wrong.
pub(super) fn argument(lua: &Lua, index: usize, reason: &str) -> Error {
    argument_above(lua, 0, index, reason.as_bytes())
}

/// As [`argument`], for the function that is so many levels above the running one.
pub(super) fn argument_above(lua: &Lua, level: usize, index: usize, reason: &[u8]) -> Error {
    let named = lua.inspect_stack(level, |debug| {
        let names = debug.names();
        let name = names.name.map_or_else(|| "?".to_owned(), std::borrow::Cow::into_owned);
        (name, names.name_what == Some("method"))
    });
    let (name, is_method) = named.unwrap_or_else(|| ("?".to_owned(), false));
    let message = match (is_method, index) {
        (true, 1) => format!("calling '{name}' on bad self ("),
        (true, _) => format!("bad argument #{} to '{name}' (", index.saturating_sub(1)),
        (false, _) => format!("bad argument #{index} to '{name}' ("),
    };
    text_above(lua, level, &[message.as_bytes(), reason, b")"].concat())
}

/// The name of a value's type as error texts have it.
pub(super) fn type_name(value: Option<&Value>) -> &'static str {
    match value {
        None => "no value",
        Some(Value::Integer(_)) => "number",
        Some(Value::LightUserData(_) | Value::Error(_)) => "userdata",
        Some(value) => value.type_name(),
    }
}

/// `chunk:line: ` of the function at a level, or nothing where that is not Lua code.
fn place(lua: &Lua, level: usize) -> Vec<u8> {
    let found = lua.inspect_stack(level, |debug| {
        let line = debug.current_line()?;
        let source = debug.source().short_src?.into_owned();
        Some(format!("{source}:{line}: "))
    });
    found.flatten().unwrap_or_default().into_bytes()
}

/// What is made outside of Lua is not counted by it, so its limit is looked at there.
pub(super) fn out_of_memory() -> Error {
    Error::MemoryError("not enough memory".to_owned())
}

/// What Lua code may see of something that was raised.
///
/// # Errors
/// The script was killed: to be raised again.
pub(super) fn settle(lua: &Lua, raised: Value) -> Result<Value> {
    let Value::Error(error) = &raised else { return Ok(raised) };
    match error.downcast_ref::<Fault>() {
        Some(Fault::Killed) => Err(Fault::Killed.raise()),
        Some(Fault::Text(text)) => Ok(Value::String(lua.create_string(text)?)),
        Some(Fault::Reply(text)) => Ok(Value::Table(error_table(lua, text)?)),
        None => Ok(Value::String(lua.create_string(own_text(error))?)),
    }
}

/// The table that Lua code sees of an error reply which nobody has counted. Those of commands are made in
/// [`raw`](super::raw).
pub(super) fn error_table(lua: &Lua, text: &[u8]) -> Result<mlua::Table> {
    let table = lua.create_table()?;
    table.raw_set("err", lua.create_string(text)?)?;
    Ok(table)
}

/// The words of Lua for an error that the bridge itself has raised.
fn own_text(error: &Error) -> String {
    match error {
        Error::MemoryError(_) => "not enough memory".to_owned(),
        Error::CallbackError { cause, .. } => own_text_of_cause(cause),
        Error::RuntimeError(text) => text.clone(),
        other => other.to_string(),
    }
}

/// As [`own_text`], one level inside: the bridge wraps once.
fn own_text_of_cause(cause: &Error) -> String {
    match cause {
        Error::MemoryError(_) => "not enough memory".to_owned(),
        Error::RuntimeError(text) => text.clone(),
        other => other.to_string(),
    }
}
