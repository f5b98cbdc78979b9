//! Ports that no other test has, in this process or in another one.
//!
//! A node's client port is reserved by a UDP socket of the same number: TCP servers do not see it, other tests do,
//! and the system takes it back however the tests end.

use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, PoisonError};

/// A node listens for other nodes this far above its client port.
pub const BUS_OFFSET: u16 = 10_000;

/// Client ports of nodes. With [`BUS_OFFSET`] still below what systems hand out by themselves (from 32768).
const FIRST: u16 = 20_000;
const COUNT: u16 = 2_500;

/// A client port and its bus port, reserved until this is dropped.
#[derive(Debug)]
pub struct NodePort {
    number: u16,
    _reservation: UdpSocket,
}

impl NodePort {
    /// Takes a free pair.
    ///
    /// # Panics
    /// All are taken.
    pub fn free() -> NodePort {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        // Another place to begin for each process, so that they seldom meet.
        let start = u16::try_from(std::process::id() % 50).unwrap_or(0) * 50;
        for _ in 0..COUNT {
            let number = FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
            if let Some(port) = NodePort::reserve(number) {
                return port;
            }
        }
        panic!("no free port for a node from {FIRST} to {}", FIRST + COUNT);
    }

    /// Takes consecutive pairs: `--node-port-base` wants them.
    ///
    /// # Panics
    /// There is no such run.
    pub fn free_run(count: u16) -> Vec<NodePort> {
        for _ in 0..COUNT {
            let mut ports = vec![NodePort::free()];
            while ports.len() < usize::from(count) {
                let Some(port) = NodePort::reserve(ports[ports.len() - 1].number + 1) else {
                    break;
                };
                ports.push(port);
            }
            if ports.len() == usize::from(count) {
                return ports;
            }
        }
        panic!("no {count} free ports in a row");
    }

    fn reserve(number: u16) -> Option<NodePort> {
        let reservation = UdpSocket::bind(("127.0.0.1", number)).ok()?;
        let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        (is_free(number) && is_free(number + BUS_OFFSET))
            .then_some(NodePort { number, _reservation: reservation })
    }

    /// The client port.
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// A port on which nobody listens, and nobody will before these tests end unless they do it themselves.
///
/// # Panics
/// All are taken.
pub fn deserted() -> u16 {
    static KEPT: Mutex<Vec<NodePort>> = Mutex::new(Vec::new());
    let port = NodePort::free();
    let number = port.number();
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(port);
    number
}
