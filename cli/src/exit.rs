//! How the process ends: the exit codes, in this one place, and what is printed before.
//!
//! Invariants: a refusal lists every mistake that was found, one line each, and leaves nothing running.

use std::fmt;
use std::process::ExitCode;

/// The exit codes as `--help` tells them.
pub(crate) const HELP: &str = "\
Exit codes:
  0   stopped as asked, or there was nothing to complain about
  1   something broke or stands in the way: a taken port, a directory, a node that does not start
  64  arguments or settings that cannot be used; nothing was started";

/// Something broke, or stands in the way.
const FAILURE: u8 = 1;
/// Arguments or settings cannot be used (`EX_USAGE` of sysexits.h).
const USAGE: u8 = 64;

/// Why a run ended before it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Found before anything was started. Invariant: not empty.
    Refused(Vec<Mistake>),
    /// Happened after the checks.
    Broke(anyhow::Error),
}

/// One thing that has to change before a start can succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// An argument or a setting that cannot be used as it is.
    Setting(String),
    /// The settings are fine, but the machine is in the way: a taken port, a directory that is not writable.
    Obstacle(String),
}

impl Failure {
    /// Prints the reason to stderr and tells the exit code for it.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Failure::Refused(mistakes) => {
                for mistake in mistakes {
                    eprintln!("reddoor: {mistake}");
                }
            }
            Failure::Broke(error) => eprintln!("reddoor: {error:#}"),
        }
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Failure::Refused(mistakes) if mistakes.iter().any(Mistake::is_setting) => USAGE,
            Failure::Refused(_) | Failure::Broke(_) => FAILURE,
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Broke(error)
    }
}

impl Mistake {
    fn is_setting(&self) -> bool {
        matches!(self, Mistake::Setting(_))
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mistake::Setting(line) | Mistake::Obstacle(line) => f.write_str(line),
        }
    }
}

/// Prints what the argument parser has to say: help and version to stdout, complaints to stderr.
pub(crate) fn report_usage(error: &clap::Error) -> ExitCode {
    // Nothing useful can be done when the terminal is gone.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
}

/// Passes a list of mistakes on as a failure, unless it is empty.
pub(crate) fn refuse_if_any(mistakes: Vec<Mistake>) -> Result<(), Failure> {
    if mistakes.is_empty() { Ok(()) } else { Err(Failure::Refused(mistakes)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_setting_among_obstacles_decides_the_code() {
        let setting = Mistake::Setting("a".into());
        let obstacle = Mistake::Obstacle("b".into());
        assert_eq!(Failure::Refused(vec![obstacle.clone()]).code(), 1);
        assert_eq!(Failure::Refused(vec![obstacle, setting]).code(), 64);
        assert_eq!(Failure::Broke(anyhow::anyhow!("c")).code(), 1);
    }
}
