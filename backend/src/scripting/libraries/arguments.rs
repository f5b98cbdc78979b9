//! Arguments of library functions, checked and converted as Lua's own functions do it.
//!
//! Source: Lua 5.1 `lauxlib.c` luaL_checknumber, luaL_checklstring, luaL_checkinteger.

use mlua::{Lua, MultiValue, Result, Value};
use reddoor_protocol::double::read_double;

use crate::scripting::fault;
use crate::scripting::number;

/// The arguments of one call; indexes begin at 1.
pub(in crate::scripting) struct Arguments<'a> {
    lua: &'a Lua,
    args: &'a MultiValue,
    /// How many levels above the running function they were given.
    level: usize,
}

impl<'a> Arguments<'a> {
    pub(in crate::scripting) fn new(lua: &'a Lua, args: &'a MultiValue) -> Arguments<'a> {
        Arguments { lua, args, level: 0 }
    }

    /// Arguments that were passed on by a function of the prelude.
    pub(in crate::scripting) fn passed_on(lua: &'a Lua, args: &'a MultiValue) -> Arguments<'a> {
        Arguments { lua, args, level: 1 }
    }

    pub(in crate::scripting) fn value(&self, index: usize) -> Option<&'a Value> {
        self.args.get(index - 1)
    }

    /// Whether there is nothing, or nil.
    pub(in crate::scripting) fn is_none(&self, index: usize) -> bool {
        matches!(self.value(index), None | Some(Value::Nil))
    }

    pub(in crate::scripting) fn fail(&self, index: usize, reason: impl AsRef<[u8]>) -> mlua::Error {
        fault::argument_above(self.lua, self.level, index, reason.as_ref())
    }

    /// An error that is about no argument.
    pub(in crate::scripting) fn fail_all(&self, text: &[u8]) -> mlua::Error {
        fault::text_above(self.lua, self.level, text)
    }

    fn wrong_type(&self, index: usize, expected: &str) -> mlua::Error {
        let found = fault::type_name(self.value(index));
        self.fail(index, format!("{expected} expected, got {found}"))
    }

    /// A number, or a string that is one.
    pub(in crate::scripting) fn number(&self, index: usize) -> Result<f64> {
        match self.value(index) {
            #[expect(clippy::cast_precision_loss, reason = "it is a double in Lua")]
            Some(Value::Integer(number)) => Ok(*number as f64),
            Some(Value::Number(number)) => Ok(*number),
            Some(Value::String(text)) => {
                number_of_text(&text.as_bytes()).ok_or_else(|| self.wrong_type(index, "number"))
            }
            _ => Err(self.wrong_type(index, "number")),
        }
    }

    /// A number without what is behind its point.
    pub(in crate::scripting) fn integer(&self, index: usize) -> Result<i64> {
        self.number(index).map(number::integer_of)
    }

    /// As [`Arguments::integer`]; or this, where there is nothing.
    pub(in crate::scripting) fn integer_or(&self, index: usize, default: i64) -> Result<i64> {
        if self.is_none(index) { Ok(default) } else { self.integer(index) }
    }

    /// A string, or a number as one.
    pub(in crate::scripting) fn bytes(&self, index: usize) -> Result<Bytes> {
        match self.value(index) {
            Some(Value::String(text)) => Ok(Bytes::Lua(text.as_bytes())),
            #[expect(clippy::cast_precision_loss, reason = "it is a double in Lua")]
            Some(Value::Integer(number)) => Ok(Bytes::Own(number::text(*number as f64, 14))),
            Some(Value::Number(number)) => Ok(Bytes::Own(number::text(*number, 14))),
            _ => Err(self.wrong_type(index, "string")),
        }
    }
}

/// The bytes of a string in Lua, or of a number as text.
pub(in crate::scripting) enum Bytes {
    Lua(mlua::BorrowedBytes),
    Own(Vec<u8>),
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Lua(bytes) => bytes,
            Bytes::Own(bytes) => bytes,
        }
    }
}

/// A whole text as a number, with spaces around it if need be. Source: Lua 5.1 `lobject.c` luaO_str2d.
pub(in crate::scripting) fn number_of_text(text: &[u8]) -> Option<f64> {
    let read = read_double(text);
    let rest = text.get(read.len..).unwrap_or_default();
    (read.len > 0 && rest.iter().all(u8::is_ascii_whitespace)).then_some(read.number)
}
