//! Whether an address can be listened on, asked of the system before anything is started.

use std::io;
use std::net::{SocketAddr, TcpListener};

use crate::exit::Mistake;

/// Whether nobody listens on this address.
///
/// Binds it for a moment, without sharing: a port that another front door shares among its workers is taken.
pub(crate) fn is_free(addr: SocketAddr) -> bool {
    TcpListener::bind(addr).is_ok()
}

/// Checks that an address can be listened on; `flag` is how the user chooses another one.
///
/// # Errors
/// It is taken, not this machine's, or not allowed.
pub(crate) fn require_free(addr: SocketAddr, flag: &str) -> Result<(), Mistake> {
    let Err(error) = TcpListener::bind(addr) else { return Ok(()) };
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => "is taken by another process".to_owned(),
        io::ErrorKind::AddrNotAvailable => "is not an address of this machine".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be used by this user".to_owned(),
        _ => format!("cannot be listened on: {error}"),
    };
    Err(Mistake::Obstacle(format!("{addr} {why}; choose another one with {flag}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_the_flag_that_changes_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        assert!(!is_free(addr));
        let line = require_free(addr, "--listen").unwrap_err().to_string();
        assert_eq!(
            line,
            format!("{addr} is taken by another process; choose another one with --listen")
        );
        drop(listener);
        assert!(require_free(addr, "--listen").is_ok());
    }

    #[test]
    fn an_address_of_another_machine_is_refused() {
        // From the block reserved for documentation, which no machine has.
        let line = require_free(([192, 0, 2, 1], 6379).into(), "--admin").unwrap_err().to_string();
        assert!(line.starts_with("192.0.2.1:6379 is not an address of this machine"), "{line}");
    }
}
