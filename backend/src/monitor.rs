//! Clients that see every command that is executed.
//!
//! A monitor is told of a command behind its execution, of one of its own behind the reply. Commands of administration
//! are not shown, nor passwords.
//! Source: redis `src/replication.c` replicationFeedMonitors, `src/server.c` call.

use std::sync::Arc;

use reddoor_protocol::command::CommandId;
use reddoor_protocol::command::flags::CommandFlags;
use reddoor_protocol::inline::write_quoted;

use crate::client::{Client, ClientId, Seat};
use crate::clock;
use crate::execute::{Call, Origin};
use crate::pubsub::Message;
use crate::redact;

/// Everyone who monitors, in the order in which they began.
#[derive(Debug, Default)]
pub(crate) struct Monitors(Vec<(ClientId, Seat)>);

impl Monitors {
    /// Whether nobody monitors, so that commands need not be shown.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.0.is_empty()
    }

    /// Lets a client monitor. Whether it did not before.
    pub(crate) fn add(&mut self, client: &mut Client) -> bool {
        let is_new = !std::mem::replace(&mut client.is_monitor, true);
        if is_new {
            self.0.push((client.id, client.seat));
        }
        is_new
    }

    /// Lets a client monitor no more. To be called for everyone who leaves.
    pub(crate) fn forget(&mut self, client: &mut Client) {
        if std::mem::take(&mut client.is_monitor) {
            self.0.retain(|(id, _)| *id != client.id);
        }
    }
}

impl Call<'_> {
    /// Shows the command, which has been executed, to all monitors.
    pub(crate) fn show_to_monitors(&mut self) {
        if self.spec.flags.intersects(CommandFlags::SKIP_MONITOR | CommandFlags::ADMIN)
            && self.spec.id() != EXEC
        {
            return;
        }
        self.show_line();
    }

    /// Shows the command to all monitors, whatever its row says.
    pub(crate) fn show_line(&mut self) {
        if self.node.monitors.is_idle() {
            return;
        }
        let line: Arc<[u8]> = self.monitored_line().into();
        let seats: Vec<Seat> = self.node.monitors.0.iter().map(|(_, seat)| *seat).collect();
        for seat in seats {
            self.node.tell_client(seat, Message::Line(Arc::clone(&line)));
        }
        self.push_absent();
    }

    fn monitored_line(&self) -> Vec<u8> {
        let now_us = clock::unix_us();
        let (seconds, us) = (now_us / 1_000_000, now_us % 1_000_000);
        let client = &self.client;
        // A unix socket's path stands as such; as an address it has a port, which is 0.
        let from = match client.addr.strip_suffix(":0") {
            Some(path) if path.starts_with('/') && self.origin != Origin::Script => {
                format!("unix:{path}")
            }
            _ if self.origin == Origin::Script => "lua".to_owned(),
            _ => client.addr.to_string(),
        };
        let mut line = format!("+{seconds}.{us:06} [{} {from}]", client.db);
        for word in redact::shown(self.spec, self.args) {
            line.push(' ');
            write_quoted(&mut line, word);
        }
        line.push_str("\r\n");
        line.into_bytes()
    }
}

/// Hidden by its row, since a Redis shows it in a way of its own: behind what it has executed, as here.
const EXEC: CommandId = CommandId::of("exec");
