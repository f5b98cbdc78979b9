//! `CLIENT TRACKING` and its kin, as far as they are about words: what is asked for, and how it stands.
//!
//! Source: redis `src/networking.c` clientCommand, for the order in which options are looked at.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::ops::Bound;

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::{Args, parse_integer};

use super::client::on_or_off;
use super::{Answered, Answerer, Requester};
use crate::errand::{Caching, ClientId};
use crate::session::tracking::{Tracking, TrackingMode};

/// The options of a `CLIENT TRACKING`.
#[derive(Debug, Default)]
struct Options<'a> {
    redirect: Option<ClientId>,
    is_broadcast: bool,
    is_opt_in: bool,
    is_opt_out: bool,
    no_loop: bool,
    prefixes: Vec<&'a [u8]>,
}

pub(super) fn tracking(
    answerer: &Answerer,
    requester: &mut Requester<'_>,
    args: Args<'_>,
) -> Answered {
    let options = match Options::parse(answerer, args) {
        Ok(options) => options,
        Err(error) => return requester.refuse(&error),
    };
    match on_or_off(&args[2]) {
        Some(true) => {}
        Some(false) => {
            requester.session.tracking = None;
            return requester.ok();
        }
        None => return requester.refuse(&ReplyError::SYNTAX),
    }
    let before = requester.session.tracking.as_deref();
    let mode = match options.mode(before.map(|tracking| &tracking.mode)) {
        Ok(mode) => mode,
        Err(error) => return requester.refuse(&error),
    };
    let tracking = Tracking::new(mode, options.no_loop, options.redirect);
    Answered::Tracked(Box::new(tracking))
}

impl<'a> Options<'a> {
    fn parse(answerer: &Answerer, args: Args<'a>) -> Result<Options<'a>, ReplyError> {
        let mut options = Options::default();
        let mut words = args.iter().skip(3);
        while let Some(word) = words.next() {
            match word.to_ascii_lowercase().as_slice() {
                b"redirect" => {
                    let id = words.next().ok_or(ReplyError::SYNTAX)?;
                    options.redirect_to(answerer, id)?;
                }
                b"prefix" => options.prefixes.push(words.next().ok_or(ReplyError::SYNTAX)?),
                b"bcast" => options.is_broadcast = true,
                b"optin" => options.is_opt_in = true,
                b"optout" => options.is_opt_out = true,
                b"noloop" => options.no_loop = true,
                _ => return Err(ReplyError::SYNTAX),
            }
        }
        Ok(options)
    }

    fn redirect_to(&mut self, answerer: &Answerer, id: &[u8]) -> Result<(), ReplyError> {
        if self.redirect.is_some() {
            return Err(TWO_REDIRECTS);
        }
        let id = parse_integer(id).ok_or(ReplyError::NOT_INTEGER)?;
        let client = u64::try_from(id).ok().map(ClientId);
        let client = client.filter(|id| answerer.shared.directory.find(*id).is_some());
        self.redirect = Some(client.ok_or(NO_SUCH_CLIENT)?);
        Ok(())
    }

    /// What is asked for, if that is compatible with itself and with what is tracked already.
    fn mode(&self, before: Option<&TrackingMode>) -> Result<TrackingMode, ReplyError> {
        if !self.is_broadcast && !self.prefixes.is_empty() {
            return Err(PREFIX_WITHOUT_BCAST);
        }
        let was_broadcast = matches!(before, Some(TrackingMode::Broadcast(_)));
        if before.is_some() && was_broadcast != self.is_broadcast {
            return Err(SWITCHED_BCAST);
        }
        if self.is_broadcast && (self.is_opt_in || self.is_opt_out) {
            return Err(OPT_WITH_BCAST);
        }
        match (self.is_opt_in, self.is_opt_out, before) {
            (true, true, _) => Err(OPT_IN_AND_OUT),
            (true, _, Some(TrackingMode::OptOut)) | (_, true, Some(TrackingMode::OptIn)) => {
                Err(SWITCHED_OPT)
            }
            (true, false, _) => Ok(TrackingMode::OptIn),
            (false, true, _) => Ok(TrackingMode::OptOut),
            (false, false, Some(TrackingMode::Broadcast(known))) => self.prefixes_with(known),
            (false, false, _) if self.is_broadcast => self.prefixes_with(&BTreeSet::new()),
            (false, false, _) => Ok(TrackingMode::Read),
        }
    }

    fn prefixes_with(&self, known: &BTreeSet<Box<[u8]>>) -> Result<TrackingMode, ReplyError> {
        let mut given: BTreeSet<&[u8]> = BTreeSet::new();
        for prefix in &self.prefixes {
            if let Some(other) = overlap(known, prefix) {
                return Err(overlapping(prefix, "an existing prefix", other));
            }
            if let Some(earlier) = overlap(&given, prefix) {
                return Err(overlapping(earlier, "another provided prefix", prefix));
            }
            given.insert(prefix);
        }
        let mut prefixes = known.clone();
        prefixes.extend(given.into_iter().map(Box::from));
        if self.prefixes.is_empty() {
            prefixes.insert(Box::default());
        }
        Ok(TrackingMode::Broadcast(prefixes))
    }
}

/// The one among prefixes that begins so or that this begins with. But for the empty one, none begins with another.
fn overlap<'a, T: Borrow<[u8]> + Ord>(among: &'a BTreeSet<T>, prefix: &[u8]) -> Option<&'a [u8]> {
    if let Some(first) = among.first().map(T::borrow).filter(|first| first.is_empty()) {
        return Some(first);
    }
    // Whatever stands between a prefix and what begins with it begins with it, too: neighbours are enough.
    let before = among.range::<[u8], _>((Bound::Unbounded, Bound::Included(prefix))).next_back();
    let after = among.range::<[u8], _>((Bound::Excluded(prefix), Bound::Unbounded)).next();
    let before = before.map(T::borrow).filter(|other| prefix.starts_with(other));
    before.or_else(|| after.map(T::borrow).filter(|other| other.starts_with(prefix)))
}

fn overlapping(prefix: &[u8], what: &str, other: &[u8]) -> ReplyError {
    let text = String::from_utf8_lossy;
    ReplyError::new(format!(
        "ERR Prefix '{}' overlaps with {what} '{}'. Prefixes for a single client must not overlap.",
        text(prefix),
        text(other)
    ))
}

pub(super) fn caching(_: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    let Some(tracking) = &mut requester.session.tracking else {
        return requester.refuse(&CACHING_UNTRACKED);
    };
    let (mode, caching, error) = match args[2].to_ascii_lowercase().as_slice() {
        b"yes" => (TrackingMode::OptIn, Caching::Yes, CACHING_YES),
        b"no" => (TrackingMode::OptOut, Caching::No, CACHING_NO),
        _ => return requester.refuse(&ReplyError::SYNTAX),
    };
    if tracking.mode != mode {
        return requester.refuse(&error);
    }
    tracking.caching = caching;
    requester.ok()
}

/// -1: is not tracked; 0: is told itself.
pub(super) fn getredir(_: &Answerer, requester: &mut Requester<'_>, _: Args<'_>) -> Answered {
    let redirect = redirect(requester.session.tracking.as_deref());
    requester.reply(|reply| reply.integer(redirect))
}

/// The client that is told in the place of another, as `CLIENT GETREDIR` numbers it.
pub(super) fn redirect(tracking: Option<&Tracking>) -> i64 {
    tracking.map_or(-1, |tracking| {
        tracking.redirect.map_or(0, |client| i64::try_from(client.0).unwrap_or(i64::MAX))
    })
}

pub(super) fn trackinginfo(_: &Answerer, requester: &mut Requester<'_>, _: Args<'_>) -> Answered {
    let tracking = requester.session.tracking.clone();
    requester.reply(|reply| {
        let flags = flags(tracking.as_deref());
        reply.map(3);
        reply.bulk(b"flags");
        reply.set(flags.len());
        flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
        reply.bulk(b"redirect");
        reply.integer(redirect(tracking.as_deref()));
        reply.bulk(b"prefixes");
        match tracking.as_deref().map(|tracking| &tracking.mode) {
            Some(TrackingMode::Broadcast(prefixes)) => {
                reply.array(prefixes.len());
                prefixes.iter().for_each(|prefix| reply.bulk(prefix));
            }
            _ => reply.array(0),
        }
    })
}

fn flags(tracking: Option<&Tracking>) -> Vec<&'static str> {
    let Some(tracking) = tracking else { return vec!["off"] };
    let mode = match tracking.mode {
        TrackingMode::Read => None,
        TrackingMode::OptIn => Some("optin"),
        TrackingMode::OptOut => Some("optout"),
        TrackingMode::Broadcast(_) => Some("bcast"),
    };
    let caching = match tracking.caching {
        Caching::Usual => None,
        Caching::Yes => Some("caching-yes"),
        Caching::No => Some("caching-no"),
    };
    let others = [
        mode,
        caching,
        tracking.no_loop.then_some("noloop"),
        tracking.is_redirect_broken.then_some("broken_redirect"),
    ];
    ["on"].into_iter().chain(others.into_iter().flatten()).collect()
}

const TWO_REDIRECTS: ReplyError =
    ReplyError::from_static("ERR A client can only redirect to a single other client");

const NO_SUCH_CLIENT: ReplyError =
    ReplyError::from_static("ERR The client ID you want redirect to does not exist");

const PREFIX_WITHOUT_BCAST: ReplyError =
    ReplyError::from_static("ERR PREFIX option requires BCAST mode to be enabled");

const SWITCHED_BCAST: ReplyError = ReplyError::from_static(
    "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
     re-enabling it with a different mode.",
);

const OPT_WITH_BCAST: ReplyError =
    ReplyError::from_static("ERR OPTIN and OPTOUT are not compatible with BCAST");

const OPT_IN_AND_OUT: ReplyError =
    ReplyError::from_static("ERR You can't specify both OPTIN mode and OPTOUT mode");

const SWITCHED_OPT: ReplyError = ReplyError::from_static(
    "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
     re-enabling it with a different mode.",
);

const CACHING_UNTRACKED: ReplyError = ReplyError::from_static(
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or \
     OPTOUT mode enabled",
);

const CACHING_YES: ReplyError = ReplyError::from_static(
    "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
);

const CACHING_NO: ReplyError = ReplyError::from_static(
    "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn neighbours_tell_what_all_would(
            words in prop::collection::vec("[ab]{0,4}", 0..8), prefix in "[ab]{0,4}"
        ) {
            let mut among: BTreeSet<&[u8]> = BTreeSet::new();
            let is_overlap = |one: &[u8], other: &[u8]| {
                one.starts_with(other) || other.starts_with(one)
            };
            for word in words.iter().map(String::as_bytes) {
                if !among.iter().any(|other| is_overlap(word, other)) {
                    among.insert(word);
                }
            }
            let found = overlap(&among, prefix.as_bytes());
            let any = among.iter().any(|other| is_overlap(prefix.as_bytes(), other));
            prop_assert_eq!(found.is_some(), any);
            prop_assert!(found.is_none_or(|other| is_overlap(prefix.as_bytes(), other)));
        }
    }
}
