//! Lua's own C interface, for what every call of a script does: its words in, its commands, their replies.
//!
//! The bridge (mlua) guards each value that it makes by a call of Lua's with two closures, keeps a reference for each
//! value that it looks at, and needs an allocation for the arguments of a function. For a script of one `GET` that
//! was half of all its instructions (35 000 of them, now 14 600; a Redis takes 18 000), which is why this is here.
//!
//! This and `values` below it are the only unsafe code of scripts. What they rely on:
//!
//! 1. Lua raises errors by `longjmp`, over the frames of the functions here. No value that has something to drop is
//!    alive in a frame where Lua may raise: what a function of Lua's that may raise is given are numbers, and slices of
//!    buffers that [`Shared`] or the caller of [`call`] owns. Where Rust values with a destructor are at work
//!    ([`hand_over`]), nothing of Lua is called that allocates or raises: `lua_gettop`, `lua_type`, `lua_tonumber`
//!    and, of strings only, `lua_tolstring`.
//! 2. Each function is called by Lua, or from [`Lua::exec_raw`], which catches what is raised.
//! 3. The pointer in the first upvalue is that of the [`Shared`] which [`serve`](super::machine::serve) keeps longer
//!    than the state. Only the functions here see their upvalues, since scripts have no `debug`.
//! 4. A C function has room for 20 values; where more may be pushed, the room is asked for.
//! 5. The bytes of a reply lie in `Shared::reply` and stay as they are while values are made of them: that makes no
//!    garbage collector run code that could ask for another command, for nothing here has a finalizer that does.
//!
//! Source: the reference manual of Lua 5.1, section 3; redis `src/script_lua.c` luaRedisGenericCommand,
//! redisProtocolToLuaType.

#![expect(unsafe_code, reason = "Lua is C; the proof is above")]

mod values;

use std::ffi::{c_int, c_void};
use std::rc::Rc;

use mlua::ffi::{self, lua_State};
use mlua::{Function, Lua, Result, Table, Value};
use reddoor_protocol::request::{Args, ArgsBuf, ArgsTooLarge};

use crate::scripting::fiber::{Event, Resume, ask};
use crate::scripting::machine::Shared;
use crate::scripting::number;
use crate::scripting::raw::values::{Reader, push_bytes, push_error, push_value};

const NO_ARGUMENTS: &str = "ERR Please specify at least one argument for this redis lib call";
const ODD_ARGUMENTS: &str = "ERR Lua redis lib command arguments must be strings or integers";
const LOADING: &str = "ERR redis.call/pcall can only be called inside a script invocation";
const INVALID_COMMAND: &str = "ERR Invalid command passed to redis.acl_check_cmd()";

/// A reply's buffer is kept for the next one up to this size (bytes).
const REPLY_BYTES_KEPT: usize = 64 * 1024;

/// Runs the prelude's function `run` with a script's function, which lies in `functions` at `index`, and two tables of
/// its keys and arguments. Whether it ended well, and with what.
///
/// # Errors
/// Memory ran out around it.
pub(super) fn call(
    lua: &Lua,
    run: &Function,
    function: &Place<'_>,
    words: Args<'_>,
    keys_count: usize,
) -> Result<(bool, Value)> {
    // SAFETY: 1 and 2 above; the closure owns nothing, and its values are those of its arguments.
    unsafe {
        match *function {
            Place::Script(functions, index) => lua.exec_raw((run, functions), |state| {
                ffi::lua_rawgeti_(state, 2, index);
                ffi::lua_replace(state, 2);
                run_with_words(state, words, keys_count);
            }),
            Place::Function(ref function) => {
                lua.exec_raw((run, function), |state| run_with_words(state, words, keys_count))
            }
        }
    }
}

/// Where a script's function is.
pub(super) enum Place<'a> {
    /// In this table under this number.
    Script(&'a Table, c_int),
    Function(Value),
}

unsafe fn run_with_words(state: *mut lua_State, words: Args<'_>, keys_count: usize) {
    // SAFETY: 1, 2 and 4 above: two values are there, and six at most are added.
    unsafe {
        push_words(state, words, 0, keys_count);
        push_words(state, words, keys_count, words.len());
        ffi::lua_call(state, 3, ffi::LUA_MULTRET);
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
        match hand_over(state, shared, Event::MayRun) {
            Ok(Answer::MayRun(Some(may))) => {
                ffi::lua_pushboolean(state, c_int::from(may));
                return 1;
            }
            Ok(Answer::MayRun(None)) => push_error(state, INVALID_COMMAND.as_bytes(), false),
            Ok(_) => push_killed(state),
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
        let (resp, reach) = (shared.resp.get(), shared.reach.get());
        let to_event = |words| {
            let reply = std::mem::take(&mut *shared.reply.borrow_mut());
            Event::Call { words, reply, resp, reach }
        };
        match hand_over(state, shared, to_event) {
            Ok(Answer::Reply) => push_reply(state, shared),
            Ok(_) => {
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

/// What the node answered.
enum Answer {
    /// It is in [`Shared::reply`].
    Reply,
    MayRun(Option<bool>),
    Killed,
}

/// Hands an event made of the arguments over to the node, and keeps the buffers that come back.
///
/// Calls nothing of Lua that may raise.
unsafe fn hand_over(
    state: *mut lua_State,
    shared: &Shared,
    to_event: impl FnOnce(ArgsBuf) -> Event,
) -> std::result::Result<Answer, &'static str> {
    let mut words = std::mem::take(&mut *shared.words.borrow_mut());
    // SAFETY: 1 above.
    unsafe { read_words(state, &mut words) }?;
    match ask(to_event(words)) {
        Resume::Reply { words, reply } => {
            *shared.words.borrow_mut() = words;
            *shared.reply.borrow_mut() = reply;
            Ok(Answer::Reply)
        }
        Resume::MayRun(answer) => Ok(Answer::MayRun(answer)),
        _ => {
            shared.is_killed.set(true);
            Ok(Answer::Killed)
        }
    }
}

/// The arguments of the running function as those of a command; or what is wrong with them.
unsafe fn read_words(
    state: *mut lua_State,
    words: &mut ArgsBuf,
) -> std::result::Result<(), &'static str> {
    // SAFETY: 1 above: `lua_tolstring` is called of strings only, which it leaves as they are, and whose bytes stay
    // where they are while they are on the stack.
    unsafe {
        words.clear();
        let count = ffi::lua_gettop(state);
        if count == 0 {
            return Err(NO_ARGUMENTS);
        }
        for index in 1..=count {
            let is_room = match ffi::lua_type(state, index) {
                ffi::LUA_TSTRING => {
                    let mut len = 0;
                    let start = ffi::lua_tolstring(state, index, &raw mut len);
                    words.push(std::slice::from_raw_parts(start.cast::<u8>(), len))
                }
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
