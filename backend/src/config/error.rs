//! What can be wrong with a node's settings.

use std::fmt;
use std::path::PathBuf;

/// One mistake in a configuration file or among the arguments: where, which directive, what was expected.
///
/// `Display` is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where it stands.
    pub place: Place,
    /// The directive as it was written; empty when the line could not be cut into words.
    pub directive: String,
    /// What is wrong.
    pub problem: Problem,
}

/// Where a directive was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of a file, from 1.
    Line {
        /// The file as it was named.
        file: PathBuf,
        /// The line's number.
        number: usize,
    },
    /// The arguments of the process.
    Arguments,
}

/// What is wrong with a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No Redis knows this name; carries the known name that is nearest to it, if any is near.
    UnknownDirective(Option<&'static str>),
    /// The directive is real, and ignoring it would betray whoever wrote it.
    NotServed,
    /// The value is not what the directive takes; carries the value and what was expected.
    BadValue {
        /// The words behind the name, joined by spaces.
        value: String,
        /// What was expected.
        expected: String,
    },
    /// Quotes that do not close.
    UnbalancedQuotes,
    /// A file that cannot be read; carries the system's reason.
    Unreadable(String),
    /// More files include each other than anyone would write (count).
    TooManyFiles(usize),
    /// An argument that is no directive, such as a second file name.
    NoDirective,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Line { file, number } => write!(f, "{}:{number}: ", file.display())?,
            Place::Arguments => f.write_str("arguments: ")?,
        }
        let name = &self.directive;
        match &self.problem {
            Problem::UnknownDirective(None) => write!(f, "unknown directive '{name}'"),
            Problem::UnknownDirective(Some(near)) => {
                write!(f, "unknown directive '{name}', did you mean '{near}'?")
            }
            Problem::NotServed => write!(f, "'{name}' is not served by this node"),
            Problem::BadValue { value, expected } => write!(f, "{name} '{value}': {expected}"),
            Problem::UnbalancedQuotes => f.write_str("unbalanced quotes"),
            Problem::Unreadable(reason) => write!(f, "cannot read '{name}': {reason}"),
            Problem::TooManyFiles(max) => {
                write!(f, "more than {max} files include each other, the last is '{name}'")
            }
            Problem::NoDirective => write!(f, "'{name}' is neither a directive nor the first file"),
        }
    }
}

impl std::error::Error for ConfigError {}
