//! Replies as values on Lua's stack.
//!
//! What makes this sound is written where it is called from: [`raw`](super).
//!
//! Source: redis `src/script_lua.c` redisProtocolToLuaType.

#![expect(unsafe_code, reason = "Lua is C; the proof is in the module above")]

use std::ffi::{CStr, c_int};

use mlua::ffi::{self, lua_State};
use reddoor_protocol::request::parse_integer;

/// Pushes a string.
pub(super) unsafe fn push_bytes(state: *mut lua_State, bytes: &[u8]) {
    // SAFETY: 1 and 4 above; the pointer is that of so many bytes.
    unsafe { ffi::lua_pushlstring_(state, bytes.as_ptr().cast(), bytes.len()) }
}

/// The bytes of the string at an index, for as long as it stays on the stack.
pub(super) unsafe fn string_at<'a>(state: *mut lua_State, index: c_int) -> &'a [u8] {
    let mut len = 0;
    // SAFETY: 1 above: a string is left as it is, and its bytes stay where they are.
    unsafe {
        let start = ffi::lua_tolstring(state, index, &raw mut len);
        std::slice::from_raw_parts(start.cast::<u8>(), len)
    }
}

/// Pushes the table that Lua code sees of an error reply.
///
/// `is_counted`: it was counted where it came from.
pub(super) unsafe fn push_error(state: *mut lua_State, text: &[u8], is_counted: bool) {
    // SAFETY: 1, 2 and 4 above.
    unsafe {
        push_field(state, c"err", text);
        if is_counted {
            ffi::lua_pushboolean(state, 1);
            ffi::lua_setfield(state, -2, c"ignore_error_stats_update".as_ptr());
        }
    }
}

/// Pushes a table with one field, a string.
unsafe fn push_field(state: *mut lua_State, name: &CStr, bytes: &[u8]) {
    // SAFETY: 1, 2 and 4 above.
    unsafe {
        ffi::lua_createtable(state, 0, 1);
        push_bytes(state, bytes);
        ffi::lua_setfield(state, -2, name.as_ptr());
    }
}

/// Reads replies that this node itself has written, so they are whole and nest as deep as commands do.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(reply: &'a [u8]) -> Reader<'a> {
        Reader { rest: reply }
    }

    /// The type and the text of the next line.
    fn line(&mut self) -> (u8, &'a [u8]) {
        let end = memchr::memchr(b'\r', self.rest).unwrap_or(self.rest.len());
        let kind = self.rest.first().copied().unwrap_or_default();
        let line = self.rest.get(1..end).unwrap_or_default();
        self.rest = self.rest.get(end + 2..).unwrap_or_default();
        (kind, line)
    }

    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let bytes = self.rest.get(..count).unwrap_or_default();
        self.rest = self.rest.get(count + 2..).unwrap_or_default();
        bytes
    }
}

/// Pushes the next value of a reply.
pub(super) unsafe fn push_value(state: *mut lua_State, reader: &mut Reader<'_>) {
    let (kind, line) = reader.line();
    let len = parse_integer(line).unwrap_or(-1);
    let count = usize::try_from(len).ok();
    // SAFETY: 1, 2 and 4 above: room for the values of each level is asked for.
    unsafe {
        match (kind, count) {
            (b'+', _) => push_field(state, c"ok", line),
            (b'-', _) => push_error(state, line, true),
            #[expect(clippy::cast_precision_loss, reason = "numbers of Lua are doubles")]
            (b':', _) => ffi::lua_pushnumber(state, len as f64),
            (b'$', Some(count)) => push_bytes(state, reader.bytes(count)),
            (b'*' | b'>', Some(count)) => push_array(state, reader, count),
            (b'$' | b'*' | b'>', None) => ffi::lua_pushboolean(state, 0),
            (b'%', _) => push_table(state, c"map", |state| {
                for _ in 0..count.unwrap_or(0) {
                    push_value(state, reader);
                    push_value(state, reader);
                    ffi::lua_rawset(state, -3);
                }
            }),
            (b'~', _) => push_table(state, c"set", |state| {
                for _ in 0..count.unwrap_or(0) {
                    push_value(state, reader);
                    ffi::lua_pushboolean(state, 1);
                    ffi::lua_rawset(state, -3);
                }
            }),
            (b',', _) => {
                ffi::lua_createtable(state, 0, 1);
                ffi::lua_pushnumber(state, reddoor_protocol::double::read_double(line).number);
                ffi::lua_setfield(state, -2, c"double".as_ptr());
            }
            (b'#', _) => ffi::lua_pushboolean(state, c_int::from(line == b"t")),
            (b'(', _) => push_field(state, c"big_number", line),
            (b'=', _) => {
                let bytes = reader.bytes(count.unwrap_or(0));
                let (format, text) = bytes.split_at(bytes.len().min(4));
                push_table(state, c"verbatim_string", |state| {
                    push_bytes(state, format.get(..3).unwrap_or_default());
                    ffi::lua_setfield(state, -2, c"format".as_ptr());
                    push_bytes(state, text);
                    ffi::lua_setfield(state, -2, c"string".as_ptr());
                });
            }
            // What is said of a reply goes before it, and scripts are not told.
            (b'|', _) => {
                for _ in 0..count.unwrap_or(0).saturating_mul(2) {
                    push_value(state, reader);
                    ffi::lua_pop(state, 1);
                }
                push_value(state, reader);
            }
            _ => ffi::lua_pushnil(state),
        }
    }
}

unsafe fn push_array(state: *mut lua_State, reader: &mut Reader<'_>, count: usize) {
    // SAFETY: 1, 2 and 4 above.
    unsafe {
        ffi::luaL_checkstack(state, 2, std::ptr::null());
        let count = c_int::try_from(count).unwrap_or(c_int::MAX);
        // Each element takes three bytes at least.
        let likely = c_int::try_from(reader.rest.len()).unwrap_or(c_int::MAX).min(count);
        ffi::lua_createtable(state, likely, 0);
        for index in 1..=count {
            push_value(state, reader);
            ffi::lua_rawseti_(state, -2, index);
        }
    }
}

/// Pushes a table with one field, a table that `fill` finds on the top of the stack.
unsafe fn push_table(state: *mut lua_State, name: &CStr, fill: impl FnOnce(*mut lua_State)) {
    // SAFETY: 1, 2 and 4 above.
    unsafe {
        ffi::luaL_checkstack(state, 4, std::ptr::null());
        ffi::lua_createtable(state, 0, 1);
        ffi::lua_createtable(state, 0, 0);
        fill(state);
        ffi::lua_setfield(state, -2, name.as_ptr());
    }
}
