//! Notes for the operator what a plain cluster would not have run; see [`crate::doctor`].
//!
//! Nothing here is reached by a command that one slot serves.

use std::time::SystemTime;

use reddoor_protocol::command::keys::find_keys;
use reddoor_protocol::command::{CommandId, CommandSpec};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::{Args, RequestDecoder, parse_integer};

use super::Worker;
use super::waits::any_request;
use crate::config::doctor::DoctorKeys;
use crate::doctor::refusal::Setting;
use crate::doctor::{Fate, Seen};
use crate::errand::Errand;
use crate::key_mapping::Mapping;
use crate::metrics::label::{CrossSlot, Refusal};

const SELECT: CommandId = CommandId::of("select");

/// Keys of one command that are looked at (count).
const KEYS_MAX: usize = 16;

impl Worker {
    /// A command over several slots is answered.
    pub(super) fn note_served(
        &self,
        session: usize,
        command: &'static CommandSpec,
        how: CrossSlot,
        args: Args<'_>,
    ) {
        self.metrics.cross_slot(command.id(), how);
        self.note_fate(session, command, Fate::Served(how), &[args]);
    }

    /// A client is told an error, without `-` and line end.
    #[cold]
    pub(super) fn note_refused(
        &self,
        session: usize,
        command: &'static CommandSpec,
        (error, setting): (&[u8], Setting),
        args: Args<'_>,
    ) {
        let Some(reason) = Refusal::of(command, error, setting) else { return };
        self.metrics.refused(command.id(), reason);
        if let Refusal::CrossSlot = reason {
            self.metrics.cross_slot(command.id(), CrossSlot::Refused);
        }
        let entry = self.sessions.get(session);
        let first = entry.and_then(|entry| entry.session.transaction.as_ref()?.first_request());
        let mut decoder = RequestDecoder::default();
        let is_decoded =
            |request: &&[u8]| matches!(decoder.decode(request, &any_request()), Ok(Some(_)));
        match first.filter(is_decoded) {
            // It is the keys before that it does not go with.
            Some(first) => {
                let fate = Fate::Refused(reason);
                self.note_fate(session, command, fate, &[decoder.args(first), args]);
            }
            None => self.note_fate(session, command, Fate::Refused(reason), &[args]),
        }
    }

    /// As [`Worker::note_refused`], behind `MULTI` or `WATCH`.
    #[cold]
    pub(super) fn note_refused_inside(
        &self,
        session: usize,
        command: Option<&'static CommandSpec>,
        error: &ReplyError,
        args: Args<'_>,
    ) {
        let Some(command) = command else { return };
        let error = (error.as_str().as_bytes(), Setting::Transaction);
        self.note_refused(session, command, error, args);
    }

    /// A command was refused by the front door itself, which told the client why: of interest is `SELECT`.
    #[cold]
    pub(super) fn note_unselected(
        &self,
        session: usize,
        command: &'static CommandSpec,
        args: Args<'_>,
    ) {
        let has_one = self.answerer.mapping.databases_count().is_none();
        let number = args.get(1).and_then(parse_integer);
        if command.id() == SELECT && has_one && number.is_some_and(|number| number > 0) {
            let error = ReplyError::DB_OUT_OF_RANGE;
            let error = (error.as_str().as_bytes(), Setting::Alone);
            self.note_refused(session, command, error, args);
        }
    }

    /// A node has refused a request.
    #[cold]
    pub(super) fn note_error(&self, errand: &Errand, error: &[u8], request: &[u8]) {
        let setting = if errand.replies > 1 { Setting::Transaction } else { Setting::Alone };
        if Refusal::of(errand.command, error, setting).is_none() {
            return;
        }
        let mut decoder = RequestDecoder::default();
        if let Ok(Some(_)) = decoder.decode(request, &any_request()) {
            let args = decoder.args(request);
            self.note_refused(errand.waiter.session, errand.command, (error, setting), args);
        }
    }

    /// Other settings are in force.
    pub(super) fn settle_doctor(&self) {
        if self.config.admin.doctor_keys == DoctorKeys::Hidden {
            self.answerer.shared.doctor.forget_keys(self.peers.own);
        }
    }

    fn note_fate(
        &self,
        session: usize,
        command: &'static CommandSpec,
        fate: Fate,
        requests: &[Args<'_>],
    ) {
        let Some(entry) = self.sessions.get(session) else { return };
        let seen = Seen { client: entry.session.peer_addr.ip(), at: SystemTime::now() };
        let shown = self.config.admin.doctor_keys;
        let kind = (command.id(), fate);
        self.answerer.shared.doctor.note(self.peers.own, kind, seen, shown, || {
            requests.iter().flat_map(|args| client_keys(&self.answerer.mapping, *args)).collect()
        });
    }
}

/// The keys of a request as its client named them.
fn client_keys<'a>(mapping: &Mapping, args: Args<'a>) -> Vec<&'a [u8]> {
    let Ok(command) = reddoor_protocol::command::resolve(args) else { return Vec::new() };
    let keys = find_keys(command, args).into_iter().flatten().take(KEYS_MAX);
    keys.filter_map(|(arg, _)| Some(mapping.client_key(args.get(arg as usize)?).1)).collect()
}
