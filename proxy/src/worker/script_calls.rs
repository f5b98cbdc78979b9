//! Scripts on their way: remembered when their text comes by, sent as text to a node that does not have them.
//!
//! A node that does not know a digest answers `NOSCRIPT` and has run nothing. The front door asks it again with the
//! text in the digest's place, which loads the script and runs it in one step. Inside a transaction the text goes in
//! the digest's place from the beginning, since there a `NOSCRIPT` would come too late.

use reddoor_protocol::command::policy::{RequestPolicy, ScriptArg};
use reddoor_protocol::command::{CommandId, CommandSpec};
use reddoor_protocol::encode::encode_request;
use reddoor_protocol::request::{Args, RequestDecoder};
use reddoor_protocol::slot::Slot;

use super::Worker;
use super::dispatch::{Asking, Request, errand, outstanding};
use super::waits::any_request;
use crate::errand::{Errand, NodeIndex};
use crate::metrics::label::{Limit, Redirect};
use crate::scripts::parse_digest;

const SCRIPT_LOAD: CommandId = CommandId::of("script|load");

const SCRIPT_FLUSH: CommandId = CommandId::of("script|flush");

impl Worker {
    /// Sends a script command to the owner of its slot.
    pub(super) fn run_script(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        arg: ScriptArg,
        slot: Slot,
        request: &Request<'_>,
    ) {
        if arg == ScriptArg::Source {
            self.remember_script(request.args.get(1).unwrap_or_default());
        }
        let outstanding = outstanding(command, self.clock.now_us(), self.config.request.timeout);
        let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
            return;
        };
        let seq = session.expect(outstanding);
        let errand = errand(key, session, seq, Some(slot), &outstanding);
        let errand = self.with_reading(errand);
        self.forward_request(errand, request);
    }

    /// Remembers what `SCRIPT LOAD` brings, and forgets all at `SCRIPT FLUSH`.
    pub(super) fn note_script(&mut self, command: &CommandSpec, args: Args<'_>) {
        if command.id() == SCRIPT_LOAD {
            self.remember_script(args.get(2).unwrap_or_default());
        } else if command.id() == SCRIPT_FLUSH {
            self.answerer.shared.scripts.forget_all();
        }
    }

    /// Remembers a script for nodes that will lack it.
    fn remember_script(&mut self, text: &[u8]) {
        if self.seen_scripts.remember(&self.answerer.shared.scripts, text) {
            self.metrics.limit_reached(Limit::ScriptsBytes);
        }
    }

    /// Sends a script whose digest a node does not know as text; false when there is nothing to do about the error.
    pub(super) fn run_by_source(
        &mut self,
        node: NodeIndex,
        errand: &Errand,
        error: &[u8],
        request: &[u8],
    ) -> bool {
        // The whole sentence, since a script may end with an error of its own after it has written.
        if !error.starts_with(b"NOSCRIPT No matching script.") || errand.replies > 1 {
            return false;
        }
        let mut errand = *errand;
        errand.redirects += 1;
        if errand.redirects > self.config.request.redirects_max {
            return false;
        }
        let mut decoder = RequestDecoder::default();
        let Ok(Some(_)) = decoder.decode(request, &any_request()) else { return false };
        let mut by_source = Vec::new();
        if !self.write_by_source(&mut by_source, errand.command, decoder.args(request)) {
            return false;
        }
        self.metrics.redirect(Redirect::NoScript);
        self.send(node, errand, &by_source, Asking::No);
        true
    }

    /// Appends the request with the script's text in the place of its digest; false when the text is not known.
    pub(super) fn write_by_source(
        &self,
        out: &mut Vec<u8>,
        command: &CommandSpec,
        args: Args<'_>,
    ) -> bool {
        let RequestPolicy::Script(ScriptArg::Digest { by_source }) = command.request else {
            return false;
        };
        let digest = args.get(1).and_then(parse_digest);
        let Some(text) = digest.and_then(|d| self.answerer.shared.scripts.recall(&d)) else {
            return false;
        };
        let mut words: Vec<&[u8]> = vec![by_source.as_bytes(), &text];
        words.extend(args.iter().skip(2));
        encode_request(out, words.into_iter());
        true
    }
}
