//! `CLIENT` and its subcommands.

use std::fmt::Write;

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use super::client_filter::ClientFilter;
use super::connection::{BAD_NAME, is_printable};
use super::tracking::redirect;
use super::{Answered, Answerer, ClientQuery, Requester};
use crate::session::hold::Watch;
use crate::session::tracking::Tracking;
use crate::session::{ReplyMode, Session};

pub(super) fn id(_: &Answerer, requester: &mut Requester<'_>, _: Args<'_>) -> Answered {
    let id = i64::try_from(requester.session.id.0).unwrap_or(i64::MAX);
    requester.reply(|reply| reply.integer(id))
}

pub(super) fn getname(_: &Answerer, requester: &mut Requester<'_>, _: Args<'_>) -> Answered {
    let name = requester.session.identity.name.clone();
    requester.reply(|reply| reply.bulk_or_null((!name.is_empty()).then_some(&name)))
}

pub(super) fn setname(_: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    if !is_printable(&args[2]) {
        return requester.refuse(&BAD_NAME);
    }
    requester.session.identity.rename(&args[2]);
    requester.ok()
}

/// Redis 7.0 does not know it yet, but every client library sends it, so it is answered as 7.2 does.
pub(super) fn setinfo(_: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    let option = args[2].to_ascii_lowercase();
    let identity = &mut requester.session.identity;
    let field = match option.as_slice() {
        b"lib-name" => &mut identity.lib_name,
        b"lib-ver" => &mut identity.lib_ver,
        _ => {
            let option = String::from_utf8_lossy(&args[2]);
            let error = ReplyError::new(format!("ERR Unrecognized option '{option}'"));
            return requester.refuse(&error);
        }
    };
    if !is_printable(&args[3]) {
        let option = String::from_utf8_lossy(&option);
        return requester.refuse(&ReplyError::new(format!(
            "ERR {option} cannot contain spaces, newlines or special characters."
        )));
    }
    *field = args[3].to_vec();
    requester.ok()
}

pub(super) fn info(_: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    let line = describe(requester.session, requester.now_us, args.encoded_len());
    requester.reply(|reply| reply.verbatim("txt", line.as_bytes()))
}

pub(super) fn list(_: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    match ClientFilter::parse_list(args) {
        Ok(filter) => Answered::Everywhere(ClientQuery::List(filter, args.encoded_len())),
        Err(error) => requester.refuse(&error),
    }
}

pub(super) fn kill(_: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    if args.len() == 3 {
        return Answered::Everywhere(ClientQuery::KillOne(ClientFilter::addr(&args[2])));
    }
    match ClientFilter::parse_kill(args, requester.session.id) {
        Ok(filter) => Answered::Everywhere(ClientQuery::Kill(filter)),
        Err(error) => requester.refuse(&error),
    }
}

/// The front door evicts nobody, so this is only remembered.
pub(super) fn no_evict(_: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    match on_or_off(&args[2]) {
        Some(is_on) => {
            requester.session.no_evict = is_on;
            requester.ok()
        }
        None => requester.refuse(&ReplyError::SYNTAX),
    }
}

pub(super) fn reply(_: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    let mode = match args[2].to_ascii_lowercase().as_slice() {
        b"on" => ReplyMode::On,
        b"off" => ReplyMode::Off,
        b"skip" => ReplyMode::SkipNext,
        _ => return requester.refuse(&ReplyError::SYNTAX),
    };
    // Neither OFF nor SKIP is answered itself, and SKIP does not turn replies on again.
    match (mode, requester.session.reply_mode) {
        (ReplyMode::On, _) => {
            requester.session.reply_mode = ReplyMode::On;
            requester.ok()
        }
        (ReplyMode::SkipNext, ReplyMode::Off) => Answered::Here,
        (mode, _) => {
            requester.session.reply_mode = mode;
            Answered::Here
        }
    }
}

pub(super) fn on_or_off(text: &[u8]) -> Option<bool> {
    match text.to_ascii_lowercase().as_slice() {
        b"on" => Some(true),
        b"off" => Some(false),
        _ => None,
    }
}

/// The line that `CLIENT LIST` and `CLIENT INFO` show for a client, with its line end.
///
/// Fields and their order are those of a Redis 7.2; what the front door has no notion of is zero. `request_bytes` are
/// those of the request that asks, which a Redis still has before it; 0 for the lines of others.
pub(crate) fn describe(session: &Session, now_us: u64, request_bytes: usize) -> String {
    let mut line = String::new();
    let seconds = |since_us: u64| now_us.saturating_sub(since_us) / 1_000_000;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let unread = session.unread.as_ref().map_or(0, |unread| unread.bytes.len()) + request_bytes;
    let output = session.buffered_bytes();
    // Writing to a String cannot fail.
    let _ = writeln!(
        line,
        "id={} addr={} laddr={} fd=-1 name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} \
         multi={} qbuf={unread} qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl={output} oll=0 \
         omem=0 tot-mem={} events=r cmd={} user=default redir={} resp={} \
         lib-name={} lib-ver={}",
        session.id.0,
        session.peer_addr,
        session.local_addr,
        text(&session.identity.name),
        seconds(session.connected_us),
        seconds(session.active_us),
        flags(session),
        session.database,
        session.subscriptions.channels,
        session.subscriptions.patterns,
        session.subscriptions.shards,
        session.transaction.as_ref().map_or(-1, |t| i64::try_from(t.len()).unwrap_or(i64::MAX)),
        unread + output,
        session.last_command.map_or("NULL", |command| command.name),
        redirect(session.tracking.as_deref()),
        session.resp.number(),
        text(&session.identity.lib_name),
        text(&session.identity.lib_ver),
    );
    line
}

/// What kind of client it is, a letter each; `N` for nothing special.
fn flags(session: &Session) -> String {
    let tracking = session.tracking.as_deref();
    let letters = [
        ('O', session.subscriptions.is_monitor),
        ('P', session.subscriptions.count() > 0),
        ('x', session.transaction.is_some()),
        ('b', session.is_waiting()),
        ('t', tracking.is_some()),
        ('R', tracking.is_some_and(|tracking| tracking.is_redirect_broken)),
        ('B', tracking.is_some_and(Tracking::is_broadcast)),
        ('d', matches!(session.watch, Watch::Lost(_))),
        ('e', session.no_evict),
    ];
    let flags: String = letters.iter().filter(|(_, has)| *has).map(|(letter, _)| letter).collect();
    if flags.is_empty() { "N".to_owned() } else { flags }
}
