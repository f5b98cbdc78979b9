//! What takes long to free, freed by a thread of its own.
//!
//! Freeing a collection visits every element. A thread does that beside the node: it needs nothing of it, since a value
//! owns all that it holds, and the one thing both share is the allocator, for moments. To free in steps on the node's
//! own thread would need a walk through every structure that can stop anywhere, and would take the time all the same.
//!
//! The thread is started when there is something for it, and shared by all nodes of the process. Its queue is bounded:
//! what finds it full is freed at once, by whoever wanted to be rid of it.
//!
//! Source: redis `src/lazyfree.c`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use crate::data::value::Value;
use crate::memory;

/// When something is freed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Freeing {
    /// By whoever is rid of it.
    #[default]
    Now,
    /// By the thread, if it takes long.
    Later,
}

impl Freeing {
    /// As a setting of the `lazyfree-lazy-…` family has it.
    pub(crate) fn of_lazy(is_lazy: bool) -> Freeing {
        if is_lazy { Freeing::Later } else { Freeing::Now }
    }
}

/// A value is handed over from so many pieces on (count). Source: redis `src/lazyfree.c` LAZYFREE_THRESHOLD.
const PIECES_MIN: usize = 64;

/// Things that wait to be freed at most (count).
const QUEUE_LEN: usize = 4096;

/// Something to be freed.
struct Remains {
    what: Box<dyn Send>,
    /// How many values it is.
    values: u64,
}

/// Where remains go; `None` if there can be no thread.
static QUEUE: OnceLock<Option<SyncSender<Remains>>> = OnceLock::new();

/// Values handed over and not yet freed (count).
static PENDING: AtomicU64 = AtomicU64::new(0);

/// Values that the thread has freed (count), ever.
static FREED: AtomicU64 = AtomicU64::new(0);

/// Values that wait to be freed (count).
pub(crate) fn pending_count() -> u64 {
    PENDING.load(Ordering::Relaxed)
}

/// Values that were freed by the thread (count), since the process began.
pub(crate) fn freed_count() -> u64 {
    FREED.load(Ordering::Relaxed)
}

/// Frees a value.
#[inline]
pub(crate) fn free(value: Value, freeing: Freeing) {
    if freeing == Freeing::Later && value.pieces() > PIECES_MIN {
        free_later(value, 1);
    }
}

/// Has the thread free something that is so many values.
pub(crate) fn free_later(what: impl Send + 'static, values: usize) {
    let Some(queue) = QUEUE.get_or_init(start) else { return };
    let values = values as u64;
    PENDING.fetch_add(values, Ordering::Relaxed);
    match queue.try_send(Remains { what: Box::new(what), values }) {
        Ok(()) => {}
        // It is dropped here.
        Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
            PENDING.fetch_sub(values, Ordering::Relaxed);
        }
    }
}

fn start() -> Option<SyncSender<Remains>> {
    let (sender, receiver) = sync_channel(QUEUE_LEN);
    let thread = thread::Builder::new().name("lazy_free".to_owned());
    match thread.spawn(move || free_all(&receiver)) {
        Ok(_) => Some(sender),
        Err(error) => {
            tracing::warn!("Can't start the thread that frees memory: {error}");
            None
        }
    }
}

fn free_all(queue: &Receiver<Remains>) {
    while let Ok(Remains { what, values }) = queue.recv() {
        drop(what);
        memory::settle();
        PENDING.fetch_sub(values, Ordering::Relaxed);
        FREED.fetch_add(values, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn what_is_handed_over_is_freed_by_another_thread() {
        struct Tells(std::sync::mpsc::Sender<thread::ThreadId>);
        impl Drop for Tells {
            fn drop(&mut self) {
                self.0.send(thread::current().id()).unwrap();
            }
        }
        let (sender, receiver) = channel();
        free_later(Tells(sender), 1);
        assert_ne!(receiver.recv().unwrap(), thread::current().id());
    }
}
