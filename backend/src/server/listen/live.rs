//! Listeners that are opened and closed while the node serves: `CONFIG SET port` and `bind`.
//!
//! Source: redis `src/server.c` changeListenPort, changeBindAddr.

use std::cell::RefCell;
use std::io;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use reddoor_protocol::reply_error::ReplyError;
use tokio::task::AbortHandle;

use super::{Arrival, Listener, accept, open_all_tcp};
use crate::config::change::set_failed;
use crate::config::settings::Settings;
use crate::node::{Node, SharedNode};
use crate::session::{SharedScratch, Socket};

/// All open listeners of a node, and what their clients need.
#[derive(Default)]
pub(crate) struct Listeners {
    open: Vec<Open>,
    /// Present while the node serves.
    home: Option<(Weak<RefCell<Node>>, SharedScratch)>,
}

impl std::fmt::Debug for Listeners {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listeners").field("open", &self.open.len()).finish_non_exhaustive()
    }
}

/// A listener and the task that takes its clients in.
struct Open {
    slot: Slot,
    task: AbortHandle,
}

impl Open {
    fn close(self) {
        self.slot.0.borrow_mut().take();
        self.task.abort();
    }
}

/// A listener that may be closed while a task waits for its clients.
#[derive(Clone)]
pub(super) struct Slot(Rc<RefCell<Option<Listener>>>);

impl Slot {
    /// The next client; `None` when the listener was closed.
    pub(super) fn poll_accept(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<(Socket, Arrival)>>> {
        match &*self.0.borrow() {
            Some(listener) => listener.poll_accept(cx).map(Some),
            None => Poll::Ready(None),
        }
    }

    fn is_tcp(&self) -> bool {
        matches!(&*self.0.borrow(), Some(Listener::Tcp(_)))
    }
}

impl Listeners {
    /// Has clients taken in from now on.
    pub(in crate::server) fn serve(
        node: &SharedNode,
        scratch: &SharedScratch,
        listeners: Vec<Listener>,
    ) {
        let own = &mut node.borrow_mut().listeners;
        own.home = Some((Rc::downgrade(node), Rc::clone(scratch)));
        own.add(listeners);
    }

    fn add(&mut self, listeners: Vec<Listener>) {
        let Some((node, scratch)) = &self.home else { return };
        let Some(node) = node.upgrade() else { return };
        for listener in listeners {
            let slot = Slot(Rc::new(RefCell::new(Some(listener))));
            let accepting = accept(slot.clone(), Rc::clone(&node), Rc::clone(scratch));
            let task = tokio::task::spawn_local(accepting).abort_handle();
            self.open.push(Open { slot, task });
        }
    }

    /// Closes those that are no unix sockets, at once; clients that were taken in stay.
    fn close_tcp(&mut self) {
        self.open.extract_if(.., |open| open.slot.is_tcp()).for_each(Open::close);
    }

    /// Closes all, before those who are connected see that the node ends: whoever connects then is refused.
    pub(crate) fn close_all(&mut self) {
        self.open.drain(..).for_each(Open::close);
    }
}

impl Node {
    /// Listens where the settings say now, if that has changed.
    ///
    /// # Errors
    /// The answer to the client who has changed them; the node listens where it did.
    pub(crate) fn listen_anew(&mut self, before: &Settings) -> Result<(), ReplyError> {
        let settings = self.config.settings();
        if settings.bind != before.bind {
            // The old addresses may be in the way of the new ones.
            self.listeners.close_tcp();
            let opened = open_all_tcp(settings);
            let is_done = opened.is_ok();
            // Those that were open a moment ago can be opened again, if none has taken them since.
            self.listeners.add(opened.or_else(|_| open_all_tcp(before)).unwrap_or_default());
            if !is_done {
                return Err(set_failed("bind", "Failed to bind to specified addresses."));
            }
        } else if settings.port != before.port {
            let opened = open_all_tcp(settings).map_err(|_| {
                set_failed("port", "Unable to listen on this port. Check server logs.")
            })?;
            self.listeners.close_tcp();
            self.listeners.add(opened);
        }
        Ok(())
    }
}
