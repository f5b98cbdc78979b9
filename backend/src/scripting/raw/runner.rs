//! One call of a script or a function, from its words to its reply.
//!
//! Made by hand, and not with the bridge's values, since every call pays for it: no closure is made, no reference kept,
//! and a reply that is no table is written from Lua's stack.
//! What makes this sound is written where it is called from: [`raw`](super).

#![expect(unsafe_code, reason = "Lua is C; the proof is in the module above")]

use std::cell::Cell;
use std::ffi::c_int;
use std::ptr;

use mlua::ffi::{self, lua_State};
use mlua::{Function, Lua, Result, Table, Value};
use reddoor_protocol::encode::{ReplyWriter, Resp};
use reddoor_protocol::request::Args;

use crate::scripting::fault;
use crate::scripting::number::integer_of;
use crate::scripting::raw::values::{push_bytes, string_at};

/// What is to be called.
#[derive(Clone, Copy)]
pub(in crate::scripting) enum Place<'a> {
    /// The script that has this number.
    Script(c_int),
    /// A function by the number of its library and its name.
    Function(f64, &'a [u8]),
}

/// Where calls find what they need: the upvalues of [`run`], in this order.
pub(in crate::scripting) struct Tables<'a> {
    /// Functions by the numbers of scripts.
    pub(in crate::scripting) scripts: &'a Table,
    /// Tables of functions by the numbers of libraries.
    pub(in crate::scripting) libraries: &'a Table,
    /// Where scripts find `KEYS` and `ARGV`.
    pub(in crate::scripting) globals: &'a Table,
    /// Is given what is raised, where it is raised.
    pub(in crate::scripting) handler: &'a Function,
}

const SCRIPTS: c_int = ffi::lua_upvalueindex(1);
const LIBRARIES: c_int = ffi::lua_upvalueindex(2);
const GLOBALS: c_int = ffi::lua_upvalueindex(3);
const HANDLER: c_int = ffi::lua_upvalueindex(4);
const LEFT: c_int = ffi::lua_upvalueindex(5);
const KEYS: c_int = ffi::lua_upvalueindex(6);
const ARGV: c_int = ffi::lua_upvalueindex(7);

/// How a call ended.
pub(in crate::scripting) enum Ended {
    /// With this reply.
    Plain(Vec<u8>),
    /// With a table, of which a reply is to be made.
    Table(Value),
    Raised(Value),
}

/// One call on its way.
struct Call<'a> {
    place: Place<'a>,
    words: Args<'a>,
    keys_count: usize,
    resp: Resp,
    /// The version that commands answer in, as the script has set it.
    set_resp: &'a Cell<Resp>,
    reply: Vec<u8>,
    is_ok: bool,
    /// The value that it ended with is in [`LEFT`].
    is_left: bool,
}

/// Runs scripts and functions.
pub(in crate::scripting) struct Runner {
    /// The state's own thread. Invariant: nothing runs on it between two calls.
    state: *mut lua_State,
    /// Keeps the state.
    _lua: Lua,
    /// Where the registry has [`run`].
    place: c_int,
    /// Holds one value that crosses to the bridge.
    left: Table,
}

impl Runner {
    /// # Errors
    /// Memory runs out.
    pub(in crate::scripting) fn new(lua: &Lua, tables: &Tables<'_>) -> Result<Runner> {
        let left = lua.create_table()?;
        left.raw_set(1, false)?;
        let Tables { scripts, libraries, globals, handler } = *tables;
        let upvalues = (scripts, libraries, globals, handler, &left, "KEYS", "ARGV");
        let (mut state, mut place) = (ptr::null_mut(), 0);
        // SAFETY: 1 and 2 above: the closure owns nothing.
        unsafe {
            lua.exec_raw::<()>(upvalues, |main| {
                ffi::lua_pushcclosure(main, run, 7);
                place = ffi::luaL_ref(main, ffi::LUA_REGISTRYINDEX);
                state = main;
            })
        }?;
        Ok(Runner { state, _lua: lua.clone(), place, left })
    }

    /// Runs a script or a function. The first of the words are its keys.
    ///
    /// # Errors
    /// Memory ran out around it.
    pub(in crate::scripting) fn call(
        &self,
        place: Place<'_>,
        words: Args<'_>,
        keys_count: usize,
        (resp, set_resp): (Resp, &Cell<Resp>),
    ) -> Result<Ended> {
        let (reply, is_ok, is_left) = (Vec::new(), false, false);
        let mut call = Call { place, words, keys_count, resp, set_resp, reply, is_ok, is_left };
        // SAFETY: 1 above: nothing raises here, for `lua_pcall` catches what `run` raises, and there is room for two
        // values on a stack that nobody uses. `run` has ended when the call is looked at again.
        unsafe {
            ffi::lua_rawgeti_(self.state, ffi::LUA_REGISTRYINDEX, self.place);
            ffi::lua_pushlightuserdata(self.state, (&raw mut call).cast());
            if ffi::lua_pcall(self.state, 1, 0, 0) != ffi::LUA_OK {
                ffi::lua_pop(self.state, 1);
                return Err(fault::out_of_memory());
            }
        }
        if !call.is_left {
            return Ok(Ended::Plain(call.reply));
        }
        let value = self.left.raw_get(1)?;
        self.left.raw_set(1, false)?;
        Ok(if call.is_ok { Ended::Table(value) } else { Ended::Raised(value) })
    }
}

/// Runs the [`Call`] that its argument points to.
unsafe extern "C-unwind" fn run(state: *mut lua_State) -> c_int {
    // SAFETY: 1, 2, 4 and 6 above: ten values at most are on the stack.
    unsafe {
        let call = &mut *ffi::lua_touserdata(state, 1).cast::<Call<'_>>();
        ffi::lua_pushvalue(state, HANDLER);
        let (keys_count, words_count) = (call.keys_count, call.words.len());
        let args_count = match call.place {
            Place::Script(number) => {
                for (name, from, to) in [(KEYS, 0, keys_count), (ARGV, keys_count, words_count)] {
                    ffi::lua_pushvalue(state, name);
                    push_words(state, call.words, from, to);
                    ffi::lua_rawset(state, GLOBALS);
                }
                ffi::lua_rawgeti_(state, SCRIPTS, number);
                0
            }
            Place::Function(library, name) => {
                push_function(state, library, name);
                push_words(state, call.words, 0, keys_count);
                push_words(state, call.words, keys_count, words_count);
                2
            }
        };
        call.is_ok = ffi::lua_pcall(state, args_count, 1, 2) == ffi::LUA_OK;
        call.is_left = !(call.is_ok && write_plain(state, call));
        if call.is_left {
            // A place that is in use, so nothing is allocated.
            ffi::lua_rawseti_(state, LEFT, 1);
        }
        0
    }
}

/// Pushes a function of a library, or nil.
unsafe fn push_function(state: *mut lua_State, library: f64, name: &[u8]) {
    // SAFETY: 1, 2 and 4 above.
    unsafe {
        ffi::lua_pushnumber(state, library);
        ffi::lua_rawget(state, LIBRARIES);
        if ffi::lua_type(state, -1) == ffi::LUA_TTABLE {
            push_bytes(state, name);
            ffi::lua_rawget(state, -2);
        }
    }
}

/// Pushes an array of the words from one place to another.
unsafe fn push_words(state: *mut lua_State, words: Args<'_>, from: usize, to: usize) {
    // SAFETY: 1, 2 and 4 above.
    unsafe {
        let count = c_int::try_from(to - from).unwrap_or(c_int::MAX);
        ffi::lua_createtable(state, count, 0);
        for (index, at) in (1..=count).zip(from..) {
            push_bytes(state, words.get(at).unwrap_or_default());
            ffi::lua_rawseti_(state, -2, index);
        }
    }
}

/// Writes the value on the top of the stack as a reply. Whether it could: a table is more work.
unsafe fn write_plain(state: *mut lua_State, call: &mut Call<'_>) -> bool {
    let mut reply = ReplyWriter::new(&mut call.reply, call.resp);
    // SAFETY: 1 above.
    unsafe {
        match ffi::lua_type(state, -1) {
            ffi::LUA_TTABLE => return false,
            ffi::LUA_TSTRING => reply.bulk(string_at(state, -1)),
            ffi::LUA_TNUMBER => reply.integer(integer_of(ffi::lua_tonumber(state, -1))),
            ffi::LUA_TBOOLEAN if call.set_resp.get() == Resp::V3 => {
                reply.boolean(ffi::lua_toboolean(state, -1) != 0);
            }
            ffi::LUA_TBOOLEAN if ffi::lua_toboolean(state, -1) != 0 => reply.integer(1),
            _ => reply.null(),
        }
    }
    true
}
