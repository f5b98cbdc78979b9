//! `string.find`, `match`, `gmatch`, `gsub` and `rep`.
//!
//! `gmatch`, and `gsub` with a function or a table, are loops of the prelude over [`find_next`], so that what their
//! functions raise passes no frame of ours.

use std::rc::Rc;

use mlua::{Lua, MultiValue, Result, Table, Value};

use crate::scripting::fault;
use crate::scripting::libraries::arguments::{Arguments, Bytes};
use crate::scripting::libraries::pattern::{Broken, Captured, Matcher};
use crate::scripting::machine::Shared;
use crate::scripting::number;

/// Bytes that make a pattern more than a text to search for.
const SPECIALS: &[u8] = b"^$*+?.([%-";

/// Bytes that are written between two looks at the clock.
const LOOK_BYTES: usize = 1 << 20;

pub(super) fn install(lua: &Lua, shared: &Rc<Shared>, host: &Table) -> Result<()> {
    let string = lua.create_table()?;
    let add = |table: &Table, name: &str, function: Function| -> Result<()> {
        let shared = Rc::clone(shared);
        let function =
            lua.create_function(move |lua, args: MultiValue| function(lua, &shared, &args))?;
        table.raw_set(name, function)
    };
    add(&string, "find", |lua, shared, args| search(lua, shared, args, Wanted::Place))?;
    add(&string, "match", |lua, shared, args| search(lua, shared, args, Wanted::Captures))?;
    add(&string, "rep", repeat)?;
    host.raw_set("string", string)?;
    add(host, "plain_gsub", replace)?;
    host.raw_set("int", lua.create_function(|_, n: f64| Ok(int(number::integer_of(n))))?)?;
    add(host, "find_next", find_next)
}

type Function = fn(&Lua, &Shared, &MultiValue) -> Result<MultiValue>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Place,
    Captures,
}

/// What is wrong, as an error of the function whose arguments these are.
fn raise(arguments: &Arguments<'_>, broken: Broken) -> mlua::Error {
    match broken {
        Broken::Pattern(text) => arguments.fail_all(text.as_bytes()),
        Broken::Ended(error) => error,
    }
}

#[expect(clippy::cast_possible_wrap, reason = "no text is so long")]
fn place(at: usize) -> Value {
    Value::Integer(at as i64)
}

fn search(lua: &Lua, shared: &Shared, args: &MultiValue, wanted: Wanted) -> Result<MultiValue> {
    let arguments = Arguments::new(lua, args);
    let (text, pattern) = (arguments.bytes(1)?, arguments.bytes(2)?);
    let len = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let init = arguments.integer_or(3, 1)?;
    let init = if init < 0 { init.saturating_add(len).saturating_add(1) } else { init };
    let init = usize::try_from((init - 1).clamp(0, len)).unwrap_or(0);
    let is_plain = !matches!(arguments.value(4), None | Some(Value::Nil | Value::Boolean(false)));
    let has_specials = pattern.iter().any(|byte| SPECIALS.contains(byte));
    if wanted == Wanted::Place && (is_plain || !has_specials) {
        let found = memchr::memmem::find(&text[init..], &pattern);
        return Ok(found.map_or_else(nil, |at| {
            MultiValue::from_vec(vec![place(init + at + 1), place(init + at + pattern.len())])
        }));
    }
    let (is_anchored, rest) = match pattern.strip_prefix(b"^") {
        Some(rest) => (true, rest),
        None => (false, &*pattern),
    };
    let mut matcher = Matcher::new(shared, &text, rest);
    let starts = (init, if is_anchored { init } else { text.len() });
    let Some((start, end)) = first_match(&mut matcher, starts, &arguments)? else {
        return Ok(nil());
    };
    let mut found = Vec::new();
    if wanted == Wanted::Place {
        found.extend([place(start + 1), place(end)]);
    }
    let is_whole = wanted == Wanted::Captures;
    push_captures(lua, &matcher, (start, end), is_whole, &mut found)
        .map_err(|error| error.unwrap_or_raise(&arguments))?;
    Ok(MultiValue::from_vec(found))
}

/// Where the first match begins and ends that begins at one of these places, both ends included.
fn first_match(
    matcher: &mut Matcher<'_>,
    (first, last): (usize, usize),
    arguments: &Arguments<'_>,
) -> Result<Option<(usize, usize)>> {
    for start in first..=last {
        if let Some(end) = matcher.match_at(start).map_err(|broken| raise(arguments, broken))? {
            return Ok(Some((start, end)));
        }
    }
    Ok(None)
}

fn nil() -> MultiValue {
    MultiValue::from_vec(vec![Value::Nil])
}

/// Why captures could not be handed over.
enum Unpushed {
    Broken(Broken),
    Lua(mlua::Error),
}

impl Unpushed {
    fn unwrap_or_raise(self, arguments: &Arguments<'_>) -> mlua::Error {
        match self {
            Unpushed::Broken(broken) => raise(arguments, broken),
            Unpushed::Lua(error) => error,
        }
    }
}

fn push_captures(
    lua: &Lua,
    matcher: &Matcher<'_>,
    (start, end): (usize, usize),
    is_whole: bool,
    out: &mut Vec<Value>,
) -> std::result::Result<(), Unpushed> {
    let count = matcher.captures_count();
    let count = if count == 0 && is_whole { 1 } else { count };
    for index in 0..count {
        out.push(match matcher.captured(index, start, end).map_err(Unpushed::Broken)? {
            Captured::Position(at) => place(at),
            Captured::Bytes(bytes) => {
                Value::String(lua.create_string(bytes).map_err(Unpushed::Lua)?)
            }
        });
    }
    Ok(())
}

/// The next match from a place on: where it begins and ends (from 1, the end excluded), its text, its captures.
fn find_next(lua: &Lua, shared: &Shared, args: &MultiValue) -> Result<MultiValue> {
    let arguments = Arguments::passed_on(lua, args);
    let (text, pattern) = (arguments.bytes(1)?, arguments.bytes(2)?);
    let from = usize::try_from(arguments.integer(3)? - 1).unwrap_or(0);
    let may_anchor = matches!(arguments.value(4), Some(Value::Boolean(true)));
    let (is_anchored, rest) = match pattern.strip_prefix(b"^") {
        Some(rest) if may_anchor => (true, rest),
        _ => (false, &*pattern),
    };
    let mut matcher = Matcher::new(shared, &text, rest);
    // Behind the end of the text there is nothing, anchored or not.
    let starts = (from, if is_anchored { from.min(text.len()) } else { text.len() });
    let Some((start, end)) = first_match(&mut matcher, starts, &arguments)? else {
        return Ok(nil());
    };
    let whole = lua.create_string(&text[start..end])?;
    let mut found = vec![place(start + 1), place(end + 1), Value::String(whole)];
    push_captures(lua, &matcher, (start, end), true, &mut found)
        .map_err(|error| error.unwrap_or_raise(&arguments))?;
    Ok(MultiValue::from_vec(found))
}

/// `gsub` with a text; and the refusal of everything that is neither that, nor a function, nor a table.
fn replace(lua: &Lua, shared: &Shared, args: &MultiValue) -> Result<MultiValue> {
    let arguments = Arguments::passed_on(lua, args);
    let (text, pattern) = (arguments.bytes(1)?, arguments.bytes(2)?);
    let with = match arguments.value(3) {
        Some(Value::String(_) | Value::Integer(_) | Value::Number(_)) => arguments.bytes(3)?,
        Some(Value::Function(_) | Value::Table(_)) => Bytes::Own(Vec::new()),
        _ => return Err(arguments.fail(3, "string/function/table expected")),
    };
    let all = i64::try_from(text.len()).unwrap_or(i64::MAX).saturating_add(1);
    let max = int(arguments.integer_or(4, all)?);
    let (is_anchored, rest) = match pattern.strip_prefix(b"^") {
        Some(rest) => (true, rest),
        None => (false, &*pattern),
    };
    let mut matcher = Matcher::new(shared, &text, rest);
    let (mut out, mut at, mut count, mut looked) = (Vec::new(), 0, 0, 0);
    while count < max {
        let found = matcher.match_at(at).map_err(|broken| raise(&arguments, broken))?;
        if let Some(end) = found {
            count += 1;
            add_replacement(&matcher, &with, (at, end), &mut out)
                .map_err(|broken| raise(&arguments, broken))?;
        }
        if out.len() > shared.string_bytes_max() {
            return Err(fault::out_of_memory());
        }
        if out.len() > looked + LOOK_BYTES {
            looked = out.len();
            shared.look()?;
        }
        match found {
            Some(end) if end > at => at = end,
            _ if at < text.len() => {
                out.push(text[at]);
                at += 1;
            }
            _ => break,
        }
        if is_anchored {
            break;
        }
    }
    out.extend_from_slice(&text[at..]);
    Ok(MultiValue::from_vec(vec![Value::String(lua.create_string(out)?), Value::Integer(count)]))
}

/// What is left of a number in C's `int`.
#[expect(clippy::cast_possible_truncation, reason = "C cuts it off")]
fn int(number: i64) -> i64 {
    i64::from(number as i32)
}

fn add_replacement(
    matcher: &Matcher<'_>,
    with: &[u8],
    (start, end): (usize, usize),
    out: &mut Vec<u8>,
) -> std::result::Result<(), Broken> {
    let mut bytes = with.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'%' {
            out.push(*byte);
            continue;
        }
        let index = match bytes.next() {
            Some(b'0') => None,
            Some(digit) if digit.is_ascii_digit() => Some(usize::from(digit - b'1')),
            other => {
                out.extend(other);
                if other.is_none() {
                    // A zero byte stands behind every text of C.
                    out.push(0);
                }
                continue;
            }
        };
        let Some(index) = index else {
            if let Captured::Bytes(whole) = matcher.whole(start, end) {
                out.extend_from_slice(whole);
            }
            continue;
        };
        match matcher.captured(index, start, end)? {
            Captured::Bytes(bytes) => out.extend_from_slice(bytes),
            Captured::Position(at) => {
                out.extend_from_slice(itoa::Buffer::new().format(at).as_bytes());
            }
        }
    }
    Ok(())
}

fn repeat(lua: &Lua, shared: &Shared, args: &MultiValue) -> Result<MultiValue> {
    let arguments = Arguments::new(lua, args);
    let text = arguments.bytes(1)?;
    let count = usize::try_from(int(arguments.integer(2)?)).unwrap_or(0);
    let bytes = text.len().saturating_mul(count);
    if bytes > shared.string_bytes_max() {
        return Err(fault::out_of_memory());
    }
    shared.look()?;
    let whole = lua.create_string(if bytes == 0 { Vec::new() } else { text.repeat(count) })?;
    Ok(MultiValue::from_vec(vec![Value::String(whole)]))
}
