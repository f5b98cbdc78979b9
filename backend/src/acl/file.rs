//! The file of users that `aclfile` names: one line for each.
//!
//! Either a whole file counts or nothing of it. Mistakes are told all at once, in Redis's words.
//!
//! Source: redis `src/acl.c` ACLLoadFromFile, ACLSaveToFile.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::rule::{RuleError, gather, has_spaces};
use super::selector::FirstChannels;
use super::user::Rules;
use crate::durable;
use crate::error::system_words;

/// Users by name.
pub(super) type Users = BTreeMap<Box<[u8]>, Rules>;

/// Reads a file.
///
/// # Errors
/// It cannot be read, or has mistakes: all of them in one text.
pub(super) fn load(path: &Path, channels: FirstChannels) -> Result<Users, Vec<u8>> {
    let name = path.display().to_string();
    let text = fs::read(path).map_err(|error| {
        let reason = system_words(&error);
        format!("Error loading ACLs, opening file '{name}': {reason}").into_bytes()
    })?;
    let mut reader = Reader { name, channels, users: Users::new(), mistakes: Vec::new() };
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        reader.line(index + 1, trimmed(line, b" \t\r\n"));
    }
    if reader.mistakes.is_empty() {
        return Ok(reader.users);
    }
    reader.mistakes.extend_from_slice(
        b"WARNING: ACL errors detected, no change to the previously active ACL rules was performed",
    );
    Err(reader.mistakes)
}

/// Writes a file aside, synced, and puts it in its place.
///
/// # Errors
/// What was being done, and why it cannot be done; the old file is whole.
pub(super) fn save(path: &Path, lines: &[Vec<u8>]) -> Result<(), (&'static str, io::Error)> {
    let aside = path.with_added_extension(format!("tmp-{}", std::process::id()));
    let text: Vec<u8> = lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat()).collect();
    let mode = fs::metadata(path).map_or(MODE, |old| old.permissions().mode() & 0o777);
    let saved = write(&aside, mode, &text)
        .and_then(|()| durable::put_in_place(&aside, path).map_err(|error| ("Renaming", error)));
    if saved.is_err() {
        // Nothing more can be done about a leftover than to try.
        let _ = fs::remove_file(&aside);
    }
    saved
}

/// Who may read a file that was not there before: nobody else need see digests of passwords.
const MODE: u32 = 0o600;

fn write(path: &Path, mode: u32, text: &[u8]) -> Result<(), (&'static str, io::Error)> {
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(mode).open(path);
    let mut file = file.map_err(|error| ("Opening temp", error))?;
    let written = file.write_all(text).and_then(|()| file.sync_all());
    written.map_err(|error| ("Writing", error))
}

struct Reader {
    /// The file, as it was named.
    name: String,
    channels: FirstChannels,
    users: Users,
    mistakes: Vec<u8>,
}

impl Reader {
    fn line(&mut self, number: usize, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        let mut words = line.split(|byte| *byte == b' ');
        let (Some(b"user"), Some(name)) = (words.next(), words.next()) else {
            let text = "should start with user keyword followed by the username. ";
            return self.note(&format!("{}:{number} {text}", self.name), &[]);
        };
        if has_spaces(name) {
            self.note(&format!("'{}:{number}: username '", self.name), name);
            return self.note("' contains invalid characters. ", &[]);
        }
        if self.users.contains_key(name) {
            self.note("WARNING: Duplicate user '", name);
            return self.note(&format!("' found on line {number}. "), &[]);
        }
        let rules = self.rules(number, words);
        self.users.insert(name.into(), rules);
    }

    /// The rules of a line; mistakes in them are noted.
    fn rules<'a>(&mut self, number: usize, words: impl Iterator<Item = &'a [u8]>) -> Rules {
        let mut rules = Rules::new(self.channels);
        let Ok(words) = gather(words) else {
            let text = "Unmatched parenthesis in selector definition.";
            self.note(&format!("{}:{number}: {text}", self.name), &[]);
            return rules;
        };
        let mut has_mistake = false;
        for word in &words {
            let word = trimmed(word, b"\t\r\n");
            match rules.apply(word, self.channels) {
                Ok(()) => {}
                // A name is no secret, and does not hide what comes behind it.
                Err(error @ RuleError::UnknownName) => {
                    let place = format!("{}:{number}", self.name);
                    self.note(&format!("{place}: Error in applying operation '"), word);
                    self.note(&format!("': {error}. "), &[]);
                }
                Err(error) if !has_mistake => {
                    has_mistake = true;
                    self.note(&format!("{}:{number}: {error}. ", self.name), &[]);
                }
                Err(_) => {}
            }
        }
        rules
    }

    fn note(&mut self, text: &str, word: &[u8]) {
        self.mistakes.extend_from_slice(text.as_bytes());
        self.mistakes.extend_from_slice(word);
    }
}

/// A text without such bytes at its ends.
fn trimmed<'a>(text: &'a [u8], bytes: &[u8]) -> &'a [u8] {
    let is_kept = |byte: &u8| !bytes.contains(byte);
    let Some(start) = text.iter().position(is_kept) else { return &[] };
    let end = text.iter().rposition(is_kept).map_or(start, |last| last + 1);
    &text[start..end]
}
