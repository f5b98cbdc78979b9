//! Mistakes in a configuration: each names the setting, its value, where it was set and what was expected.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// One mistake. Displays as one line; the value of a secret is never part of it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// A setting has a value it cannot have.
    #[error("{origin}: {key} = {value}: expected {expected}")]
    Invalid {
        /// The setting, as `section.key`.
        key: String,
        /// Its value, quoted and cut short if long.
        value: String,
        /// What it may be, with unit and range.
        expected: String,
        /// Where the value was set.
        origin: Origin,
    },
    /// There is no such setting.
    #[error("{origin}: {key}: no such setting, expected {expected}")]
    Unknown {
        /// What was named.
        key: String,
        /// The names that exist in its place.
        expected: String,
        /// Where it was named.
        origin: Origin,
    },
    /// The file cannot be read.
    #[error("{}: expected a readable file: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The file is not TOML.
    #[error("{}, line {line}: expected TOML: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line where reading ended, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
}

/// The layer that a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The defaults built in.
    Default,
    /// The configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        name: String,
    },
    /// A flag of the command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Origin::Environment { name } => write!(f, "environment {name}"),
            Origin::Flag => f.write_str("command line"),
        }
    }
}
