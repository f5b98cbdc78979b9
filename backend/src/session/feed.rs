//! What a replica is sent beside replies: a copy, then the stream, straight from where they lie.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::session::Session;

impl Session {
    /// Sends a replica what it has not got yet, as much as the system takes.
    pub(super) fn poll_feed(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let node = Rc::clone(&self.node);
        loop {
            let node = &mut *node.borrow_mut();
            let Some(client) = node.clients.seated(self.seat) else { return Ok(()) };
            let Some(replica) = &mut client.replica else { return Ok(()) };
            if !std::mem::replace(&mut replica.is_tuned, true)
                && node.config.settings().replication.delays_stream
            {
                self.socket.delay_small();
            }
            let portion = replica.portion(&node.replication)?;
            if portion.is_empty() {
                return Ok(());
            }
            match self.socket.poll_write(cx, portion) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => {
                    replica.sent(count, &node.replication);
                    node.stats.replication_output_bytes += count as u64;
                }
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
    }
}
