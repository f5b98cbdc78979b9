//! The one door through which commands reach the node's state.
//!
//! In: the arguments of one request and where it came from. Out: one reply, written; the state changed.
//! Checks stand in the order in which a Redis makes them, because clients see which one answers first:
//! 1. the command exists and takes so many arguments, 2. it is not locked away, 3. the client has authenticated, and
//!    its user may run this command with its keys and channels,
//! 4. this node serves the slot of its keys, 5. there is memory for it, 6. what it changes can be kept,
//! 7. a subscriber may send it, 8. the data it needs has been read, 9. no pause holds it back,
//! 10. it is queued inside a transaction.
//!
//! Source: redis `src/server.c` processCommand.

mod admit;

mod attention;

mod deeds;

mod later;

mod long;

mod out_of_memory;

mod repeat;

mod rights;

mod route;

use std::time::{Duration, Instant};

use reddoor_protocol::command::resolve::ResolveError;
use reddoor_protocol::command::{CommandId, CommandSpec, resolve, spec};
use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use crate::blocking;
use crate::client::{Client, Peer};
use crate::commands;
use crate::config::settings::Permission;
use crate::data::value::Value;
use crate::node::{At, Node};
use crate::notify::Class;

use admit::{admit, refuse};
use attention::{Attention, is_plain};
use later::queue;
use long::note_long;

pub(crate) use deeds::Deeds;
pub(crate) use out_of_memory::REFUSAL as OUT_OF_MEMORY;
pub(crate) use repeat::replay;
pub(crate) use rights::{check as check_rights, note_refused_login};
pub(crate) use route::{Keys, Presence, RouteQuery, check as route_of_script, slot_of};

/// One command under way: what a handler works with.
pub(crate) struct Call<'a> {
    pub(crate) node: &'a mut Node,
    /// The client that asks.
    pub(crate) client: &'a mut Client,
    /// All arguments, the command's name first. The row's arity has been checked.
    pub(crate) args: Args<'a>,
    /// Handlers write exactly one reply, or nothing and give back an error.
    pub(crate) reply: ReplyWriter<'a>,
    /// Where the reply begins in the buffer, so that messages can be put before it.
    pub(crate) reply_start: usize,
    pub(crate) spec: &'static CommandSpec,
    pub(crate) origin: Origin<'a>,
    /// When the turn began that executes this, in milliseconds since 1970: the same for all that one read brought.
    pub(crate) now_ms: i64,
}

/// Runs one command.
///
/// # Errors
/// The error reply; the handler has written nothing then.
pub(crate) type Handler = fn(&mut Call<'_>) -> Result<(), ReplyError>;

/// Through which end a command came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin<'a> {
    /// A client, to be checked and answered.
    Client,
    /// `EXEC` of the same client: checked when it was queued.
    Transaction,
    /// Something that was done elsewhere, or earlier, and is done again here.
    Replay,
    /// A client that waited for this key, which is ready now: checked and counted when it came.
    ReadyKey(&'a [u8]),
    /// A script: checked by its own rules, and never waiting.
    Script,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It has been answered, and nobody is to be told anything else.
    Plain,
    /// It has been answered; what others wrote for the client meanwhile, and what it wants to read, is to be looked at.
    Answered,
    /// A pause holds it back: it must be given in again later.
    Postponed,
}

/// What commands that run one after the other have in common, found out as seldom as possible.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// Milliseconds since 1970.
    now_ms: i64,
    /// When the last command of this turn ended; the next one begins then.
    last: Instant,
    /// What has to be looked at beside the commands themselves.
    attention: Attention,
}

impl Turn {
    /// A turn that begins now; until [`Turn::look`] is called its commands are looked at from all sides.
    pub(crate) fn new(now_ms: i64) -> Turn {
        Turn { now_ms, last: Instant::now(), attention: Attention::all() }
    }

    /// Finds out what has to be looked at. To be called again when something but a plain command has run.
    pub(crate) fn look(&mut self, node: &Node, client: &Client) {
        self.attention = Attention::of(node, client);
    }

    /// Time since the last command ended; now another has.
    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        let took = now.duration_since(self.last);
        self.last = now;
        took
    }
}

impl<'a> Call<'a> {
    /// The argument at `index`, or nothing where there is none.
    #[inline]
    pub(crate) fn arg(&self, index: usize) -> &'a [u8] {
        self.args.get(index).unwrap_or_default()
    }

    /// Where and when keys are looked up.
    #[inline]
    pub(crate) fn at(&self) -> At {
        At { db: self.client.db, now_ms: self.now_ms }
    }

    /// Adds a key that is not there to the selected database, without expiry.
    pub(crate) fn create(&mut self, key: &[u8], value: Value) {
        let at = self.at();
        self.node.databases[at.db].insert(key, value, None, at.now_ms);
        self.node.tell_journal();
        self.push_absent();
    }

    /// Removes a key of the selected database that has become empty, and tells that it is gone.
    pub(crate) fn remove_emptied(&mut self, key: &[u8]) {
        self.node.databases[self.client.db].remove(key);
        self.notify(Class::Generic, "del", key);
    }

    /// Tells everyone concerned that a key of the selected database has changed.
    #[inline]
    pub(crate) fn changed(&mut self, key: &[u8]) {
        if self.node.pubsub.has_absent() {
            self.push_of_look_ups();
        }
        self.node.changed(self.client.db, key);
        self.push_absent();
    }
}

/// Takes one request of a client in: checks it, then queues or runs it.
#[inline]
pub(crate) fn execute(
    node: &mut Node,
    client: &mut Client,
    args: Args<'_>,
    out: &mut Vec<u8>,
    turn: &mut Turn,
) -> Outcome {
    match resolve_served(args) {
        Ok((spec, handler)) if !turn.attention.intersects(Attention::concerning(spec)) => {
            run_plainly(node, client, (spec, handler), args, out, turn)
        }
        resolved => execute_carefully(node, client, resolved, args, out, turn),
    }
}

/// Runs a command to which none of the checks applies but that for its slot. See [`attention`].
#[inline]
fn run_plainly(
    node: &mut Node,
    client: &mut Client,
    (spec, handler): Served,
    args: Args<'_>,
    out: &mut Vec<u8>,
    turn: &mut Turn,
) -> Outcome {
    debug_assert!(turn.attention.contains(Attention::of(node, client)), "nothing was overlooked");
    client.last_command = Some(spec.id());
    if node.cluster.is_some()
        && let Err(redirection) =
            route::check(node, client, (spec, spec.is_write()), args, turn.now_ms)
    {
        return refuse(node, client, Some(spec), redirection.as_str().as_bytes(), out);
    }
    let (reply_start, reply) = (out.len(), ReplyWriter::new(out, client.resp));
    let (origin, now_ms) = (Origin::Client, turn.now_ms);
    let mut call = Call { node, client, args, reply, reply_start, spec, origin, now_ms };
    let result = handler(&mut call);
    let took = turn.lap();
    count(&mut call);
    finish(&mut call, result, took);
    call.client.written_to = call.node.replication.offset;
    Outcome::Plain
}

/// As [`execute`], with all checks and all that others hear.
fn execute_carefully(
    node: &mut Node,
    client: &mut Client,
    resolved: Result<Served, ResolveError>,
    args: Args<'_>,
    out: &mut Vec<u8>,
    turn: &mut Turn,
) -> Outcome {
    let outcome = match resolved {
        Ok((spec, _)) => {
            client.last_command = Some(spec.id());
            admit(node, client, spec, args, out, turn)
        }
        Err(error) => {
            let spec = match error {
                ResolveError::WrongArity { spec } => Some(spec),
                ResolveError::UnknownCommand | ResolveError::UnknownSubcommand { .. } => None,
            };
            client.last_command = spec.map(CommandSpec::id);
            // The words of the client are given back as they came, which may be no UTF-8.
            refuse(node, client, spec, &error.text(args), out)
        }
    };
    // `ASKING` holds for one request, whatever became of it, or for one transaction, up to its end.
    if client.is_asking
        && outcome == Outcome::Answered
        && client.last_command != Some(ASKING)
        && client.transaction.is_none()
    {
        client.is_asking = false;
    }
    // So does `CLIENT CACHING`, but other subcommands of `CLIENT` may stand between.
    if !node.tracking.is_idle()
        && outcome == Outcome::Answered
        && !client.last_command.is_some_and(|id| spec(id).name.starts_with("client|"))
        && client.transaction.is_none()
    {
        node.tracking.end_caching(client.id);
    }
    if client.last_command.is_some_and(|id| MEETS_ANY_KEYS.contains(&id)) {
        node.end_apart();
    } else {
        node.end_unit();
    }
    client.written_to = node.replication.offset;
    if node.blocking.has_ready() && !node.scripting.is_busy() {
        blocking::serve(node);
    }
    if !client.last_command.is_some_and(|id| is_plain(spec(id))) {
        node.keep_journal();
        turn.look(node, client);
    }
    outcome
}

/// A row with its handler.
type Served = (&'static CommandSpec, Handler);

/// The row of a request that this node has a handler for.
#[inline]
fn resolve_served(args: Args<'_>) -> Result<Served, ResolveError> {
    let spec = resolve(args)?;
    let handler = commands::handler(spec.id()).ok_or(ResolveError::UnknownCommand)?;
    Ok((spec, handler))
}

/// Runs a command that has been checked, answers and counts it.
pub(crate) fn run(call: &mut Call<'_>, turn: &mut Turn) {
    let Some(handler) = commands::handler(call.spec.id()) else { return };
    let result = call.collect_effect(|call| {
        let result = handler(call);
        push_rest(call);
        result
    });
    let took = turn.lap();
    if !call.node.tracking.is_idle() && call.origin != Origin::Script {
        call.node.remember_read(call.client.id, call.spec, call.args);
    }
    count(call);
    finish(call, result, took);
    if !call.node.monitors.is_idle() {
        call.show_to_monitors();
    }
}

/// Runs a command again that has waited; it was counted when it came.
pub(crate) fn run_again(call: &mut Call<'_>, turn: &mut Turn) {
    let Some(handler) = commands::handler(call.spec.id()) else { return };
    let result = call.collect_effect(|call| {
        let result = handler(call);
        push_rest(call);
        result
    });
    finish(call, result, turn.lap());
}

/// Lets messages through that no event of the command has taken along.
fn push_rest(call: &mut Call<'_>) {
    if call.node.pubsub.has_absent() {
        call.push_of_look_ups();
    }
    call.node.tell_journal();
    call.push_absent();
}

#[inline]
fn count(call: &mut Call<'_>) {
    let stats = &mut call.node.stats;
    stats.commands_processed += 1;
    stats.command(call.spec.id()).calls += 1;
}

#[inline]
fn finish(call: &mut Call<'_>, result: Result<(), ReplyError>, took: Duration) {
    let settings = call.node.config.settings();
    let (tracks_latency, notable) = (settings.tracks_latency, settings.notable);
    let has_ended = call.client.blocked.is_none();
    let stats = &mut call.node.stats;
    let counters = stats.command(call.spec.id());
    counters.add_time(took);
    if has_ended && tracks_latency {
        counters.add_to_histogram(took);
    }
    if let Err(error) = result {
        counters.failed += 1;
        stats.count_error(error.code());
        call.reply.error(&error);
    }
    if has_ended && took >= notable {
        note_long(call, took);
    }
}

/// Commands that are not queued after `MULTI`.
const RUNS_IN_TRANSACTION: [CommandId; 7] = [
    CommandId::of("exec"),
    CommandId::of("discard"),
    CommandId::of("multi"),
    CommandId::of("watch"),
    CommandId::of("quit"),
    CommandId::of("reset"),
    CommandId::of("replconf"),
];

/// Commands that come across keys nobody has named: that some of these have expired are effects which nothing joins.
const MEETS_ANY_KEYS: [CommandId; 2] = [CommandId::of("scan"), CommandId::of("randomkey")];

/// Commands that are no writes by their row, and may have effects.
const MAY_WRITE: [CommandId; 6] = [
    CommandId::of("publish"),
    CommandId::of("spublish"),
    CommandId::of("eval"),
    CommandId::of("evalsha"),
    CommandId::of("fcall"),
    CommandId::of("pfcount"),
];

/// Whether a command writes, or could.
pub(crate) fn may_write(spec: &CommandSpec) -> bool {
    spec.is_write() || MAY_WRITE.contains(&spec.id())
}

const ASKING: CommandId = CommandId::of("asking");
const EXEC: CommandId = CommandId::of("exec");
const AUTH: CommandId = CommandId::of("auth");
const QUIT: CommandId = CommandId::of("quit");
const PING: CommandId = CommandId::of("ping");

/// Whether this client may use something that only some may.
pub(crate) fn is_permitted(permission: Permission, client: &Client) -> bool {
    match permission {
        Permission::Nobody => false,
        Permission::Local => client.peer == Peer::ThisMachine,
        Permission::Everybody => true,
    }
}
