//! A script that takes long lies still from time to time, and others are served.
//!
//! 1. After `busy-reply-threshold` the hook hands the thread over; the script's stack is put aside ([`Parked`]) and
//!    its client waits, as one that waits for a key does.
//! 2. A task of its own ([`go_on`]) runs the script in slices. Between two of them the event loop serves sockets: most
//!    commands are refused with `BUSY`, and nothing changes the data, so the script does not see that it lay still.
//! 3. When it ends, the reply goes to its client, and so do those of the commands behind it in its transaction.
//!
//! Invariant: while a script is parked no other script runs and no other command writes.

use std::rc::Rc;
use std::time::{Duration, Instant};

use reddoor_protocol::command::CommandSpec;
use reddoor_protocol::reply_error::ReplyError;

use crate::blocking;
use crate::client::Queued;
use crate::commands::resume_transaction;
use crate::node::{Node, SharedNode};
use crate::scripting::Scripting;
use crate::scripting::fiber::Resume;
use crate::scripting::job::What;
use crate::scripting::run::{Running, Step, advance, count_errors, reply_of};

/// How long the loop stands still for a script that is busy.
const SLICE: Duration = Duration::from_millis(5);

/// What others are told while a script is busy.
const BUSY_SCRIPT: ReplyError = ReplyError::from_static(
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
);

/// As [`BUSY_SCRIPT`], of a function.
const BUSY_FUNCTION: ReplyError = ReplyError::from_static(
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
);

/// A script that lies still.
pub(super) struct Parked {
    pub(super) running: Running,
    spec: &'static CommandSpec,
    /// Replies that its transaction has given before.
    before: Vec<u8>,
    /// Commands of its transaction that are still to run.
    behind: Vec<Queued>,
}

impl Parked {
    pub(super) fn new(running: Running, spec: &'static CommandSpec) -> Box<Parked> {
        Box::new(Parked { running, spec, before: Vec::new(), behind: Vec::new() })
    }
}

/// Which kind of script somebody wants to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    Script,
    Function,
}

/// A function that takes long.
pub(crate) struct BusyFunction<'a> {
    pub(crate) name: &'a str,
    /// Its call.
    pub(crate) words: &'a [Vec<u8>],
    /// How long it has run.
    pub(crate) took: Duration,
}

impl Scripting {
    pub(super) fn park(&mut self, parked: Box<Parked>) {
        let (name, command) = match &parked.running.what {
            What::Script { digest, .. } => {
                (String::from_utf8_lossy(digest).into_owned(), "SCRIPT KILL")
            }
            What::Function { name, .. } => (name.clone(), "FUNCTION KILL"),
        };
        tracing::warn!(
            "Slow script detected: still in execution after {} milliseconds. You can try killing the script \
             using the {command} command. Script name is: {name}.",
            parked.running.started.elapsed().as_millis()
        );
        self.parked = Some(parked);
        self.wake.notify_one();
    }

    /// What a client is told whose command must wait for the end of a script; `None` if none is busy.
    pub(crate) fn busy_error(&self) -> Option<ReplyError> {
        let parked = self.parked.as_ref()?;
        Some(match parked.running.what {
            What::Script { .. } => BUSY_SCRIPT,
            What::Function { .. } => BUSY_FUNCTION,
        })
    }

    /// Leaves what comes behind the parked script in its transaction to be run after it.
    pub(crate) fn park_transaction(&mut self, before: Vec<u8>, behind: Vec<Queued>) {
        if let Some(parked) = &mut self.parked {
            parked.before = before;
            parked.behind = behind;
        }
    }

    /// Ends the script that is busy.
    ///
    /// # Errors
    /// There is none, or it has changed something already.
    pub(crate) fn kill(&mut self, kind: Kill) -> Result<(), ReplyError> {
        let Some(parked) = &mut self.parked else {
            return Err(ReplyError::from_static("NOTBUSY No scripts in execution right now."));
        };
        if parked.running.has_written {
            return Err(ReplyError::from_static(
                "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either \
                 wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
            ));
        }
        match (&parked.running.what, kind) {
            (What::Script { .. }, Kill::Function) => Err(BUSY_SCRIPT),
            (What::Function { .. }, Kill::Script) => Err(BUSY_FUNCTION),
            _ => {
                parked.running.is_killed = true;
                Ok(())
            }
        }
    }

    /// Ends the script that is busy, unless it has changed something already.
    pub(crate) fn kill_unwritten(&mut self) {
        if let Some(parked) = &mut self.parked {
            parked.running.is_killed |= !parked.running.has_written;
        }
    }

    /// The function that is busy.
    ///
    /// # Errors
    /// A script is.
    pub(crate) fn busy_function(&self) -> Result<Option<BusyFunction<'_>>, ReplyError> {
        let Some(parked) = &self.parked else { return Ok(None) };
        let running = &parked.running;
        match &running.what {
            What::Function { name, .. } => {
                let (words, took) = (&running.words, running.started.elapsed());
                Ok(Some(BusyFunction { name, words, took }))
            }
            What::Script { .. } => Err(BUSY_SCRIPT),
        }
    }
}

/// Lets parked scripts run, for ever.
pub(crate) async fn go_on(node: SharedNode) {
    let wake = Rc::clone(&node.borrow().scripting.wake);
    loop {
        wake.notified().await;
        while run_slice(&mut node.borrow_mut()) {
            tokio::task::yield_now().await;
        }
    }
}

/// Waits until no script lies still, before something changes the data that is no client's command.
pub(crate) async fn until_free(node: &SharedNode) {
    while node.borrow().scripting.is_busy() {
        tokio::time::sleep(SLICE).await;
    }
}

/// Lets the parked script run for a while. Whether one is still parked.
fn run_slice(node: &mut Node) -> bool {
    let Some(mut parked) = node.scripting.parked.take() else { return false };
    if let Some(vm) = &node.scripting.vm {
        vm.run_until(Instant::now().checked_add(SLICE));
    }
    let resume = if parked.running.is_killed { Resume::Kill } else { Resume::Continue };
    match advance(node, &mut parked.running, resume) {
        Step::Paused => node.scripting.parked = Some(parked),
        Step::Done(done) => {
            let (bytes, errors) = reply_of(done);
            count_errors(node, parked.spec, &errors);
            count_time(node, parked.spec, parked.running.started.elapsed());
            answer(node, *parked, &bytes);
        }
    }
    node.scripting.is_busy()
}

/// Counts the time of a script that has ended.
fn count_time(node: &mut Node, spec: &CommandSpec, took: Duration) {
    let tracks_latency = node.config.settings().tracks_latency;
    let counters = node.stats.command(spec.id());
    counters.add_time(took);
    if tracks_latency {
        counters.add_to_histogram(took);
    }
    node.note_latency("command", took);
}

/// Gives the script's client its reply, after what is left of its transaction has run.
fn answer(node: &mut Node, parked: Parked, bytes: &[u8]) {
    let Parked { running, before: mut out, behind, .. } = parked;
    out.extend_from_slice(bytes);
    let now_ms = crate::clock::unix_ms();
    let seated = node.clients.seated(running.seat).is_some_and(|client| client.id == running.id);
    let own = if seated { node.clients.take(running.seat) } else { None };
    // The transaction of a client that has left runs to its end all the same.
    let mut client = own.unwrap_or(running.client);
    let is_done = resume_transaction(node, &mut client, behind, &mut out, now_ms);
    if is_done {
        node.end_unit();
        node.write_appended();
        client.written_to = node.replication.offset;
        blocking::finish_with(&mut client, &out);
    }
    if seated {
        node.clients.put(running.seat, client);
    }
    if is_done {
        node.broadcast_invalidations();
        node.serve_ready_keys();
        node.after_turn();
    }
}
