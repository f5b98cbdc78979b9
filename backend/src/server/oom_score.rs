//! How ready the system is to end this process when memory runs out, as the settings and the node's role have it.
//!
//! Source: redis `src/server.c` setOOMScoreAdj.

use std::{fs, io};

use crate::config::settings::{OomScore, Scores};
use crate::node::Node;

/// Where the system keeps it.
const FILE: &str = "/proc/self/oom_score_adj";

/// What the system takes.
const SYSTEM_RANGE: (i32, i32) = (-1000, 1000);

impl Node {
    /// Has the system know this process by the score of its role, or by the one that it began with.
    ///
    /// # Errors
    /// The system does not allow it. It has been logged.
    pub(crate) fn adjust_oom_score(&mut self) -> io::Result<()> {
        let is_replica = self.replication.upstream.is_some();
        let role = |scores: Scores| if is_replica { scores.replica } else { scores.primary };
        let result = match self.config.settings().oom_score {
            OomScore::Kept => self.oom_score_before.map_or(Ok(()), write),
            OomScore::Relative(scores) => self.score_before().and_then(|b| write(b + role(scores))),
            OomScore::Absolute(scores) => self.score_before().and_then(|_| write(role(scores))),
        };
        match &result {
            Ok(()) if self.config.settings().oom_score == OomScore::Kept => {
                self.oom_score_before = None;
            }
            Ok(()) => {}
            Err(error) => tracing::warn!("Unable to write oom_score_adj: {error}"),
        }
        result
    }

    /// The same after a change of role, which does not depend on it.
    pub(crate) fn adjust_oom_score_to_role(&mut self) {
        // It was logged.
        let _ = self.adjust_oom_score();
    }

    /// The same in a child, which goes before its parent does.
    pub(crate) fn adjust_oom_score_of_child(&self) {
        let result = match (self.config.settings().oom_score, self.oom_score_before) {
            (OomScore::Relative(scores), Some(before)) => write(before + scores.child),
            (OomScore::Absolute(scores), Some(_)) => write(scores.child),
            _ => Ok(()),
        };
        if let Err(error) = result {
            tracing::warn!("Unable to write oom_score_adj: {error}");
        }
    }

    /// The score of the process before this node changed it.
    fn score_before(&mut self) -> io::Result<i32> {
        let before = match self.oom_score_before {
            Some(before) => before,
            None => {
                let text = fs::read_to_string(FILE)?;
                text.trim().parse().map_err(|_| io::ErrorKind::InvalidData)?
            }
        };
        self.oom_score_before = Some(before);
        Ok(before)
    }
}

fn write(score: i32) -> io::Result<()> {
    fs::write(FILE, score.clamp(SYSTEM_RANGE.0, SYSTEM_RANGE.1).to_string())
}
