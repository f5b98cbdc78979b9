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

    /// Bounds the memory that Lua may use from now on (bytes).
    pub(super) fn bound(&mut self, bytes_max: usize) {
        if self.shared.memory_bytes_max.replace(bytes_max) != bytes_max {
            self.work(Job::Limit);
        }
    }

    /// Whether no script runs, or lies still.
    pub(super) fn is_idle(&self) -> bool {
        self.fiber.is_some()
    }

    pub(super) fn used_bytes(&self) -> usize {
        self.shared.used_bytes.get()
    }
}

#[cfg(test)]
mod tests {
    use reddoor_protocol::encode::Resp;
    use reddoor_protocol::request::Args;

    use super::*;
    use crate::propagate::Reach;
    use crate::scripting::cache::digest_of;
    use crate::scripting::job::What;
    use crate::scripting::raw::{NodeSide, lend};

    /// A node whose commands panic.
    struct Broken;

    impl NodeSide for Broken {
        fn run(&mut self, _: Args<'_>, _: &mut Vec<u8>, _: Resp, _: Reach) {
            panic!("in a command");
        }

        fn may_run(&mut self, _: Args<'_>) -> Option<bool> {
            None
        }
    }

    #[test]
    fn a_command_that_panics_ends_its_script_and_not_lua() {
        let mut vm = Vm::start(32 * 1024 * 1024).unwrap();
        let sources: [&[u8]; 2] = [b"while true do pcall(redis.call, 'get', 'k') end", b"return 7"];
        for (number, source) in (1..).zip(sources) {
            assert!(matches!(vm.work(Job::Compile { number, source: source.into() }), Done::Ok));
        }
        let run = |number| {
            let what = What::Script { digest: digest_of(b""), number };
            Resume::Job(Job::Run { what, keys_count: 0, resp: Resp::V2 })
        };
        vm.run_until(None);
        let mut fiber = vm.take().unwrap();
        let panicked = lend(&mut Broken, || fiber.resume(run(1)));
        assert!(matches!(panicked, Some(Event::Panicked(_))));
        let ended = lend(&mut Broken, || fiber.resume(Resume::Kill));
        assert!(matches!(ended, Some(Event::Done(Done::Replied { .. }))));
        let next = lend(&mut Broken, || fiber.resume(run(2)));
        let Some(Event::Done(Done::Replied { bytes, .. })) = next else { panic!("no reply") };
        assert_eq!(bytes, b":7\r\n");
    }
}
