//! Connections to other nodes, from the address that `bind-source-addr` names.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream, lookup_host};

/// Connects to a node.
///
/// # Errors
/// No address of the host can be connected to, or the source is none of this machine's addresses: the caller tries
/// again later.
pub(crate) async fn connect(target: (&str, u16), source: Option<&str>) -> io::Result<TcpStream> {
    let Some(source) = source else { return TcpStream::connect(target).await };
    let source: IpAddr =
        source.parse().map_err(|_| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
    let mut last = io::ErrorKind::AddrNotAvailable.into();
    for addr in lookup_host(target).await?.filter(|addr| addr.is_ipv4() == source.is_ipv4()) {
        match connect_from(source, addr).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn connect_from(source: IpAddr, addr: SocketAddr) -> io::Result<TcpStream> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(source, 0))?;
    socket.connect(addr).await
}
