//! How a node changes sides: a replica of another, of none, and what is known of the link.
//!
//! Clients that wait for keys are let go by a node that becomes a replica, for its keys are its primary's now.

use crate::blocking::{Release, release};
use crate::data::keyspace::Expired;
use crate::node::{Node, hex_id};
use crate::replication::upstream::{LinkState, Upstream};

use reddoor_protocol::reply_error::ReplyError;

/// How a node stands to its primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Bytes of the history that it has (count).
    pub(crate) offset: u64,
    /// Whether it gets the stream.
    pub(crate) is_linked: bool,
    /// When it last heard of its primary, in milliseconds before now; `None` if it never did.
    pub(crate) silent_ms: Option<u64>,
    /// Whether a full copy is on its way.
    pub(crate) is_copying: bool,
}

const UNBLOCKED: ReplyError = ReplyError::from_static(
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
);

/// What is told by a replica that is to tell nothing of its data without its primary.
pub(crate) const MASTER_DOWN: &str =
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";

impl Node {
    /// Why writes are refused for who copies whom, if they are.
    pub(crate) fn refusal_of_writes(&mut self) -> Option<&'static str> {
        if self.replication.upstream.is_none() {
            let refusal = "NOREPLICAS Not enough good replicas to write.";
            return self.lacks_replicas().then_some(refusal);
        }
        let refusal = "READONLY You can't write against a read only replica.";
        self.config.settings().replication.is_read_only.then_some(refusal)
    }

    /// Whether [`Node::refusal_of_writes`] has to be asked.
    #[inline]
    pub(crate) fn may_refuse_writes(&self) -> bool {
        self.replication.upstream.is_some() || self.config.settings().replication.replicas_min > 0
    }

    /// Whether this is a replica without its primary that is to tell nothing of its data meanwhile.
    pub(crate) fn is_stale(&self) -> bool {
        self.replication.upstream.is_some()
            && !self.standing().is_linked
            && !self.config.settings().replication.serves_stale_data
    }

    /// Begins to copy another node, and to follow it. Data and history are kept until it is known that they differ.
    /// The same node as before is left as it is.
    pub(crate) fn replicate(&mut self, host: &str, port: u16) {
        let same = |upstream: &Upstream| upstream.host == host && upstream.port == port;
        if self.replication.upstream.as_ref().is_some_and(same) {
            return;
        }
        let was_primary = self.replication.upstream.is_none();
        let knows_history = match &self.replication.upstream {
            Some(upstream) => upstream.knows_history,
            // What this node wrote is a history that the other may have copied.
            None => self.replication.offset > 0 || self.replication.backlog_extent().is_some(),
        };
        self.replication.upstream = Some(Upstream::new(host.to_owned(), port, knows_history));
        self.config.note_primary(Some((host, port)));
        self.adjust_oom_score_to_role();
        self.replication.upstream_changed.notify_one();
        if was_primary {
            self.become_replica();
        }
        self.stream_changed();
        self.drop_half_loaded();
    }

    /// Becomes a primary: what it has is the beginning of a history of its own.
    pub(crate) fn stop_replicating(&mut self) {
        if self.replication.upstream.take().is_none() {
            return;
        }
        self.config.note_primary(None);
        self.adjust_oom_score_to_role();
        self.replication.upstream_changed.notify_one();
        let id = hex_id(&mut self.random);
        self.replication.branch(id);
        tracing::info!(
            "Setting secondary replication ID to {}, valid up to offset: {}. New replication ID is {}",
            self.replication.before.as_ref().map_or("", |(id, _)| id),
            self.replication.offset + 1,
            self.replication.id
        );
        self.replication.selected = None;
        // They ask again, and go on under the new name.
        self.disconnect_replicas();
        if self.replication.backlog.is_none() {
            self.replication.keep_backlog();
        }
        self.replication.lonely_since = Some(std::time::Instant::now());
        self.treat_expired(Expired::Removed);
        self.stream_changed();
        self.drop_half_loaded();
    }

    /// Begins to follow the primary that the settings name.
    pub(crate) fn follow_configured(&mut self) {
        let primary = self.config.settings().replication.primary.clone();
        if let Some((host, port)) = primary.split_once(' ')
            && let Ok(port) = port.parse()
        {
            self.replicate(host, port);
        }
    }

    fn become_replica(&mut self) {
        self.treat_expired(Expired::Hidden);
        let waiting: Vec<_> = self
            .clients
            .iter()
            .filter(|client| client.blocked.is_some())
            .map(|client| client.seat)
            .collect();
        for seat in waiting {
            if release(self, seat, Release::Error(&UNBLOCKED))
                && let Some(client) = self.clients.seated(seat)
            {
                client.close = Some(crate::client::Close::AfterReplies);
            }
        }
    }

    /// Ends the links of all replicas.
    pub(crate) fn disconnect_replicas(&mut self) {
        self.each_replica(|client, _| client.kill());
    }

    /// A copy that was being read is of no use to anybody any more.
    fn drop_half_loaded(&mut self) {
        if self.replication.is_loading {
            self.replication.is_loading = false;
            self.persistence.loading = None;
            self.clear_databases();
        }
    }

    /// How far this node has come, and whether it is linked to its primary; of a primary, only how far.
    pub(crate) fn standing(&self) -> Standing {
        let upstream = self.replication.upstream.as_ref();
        let heard_at = upstream.and_then(|upstream| upstream.heard_at);
        let silent_ms =
            heard_at.map(|at| u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX));
        Standing {
            offset: self.replication.offset,
            is_linked: upstream.is_some_and(|upstream| upstream.state == LinkState::Connected),
            silent_ms,
            is_copying: upstream.is_some_and(|upstream| upstream.state == LinkState::Copying),
        }
    }
}
