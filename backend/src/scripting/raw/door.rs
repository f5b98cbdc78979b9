//! The way from Lua's stack to the node: lent while Lua runs, and gone when it lies still.
//!
//! A command of a script runs where the script stands, on Lua's stack. Handing it over to the node's stack would be a
//! switch there and one back, cheap in instructions. But a processor foresees where functions return to by the calls
//! that it saw; after a switch it has seen those of the other stack, and each function that returns is a surprise.
//!
//! What makes this sound:
//!
//! 1. The pointer is that of the borrow that [`lend`] is given, and is there while its `body` runs, no longer.
//! 2. Who visits takes it out meanwhile, so nobody else has the node then.
//! 3. Nobody visits when `body` has ended: it ends when Lua hands the thread over, which nothing that runs within
//!    [`visit`] does. That is the commands of scripts, which never enter Lua: whoever lends holds the fiber as well.

#![expect(
    unsafe_code,
    reason = "a borrow that crosses from one stack to another; the proof is above"
)]

use std::cell::Cell;
use std::mem::transmute;
use std::ptr::NonNull;

use reddoor_protocol::encode::Resp;
use reddoor_protocol::request::Args;

use crate::propagate::Reach;

/// What a script may ask of its node.
pub(in crate::scripting) trait NodeSide {
    /// Runs a command, which answers in this version, and whose changes are repeated by those whom `redis.set_repl`
    /// names. The reply is added to `reply`.
    fn run(&mut self, words: Args<'_>, reply: &mut Vec<u8>, resp: Resp, reach: Reach);

    /// Whether the user may run this; `None` for no such command.
    fn may_run(&mut self, words: Args<'_>) -> Option<bool>;
}

thread_local! {
    /// The node's side of the script that runs on this thread.
    static LENT: Cell<Option<NonNull<dyn NodeSide>>> = const { Cell::new(None) };
}

/// Puts back what was there before, also where a panic passes.
struct PutBack(Option<NonNull<dyn NodeSide>>);

impl Drop for PutBack {
    fn drop(&mut self) {
        LENT.set(self.0);
    }
}

/// Lends a node to Lua while `body` lets it run.
pub(in crate::scripting) fn lend<R>(side: &mut dyn NodeSide, body: impl FnOnce() -> R) -> R {
    let side = NonNull::from(side);
    // SAFETY: this forgets how long the borrow lasts, and 1 above sees to it.
    let side = unsafe { transmute::<NonNull<dyn NodeSide + '_>, NonNull<dyn NodeSide>>(side) };
    let _before = PutBack(LENT.replace(Some(side)));
    body()
}

/// Does something with the node that is lent; `None` if none is.
pub(super) fn visit<R>(act: impl FnOnce(&mut dyn NodeSide) -> R) -> Option<R> {
    let mut side = LENT.take()?;
    let _lent = PutBack(Some(side));
    // SAFETY: 1 to 3 above.
    Some(act(unsafe { side.as_mut() }))
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    /// Counts what is asked of it.
    struct Asked(usize);

    impl NodeSide for Asked {
        fn run(&mut self, _: Args<'_>, _: &mut Vec<u8>, _: Resp, _: Reach) {
            self.0 += 1;
        }

        fn may_run(&mut self, _: Args<'_>) -> Option<bool> {
            self.0 += 1;
            None
        }
    }

    fn ask() -> Option<Option<bool>> {
        visit(|side| side.may_run(Args::from_slices(&[])))
    }

    #[test]
    fn a_node_is_there_while_it_is_lent_and_for_one_visitor_at_a_time() {
        let mut asked = Asked(0);
        assert!(ask().is_none());
        lend(&mut asked, || {
            assert!(ask().is_some());
            visit(|_| assert!(ask().is_none(), "somebody has it"));
            let panicked = catch_unwind(AssertUnwindSafe(|| visit(|_| panic!("in a command"))));
            assert!(panicked.is_err());
            assert!(ask().is_some(), "it is back");
        });
        assert!(ask().is_none());
        assert_eq!(asked.0, 2);
    }
}
