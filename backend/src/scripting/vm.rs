//! The node's handle of the Lua state.

use std::rc::Rc;
use std::time::{Duration, Instant};

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::ArgsTooLarge;

use crate::scripting::fiber::{Event, Fiber, Resume};
use crate::scripting::job::{Done, Job};
use crate::scripting::machine::{self, Shared};

/// How long the code of a library may run while it is loaded. Source: redis `src/function_lua.c` LOAD_TIMEOUT_MS.
const LOAD_TIME_MAX: Duration = Duration::from_millis(500);

pub(super) struct Vm {
    /// Not here while a script runs.
    fiber: Option<Fiber>,
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
            Some(Event::Ready(Ok(()))) => Ok(Vm { fiber: Some(fiber), shared }),
            Some(Event::Ready(Err(why))) => Err(failed(why)),
            _ => Err(failed("it ended".to_owned())),
        }
    }

    /// Takes Lua out, to let it run while the rest of the node is used; `None` if it runs already.
    pub(super) fn take(&mut self) -> Option<Fiber> {
        self.fiber.take()
    }

    /// Brings back what was taken out.
    pub(super) fn put_back(&mut self, fiber: Fiber) {
        self.fiber = Some(fiber);
    }

    /// Lets Lua run on without a look at the node until then; `None` for ever.
    pub(super) fn run_until(&self, at: Option<Instant>) {
        self.shared.look_at.set(at);
    }

    /// Leaves the arguments of the next call.
    ///
    /// # Errors
    /// There is no room for them.
    pub(super) fn give<'a>(
        &self,
        mut args: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), ArgsTooLarge> {
        let mut given = self.shared.given.borrow_mut();
        given.clear();
        args.try_for_each(|arg| given.push(arg))
    }

    /// Does something that asks the node nothing.
    pub(super) fn work(&mut self, job: Job) -> Done {
        self.run_until(Instant::now().checked_add(LOAD_TIME_MAX));
        let mut resume = Resume::Job(job);
        loop {
            resume = match self.fiber.as_mut().and_then(|fiber| fiber.resume(resume)) {
                Some(Event::Done(done)) => return done,
                Some(Event::Ready(_)) => return Done::Ok,
                // Nothing that may take long or ask is a job of this kind.
                Some(Event::Paused | Event::Panicked(_)) => Resume::Kill,
                None => return Done::ended(),
            };
        }
    }

    pub(super) fn used_bytes(&self) -> usize {
        self.shared.used_bytes.get()
    }
}
