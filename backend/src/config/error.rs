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
        /// What it says.
        text: String,
    },
    /// The arguments of the process.
    Arguments {
        /// The line's number, if each directive were one behind the file.
        number: usize,
        /// What it would say.
        text: String,
    },
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

impl ConfigError {
    /// The mistake in several lines, as a Redis ends with it: tools search for them.
    pub fn as_of_redis(&self, version: &str) -> String {
        let (Place::Line { number, text, .. } | Place::Arguments { number, text }) = &self.place;
        let reason = match &self.problem {
            Problem::BadValue { expected, .. } => expected,
            Problem::UnbalancedQuotes => "Unbalanced quotes in configuration line",
            Problem::Unreadable(reason) => {
                return format!(
                    "# Fatal error, can't open config file '{}': {reason}",
                    self.directive
                );
            }
            Problem::UnknownDirective(_)
            | Problem::NotServed
            | Problem::TooManyFiles(_)
            | Problem::NoDirective => "Bad directive or wrong number of arguments",
        };
        format!(
            "\n*** FATAL CONFIG FILE ERROR (Redis {version}) ***\n\
             Reading the configuration file, at line {number}\n>>> '{text}'\n{reason}"
        )
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Line { file, number, .. } => write!(f, "{}:{number}: ", file.display())?,
            Place::Arguments { .. } => f.write_str("arguments: ")?,
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
