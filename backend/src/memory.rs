//! The memory in use, counted where it is given out and taken back: the allocator of the process.
//!
//! Each thread counts for itself and adds its sum to that of the process when it has become [`BATCH_BYTES`], so an
//! allocation costs a few instructions and no atomic one. [`used_bytes`] is exact for the thread that asks, and lacks
//! less than a batch for each other one; a thread that frees for others says so when it rests ([`settle`]).
//!
//! Counted is what an allocation takes of the heap of the C library, whose chunks have a word of their own and come in
//! multiples of 16 bytes. What lies free between chunks is not counted: the resident memory shows it.
//!
//! This is unsafe code because the standard library calls it so. The proof: every call goes on to [`System`] with the
//! arguments that came, and its answer goes back as it is, so the caller's promises are those that `System` asks for.
//! Counting does not allocate and cannot panic: the count is a thread local without destructor, made at compile time,
//! which is there as long as its thread; sums wrap.

#![expect(unsafe_code, reason = "an allocator; the proof is above")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering};

/// What a thread may have counted and not told (bytes).
const BATCH_BYTES: isize = 16 * 1024;

/// Bytes that all threads have told of.
static TOLD: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    /// Bytes that this thread has taken and given back, and not told of.
    static UNTOLD: Cell<isize> = const { Cell::new(0) };
}

/// Memory in use by this process, in bytes.
#[inline]
pub(crate) fn used_bytes() -> usize {
    let used = TOLD.load(Ordering::Relaxed).wrapping_add(UNTOLD.get());
    usize::try_from(used).unwrap_or(0)
}

/// Tells what this thread has counted: for a thread that frees what others use, when it has done so.
pub(crate) fn settle() {
    TOLD.fetch_add(UNTOLD.replace(0), Ordering::Relaxed);
}

#[inline]
fn count(bytes: isize) {
    let untold = UNTOLD.get().wrapping_add(bytes);
    UNTOLD.set(untold);
    if untold.unsigned_abs() > BATCH_BYTES.unsigned_abs() {
        settle();
    }
}

/// What an allocation of a size takes of the heap, in bytes.
#[inline]
pub(crate) fn chunk_bytes(size: usize) -> usize {
    const WORD: usize = size_of::<usize>();
    const CHUNK: usize = 2 * WORD;
    // A size is at most half of the address space, so nothing overflows.
    ((size + WORD + CHUNK - 1) & !(CHUNK - 1)).max(2 * CHUNK)
}

/// The allocator of the system, with its bytes counted.
struct Counted;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

unsafe impl GlobalAlloc for Counted {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let at = unsafe { System.alloc(layout) };
        if !at.is_null() {
            count(chunk_bytes(layout.size()).cast_signed());
        }
        at
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let at = unsafe { System.alloc_zeroed(layout) };
        if !at.is_null() {
            count(chunk_bytes(layout.size()).cast_signed());
        }
        at
    }

    #[inline]
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) };
        count(-chunk_bytes(layout.size()).cast_signed());
    }

    #[inline]
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let to = unsafe { System.realloc(at, layout, size) };
        if !to.is_null() {
            count(chunk_bytes(size).cast_signed() - chunk_bytes(layout.size()).cast_signed());
        }
        to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What this thread has counted; other tests run beside this one.
    fn own_bytes(of: impl FnOnce()) -> isize {
        settle();
        of();
        UNTOLD.get()
    }

    #[test]
    fn what_is_given_back_is_no_longer_in_use() {
        let kept = own_bytes(|| drop(vec![1_u8; 5000]));
        assert_eq!(kept, 0);
        let mut bytes = Vec::new();
        let grown = own_bytes(|| (0..5000).for_each(|_| bytes.push(7_u8)));
        assert_eq!(grown, chunk_bytes(bytes.capacity()).cast_signed());
    }

    #[test]
    fn large_sums_are_told_to_all_threads() {
        const BYTES: usize = 1 << 30;
        let bytes = Vec::<u8>::with_capacity(BYTES);
        let used = std::thread::spawn(used_bytes).join().unwrap();
        assert!(used > BYTES - 2 * BATCH_BYTES.unsigned_abs(), "{used}");
        std::thread::spawn(move || drop(bytes)).join().unwrap();
        assert!(used_bytes() < used - BYTES / 2);
    }

    #[test]
    fn chunks_are_those_of_the_c_library() {
        for (size, bytes) in
            [(0, 32), (1, 32), (24, 32), (25, 48), (40, 48), (41, 64), (1000, 1008)]
        {
            assert_eq!(chunk_bytes(size), bytes, "{size}");
        }
    }
}
