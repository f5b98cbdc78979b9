//! A fresh connection to a node: made, logged in, in the right protocol version.

use std::io;
use std::time::Duration;

use reddoor_protocol::encode::{Resp, encode_request};
use reddoor_protocol::error::ProtocolError;
use reddoor_protocol::frame::ReplyLimits;
use reddoor_protocol::value::{self, Value};
use socket2::{SockRef, TcpKeepalive};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::Config;

/// Idle time before the system asks whether a node is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Time before it asks again.
const KEEPALIVE_AGAIN: Duration = Duration::from_secs(5);

/// Questions without an answer after which the node is not there any more (count).
const KEEPALIVE_MAX: u32 = 3;

/// Bytes that one read may bring.
const READ_BYTES: usize = 16 * 1024;

/// Why a node could not be used.
#[derive(Debug, Error)]
pub(crate) enum HandshakeError {
    /// The connection could not be made, or ended.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The node broke the protocol.
    #[error("{0}")]
    Protocol(#[from] ProtocolError),
    /// The node refused the password or the protocol version.
    #[error("node refused {command}: {reply}")]
    Refused {
        /// What it was asked.
        command: &'static str,
        /// Its error, which tells of no client.
        reply: String,
    },
    /// The node would not track for a client.
    #[error("node refused CLIENT TRACKING: {0}")]
    Untracked(String),
}

/// What to say first on a connection to a node.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    resp: Resp,
    username: Option<String>,
    password: Option<String>,
    /// When the system gives the connection up if the node's confirms nothing; zero: as it likes. It counts the time
    /// in which the node is there and takes nothing, so this is for what a node never keeps waiting, and until a link
    /// is looked after otherwise.
    unconfirmed: Duration,
}

impl Login {
    /// The login that the configuration asks for.
    pub(crate) fn new(config: &Config, resp: Resp) -> Login {
        let cluster = &config.cluster;
        Login {
            resp,
            username: cluster.username.clone(),
            password: cluster.password.as_ref().map(|secret| secret.expose().to_owned()),
            unconfirmed: config.health.unconfirmed,
        }
    }

    /// The request that says it. Where there is nothing to be said the node has to answer all the same: the system
    /// accepts connections for a process that is stopped, and what is sent to that one can go nowhere else.
    fn request(&self) -> (&'static str, Vec<&str>) {
        let username = self.username.as_deref();
        match (self.resp, self.password.as_deref()) {
            (Resp::V2, None) => ("PING", vec!["PING"]),
            (Resp::V2, Some(password)) => {
                ("AUTH", ["AUTH"].into_iter().chain(username).chain([password]).collect())
            }
            (Resp::V3, None) => ("HELLO", vec!["HELLO", "3"]),
            (Resp::V3, Some(password)) => {
                let username = username.unwrap_or("default");
                ("HELLO", vec!["HELLO", "3", "AUTH", username, password])
            }
        }
    }
}

/// Connects to `host:port`, looking the name up anew, and logs in.
///
/// # Errors
/// The node cannot be used now; it may be asked again later.
pub(crate) async fn connect(addr: &str, login: &Login) -> Result<TcpStream, HandshakeError> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_AGAIN);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive.with_retries(KEEPALIVE_MAX))?;
    if !login.unconfirmed.is_zero() {
        SockRef::from(&stream).set_tcp_user_timeout(Some(login.unconfirmed))?;
    }
    let (command, request) = login.request();
    match ask(&mut stream, &request, &ReplyLimits::default()).await? {
        // To be refused a login is an end; to be refused an answer, as by a node that loads, is an answer.
        Value::Error(reply) if command != "PING" => {
            let reply = String::from_utf8_lossy(&reply).into_owned();
            Err(HandshakeError::Refused { command, reply })
        }
        _ => Ok(stream),
    }
}

/// Makes the node answer reads on this connection though it be a replica.
///
/// # Errors
/// The connection is not to be used any more.
pub(crate) async fn allow_reads(stream: &mut TcpStream) -> Result<(), HandshakeError> {
    match ask(stream, &["READONLY"], &ReplyLimits::default()).await? {
        Value::Error(reply) => {
            let reply = String::from_utf8_lossy(&reply).into_owned();
            Err(HandshakeError::Refused { command: "READONLY", reply })
        }
        _ => Ok(()),
    }
}

/// The number by which the node knows this connection; `None` when it does not tell.
///
/// # Errors
/// The connection is not to be used any more.
pub(crate) async fn id_at_node(stream: &mut TcpStream) -> Result<Option<u64>, HandshakeError> {
    let reply = ask(stream, &["CLIENT", "ID"], &ReplyLimits::default()).await?;
    Ok(reply.as_integer().and_then(|id| u64::try_from(id).ok()))
}

/// The words that make a node track what is read on a connection, and tell of it there or, if that is named by its
/// number, on another.
pub(crate) fn track_request(options: &[Vec<u8>], redirect: Option<u64>) -> Vec<Vec<u8>> {
    let mut request = vec![b"CLIENT".to_vec(), b"TRACKING".to_vec(), b"ON".to_vec()];
    if let Some(id) = redirect {
        request.extend([b"REDIRECT".to_vec(), id.to_string().into_bytes()]);
    }
    request.extend_from_slice(options);
    request
}

/// Makes the node track by [`track_request`]. Gives back what it has told already.
///
/// # Errors
/// The connection is not to be used any more.
pub(crate) async fn track(
    stream: &mut TcpStream,
    request: &[Vec<u8>],
) -> Result<Vec<u8>, HandshakeError> {
    let (reply, told) = exchange(stream, request, &ReplyLimits::default()).await?;
    match reply {
        Value::Error(reply) => {
            Err(HandshakeError::Untracked(String::from_utf8_lossy(&reply).into_owned()))
        }
        _ => Ok(told),
    }
}

/// Asks one thing on a connection where nothing else is under way.
///
/// # Errors
/// The connection is not to be used any more.
pub(crate) async fn ask(
    stream: &mut TcpStream,
    request: &[&str],
    limits: &ReplyLimits,
) -> Result<Value, HandshakeError> {
    Ok(exchange(stream, request, limits).await?.0)
}

/// As [`ask`], with what came behind the reply.
async fn exchange<A: AsRef<[u8]>>(
    stream: &mut TcpStream,
    request: &[A],
    limits: &ReplyLimits,
) -> Result<(Value, Vec<u8>), HandshakeError> {
    let mut bytes = Vec::new();
    encode_request(&mut bytes, request.iter().map(AsRef::as_ref));
    stream.write_all(&bytes).await?;
    let mut received = Vec::with_capacity(READ_BYTES);
    loop {
        if let Some((reply, len)) = value::parse(&received, limits)? {
            received.drain(..len);
            return Ok((reply, received));
        }
        received.reserve(READ_BYTES);
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}
