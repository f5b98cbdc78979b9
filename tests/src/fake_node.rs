//! A node that does exactly what a test tells it.
//!
//! Handshakes and `CLUSTER NODES` are answered by themselves; every other request is handed to the test as a
//! [`Call`], in the order of arrival, and is answered when and how the test says.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use reddoor_protocol::request::{Limits, RequestDecoder};

use crate::wait::{PATIENCE, wait_until};

/// A node by its address and its view of the cluster.
#[derive(Debug)]
pub struct FakeNode {
    addr: SocketAddr,
    id: String,
    shared: Arc<Shared>,
    calls: Receiver<Call>,
}

/// What its threads share.
#[derive(Debug, Default)]
struct Shared {
    /// What it answers to `CLUSTER NODES`.
    view: Mutex<String>,
    /// What it answers to `INFO replication`.
    replication: Mutex<String>,
    /// Held by a test while nothing may be read.
    reading: Mutex<()>,
    connections: Mutex<Vec<TcpStream>>,
    is_over: AtomicBool,
}

/// A request that waits to be answered.
#[derive(Debug)]
pub struct Call {
    /// Its arguments.
    pub args: Vec<Vec<u8>>,
    stream: TcpStream,
}

impl FakeNode {
    /// Starts a node that believes to own every slot.
    pub fn start() -> FakeNode {
        FakeNode::start_at(0)
    }

    /// As [`FakeNode::start`], on this port.
    ///
    /// # Panics
    /// The port is taken.
    pub fn start_at(port: u16) -> FakeNode {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let id = format!("{:040x}", addr.port());
        let (sender, calls) = mpsc::channel();
        let node = FakeNode { addr, id, shared: Arc::default(), calls };
        node.set_view(&node.line("myself,master", 1, "0-16383"));
        let shared = Arc::clone(&node.shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.is_over.load(Ordering::Relaxed) {
                    return;
                }
                let (shared, sender) = (Arc::clone(&shared), sender.clone());
                thread::spawn(move || serve(stream, &shared, &sender));
            }
        });
        node
    }

    /// Its address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The line of `CLUSTER NODES` that tells of this node.
    pub fn line(&self, flags: &str, epoch: u64, slots: &str) -> String {
        let port = self.addr.port();
        let (id, bus) = (&self.id, u32::from(port) % 10_000 + 50_000);
        format!("{id} 127.0.0.1:{port}@{bus} {flags} - 0 0 {epoch} connected {slots}\n")
    }

    /// Sets what it answers to `CLUSTER NODES`.
    pub fn set_view(&self, text: &str) {
        *lock(&self.shared.view) = text.to_owned();
    }

    /// The line of `CLUSTER NODES` that tells of this node as a replica of another.
    pub fn line_of_replica(&self, flags: &str, primary: &FakeNode) -> String {
        self.line(flags, 0, "").replace(" - ", &format!(" {} ", primary.id))
    }

    /// Sets what it tells of its part in replication to who asks by `INFO replication` alone.
    pub fn set_replication(&self, text: &str) {
        *lock(&self.shared.replication) = text.to_owned();
    }

    /// Nothing is read while the guard lives, apart from what a read that is under way brings.
    pub fn stop_reading(&self) -> MutexGuard<'_, ()> {
        lock(&self.shared.reading)
    }

    /// Ends every connection to it.
    pub fn cut_all(&self) {
        for stream in lock(&self.shared.connections).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Ends it: nobody listens on its port any more, and its connections are gone.
    pub fn end(self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.cut_all();
        // The thread that accepts has to see the end.
        drop(TcpStream::connect(self.addr));
        wait_until("a port to be free", || TcpListener::bind(self.addr).is_ok());
    }

    /// The next request.
    ///
    /// # Panics
    /// None comes.
    #[track_caller]
    pub fn next_call(&self) -> Call {
        self.calls.recv_timeout(PATIENCE).expect("a request for the fake node")
    }

    /// The next request, which is to be this one.
    ///
    /// # Panics
    /// None comes, or another one.
    #[track_caller]
    pub fn expect_call(&self, line: &str) -> Call {
        let call = self.next_call();
        assert_eq!(call.line(), line);
        call
    }

    /// Requests that have arrived and were not taken: none is awaited.
    pub fn arrived(&self) -> Vec<Call> {
        self.calls.try_iter().collect()
    }

    /// From now on answers every request by this function.
    pub fn answer_all(self, mut answer: impl FnMut(&Call) -> Vec<u8> + Send + 'static) {
        thread::spawn(move || {
            while let Ok(call) = self.calls.recv() {
                let reply = answer(&call);
                call.reply(&reply);
            }
        });
    }
}

impl Call {
    /// The request on one line.
    pub fn line(&self) -> String {
        let words: Vec<_> = self.args.iter().map(|arg| String::from_utf8_lossy(arg)).collect();
        words.join(" ")
    }

    /// Sends bytes on the connection that the request came on, whole replies or not. A front door that has
    /// closed it is no concern of the node.
    pub fn reply(&self, bytes: impl AsRef<[u8]>) {
        let _ = (&self.stream).write_all(bytes.as_ref());
    }

    /// Ends the connection that the request came on.
    pub fn cut(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn serve(mut stream: TcpStream, shared: &Shared, calls: &Sender<Call>) {
    lock(&shared.connections).push(stream.try_clone().expect("a second handle of a socket"));
    let (mut decoder, mut received) = (RequestDecoder::default(), Vec::new());
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        drop(lock(&shared.reading));
        received.extend_from_slice(&buffer[..count]);
        let mut consumed = 0;
        while let Some(len) =
            decoder.decode(&received[consumed..], &Limits::default()).expect("a request")
        {
            let args = decoder.args(&received[consumed..]);
            let args: Vec<Vec<u8>> = args.iter().map(<[u8]>::to_vec).collect();
            consumed += len;
            if let Some(reply) = answer_itself(&args, shared) {
                let _ = stream.write_all(&reply);
            } else {
                let stream = stream.try_clone().expect("a second handle of a socket");
                if calls.send(Call { args, stream }).is_err() {
                    return;
                }
            }
        }
        received.drain(..consumed);
    }
}

/// The reply to what a front door asks by itself; none to what comes from its clients.
fn answer_itself(args: &[Vec<u8>], shared: &Shared) -> Option<Vec<u8>> {
    let word = |index: usize| args.get(index).map(|arg| arg.to_ascii_uppercase());
    match (word(0)?.as_slice(), word(1).as_deref()) {
        (b"CLUSTER", Some(b"NODES")) => Some(bulk(&lock(&shared.view))),
        (b"INFO", Some(b"REPLICATION")) => Some(bulk(&lock(&shared.replication))),
        (b"INFO", Some(b"SERVER")) => Some(bulk("redis_version:7.0.15\r\nrun_id:f4\r\n")),
        (b"READONLY", None) => Some(b"+OK\r\n".to_vec()),
        (b"HELLO", Some(b"3")) => Some(b"%1\r\n$5\r\nproto\r\n:3\r\n".to_vec()),
        (b"CLIENT", Some(b"ID")) => Some(b":7\r\n".to_vec()),
        (b"PING", None) => Some(b"+PONG\r\n".to_vec()),
        (b"ASKING", None) => Some(b"+OK\r\n".to_vec()),
        _ => None,
    }
}

fn bulk(text: &str) -> Vec<u8> {
    format!("${}\r\n{text}\r\n", text.len()).into_bytes()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
