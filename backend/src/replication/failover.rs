//! `FAILOVER`: a primary hands over to a replica that has everything, and becomes its replica.
//!
//! 1. The primary holds back what clients write, and waits until the replica says that it has come as far
//!    ([`Stage::WaitingForSync`]).
//! 2. It becomes a replica of that one, and asks it by `PSYNC … FAILOVER` to lead ([`Stage::InProgress`]).
//! 3. The replica becomes a primary if it knows the same history, and answers as it does to any `PSYNC`.
//! 4. The clients of the first are let go; what they write is refused now.
//!
//! A replica that has not come so far in time leaves the primary what it was, unless it was to be forced: then it leads
//! without what it lacks. One that does not want to lead leaves the primary what it was, too. While it cannot be
//! reached, it is tried again, until somebody gives the failover up.
//!
//! Not here: failovers of a cluster, which its nodes agree upon.
//! Source: redis `src/replication.c` failoverCommand, updateFailoverStatus.

use std::time::{Duration, Instant};

use crate::node::Node;

/// A failover under way.
#[derive(Clone, Debug)]
pub(crate) struct Failover {
    pub(crate) stage: Stage,
    /// Host and port of the replica that is to lead; `None` for the first that has everything.
    pub(crate) target: Option<(String, u16)>,
    /// When the replica must have come far enough; `None` for any time.
    pub(crate) until: Option<Instant>,
    /// Whether it is to lead then even if it has not.
    pub(crate) is_forced: bool,
}

/// How far a failover has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    WaitingForSync,
    InProgress,
}

/// How long writes are held back at most: practically until the failover has ended.
const PAUSE_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

impl Node {
    /// Begins a failover. There must be none.
    pub(crate) fn begin_failover(&mut self, failover: Failover) {
        self.replication.failover = Some(failover);
        self.begin_failover_pause(Instant::now() + PAUSE_MAX);
    }

    /// How `INFO` tells of it.
    pub(crate) fn failover_state(&self) -> &'static str {
        match self.replication.failover.as_ref().map(|failover| failover.stage) {
            None => "no-failover",
            Some(Stage::WaitingForSync) => "waiting-for-sync",
            Some(Stage::InProgress) => "failover-in-progress",
        }
    }

    /// Whether the offset is to stay where it is, so that a replica can come so far. Not for a failover that may take
    /// any time: other replicas would miss the pings.
    pub(super) fn is_offset_held(&self) -> bool {
        let failover = self.replication.failover.as_ref();
        self.failover_pause_until.is_some() && failover.is_none_or(|f| f.until.is_some())
    }

    /// Hands over if a replica has everything, or the time is up.
    pub(crate) fn go_on_with_failover(&mut self) {
        let Some(failover) = &self.replication.failover else { return };
        if failover.stage != Stage::WaitingForSync {
            return;
        }
        let target = failover.target.clone();
        let is_late = failover.until.is_some_and(|until| until <= Instant::now());
        let leader = match (is_late, failover.is_forced) {
            (true, false) => return self.abort_failover("Replica never caught up before timeout"),
            (true, true) => target.inspect(|(host, port)| {
                tracing::info!("Failover to {host}:{port} time out exceeded, failing over.");
            }),
            (false, _) => self.find_synced(target.as_ref()).inspect(|(host, port)| {
                tracing::info!("Failover target {host}:{port} is synced, failing over.");
            }),
        };
        let Some((host, port)) = leader else { return };
        if let Some(failover) = &mut self.replication.failover {
            failover.stage = Stage::InProgress;
            failover.target = Some((host.clone(), port));
        }
        self.replicate(&host, port);
    }

    /// A replica that has everything: the one meant, or any.
    fn find_synced(&mut self, meant: Option<&(String, u16)>) -> Option<(String, u16)> {
        let offset = self.replication.offset;
        let mut found = None;
        self.each_replica(|client, replica| {
            let is_synced = replica.is_online() && replica.acked == offset;
            if !is_synced || found.is_some() {
                return;
            }
            let ip = replica.ip_seen(client);
            if meant
                .is_none_or(|(host, port)| host.eq_ignore_ascii_case(&ip) && *port == replica.port)
            {
                found = Some((ip, replica.port));
            }
        });
        found
    }

    /// Gives a failover up, if there is one: the node leads as before.
    pub(crate) fn abort_failover(&mut self, reason: &str) {
        let Some(failover) = self.replication.failover.take() else { return };
        match &failover.target {
            Some((host, port)) => {
                tracing::info!("Aborting failover to {host}:{port}, reason: {reason}");
            }
            None => tracing::info!("Aborting failover: {reason}"),
        }
        if failover.stage == Stage::InProgress {
            self.stop_replicating();
        }
        self.end_failover_pause();
    }

    /// Whether the node's primary is to be told that it leads from now on.
    pub(super) fn is_handing_over(&self) -> bool {
        let failover = self.replication.failover.as_ref();
        failover.is_some_and(|failover| failover.stage == Stage::InProgress)
    }

    /// Whoever was told so has answered, or is gone.
    pub(super) fn end_failover(&mut self, is_taken_over: bool) {
        if !is_taken_over {
            return self.abort_failover("Failover target rejected psync request");
        }
        self.replication.failover = None;
        self.end_failover_pause();
    }
}
