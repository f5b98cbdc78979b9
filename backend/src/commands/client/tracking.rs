//! `CLIENT TRACKING` and what belongs to it: which changes of keys a client wants to be told.
//!
//! Source: redis `src/networking.c` clientCommand, `src/tracking.c` checkPrefixCollisionsOrReply.

use std::collections::BTreeSet;

use reddoor_protocol::reply_error::ReplyError;

use crate::client::ClientId;
use crate::commands::argument::{integer, is, quoted};
use crate::execute::Call;
use crate::tracking::{Choice, Mode, Prefix, Redirect, Tracker, Tracking};

const SWITCH_BCAST: &str = "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
                            re-enabling it with a different mode.";

const SWITCH_CHOICE: &str = "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
                             re-enabling it with a different mode.";

const NOT_TRACKING: &str = "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or \
                            OPTOUT mode enabled";

/// The options of `CLIENT TRACKING`, as they came.
#[derive(Default)]
struct Options<'a> {
    redirect: Option<Redirect>,
    tracks_prefixes: bool,
    prefixes: Vec<&'a [u8]>,
    is_opt_in: bool,
    is_opt_out: bool,
    is_no_loop: bool,
}

pub(super) fn tracking(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let options = parse(call)?;
    let prefix_bytes: usize = options.prefixes.iter().map(|p| p.len() + PREFIX_BYTES).sum();
    match call.arg(2) {
        mode if is(mode, "ON") => {
            let tracker = tracker(call, options)?;
            call.node.tracking.begin(call.client.id, tracker);
            call.client.prefix_bytes += prefix_bytes;
        }
        mode if is(mode, "OFF") => {
            call.node.tracking.end(call.client.id);
            call.client.prefix_bytes = 0;
        }
        _ => return Err(ReplyError::SYNTAX),
    }
    call.node.keep_journal();
    call.reply.ok();
    Ok(())
}

/// What a prefix takes beside its bytes in the tables of both sides, about.
const PREFIX_BYTES: usize = 128;

fn parse<'a>(call: &Call<'a>) -> Result<Options<'a>, ReplyError> {
    let mut options = Options::default();
    let mut args = call.args.iter().skip(3);
    while let Some(option) = args.next() {
        if is(option, "BCAST") {
            options.tracks_prefixes = true;
        } else if is(option, "OPTIN") {
            options.is_opt_in = true;
        } else if is(option, "OPTOUT") {
            options.is_opt_out = true;
        } else if is(option, "NOLOOP") {
            options.is_no_loop = true;
        } else if is(option, "REDIRECT") {
            let id = args.next().ok_or(ReplyError::SYNTAX)?;
            if options.redirect.is_some() {
                return Err(ReplyError::new(
                    "ERR A client can only redirect to a single other client",
                ));
            }
            options.redirect = Some(redirect(call, id)?);
        } else if is(option, "PREFIX") {
            options.prefixes.push(args.next().ok_or(ReplyError::SYNTAX)?);
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    Ok(options)
}

/// The client of a number, who must be connected when it is named.
fn redirect(call: &Call<'_>, id: &[u8]) -> Result<Redirect, ReplyError> {
    let id = ClientId(integer(id)?.cast_unsigned());
    let others = call.node.clients.iter();
    let found = others.chain([&*call.client]).find(|client| client.id == id);
    let seat =
        found.ok_or(ReplyError::new("ERR The client ID you want redirect to does not exist"))?.seat;
    Ok(Redirect { to: id, seat })
}

/// How the client is to track from now on.
///
/// # Errors
/// The options contradict each other, or how it has tracked so far.
fn tracker(call: &Call<'_>, options: Options<'_>) -> Result<Tracker, ReplyError> {
    let before = call.node.tracking.tracker(call.client.id);
    if !options.tracks_prefixes && !options.prefixes.is_empty() {
        return Err(ReplyError::new("ERR PREFIX option requires BCAST mode to be enabled"));
    }
    if before.is_some_and(|before| before.tracks_prefixes() != options.tracks_prefixes) {
        return Err(ReplyError::new(SWITCH_BCAST));
    }
    if options.tracks_prefixes && (options.is_opt_in || options.is_opt_out) {
        return Err(ReplyError::new("ERR OPTIN and OPTOUT are not compatible with BCAST"));
    }
    let choice = match (options.is_opt_in, options.is_opt_out) {
        (true, true) => {
            return Err(ReplyError::new("ERR You can't specify both OPTIN mode and OPTOUT mode"));
        }
        (true, false) => Choice::OptIn,
        (false, true) => Choice::OptOut,
        (false, false) => Choice::All,
    };
    let (mut is_caching, mut own_prefixes) = (false, &BTreeSet::new());
    match before.map(|before| &before.mode) {
        None => {}
        Some(Mode::Prefixes(prefixes)) => own_prefixes = prefixes,
        Some(Mode::Keys { choice: before, is_caching: was_caching }) => {
            let is_switched = *before != choice && *before != Choice::All && choice != Choice::All;
            if is_switched {
                return Err(ReplyError::new(SWITCH_CHOICE));
            }
            is_caching = *was_caching;
        }
    }
    let mode = if options.tracks_prefixes {
        check_overlaps(&options.prefixes, own_prefixes)?;
        Mode::Prefixes(options.prefixes.into_iter().map(Prefix::from).collect())
    } else {
        Mode::Keys { choice, is_caching }
    };
    Ok(Tracker {
        seat: call.client.seat,
        redirect: options.redirect,
        is_redirect_broken: false,
        mode,
        is_no_loop: options.is_no_loop,
    })
}

/// Refuses prefixes of which a key could begin with two.
fn check_overlaps(prefixes: &[&[u8]], own: &BTreeSet<Prefix>) -> Result<(), ReplyError> {
    let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
    let error = |prefix: &[u8], with: &str, other: &[u8]| {
        let (prefix, other) = (quoted(prefix), quoted(other));
        ReplyError::new(format!(
            "ERR Prefix '{prefix}' overlaps with {with} prefix '{other}'. Prefixes for a single client must not \
             overlap."
        ))
    };
    for (index, prefix) in prefixes.iter().enumerate() {
        if let Some(other) = own.iter().find(|other| overlap(prefix, other)) {
            return Err(error(prefix, "an existing", other));
        }
        if let Some(other) = prefixes[index + 1..].iter().find(|other| overlap(prefix, other)) {
            return Err(error(prefix, "another provided", other));
        }
    }
    Ok(())
}

pub(super) fn caching(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let word = call.arg(2);
    let tracker = call.node.tracking.tracker_mut(call.client.id);
    let mode = &mut tracker.ok_or(ReplyError::new(NOT_TRACKING))?.mode;
    let (needed, mode_name, word) = match word {
        word if is(word, "YES") => (Choice::OptIn, "OPTIN", "YES"),
        word if is(word, "NO") => (Choice::OptOut, "OPTOUT", "NO"),
        _ => return Err(ReplyError::SYNTAX),
    };
    match mode {
        Mode::Keys { choice, is_caching } if *choice == needed => *is_caching = true,
        _ => {
            return Err(ReplyError::new(format!(
                "ERR CLIENT CACHING {word} is only valid when tracking is enabled in {mode_name} mode."
            )));
        }
    }
    call.reply.ok();
    Ok(())
}

pub(super) fn getredir(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.integer(redirect_number(&call.node.tracking, call.client.id));
    Ok(())
}

/// The number of the client that is told instead; 0 for none, -1 for a client that does not track.
pub(super) fn redirect_number(tracking: &Tracking, client: ClientId) -> i64 {
    let tracker = tracking.tracker(client);
    tracker.map_or(-1, |tracker| tracker.redirect.map_or(0, |other| other.to.0.cast_signed()))
}

pub(super) fn trackinginfo(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let redirect = redirect_number(&call.node.tracking, call.client.id);
    let tracker = call.node.tracking.tracker(call.client.id);
    let (flags, none) = (flags(tracker), BTreeSet::new());
    let prefixes = match tracker.map(|tracker| &tracker.mode) {
        Some(Mode::Prefixes(prefixes)) => prefixes,
        _ => &none,
    };
    let reply = &mut call.reply;
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"redirect");
    reply.integer(redirect);
    reply.bulk(b"prefixes");
    reply.array(prefixes.len());
    prefixes.iter().for_each(|prefix| reply.bulk(prefix));
    Ok(())
}

fn flags(tracker: Option<&Tracker>) -> Vec<&'static str> {
    let Some(tracker) = tracker else { return vec!["off"] };
    let mut flags = vec!["on"];
    flags.extend_from_slice(match &tracker.mode {
        Mode::Prefixes(_) => &["bcast"],
        Mode::Keys { choice: Choice::All, .. } => &[],
        Mode::Keys { choice: Choice::OptIn, is_caching: false } => &["optin"],
        Mode::Keys { choice: Choice::OptIn, is_caching: true } => &["optin", "caching-yes"],
        Mode::Keys { choice: Choice::OptOut, is_caching: false } => &["optout"],
        Mode::Keys { choice: Choice::OptOut, is_caching: true } => &["optout", "caching-no"],
    });
    flags.extend(tracker.is_no_loop.then_some("noloop"));
    flags.extend(tracker.is_redirect_broken.then_some("broken_redirect"));
    flags
}
