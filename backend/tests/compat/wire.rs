//! A client of raw bytes.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use reddoor_protocol::encode::encode_request;
use reddoor_protocol::frame::ReplyLimits;
use reddoor_protocol::value;

/// How long a reply may take.
const REPLY_MAX: Duration = Duration::from_secs(90);

/// A connection.
pub(crate) struct Client {
    stream: UnixStream,
    received: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(path: &Path) -> Client {
        let stream = UnixStream::connect(path).expect("the server serves");
        stream.set_read_timeout(Some(REPLY_MAX)).expect("a socket option");
        Client { stream, received: Vec::new() }
    }

    pub(crate) fn send(&mut self, command: &[Vec<u8>]) {
        let mut bytes = Vec::new();
        encode_request(&mut bytes, command.iter().map(Vec::as_slice));
        // A server that ends may have closed already.
        let _ = self.stream.write_all(&bytes);
    }

    pub(crate) fn call(&mut self, command: &[Vec<u8>]) -> Vec<u8> {
        self.send(command);
        self.reply()
    }

    /// Sends all commands in one write, then reads all replies.
    pub(crate) fn call_all(&mut self, commands: &[Vec<Vec<u8>>]) -> Vec<Vec<u8>> {
        let mut bytes = Vec::new();
        for command in commands {
            encode_request(&mut bytes, command.iter().map(Vec::as_slice));
        }
        let mut writer = self.stream.try_clone().expect("a second handle");
        // Written aside, so that long replies cannot block long requests.
        let writing = std::thread::spawn(move || writer.write_all(&bytes));
        let replies = commands.iter().map(|_| self.reply()).collect();
        writing.join().expect("no panic").expect("written");
        replies
    }

    /// Sends bytes as they are and reads until the server closes.
    pub(crate) fn until_closed(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.stream.write_all(bytes).expect("written");
        self.stream.shutdown(std::net::Shutdown::Write).expect("half closed");
        let mut received = Vec::new();
        self.stream.read_to_end(&mut received).expect("read");
        received
    }

    /// Waits until something comes.
    pub(crate) fn wait(&mut self) {
        if self.received.is_empty() {
            let mut buf = [0; 64 * 1024];
            let count = self.stream.read(&mut buf).expect("something in time");
            self.received.extend_from_slice(&buf[..count]);
        }
    }

    /// Everything up to these bytes, which they end.
    pub(crate) fn until(&mut self, end: &[u8]) -> Vec<u8> {
        let mut looked_at = 0;
        loop {
            let found = self.received[looked_at..].windows(end.len()).position(|w| w == end);
            if let Some(at) = found {
                return self.received.drain(..looked_at + at + end.len()).collect();
            }
            looked_at = (self.received.len() + 1).saturating_sub(end.len());
            let mut buf = [0; 64 * 1024];
            let count = self.stream.read(&mut buf).expect("more in time");
            assert!(count > 0, "closed before {}", end.escape_ascii());
            self.received.extend_from_slice(&buf[..count]);
        }
    }

    /// Everything that has come so far; the end of the connection shows as a word.
    pub(crate) fn came(&mut self) -> Vec<u8> {
        self.stream.set_nonblocking(true).expect("a socket option");
        let mut buf = [0; 64 * 1024];
        loop {
            match self.stream.read(&mut buf) {
                Ok(0) => {
                    self.received.extend_from_slice(b"closed");
                    break;
                }
                Ok(count) => self.received.extend_from_slice(&buf[..count]),
                Err(_) => break,
            }
        }
        self.stream.set_nonblocking(false).expect("a socket option");
        std::mem::take(&mut self.received)
    }

    fn reply(&mut self) -> Vec<u8> {
        let limits = ReplyLimits::default();
        loop {
            if let Some((_, len)) = value::parse(&self.received, &limits).expect("a reply") {
                return self.received.drain(..len).collect();
            }
            let mut buf = [0; 64 * 1024];
            let count = self.stream.read(&mut buf).expect("a reply in time");
            assert!(count > 0, "closed after {:?}", self.received.escape_ascii().to_string());
            self.received.extend_from_slice(&buf[..count]);
        }
    }
}
