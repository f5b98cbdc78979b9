//! Lua's own C interface, for what every call of a script does: its words in, its commands, their replies.
//!
//! The bridge (mlua) guards each value that it makes by a call of Lua's with two closures, keeps a reference for each
//! value that it looks at, and needs an allocation for the arguments of a function. For a script of one `GET` that
//! was two thirds of all its instructions: 35 000 of them, now 9800, where a Redis takes 19 200. As dear as the
//! instructions is how much code they are: each line of it that does not stay in the processor's first cache (32 KiB)
//! is fetched anew for every script. `docs/scripts.md` has the figures.
//!
//! This and what is below it are the only unsafe code of scripts. What they rely on:
//!
//! 1. Lua raises errors by `longjmp`, over the frames of the functions here. No value that has something to drop is
//!    alive in a frame where Lua may raise: what a function of Lua's that may raise is given are numbers, and slices of
//!    buffers that [`Shared`] or the caller of [`Runner::call`] owns. Where Rust values with a destructor are at work
//!    ([`ask_node`]), nothing of Lua is called that allocates or raises: `lua_gettop`, `lua_type`, `lua_tonumber`
//!    and, of strings only, `lua_tolstring`. No panic crosses a frame of C either: that of a command is caught there.
//! 2. Each function is called by Lua, by `lua_pcall`, or from [`Lua::exec_raw`], which catches what is raised.
//! 3. The pointer in the first upvalue is that of the [`Shared`] which [`serve`](super::machine::serve) keeps longer
//!    than the state. Only the functions here see their upvalues, since scripts have no `debug`.
//! 4. A C function has room for 20 values; where more may be pushed, the room is asked for.
//! 5. The bytes of a reply lie in `Shared::reply` and stay as they are while values are made of them: that makes no
//!    garbage collector run code that could ask for another command, for nothing here has a finalizer that does.
//! 6. [`Runner::call`] alone calls `runner::run`, which scripts cannot reach, with a pointer to what it owns itself, and
//!    does not touch that meanwhile.
//!
//! Source: the reference manual of Lua 5.1, section 3; redis `src/script_lua.c` luaRedisGenericCommand,
//! redisProtocolToLuaType.

#![expect(unsafe_code, reason = "Lua is C; the proof is above")]

mod door;

mod runner;

mod values;

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use mlua::ffi::{self, lua_State};
use mlua::{Function, Lua, Result, Table};
use reddoor_protocol::request::{Args, ArgsBuf, ArgsTooLarge};

use crate::scripting::fiber::{Event, ask};
use crate::scripting::machine::Shared;
use crate::scripting::number;
use crate::scripting::raw::door::visit;
use crate::scripting::raw::values::{Reader, push_error, push_value, string_at};

pub(super) use door::{NodeSide, lend};
pub(super) use runner::{Ended, Place, Runner, Tables};

const NO_ARGUMENTS: &str = "ERR Please specify at least one argument for this redis lib call";
const ODD_ARGUMENTS: &str = "ERR Lua redis lib command arguments must be strings or integers";
const LOADING: &str = "ERR redis.call/pcall can only be called inside a script invocation";
const INVALID_COMMAND: &str = "ERR Invalid command passed to redis.acl_check_cmd()";

/// A reply's buffer is kept for the next one up to this size (bytes).
const REPLY_BYTES_KEPT: usize = 64 * 1024;

/// Adds the functions that stop Lua and let the node do something.
///
/// # Errors
/// Memory runs out.
pub(super) fn install_asking(lua: &Lua, shared: &Rc<Shared>, redis: &Table) -> Result<()> {
    let functions: [(&str, ffi::lua_CFunction); 3] =
        [("call", command), ("pcall", try_command), ("acl_check_cmd", may_run)];
    for (name, function) in functions {
        let shared: *const Shared = Rc::as_ptr(shared);
        // SAFETY: 1 and 2 above.
        let function: Function = unsafe {
            lua.exec_raw((), |state| {
                ffi::lua_pushlightuserdata(state, shared.cast_mut().cast::<c_void>());
                ffi::lua_pushcclosure(state, function, 1);
            })
        }?;
        redis.raw_set(name, function)?;
    }
    Ok(())
}

/// What a function here has pushed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pushed {
    Value,
    /// The error of a command, which may be given back as well as raised.
    Error,
    /// An error that is always raised.
    Refusal,
}

/// `redis.call`.
unsafe extern "C-unwind" fn command(state: *mut lua_State) -> c_int {
    // SAFETY: 1 and 2 above.
    unsafe {
        match push_answer(state) {
            Pushed::Value => 1,
            Pushed::Error | Pushed::Refusal => ffi::lua_error(state),
        }
    }
}

/// `redis.pcall`.
unsafe extern "C-unwind" fn try_command(state: *mut lua_State) -> c_int {
    // SAFETY: 1 and 2 above.
    unsafe {
        match push_answer(state) {
            Pushed::Value | Pushed::Error => 1,
            Pushed::Refusal => ffi::lua_error(state),
        }
    }
}

/// `redis.acl_check_cmd`.
unsafe extern "C-unwind" fn may_run(state: *mut lua_State) -> c_int {
    // SAFETY: 1, 2 and 3 above.
    unsafe {
        let shared = shared_of(state);
        match ask_node(state, shared, |side, words| side.may_run(words)) {
            Ok(Some(Some(may))) => {
                ffi::lua_pushboolean(state, c_int::from(may));
                return 1;
            }
            Ok(Some(None)) => push_error(state, INVALID_COMMAND.as_bytes(), false),
            Ok(None) => push_killed(state),
            Err(text) => push_error(state, text.as_bytes(), false),
        }
        ffi::lua_error(state)
    }
}

/// Lets the node run the command that the arguments are, and pushes its reply.
unsafe fn push_answer(state: *mut lua_State) -> Pushed {
    // SAFETY: 1, 2 and 3 above.
    unsafe {
        let shared = shared_of(state);
        if shared.is_loading() {
            push_error(state, LOADING.as_bytes(), false);
            return Pushed::Refusal;
        }
        let run = |side: &mut dyn NodeSide, words: Args<'_>| {
            let mut reply = shared.reply.borrow_mut();
            reply.clear();
            side.run(words, &mut reply, shared.resp.get(), shared.reach.get());
        };
        match ask_node(state, shared, run) {
            Ok(Some(())) => push_reply(state, shared),
            Ok(None) => {
                push_killed(state);
                Pushed::Refusal
            }
            Err(text) => {
                push_error(state, text.as_bytes(), false);
                Pushed::Error
            }
        }
    }
}

unsafe fn shared_of<'a>(state: *mut lua_State) -> &'a Shared {
    // SAFETY: 3 above.
    unsafe { &*ffi::lua_touserdata(state, ffi::lua_upvalueindex(1)).cast::<Shared>() }
}

/// Asks the node something about the arguments of the running function. `None`: the script must end.
///
/// Calls nothing of Lua that may raise.
unsafe fn ask_node<R>(
    state: *mut lua_State,
    shared: &Shared,
    about: impl FnOnce(&mut dyn NodeSide, Args<'_>) -> R,
) -> std::result::Result<Option<R>, &'static str> {
    let mut words = shared.words.borrow_mut();
    // SAFETY: 1 above.
    unsafe { read_words(state, &mut words) }?;
    // What a panic leaves half done is the node's, which gets to know of it.
    let visited = catch_unwind(AssertUnwindSafe(|| visit(|side| about(side, words.args()))));
    drop(words);
    let answer = visited.unwrap_or_else(|panic| {
        ask(Event::Panicked(panic));
        None
    });
    if answer.is_none() {
        shared.is_killed.set(true);
    }
    Ok(answer)
}

/// The arguments of the running function as those of a command; or what is wrong with them.
unsafe fn read_words(
    state: *mut lua_State,
    words: &mut ArgsBuf,
) -> std::result::Result<(), &'static str> {
    // SAFETY: 1 above.
    unsafe {
        words.clear();
        let count = ffi::lua_gettop(state);
        if count == 0 {
            return Err(NO_ARGUMENTS);
        }
        for index in 1..=count {
            let is_room = match ffi::lua_type(state, index) {
                ffi::LUA_TSTRING => words.push(string_at(state, index)),
                ffi::LUA_TNUMBER => push_number(words, ffi::lua_tonumber(state, index)),
                _ => return Err(ODD_ARGUMENTS),
            };
            if is_room.is_err() {
                return Err("ERR the arguments are too large");
            }
        }
        Ok(())
    }
}

/// Adds a number as `%.17g` writes it.
fn push_number(words: &mut ArgsBuf, value: f64) -> std::result::Result<(), ArgsTooLarge> {
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    let is_minus_zero = value == 0.0 && value.is_sign_negative();
    if value.fract() == 0.0 && value.abs() < WHOLE_MAX && !is_minus_zero {
        words.push(itoa::Buffer::new().format(number::integer_of(value)).as_bytes())
    } else {
        words.push(&number::text(value, 17))
    }
}

/// Pushes the value of the reply in [`Shared::reply`].
unsafe fn push_reply(state: *mut lua_State, shared: &Shared) -> Pushed {
    // SAFETY: 1, 2 and 5 above: nothing borrows the buffer while this reads it.
    unsafe {
        let bytes: &[u8] = &*shared.reply.as_ptr();
        let pushed = match bytes.strip_prefix(b"-") {
            Some(error) => {
                push_error(state, error.strip_suffix(b"\r\n").unwrap_or(error), true);
                Pushed::Error
            }
            None => {
                push_value(state, &mut Reader::new(bytes));
                Pushed::Value
            }
        };
        if bytes.len() > REPLY_BYTES_KEPT {
            *shared.reply.borrow_mut() = Vec::new();
        }
        pushed
    }
}

/// Pushes something to raise: whoever catches it sees that the script is killed, and raises that.
unsafe fn push_killed(state: *mut lua_State) {
    // SAFETY: 4 above.
    unsafe { ffi::lua_pushnil(state) }
}
