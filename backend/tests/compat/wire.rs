//! A client of raw bytes, and what counts as the same reply.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use reddoor_protocol::encode::encode_request;
use reddoor_protocol::frame::ReplyLimits;
use reddoor_protocol::value::{self, Value};

/// How long a reply may take.
const REPLY_MAX: Duration = Duration::from_secs(20);

/// A connection.
pub struct Client {
    stream: UnixStream,
    received: Vec<u8>,
}

impl Client {
    pub fn connect(path: &Path) -> Client {
        let stream = UnixStream::connect(path).expect("the server serves");
        stream.set_read_timeout(Some(REPLY_MAX)).expect("a socket option");
        Client { stream, received: Vec::new() }
    }

    pub fn send(&mut self, command: &[Vec<u8>]) {
        let mut bytes = Vec::new();
        encode_request(&mut bytes, command.iter().map(Vec::as_slice));
        // A server that ends may have closed already.
        let _ = self.stream.write_all(&bytes);
    }

    pub fn call(&mut self, command: &[Vec<u8>]) -> Vec<u8> {
        self.send(command);
        self.reply()
    }

    /// Sends all commands in one write, then reads all replies.
    pub fn call_all(&mut self, commands: &[Vec<Vec<u8>>]) -> Vec<Vec<u8>> {
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
    pub fn until_closed(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.stream.write_all(bytes).expect("written");
        self.stream.shutdown(std::net::Shutdown::Write).expect("half closed");
        let mut received = Vec::new();
        self.stream.read_to_end(&mut received).expect("read");
        received
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

/// Whether two replies to a command say the same, as far as two servers can.
pub fn is_same(command: &[Vec<u8>], theirs: &[u8], ours: &[u8]) -> bool {
    if theirs == ours {
        return true;
    }
    let name = command[0].to_ascii_lowercase();
    match name.as_slice() {
        // Times of a moment that is not the same for both.
        b"ttl" | b"expiretime" => is_near(theirs, ours, 1),
        b"pttl" | b"pexpiretime" => is_near(theirs, ours, 2000),
        b"object" => is_near(theirs, ours, 2),
        // The client's number.
        b"hello" | b"exec" => without_id(theirs) == without_id(ours),
        // In no order.
        b"keys" | b"scan" => sorted(theirs) == sorted(ours),
        _ => false,
    }
}

fn is_near(theirs: &[u8], ours: &[u8], tolerance: i64) -> bool {
    match (parse(theirs), parse(ours)) {
        (Value::Integer(a), Value::Integer(b)) if a >= 0 && b >= 0 => (a - b).abs() <= tolerance,
        _ => false,
    }
}

/// A greeting without the line behind `id`.
fn without_id(reply: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = reply.split(|byte| *byte == b'\n').collect();
    if let Some(index) = lines.iter().position(|line| *line == b"id\r") {
        lines.remove(index + 1);
    }
    lines
}

fn sorted(reply: &[u8]) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    let mut values = vec![parse(reply)];
    while let Some(value) = values.pop() {
        match value {
            Value::Array(inner) => values.extend(inner),
            Value::Bulk(text) => texts.push(text),
            other => texts.push(format!("{other:?}").into_bytes()),
        }
    }
    texts.sort();
    texts
}

fn parse(reply: &[u8]) -> Value {
    value::parse(reply, &ReplyLimits::default()).expect("a reply").expect("a whole one").0
}

/// The last commands of a script, one a line, as redis-cli would take them.
pub fn show_last(script: &[Vec<Vec<u8>>], count: usize) -> String {
    let from = script.len().saturating_sub(count);
    let mut text = String::new();
    for command in &script[from..] {
        for word in command {
            let shown = word.escape_ascii().to_string();
            let shown: String = shown.chars().take(120).collect();
            text.push_str(&format!("\"{shown}\" "));
        }
        text.push('\n');
    }
    text
}
