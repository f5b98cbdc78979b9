//! One worker: a thread that owns its clients, its node links and its copy of the routes, and shares nothing.
//!
//! Everything here runs to completion on that thread; tasks (see [`run`]) only move bytes between sockets and
//! these methods. One turn of the event loop looks so:
//!
//! 1. sessions and links that became readable hand in their bytes ([`Worker::client_bytes`],
//!    [`Worker::node_bytes`]); requests are appended to links, replies to sessions, which become dirty;
//! 2. at the turn's end [`Worker::flush`] writes every dirty link and session once.
//!
//! Invariant: no method waits; no `RefCell` borrow of the worker lives across an await.

pub(crate) mod intake;

pub(crate) mod dispatch;

pub(crate) mod sending;

pub(crate) mod reading;

pub(crate) mod hedging;

pub(crate) mod mapping;

pub(crate) mod walk;

pub(crate) mod events;

pub(crate) mod holding;

pub(crate) mod health;

pub(crate) mod replies;

pub(crate) mod streams;

pub(crate) mod uploads;

pub(crate) mod pins;

pub(crate) mod waits;

pub(crate) mod acks;

pub(crate) mod blocked;

pub(crate) mod transactions;

pub(crate) mod tracking;

pub(crate) mod script_calls;

pub(crate) mod pause;

pub(crate) mod shedding;

pub(crate) mod connects;

pub(crate) mod doctor;

pub(crate) mod flush;

pub(crate) mod clock;

pub(crate) mod clients;

pub(crate) mod drain;

pub(crate) mod everywhere;

pub(crate) mod listening;

pub(crate) mod fan_out;

pub(crate) mod cross_slot;

pub(crate) mod feeds;

pub(crate) mod scan;

pub(crate) mod tasks;

pub(crate) mod run;

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::task::Waker;

use reddoor_protocol::request::RequestDecoder;
use reddoor_protocol::scratch::{MakeScratch, Scratch};
use slab::Slab;
use tokio::net::tcp::OwnedWriteHalf;

use self::clock::Clock;
use self::fan_out::Postponed;
use self::flush::Dirty;
use self::pause::Pause;
use self::reading::Reads;
use self::shedding::Shedding;
use crate::budget::{Budget, Charge};
use crate::channels::Channels;
use crate::channels::feed::{Feed, FeedKey};
use crate::channels::partings::Partings;
use crate::config::Config;
use crate::cross_slot::waiting::Waiting;
use crate::errand::{LinkKey, Waiter};
use crate::held::HeldRequests;
use crate::key_mapping::request::RequestScratch;
use crate::link::Link;
use crate::local::Answerer;
use crate::metrics::label::CloseReason;
use crate::metrics::worker::WorkerMetrics;
use crate::peers::Peers;
use crate::permissions::Permissions;
use crate::pinned::PinnedPool;
use crate::plan::PlanScratch;
use crate::rates::Allowance;
use crate::refresh::RefreshTrigger;
use crate::replicas::Survey;
use crate::routes::Routes;
use crate::scripts::SeenScripts;
use crate::session::Session;
use crate::socket_diag::SocketDiag;

/// A client with what its task needs.
#[derive(Debug)]
struct SessionEntry {
    session: Session,
    socket: OwnedWriteHalf,
    /// Wakes the task that reads this client.
    waker: Option<Waker>,
    /// Whether it waits for its turn to be flushed.
    is_dirty: bool,
    /// Whether its socket takes no more bytes just now; its task waits until it does.
    is_write_blocked: bool,
    /// Whether requests lie unread because a limit was reached.
    is_paused: bool,
    /// Its own node connections.
    pins: Vec<LinkKey>,
    /// Why it will have ended, as far as is known.
    close_reason: CloseReason,
    /// What it held when that was looked at last.
    charge: Charge,
    /// Whether it is not read because it holds so much.
    is_shed: bool,
    /// What its commands take from, once there is a limit to their rate.
    allowance: Option<Box<Allowance>>,
    /// Until when it runs nothing because it was too fast, in microseconds of the worker's clock; 0: it was not.
    slowed_until_us: u64,
    /// Whether it stands among those that are blocked.
    is_blocked: bool,
}

/// A node connection with what its task needs.
#[derive(Debug)]
struct LinkEntry {
    link: Link,
    /// `None` until it is connected.
    socket: Option<OwnedWriteHalf>,
    /// Wakes the task that reads this link.
    waker: Option<Waker>,
    /// Whether its socket takes no more bytes just now; its task waits until it does.
    is_write_blocked: bool,
    /// What it held when that was looked at last.
    charge: Charge,
}

impl LinkEntry {
    /// Has its task end it.
    fn close(&mut self) {
        self.link.is_closing = true;
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

/// See the module.
pub(crate) struct Worker {
    config: Arc<Config>,
    metrics: Arc<WorkerMetrics>,
    refresh: Arc<RefreshTrigger>,
    answerer: Answerer,
    peers: Peers,
    clock: Clock,
    sessions: Slab<SessionEntry>,
    links: Slab<LinkEntry>,
    channels: Channels,
    /// Who waits for the end of what was listened to.
    partings: Partings,
    feeds: Slab<Feed>,
    /// Feeds that were made and have no task yet.
    new_feeds: Vec<FeedKey>,
    /// The number of the feed that was made last.
    last_feed: u64,
    /// Feeds that ended in a row, or could not be connected (count).
    feed_failures: u32,
    /// When all topics are to be placed again, in microseconds of the worker's clock.
    topics_due_us: Option<u64>,
    /// When feeds were last asked whether they live, in microseconds of the worker's clock.
    feeds_looked_at_us: u64,
    routes: Routes,
    /// How replicas come to answer reads; `None` while all go to primaries.
    reads: Option<Box<Reads>>,
    /// What was found of replicas last.
    survey: Arc<Survey>,
    /// What the system knows of connections.
    socket_diag: SocketDiag,
    /// When links were last looked at for machines that are gone, in microseconds of the worker's clock.
    receipts_looked_at_us: u64,
    /// Requests that no node runs just now.
    held: HeldRequests,
    /// Node connections that are not shared.
    pinned: PinnedPool,
    /// Sessions that are tracked.
    tracked: HashSet<usize>,
    /// Whether a client that hears of all keys may lack a link to a primary.
    are_broadcasts_due: bool,
    /// While set, clients are held back.
    pause: Option<Pause>,
    /// Scripts that were remembered lately.
    seen_scripts: SeenScripts,
    dirty_sessions: Dirty<usize>,
    dirty_links: Dirty<LinkKey>,
    /// Wakes the task that flushes at the end of the turn.
    flush_waker: Option<Waker>,
    is_flush_due: bool,
    /// Links that were made and have no task yet.
    new_links: Vec<LinkKey>,
    /// Serves every client that is between requests.
    decoder: RequestDecoder,
    scratch: PlanScratch,
    permissions: Permissions,
    /// Whether keys are stored under other names than their own.
    maps_keys: bool,
    mapped: RequestScratch,
    /// Steps of commands that wait until there are nodes to ask.
    postponed: VecDeque<Postponed>,
    /// Never zero; see [`Worker::random`].
    random_state: u64,
    /// Where requests are put together before they are appended.
    request: Vec<u8>,
    /// Where commands over several slots are run, once there was one.
    scratch_node: Option<Box<dyn Scratch>>,
    make_scratch: MakeScratch,
    /// Commands over several slots that wait for their keys.
    waiting_across: Waiting,
    /// Clients that wait for replicas.
    replica_waits: Vec<Waiter>,
    is_draining: bool,
    /// What its clients hold.
    budget: Budget,
    shedding: Shedding,
    /// Clients that are closed and have not closed their side yet.
    lingering_count: usize,
}

impl Worker {
    /// A worker without clients, links and routes.
    pub(crate) fn new(
        config: Arc<Config>,
        metrics: Arc<WorkerMetrics>,
        refresh: Arc<RefreshTrigger>,
        answerer: Answerer,
        peers: Peers,
        make_scratch: MakeScratch,
    ) -> Worker {
        let permissions = Permissions::of(&config);
        let budget = Budget::new(Arc::clone(&answerer.shared.held_bytes));
        let reads = Reads::of(&config);
        let maps_keys = !answerer.mapping.is_identity();
        Worker {
            config,
            metrics,
            refresh,
            answerer,
            peers,
            clock: Clock::new(),
            sessions: Slab::new(),
            links: Slab::new(),
            channels: Channels::default(),
            partings: Partings::default(),
            feeds: Slab::new(),
            new_feeds: Vec::new(),
            last_feed: 0,
            feed_failures: 0,
            topics_due_us: None,
            feeds_looked_at_us: 0,
            routes: Routes::new(),
            reads,
            survey: Arc::default(),
            socket_diag: SocketDiag::open(),
            receipts_looked_at_us: 0,
            held: HeldRequests::default(),
            pinned: PinnedPool::default(),
            tracked: HashSet::new(),
            are_broadcasts_due: false,
            pause: None,
            seen_scripts: SeenScripts::default(),
            dirty_sessions: Dirty::new(),
            dirty_links: Dirty::new(),
            flush_waker: None,
            is_flush_due: false,
            new_links: Vec::new(),
            decoder: RequestDecoder::default(),
            scratch: PlanScratch::default(),
            permissions,
            maps_keys,
            mapped: RequestScratch::default(),
            postponed: VecDeque::new(),
            random_state: RandomState::new().build_hasher().finish() | 1,
            request: Vec::new(),
            scratch_node: None,
            make_scratch,
            waiting_across: Waiting::default(),
            replica_waits: Vec::new(),
            is_draining: false,
            budget,
            shedding: Shedding::default(),
            lingering_count: 0,
        }
    }

    /// Other settings are in force: for what begins from now on, and for limits at once.
    pub(crate) fn set_config(&mut self, config: Arc<Config>) {
        self.permissions = Permissions::of(&config);
        self.answerer.config = Arc::clone(&config);
        self.config = config;
        self.set_reads();
        self.settle_doctor();
    }

    /// Puts a session on the list of those to be flushed at the turn's end.
    #[inline]
    fn mark_session_dirty(&mut self, key: usize) {
        let Some(entry) = self.sessions.get_mut(key) else { return };
        if !entry.is_dirty {
            entry.is_dirty = true;
            self.dirty_sessions.push(key);
            self.request_flush();
        }
    }

    /// Puts a link on the list of those to be flushed at the turn's end.
    #[inline]
    fn mark_link_dirty(&mut self, key: LinkKey) {
        let Some(entry) = self.links.get_mut(key.0) else { return };
        if !entry.link.is_dirty {
            entry.link.is_dirty = true;
            self.dirty_links.push(key);
            self.request_flush();
        }
    }

    fn request_flush(&mut self) {
        if !self.is_flush_due {
            self.is_flush_due = true;
            if let Some(waker) = &self.flush_waker {
                waker.wake_by_ref();
            }
        }
    }
}
