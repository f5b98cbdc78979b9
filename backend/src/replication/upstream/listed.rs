//! The link to the primary as one of this node's clients: `CLIENT LIST` shows it, with `M` among its flags, and
//! `CLIENT KILL` ends it, after which the node asks its primary to go on.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::rc::Rc;
use std::task::Poll;

use tokio::net::TcpStream;

use crate::client::{Client, Peer, Seat};
use crate::node::{Node, SharedNode};

/// A link's seat among the clients, which it has as long as this lives.
pub(super) struct Listed {
    node: SharedNode,
    seat: Seat,
}

impl Listed {
    /// Seats the client of a link over this connection.
    pub(super) fn new(node: &SharedNode, stream: &TcpStream) -> Listed {
        let seat = node.borrow_mut().seat_primary(stream);
        Listed { node: Rc::clone(node), seat }
    }

    /// Waits until somebody ends the client.
    pub(super) async fn killed(&self) {
        poll_fn(|cx| {
            let mut node = self.node.borrow_mut();
            match node.clients.seated(self.seat) {
                Some(client) if client.close.is_none() => {
                    client.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
                _ => Poll::Ready(()),
            }
        })
        .await;
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.node.borrow_mut().clients.remove(self.seat);
    }
}

impl Node {
    fn seat_primary(&mut self, stream: &TcpStream) -> Seat {
        let text = |addr: std::io::Result<SocketAddr>| {
            addr.map_or_else(|_| String::new(), |addr| addr.to_string())
        };
        let client = Client {
            addr: text(stream.peer_addr()).into(),
            local_addr: text(stream.local_addr()).into(),
            peer: Peer::Elsewhere,
            descriptor: stream.as_raw_fd(),
            db: self.replication.selected.unwrap_or(0),
            is_primary: true,
            // Without a second handle the link ends when its task notices.
            link: stream.as_fd().try_clone_to_owned().ok().map(Into::into),
            is_no_evict: true,
            ..Client::internal(self.clients.next_id())
        };
        self.clients.insert(Box::new(client))
    }
}
