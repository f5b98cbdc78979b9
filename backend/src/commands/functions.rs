//! `FUNCTION` and `FCALL`.
//!
//! Source: redis `src/functions.c`.

use reddoor_protocol::command::glob;
use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{is, is_flush_mode, quoted};
use crate::commands::scripting::keys_count;
use crate::data::rdb::functions;
use crate::execute::{Call, Handler};
use crate::scripting::{Entry, Kill, Policy, start};

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("fcall", call_function),
    ("fcall_ro", call_function),
    ("function|load", load),
    ("function|delete", delete),
    ("function|flush", flush),
    ("function|list", list),
    ("function|dump", dump),
    ("function|restore", restore),
    ("function|stats", stats),
    ("function|kill", kill),
    ("function|help", super::help),
];

fn call_function(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.show_line();
    let name = String::from_utf8_lossy(call.arg(1)).into_owned();
    let Some((library, name, info)) = call.node.scripting.libraries.function(&name) else {
        return Err(ReplyError::new("ERR Function not found"));
    };
    let (entry, flags) = (Entry::Function(library.number, name.to_owned()), info.flags);
    let count = keys_count(call).map_err(|error| {
        let is_number = error != ReplyError::NOT_INTEGER;
        if is_number { error } else { ReplyError::new("ERR Bad number of keys provided") }
    })?;
    start(call, entry, flags, count)
}

fn load(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let replaces = call.args.len() == 4 && is(call.arg(2), "REPLACE");
    let index = if replaces { 3 } else { 2 };
    if call.args.len() != index + 1 {
        let option = String::from_utf8_lossy(call.arg(2)).into_owned();
        return Err(ReplyError::new(format!("ERR Unknown option given: {option}")));
    }
    let policy = if replaces { Policy::Replace } else { Policy::Refuse };
    let name = call.node.load_library(call.arg(index), policy)?;
    call.node.changes += 1;
    call.reply.bulk(name.as_bytes());
    Ok(())
}

fn delete(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let name = String::from_utf8_lossy(call.arg(2)).into_owned();
    if !call.node.delete_library(&name) {
        return Err(ReplyError::new("ERR Library not found"));
    }
    call.node.changes += 1;
    call.reply.ok();
    Ok(())
}

fn flush(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if call.args.len() > 3 {
        return Err(odd_count(call));
    }
    if !is_flush_mode(call, 2) {
        return Err(ReplyError::new("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
    }
    call.node.flush_libraries();
    call.node.changes += 1;
    call.reply.ok();
    Ok(())
}

/// The answer to a subcommand with more arguments than it takes.
fn odd_count(call: &Call<'_>) -> ReplyError {
    let name = quoted(call.arg(1));
    ReplyError::new(format!(
        "ERR unknown subcommand or wrong number of arguments for '{name}'. Try FUNCTION HELP."
    ))
}

/// What `FUNCTION LIST` is asked for.
#[derive(Default)]
struct ListOptions<'a> {
    pattern: Option<&'a [u8]>,
    has_code: bool,
}

impl<'a> ListOptions<'a> {
    fn parse(call: &Call<'a>) -> Result<ListOptions<'a>, ReplyError> {
        let mut options = ListOptions::default();
        let mut args = call.args.iter().skip(2);
        while let Some(arg) = args.next() {
            if !options.has_code && is(arg, "WITHCODE") {
                options.has_code = true;
            } else if options.pattern.is_none() && is(arg, "LIBRARYNAME") {
                let pattern = args.next();
                options.pattern =
                    Some(pattern.ok_or_else(|| {
                        ReplyError::new("ERR library name argument was not given")
                    })?);
            } else {
                let arg = String::from_utf8_lossy(arg);
                return Err(ReplyError::new(format!("ERR Unknown argument {arg}")));
            }
        }
        Ok(options)
    }
}

fn list(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let options = ListOptions::parse(call)?;
    let libraries = call.node.scripting.libraries.iter();
    let fits = |name: &str| {
        options
            .pattern
            .is_none_or(|pattern| glob::is_match(pattern, name.as_bytes(), glob::Case::Ignored))
    };
    let wanted: Vec<_> = libraries.filter(|(name, _)| fits(name)).collect();
    call.reply.array(wanted.len());
    for (name, library) in wanted {
        let reply = &mut call.reply;
        reply.map(if options.has_code { 4 } else { 3 });
        reply.bulk(b"library_name");
        reply.bulk(name.as_bytes());
        reply.bulk(b"engine");
        reply.bulk(b"LUA");
        reply.bulk(b"functions");
        reply.array(library.functions.len());
        for (name, function) in &library.functions {
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(name.as_bytes());
            reply.bulk(b"description");
            reply.bulk_or_null(function.description.as_deref());
            reply.bulk(b"flags");
            reply.set(function.flags.names().count());
            function.flags.names().for_each(|flag| reply.simple(flag));
        }
        if options.has_code {
            reply.bulk(b"library_code");
            reply.bulk(&library.code);
        }
    }
    Ok(())
}

fn stats(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let scripting = &call.node.scripting;
    let busy = scripting.busy_function()?;
    let reply = &mut call.reply;
    reply.map(2);
    reply.bulk(b"running_script");
    match busy {
        None => reply.null(),
        Some(busy) => {
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(busy.name.as_bytes());
            reply.bulk(b"command");
            reply.array(busy.words.len());
            busy.words.iter().for_each(|word| reply.bulk(word));
            reply.bulk(b"duration_ms");
            reply.integer(i64::try_from(busy.took.as_millis()).unwrap_or(i64::MAX));
        }
    }
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(2);
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    reply.bulk(b"libraries_count");
    reply.integer(count(scripting.libraries.len()));
    reply.bulk(b"functions_count");
    reply.integer(count(scripting.libraries.functions_count()));
    Ok(())
}

fn kill(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.node.scripting.kill(Kill::Function)?;
    call.reply.ok();
    Ok(())
}

fn dump(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let compression = super::dump::compression(call);
    let payload = functions::write(call.node.scripting.libraries.codes(), compression);
    call.reply.bulk(&payload);
    Ok(())
}

/// What becomes of the libraries that are there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Restore {
    Flush,
    Append,
    Replace,
}

fn restore(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if call.args.len() > 4 {
        return Err(odd_count(call));
    }
    let policy = match call.args.get(3) {
        None => Restore::Append,
        Some(word) if is(word, "FLUSH") => Restore::Flush,
        Some(word) if is(word, "APPEND") => Restore::Append,
        Some(word) if is(word, "REPLACE") => Restore::Replace,
        Some(_) => {
            return Err(ReplyError::new(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
    };
    let codes = functions::read(call.arg(2)).map_err(ReplyError::new)?;
    restore_all(call, &codes, policy)?;
    call.node.changes += 1;
    call.reply.ok();
    Ok(())
}

/// Loads all of them, or none: what was there before is put back if one cannot be loaded.
fn restore_all(call: &mut Call<'_>, codes: &[Vec<u8>], policy: Restore) -> Result<(), ReplyError> {
    let node = &mut *call.node;
    let before: Vec<_> =
        node.scripting.libraries.iter().map(|(_, library)| library.code.clone()).collect();
    if policy == Restore::Flush {
        node.flush_libraries();
    }
    let how = if policy == Restore::Replace { Policy::Replace } else { Policy::RefuseToAppend };
    let failed = codes.iter().find_map(|code| node.load_library(code, how).err());
    let Some(error) = failed else { return Ok(()) };
    node.flush_libraries();
    for code in before {
        // It was loaded before, from the same code.
        let _ = node.load_library(&code, Policy::Replace);
    }
    Err(error)
}
