//! What the front door answers itself, as a Redis would.
//!
//! In: a request and the session it came from. Out: a reply in that session, or a question to every worker.
//! Each answer is one function, found by the command's row.

pub(crate) mod client;

pub(crate) mod client_filter;

pub(crate) mod client_waits;

pub(crate) mod config_get;

pub(crate) mod config_set;

pub(crate) mod connection;

pub(crate) mod info;

pub(crate) mod tracking;

use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};

use reddoor_protocol::command::{self, CommandId, CommandSpec, describe};
use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use self::client_filter::ClientFilter;
use self::info::counters;
use crate::channels::counts::ListenerCounts;
use crate::config::Config;
use crate::directory::Directory;
use crate::doctor::Doctor;
use crate::errand::ClientId;
use crate::fan_out::Start;
use crate::key_mapping::Mapping;
use crate::metrics::worker::WorkerMetrics;
use crate::permissions::Permissions;
use crate::rates::Rates;
use crate::scripts::Scripts;
use crate::session::Session;
use crate::session::tracking::Tracking;

/// Answers one command.
pub(crate) type Answer = fn(&Answerer, &mut Requester<'_>, Args<'_>) -> Answered;

/// How a command was answered.
#[derive(Debug)]
pub(crate) enum Answered {
    /// The reply is in the session.
    Here,
    /// The reply was an error of the client's making; it is in the session.
    Refused,
    /// The reply is in the session, which listens to nothing any more.
    Anew,
    /// The client is to be tracked so; it has no reply yet.
    Tracked(Box<Tracking>),
    /// Every worker has a share in the reply.
    Everywhere(ClientQuery),
    /// Nodes have a share in the reply.
    Nodes(Box<Start>),
}

/// How a client is made to wait no longer (`CLIENT UNBLOCK`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unblock {
    /// As if its time were over.
    Timeout,
    /// With an error.
    Error,
}

/// Who is held back (`CLIENT PAUSE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PauseMode {
    /// What may change data.
    Writes,
    /// Everything.
    All,
}

/// A question about the clients of every worker.
#[derive(Clone, Debug)]
pub(crate) enum ClientQuery {
    /// `CLIENT LIST`, a request of so many bytes: one line for each that matches.
    List(ClientFilter, usize),
    /// `CLIENT KILL` with filters: how many were ended.
    Kill(ClientFilter),
    /// `CLIENT KILL addr:port`: whether one was ended.
    KillOne(ClientFilter),
    /// `CLIENT UNBLOCK`: whether the client waited.
    Unblock(ClientId, Unblock),
    /// `CLIENT PAUSE`: hold clients back for a while.
    Pause(Duration, PauseMode),
    /// `CLIENT UNPAUSE`
    Unpause,
}

/// Facts about the whole front door that answers tell. Shared by all workers.
#[derive(Debug)]
pub(crate) struct SharedFacts {
    /// The number that the next client gets.
    pub(crate) next_client_id: AtomicU64,
    /// Clients connected to all workers (count).
    pub(crate) clients_count: AtomicUsize,
    /// When the front door started.
    pub(crate) started: Instant,
    /// When the front door started, as people count.
    pub(crate) started_at: SystemTime,
    /// 40 hexadecimal characters that name this run.
    pub(crate) run_id: String,
    /// Scripts for nodes that lack them.
    pub(crate) scripts: Scripts,
    /// The counters of every worker.
    pub(crate) metrics: Vec<Arc<WorkerMetrics>>,
    /// What the counters that `INFO` tells stood at when they were reset.
    pub(crate) counters_reset: counters::Reset,
    /// The port that clients connect to.
    pub(crate) port: u16,
    /// Where each client is served.
    pub(crate) directory: Directory,
    /// How many clients listen to what.
    pub(crate) listeners: ListenerCounts,
    /// Bytes that the clients of all workers hold.
    pub(crate) held_bytes: Arc<AtomicUsize>,
    /// How fast clients are.
    pub(crate) rates: Rates,
    /// What a cluster would not have run.
    pub(crate) doctor: Arc<Doctor>,
}

/// What answers may look at.
pub(crate) struct Answerer {
    /// The settings.
    pub(crate) config: Arc<Config>,
    /// Between clients' keys and stored keys.
    pub(crate) mapping: Arc<Mapping>,
    /// Facts about the whole front door.
    pub(crate) shared: Arc<SharedFacts>,
}

/// Who asked, and when.
pub(crate) struct Requester<'a> {
    /// The client.
    pub(crate) session: &'a mut Session,
    /// Now, in microseconds of the worker's clock.
    pub(crate) now_us: u64,
}

impl Requester<'_> {
    /// Appends a reply, in its turn.
    pub(crate) fn reply(&mut self, write: impl FnOnce(&mut ReplyWriter<'_>)) -> Answered {
        let resp = self.session.resp;
        self.session.answer(|out| write(&mut ReplyWriter::new(out, resp)));
        Answered::Here
    }

    /// Replies `OK`.
    pub(crate) fn ok(&mut self) -> Answered {
        self.reply(|reply| reply.ok())
    }

    /// Replies with an error.
    pub(crate) fn refuse(&mut self, error: &ReplyError) -> Answered {
        self.reply(|reply| reply.error(error));
        Answered::Refused
    }
}

/// Who answers which command. `COMMAND` and its subcommands are in [`describe`].
const ANSWERS: &[(CommandId, Answer)] = &[
    (CommandId::of("acl|whoami"), connection::whoami),
    (CommandId::of("auth"), connection::auth),
    (CommandId::of("client|caching"), tracking::caching),
    (CommandId::of("client|getname"), client::getname),
    (CommandId::of("client|getredir"), tracking::getredir),
    (CommandId::of("client|id"), client::id),
    (CommandId::of("client|info"), client::info),
    (CommandId::of("client|kill"), client::kill),
    (CommandId::of("client|list"), client::list),
    (CommandId::of("client|no-evict"), client::no_evict),
    (CommandId::of("client|pause"), client_waits::pause),
    (CommandId::of("client|reply"), client::reply),
    (CommandId::of("client|setname"), client::setname),
    (CommandId::of("client|tracking"), tracking::tracking),
    (CommandId::of("client|trackinginfo"), tracking::trackinginfo),
    (CommandId::of("client|unblock"), client_waits::unblock),
    (CommandId::of("client|unpause"), client_waits::unpause),
    (CommandId::of("config|get"), config_get::get),
    (CommandId::of("config|set"), config_set::set),
    (CommandId::of("echo"), connection::echo),
    (CommandId::of("hello"), connection::hello),
    (CommandId::of("info"), info::info),
    (CommandId::of("ping"), connection::ping),
    (CommandId::of("quit"), connection::quit),
    (CommandId::of("reset"), connection::reset),
    (CommandId::of("role"), connection::role),
    (CommandId::of("select"), connection::select),
    (CommandId::of("time"), connection::time),
];

/// Subcommands that Redis 7.0, and so the command table, does not know, but that every client library of today
/// sends: name of the container, of the subcommand, arguments (count), who answers.
const NEWER_ANSWERS: &[(CommandId, &str, usize, Answer)] =
    &[(CommandId::of("client"), "setinfo", 4, client::setinfo)];

/// Who answers a subcommand that the command table does not know, if anybody does.
pub(crate) fn newer_answer_of(container: &CommandSpec, args: Args<'_>) -> Option<Answer> {
    let is_meant = |(id, name, count, _): &&(CommandId, &str, usize, Answer)| {
        *id == container.id()
            && *count == args.len()
            && args.get(1).is_some_and(|arg| arg.eq_ignore_ascii_case(name.as_bytes()))
    };
    NEWER_ANSWERS.iter().find(is_meant).map(|(_, _, _, answer)| *answer)
}

/// Who answers a command here, if anybody does. Costs one array access.
pub(crate) fn answer_of(id: CommandId) -> Option<Answer> {
    static BY_ID: LazyLock<Vec<Option<Answer>>> = LazyLock::new(|| {
        let describes = |spec: &CommandSpec| {
            describe::answers(spec.id()).then_some(describe_commands as Answer)
        };
        let mut by_id: Vec<Option<Answer>> = command::all().iter().map(describes).collect();
        for (id, answer) in ANSWERS {
            by_id[id.index()] = Some(*answer);
        }
        by_id
    });
    BY_ID[id.index()]
}

/// Tells of the commands that clients of this front door can run.
fn describe_commands(
    answerer: &Answerer,
    requester: &mut Requester<'_>,
    args: Args<'_>,
) -> Answered {
    let Ok(spec) = command::resolve(args) else { return requester.refuse(&ReplyError::SYNTAX) };
    let permissions = Permissions::of(&answerer.config);
    let is_served = |spec: &CommandSpec| permissions.serve(spec);
    requester.reply(|reply| describe::write_answer(spec, args, &is_served, reply))
}
