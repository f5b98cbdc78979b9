//! The stack of its own on which Lua runs, and what crosses between it and the node.
//!
//! Where a script takes long it stops in the middle of whatever it does, inside `pcall`, a coroutine or a metamethod,
//! and hands an [`Event`] over; the node goes on with a [`Resume`] later, and serves others meanwhile. Each crossing is
//! a switch of stacks, a few nanoseconds. Commands of a script do not cross: see `raw::door`.

use std::any::Any;

use crate::scripting::job::{Done, Job};
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};

/// Bytes of the stack, of which only what is used takes memory. Lua limits calls through C to 200, and ours that
/// work in depth count it.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// What goes to Lua.
pub(super) enum Resume {
    /// The first one: get ready.
    Begin,
    /// Something to run. Answers [`Event::Done`], the only event after which a job may come.
    Job(Job),
    /// Leave to go on.
    Continue,
    /// The script must end now.
    Kill,
    /// There will be nothing more.
    End,
}

/// What comes from Lua.
pub(super) enum Event {
    /// Ready for jobs; or not, for this reason.
    Ready(Result<(), String>),
    /// The slice of time is over.
    Paused,
    /// A command has panicked: the node's to go on with, after the script has ended.
    Panicked(Box<dyn Any + Send>),
    Done(Done),
}

/// A stack with Lua on it.
pub(super) struct Fiber {
    coroutine: Coroutine<Resume, Event, ()>,
}

scoped_tls::scoped_thread_local! {
    /// The way back to the node, while a body runs. A thread has one node, which has one Lua state.
    static HOST: Yielder<Resume, Event>
}

/// On the side of Lua: hands an event over and comes back with the answer.
///
/// It takes no call of Lua's, of which there may be none left when the hook wants the thread to be handed over.
pub(super) fn ask(event: Event) -> Resume {
    HOST.with(|host| host.suspend(event))
}

impl Fiber {
    /// A stack on which `body` will run, from the first [`Fiber::resume`] on.
    ///
    /// # Errors
    /// The system has no memory for it.
    pub(super) fn new(body: impl FnOnce() + 'static) -> std::io::Result<Fiber> {
        let stack = DefaultStack::new(STACK_BYTES)?;
        let body = |host: &Yielder<Resume, Event>, _| HOST.set(host, body);
        Ok(Fiber { coroutine: Coroutine::with_stack(stack, body) })
    }

    /// Goes on until the next event. `None`: the body has ended.
    pub(super) fn resume(&mut self, resume: Resume) -> Option<Event> {
        if self.coroutine.done() {
            return None;
        }
        match self.coroutine.resume(resume) {
            CoroutineResult::Yield(event) => Some(event),
            CoroutineResult::Return(()) => None,
        }
    }
}

impl Drop for Fiber {
    /// Lets what runs come to its end, so that no frame of C is unwound.
    fn drop(&mut self) {
        if !self.coroutine.started() {
            return;
        }
        let mut resume = Resume::End;
        while let Some(event) = self.resume(resume) {
            resume = if matches!(event, Event::Done(_)) { Resume::End } else { Resume::Kill };
        }
    }
}
