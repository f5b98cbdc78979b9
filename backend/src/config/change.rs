//! `CONFIG GET` patterns and `CONFIG SET`, all pairs or none.
//!
//! Source: redis `src/config.c` configSetCommand.

use std::path::Path;

use reddoor_protocol::command::glob::{self, Case};
use reddoor_protocol::reply_error::ReplyError;

use crate::config::directive::{Change, Directive, Setting};
use crate::config::settings::Settings;
use crate::config::{Config, table};

/// What a `CONFIG SET` may do as things stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct May {
    /// Its client may change protected directives.
    pub(crate) change_protected: bool,
    /// The node reads its data.
    pub(crate) is_loading: bool,
}

impl Config {
    /// The directives whose name or alias one of the patterns matches, with their values; hidden ones have to be named.
    pub(crate) fn matching<'a>(
        &self,
        patterns: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Vec<(&'static str, String)> {
        let is_wanted = |row: &Directive, name: &str| {
            patterns.clone().any(|pattern| match row.is_hidden {
                true => pattern.eq_ignore_ascii_case(name.as_bytes()),
                false => glob::is_match(pattern, name.as_bytes(), Case::Ignored),
            })
        };
        let mut found = Vec::new();
        for (row, value) in table::all().zip(&self.values.0) {
            let names = [Some(row.name), row.alias].into_iter().flatten();
            found.extend(names.filter(|n| is_wanted(row, n)).map(|name| (name, value.to_text())));
        }
        found
    }

    /// Changes settings while the node runs; either all pairs or none.
    ///
    /// # Errors
    /// The answer to the client; nothing has changed.
    pub(crate) fn set<'a>(
        &mut self,
        pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        may: May,
    ) -> Result<(), ReplyError> {
        let mut changed: Vec<(usize, Setting)> = Vec::new();
        // A Redis looks at all names before it looks at any value.
        let mut rows = Vec::new();
        for (name, value) in pairs {
            let name_text = String::from_utf8_lossy(name);
            let (index, row) = table::find(&name_text).ok_or_else(|| {
                ReplyError::new(format!(
                    "ERR Unknown option or number of arguments for CONFIG SET - '{name_text}'"
                ))
            })?;
            if row.is_fixed_while_loading && may.is_loading {
                return Err(ReplyError::LOADING);
            }
            let problem = match row.change {
                _ if rows.iter().any(|(seen, _, _, _)| *seen == index) => {
                    Some("duplicate parameter")
                }
                Change::Startup => Some("can't set immutable config"),
                Change::Protected if !may.change_protected => Some("can't set protected config"),
                Change::Live | Change::Protected => None,
            };
            if let Some(problem) = problem {
                return Err(set_failed(&name_text, problem));
            }
            rows.push((index, row, name_text, value));
        }
        for (index, row, name, value) in rows {
            let mut words = row.words(value);
            let before = self.values.0[index].to_text();
            if row.name == "client-output-buffer-limit" && words.len().is_multiple_of(4) {
                words.splice(0..0, row.words(before.as_bytes()));
            }
            let setting = row.parse(&words).map_err(|mistake| set_failed(&name, &mistake))?;
            changed.push((index, setting));
        }
        for (index, setting) in changed {
            self.values.0[index] = setting;
        }
        self.settings = Settings::read(&self.values);
        Ok(())
    }

    /// Notes whom the node copies now, as `CONFIG GET replicaof` tells it and `CONFIG REWRITE` writes it; `None` for nobody.
    pub(crate) fn note_primary(&mut self, primary: Option<(&str, u16)>) {
        let text = primary.map_or(String::new(), |(host, port)| format!("{host} {port}"));
        let (index, _) = table::find(table::PRIMARY).expect("a row of the table");
        self.values.0[index] = Setting::Text(text);
        self.settings = Settings::read(&self.values);
    }

    /// Notes where the process really is, as `CONFIG GET dir` tells it.
    pub(crate) fn note_directory(&mut self, dir: &Path) {
        let (index, _) = table::find("dir").expect("a row of the table");
        self.values.0[index] = Setting::Text(dir.display().to_string());
        self.settings = Settings::read(&self.values);
    }
}

/// The answer to a `CONFIG SET` that a setting stands in the way of.
pub(crate) fn set_failed(name: &str, problem: &str) -> ReplyError {
    ReplyError::new(format!(
        "ERR CONFIG SET failed (possibly related to argument '{name}') - {problem}"
    ))
}
