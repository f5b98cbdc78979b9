//! The tasks of one worker: they move bytes between sockets and the worker, and wait for what it cannot.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::Worker;
use super::clients::{IdsAtNode, LinkJob};
use super::drain::linger;
use super::feeds::FeedWants;
use super::replies::LinkEnd;
use crate::channels::feed::FeedKey;
use crate::errand::LinkKey;
use crate::handshake::{self, HandshakeError};
use crate::link::ear::Ear;
use crate::metrics::label::CloseReason;
use crate::session::{Ending, Entrance};

/// Bytes that one read may bring. Large enough for a deep pipeline, small enough to stay in the cache.
const READ_BYTES: usize = 64 * 1024;

/// How often retries are looked at.
const TICK: Duration = Duration::from_millis(10);

/// How many ticks there are between two looks at all deadlines, which cost a step for each client.
const TICKS_PER_SCAN: usize = 5;

/// A worker with what its tasks share.
pub(crate) struct Shared {
    worker: RefCell<Worker>,
    /// All tasks read into this one buffer, so that an idle connection holds none.
    read_buffer: RefCell<Box<[u8]>>,
}

impl Shared {
    /// Puts a worker where its tasks find it.
    pub(crate) fn new(worker: Worker) -> Rc<Shared> {
        Rc::new(Shared {
            worker: RefCell::new(worker),
            read_buffer: RefCell::new(vec![0; READ_BYTES].into_boxed_slice()),
        })
    }

    /// Runs `f` on the worker.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut Worker) -> T) -> T {
        f(&mut self.worker.borrow_mut())
    }

    /// Reads what a socket has and hands it to `take`; zero bytes mean the end.
    pub(super) fn poll_read_into<T>(
        &self,
        socket: &mut OwnedReadHalf,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut Worker, &[u8]) -> T,
    ) -> Poll<io::Result<T>> {
        let mut buffer = self.read_buffer.borrow_mut();
        let mut read = ReadBuf::new(&mut buffer);
        // Unlike `try_read`, this knows from a short read that the socket is empty: no second system call.
        ready!(Pin::new(socket).poll_read(cx, &mut read))?;
        Poll::Ready(Ok(take(&mut self.worker.borrow_mut(), read.filled())))
    }
}

/// Serves one client until it or the front door ends the connection.
pub(crate) async fn serve_client(
    shared: Rc<Shared>,
    stream: TcpStream,
    peer_addr: SocketAddr,
    entrance: Entrance,
) {
    let Ok(local_addr) = stream.local_addr() else { return };
    let (mut read_half, write_half) = stream.into_split();
    let key = shared.with(|worker| {
        let key = worker.add_session(write_half, peer_addr, local_addr);
        worker.set_entrance(key, entrance);
        key
    });
    poll_fn(|cx| poll_client(&shared, key, &mut read_half, cx)).await;
    let is_dismissed = shared.with(|worker| worker.is_dismissed(key));
    // With the session goes the half that writes, which tells the client that nothing more will come.
    shared.with(|worker| worker.remove_session(key));
    if is_dismissed {
        linger(&shared, read_half).await;
    }
}

fn poll_client(
    shared: &Shared,
    key: usize,
    socket: &mut OwnedReadHalf,
    cx: &mut Context<'_>,
) -> Poll<()> {
    loop {
        match shared.with(|worker| worker.client_wants(key, cx)) {
            Want::Read => {}
            Want::Wait => return Poll::Pending,
            Want::End => return Poll::Ready(()),
        }
        let end = shared.poll_read_into(socket, cx, |worker, bytes| {
            if bytes.is_empty() {
                worker.client_left(key);
            } else {
                worker.client_bytes(key, bytes);
                worker.settle_session(key);
            }
        });
        if ready!(end).is_err() {
            return Poll::Ready(());
        }
    }
}

/// Connects a link and serves it until it ends.
pub(crate) async fn serve_link(shared: Rc<Shared>, key: LinkKey) {
    let Some(job) = shared.with(|worker| worker.link_job(key)) else { return };
    let connected = match tokio::time::timeout(job.timeout, connect(&job)).await {
        Ok(Ok(connected)) => connected,
        Ok(Err(error)) => {
            tracing::warn!(node = job.addr, %error, "cannot connect to node");
            let end = match error {
                HandshakeError::Untracked(reply) => LinkEnd::Untracked(reply),
                _ => LinkEnd::NotConnected,
            };
            return shared.with(|worker| worker.end_link(key, &end));
        }
        Err(_) => {
            tracing::warn!(node = job.addr, timeout = ?job.timeout, "connecting to node timed out");
            return shared.with(|worker| worker.end_link(key, &LinkEnd::NotConnected));
        }
    };
    let Connected { stream, ids, ear, told } = connected;
    let (mut read_half, write_half) = stream.into_split();
    let mut ear = ear.map(|stream| (stream.into_split(), Ear::default()));
    shared.with(|worker| worker.link_connected(key, write_half, ids));
    let end = match shared.with(|worker| worker.node_bytes(key, &told)) {
        Ok(()) => {
            poll_fn(|cx| {
                if let Some(((socket, _), ear)) = &mut ear
                    && let Poll::Ready(end) = poll_ear(&shared, key, (socket, ear), cx)
                {
                    return Poll::Ready(end);
                }
                poll_link(&shared, key, &mut read_half, cx)
            })
            .await
        }
        Err(error) => LinkEnd::Broken(error),
    };
    if let LinkEnd::Broken(error) = &end {
        tracing::error!(node = job.addr, %error, "node broke the protocol");
    }
    shared.with(|worker| worker.end_link(key, &end));
}

/// A link that can be used.
struct Connected {
    stream: TcpStream,
    ids: IdsAtNode,
    /// Where the node tells what it cannot tell on a connection of RESP2.
    ear: Option<TcpStream>,
    /// What the node has told already.
    told: Vec<u8>,
}

/// Makes the connection, learns how the node knows it and has the node track on it, as far as that is needed.
async fn connect(job: &LinkJob) -> Result<Connected, HandshakeError> {
    let mut stream = handshake::connect(&job.addr, &job.login).await?;
    if job.is_reading {
        handshake::allow_reads(&mut stream).await?;
    }
    let mut ids = IdsAtNode::default();
    if job.is_pinned {
        ids.link = handshake::id_at_node(&mut stream).await?;
    }
    let mut connected = Connected { stream, ids, ear: None, told: Vec::new() };
    let Some(tracking) = &job.tracking else { return Ok(connected) };
    if let Some(login) = &tracking.ear {
        let mut ear = handshake::connect(&job.addr, login).await?;
        let id = handshake::id_at_node(&mut ear).await?;
        let untold = || HandshakeError::Untracked("it does not tell CLIENT ID".to_owned());
        connected.ids.ear = Some(id.ok_or_else(untold)?);
        connected.ear = Some(ear);
    }
    let request = handshake::track_request(&tracking.options, connected.ids.ear);
    connected.told = handshake::track(&mut connected.stream, &request).await?;
    Ok(connected)
}

/// Reads what a node tells on the ear of a link.
fn poll_ear(
    shared: &Shared,
    key: LinkKey,
    (socket, ear): (&mut OwnedReadHalf, &mut Ear),
    cx: &mut Context<'_>,
) -> Poll<LinkEnd> {
    loop {
        let taken = shared.poll_read_into(socket, cx, |worker, bytes| {
            (!bytes.is_empty()).then(|| worker.ear_bytes(key, ear, bytes))
        });
        match ready!(taken) {
            Ok(Some(Ok(()))) => {}
            Ok(Some(Err(error))) => return Poll::Ready(LinkEnd::Broken(error)),
            Ok(None) | Err(_) => return Poll::Ready(LinkEnd::Lost),
        }
    }
}

fn poll_link(
    shared: &Shared,
    key: LinkKey,
    socket: &mut OwnedReadHalf,
    cx: &mut Context<'_>,
) -> Poll<LinkEnd> {
    loop {
        match shared.with(|worker| worker.link_wants(key, cx)) {
            Want::Read => {}
            Want::Wait => return Poll::Pending,
            Want::End => return Poll::Ready(LinkEnd::Lost),
        }
        let taken = shared.poll_read_into(socket, cx, |worker, bytes| {
            let taken = (!bytes.is_empty()).then(|| worker.node_bytes(key, bytes));
            worker.settle_link(key);
            taken
        });
        match ready!(taken) {
            Ok(Some(Ok(()))) => {}
            Ok(Some(Err(error))) => return Poll::Ready(LinkEnd::Broken(error)),
            Ok(None) | Err(_) => return Poll::Ready(LinkEnd::Lost),
        }
    }
}

/// Connects a feed and serves it until it ends.
pub(crate) async fn serve_feed(shared: Rc<Shared>, key: FeedKey) {
    let Some(job) = shared.with(|worker| worker.feed_job(key)) else { return };
    let connecting = tokio::time::timeout(job.timeout, handshake::connect(&job.addr, &job.login));
    match connecting.await {
        Ok(Ok(stream)) => {
            let (mut read_half, mut write_half) = stream.into_split();
            shared.with(|worker| worker.feed_connected(key));
            poll_fn(|cx| poll_feed(&shared, key, &mut read_half, &mut write_half, cx)).await;
        }
        Ok(Err(error)) => tracing::warn!(node = job.addr, %error, "cannot listen to node"),
        Err(_) => {
            tracing::warn!(node = job.addr, timeout = ?job.timeout, "listening to node timed out");
        }
    }
    shared.with(|worker| worker.end_feed(key));
}

fn poll_feed(
    shared: &Shared,
    key: FeedKey,
    reader: &mut OwnedReadHalf,
    writer: &mut OwnedWriteHalf,
    cx: &mut Context<'_>,
) -> Poll<()> {
    loop {
        if shared.with(|worker| worker.feed_wants(key, cx)) == FeedWants::End {
            return Poll::Ready(());
        }
        let sent = shared.with(|worker| {
            worker.send_feed(key, |bytes| Pin::new(&mut *writer).poll_write(cx, bytes))
        });
        if sent.is_err() {
            return Poll::Ready(());
        }
        let taken = shared.poll_read_into(reader, cx, |worker, bytes| {
            !bytes.is_empty() && worker.feed_bytes(key, bytes).is_ok()
        });
        if !matches!(ready!(taken), Ok(true)) {
            return Poll::Ready(());
        }
    }
}

/// What the task of a connection is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// Read.
    Read,
    /// Wait until it is woken.
    Wait,
    /// End the connection.
    End,
}

impl Worker {
    fn client_wants(&mut self, key: usize, cx: &mut Context<'_>) -> Want {
        let Some(entry) = self.sessions.get_mut(key) else { return Want::End };
        if entry.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            entry.waker = Some(cx.waker().clone());
        }
        let is_open = entry.session.ending == Ending::Open && entry.session.upload.is_none();
        if is_open && !entry.is_write_blocked && !entry.is_paused && !self.budget.is_short() {
            return Want::Read;
        }
        let is_over = match entry.session.ending {
            Ending::Open => false,
            Ending::AfterReplies => entry.session.is_drained(),
            Ending::Now => true,
        };
        if is_over {
            return Want::End;
        }
        if entry.is_write_blocked {
            match entry.socket.as_ref().poll_write_ready(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => {
                    entry.is_write_blocked = false;
                    self.mark_session_dirty(key);
                }
                Poll::Ready(Err(_)) => return Want::End,
            }
        }
        let is_stopped = self.is_stopped(key) || self.is_shed(key);
        let entry = &self.sessions[key];
        // A client whose replies cannot be written is not read: it will have more replies.
        if is_stopped || entry.is_write_blocked || entry.session.ending != Ending::Open {
            return Want::Wait;
        }
        Want::Read
    }

    /// The client closed its side. What it asked is still answered, should it read that far.
    fn client_left(&mut self, key: usize) {
        let Some(entry) = self.sessions.get_mut(key) else { return };
        // A Redis ends a client that leaves while it waits.
        let ends_now = entry.session.is_waiting() || entry.session.is_uploading();
        entry.session.ending = if ends_now { Ending::Now } else { Ending::AfterReplies };
        entry.close_reason = CloseReason::ClientLeft;
        self.mark_session_dirty(key);
    }

    fn link_wants(&mut self, key: LinkKey, cx: &mut Context<'_>) -> Want {
        let Some(entry) = self.links.get_mut(key.0) else { return Want::End };
        if entry.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            entry.waker = Some(cx.waker().clone());
        }
        if entry.link.is_closing {
            return Want::End;
        }
        if entry.is_write_blocked
            && let Some(socket) = &entry.socket
        {
            match socket.as_ref().poll_write_ready(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => {
                    entry.is_write_blocked = false;
                    self.mark_link_dirty(key);
                }
                Poll::Ready(Err(_)) => return Want::End,
            }
        }
        if self.links[key.0].link.is_paused() { Want::Wait } else { Want::Read }
    }
}

/// Flushes at the end of every turn in which something became dirty, and gives new links their tasks.
pub(crate) async fn flush_turns(shared: Rc<Shared>) {
    poll_fn(|cx| {
        let (new_links, new_feeds) = shared.with(|worker| {
            worker.set_flush_waker(cx);
            if worker.is_flush_due {
                worker.flush();
            }
            (std::mem::take(&mut worker.new_links), std::mem::take(&mut worker.new_feeds))
        });
        for key in new_links {
            tokio::task::spawn_local(serve_link(Rc::clone(&shared), key));
        }
        for key in new_feeds {
            tokio::task::spawn_local(serve_feed(Rc::clone(&shared), key));
        }
        // Flushing lets paused requests go on, which may have made new links and new dirt.
        if shared.with(|worker| worker.is_flush_due) {
            cx.waker().wake_by_ref();
        }
        Poll::<()>::Pending
    })
    .await;
}

/// Looks at retries and deadlines for ever.
pub(crate) async fn tick(shared: Rc<Shared>) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        for _ in 0..TICKS_PER_SCAN {
            interval.tick().await;
            shared.with(Worker::run_retries);
        }
        shared.with(Worker::run_deadlines);
    }
}
