//! The end of a turn: every dirty link and session is written once, whatever came for it.

use std::io;
use std::mem;
use std::task::Waker;

use super::Worker;
use crate::errand::LinkKey;
use crate::metrics::label::{CloseReason, Direction, Limit};
use crate::session::Ending;
use crate::session::hold::Hold;

/// What is to be written at the end of this turn. Its memory serves turn after turn.
#[derive(Debug)]
pub(super) struct Dirty<K> {
    due: Vec<K>,
    /// Empty; what becomes due while the list is worked off goes here.
    spare: Vec<K>,
}

impl<K> Dirty<K> {
    pub(super) fn new() -> Dirty<K> {
        Dirty { due: Vec::new(), spare: Vec::new() }
    }

    #[inline]
    pub(super) fn push(&mut self, key: K) {
        self.due.push(key);
    }

    fn take(&mut self) -> Vec<K> {
        mem::replace(&mut self.due, mem::take(&mut self.spare))
    }

    /// Takes back a list that is worked off.
    fn give_back(&mut self, mut list: Vec<K>) {
        list.clear();
        self.spare = list;
    }
}

impl Worker {
    /// Writes what waits for nodes and clients. Requests that were paused go on first.
    pub(crate) fn flush(&mut self) {
        self.is_flush_due = false;
        self.flush_caches_if_moved();
        self.resume_paused();
        let links = self.dirty_links.take();
        for key in &links {
            self.flush_link(*key);
            self.settle_link(*key);
            self.read_upload_on(*key);
        }
        self.dirty_links.give_back(links);
        let sessions = self.dirty_sessions.take();
        for key in &sessions {
            self.settle_blocked(*key);
            self.flush_session(*key);
            self.settle_session(*key);
            self.read_stream_on(*key);
        }
        self.dirty_sessions.give_back(sessions);
        self.cut_heaviest();
    }

    /// Replies made room: sessions that were stopped at a limit run what they sent meanwhile.
    fn resume_paused(&mut self) {
        for index in 0..self.dirty_sessions.due.len() {
            let key = self.dirty_sessions.due[index];
            if self.has_room(key) {
                self.resume(key);
                self.wake_session(key);
            }
        }
    }

    /// Whether a session was stopped at a limit and is well below it again.
    fn has_room(&self, key: usize) -> bool {
        let limits = &self.config.limits;
        self.sessions.get(key).filter(|entry| entry.is_paused).is_some_and(|entry| {
            let may_go_on = match entry.session.hold {
                Hold::Free => true,
                Hold::UntilAnswered => entry.session.outstanding_count() == 0,
                Hold::UntilUnpaused => false,
            };
            // Half of the limit, so that a client at its limit does not stop and go for every reply.
            may_go_on
                && entry.slowed_until_us == 0
                && entry.session.outstanding_count() <= limits.client_pipeline_max / 2
                && entry.session.buffered_bytes() <= limits.client_output_pause_bytes / 2
        })
    }

    /// Writes what a link has for its node.
    pub(crate) fn flush_link(&mut self, key: LinkKey) {
        let Some(entry) = self.links.get_mut(key.0) else { return };
        entry.link.is_dirty = false;
        let may_write = !entry.is_write_blocked && !entry.link.is_silent;
        let Some(socket) = entry.socket.as_ref().filter(|_| may_write) else { return };
        let was_reply_due = entry.link.is_reply_due();
        while !entry.link.unsent().is_empty() {
            match socket.try_write(entry.link.unsent()) {
                Ok(count) => {
                    entry.link.mark_sent(count);
                    if !was_reply_due {
                        entry.link.heard_us = self.clock.now_us();
                    }
                    if let Some(node) = self.routes.node(entry.link.node) {
                        node.metrics.bytes(Direction::Out, count);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    entry.is_write_blocked = true;
                    wake(entry.waker.as_ref());
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The reading side sees the same end and tells why.
                Err(_) => {
                    entry.link.is_closing = entry.link.in_flight_count() == 0;
                    entry.is_write_blocked = true;
                    wake(entry.waker.as_ref());
                    return;
                }
            }
        }
    }

    /// Writes what a session has for its client, and ends it when it is to end.
    pub(crate) fn flush_session(&mut self, key: usize) {
        let output_max = self.config.limits.client_output_bytes_max;
        let Some(entry) = self.sessions.get_mut(key) else { return };
        entry.is_dirty = false;
        while !entry.is_write_blocked && !entry.session.unwritten().is_empty() {
            match entry.socket.try_write(entry.session.unwritten()) {
                Ok(count) => {
                    entry.session.mark_written(count);
                    self.metrics.client_bytes(Direction::Out, count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    entry.is_write_blocked = true;
                    wake(entry.waker.as_ref());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => entry.session.ending = Ending::Now,
            }
            if entry.session.ending == Ending::Now {
                break;
            }
        }
        if entry.session.buffered_bytes() > output_max {
            self.metrics.limit_reached(Limit::ClientOutput);
            entry.session.ending = Ending::Now;
            entry.close_reason = CloseReason::OutputLimit;
        }
        let is_over = match entry.session.ending {
            Ending::Open => false,
            Ending::AfterReplies => entry.session.is_drained(),
            Ending::Now => true,
        };
        if is_over {
            wake(entry.waker.as_ref());
        } else if self.has_room(key) {
            // What was written made room; the requests that wait go on in the next turn.
            self.mark_session_dirty(key);
        }
    }

    pub(crate) fn wake_session(&self, key: usize) {
        if let Some(entry) = self.sessions.get(key) {
            wake(entry.waker.as_ref());
        }
    }
}

fn wake(waker: Option<&Waker>) {
    if let Some(waker) = waker {
        waker.wake_by_ref();
    }
}
