//! Listeners: opening them, and taking clients in.

mod live;

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{fs, net};

use socket2::{Domain, SockRef, Socket as RawSocket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener};

use crate::acl::Login;
use crate::client::{Client, Peer};
use crate::config::settings::Settings;
use crate::error::RunError;
use crate::node::{Node, SharedNode};
use crate::session::{Session, SharedScratch, Socket};
use live::Slot;

pub(crate) use live::Listeners;

/// One open listener.
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, String),
}

/// Opens all listeners of the settings.
///
/// # Errors
/// An address that must work cannot be had, or there is none at all.
pub(super) fn open(settings: &Settings) -> Result<Vec<Listener>, RunError> {
    let mut listeners: Vec<Listener> = Vec::new();
    match open_all_tcp(settings) {
        Ok(opened) => listeners.extend(opened),
        Err((addr, source)) => {
            tracing::warn!("Failed listening on port {} (TCP), aborting.", settings.port);
            return Err(RunError::Listen { addr, source });
        }
    }
    if let Some(path) = &settings.unix_socket {
        let addr = path.display().to_string();
        let listener = open_unix(path, settings.unix_socket_mode).map_err(|source| {
            tracing::warn!("Failed opening Unix socket: bind: {source}");
            RunError::Listen { addr: addr.clone(), source }
        })?;
        listeners.push(Listener::Unix(listener, addr));
    }
    if listeners.is_empty() {
        tracing::warn!("Configured to not listen anywhere, exiting.");
        return Err(RunError::NoListener);
    }
    Ok(listeners)
}

/// Opens all addresses of the settings, or none of them. Which one failed, and why; it has been logged.
fn open_all_tcp(settings: &Settings) -> Result<Vec<Listener>, (String, io::Error)> {
    let mut listeners = Vec::new();
    let addresses = settings.bind.iter().filter(|_| settings.port != 0);
    for bind in addresses {
        let (name, may_fail) = match bind.strip_prefix('-') {
            Some(name) => (name, true),
            None => (bind.as_str(), false),
        };
        match open_tcp(name, settings) {
            Ok(listener) => listeners.push(Listener::Tcp(listener)),
            Err(error) if may_fail && is_unavailable(&error) => {}
            Err(error) => {
                let addr = format!("{name}:{}", settings.port);
                tracing::warn!(
                    "Warning: Could not create server TCP listening socket {addr}: bind: {error}"
                );
                return Err((addr, error));
            }
        }
    }
    Ok(listeners)
}

/// Whether an address that may fail fails because this machine does not have it, or has it already.
fn is_unavailable(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error();
    error.kind() == io::ErrorKind::AddrNotAvailable
        || [Errno::AFNOSUPPORT, Errno::PROTONOSUPPORT]
            .iter()
            .any(|e| Some(e.raw_os_error()) == code)
}

fn open_tcp(name: &str, settings: &Settings) -> io::Result<TcpListener> {
    let ip = match name {
        "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        "::*" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        name => match name.parse() {
            Ok(ip) => ip,
            Err(_) => resolve(name)?,
        },
    };
    let addr = SocketAddr::new(ip, settings.port);
    let socket = RawSocket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(i32::try_from(settings.tcp_backlog).unwrap_or(i32::MAX))?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

fn resolve(name: &str) -> io::Result<IpAddr> {
    let addr = net::ToSocketAddrs::to_socket_addrs(&(name, 0))?.next();
    addr.map(|addr| addr.ip()).ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

fn open_unix(path: &Path, mode: u32) -> io::Result<UnixListener> {
    // A socket file that an earlier process left behind; one that still serves loses its name, as with a Redis.
    let _ = fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    if mode != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    Ok(listener)
}

/// How long to wait after a failed accept, which mostly means that no descriptor is free.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Takes clients in until the listener is closed.
async fn accept(slot: Slot, node: SharedNode, scratch: SharedScratch) {
    while let Some(accepted) = poll_fn(|cx| slot.poll_accept(cx)).await {
        match accepted {
            Ok((socket, arrival)) => {
                if let Some(session) = take_in(socket, arrival, &node, &scratch) {
                    tokio::task::spawn_local(session.serve());
                }
            }
            Err(error) => {
                tracing::warn!("Accepting client connection: accept: {error}");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

impl Listener {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Socket, Arrival)>> {
        Poll::Ready(Ok(match self {
            Listener::Tcp(listener) => {
                let (stream, addr) = ready!(listener.poll_accept(cx))?;
                let arrival = Arrival::of_tcp(&stream, addr);
                (Socket::Tcp(stream), arrival)
            }
            Listener::Unix(listener, path) => {
                let (stream, _) = ready!(listener.poll_accept(cx))?;
                let descriptor = stream.as_raw_fd();
                let (addr, local_addr) = (format!("{path}:0"), format!("{path}:0"));
                let peer = Peer::ThisMachine;
                (Socket::Unix(stream), Arrival { addr, local_addr, peer, descriptor })
            }
        }))
    }
}

/// Makes a session of a connection, unless it is refused.
fn take_in(
    socket: Socket,
    arrival: Arrival,
    node: &SharedNode,
    scratch: &SharedScratch,
) -> Option<Session> {
    let mut state = node.borrow_mut();
    if let Some(refusal) = refusal(&mut state, &arrival) {
        // The client may not even read it.
        let _ = socket.try_write(refusal.as_bytes());
        return None;
    }
    if let Socket::Tcp(stream) = &socket {
        tune(stream, state.config.settings().tcp_keepalive);
    }
    state.stats.connections_received += 1;
    let client = arrival.into_client(&mut state);
    let seat = state.clients.insert(Box::new(client));
    drop(state);
    Some(Session::new(socket, Rc::clone(node), Rc::clone(scratch), seat))
}

/// What is known of a client that has just come.
struct Arrival {
    addr: String,
    local_addr: String,
    peer: Peer,
    descriptor: i32,
}

impl Arrival {
    fn of_tcp(stream: &TcpStream, addr: SocketAddr) -> Arrival {
        let is_near = addr.ip().to_canonical().is_loopback();
        Arrival {
            addr: addr.to_string(),
            local_addr: stream.local_addr().map_or_else(|_| String::new(), |addr| addr.to_string()),
            peer: if is_near { Peer::ThisMachine } else { Peer::Elsewhere },
            descriptor: stream.as_raw_fd(),
        }
    }

    fn into_client(self, node: &mut Node) -> Client {
        let login = Login::of_stranger(&node.acl);
        Client {
            addr: self.addr.into(),
            local_addr: self.local_addr.into(),
            descriptor: self.descriptor,
            ..Client::new(node.clients.next_id(), self.peer, login)
        }
    }
}

/// Why a client is not taken in, as the error it is sent.
fn refusal(node: &mut Node, arrival: &Arrival) -> Option<&'static str> {
    let settings = node.config.settings();
    let refusal = if node.clients.len() >= settings.clients_max {
        "-ERR max number of clients reached\r\n"
    } else if settings.is_protected
        && node.acl.default_user().rules().need_no_password()
        && arrival.peer == Peer::Elsewhere
    {
        "-DENIED Redis is running in protected mode: there is no password, so only clients of this machine \
         are served. Set requirepass, or protected-mode no, to serve others.\r\n"
    } else {
        return None;
    };
    node.stats.connections_rejected += 1;
    Some(refusal)
}

/// Small replies go out at once; a peer that vanished is noticed by the system's probes.
fn tune(stream: &TcpStream, keepalive: Duration) {
    // A socket without these options still serves.
    let _ = stream.set_nodelay(true);
    if !keepalive.is_zero() {
        let interval = (keepalive / 3).max(Duration::from_secs(1));
        let probes =
            TcpKeepalive::new().with_time(keepalive).with_interval(interval).with_retries(3);
        let _ = SockRef::from(stream).set_tcp_keepalive(&probes);
    }
}
