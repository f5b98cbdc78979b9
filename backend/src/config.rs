//! The node's settings: the directives of redis.conf, from a file, the arguments and `CONFIG SET`.
//!
//! In: `[FILE] [--directive value …]`, as redis-server takes them. Out: a [`Config`], or every mistake at once.
//!
//! Directives are rows (`table`), values are kept in normal form beside them, and what the node acts on is
//! copied into typed `settings` after every change.
//!
//! Spec: <https://valkey.io/topics/valkey.conf/>

pub(crate) mod settings;

mod read;

mod options;

pub(crate) mod change;

pub(crate) mod rewrite;

mod users;

pub(crate) mod table;

pub(crate) mod directive;

pub(crate) mod custom;

pub mod error;

use std::path::PathBuf;

use crate::acl::{Acl, Declared};
use crate::config::directive::Setting;
use crate::config::error::ConfigError;
use crate::config::settings::Settings;

/// All settings of one node, checked.
#[derive(Clone, Debug)]
pub struct Config {
    values: Values,
    /// The same, typed.
    settings: Settings,
    /// The file they came from, as an absolute path.
    file: Option<PathBuf>,
    warnings: Vec<String>,
    /// Users that were declared, in the order in which they were. Invariant: their rules can be followed.
    users: Vec<Declared>,
    /// What standard input said, where that was the file.
    input: Option<Vec<u8>>,
}

impl Config {
    /// Reads the arguments of a node: `[FILE] [--directive value …]`, where `-` as FILE is standard input.
    ///
    /// Later values win over earlier ones, and arguments over the file.
    ///
    /// # Errors
    /// Every mistake that was found, in the order in which they were written. Nothing has been started.
    pub fn from_args(args: &[String]) -> Result<Config, Vec<ConfigError>> {
        read::from_args(args)
    }

    /// Things that were accepted but will not have the effect one might expect, one line each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether the node is to serve in the background: the caller sees to that before it runs it.
    pub fn is_daemon(&self) -> bool {
        self.settings.is_daemon
    }

    /// What was read from standard input, if the settings came from there.
    pub fn input(&self) -> Option<&[u8]> {
        self.input.as_deref()
    }

    /// The settings that the node acts on.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The file that the settings came from, if any.
    pub(crate) fn file(&self) -> Option<&std::path::Path> {
        self.file.as_deref()
    }

    /// The users that a node begins with.
    pub(crate) fn acl(&self) -> Acl {
        Acl::new(&self.settings.password, &self.users, self.settings.acl.first_channels)
    }

    fn new(values: Values) -> Config {
        Config {
            settings: Settings::read(&values),
            values,
            file: None,
            warnings: Vec::new(),
            users: Vec::new(),
            input: None,
        }
    }
}

/// One value for each directive, in normal form.
#[derive(Clone, Debug)]
pub(crate) struct Values(
    /// Invariant: one for each row of `table::all()`, in its order, of the row's kind.
    Vec<Setting>,
);

impl Values {
    fn value(&self, name: &str) -> &Setting {
        let (index, _) = table::find(name).expect("only names of the table are asked for");
        debug_assert!(index < table::HEEDED.len(), "{name} is heeded, so it stands among those");
        &self.0[index]
    }

    fn text(&self, name: &str) -> &str {
        match self.value(name) {
            Setting::Text(text) => text,
            Setting::Flag(_) | Setting::Integer(_) => unreachable!("{name} is a text in the table"),
        }
    }

    fn flag(&self, name: &str) -> bool {
        *self.value(name) == Setting::Flag(true)
    }

    fn integer(&self, name: &str) -> i64 {
        match self.value(name) {
            Setting::Integer(value) => *value,
            Setting::Flag(_) | Setting::Text(_) => unreachable!("{name} is a number in the table"),
        }
    }

    /// A number in a type that the row's bounds fit into.
    fn number<T: TryFrom<i64>>(&self, name: &str) -> T {
        T::try_from(self.integer(name)).ok().expect("the row's bounds fit the type")
    }
}

impl Default for Values {
    fn default() -> Values {
        let value = |row: &directive::Directive| {
            let words = row.words(row.default.as_bytes());
            row.parse(&words).expect("a test checks every default")
        };
        Values(table::all().map(value).collect())
    }
}

impl Default for Config {
    /// What a node has without file and arguments.
    fn default() -> Config {
        Config::new(Values::default())
    }
}

#[cfg(test)]
mod tests;
