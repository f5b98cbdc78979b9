//! `CLIENT UNBLOCK`, `CLIENT PAUSE` and `CLIENT UNPAUSE`: which clients wait, and which go on.
//!
//! Source: redis `src/networking.c` clientCommand, for the order in which arguments are looked at.

use std::time::Duration;

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::{Args, parse_integer};

use super::{Answered, Answerer, ClientQuery, PauseMode, Requester, Unblock};
use crate::errand::ClientId;

pub(super) fn unblock(_: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    let how = match args.get(3) {
        _ if args.len() > 4 => return requester.refuse(&usage("UNBLOCK")),
        None => Unblock::Timeout,
        Some(word) if word.eq_ignore_ascii_case(b"timeout") => Unblock::Timeout,
        Some(word) if word.eq_ignore_ascii_case(b"error") => Unblock::Error,
        Some(_) => {
            return requester.refuse(&ReplyError::from_static(
                "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
            ));
        }
    };
    let Some(id) = parse_integer(&args[2]) else {
        return requester.refuse(&ReplyError::NOT_INTEGER);
    };
    // Nobody has a number below 1.
    let client = ClientId(u64::try_from(id).unwrap_or(0));
    Answered::Everywhere(ClientQuery::Unblock(client, how))
}

pub(super) fn pause(_: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    let mode = match args.get(3) {
        _ if args.len() > 4 => return requester.refuse(&usage("PAUSE")),
        None => PauseMode::All,
        Some(word) if word.eq_ignore_ascii_case(b"write") => PauseMode::Writes,
        Some(word) if word.eq_ignore_ascii_case(b"all") => PauseMode::All,
        Some(_) => {
            return requester
                .refuse(&ReplyError::from_static("ERR CLIENT PAUSE mode must be WRITE or ALL"));
        }
    };
    let Some(ms) = parse_integer(&args[2]) else {
        return requester
            .refuse(&ReplyError::from_static("ERR timeout is not an integer or out of range"));
    };
    match u64::try_from(ms) {
        Ok(ms) => Answered::Everywhere(ClientQuery::Pause(Duration::from_millis(ms), mode)),
        Err(_) => requester.refuse(&ReplyError::from_static("ERR timeout is negative")),
    }
}

pub(super) fn unpause(_: &Answerer, _: &mut Requester<'_>, _: Args<'_>) -> Answered {
    Answered::Everywhere(ClientQuery::Unpause)
}

fn usage(subcommand: &str) -> ReplyError {
    ReplyError::new(format!(
        "ERR unknown subcommand or wrong number of arguments for '{subcommand}'. Try CLIENT HELP."
    ))
}
