//! The node's handle of the Lua state.

use std::rc::Rc;
use std::time::{Duration, Instant};

use reddoor_protocol::reply_error::ReplyError;

use crate::scripting::fiber::{Event, Fiber, Resume};
use crate::scripting::job::{Done, Job};
use crate::scripting::machine::{self, Shared};

/// How long the code of a library may run while it is loaded. Source: redis `src/function_lua.c` LOAD_TIMEOUT_MS.
const LOAD_TIME_MAX: Duration = Duration::from_millis(500);

pub(super) struct Vm {
    fiber: Fiber,
    shared: Rc<Shared>,
}

impl Vm {
    /// A state that is ready for jobs, and may use so much memory.
    ///
    /// # Errors
    /// There is not so much memory.
    pub(super) fn start(memory_bytes_max: usize) -> Result<Vm, ReplyError> {
        let shared = Rc::new(Shared::new(memory_bytes_max));
        let serving = Rc::clone(&shared);
        let body = move || machine::serve(&serving, memory_bytes_max);
        let failed = |why: String| ReplyError::new(format!("ERR cannot start Lua: {why}"));
        let mut fiber = Fiber::new(body).map_err(|error| failed(error.to_string()))?;
        match fiber.resume(Resume::Begin) {
            Some(Event::Ready(Ok(()))) => Ok(Vm { fiber, shared }),
            Some(Event::Ready(Err(why))) => Err(failed(why)),
            _ => Err(failed("it ended".to_owned())),
        }
    }

    /// Goes on until the next event.
    pub(super) fn resume(&mut self, resume: Resume) -> Event {
        let ended = || Event::Done(Done::Failed(b"ERR Lua has ended".to_vec()));
        self.fiber.resume(resume).unwrap_or_else(ended)
    }

    /// Lets Lua run on without a look at the node until then; `None` for ever.
    pub(super) fn run_until(&self, at: Option<Instant>) {
        self.shared.look_at.set(at);
    }

    /// Does something that asks the node nothing.
    pub(super) fn work(&mut self, job: Job) -> Done {
        self.run_until(Instant::now().checked_add(LOAD_TIME_MAX));
        let mut resume = Resume::Job(job);
        loop {
            resume = match self.resume(resume) {
                Event::Done(done) => return done,
                Event::Ready(_) => return Done::Ok,
                // Nothing that may take long or ask is a job of this kind.
                Event::Paused | Event::Call { .. } | Event::MayRun(_) => Resume::Kill,
            };
        }
    }

    pub(super) fn used_bytes(&self) -> usize {
        self.shared.used_bytes.get()
    }
}
