//! The link of a replica to its primary.
//!
//! 1. `handshake`: connect, `PING`, `AUTH`, what this node is and can do, then `PSYNC` with the history it knows.
//! 2. `load`: the primary sends a full copy, or goes straight on.
//! 3. `apply`: requests are executed as they come, in their order, and acknowledged once a second.
//! 4. A link that ends is built anew after a second; what was received and executed is not asked for again.
//!
//! Invariant: a request counts as received when it, with its whole transaction, was executed.
//! Source: redis `src/replication.c` syncWithMaster, readSyncBulkPayload, replicationCron.

mod apply;

mod handshake;

mod load;

pub(crate) mod heard;

mod listed;

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::data::rdb::file::FileError;
use crate::dial;
use crate::node::{Node, SharedNode};
use handshake::Answer;
use listed::Listed;

/// The primary, and how the link to it stands.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) state: LinkState,
    /// The data here is that of the node's history up to its offset, so the primary may go on from there.
    pub(crate) knows_history: bool,
    /// When something was last heard of its data.
    pub(crate) heard_at: Option<Instant>,
    /// Since when there is no link.
    pub(crate) down_since: Instant,
    /// Bytes of a copy: all, if that is known, and those received.
    pub(crate) copy_bytes: (Option<u64>, u64),
    /// Bytes of the stream that were received and not executed.
    pub(crate) unapplied_bytes: u64,
}

/// How far a link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkState {
    Down,
    Connecting,
    Handshake,
    Copying,
    Connected,
}

/// Why a link ended.
#[derive(Debug, Error)]
pub(crate) enum LinkError {
    #[error("{0}")]
    System(#[from] io::Error),
    #[error("nothing came from the primary for {0:?}")]
    Silent(Duration),
    #[error("the client of the link was killed")]
    Killed,
    #[error("the primary answered to {request}: {answer}")]
    Refused { request: &'static str, answer: String },
    #[error("the primary's copy cannot be read: {0}")]
    Copy(#[from] FileError),
    #[error(
        "{bytes} bytes of the primary's that are no whole request or transaction are more than the {max} that \
         client-output-buffer-limit allows of a replica's stream"
    )]
    TooLong { bytes: usize, max: usize },
    #[error("bad protocol from the primary: {0}")]
    Protocol(String),
}

impl Upstream {
    pub(super) fn new(host: String, port: u16, knows_history: bool) -> Upstream {
        Upstream {
            host,
            port,
            state: LinkState::Down,
            knows_history,
            heard_at: None,
            down_since: Instant::now(),
            copy_bytes: (None, 0),
            unapplied_bytes: 0,
        }
    }
}

/// Time between two attempts, and how much longer it may be, so that replicas of one primary do not come at once.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_JITTER_MS: usize = 200;

/// Follows one primary after the other, for ever.
pub(crate) async fn follow(node: SharedNode) {
    let changed = Rc::clone(&node.borrow().replication.upstream_changed);
    loop {
        let target = node.borrow().replication.upstream.as_ref().map(|u| (u.host.clone(), u.port));
        match target {
            None => changed.notified().await,
            Some((host, port)) => tokio::select! {
                // First, or what the old primary has sent would still be executed by a node that follows it no more.
                biased;
                () = changed.notified() => {}
                () = keep_linked(&node, &host, port) => {}
            },
        }
    }
}

/// Builds the link anew whenever it ends.
async fn keep_linked(node: &SharedNode, host: &str, port: u16) {
    let mut hurried_at: Option<Instant> = None;
    loop {
        tracing::info!("Connecting to MASTER {host}:{port}");
        let mut was_up = false;
        if let Err(error) = link(node, host, port, &mut was_up).await {
            tell_end(&node.borrow(), &error);
        }
        let pause = {
            let node = &mut *node.borrow_mut();
            node.lose_link();
            RETRY + Duration::from_millis(node.random.below(RETRY_JITTER_MS) as u64)
        };
        // A link that was up is built anew at once: the primary does not keep for ever what is missed meanwhile.
        if was_up && hurried_at.is_none_or(|at| at.elapsed() >= RETRY) {
            hurried_at = Some(Instant::now());
            tracing::info!("Reconnecting to MASTER {host}:{port}");
        } else {
            tokio::time::sleep(pause).await;
        }
    }
}

/// Logs why a link has ended, in the words that people search for.
fn tell_end(node: &Node, error: &LinkError) {
    let Some(upstream) = &node.replication.upstream else { return };
    let (host, port) = (&upstream.host, upstream.port);
    match (error, upstream.state) {
        (LinkError::Silent(_), LinkState::Connected) => {
            tracing::warn!("MASTER timeout: no data nor PING received...");
        }
        (LinkError::Silent(_), LinkState::Copying) => tracing::warn!(
            "Timeout receiving bulk data from MASTER... If the problem persists try to set the 'repl-timeout' \
             parameter in redis.conf to a larger value."
        ),
        (LinkError::Silent(_), _) => tracing::warn!("Timeout connecting to the MASTER..."),
        _ => tracing::warn!("Link to the primary {host}:{port} ended: {error}"),
    }
    if upstream.state == LinkState::Connected {
        tracing::info!("Connection with master lost.");
    }
}

/// One link, from its beginning to its end. Notes whether it was up.
async fn link(
    node: &SharedNode,
    host: &str,
    port: u16,
    was_up: &mut bool,
) -> Result<(), LinkError> {
    set_state(node, LinkState::Connecting);
    // Nothing is to come before the databases have been read from disk.
    while node.borrow().persistence.loading.is_some() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (timeout, source) = {
        let node = node.borrow();
        let settings = node.config.settings();
        (settings.replication.timeout, settings.bind_source.clone())
    };
    let connecting = tokio::time::timeout(timeout, dial::connect((host, port), source.as_deref()));
    let stream = connecting.await.map_err(|_| LinkError::Silent(timeout))??;
    // Small requests are to arrive at once; without the option they arrive later.
    let _ = stream.set_nodelay(true);
    set_state(node, LinkState::Handshake);
    tracing::info!("MASTER <-> REPLICA sync started");
    let mut wire = Wire { stream, received: Vec::new(), timeout };
    match handshake::run(node, &mut wire).await? {
        Answer::GoOn { id } => {
            tracing::info!("Successful partial resynchronization with master.");
            node.borrow_mut().go_on(id);
            tracing::info!("MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.");
        }
        Answer::Copy { history } => {
            if let Some((id, offset)) = &history {
                tracing::info!("Full resync from master: {id}:{offset}");
            }
            set_state(node, LinkState::Copying);
            load::run(node, &mut wire, history).await?;
            tracing::info!("MASTER <-> REPLICA sync: Finished with success");
        }
    }
    set_state(node, LinkState::Connected);
    *was_up = true;
    let listed = Listed::new(node, &wire.stream);
    tokio::select! {
        biased;
        () = listed.killed() => Err(LinkError::Killed),
        ended = apply::run(node, wire) => ended,
    }
}

fn set_state(node: &SharedNode, state: LinkState) {
    if let Some(upstream) = &mut node.borrow_mut().replication.upstream {
        upstream.state = state;
        upstream.heard_at =
            Some(Instant::now()).filter(|_| state == LinkState::Connected).or(upstream.heard_at);
    }
}

impl Node {
    fn lose_link(&mut self) {
        if let Some(upstream) = &mut self.replication.upstream {
            if upstream.state == LinkState::Connected {
                upstream.down_since = Instant::now();
            }
            upstream.state = LinkState::Down;
        }
    }

    /// The primary goes on from here, perhaps under another name.
    fn go_on(&mut self, id: Option<String>) {
        if let Some(id) = id.filter(|id| *id != self.replication.id) {
            tracing::info!("Master replication ID changed to {id}");
            self.replication.branch(id);
            // They ask again, and hear of the new name.
            self.disconnect_replicas();
        }
        if self.replication.backlog.is_none() {
            self.replication.keep_backlog();
        }
    }
}

/// The socket with what was received and not read.
struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
    timeout: Duration,
}

/// The longest line of a primary (bytes).
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Bytes that are received at once.
const READ_BYTES: usize = 64 * 1024;

impl Wire {
    /// Receives some bytes. How many, which is not zero.
    async fn receive(&mut self, node: &SharedNode) -> Result<usize, LinkError> {
        self.received.reserve(READ_BYTES);
        let reading = tokio::time::timeout(self.timeout, self.stream.read_buf(&mut self.received));
        let count = reading.await.map_err(|_| LinkError::Silent(self.timeout))??;
        if count == 0 {
            return Err(LinkError::System(io::ErrorKind::UnexpectedEof.into()));
        }
        let mut node = node.borrow_mut();
        node.stats.replication_input_bytes += count as u64;
        // What is said in a handshake is no data: whoever asks how old this node's are would be told too little.
        if let Some(upstream) = &mut node.replication.upstream
            && matches!(upstream.state, LinkState::Copying | LinkState::Connected)
        {
            upstream.heard_at = Some(Instant::now());
        }
        Ok(count)
    }

    /// Gives back what a large request has taken, when it has been executed.
    fn give_back(&mut self) {
        if self.received.len() < READ_BYTES {
            self.received.shrink_to(2 * READ_BYTES);
        }
    }

    /// The next line that is not empty, without its end. An empty one is a sign of life.
    async fn line(&mut self, node: &SharedNode) -> Result<String, LinkError> {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                if !text.is_empty() {
                    return Ok(text);
                }
                continue;
            }
            if self.received.len() > LINE_BYTES_MAX {
                return Err(LinkError::Protocol("a line without an end".to_owned()));
            }
            self.receive(node).await?;
        }
    }
}
