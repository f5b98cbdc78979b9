//! A RESP client of its own: it sends any bytes, sees every byte, and waits for nothing longer than a test may.

use std::fmt::Debug;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};

use reddoor_protocol::encode::encode_request;
use reddoor_protocol::frame::{ReplyLimits, ReplyScanner};
use reddoor_protocol::value::{self, Value};

use crate::wait::PATIENCE;

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    /// Received and not yet read as replies.
    received: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Panics
    /// Nobody listens there.
    #[track_caller]
    pub fn connect(addr: impl ToSocketAddrs + Debug) -> Client {
        Client::try_connect(&addr)
            .unwrap_or_else(|error| panic!("cannot connect to {addr:?}: {error}"))
    }

    /// Connects, if somebody listens there.
    ///
    /// # Errors
    /// Nobody does.
    pub fn try_connect(addr: impl ToSocketAddrs) -> io::Result<Client> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Client { stream, received: Vec::new() })
    }

    /// This end's address, as the server sees it.
    ///
    /// # Panics
    /// The socket is broken.
    pub fn local_addr(&self) -> SocketAddr {
        self.stream.local_addr().expect("a connected socket has an address")
    }

    /// The socket, for what no method does.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends bytes as they are.
    ///
    /// # Panics
    /// The connection is broken.
    #[track_caller]
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// As [`Client::send_bytes`], when the connection may break.
    ///
    /// # Errors
    /// It broke.
    pub fn try_send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends one request.
    #[track_caller]
    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) {
        self.send_bytes(&request(args));
    }

    /// Sends one request of words parted by spaces.
    #[track_caller]
    pub fn send_line(&mut self, line: &str) {
        self.send(&words(line));
    }

    /// The next reply.
    ///
    /// # Panics
    /// The connection ended, or the server broke the protocol.
    #[track_caller]
    pub fn reply(&mut self) -> Value {
        self.try_reply().unwrap_or_else(|error| panic!("no reply: {error}"))
    }

    /// The next reply.
    ///
    /// # Errors
    /// The connection ended, or what came is no reply.
    pub fn try_reply(&mut self) -> io::Result<Value> {
        let bytes = self.try_reply_bytes()?;
        match value::parse(&bytes, &ReplyLimits::default()) {
            Ok(Some((value, _))) => Ok(value),
            other => Err(io::Error::new(ErrorKind::InvalidData, format!("{other:?}: {bytes:?}"))),
        }
    }

    /// Sends a request of words and gives its reply as it is compared with another server's: byte for byte, or, for a
    /// line behind `$`, with its elements, which have no order, sorted.
    #[track_caller]
    pub fn ask_to_compare(&mut self, line: &str) -> String {
        let Some(line) = line.strip_prefix('$') else {
            self.send_line(line);
            return self.reply_bytes();
        };
        self.send_line(line);
        match self.reply() {
            Value::Array(mut elements) | Value::Set(mut elements) => {
                elements.sort_by_key(text);
                text(&Value::Array(elements))
            }
            other => text(&other),
        }
    }

    /// The bytes of the next reply, as text.
    #[track_caller]
    pub fn reply_bytes(&mut self) -> String {
        let bytes = self.try_reply_bytes().unwrap_or_else(|error| panic!("no reply: {error}"));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The bytes of the next reply.
    ///
    /// # Errors
    /// As [`Client::try_reply`].
    pub fn try_reply_bytes(&mut self) -> io::Result<Vec<u8>> {
        let mut scanner = ReplyScanner::default();
        loop {
            match scanner.scan(&self.received, &ReplyLimits::default()) {
                Ok(Some(len)) => return Ok(self.received.drain(..len).collect()),
                Ok(None) if self.receive()? == 0 => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(None) => {}
                Err(error) => return Err(io::Error::new(ErrorKind::InvalidData, error)),
            }
        }
    }

    fn receive(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 64 * 1024];
        let count = self.stream.read(&mut buffer)?;
        self.received.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    /// Everything that still comes until the server closes the connection, as text. A reset is an end, too.
    ///
    /// # Panics
    /// The server does not close it.
    #[track_caller]
    pub fn read_to_end(&mut self) -> String {
        loop {
            match self.receive() {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("the connection was not closed: {error}"),
            }
        }
        String::from_utf8_lossy(&std::mem::take(&mut self.received)).into_owned()
    }

    /// Sends one request and reads its reply.
    #[track_caller]
    pub fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Value {
        self.send(args);
        self.reply()
    }

    /// Sends one request of words parted by spaces; the reply as [`text`] shows it.
    #[track_caller]
    pub fn ask(&mut self, line: &str) -> String {
        text(&self.call(&words(line)))
    }

    /// As [`Client::ask`], when the connection may break.
    ///
    /// # Errors
    /// It broke.
    pub fn try_ask(&mut self, line: &str) -> io::Result<String> {
        self.stream.write_all(&request(&words(line)))?;
        Ok(text(&self.try_reply()?))
    }
}

/// The words of a line; `''` is an empty one.
pub fn words(line: &str) -> Vec<&str> {
    line.split_ascii_whitespace().map(|word| if word == "''" { "" } else { word }).collect()
}

/// The bytes of one request.
pub fn request<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_request(&mut bytes, args.iter().map(AsRef::as_ref));
    bytes
}

/// The bytes of one request of words parted by spaces.
pub fn request_line(line: &str) -> Vec<u8> {
    request(&words(line))
}

/// A reply on one line, for tests to compare: strings as they are, `-ERR …`, `:1`, `nil`, `[a, b]`, `{k: v}`.
///
/// Not for replies nested beyond what tests ask for: it recurses.
pub fn text(value: &Value) -> String {
    let list = |values: &[Value]| values.iter().map(text).collect::<Vec<_>>().join(", ");
    let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match value {
        Value::Simple(bytes) | Value::Bulk(bytes) | Value::Verbatim(bytes) => string(bytes),
        Value::Error(line) => format!("-{}", string(line)),
        Value::Integer(number) => format!(":{number}"),
        Value::BigNumber(digits) => format!("({}", string(digits)),
        Value::Double(number) => format!(",{number}"),
        Value::Boolean(truth) => format!("#{truth}"),
        Value::Null => "nil".to_owned(),
        Value::Array(values) => format!("[{}]", list(values)),
        Value::Set(values) => format!("~[{}]", list(values)),
        Value::Push(values) => format!(">[{}]", list(values)),
        Value::Map(pairs) => {
            let pairs = pairs.iter().map(|(k, v)| format!("{}: {}", text(k), text(v)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}
