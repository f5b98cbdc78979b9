//! The sockets of the cluster bus: the core's [`Action`]s done, and what comes of them told to it.
//!
//! Everything runs on the node's one thread. A link is one task that reads and writes; what it is to write waits
//! in a queue with a limit, and a link that reaches it is given up: a node that does not read is as good as down.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use reddoor_protocol::slot::Slot;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::core::links::LinkId;
use super::core::tick::TICK_MS;
use super::core::{Action, Core};
use super::message::{MessageError, decode};
use super::nodes_conf::Sync;
use super::{Cluster, copy};
use crate::clock;
use crate::dial;
use crate::error::RunError;
use crate::node::{Node, SharedNode};
use crate::pubsub::Kind;

/// Bytes that may wait to be sent on one link when the settings set no limit.
const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes that one read may bring.
const READ_BYTES: usize = 16 * 1024;

/// The shortest time that the system takes for probes of a connection.
const KEEPALIVE_MIN: Duration = Duration::from_secs(1);

/// After so many ticks, a second, what was saved is synced.
const SYNC_TICKS: u64 = 1_000 / TICK_MS;

/// Rest after the system could not give a connection, most often for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is to be written on one link.
#[derive(Debug, Default)]
struct Queue {
    bytes: RefCell<Vec<u8>>,
    /// Bytes taken from `bytes` and not yet written.
    writing: Cell<usize>,
    is_filled: Notify,
}

impl Queue {
    fn len(&self) -> usize {
        self.bytes.borrow().len() + self.writing.get()
    }
}

/// A link that has a task.
#[derive(Debug)]
struct Line {
    queue: Rc<Queue>,
    task: JoinHandle<()>,
}

/// The links that have tasks, and how the bus is woken.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    lines: HashMap<LinkId, Line>,
    wake: Rc<Notify>,
    /// Links given up because their queue was full (count).
    overflows: u64,
}

impl Lines {
    /// Has the bus do what the core wants, at the end of this turn.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Bytes that wait to be sent on a link.
    pub(crate) fn queued_bytes(&self, link: LinkId) -> usize {
        self.lines.get(&link).map_or(0, |line| line.queue.len())
    }

    /// Links given up because their queue was full (count).
    pub(crate) fn overflows_count(&self) -> u64 {
        self.overflows
    }

    /// Queues bytes; false when the link is gone or its queue full.
    fn send(&mut self, link: LinkId, bytes: &[u8], bytes_max: usize) -> bool {
        let Some(line) = self.lines.get(&link) else { return false };
        if line.queue.len() + bytes.len() > bytes_max {
            self.overflows += 1;
            return false;
        }
        line.queue.bytes.borrow_mut().extend_from_slice(bytes);
        line.queue.is_filled.notify_one();
        true
    }

    fn close(&mut self, link: LinkId) {
        if let Some(line) = self.lines.remove(&link) {
            line.task.abort();
        }
    }
}

/// Opens the bus port on every address of the settings and starts the tasks of the bus.
///
/// # Errors
/// The port is taken or cannot be had.
pub(crate) async fn start(node: &SharedNode) -> Result<(), RunError> {
    let (addrs, port) = {
        let node = node.borrow();
        let settings = node.config.settings();
        (settings.bind.clone(), super::bus_port(settings))
    };
    for listener in listen(&addrs, port).await? {
        tokio::task::spawn_local(accept(Rc::clone(node), listener));
    }
    tokio::task::spawn_local(tick(Rc::clone(node)));
    let wake = cluster_of(node, |cluster| Rc::clone(&cluster.lines.wake));
    let woken = Rc::clone(node);
    tokio::task::spawn_local(async move {
        loop {
            wake.notified().await;
            act(&woken);
        }
    });
    act(node);
    Ok(())
}

/// Listens on every address that the settings name; one with a leading `-` may fail.
async fn listen(addrs: &[String], port: u16) -> Result<Vec<TcpListener>, RunError> {
    let mut listeners = Vec::new();
    for addr in addrs {
        let (host, is_optional) = match addr.strip_prefix('-') {
            Some(host) => (host, true),
            None => (addr.as_str(), false),
        };
        let host = match host {
            "*" => "0.0.0.0",
            "::*" => "::",
            host => host,
        };
        match TcpListener::bind((host, port)).await {
            Ok(listener) => listeners.push(listener),
            Err(error) if is_optional => {
                tracing::debug!(host, port, %error, "no bus on an optional address");
            }
            Err(error) => {
                tracing::error!("Failed listening on port {port} (cluster), aborting.");
                return Err(RunError::Cluster(format!("cannot listen on {host}:{port}: {error}")));
            }
        }
    }
    if listeners.is_empty() {
        return Err(RunError::Cluster(format!("no address to listen on for port {port}")));
    }
    Ok(listeners)
}

async fn accept(node: SharedNode, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, peer_addr)) => {
                let Ok(local_addr) = stream.local_addr() else { continue };
                let now_ms = now_ms();
                let link = cluster_of(&node, |cluster| {
                    let (peer, local) = (text_of(peer_addr.ip()), text_of(local_addr.ip()));
                    cluster.core.handle_accept(now_ms, peer, local)
                });
                let Some(link) = link else {
                    tracing::warn!(%peer_addr, "too many bus links: this one is closed");
                    continue;
                };
                open_line(&node, link, |queue| serve(Rc::clone(&node), link, stream, queue));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a bus link");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn tick(node: SharedNode) {
    loop {
        for _ in 0..SYNC_TICKS {
            let due = clock::next_due(Duration::from_millis(TICK_MS));
            tokio::time::sleep_until(due.into()).await;
            with_core(&node, |core| core.handle_tick(now_ms()));
        }
        cluster_of(&node, Cluster::sync);
    }
}

/// Does what the core wants, until it wants nothing more.
fn act(node: &SharedNode) {
    let bytes_max = {
        let limit = node.borrow().config.settings().cluster_link_bytes_max;
        if limit == 0 { QUEUE_BYTES_MAX } else { limit }
    };
    while let Some(action) = cluster_of(node, |cluster| cluster.core.poll_action()) {
        match action {
            Action::Connect { link, ip, port } => {
                open_line(node, link, |queue| connect(Rc::clone(node), link, ip, port, queue));
            }
            Action::Send { link, bytes } => cluster_of(node, |cluster| {
                if !cluster.lines.send(link, &bytes, bytes_max) {
                    cluster.lines.close(link);
                    cluster.core.handle_link_down(link);
                }
            }),
            Action::Disconnect { link } => cluster_of(node, |cluster| cluster.lines.close(link)),
            Action::DropSlotKeys { slots } => {
                let mut node = node.borrow_mut();
                slots.into_iter().for_each(|slot| drop_keys(&mut node, slot));
            }
            Action::Publish { is_sharded, channel, text } => {
                let kind = if is_sharded { Kind::Shard } else { Kind::Channel };
                node.borrow_mut().publish(kind, &channel, &text);
            }
            Action::Follow { ip, port } => copy::follow(node, &ip, port),
            Action::Lead => copy::lead(node),
            Action::PauseWrites { until_ms } => {
                let left_ms = until_ms.saturating_sub(now_ms());
                let until = Instant::now() + Duration::from_millis(left_ms);
                node.borrow_mut().begin_failover_pause(until);
            }
            Action::ResumeWrites => node.borrow_mut().end_failover_pause(),
            Action::Save { is_promise } => {
                let sync = if is_promise { Sync::Now } else { Sync::Later };
                cluster_of(node, |cluster| cluster.save(sync));
            }
        }
    }
}

/// Drops what this node holds of a slot that is another node's now, and tells whoever watches it.
fn drop_keys(node: &mut Node, slot: Slot) {
    let keys = node.databases[0].keys_in_slot(slot, usize::MAX);
    node.databases[0].drop_slot(slot);
    let word = node.expired_removal();
    for key in &keys {
        node.propagate_removal(0, key, word);
        node.changed(0, key);
    }
    node.end_apart();
}

/// Gives a link its queue and its task.
fn open_line<F>(node: &SharedNode, link: LinkId, serve: impl FnOnce(Rc<Queue>) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let queue = Rc::new(Queue::default());
    let task = tokio::task::spawn_local(serve(Rc::clone(&queue)));
    cluster_of(node, |cluster| cluster.lines.lines.insert(link, Line { queue, task }));
}

async fn connect(node: SharedNode, link: LinkId, ip: String, port: u16, queue: Rc<Queue>) {
    let (timeout, source) = {
        let node = node.borrow();
        let settings = node.config.settings();
        (settings.cluster_node_timeout, settings.bind_source.clone())
    };
    let dialling = dial::connect((ip.as_str(), port), source.as_deref());
    let connecting = tokio::time::timeout(timeout, dialling);
    let stream = match connecting.await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(ip, port, %error, "cannot connect to a node's bus");
            return end(&node, link);
        }
        Err(_) => return end(&node, link),
    };
    let local_ip = stream.local_addr().map(|addr| text_of(addr.ip())).unwrap_or_default();
    with_core(&node, |core| core.handle_link_up(now_ms(), link, local_ip));
    serve(node, link, stream, queue).await;
}

/// Reads and writes one link until it ends.
async fn serve(node: SharedNode, link: LinkId, stream: TcpStream, queue: Rc<Queue>) {
    let timeout = node.borrow().config.settings().cluster_node_timeout;
    if let Err(error) = tune(&stream, timeout) {
        tracing::debug!(%error, "cannot set options of a bus link");
    }
    let (reader, writer) = stream.into_split();
    tokio::select! {
        result = read(&node, link, reader) => if let Err(error) = result {
            with_core(&node, |core| core.handle_garbage(link, error));
        },
        // Why it could not be written makes no difference: the link is down.
        _ = write(writer, &queue) => {}
    }
    end(&node, link);
}

/// Messages go out at once, and the system finds out that the other machine is gone: on a link that another node
/// made nothing is ever sent but answers, so nothing else would.
fn tune(stream: &TcpStream, node_timeout: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let idle = node_timeout.saturating_mul(2).max(KEEPALIVE_MIN);
    let interval = (idle / 3).max(KEEPALIVE_MIN);
    let probes = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(3);
    SockRef::from(stream).set_tcp_keepalive(&probes)
}

async fn read(
    node: &SharedNode,
    link: LinkId,
    mut reader: OwnedReadHalf,
) -> Result<(), MessageError> {
    let mut received: Vec<u8> = Vec::new();
    loop {
        received.reserve(READ_BYTES);
        match reader.read_buf(&mut received).await {
            Ok(0) | Err(_) => return Ok(()),
            Ok(_) => {}
        }
        let mut consumed = 0;
        while let Some(len) = decode::len(&received[consumed..])? {
            if len > cluster_of(node, |cluster| cluster.core.message_bytes_max(link)) {
                return Err(MessageError::Length { len });
            }
            let Some(bytes) = received.get(consumed..consumed + len) else { break };
            let message = decode::message(bytes)?;
            consumed += len;
            with_core(node, |core| core.handle_message(now_ms(), link, message));
        }
        received.drain(..consumed);
    }
}

async fn write(mut writer: OwnedWriteHalf, queue: &Queue) -> io::Result<()> {
    loop {
        let bytes = queue.bytes.take();
        if bytes.is_empty() {
            queue.is_filled.notified().await;
            continue;
        }
        queue.writing.set(bytes.len());
        writer.write_all(&bytes).await?;
        queue.writing.set(0);
    }
}

/// A link has ended by itself.
fn end(node: &SharedNode, link: LinkId) {
    // Its task ends with this call, so it must not be aborted.
    cluster_of(node, |cluster| cluster.lines.lines.remove(&link));
    with_core(node, |core| core.handle_link_down(link));
}

/// Tells the core what happened and does what it wants.
fn with_core(node: &SharedNode, tell: impl FnOnce(&mut Core)) {
    let replication = copy::state(&node.borrow());
    cluster_of(node, |cluster| {
        cluster.core.set_replication(replication);
        tell(&mut cluster.core);
    });
    act(node);
}

/// Runs `f` on the cluster of a node.
fn cluster_of<T>(node: &SharedNode, f: impl FnOnce(&mut Cluster) -> T) -> T {
    let cluster = node.borrow().cluster.as_ref().map(Rc::clone);
    let cluster = cluster.expect("the bus runs in cluster mode only");
    let mut cluster = cluster.borrow_mut();
    f(&mut cluster)
}

pub(super) fn now_ms() -> u64 {
    u64::try_from(clock::unix_ms()).unwrap_or(0)
}

/// An address as nodes are known by: an IPv4 address that came in through IPv6 is an IPv4 address.
fn text_of(ip: IpAddr) -> String {
    ip.to_canonical().to_string()
}
