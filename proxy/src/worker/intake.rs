//! From a client's bytes to its requests: decoded, one after the other, as far as its limits and holds allow.

use reddoor_protocol::error::ProtocolError;
use reddoor_protocol::request::{Limits, RequestDecoder};

use super::Worker;
use super::dispatch::{Ran, Request};
use crate::metrics::label::{Direction, Limit, Side};
use crate::session::hold::Hold;
use crate::session::{Ending, Unread};

impl Worker {
    /// Takes what a client sent: runs every whole request, keeps the rest.
    pub(crate) fn client_bytes(&mut self, key: usize, bytes: &[u8]) {
        let now_us = self.clock.tick();
        self.metrics.client_bytes(Direction::In, bytes.len());
        let Some(entry) = self.sessions.get_mut(key) else { return };
        entry.session.active_us = now_us;
        if entry.session.upload.is_some() {
            return self.upload_bytes(key, bytes);
        }
        if let Some(mut unread) = entry.session.unread.take() {
            let before = unread.bytes.len();
            unread.bytes.extend_from_slice(bytes);
            self.run_unread(key, unread);
            return self.count_held_input(key, before);
        }
        // The decoder is between requests, so it can serve any client.
        let mut decoder = std::mem::take(&mut self.decoder);
        let consumed = self.run_requests(key, &mut decoder, bytes);
        if consumed < bytes.len() && self.sessions.contains(key) {
            let decoder = if decoder.is_partial() {
                std::mem::take(&mut decoder)
            } else {
                RequestDecoder::default()
            };
            let unread = Unread { bytes: bytes[consumed..].to_vec(), decoder };
            self.sessions[key].session.unread = Some(Box::new(unread));
            self.count_held_input(key, 0);
            self.consider_upload(key);
        }
        // Where a request was refused the decoder stands inside it, and must not meet the next client there.
        self.decoder = if decoder.is_partial() { RequestDecoder::default() } else { decoder };
    }

    /// Runs what a client sent before it was paused.
    pub(crate) fn resume(&mut self, key: usize) {
        let Some(entry) = self.sessions.get_mut(key) else { return };
        entry.is_paused = false;
        if let Some(unread) = entry.session.unread.take() {
            self.run_unread(key, unread);
        }
    }

    pub(super) fn run_unread(&mut self, key: usize, mut unread: Box<Unread>) {
        let Unread { bytes, decoder } = &mut *unread;
        let consumed = self.run_requests(key, decoder, bytes);
        if consumed < bytes.len()
            && let Some(entry) = self.sessions.get_mut(key)
        {
            bytes.drain(..consumed);
            entry.session.unread = Some(unread);
            self.consider_upload(key);
        }
    }

    /// Runs the whole requests at the start of `bytes`, as many as the client may have in flight; gives back
    /// how many bytes they took.
    fn run_requests(&mut self, key: usize, decoder: &mut RequestDecoder, bytes: &[u8]) -> usize {
        let mut consumed = 0;
        let mut limits = self.request_limits();
        while self.may_run_more(key) {
            limits.unauthenticated = !self.is_authenticated(key);
            let rest = &bytes[consumed..];
            if rest.is_empty() {
                return consumed;
            }
            match decoder.decode(rest, &limits) {
                Ok(None) => return consumed,
                Ok(Some(len)) => {
                    let raw = &rest[..len];
                    let args = decoder.args(raw);
                    let request = Request { raw, args, is_inline: decoder.is_inline() };
                    if self.config.rates.is_any() && !args.is_empty() && self.is_too_fast(key) {
                        return consumed;
                    }
                    if !args.is_empty() && self.run_request(key, &request) == Ran::NotYet {
                        return consumed;
                    }
                    consumed += len;
                }
                Err(error) => {
                    self.refuse_stream(key, error);
                    return bytes.len();
                }
            }
        }
        // A session that ends takes no more requests: what is left is dropped.
        match self.sessions.get(key) {
            Some(entry) if entry.session.ending == Ending::Open => consumed,
            _ => bytes.len(),
        }
    }

    /// Whether the client may have another request run; if a limit forbids it, the session is paused.
    fn may_run_more(&mut self, key: usize) -> bool {
        let Some(entry) = self.sessions.get_mut(key) else { return false };
        if entry.session.ending != Ending::Open {
            return false;
        }
        if entry.session.hold != Hold::Free && entry.session.is_held() {
            entry.is_paused = true;
            return false;
        }
        let limits = &self.config.limits;
        let limit = if entry.session.outstanding_count() >= limits.client_pipeline_max {
            Limit::ClientPipeline
        } else if entry.session.buffered_bytes() >= limits.client_output_pause_bytes {
            Limit::ClientOutputPause
        } else {
            return true;
        };
        if !entry.is_paused {
            entry.is_paused = true;
            self.metrics.limit_reached(limit);
        }
        false
    }

    /// Counts the limit that a client reached which is held back and sends on; `before` bytes were there already.
    fn count_held_input(&self, key: usize, before: usize) {
        if before < self.config.limits.held_input_bytes_max
            && self.sessions.get(key).is_some_and(|entry| entry.session.hold != Hold::Free)
            && self.is_stopped(key)
        {
            self.metrics.limit_reached(Limit::HeldInput);
        }
    }

    /// Whether a client is not read. While it is held back it is, within bounds, so that it is seen to leave.
    pub(super) fn is_stopped(&self, key: usize) -> bool {
        let Some(entry) = self.sessions.get(key) else { return true };
        let unread = entry.session.unread.as_ref().map_or(0, |unread| unread.bytes.len());
        entry.is_paused
            && (entry.session.hold == Hold::Free
                || unread >= self.config.limits.held_input_bytes_max)
            || self.is_upload_ahead(key, &entry.session)
    }

    /// The limits of a client that has authenticated.
    pub(super) fn request_limits(&self) -> Limits {
        Limits {
            bulk_bytes_max: self.config.limits.bulk_bytes_max,
            args_max: self.config.limits.args_max,
            inline_bytes_max: self.config.limits.inline_bytes_max,
            unauthenticated: false,
        }
    }

    #[inline]
    fn is_authenticated(&self, key: usize) -> bool {
        self.sessions.get(key).is_none_or(|entry| entry.session.is_authenticated)
    }

    /// The client broke the protocol: it is told, in its turn, and closed.
    fn refuse_stream(&mut self, key: usize, error: ProtocolError) {
        self.metrics.protocol_error(Side::Client);
        let Some(entry) = self.sessions.get_mut(key) else { return };
        entry.session.answer(|out| error.write_reply(out));
        entry.session.ending = Ending::AfterReplies;
        self.mark_session_dirty(key);
    }
}
