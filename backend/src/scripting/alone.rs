//! Scripts without a node, for the checks of `fuzz/`.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use reddoor_protocol::encode::Resp;
use reddoor_protocol::request::Args;

use crate::propagate::Reach;
use crate::scripting::cache::digest_of;
use crate::scripting::fiber::{Event, Resume};
use crate::scripting::job::{Done, Job, What};
use crate::scripting::raw::{NodeSide, lend};
use crate::scripting::vm::Vm;

/// Memory of the Lua state (bytes).
const MEMORY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How long a script may run.
const TIME_MAX: Duration = Duration::from_millis(100);

thread_local! {
    static VM: RefCell<Option<Vm>> = const { RefCell::new(None) };
}

/// Runs a script on the state of this thread. Its reply; `None` if it does not compile.
///
/// # Panics
/// There is no memory for a Lua state, or it has ended.
pub(crate) fn run_alone(source: &[u8], args: &[&[u8]]) -> Option<Vec<u8>> {
    VM.with_borrow_mut(|vm| {
        let vm = vm.get_or_insert_with(|| {
            Vm::start(MEMORY_BYTES_MAX).unwrap_or_else(|error| panic!("{}", error.as_str()))
        });
        let (digest, number) = (digest_of(source), 1);
        if let Done::Failed(_) = vm.work(Job::Compile { number, source: source.into() }) {
            return None;
        }
        let reply = run(vm, What::Script { digest, number }, args);
        vm.work(Job::Forget(number));
        Some(reply)
    })
}

fn run(vm: &mut Vm, what: What, args: &[&[u8]]) -> Vec<u8> {
    vm.give(args.iter().copied()).unwrap_or_else(|_| panic!("the arguments are small"));
    let job = Job::Run { what, keys_count: 0, resp: Resp::V3 };
    vm.run_until(Instant::now().checked_add(TIME_MAX));
    let mut fiber = vm.take().expect("nothing else runs");
    let mut resume = Resume::Job(job);
    let bytes = loop {
        resume = match lend(&mut Nobody, || fiber.resume(resume)) {
            Some(Event::Paused) => Resume::Kill,
            Some(Event::Done(Done::Replied { bytes, .. })) => break bytes,
            _ => panic!("a script ends with a reply"),
        };
    };
    vm.put_back(fiber);
    bytes
}

/// A node that does nothing and is content with all.
struct Nobody;

impl NodeSide for Nobody {
    fn run(&mut self, _: Args<'_>, reply: &mut Vec<u8>, _: Resp, _: Reach) {
        reply.extend_from_slice(b"+OK\r\n");
    }

    fn may_run(&mut self, _: Args<'_>) -> Option<bool> {
        Some(true)
    }
}
