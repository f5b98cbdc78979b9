//! `reddoor doctor`: asks a running front door, on its admin port, what of live traffic a plain cluster would refuse.
//!
//! The page is made there; here it is fetched and printed, and looked at no further than its first line.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::args::DoctorArgs;
use crate::exit::{Failure, Mistake};
use crate::report;

/// How long the front door may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest page that is read (bytes): some hundreds of findings.
const PAGE_BYTES_MAX: u64 = 1024 * 1024;

/// Prints the page.
pub(crate) fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let addr = address(&args.admin)?;
    let page = fetch(addr).map_err(|error| {
        let line = format!("the front door with admin address {addr} cannot be asked: {error}");
        Failure::Refused(vec![Mistake::Obstacle(line)])
    })?;
    report::print(&page);
    match refused_count(&page) {
        Some(count) if args.strict && count > 0 => {
            Err(anyhow::anyhow!("{count} commands were refused").into())
        }
        _ => Ok(()),
    }
}

fn address(text: &str) -> Result<SocketAddr, Failure> {
    let mut found = text.to_socket_addrs().into_iter().flatten();
    found.next().ok_or_else(|| {
        let line = format!("--admin {text}: expected host:port");
        Failure::Refused(vec![Mistake::Setting(line)])
    })
}

fn fetch(addr: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /doctor HTTP/1.0\r\nHost: {addr}\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(PAGE_BYTES_MAX).read_to_string(&mut answer)?;
    let (head, page) = answer.split_once("\r\n\r\n").unwrap_or_default();
    match head.split(' ').nth(1) {
        Some("200") => Ok(page.to_owned()),
        Some(status) => Err(io::Error::other(format!("it answers HTTP {status}"))),
        None => Err(io::Error::other("what answers there is no front door")),
    }
}

/// How many commands were refused, as the first line says.
fn refused_count(page: &str) -> Option<u64> {
    let (_, behind) = page.lines().next()?.split_once("refused ")?;
    behind.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_tells_how_many_were_refused() {
        let page =
            "seen in 5 min: refused 12, served though a cluster would refuse them 3\n\nRefused";
        assert_eq!(refused_count(page), Some(12));
        assert_eq!(refused_count("something else\n"), None);
    }
}
