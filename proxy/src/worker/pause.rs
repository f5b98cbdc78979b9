//! `CLIENT PAUSE`: clients of this front door are held back, all of them or those that write.
//!
//! As in a Redis: requests that come meanwhile are run when the pause is over, none is refused, and while all are
//! paused that holds for `CLIENT UNPAUSE`, too. What nodes were asked before goes on.

use std::time::Duration;

use reddoor_protocol::command::policy::{RequestPolicy, ScriptArg, TransactionStep};
use reddoor_protocol::command::{CommandId, CommandSpec};
use reddoor_protocol::request::Args;

use super::Worker;
use super::clock::micros;
use crate::local::PauseMode;
use crate::plan::Plan;
use crate::scripts::{Scripts, parse_digest};
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
    pub(super) fn holds_back(
        &self,
        session: &Session,
        plan: &Plan,
        args: Args<'_>,
        scripts: &Scripts,
    ) -> bool {
        match plan {
            Plan::Reject { .. } => false,
            _ if self.mode == PauseMode::All => true,
            Plan::Transaction { step: TransactionStep::Exec, .. } => {
                session.transaction.as_ref().is_some_and(|transaction| transaction.waits_for_pause)
            }
            plan => plan.command().is_some_and(|command| waits_for_pause(command, args, scripts)),
        }
    }
}

/// Whether a command may change data: a script may, unless it promises not to.
pub(super) fn may_write(command: &CommandSpec) -> bool {
    let is_script = matches!(command.request, RequestPolicy::Script(_));
    command.is_write() || is_script && !command.is_readonly()
}

/// Commands that write nothing but have replicas told of what they do.
const TELL_REPLICAS: [CommandId; 3] =
    [CommandId::of("pfcount"), CommandId::of("publish"), CommandId::of("spublish")];

/// Whether a command is held back while clients may not write. What a function promises only nodes know.
pub(super) fn waits_for_pause(command: &CommandSpec, args: Args<'_>, scripts: &Scripts) -> bool {
    let text = args.get(1).unwrap_or_default();
    let promises = match command.request {
        RequestPolicy::Script(ScriptArg::Source) => promises_no_writes(text),
        RequestPolicy::Script(ScriptArg::Digest { .. }) => {
            let text = parse_digest(text).and_then(|digest| scripts.recall(&digest));
            text.is_some_and(|text| promises_no_writes(&text))
        }
        _ => false,
    };
    !promises && (may_write(command) || TELL_REPLICAS.contains(&command.id()))
}

/// Whether a script says in its first line that it does not write: `#!lua flags=no-writes`.
fn promises_no_writes(script: &[u8]) -> bool {
    let line = script.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.starts_with(b"#!")
        && line
            .split(u8::is_ascii_whitespace)
            .filter_map(|word| word.strip_prefix(b"flags="))
            .flat_map(|flags| flags.split(|byte| *byte == b','))
            .any(|flag| flag == b"no-writes")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_promises_in_its_first_line_alone() {
        for (script, expect) in [
            ("#!lua flags=no-writes\nreturn 1", true),
            ("#!lua name=x flags=allow-oom,no-writes", true),
            ("#!lua\nreturn 1 -- flags=no-writes", false),
            ("return 'flags=no-writes'", false),
        ] {
            assert_eq!(promises_no_writes(script.as_bytes()), expect, "{script}");
        }
    }
}
