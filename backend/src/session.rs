//! One client's connection: read, decode and execute all that came, write once, wait.
//!
//! The session is a hand-written future, so that one task switch and two system calls serve all requests of a
//! read. What a turn needs (read buffer, decoder, reply buffer) is shared by all sessions of the thread; an idle
//! client owns no buffer. Only a client in the middle of a request keeps the bytes received, and one that does
//! not read keeps its replies.
//!
//! Invariants: the node and the turn's buffers are borrowed only between two awaits; a client whose unread replies
//! reach a limit is not read from, or disconnected, as the settings have it.

mod feed;

mod socket;

mod turn;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use reddoor_protocol::request::RequestDecoder;
use tokio::io::ReadBuf;
use tokio::time::Sleep;

use crate::client::{Close, Seat};
use crate::node::SharedNode;
use crate::session::turn::Pace;

pub(crate) use socket::Socket;
pub(crate) use turn::{Scratch, SharedScratch};

/// One client's connection.
pub(crate) struct Session {
    socket: Socket,
    node: SharedNode,
    scratch: SharedScratch,
    seat: Seat,
    /// Received and not yet executed.
    unread: Vec<u8>,
    /// Whether `unread` may begin with a complete request that could not run when it came.
    is_held_back: bool,
    /// The decoder, while it stands in the middle of a request.
    decoder: Option<RequestDecoder>,
    /// Replies that the system has not taken yet, from `sent` on.
    replies: Vec<u8>,
    sent: usize,
    /// Bytes of them not yet sent, as the client and its limits were last told.
    unsent_told: usize,
    /// When the replies first exceeded the soft limit.
    soft_limit_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Replies wait until the append-only file is synced up to here.
    held_until: u64,
    /// Whether the last turn has left nothing to be done before the client sends more. Whoever changes that wakes the
    /// task, which looks at everything then.
    is_calm: bool,
    /// Whether the client is sent more than replies.
    is_fed: bool,
}

/// Unread replies at which a client is no longer read from, where the settings set no limit (bytes).
///
/// Far above what a client leaves unread that sends a long pipeline before it reads.
const REPLIES_BYTES_MAX: usize = 64 * 1024 * 1024;

impl Session {
    pub(crate) fn new(
        socket: Socket,
        node: SharedNode,
        scratch: SharedScratch,
        seat: Seat,
    ) -> Session {
        Session {
            socket,
            node,
            scratch,
            seat,
            unread: Vec::new(),
            is_held_back: false,
            decoder: None,
            replies: Vec::new(),
            sent: 0,
            unsent_told: 0,
            soft_limit_since: None,
            timer: None,
            held_until: 0,
            is_calm: false,
            is_fed: false,
        }
    }

    /// Serves the client until either side ends the connection.
    pub(crate) async fn serve(mut self) {
        // What went wrong on the socket is of no use to anybody: the client is gone.
        let _ = poll_fn(|cx| self.poll(cx)).await;
        let mut node = self.node.borrow_mut();
        let node = &mut *node;
        if let Some(mut client) = node.clients.remove(self.seat) {
            node.watches.unwatch(client.id, &mut client.watched);
            node.blocking.forget(client.id);
            node.pubsub.forget(&mut client);
            node.tracking.end(client.id);
            node.monitors.forget(&mut client);
            node.forget_replica(&client);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let pace = self.pace(cx);
            if self.is_held(cx) {
                return Poll::Pending;
            }
            let unsent = self.poll_send(cx)?;
            if unsent == 0 && self.is_fed && pace != Pace::Close {
                self.poll_feed(cx)?;
            }
            if unsent != self.unsent_told {
                self.tell_unsent();
            }
            match pace {
                Pace::Close => return Poll::Ready(Ok(())),
                Pace::CloseWhenSent if unsent == 0 => return Poll::Ready(Ok(())),
                Pace::CloseWhenSent => return Poll::Pending,
                Pace::Wait => {
                    // What comes meanwhile is kept, so that a client that leaves is noticed.
                    ready!(self.poll_receive(cx, Self::keep))?;
                    continue;
                }
                Pace::Go => {}
            }
            if unsent > 0 && unsent >= self.replies_bytes_max() {
                // Back-pressure: nothing more is read until the client has read.
                return Poll::Pending;
            }
            if self.is_held_back {
                // Requests that were held back when they were received.
                self.turn()?;
            } else {
                ready!(self.poll_receive(cx, Self::turn_with))?;
                while self.is_calm {
                    ready!(self.poll_receive(cx, Self::turn_with))?;
                }
            }
        }
    }

    /// Reads once and does something with what the read brought.
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        then: fn(&mut Session, &mut Scratch, Option<&[u8]>) -> io::Result<()>,
    ) -> Poll<io::Result<()>> {
        let scratch = Rc::clone(&self.scratch);
        let mut scratch = scratch.borrow_mut();
        let mut buf = std::mem::take(&mut scratch.read);
        let mut read_buf = ReadBuf::new(&mut buf);
        let polled = self.socket.poll_read(cx, &mut read_buf);
        let count = read_buf.filled().len();
        let result = match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) if count == 0 => {
                Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()))
            }
            Poll::Ready(Ok(())) => Poll::Ready(then(self, &mut scratch, Some(&buf[..count]))),
        };
        scratch.read = buf;
        result
    }

    /// Executes what was kept.
    fn turn(&mut self) -> io::Result<()> {
        let scratch = Rc::clone(&self.scratch);
        let mut scratch = scratch.borrow_mut();
        self.turn_with(&mut scratch, None)
    }

    /// Whether replies must wait for the append-only file; if so, this task is woken when it has come further.
    fn is_held(&self, cx: &Context<'_>) -> bool {
        if self.held_until == 0 || self.replies.is_empty() {
            return false;
        }
        !self.node.borrow_mut().persistence.aof.is_synced(self.held_until, cx.waker())
    }

    /// Sends as much as the system takes. How many bytes are left.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> io::Result<usize> {
        while self.sent < self.replies.len() {
            match self.socket.poll_write(cx, &self.replies[self.sent..]) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => self.sent += count,
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        let unsent = self.replies.len() - self.sent;
        if unsent == 0 && !self.replies.is_empty() {
            self.replies = Vec::new();
            self.sent = 0;
        } else if self.sent > unsent {
            // Each byte is moved at most once, as at least as many were sent before.
            self.replies.drain(..self.sent);
            self.replies.shrink_to(2 * unsent);
            self.sent = 0;
        }
        Ok(unsent)
    }

    /// Takes up what others wrote for the client. What its state allows now; whoever changes it later wakes this task.
    fn pace(&mut self, cx: &mut Context<'_>) -> Pace {
        let node = Rc::clone(&self.node);
        let mut node = node.borrow_mut();
        let pause = if self.is_held_back { node.active_pause() } else { None };
        let node = &mut *node;
        let Some(client) = node.clients.seated(self.seat) else { return Pace::Close };
        self.is_fed = client.replica.is_some();
        if let Some(blocked) = &client.blocked
            && client.close.is_none()
            && self.is_over(cx, blocked.until)
        {
            crate::blocking::time_out(&mut node.blocking, client);
        }
        if !client.outbox.is_empty() {
            let hold = node.persistence.aof.hold(&node.config.settings().disk);
            self.held_until = hold.unwrap_or(self.held_until);
            if self.replies.is_empty() {
                self.replies = std::mem::take(&mut client.outbox);
            } else {
                self.replies.append(&mut client.outbox);
                // Nobody counts a buffer that is empty and kept.
                client.outbox = Vec::new();
            }
        }
        match client.close {
            Some(Close::Now) => return Pace::Close,
            Some(Close::AfterReplies) => return Pace::CloseWhenSent,
            None => {}
        }
        if !client.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            client.waker = Some(cx.waker().clone());
        }
        if client.blocked.is_some() {
            return Pace::Wait;
        }
        if let Some(pause) = pause
            && !self.is_over(cx, Some(pause.until))
        {
            return Pace::Wait;
        }
        if let Some(since) = self.soft_limit_since {
            let limit = client.output_limit(&node.config.settings().output_limits);
            let until = since + std::time::Duration::from_secs(limit.soft_seconds);
            if self.is_over(cx, Some(until)) {
                node.end_unread(self.seat);
                return Pace::Close;
            }
        }
        Pace::Go
    }

    /// Whether a time has come; if not, this task is woken then. `None` never comes.
    fn is_over(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> bool {
        let Some(until) = until else { return false };
        if until <= Instant::now() {
            self.timer = None;
            return true;
        }
        let until = tokio::time::Instant::from_std(until);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if timer.deadline() != until {
            timer.as_mut().reset(until);
        }
        let is_over = timer.as_mut().poll(cx).is_ready();
        if is_over {
            self.timer = None;
        }
        is_over
    }

    fn replies_bytes_max(&self) -> usize {
        let mut node = self.node.borrow_mut();
        let node = &mut *node;
        let limits = &node.config.settings().output_limits;
        let hard = node.clients.seated(self.seat).map_or(0, |c| c.output_limit(limits).hard_bytes);
        // With a hard limit the client is disconnected at it, so reading goes on until then.
        if hard == 0 { REPLIES_BYTES_MAX } else { usize::MAX }
    }
}
