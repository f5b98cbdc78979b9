//! Clients at work while something happens to the cluster.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::wait::wait_until;

/// What clients at work have done so far.
#[derive(Debug, Default)]
pub struct Load {
    rounds: AtomicUsize,
    is_over: AtomicBool,
    has_failed: AtomicBool,
}

impl Load {
    /// Runs `client` on this many threads, again and again with the next round's number from 1, while `happening`
    /// runs. Both look for what is wrong by panicking.
    pub fn run(
        clients: usize,
        client: impl Fn(usize) -> Box<dyn FnMut(usize)> + Sync,
        happening: impl FnOnce(&Load),
    ) {
        let load = Load::default();
        thread::scope(|scope| {
            for index in 0..clients {
                let (load, client) = (&load, &client);
                scope.spawn(move || {
                    let _flag = SetOnPanic(&load.has_failed);
                    let mut run_round = client(index);
                    let mut round = 0;
                    while !load.is_over.load(Ordering::Relaxed) {
                        round += 1;
                        run_round(round);
                        load.rounds.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            // However this ends, the clients have to end, too.
            let _end = SetOnDrop(&load.is_over);
            happening(&load);
        });
    }

    /// Waits until the clients have done this many rounds more.
    ///
    /// # Panics
    /// A client found something wrong, or they make no progress.
    pub fn wait_rounds(&self, count: usize) {
        let target = self.rounds.load(Ordering::Relaxed) + count;
        wait_until("the clients to go on", || {
            assert!(!self.has_failed.load(Ordering::Relaxed), "a client found something wrong");
            self.rounds.load(Ordering::Relaxed) >= target
        });
    }
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct SetOnPanic<'a>(&'a AtomicBool);

impl Drop for SetOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
