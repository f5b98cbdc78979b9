//! Where log lines go: always to stderr, because stdout is for what the user asked to see.

use std::io::{self, IsTerminal};

use anyhow::anyhow;
use reddoor_proxy::config::{LogFormat, LogLevel};
use tracing_subscriber::EnvFilter;

use crate::exit::{Failure, Mistake};

/// The environment variable that can name modules, as Rust programs have it.
const FILTER_VARIABLE: &str = EnvFilter::DEFAULT_ENV;

/// Who decides how much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The level was typed as a flag, which wins over `RUST_LOG`.
    Typed(LogLevel),
    /// The level comes from elsewhere; `RUST_LOG` wins over it when it is set.
    Default(LogLevel),
}

/// What to log, in the words of `RUST_LOG`.
pub(crate) fn directives(wish: Wish) -> String {
    match wish {
        Wish::Typed(level) => level_name(level).to_owned(),
        Wish::Default(level) => std::env::var(FILTER_VARIABLE)
            .ok()
            .filter(|directives| !directives.is_empty())
            .unwrap_or_else(|| level_name(level).to_owned()),
    }
}

/// Starts logging for the whole process.
///
/// # Errors
/// The directives cannot be read, or logging was started before.
pub(crate) fn start(directives: &str, format: LogFormat) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(directives).map_err(|error| {
        let line = format!("environment {FILTER_VARIABLE}={directives}: {error}");
        Failure::Refused(vec![Mistake::Setting(line)])
    })?;
    let is_colourful = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(is_colourful);
    let started = match format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    started.map_err(|error| Failure::Broke(anyhow!("logging: {error}")))
}

fn level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Off => "off",
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_level_is_the_last_word() {
        assert_eq!(directives(Wish::Typed(LogLevel::Trace)), "trace");
    }

    #[test]
    fn every_level_is_a_directive() {
        use LogLevel::{Debug, Error, Info, Off, Trace, Warn};
        for level in [Off, Error, Warn, Info, Debug, Trace] {
            assert!(EnvFilter::try_new(level_name(level)).is_ok());
        }
    }
}
