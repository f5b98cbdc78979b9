//! One front door in the place of another, without a moment in which nobody can connect.
//!
//! What the two do, over the control socket of the one that runs:
//! 1. The new process has checked its settings. It asks by `take-over`.
//! 2. The old one gives it each of its listening sockets, with one byte: `L` for clients, `R` for those of the
//!    second address, `A` for the admin port, `C` for
//!    the control socket; `.` comes last. From here on both processes have them, so no end of either closes one.
//! 3. The new one starts, lets nobody in, learns the topology, and says `ready`.
//! 4. The old one says `yours`, accepts nobody any more, and sends its clients away as they come to rest.
//! 5. The new one lets clients in. Those that connected meanwhile waited in the sockets' queues.
//!
//! If the new one fails before `ready`, the old one sees the end of the connection, and goes on as if nothing had been.
//! The sockets are given, and not inherited by a child: whoever starts the new process is its parent, be that a shell or
//! another container of the same network namespace, and neither process needs code that is not safe for it.

use std::io::{self, BufRead, BufReader, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reddoor_proxy::config::Config;
use reddoor_proxy::front_door::{FrontDoor, Running, Sockets};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tokio::time::timeout;

use crate::control::caller::Caller;
use crate::control::finder;
use crate::control::{Control, Request};
use crate::exit::{Failure, Mistake};

/// How long the new process may take to learn the topology.
const TOPOLOGY_MAX: Duration = Duration::from_secs(10);

/// How long the old process waits for that, and for the start of threads before it.
const READY_MAX: Duration = Duration::from_secs(20);

/// Sockets that are taken at most: two listeners for each of the most workers, and two.
const SOCKETS_MAX: usize = 514;

const FOR_CLIENTS: u8 = b'L';
const FOR_READS: u8 = b'R';
const FOR_ADMIN: u8 = b'A';
const FOR_CONTROL: u8 = b'C';
const NO_MORE: u8 = b'.';
const REFUSED: u8 = b'-';
const READY: &str = "ready";
const YOURS: &str = "yours";

/// The old process, as the new one knows it while both run.
#[derive(Debug)]
pub(crate) struct Predecessor {
    stream: UnixStream,
    control: Option<UnixListener>,
}

/// Steps 1 and 2 of the new process: a front door with the sockets of the one that listens where it is to listen.
pub(crate) fn begin(config: Config) -> Result<(FrontDoor, Predecessor), Failure> {
    let addr = config.listen.addr;
    let refused = |why: String| {
        let line = format!("cannot take over from the front door at {addr}: {why}");
        Failure::Refused(vec![Mistake::Obstacle(line)])
    };
    let (sockets, predecessor) = receive(&config).map_err(|error| refused(error.to_string()))?;
    let door = FrontDoor::take_over(config, sockets, reddoor_backend::scratch::make)
        .map_err(|error| refused(error.to_string()))?;
    Ok((door, predecessor))
}

fn receive(config: &Config) -> io::Result<(Sockets, Predecessor)> {
    let mut stream = finder::ask(config.listen.addr, Request::TakeOver)?;
    let (mut listeners, mut reads) = (Vec::new(), Vec::new());
    let (mut admin, mut control) = (None, None);
    for _ in 0..=SOCKETS_MAX {
        match take(&stream)? {
            (FOR_CLIENTS, Some(socket)) => listeners.push(TcpListener::from(socket)),
            (FOR_READS, Some(socket)) => reads.push(TcpListener::from(socket)),
            (FOR_ADMIN, Some(socket)) => admin = Some(TcpListener::from(socket)),
            (FOR_CONTROL, Some(socket)) => control = Some(UnixListener::from(socket)),
            (NO_MORE, None) if !listeners.is_empty() => {
                let predecessor = Predecessor { stream, control };
                return Ok((Sockets { listeners, reads, admin }, predecessor));
            }
            (REFUSED, None) => {
                let mut why = String::new();
                (&mut stream).take(1024).read_to_string(&mut why)?;
                return Err(io::Error::other(why.trim().to_owned()));
            }
            _ => break,
        }
    }
    Err(io::Error::other("it does not give its sockets as this version expects them"))
}

/// One byte, and the file descriptor that came with it.
fn take(stream: &UnixStream) -> io::Result<(u8, Option<OwnedFd>)> {
    let mut kind = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut kind)];
    let received = recvmsg(stream.as_fd(), &mut parts, &mut rights, RecvFlags::CMSG_CLOEXEC)?;
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let descriptors = rights.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let descriptor = descriptors.flatten().next();
    Ok((kind[0], descriptor))
}

impl Predecessor {
    /// Steps 3 to 5 of the new process; gives back where it hears its own callers from now on.
    ///
    /// # Errors
    /// No topology, or the old process did not let go: it goes on serving, and this one has to end.
    pub(crate) async fn replace(self, running: &Running) -> Result<Option<Control>> {
        let still = "the front door that ran before goes on";
        if timeout(TOPOLOGY_MAX, running.wait_topology()).await.is_err() || running.is_broken() {
            bail!("no node told the topology within {TOPOLOGY_MAX:?}; {still}");
        }
        let Predecessor { mut stream, control } = self;
        let letting_go = tokio::task::spawn_blocking(move || -> io::Result<bool> {
            stream.write_all(format!("{READY}\n").as_bytes())?;
            let mut line = String::new();
            BufReader::new(stream).take(64).read_line(&mut line)?;
            Ok(line.trim_end() == YOURS)
        });
        match letting_go.await? {
            Ok(true) => {}
            Ok(false) => bail!("it does not let go; {still}"),
            Err(error) => return Err(error).context(format!("it does not let go; {still}")),
        }
        running.open();
        Ok(control.map(Control::inherited))
    }
}

/// Steps 2 to 4 of the old process. When it returns without error, the place is the new one's.
///
/// # Errors
/// The new process failed; nothing has changed here.
pub(crate) async fn hand_over(
    caller: &mut Caller,
    running: &Running,
    control: &Control,
) -> Result<()> {
    let Sockets { listeners, reads, admin } = running.sockets();
    for listener in listeners {
        caller.give(FOR_CLIENTS, listener.as_fd()).await?;
    }
    for listener in reads {
        caller.give(FOR_READS, listener.as_fd()).await?;
    }
    if let Some(admin) = admin {
        caller.give(FOR_ADMIN, admin.as_fd()).await?;
    }
    if let Some(control) = control.socket() {
        caller.give(FOR_CONTROL, control.as_fd()).await?;
    }
    caller.tell(char::from(NO_MORE).encode_utf8(&mut [0; 4])).await?;
    let line = caller.line(READY_MAX).await.context("it did not become ready")?;
    if line != READY {
        bail!("it said {line:?} in place of {READY:?}");
    }
    caller.tell(&format!("{YOURS}\n")).await?;
    Ok(())
}

/// Refuses a caller who wants to take over.
///
/// # Errors
/// It is gone.
pub(crate) async fn refuse(caller: &mut Caller, why: &str) -> io::Result<()> {
    caller.tell(&format!("{}{why}\n", char::from(REFUSED))).await
}
