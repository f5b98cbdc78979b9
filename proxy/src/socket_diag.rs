//! What the system knows of a TCP connection: whether the machine at its other end still confirms anything.
//!
//! In: a connected socket. Out: [`Delivery`], without a wait.
//!
//! `NETLINK_SOCK_DIAG` finds one connection by its addresses and answers in the same call, for any user.
//! `TCP_USER_TIMEOUT` alone would not do: it ends a connection whose other end lives and only reads nothing for that
//! long (a process that is stopped, a long script), since Linux counts the time without room there even while its
//! questions for room are answered.
//!
//! ```text
//! request   |nlmsghdr 16|inet_diag_req_v2 8|inet_diag_sockid 48|
//! answer    |nlmsghdr 16|inet_diag_msg 72|attributes: length 2, kind 2, content, filled up to 4|
//! ```
//! Numbers are in the machine's own order, addresses and ports in that of the network.
//!
//! Source: linux/netlink.h, linux/inet_diag.h, linux/tcp.h.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};
use tokio::net::TcpStream;

const REQUEST_BYTES: u32 = 72;
const HEADER_BYTES: usize = 16;
const MESSAGE_BYTES: usize = 72;

/// Bytes of the longest answer that is read; the system's own is some 400.
const ANSWER_BYTES: usize = 4096;

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const IPPROTO_TCP: u8 = 6;

/// The attribute that holds a `tcp_info`.
const INET_DIAG_INFO: u16 = 2;

/// How it stands with what was sent on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// Packets on their way that are not confirmed (count).
    unconfirmed_count: u32,
    /// Questions that found no answer: for room at the other end, or whether it is there (count).
    questions_count: u8,
    /// Bytes written that are not confirmed, sent or not.
    unconfirmed_bytes: u32,
    /// Time since data was last sent, for the first time or again.
    since_sent: Duration,
    /// Time since the other end last confirmed anything.
    since_confirmed: Duration,
}

impl Delivery {
    /// Whether the other end has something to answer to that it was sent. Data that waits for room there is no such
    /// thing, and neither is data that will be sent again but was not since the other end was heard.
    pub(crate) fn is_answer_due(&self) -> bool {
        let is_newer = self.since_sent < self.since_confirmed;
        self.questions_count > 0 || self.unconfirmed_count > 0 && is_newer
    }

    /// Whether all that was written is confirmed.
    pub(crate) fn is_complete(&self) -> bool {
        self.unconfirmed_bytes == 0 && self.questions_count == 0
    }

    /// Time since the other end last confirmed anything.
    pub(crate) fn since_confirmed(&self) -> Duration {
        self.since_confirmed
    }
}

#[cfg(test)]
impl Delivery {
    /// As a look might have told it; times in milliseconds.
    pub(crate) fn told(
        unconfirmed_count: u32,
        questions_count: u8,
        [since_sent, since_confirmed]: [u64; 2],
    ) -> Delivery {
        Delivery {
            unconfirmed_count,
            questions_count,
            unconfirmed_bytes: unconfirmed_count,
            since_sent: Duration::from_millis(since_sent),
            since_confirmed: Duration::from_millis(since_confirmed),
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct SocketDiag {
    /// `None` where the system does not allow it.
    socket: Option<OwnedFd>,
    /// The number of the last request.
    sequence: u32,
}

impl SocketDiag {
    /// Opens the way to the system.
    pub(crate) fn open() -> SocketDiag {
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(netlink::SOCK_DIAG),
        );
        SocketDiag { socket: socket.ok(), sequence: 0 }
    }

    /// How it stands with a connection; `None` when the system does not tell.
    pub(crate) fn look(&mut self, stream: &TcpStream) -> Option<Delivery> {
        let (local, peer) = (stream.local_addr().ok()?, stream.peer_addr().ok()?);
        let socket = self.socket.as_ref()?;
        self.sequence = self.sequence.wrapping_add(1);
        send(socket, &request(self.sequence, local, peer), SendFlags::DONTWAIT).ok()?;
        let mut answer = [0; ANSWER_BYTES];
        loop {
            let (count, _) = recv(socket, &mut answer[..], RecvFlags::DONTWAIT).ok()?;
            let answer = &answer[..count];
            if number(answer, 8)? == self.sequence {
                return delivery(answer);
            }
        }
    }
}

fn request(sequence: u32, local: SocketAddr, peer: SocketAddr) -> [u8; REQUEST_BYTES as usize] {
    let mut request = [0; REQUEST_BYTES as usize];
    let mut put = |at: usize, bytes: &[u8]| request[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &REQUEST_BYTES.to_ne_bytes());
    put(4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(6, &NLM_F_REQUEST.to_ne_bytes());
    put(8, &sequence.to_ne_bytes());
    let family = if local.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let family = u8::try_from(family.as_raw()).unwrap_or_default();
    put(HEADER_BYTES, &[family, IPPROTO_TCP, 1 << (INET_DIAG_INFO - 1)]);
    // In whatever state it is.
    put(20, &u32::MAX.to_ne_bytes());
    put(24, &local.port().to_be_bytes());
    put(26, &peer.port().to_be_bytes());
    for (at, addr) in [(28, local), (44, peer)] {
        match addr.ip() {
            IpAddr::V4(ip) => put(at, &ip.octets()),
            IpAddr::V6(ip) => put(at, &ip.octets()),
        }
    }
    // Behind the number of the interface, any cookie.
    put(64, &[0xff; 8]);
    request
}

/// What an answer says; `None` for an error, such as that there is no such connection any more.
fn delivery(answer: &[u8]) -> Option<Delivery> {
    let kind = answer.get(4..6)?;
    if kind != SOCK_DIAG_BY_FAMILY.to_ne_bytes() {
        return None;
    }
    let unconfirmed_bytes = number(answer, HEADER_BYTES + 60)?;
    let info = attribute(answer.get(HEADER_BYTES + MESSAGE_BYTES..)?, INET_DIAG_INFO)?;
    let milliseconds = |at: usize| Some(Duration::from_millis(number(info, at)?.into()));
    Some(Delivery {
        questions_count: *info.get(3)?,
        unconfirmed_count: number(info, 24)?,
        unconfirmed_bytes,
        since_sent: milliseconds(44)?,
        since_confirmed: milliseconds(56)?,
    })
}

/// The content of the first attribute of this kind.
fn attribute(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let head: [u8; 4] = attributes.get(..4)?.try_into().ok()?;
        let len = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        let content = attributes.get(4..len)?;
        if u16::from_ne_bytes([head[2], head[3]]) == wanted {
            return Some(content);
        }
        attributes = attributes.get(len.next_multiple_of(4)..)?;
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    /// Both ends of a connection, over this address.
    async fn pair(addr: &str) -> (TcpStream, std::net::TcpStream) {
        let listener = TcpListener::bind(addr).unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (near, listener.accept().unwrap().0)
    }

    #[tokio::test]
    async fn what_was_taken_is_confirmed() {
        for addr in ["127.0.0.1:0", "[::1]:0"] {
            let (near, _far) = pair(addr).await;
            let mut diag = SocketDiag::open();
            near.try_write(b"PING").unwrap();
            let told = loop {
                let told = diag.look(&near).unwrap();
                if told.is_complete() {
                    break told;
                }
            };
            assert!(!told.is_answer_due(), "{told:?}");
        }
    }

    #[tokio::test]
    async fn what_waits_for_room_owes_no_answer() {
        let (near, _far) = pair("127.0.0.1:0").await;
        let mut diag = SocketDiag::open();
        // Until neither socket takes any more and the other end's has said so.
        let told = loop {
            tokio::task::yield_now().await;
            while near.try_write(&[b'x'; 65536]).is_ok() {}
            let told = diag.look(&near).unwrap();
            if told.unconfirmed_count == 0 {
                break told;
            }
        };
        assert!(!told.is_complete() && told.unconfirmed_bytes > 0, "{told:?}");
    }

    #[tokio::test]
    async fn of_a_connection_that_is_gone_nothing_is_told() {
        let (near, mut far) = pair("127.0.0.1:0").await;
        let mut diag = SocketDiag::open();
        near.try_write(b"unread").unwrap();
        far.write_all(b"x").unwrap();
        // What it did not read makes it reset the connection.
        drop(far);
        near.readable().await.unwrap();
        while diag.look(&near).is_some() {}
        assert_eq!(diag.look(&near), None);
    }

    #[test]
    fn an_answer_is_due_to_what_was_sent_since_the_last_one() {
        assert!(Delivery::told(1, 0, [10, 20]).is_answer_due());
        assert!(Delivery::told(0, 1, [20, 10]).is_answer_due());
        assert!(!Delivery::told(1, 0, [20, 10]).is_answer_due());
        assert!(!Delivery::told(0, 0, [10, 20]).is_answer_due());
    }

    #[test]
    fn a_broken_answer_is_none() {
        let mut answer = vec![0; HEADER_BYTES + MESSAGE_BYTES];
        answer[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        for attributes in
            [&[][..], &[0; 4], &[4, 0, 9, 0], &[255, 0, 2, 0, 1], &[8, 0, 2, 0, 1, 1, 1, 1]]
        {
            assert_eq!(delivery(&[&answer, attributes].concat()), None, "{attributes:?}");
        }
        for len in 0..answer.len() {
            assert_eq!(delivery(&answer[..len]), None);
        }
    }
}
