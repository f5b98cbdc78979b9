//! Free ports for the servers.
//!
//! They are taken below 32768, where Linux takes the local ports of outgoing connections from:
//! a port between "found free" and "listened on" can then not be lost to a client. For every port
//! the one 10 000 above is free as well; a cluster node opens its bus there.

use std::net::TcpListener;

use anyhow::{Context, Result};

const FIRST: u16 = 10_000;
const LAST: u16 = 22_000;
/// A cluster node's bus port is this far above its port. Spec: Redis cluster specification.
const BUS_OFFSET: u16 = 10_000;

/// Hands out free ports, each once.
#[derive(Debug)]
pub(crate) struct Ports {
    next: u16,
}

impl Ports {
    /// Begins at a place of its own for every process, so that two runs seldom meet.
    pub(crate) fn new() -> Self {
        let span = u32::from(LAST - FIRST);
        let offset = u16::try_from(std::process::id().wrapping_mul(37) % span).unwrap_or(0);
        Self { next: FIRST + offset }
    }

    /// The next port that is free now, together with its bus port.
    ///
    /// # Errors
    /// No port of the whole range is free.
    pub(crate) fn take(&mut self) -> Result<u16> {
        (FIRST..LAST)
            .find_map(|_| {
                let port = self.next;
                self.next = if port + 1 < LAST { port + 1 } else { FIRST };
                (is_free(port) && is_free(port + BUS_OFFSET)).then_some(port)
            })
            .context("no free port")
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_handed_out_twice() {
        let mut ports = Ports::new();
        let mut taken: Vec<_> = (0..20).map(|_| ports.take().unwrap()).collect();
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), 20);
    }

    #[test]
    fn a_port_in_use_is_passed_over() {
        let mut ports = Ports { next: LAST - 1 };
        let port = ports.take().unwrap();
        let _held = TcpListener::bind(("127.0.0.1", port)).unwrap();
        ports.next = port;
        assert_ne!(ports.take().unwrap(), port);
    }
}
