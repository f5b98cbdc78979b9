//! Ports that no other test has, in this process or in another one, also while a server is started again.
//!
//! A port is reserved by a UDP socket of the same number: TCP servers do not see it, other tests do, and the system
//! takes it back however the tests end.

use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// How far the bus port of a node is above its client port.
pub(crate) const BUS_OFFSET: u16 = 10_000;

/// With their bus ports below what systems hand out by themselves.
const FIRST: u16 = 17_500;
const COUNT: u16 = 2_400;

/// A client port whose bus port is free as well, for as long as the socket lives.
pub(crate) fn reserve() -> (u16, UdpSocket) {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 48).expect("below 48") * 50;
    for _ in 0..COUNT {
        let port = FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
        let Ok(reservation) = UdpSocket::bind(("127.0.0.1", port)) else { continue };
        let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if is_free(port) && is_free(port + BUS_OFFSET) {
            return (port, reservation);
        }
    }
    panic!("no free port for a server");
}
