//! The connection to the server that takes the keys: blocking, each step bounded by what is left of the time.
//!
//! Who moves a slot sends many calls for few keys each, so a connection is kept for the next one for a while
//! ([`Kept`]). The target may have closed it meanwhile, which shows at the next use.
//!
//! Source: redis `src/cluster.c` migrateGetSocket.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use reddoor_protocol::reply_error::ReplyError;

/// Longest line that the target may answer with, in bytes.
const LINE_BYTES_MAX: usize = 1024;

/// How long a connection is kept that nobody uses.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// Connections that are kept (count); the one unused for longest makes room.
const KEPT_MAX: usize = 64;

/// A connection with a deadline.
pub(super) struct Target {
    stream: TcpStream,
    deadline: Instant,
    received: Vec<u8>,
    /// The database that the target has selected for it, if that is known.
    pub(super) database: Option<i64>,
    /// Whether it served an earlier call, and has said nothing since: it may be closed on the other side.
    pub(super) may_be_stale: bool,
}

/// Connections to targets of earlier calls, by the words that named these. The one unused for longest comes first.
#[derive(Debug, Default)]
pub(crate) struct Kept(Vec<Idle>);

#[derive(Debug)]
struct Idle {
    host: Box<[u8]>,
    port: Box<[u8]>,
    stream: TcpStream,
    database: Option<i64>,
    used: Instant,
}

impl Kept {
    /// A connection to this target, ready for another call.
    pub(super) fn take(&mut self, host: &[u8], port: &[u8], timeout: Duration) -> Option<Target> {
        self.close_unused();
        let at = self.0.iter().position(|idle| *idle.host == *host && *idle.port == *port)?;
        let Idle { stream, database, .. } = self.0.remove(at);
        let deadline = Instant::now() + timeout;
        Some(Target { stream, deadline, received: Vec::new(), database, may_be_stale: true })
    }

    /// Keeps a connection whose target owes no answer.
    pub(super) fn keep(&mut self, host: &[u8], port: &[u8], target: Target) {
        if self.0.len() >= KEPT_MAX {
            self.0.remove(0);
        }
        let Target { stream, database, .. } = target;
        self.0.push(Idle {
            host: host.into(),
            port: port.into(),
            stream,
            database,
            used: Instant::now(),
        });
    }

    /// How many are kept (count).
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Closes what nobody has used for a while.
    pub(crate) fn close_unused(&mut self) {
        self.0.retain(|idle| idle.used.elapsed() < KEPT_FOR);
    }
}

/// At which step the connection broke, or the time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    Connecting,
    Writing,
    Reading,
}

impl Broken {
    pub(super) fn to_reply(self) -> ReplyError {
        ReplyError::new(match self {
            Broken::Connecting => "IOERR error or timeout connecting to the client",
            Broken::Writing => "IOERR error or timeout writing to target instance",
            Broken::Reading => "IOERR error or timeout reading to target instance",
        })
    }
}

impl Target {
    pub(super) fn connect(host: &[u8], port: &[u8], timeout: Duration) -> Result<Target, Broken> {
        let deadline = Instant::now() + timeout;
        let host = std::str::from_utf8(host).map_err(|_| Broken::Connecting)?;
        let text = std::str::from_utf8(port).unwrap_or_default();
        // As C's atoi: what is no number is zero, where nobody listens.
        let addrs = resolve(host, text.trim().parse().unwrap_or(0), deadline);
        let mut broken = Broken::Connecting;
        for addr in addrs.ok_or(broken)? {
            let Some(left) = left_until(deadline) else { break };
            match TcpStream::connect_timeout(&addr, left) {
                Ok(stream) => {
                    // Only a matter of speed.
                    let _ = stream.set_nodelay(true);
                    return Ok(Target {
                        stream,
                        deadline,
                        received: Vec::new(),
                        database: None,
                        may_be_stale: false,
                    });
                }
                // A Redis notices a refusal when it first writes.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    broken = Broken::Writing;
                }
                Err(_) => {}
            }
        }
        Err(broken)
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.try_send(bytes).map_err(|_| Broken::Writing)
    }

    /// The next answer, of one line: the text of an error, or nothing.
    pub(super) fn answer(&mut self) -> Result<Option<String>, Broken> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.received) {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line);
                return Ok(line.trim_end().strip_prefix('-').map(str::to_owned));
            }
            if self.received.len() > LINE_BYTES_MAX {
                return Err(Broken::Reading);
            }
            self.try_receive().map_err(|_| Broken::Reading)?;
        }
    }

    fn try_send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.stream.set_write_timeout(Some(self.left()?))?;
            match self.stream.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn try_receive(&mut self) -> io::Result<()> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        let mut buf = [0; LINE_BYTES_MAX];
        match self.stream.read(&mut buf) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.may_be_stale = false;
                self.received.extend_from_slice(&buf[..count]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Whether it broke because its target had closed it before this call, so that the call may be made again.
    pub(super) fn was_stale(&self) -> bool {
        self.may_be_stale && left_until(self.deadline).is_some()
    }

    fn left(&self) -> io::Result<Duration> {
        left_until(self.deadline).ok_or(io::ErrorKind::TimedOut.into())
    }
}

/// The addresses of a host. A name is looked up aside, because the system's resolver knows no deadline.
fn resolve(host: &str, port: u16, deadline: Instant) -> Option<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Some(vec![SocketAddr::new(ip, port)]);
    }
    let name = (host.to_owned(), port);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        // Nobody listens any more if the time was up.
        let _ = sender.send(name.to_socket_addrs().map(Iterator::collect));
    });
    receiver.recv_timeout(left_until(deadline)?).ok()?.ok()
}

/// The time that is left, if there is any.
fn left_until(deadline: Instant) -> Option<Duration> {
    Some(deadline.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
}
