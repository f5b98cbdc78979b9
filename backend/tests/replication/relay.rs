//! Between a replica and its primary: passes bytes on, and breaks off after a number of them drawn at random.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Stands for a link that does not break.
const NEVER: u64 = u64::MAX;

/// A relay; its threads end with the process.
pub(crate) struct Relay {
    pub(crate) port: u16,
    /// Bytes to the replica that may still pass.
    left: Arc<AtomicU64>,
    state: AtomicU64,
}

impl Relay {
    pub(crate) fn start(target: u16, seed: u64) -> Relay {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let left = Arc::new(AtomicU64::new(NEVER));
        let shared = Arc::clone(&left);
        thread::spawn(move || {
            for replica in listener.incoming().map_while(Result::ok) {
                let Ok(primary) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                let (Ok(from), Ok(to)) = (primary.try_clone(), replica.try_clone()) else {
                    continue;
                };
                let left = Arc::clone(&shared);
                thread::spawn(move || pass(from, to, &left));
                thread::spawn(move || pass(replica, primary, &AtomicU64::new(NEVER)));
            }
        });
        Relay { port, left, state: AtomicU64::new(seed | 1) }
    }

    /// The link breaks once, after at most some kilobytes.
    pub(crate) fn cut_after_some_bytes(&self) {
        let state = self.state.load(Ordering::Relaxed).wrapping_mul(6_364_136_223_846_793_005) + 1;
        self.state.store(state, Ordering::Relaxed);
        self.left.store((state >> 33) % 20_000, Ordering::Relaxed);
    }

    /// From now on nothing breaks.
    pub(crate) fn heal(&self) {
        self.left.store(NEVER, Ordering::Relaxed);
    }
}

/// Passes bytes on until either end closes, or no more may pass.
fn pass(mut from: TcpStream, mut to: TcpStream, left: &AtomicU64) {
    let mut buf = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buf) {
        let allowed = left.load(Ordering::Relaxed);
        let passed = usize::try_from(allowed).map_or(count, |allowed| allowed.min(count));
        if to.write_all(&buf[..passed]).is_err() {
            break;
        }
        if passed < count {
            left.store(NEVER, Ordering::Relaxed);
            break;
        }
        if allowed != NEVER {
            left.store(allowed - passed as u64, Ordering::Relaxed);
        }
    }
    // Either may be closed already.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
