//! Where a running front door hears what its operator wants of it: a Unix socket named after its address.
//!
//! In: one request of one line per connection, `reload` or `take-over`. Out: what came of it.
//!
//! The name is abstract, `@reddoor/<address it listens on>`: it is no file that could be left behind, it lives in the
//! network namespace of the address, so two front doors have two, and `/proc/net/unix` lists them all.
//!
//! Invariants: only the user who runs the front door, and root, are heard; no caller holds it up for longer than
//! [`PATIENCE`].

pub(crate) mod caller;

pub(crate) mod finder;

use std::io;
use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener as StdListener};
use std::time::Duration;

use tokio::net::UnixListener;
use tracing::{debug, warn};

use caller::Caller;

/// What all names begin with.
const NAME_PREFIX: &str = "reddoor/";

/// How long either side may take for what takes no thought.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Pause after an `accept` that failed, most often for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What can be asked of a running front door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Read the settings anew.
    Reload,
    /// Hand the listening sockets over.
    TakeOver,
}

impl Request {
    const ALL: [Request; 2] = [Request::Reload, Request::TakeOver];

    /// As it is sent, without the line end.
    fn word(self) -> &'static str {
        match self {
            Request::Reload => "reload",
            Request::TakeOver => "take-over",
        }
    }
}

/// Listens for callers; without a socket of its own it hears none, and says so once.
#[derive(Debug)]
pub(crate) struct Control(Option<UnixListener>);

impl Control {
    /// Listens by the name of the front door at `addr`. Must be called inside a runtime.
    pub(crate) fn listen(addr: SocketAddr) -> Control {
        let bound = name_of(addr).and_then(|name| StdListener::bind_addr(&name));
        Control::named(bound)
    }

    /// Goes on with the socket of the front door that was there before. Must be called inside a runtime.
    pub(crate) fn inherited(listener: StdListener) -> Control {
        Control::named(Ok(listener))
    }

    fn named(listener: io::Result<StdListener>) -> Control {
        let listener = listener.and_then(|listener| {
            listener.set_nonblocking(true)?;
            UnixListener::from_std(listener)
        });
        if let Err(error) = &listener {
            warn!(%error, "no control socket: `reddoor proxy reload` and --take-over will not find this front door");
        }
        Control(listener.ok())
    }

    /// The next caller who may ask, and what for. Losing the race of a `select!` loses at most a caller.
    pub(crate) async fn next(&self) -> (Caller, Request) {
        let Some(listener) = &self.0 else { return std::future::pending().await };
        loop {
            match listener.accept().await {
                Ok((stream, _)) => match Caller::hear(stream).await {
                    Ok(heard) => return heard,
                    Err(error) => debug!(%error, "a caller was not heard"),
                },
                Err(error) => {
                    warn!(%error, "no caller can be heard");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// The socket, for who takes over.
    pub(crate) fn socket(&self) -> Option<&UnixListener> {
        self.0.as_ref()
    }
}

/// The name of the front door at `addr`.
fn name_of(addr: SocketAddr) -> io::Result<UnixAddr> {
    UnixAddr::from_abstract_name(format!("{NAME_PREFIX}{addr}"))
}
