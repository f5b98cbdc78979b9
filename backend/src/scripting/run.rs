//! The node's side of a script that runs.
//!
//! In: a call of `EVAL`, `FCALL` and their company. Out: its reply, now or, if it takes long, later.
//! Each command of the script goes through the same door as those of clients, after the checks that Redis makes for
//! scripts, in Redis's order and words.
//!
//! Source: redis `src/script.c` scriptPrepareForRun, scriptCall.

use std::ffi::c_int;
use std::panic::resume_unwind;
use std::time::Instant;

use reddoor_protocol::command::flags::CommandFlags;
use reddoor_protocol::command::resolve::ResolveError;
use reddoor_protocol::command::{CommandSpec, resolve};
use reddoor_protocol::encode::{ReplyWriter, Resp};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;
use reddoor_protocol::slot::Slot;

use crate::acl::Context;
use crate::client::{Blocked, Client, ClientId, Seat};
use crate::commands;
use crate::execute::{
    Call, OUT_OF_MEMORY, Origin, Turn, check_rights, may_write, route_of_script, run, slot_of,
};
use crate::node::Node;
use crate::propagate::Reach;
use crate::replication::role;
use crate::scripting::cache::Script;
use crate::scripting::fiber::{Event, Resume};
use crate::scripting::flags::ScriptFlags;
use crate::scripting::job::{Digest, Done, Errors, Job, What};
use crate::scripting::park::Parked;
use crate::scripting::raw::{NodeSide, lend};
use crate::scripting::vm::Vm;

/// What is to be run.
pub(crate) enum Entry {
    /// A script that is in the cache, with its number there.
    Script(Digest, c_int),
    /// A function: the number of its library, and its name there.
    Function(u64, String),
}

/// A script or function under way.
pub(super) struct Running {
    pub(super) what: What,
    /// The client that the commands see.
    pub(super) client: Box<Client>,
    /// Who asked for it.
    pub(super) seat: Seat,
    pub(super) id: ClientId,
    pub(super) started: Instant,
    pub(super) has_written: bool,
    pub(super) is_killed: bool,
    flags: ScriptFlags,
    is_readonly: bool,
    /// It was run before, elsewhere: nothing is refused now.
    is_repeated: bool,
    /// The slot of the keys that its call names, or else of its first key, if it may use no other.
    slot: Option<Slot>,
    now_ms: i64,
    /// The keys of the call, if its client tracks what it reads.
    declared: Vec<Box<[u8]>>,
    /// The arguments of the call, for those who ask what runs.
    pub(super) words: Vec<Vec<u8>>,
}

/// How far a script has come.
pub(super) enum Step {
    Done(Done),
    /// It takes long.
    Paused,
}

impl Node {
    /// The Lua state, made if there is none.
    pub(super) fn lua(&mut self) -> Result<&mut Vm, ReplyError> {
        let bytes_max = self.config.settings().lua_memory_bytes_max;
        if self.scripting.vm.is_none() {
            self.scripting.vm = Some(Vm::start(bytes_max)?);
        }
        let forgotten = self.scripting.libraries.take_forgotten();
        let vm = self.scripting.vm.as_mut().ok_or(ReplyError::from_static("ERR Lua has ended"))?;
        vm.bound(bytes_max);
        for number in forgotten {
            vm.work(Job::ForgetLibrary(number));
        }
        Ok(vm)
    }

    /// Puts a script into the cache and into Lua. Its flags and its number.
    ///
    /// # Errors
    /// It does not compile, or its first line is wrong.
    pub(crate) fn add_script(
        &mut self,
        digest: Digest,
        source: &[u8],
    ) -> Result<(ScriptFlags, c_int), Vec<u8>> {
        if let Some(script) = self.scripting.scripts.find(&digest) {
            return Ok((script.flags, script.number));
        }
        let as_bytes = |error: ReplyError| error.as_str().as_bytes().to_vec();
        let (flags, skipped) = ScriptFlags::of_script(source).map_err(as_bytes)?;
        let body = source[skipped..].into();
        let number = self.scripting.scripts.next_number();
        let lua = self.lua().map_err(as_bytes)?;
        if let Done::Failed(text) = lua.work(Job::Compile { number, source: body }) {
            let mut error = b"ERR Error compiling script (new function): ".to_vec();
            error.extend_from_slice(&text);
            return Err(error);
        }
        let script = Script { source: source.into(), flags, number };
        let evicted = self.scripting.scripts.insert(digest, script);
        self.forget_scripts(evicted);
        Ok((flags, number))
    }

    /// Forgets all scripts.
    pub(crate) fn flush_scripts(&mut self) {
        let all = self.scripting.scripts.clear();
        self.forget_scripts(all);
        if let Some(vm) = &mut self.scripting.vm {
            vm.work(Job::Collect);
        }
    }

    fn forget_scripts(&mut self, numbers: Vec<c_int>) {
        let Some(vm) = &mut self.scripting.vm else { return };
        for number in numbers {
            vm.work(Job::Forget(number));
        }
    }
}

/// Runs a script or a function for a call whose arguments from 3 on are its keys and arguments.
///
/// # Errors
/// It may not run.
pub(crate) fn start(
    call: &mut Call<'_>,
    entry: Entry,
    flags: ScriptFlags,
    keys_count: usize,
) -> Result<(), ReplyError> {
    let is_readonly = call.spec.flags.contains(CommandFlags::READONLY);
    let is_repeated = call.origin == Origin::Replay;
    // Its commands have effects, and it has none of its own.
    call.propagate_nothing();
    may_run(call.node, flags, is_readonly, is_repeated)?;
    let what = match entry {
        Entry::Script(digest, number) => What::Script { digest, number },
        Entry::Function(library, name) => What::Function { library, name },
    };
    let job = Job::Run { what: what.clone(), keys_count, resp: call.client.resp };
    let mut running = Running {
        what,
        client: call.client.for_script(),
        seat: call.client.seat,
        id: call.client.id,
        started: Instant::now(),
        has_written: false,
        is_killed: false,
        flags,
        is_readonly: is_readonly || flags.contains(ScriptFlags::NO_WRITES),
        is_repeated,
        slot: call.node.cluster.as_ref().and_then(|_| slot_of(call.spec, call.args)),
        now_ms: call.now_ms,
        declared: declared_keys(call, keys_count),
        words: Vec::new(),
    };
    // Nobody else is served while something is repeated.
    let busy_after = call.node.config.settings().busy_reply_threshold.filter(|_| !is_repeated);
    let busy_at = busy_after.and_then(|after| running.started.checked_add(after));
    let vm = call.node.lua()?;
    vm.give(call.args.iter().skip(3))
        .map_err(|_| ReplyError::from_static("ERR the arguments are too large"))?;
    vm.run_until(busy_at);
    match advance(call.node, &mut running, Resume::Job(job)) {
        Step::Done(done) => {
            call.push_absent();
            finish(call, done);
        }
        Step::Paused => {
            running.words = call.args.iter().map(<[u8]>::to_vec).collect();
            call.node.scripting.park(Parked::new(running, call.spec));
            // The reply goes through the outbox, as that of a command that waits for a key.
            call.client.blocked = Some(Blocked { until: None, reply: Vec::new() });
        }
    }
    Ok(())
}

/// The keys of a call whose client is told of changes to what it reads; of others nobody asks.
fn declared_keys(call: &Call<'_>, keys_count: usize) -> Vec<Box<[u8]>> {
    if call.node.tracking.is_idle() {
        return Vec::new();
    }
    call.args.iter().skip(3).take(keys_count).map(Box::from).collect()
}

/// Whether a script may run at all, by what it says of itself.
fn may_run(
    node: &mut Node,
    flags: ScriptFlags,
    is_readonly: bool,
    is_repeated: bool,
) -> Result<(), ReplyError> {
    let says_nothing = flags.contains(ScriptFlags::SAYS_NOTHING);
    if !says_nothing && !flags.contains(ScriptFlags::NO_WRITES) && !is_repeated {
        refusal_of_writes(node).map_or(Ok(()), Err)?;
    }
    if node.is_stale() && !flags.contains(ScriptFlags::ALLOW_STALE) {
        return Err(ReplyError::from_static(role::MASTER_DOWN));
    }
    if says_nothing {
        return Ok(());
    }
    if flags.contains(ScriptFlags::NO_CLUSTER) && node.cluster.is_some() {
        return Err(ReplyError::new(
            "ERR Can not run script on cluster, 'no-cluster' flag is set.",
        ));
    }
    if is_readonly && !flags.contains(ScriptFlags::NO_WRITES) {
        return Err(ReplyError::new(
            "ERR Can not execute a script with write flag using *_ro command.",
        ));
    }
    if node.eviction.is_short && !is_repeated && !flags.intersects(NEEDS_NO_MEMORY) {
        return Err(ReplyError::new(
            "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
        ));
    }
    Ok(())
}

/// What a script says of itself that may run while memory is short.
const NEEDS_NO_MEMORY: ScriptFlags = ScriptFlags::ALLOW_OOM.union(ScriptFlags::NO_WRITES);

/// Why nothing may be written now, if so.
fn refusal_of_writes(node: &mut Node) -> Option<ReplyError> {
    let refusal = node.persistence.refusal(&node.config.settings().disk);
    refusal.map(ReplyError::new).or_else(|| node.refusal_of_writes().map(ReplyError::from_static))
}

/// Goes on with a script until it ends or its time is over.
pub(super) fn advance(node: &mut Node, running: &mut Running, first: Resume) -> Step {
    let Some(mut fiber) = node.scripting.vm.as_mut().and_then(Vm::take) else {
        return Step::Done(Done::ended());
    };
    let (mut resume, mut panic) = (first, None);
    let step = loop {
        let mut side = Side { node, running };
        resume = match lend(&mut side, || fiber.resume(resume)) {
            Some(Event::Paused) if running.is_killed => Resume::Kill,
            Some(Event::Paused) => break Step::Paused,
            Some(Event::Panicked(with)) => {
                panic = Some(with);
                Resume::Kill
            }
            Some(Event::Done(done)) => break Step::Done(done),
            Some(Event::Ready(_)) => break Step::Done(Done::Ok),
            None => break Step::Done(Done::ended()),
        };
    };
    if let Some(vm) = &mut node.scripting.vm {
        vm.put_back(fiber);
    }
    match panic {
        Some(with) => resume_unwind(with),
        None => step,
    }
}

/// The node and one script of it.
struct Side<'a> {
    node: &'a mut Node,
    running: &'a mut Running,
}

impl NodeSide for Side<'_> {
    fn run(&mut self, words: Args<'_>, reply: &mut Vec<u8>, resp: Resp, reach: Reach) {
        run_command(self.node, self.running, words, reply, (resp, reach));
    }

    fn may_run(&mut self, words: Args<'_>) -> Option<bool> {
        let rules = self.running.client.login.user.rules();
        let spec = resolve::resolve_any_arity(words).ok()?;
        Some(rules.check(spec, words).is_ok())
    }
}

/// Runs one command of a script, and writes its reply.
fn run_command(
    node: &mut Node,
    running: &mut Running,
    args: Args<'_>,
    out: &mut Vec<u8>,
    (resp, reach): (Resp, Reach),
) {
    running.client.resp = resp;
    let spec = match admit(node, running, args) {
        Ok(spec) => spec,
        Err((spec, error)) => {
            if let Some(spec) = spec {
                node.stats.command(spec.id()).rejected += 1;
            }
            node.stats.count_error(error.code());
            ReplyWriter::new(out, resp).error(&error);
            return;
        }
    };
    running.has_written |= spec.is_write();
    node.effects.bound(reach);
    let mut turn = Turn::new(running.now_ms);
    let mut call = Call {
        node,
        client: &mut running.client,
        args,
        reply: ReplyWriter::new(out, resp),
        reply_start: 0,
        spec,
        origin: Origin::Script,
        now_ms: running.now_ms,
    };
    run(&mut call, &mut turn);
    node.effects.bound(Reach::All);
    node.remember_declared(running.id, spec, &running.declared);
}

type Refused = (Option<&'static CommandSpec>, ReplyError);

/// Whether the script may run this command.
fn admit(
    node: &mut Node,
    running: &mut Running,
    args: Args<'_>,
) -> Result<&'static CommandSpec, Refused> {
    let refuse = |spec, text: &'static str| Err((spec, ReplyError::from_static(text)));
    let spec = match resolve(args) {
        Ok(spec) if commands::handler(spec.id()).is_some() => spec,
        Err(ResolveError::WrongArity { spec }) => {
            return refuse(
                Some(spec),
                "ERR Wrong number of args calling Redis command from script",
            );
        }
        _ => return refuse(None, "ERR Unknown Redis command called from script"),
    };
    if spec.flags.contains(CommandFlags::NOSCRIPT) && !node.switches.allows_all_in_scripts {
        return refuse(Some(spec), "ERR This Redis command is not allowed from script");
    }
    if node.is_stale() && !spec.flags.contains(CommandFlags::STALE) {
        return refuse(Some(spec), "ERR Can not execute the command on a stale replica");
    }
    check_rights(node, &running.client, (spec, args), Context::Script)
        .map_err(|denial| (Some(spec), denial.reply_to_script()))?;
    if may_write(spec) && running.is_readonly {
        return refuse(Some(spec), "ERR Write commands are not allowed from read-only scripts.");
    }
    // What has begun to write is not stopped half way.
    if spec.is_write() && !running.has_written && !running.is_repeated {
        refusal_of_writes(node).map_or(Ok(()), |refusal| Err((Some(spec), refusal)))?;
    }
    if node.eviction.is_short
        && spec.flags.contains(CommandFlags::DENYOOM)
        && !(running.has_written
            || running.is_repeated
            || running.flags.intersects(NEEDS_NO_MEMORY))
    {
        return refuse(Some(spec), OUT_OF_MEMORY);
    }
    if node.cluster.is_some() && !running.is_repeated {
        check_slot(node, running, spec, args)
            .map_err(|text| (Some(spec), ReplyError::from_static(text)))?;
    }
    Ok(spec)
}

/// Whether this node, and this script, may use the command's keys.
fn check_slot(
    node: &mut Node,
    running: &mut Running,
    spec: &'static CommandSpec,
    args: Args<'_>,
) -> Result<(), &'static str> {
    if let Err(error) =
        route_of_script(node, &mut running.client, (spec, spec.is_write()), args, running.now_ms)
    {
        return Err(match error.as_str() {
            text if !text.starts_with("CLUSTERDOWN") => {
                "ERR Script attempted to access a non local key in a cluster node"
            }
            text if text.contains("read commands") => {
                "ERR Script attempted to execute a write command while the cluster is down and readonly"
            }
            _ => "ERR Script attempted to execute a command while the cluster is down",
        });
    }
    let may_cross = ScriptFlags::SAYS_NOTHING | ScriptFlags::ALLOW_CROSS_SLOT;
    if running.flags.intersects(may_cross) {
        return Ok(());
    }
    match (running.slot, slot_of(spec, args)) {
        (None, first) => running.slot = first,
        (Some(slot), Some(other)) if slot != other => {
            return Err("ERR Script attempted to access keys that do not hash to the same slot");
        }
        _ => {}
    }
    Ok(())
}

/// Writes the reply of a script that has ended, and counts its errors.
fn finish(call: &mut Call<'_>, done: Done) {
    let (bytes, errors) = reply_of(done);
    call.reply.raw(&bytes);
    count_errors(call.node, call.spec, &errors);
}

/// The reply of what was run, and the errors in it.
pub(super) fn reply_of(done: Done) -> (Vec<u8>, Errors) {
    match done {
        Done::Replied { bytes, errors } => (bytes, errors),
        Done::Failed(text) => {
            let text = String::from_utf8_lossy(&text).into_owned();
            let text = if text.starts_with("ERR ") { text } else { format!("ERR {text}") };
            let error = ReplyError::new(text);
            let mut bytes = Vec::new();
            ReplyWriter::new(&mut bytes, Resp::V2).error(&error);
            (bytes, Errors { uncounted: vec![error.code().to_owned()], counted: 0 })
        }
        Done::Ok | Done::Loaded(_) => (b"+OK\r\n".to_vec(), Errors::default()),
    }
}

/// Counts a script as failed once for errors of its own, and once for each that was counted elsewhere.
pub(super) fn count_errors(node: &mut Node, spec: &CommandSpec, errors: &Errors) {
    errors.uncounted.iter().for_each(|code| node.stats.count_error(code));
    let own = u64::from(!errors.uncounted.is_empty());
    node.stats.command(spec.id()).failed += own + errors.counted;
}
