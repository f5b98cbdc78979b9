//! A RESP client of the tests' own: requests are words, replies are text.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use reddoor_protocol::encode::encode_request;
use reddoor_protocol::frame::ReplyLimits;
use reddoor_protocol::value::{Value, parse};

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// One connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    /// What has come and was not read yet.
    received: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(port: u16) -> io::Result<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Client { stream, received: Vec::new() })
    }

    /// One request of words parted by spaces; the reply as text, or the reason why there is none.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        match self.call(&words) {
            Ok(value) => text_of(&value),
            Err(error) => format!("no reply: {error}"),
        }
    }

    /// Sends a request of words parted by spaces.
    pub(crate) fn send(&mut self, line: &str) {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.write(&words).expect("the node reads");
    }

    /// The next reply or message as text, or the reason why there is none.
    pub(crate) fn read(&mut self) -> String {
        self.next().map_or_else(|error| format!("no reply: {error}"), |value| text_of(&value))
    }

    pub(crate) fn call(&mut self, words: &[&[u8]]) -> io::Result<Value> {
        self.write(words)?;
        self.next()
    }

    fn write(&mut self, words: &[&[u8]]) -> io::Result<()> {
        let mut request = Vec::new();
        encode_request(&mut request, words.iter().copied());
        self.stream.write_all(&request)
    }

    fn next(&mut self) -> io::Result<Value> {
        loop {
            let limits = ReplyLimits::default();
            let parsed = parse(&self.received, &limits).map_err(io::Error::other)?;
            if let Some((value, len)) = parsed {
                self.received.drain(..len);
                return Ok(value);
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                len => self.received.extend_from_slice(&chunk[..len]),
            }
        }
    }
}

/// A reply as text: strings as they are, errors with their sign, lists in brackets.
pub(crate) fn text_of(value: &Value) -> String {
    let list = |values: &[Value]| {
        let texts: Vec<String> = values.iter().map(text_of).collect();
        format!("[{}]", texts.join(", "))
    };
    match value {
        Value::Error(text) => format!("-{}", String::from_utf8_lossy(text)),
        Value::Integer(number) => format!(":{number}"),
        Value::Null => "null".to_owned(),
        Value::Map(pairs) => {
            let texts = pairs.iter().map(|(k, v)| format!("{}={}", text_of(k), text_of(v)));
            format!("{{{}}}", texts.collect::<Vec<_>>().join(", "))
        }
        other => match (other.as_array(), other.as_bytes()) {
            (Some(values), _) => list(values),
            (None, Some(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            (None, None) => format!("{other:?}"),
        },
    }
}
