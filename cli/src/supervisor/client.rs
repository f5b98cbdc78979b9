//! A small client for the supervisor's commands to its nodes: one request, one reply, always a deadline.
//!
//! Not here: pipelining, RESP3, redirects. Data never passes through it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use reddoor_protocol::encode::encode_request;
use reddoor_protocol::error::ProtocolError;
use reddoor_protocol::frame::ReplyLimits;
use reddoor_protocol::value::{self, Value};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one command, connecting included, may take. Long enough for a machine that is swapping.
const COMMAND_MAX: Duration = Duration::from_secs(5);
/// The largest reply is `CLUSTER NODES`: about 150 bytes a node, more for slots in many pieces.
const REPLY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why a command got no usable reply.
#[derive(Debug, Error)]
pub(crate) enum CallError {
    /// Connecting, writing or reading failed.
    #[error("connection to node {addr}")]
    Io {
        /// The node's address.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No whole reply came in time.
    #[error("node {addr} did not answer {command} within {} s", COMMAND_MAX.as_secs())]
    Late {
        /// The node's address.
        addr: SocketAddr,
        /// The command's name.
        command: String,
    },
    /// What came is not the Redis protocol.
    #[error("node {addr} does not speak the Redis protocol")]
    Protocol {
        /// The node's address.
        addr: SocketAddr,
        /// What is wrong with it.
        source: ProtocolError,
    },
    /// The node refused.
    #[error("node {addr} answered {command} with: {error}")]
    Refused {
        /// The node's address.
        addr: SocketAddr,
        /// The whole command.
        command: String,
        /// The error reply, without the leading `-`.
        error: String,
    },
}

/// A connection to one node.
#[derive(Debug)]
pub(crate) struct NodeClient {
    addr: SocketAddr,
    stream: TcpStream,
    /// Bytes received. Empty between two calls.
    received: Vec<u8>,
}

impl NodeClient {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there, or nobody takes the connection in time.
    pub(crate) async fn connect(addr: SocketAddr) -> Result<NodeClient, CallError> {
        let stream = timeout(COMMAND_MAX, TcpStream::connect(addr))
            .await
            .map_err(|_| CallError::Late { addr, command: "a connection".into() })?
            .map_err(|source| CallError::Io { addr, source })?;
        Ok(NodeClient { addr, stream, received: Vec::new() })
    }

    /// Sends a command and waits for its reply, which is never an error.
    ///
    /// # Errors
    /// After any but [`CallError::Refused`] the connection is useless; drop it.
    pub(crate) async fn call(&mut self, args: &[&str]) -> Result<Value, CallError> {
        let (addr, command) = (self.addr, args.join(" "));
        match timeout(COMMAND_MAX, self.exchange(args)).await {
            Err(_) => Err(CallError::Late { addr, command }),
            Ok(Ok(Value::Error(text))) => {
                let error = String::from_utf8_lossy(&text).into_owned();
                Err(CallError::Refused { addr, command, error })
            }
            Ok(reply) => reply,
        }
    }

    /// As [`NodeClient::call`], for commands that answer with a text; another kind of reply counts as empty.
    pub(crate) async fn call_for_text(&mut self, args: &[&str]) -> Result<String, CallError> {
        let reply = self.call(args).await?;
        Ok(String::from_utf8_lossy(reply.as_bytes().unwrap_or_default()).into_owned())
    }

    async fn exchange(&mut self, args: &[&str]) -> Result<Value, CallError> {
        let addr = self.addr;
        let failed = |source| CallError::Io { addr, source };
        let mut request = Vec::new();
        encode_request(&mut request, args.iter().map(|arg| arg.as_bytes()));
        self.stream.write_all(&request).await.map_err(failed)?;
        let limits = ReplyLimits { reply_bytes_max: REPLY_BYTES_MAX, ..ReplyLimits::default() };
        loop {
            let parsed = value::parse(&self.received, &limits)
                .map_err(|source| CallError::Protocol { addr, source })?;
            if let Some((value, len)) = parsed {
                self.received.drain(..len);
                return Ok(value);
            }
            if self.stream.read_buf(&mut self.received).await.map_err(failed)? == 0 {
                return Err(failed(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A node that gives these replies, in these pieces, to whatever it is asked.
    async fn node_that_says(pieces: &'static [&'static [u8]]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 512];
            assert_ne!(stream.read(&mut request).await.unwrap(), 0);
            for piece in pieces {
                stream.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        addr
    }

    async fn ask(pieces: &'static [&'static [u8]]) -> Result<Value, CallError> {
        let mut client = NodeClient::connect(node_that_says(pieces).await).await.unwrap();
        client.call(&["CLUSTER", "INFO"]).await
    }

    #[tokio::test]
    async fn a_reply_in_pieces_is_one_reply() {
        assert_eq!(
            ask(&[b"$5\r", b"\nhe", b"llo\r\n"]).await.unwrap(),
            Value::Bulk("hello".into())
        );
    }

    #[tokio::test]
    async fn a_refusal_names_node_command_and_reason() {
        let error = ask(&[b"-ERR no\r\n"]).await.unwrap_err().to_string();
        assert!(error.ends_with("answered CLUSTER INFO with: ERR no"), "{error}");
    }

    #[tokio::test]
    async fn an_early_end_and_noise_are_errors() {
        assert!(matches!(ask(&[b"$5\r\nhe"]).await, Err(CallError::Io { .. })));
        assert!(matches!(ask(&[b"HTTP/1.1 400\r\n"]).await, Err(CallError::Protocol { .. })));
    }
}
