//! What a client is told about keys that it may have cached (`CLIENT TRACKING`).
//!
//! Not here: node connections, and who is told (see `worker/tracking`).

use std::collections::BTreeSet;

use reddoor_protocol::encode::Resp;

use super::Session;
use crate::errand::{Caching, ClientId, Purpose, Travel};

/// What a prefix counts besides its bytes, so that many short ones have a limit, too.
const PREFIX_OVERHEAD_BYTES: usize = 16;

/// Which keys are tracked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TrackingMode {
    /// What the client reads.
    Read,
    /// What it reads by a command that follows `CLIENT CACHING YES`.
    OptIn,
    /// What it reads, unless the command follows `CLIENT CACHING NO`.
    OptOut,
    /// All that begin with one of these, read or not.
    Broadcast(BTreeSet<Box<[u8]>>),
}

/// How a client is tracked, from `CLIENT TRACKING ON` on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tracking {
    /// Which keys.
    pub(crate) mode: TrackingMode,
    /// Whether it is not told of what it changes itself.
    pub(crate) no_loop: bool,
    /// The client that is told in its place.
    pub(crate) redirect: Option<ClientId>,
    /// Whether that client was gone when something was to be told.
    pub(crate) is_redirect_broken: bool,
    /// What was said of the next request.
    pub(crate) caching: Caching,
    /// Whether all primaries track; until then nothing was cached that could be stale.
    pub(crate) is_confirmed: bool,
    /// Whether the client has still to be told that nothing is known any more of what it cached.
    pub(crate) owes_flush: bool,
    /// While the client can be told of nothing and has cached nothing either: its requests until then (count).
    pub(crate) unread_since: Option<u64>,
}

impl Tracking {
    /// Not confirmed yet.
    pub(crate) fn new(mode: TrackingMode, no_loop: bool, redirect: Option<ClientId>) -> Tracking {
        Tracking {
            mode,
            no_loop,
            redirect,
            is_redirect_broken: false,
            caching: Caching::Usual,
            is_confirmed: false,
            owes_flush: false,
            unread_since: None,
        }
    }

    /// Whether keys are told of that the client has not read.
    pub(crate) fn is_broadcast(&self) -> bool {
        matches!(self.mode, TrackingMode::Broadcast(_))
    }

    /// Bytes that its prefixes count.
    pub(crate) fn prefix_bytes(&self) -> usize {
        match &self.mode {
            TrackingMode::Broadcast(prefixes) => {
                prefixes.iter().map(|prefix| prefix.len() + PREFIX_OVERHEAD_BYTES).sum()
            }
            TrackingMode::Read | TrackingMode::OptIn | TrackingMode::OptOut => 0,
        }
    }

    /// Whether nodes track for one of the two what they track for the other.
    pub(crate) fn is_same_at_nodes(&self, other: &Tracking) -> bool {
        self.mode == other.mode && self.no_loop == other.no_loop
    }

    /// The options by which a node is asked to track, but for `REDIRECT`; `before`: by which it tracks already, whose
    /// prefixes it would refuse as overlapping.
    pub(crate) fn options(&self, before: Option<&Tracking>) -> Vec<&[u8]> {
        let known = before.and_then(|before| match &before.mode {
            TrackingMode::Broadcast(known) => Some(known),
            TrackingMode::Read | TrackingMode::OptIn | TrackingMode::OptOut => None,
        });
        let is_new = |prefix: &[u8]| known.is_none_or(|known| !known.contains(prefix));
        let mut options: Vec<&[u8]> = Vec::new();
        match &self.mode {
            TrackingMode::Read => {}
            TrackingMode::OptIn => options.push(b"OPTIN"),
            TrackingMode::OptOut => options.push(b"OPTOUT"),
            TrackingMode::Broadcast(prefixes) => {
                options.push(b"BCAST");
                // Where every key is told of, a node would refuse further prefixes as overlapping.
                if !prefixes.contains(&b""[..]) {
                    let prefixes = prefixes.iter().filter(|prefix| is_new(prefix));
                    options.extend(prefixes.flat_map(|prefix| [&b"PREFIX"[..], prefix]));
                }
            }
        }
        if self.no_loop {
            options.push(b"NOLOOP");
        }
        options
    }
}

impl Session {
    /// By which links its requests travel. A client that can be told of nothing needs none of its own.
    #[inline]
    pub(crate) fn travel(&self) -> Travel {
        self.travel_in(self.resp)
    }

    /// As [`Session::travel`], if it speaks this version.
    #[inline]
    pub(crate) fn travel_in(&self, resp: Resp) -> Travel {
        match &self.tracking {
            Some(tracking) if resp == Resp::V3 || tracking.redirect.is_some() => {
                Travel::Pinned(Purpose::Track)
            }
            _ => Travel::Shared,
        }
    }

    /// What `CLIENT CACHING` says of the request in hand.
    #[inline]
    pub(crate) fn caching(&self) -> Caching {
        self.tracking.as_ref().map_or(Caching::Usual, |tracking| tracking.caching)
    }
}
