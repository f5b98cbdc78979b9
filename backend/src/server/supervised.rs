//! What a node tells the service manager that has started it, as `supervised` says.
//!
//! systemd gives the name of a datagram socket and waits for `READY=1` on it; upstart waits until the process stops
//! itself, and lets it go on.
//!
//! Source: `sd_notify(3)`; redis `src/server.c` redisIsSupervised.

use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::process::{Signal, getpid, kill_process};

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Supervisor {
    Nobody,
    Systemd,
    Upstart,
}

/// The variable by which systemd names its socket.
const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";

/// The variable by which a process knows that upstart has started it.
const UPSTART_JOB: &str = "UPSTART_JOB";

impl Supervisor {
    /// The one that `supervised` names, or that is found if it says `auto`. Upstart is told that the process runs.
    pub(super) fn find(setting: &str) -> Supervisor {
        let is_there = |name: &str| env::var_os(name).is_some();
        let (upstart, systemd) = match setting {
            "auto" => (is_there(UPSTART_JOB), is_there(NOTIFY_SOCKET)),
            setting => (setting == "upstart", setting == "systemd"),
        };
        if upstart && is_there(UPSTART_JOB) {
            tracing::info!("supervised by upstart");
            // It goes on at once where nobody waits for it to stop.
            let _ = kill_process(getpid(), Signal::STOP);
            return Supervisor::Upstart;
        }
        if upstart {
            tracing::warn!("supervised by upstart, but there is no {UPSTART_JOB}");
        }
        if systemd {
            tracing::info!("supervised by systemd");
            return Supervisor::Systemd;
        }
        Supervisor::Nobody
    }

    /// The name that `INFO` has for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Supervisor::Nobody => "no",
            Supervisor::Systemd => "systemd",
            Supervisor::Upstart => "upstart",
        }
    }

    /// Tells systemd something, such as `READY=1`.
    pub(super) fn tell(self, state: &str) {
        if self != Supervisor::Systemd {
            return;
        }
        let Some(name) = env::var_os(NOTIFY_SOCKET) else {
            return tracing::warn!("supervised by systemd, but there is no {NOTIFY_SOCKET}");
        };
        if let Err(error) = send(name.as_encoded_bytes(), state) {
            tracing::warn!("cannot tell systemd {state:?}: {error}");
        }
    }
}

/// Sends to a socket of the file system or, if the name begins with `@`, of the abstract name space.
fn send(name: &[u8], state: &str) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt as _;
    let addr = match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &addr).map(|_| ())
}
