//! The connection to the server that takes the keys: blocking, each step bounded by what is left of the time.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use reddoor_protocol::reply_error::ReplyError;

/// Longest line that the target may answer with, in bytes.
const LINE_BYTES_MAX: usize = 1024;

/// A connection with a deadline.
pub(super) struct Target {
    stream: TcpStream,
    deadline: Instant,
    received: Vec<u8>,
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
                    return Ok(Target { stream, deadline, received: Vec::new() });
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
            Ok(count) => self.received.extend_from_slice(&buf[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
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
