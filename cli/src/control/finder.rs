//! Running front doors as their callers find them: by address, or because there is but one.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;

use super::{NAME_PREFIX, PATIENCE, Request, name_of};
use crate::exit::Mistake;

/// Where the system lists all Unix sockets of the network namespace.
const SOCKETS: &str = "/proc/net/unix";

/// The front door that is meant: the one at `listen`, or the only one.
///
/// # Errors
/// `listen` is no address, there is none, or there are several to choose from.
pub(crate) fn find(listen: Option<&str>) -> Result<SocketAddr, Mistake> {
    if let Some(text) = listen {
        let expected = || Mistake::Setting(format!("--listen {text}: expected IP:port"));
        return text.parse().map_err(|_| expected());
    }
    let table = std::fs::read_to_string(SOCKETS)
        .map_err(|error| Mistake::Obstacle(format!("cannot read {SOCKETS}: {error}")))?;
    match listed(&table).as_slice() {
        [addr] => Ok(*addr),
        [] => Err(Mistake::Obstacle("no front door runs here".to_owned())),
        several => {
            let names: Vec<String> = several.iter().map(SocketAddr::to_string).collect();
            let names = names.join(", ");
            let line = format!("several front doors run here, {names}; choose one with --listen");
            Err(Mistake::Setting(line))
        }
    }
}

/// The front doors in a table of sockets. Connections bear the name of their listener, so each counts once.
fn listed(table: &str) -> Vec<SocketAddr> {
    let names = table.lines().filter_map(|line| line.split_ascii_whitespace().nth(7));
    let addrs = names.filter_map(|name| name.strip_prefix('@')?.strip_prefix(NAME_PREFIX));
    let mut addrs: Vec<SocketAddr> = addrs.filter_map(|addr| addr.parse().ok()).collect();
    addrs.sort_unstable();
    addrs.dedup();
    addrs
}

/// Asks something of the front door at `addr`; the connection on which it answers.
///
/// # Errors
/// None listens there, or it belongs to somebody else.
pub(crate) fn ask(addr: SocketAddr, request: Request) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect_addr(&name_of(addr)?)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // Names are free to take, so what answers by this one need not be a front door of this user.
    let (user, own) =
        (rustix::net::sockopt::socket_peercred(&stream)?.uid, rustix::process::geteuid());
    if !own.is_root() && user != own && !user.is_root() {
        return Err(io::Error::other(format!("user {} runs it", user.as_raw())));
    }
    stream.write_all(format!("{}\n", request.word()).as_bytes())?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_doors_are_found_among_all_sockets() {
        let table = "\
            Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 4711 @reddoor/127.0.0.1:6379\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 4712 @reddoor/127.0.0.1:6379\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 4713 @reddoor/[::]:7000\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 4714 /run/reddoor/1.2.3.4:5\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 4715 @reddoor/elsewhere\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 4716\n";
        let found: Vec<String> = listed(table).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["127.0.0.1:6379", "[::]:7000"]);
    }
}
