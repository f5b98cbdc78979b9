//! A tiny blocking RESP2 client: enough to form a cluster, fill in data and check one reply.
//!
//! Not here: the protocol crate of the program under test, so that a fault of it cannot hide itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Longest bulk, in bytes, this client accepts; far above anything a scenario stores.
const BULK_BYTES_MAX: usize = 1 << 20;
/// Most elements of an array this client accepts.
const ITEMS_MAX: usize = 1 << 16;
/// Deepest nesting this client accepts; `CLUSTER SLOTS` needs four.
const DEPTH_MAX: u32 = 8;
/// How long to wait for one reply.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// A reply, as RESP2 has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Null,
    Array(Vec<Reply>),
}

/// One blocking connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects to a port of this machine.
    pub(crate) fn connect(port: u16) -> Result<Self> {
        let addr = SocketAddr::from(([127, 0, 0, 1], port));
        let stream = TcpStream::connect_timeout(&addr, REPLY_TIMEOUT)?;
        stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
        stream.set_write_timeout(Some(REPLY_TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends one command and waits for its reply.
    pub(crate) fn call(&mut self, args: &[impl AsRef<[u8]>]) -> Result<Reply> {
        let mut request = Vec::new();
        encode(&mut request, args);
        self.send(&request)?;
        self.receive()
    }

    /// Like [`call`](Self::call), but an error reply is an error.
    pub(crate) fn expect(&mut self, args: &[impl AsRef<[u8]>]) -> Result<Reply> {
        match self.call(args)? {
            Reply::Error(text) => bail!("{text}"),
            reply => Ok(reply),
        }
    }

    /// Writes encoded commands.
    pub(crate) fn send(&mut self, requests: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(requests).context("cannot send")
    }

    /// Waits for the next reply.
    pub(crate) fn receive(&mut self) -> Result<Reply> {
        read_reply(&mut self.stream, 0).context("cannot receive a reply")
    }
}

/// Appends one command as an array of bulks.
pub(crate) fn encode(out: &mut Vec<u8>, args: &[impl AsRef<[u8]>]) {
    out.extend_from_slice(format!("*{}\r\n", args.len()).as_bytes());
    for arg in args {
        let arg = arg.as_ref();
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

/// Reads one reply; `depth` is how many arrays are open around it, at most [`DEPTH_MAX`].
fn read_reply(input: &mut impl BufRead, depth: u32) -> Result<Reply> {
    let mut line = String::new();
    // One line is at most an error text or a number; a megabyte without an end is not RESP.
    input.by_ref().take(1 << 20).read_line(&mut line)?;
    let Some(line) = line.strip_suffix("\r\n") else { bail!("the connection was closed") };
    let Some((kind, rest)) = line.split_at_checked(1) else { bail!("an empty reply line") };
    Ok(match kind {
        "+" => Reply::Simple(rest.to_owned()),
        "-" => Reply::Error(rest.to_owned()),
        ":" => Reply::Integer(rest.parse()?),
        "$" | "*" if rest == "-1" => Reply::Null,
        "$" => Reply::Bulk(read_bulk(input, bounded(rest, BULK_BYTES_MAX)?)?),
        "*" if depth < DEPTH_MAX => {
            let count = bounded(rest, ITEMS_MAX)?;
            Reply::Array((0..count).map(|_| read_reply(input, depth + 1)).collect::<Result<_>>()?)
        }
        _ => bail!("not a RESP2 reply: {line:?}"),
    })
}

fn read_bulk(input: &mut impl BufRead, bytes: usize) -> Result<Vec<u8>> {
    let mut value = vec![0; bytes + 2];
    input.read_exact(&mut value)?;
    value.truncate(bytes);
    Ok(value)
}

fn bounded(text: &str, max: usize) -> Result<usize> {
    let number: usize = text.parse()?;
    if number > max {
        bail!("a length of {number}, at most {max} expected");
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &str) -> Result<Reply> {
        read_reply(&mut bytes.as_bytes(), 0)
    }

    #[test]
    fn every_kind_of_reply_is_read() {
        assert_eq!(read("+OK\r\n").unwrap(), Reply::Simple("OK".into()));
        assert_eq!(read("-ERR no\r\n").unwrap(), Reply::Error("ERR no".into()));
        assert_eq!(read("$-1\r\n").unwrap(), Reply::Null);
        assert_eq!(
            read("*2\r\n:-7\r\n$4\r\na\r\nb\r\n").unwrap(),
            Reply::Array(vec![Reply::Integer(-7), Reply::Bulk(b"a\r\nb".to_vec())])
        );
    }

    #[test]
    fn a_hostile_or_cut_reply_is_an_error() {
        for bytes in ["", "+OK", "$9999999999\r\n", "$5\r\nab", "?\r\n", "\r\n"] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
        assert!(read(&"*1\r\n".repeat(100)).is_err());
    }

    #[test]
    fn a_command_is_an_array_of_bulks() {
        let mut out = Vec::new();
        encode(&mut out, &["GET", "k"]);
        assert_eq!(out, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    }
}
