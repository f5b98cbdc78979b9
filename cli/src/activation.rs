//! Listening sockets that a service manager opened before it started this process: systemd's socket activation.
//!
//! In: `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`, and open descriptors from 3 on. Out: the sockets, by what they
//! are for: one named `admin` for the admin port, those named `reads` for the second address, all others for clients.
//!
//! The descriptors are numbers in the environment, and a number is not known to be open. So the system is asked for a
//! second descriptor of each (`pidfd_getfd`, Linux 5.6), which it gives or refuses. The first stay open until the
//! process ends; the service manager's own keep the addresses open in any case.
//!
//! Spec: <https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html>

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};

use reddoor_proxy::front_door::Sockets;
use rustix::net::sockopt::socket_acceptconn;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use crate::exit::Mistake;

/// The first descriptor; those before it are input, output and errors.
const FIRST: i32 = 3;

/// Sockets that are taken at most: two listeners for each of the most workers, and one.
const SOCKETS_MAX: usize = 513;

/// What the environment says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Passed {
    count: usize,
    names: Vec<String>,
}

/// The sockets that were passed to this process; `None` when there are none.
///
/// # Errors
/// What was passed is no listening TCP socket, or none for clients is among it.
pub(crate) fn sockets() -> Result<Option<Sockets>, Mistake> {
    let own_id = getpid().as_raw_nonzero().to_string();
    let Some(passed) = passed(|name| std::env::var(name).ok(), &own_id)? else { return Ok(None) };
    let mut sockets = Sockets { listeners: Vec::new(), reads: Vec::new(), admin: None };
    for (index, number) in (0..passed.count).zip(FIRST..) {
        let listener = take(number).map_err(|error| {
            Mistake::Obstacle(format!("cannot take descriptor {number} of LISTEN_FDS: {error}"))
        })?;
        match passed.names.get(index).map(String::as_str) {
            Some("admin") => sockets.admin = Some(listener),
            Some("reads") => sockets.reads.push(listener),
            _ => sockets.listeners.push(listener),
        }
    }
    if sockets.listeners.is_empty() {
        let line = "LISTEN_FDS passes no socket for clients: all are named admin or reads";
        return Err(Mistake::Setting(line.to_owned()));
    }
    Ok(Some(sockets))
}

/// Reads the variables; those of another process are none.
fn passed(
    variable: impl Fn(&str) -> Option<String>,
    own_id: &str,
) -> Result<Option<Passed>, Mistake> {
    let Some(count) = variable("LISTEN_FDS") else { return Ok(None) };
    if variable("LISTEN_PID").is_none_or(|id| id != own_id) {
        return Ok(None);
    }
    let names = variable("LISTEN_FDNAMES").unwrap_or_default();
    match count.parse() {
        Ok(0) => Ok(None),
        Ok(count) if count <= SOCKETS_MAX => {
            Ok(Some(Passed { count, names: names.split(':').map(str::to_owned).collect() }))
        }
        _ => {
            let line = format!("LISTEN_FDS={count}: expected a number, at most {SOCKETS_MAX}");
            Err(Mistake::Setting(line))
        }
    }
}

fn take(number: i32) -> io::Result<TcpListener> {
    let own = pidfd_open(getpid(), PidfdFlags::empty())?;
    let socket: OwnedFd = pidfd_getfd(own.as_fd(), number, PidfdGetfdFlags::empty())?;
    if !socket_acceptconn(&socket)? {
        return Err(io::Error::other("it does not listen"));
    }
    let listener = TcpListener::from(socket);
    // Fails for what is no TCP socket.
    listener.local_addr()?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Passed>, Mistake> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        passed(|name| find(name).map(|(_, value)| (*value).to_owned()), "7")
    }

    #[test]
    fn only_what_was_passed_to_this_process_counts() {
        let two = [("LISTEN_FDS", "2"), ("LISTEN_PID", "7"), ("LISTEN_FDNAMES", "door:admin")];
        let names = vec!["door".to_owned(), "admin".to_owned()];
        assert_eq!(read(&two), Ok(Some(Passed { count: 2, names })));
        assert_eq!(read(&two[1..]), Ok(None));
        assert_eq!(read(&[two[0]]), Ok(None));
        assert_eq!(read(&[two[0], ("LISTEN_PID", "8")]), Ok(None));
        assert_eq!(read(&[("LISTEN_FDS", "0"), two[1]]), Ok(None));
        for count in ["-1", "x", "514"] {
            assert!(read(&[("LISTEN_FDS", count), two[1]]).is_err(), "{count}");
        }
    }
}
