//! `EVAL` and its company, and `SCRIPT`.
//!
//! Source: redis `src/eval.c`.

use std::ffi::c_int;

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is, is_flush_mode};
use crate::execute::{Call, Handler};
use crate::scripting::{Digest, Entry, Kill, ScriptFlags, digest_in, digest_of, start};

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("eval", eval),
    ("eval_ro", eval),
    ("evalsha", eval_by_digest),
    ("evalsha_ro", eval_by_digest),
    ("script|load", load),
    ("script|exists", exists),
    ("script|flush", flush),
    ("script|kill", kill),
    ("script|debug", debug),
    ("script|help", super::help),
];

/// How many of the arguments behind the count are keys.
pub(super) fn keys_count(call: &Call<'_>) -> Result<usize, ReplyError> {
    let count = integer(call.arg(2))?;
    let behind = call.args.len() - 3;
    let Ok(count) = usize::try_from(count) else {
        return Err(ReplyError::new("ERR Number of keys can't be negative"));
    };
    if count > behind {
        return Err(ReplyError::new("ERR Number of keys can't be greater than number of args"));
    }
    Ok(count)
}

fn eval(call: &mut Call<'_>) -> Result<(), ReplyError> {
    // Before the commands that it runs.
    call.show_line();
    let source = call.arg(1);
    let (digest, script) = call.node.scripting.scripts.find_source(source);
    let script = match script {
        Some(script) => script,
        None => {
            keys_count(call)?;
            call.node.add_script(digest, source).map_err(|text| refusal(&text))?
        }
    };
    run(call, digest, script)
}

fn eval_by_digest(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.show_line();
    let unknown = ReplyError::from_static("NOSCRIPT No matching script. Please use EVAL.");
    let Some(digest) = digest_in(call.arg(1)) else { return Err(unknown) };
    let Some(script) = call.node.scripting.scripts.find(&digest) else {
        keys_count(call)?;
        return Err(unknown);
    };
    let script = (script.flags, script.number);
    run(call, digest, script)
}

fn run(
    call: &mut Call<'_>,
    digest: Digest,
    (flags, number): (ScriptFlags, c_int),
) -> Result<(), ReplyError> {
    let count = keys_count(call)?;
    start(call, Entry::Script(digest, number), flags, count)
}

/// An error whose text came from a script's source.
fn refusal(text: &[u8]) -> ReplyError {
    ReplyError::new(String::from_utf8_lossy(text).into_owned())
}

fn load(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let source = call.arg(2);
    let digest = digest_of(source);
    if let Err(text) = call.node.add_script(digest, source) {
        return Err(refusal(&text));
    }
    call.reply.bulk(&digest);
    Ok(())
}

fn exists(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let args = call.args;
    call.reply.array(args.len() - 2);
    for arg in args.iter().skip(2) {
        let digest = digest_in(arg);
        let is_there = digest.is_some_and(|d| call.node.scripting.scripts.find(&d).is_some());
        call.reply.integer(i64::from(is_there));
    }
    Ok(())
}

fn flush(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if !is_flush_mode(call, 2) {
        return Err(ReplyError::new("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    }
    call.node.flush_scripts();
    call.reply.ok();
    Ok(())
}

fn kill(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.node.scripting.kill(Kill::Script)?;
    call.reply.ok();
    Ok(())
}

/// There is no debugger here, so it can only be left off.
fn debug(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let mode = call.arg(2);
    if is(mode, "NO") {
        call.reply.ok();
        Ok(())
    } else if is(mode, "YES") || is(mode, "SYNC") {
        Err(ReplyError::new("ERR SCRIPT DEBUG is not supported by this node"))
    } else {
        Err(ReplyError::new("ERR Use SCRIPT DEBUG YES/SYNC/NO"))
    }
}
