//! `CLIENT PAUSE`: clients of this front door are held back, all of them or those that write.
//!
//! As in a Redis: requests that come meanwhile are run when the pause is over, none is refused, and while all are
//! paused that holds for `CLIENT UNPAUSE`, too. What nodes were asked before goes on.

use std::time::Duration;

use reddoor_protocol::command::CommandSpec;
use reddoor_protocol::command::policy::{RequestPolicy, TransactionStep};

use super::Worker;
use super::clock::micros;
use crate::local::PauseMode;
use crate::plan::Plan;
use crate::session::Session;
use crate::session::hold::Hold;

/// A pause under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause {
    end_us: u64,
    mode: PauseMode,
}

impl Pause {
    /// Whether a request has to wait for the pause's end.
    pub(super) fn holds_back(&self, session: &Session, plan: &Plan) -> bool {
        if self.mode == PauseMode::All {
            return true;
        }
        match plan {
            Plan::Transaction { step: TransactionStep::Exec, .. } => {
                session.transaction.as_ref().is_some_and(|transaction| transaction.has_writes)
            }
            plan => plan.command().is_some_and(may_write),
        }
    }
}

/// Whether a command may change data: a script may, unless it promises not to.
pub(super) fn may_write(command: &CommandSpec) -> bool {
    let is_script = matches!(command.request, RequestPolicy::Script(_));
    command.is_write() || is_script && !command.is_readonly()
}

impl Worker {
    /// Holds clients back for a while. Of two pauses the longer time and the stricter mode hold.
    pub(super) fn pause(&mut self, time: Duration, mode: PauseMode) {
        let end_us = self.clock.now_us().saturating_add(micros(time));
        let pause = self.pause.get_or_insert(Pause { end_us, mode });
        pause.end_us = pause.end_us.max(end_us);
        pause.mode = pause.mode.max(mode);
    }

    /// Lets all clients go on.
    pub(super) fn unpause(&mut self) {
        self.pause = None;
        let is_held = |session: &Session| session.hold == Hold::UntilUnpaused;
        let sessions = self.sessions.iter().filter(|(_, entry)| is_held(&entry.session));
        let held: Vec<usize> = sessions.map(|(key, _)| key).collect();
        for key in held {
            self.sessions[key].session.hold = Hold::Free;
            self.mark_session_dirty(key);
        }
    }

    /// Ends a pause whose time is over.
    pub(super) fn end_due_pause(&mut self) {
        if self.pause.is_some_and(|pause| pause.end_us <= self.clock.now_us()) {
            self.unpause();
        }
    }
}
