//! What stands between the front door and a node, and spoils the way between them when a test says so.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What becomes of what comes over the relay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passage {
    /// It arrives.
    #[default]
    Open,
    /// It is swallowed, both ways, and so is the start of every new connection: a wire that was cut.
    Dropping,
    /// What goes to the node is swallowed; what it says still comes.
    Deaf,
    /// The next reply of the node on a busy connection comes as garbage.
    Garbage,
    /// The next reply of the node on a busy connection comes by half, and then the connection ends.
    Half,
    /// Replies of the node are swallowed: it is asked and says nothing.
    Mute,
}

/// A relay for any number of connections to one address.
#[derive(Debug)]
pub struct Relay {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    passage: Mutex<Passage>,
    connections: Mutex<Vec<TcpStream>>,
}

/// Bytes that went one way over a connection before a single reply on it is worth spoiling.
const BUSY_BYTES: usize = 4096;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ToNode,
    FromNode,
}

impl Relay {
    /// Starts one to this port of this machine.
    ///
    /// # Panics
    /// There is no free port.
    pub fn start(port: u16) -> Relay {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::<Shared>::default();
        let relay = Relay { addr, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                connect(near, port, &shared);
            }
        });
        relay
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// From now on this becomes of what comes.
    pub fn set(&self, passage: Passage) {
        *lock(&self.shared.passage) = passage;
    }

    /// What becomes of what comes now.
    pub fn passage(&self) -> Passage {
        *lock(&self.shared.passage)
    }

    /// Ends every connection over it.
    pub fn cut_all(&self) {
        for stream in lock(&self.shared.connections).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn connect(near: TcpStream, port: u16, shared: &Arc<Shared>) {
    // A node that is down refuses; what connected to the relay then sees the end at once.
    let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { return };
    let twice = |stream: &TcpStream| stream.try_clone().expect("a second handle of a socket");
    lock(&shared.connections).extend([twice(&near), twice(&far)]);
    let (to_node, from_node) = (Arc::clone(shared), Arc::clone(shared));
    let (near_again, far_again) = (twice(&near), twice(&far));
    thread::spawn(move || pass(near, far, Way::ToNode, &to_node));
    thread::spawn(move || pass(far_again, near_again, Way::FromNode, &from_node));
}

fn pass(mut from: TcpStream, mut to: TcpStream, way: Way, shared: &Shared) {
    let mut buffer = vec![0; 64 * 1024];
    let mut passed = 0;
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        passed += count;
        let passage = shared.take_passage(way, passed >= BUSY_BYTES);
        let is_over = match (passage, way) {
            (Passage::Dropping, _)
            | (Passage::Deaf, Way::ToNode)
            | (Passage::Mute, Way::FromNode) => continue,
            (Passage::Garbage, Way::FromNode) => to.write_all(b"!garbage\x00\r\n").is_err(),
            (Passage::Half, Way::FromNode) => {
                let _ = to.write_all(&buffer[..count / 2]);
                true
            }
            _ => to.write_all(&buffer[..count]).is_err(),
        };
        if is_over {
            break;
        }
    }
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

impl Shared {
    /// What becomes of the next bytes; what is done to one reply alone is over with it.
    fn take_passage(&self, way: Way, is_busy: bool) -> Passage {
        let mut passage = lock(&self.passage);
        match *passage {
            Passage::Garbage | Passage::Half if way == Way::FromNode && is_busy => {
                std::mem::take(&mut *passage)
            }
            Passage::Garbage | Passage::Half => Passage::Open,
            lasting => lasting,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
