//! Libraries of functions.
//!
//! Source: redis `src/functions.c`.

use std::collections::BTreeMap;
use std::rc::Rc;

use reddoor_protocol::reply_error::ReplyError;

use crate::node::Node;
use crate::scripting::flags::words_of;
use crate::scripting::job::{Done, FunctionInfo, Job};
use crate::scripting::register::is_name;

/// One library.
#[derive(Clone, Debug)]
pub(crate) struct Library {
    /// Under which Lua keeps its functions.
    pub(crate) number: u64,
    pub(crate) code: Rc<[u8]>,
    pub(crate) functions: BTreeMap<String, FunctionInfo>,
}

/// All libraries, by name.
#[derive(Debug, Default)]
pub(crate) struct Libraries {
    libraries: BTreeMap<String, Library>,
    last_number: u64,
    /// Numbers that Lua is still to forget, which it cannot while a script lies still.
    forgotten: Vec<u64>,
}

/// What becomes of a library that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    Refuse,
    Replace,
}

const ODD_NAME: &str = "ERR Library names can only contain letters, numbers, or underscores(_) and must be at \
    least one character long";

impl Libraries {
    pub(super) fn take_forgotten(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.forgotten)
    }

    /// The code of each, in the order of names.
    pub(crate) fn codes(&self) -> impl Iterator<Item = &[u8]> {
        self.libraries.values().map(|library| &*library.code)
    }

    /// Names and libraries in the order of names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Library)> {
        self.libraries.iter().map(|(name, library)| (name.as_str(), library))
    }

    pub(crate) fn len(&self) -> usize {
        self.libraries.len()
    }

    pub(crate) fn functions_count(&self) -> usize {
        self.libraries.values().map(|library| library.functions.len()).sum()
    }

    /// Memory of the code (bytes).
    pub(crate) fn bytes(&self) -> usize {
        self.libraries.iter().map(|(name, library)| name.len() + library.code.len()).sum()
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.libraries.contains_key(name)
    }

    /// The library that has this function.
    pub(crate) fn library_of(&self, function: &str) -> Option<&Library> {
        self.libraries.values().find(|library| library.functions.contains_key(function))
    }
}

/// The name that the first line of a library's code gives it, and how long that line is (bytes).
///
/// # Errors
/// The line is missing or wrong.
fn header(code: &[u8]) -> Result<(String, usize), ReplyError> {
    if !code.starts_with(b"#!") {
        return Err(ReplyError::new("ERR Missing library metadata"));
    }
    let Some(end) = memchr::memchr(b'\n', code) else {
        return Err(ReplyError::new("ERR Invalid library metadata"));
    };
    let mut words = words_of(&code[2..end]);
    let engine = String::from_utf8_lossy(words.next().unwrap_or_default()).into_owned();
    let mut name: Option<String> = None;
    for word in words {
        match word.strip_prefix(b"name=") {
            Some(_) if name.is_some() => {
                return Err(ReplyError::new(
                    "ERR Invalid metadata value, name argument was given multiple times",
                ));
            }
            Some(given) => name = Some(String::from_utf8_lossy(given).into_owned()),
            None => {
                let word = String::from_utf8_lossy(word);
                return Err(ReplyError::new(format!("ERR Invalid metadata value given: {word}")));
            }
        }
    }
    let name = name.ok_or_else(|| ReplyError::new("ERR Library name was not given"))?;
    if !is_name(&name) {
        return Err(ReplyError::new(ODD_NAME));
    }
    if !engine.eq_ignore_ascii_case("lua") {
        return Err(ReplyError::new(format!("ERR Engine '{engine}' not found")));
    }
    Ok((name, end))
}

impl Node {
    /// Loads a library from its code; its name.
    ///
    /// # Errors
    /// The code is wrong, or the library or one of its functions is there; nothing has changed then.
    pub(crate) fn load_library(
        &mut self,
        code: &[u8],
        policy: Policy,
    ) -> Result<String, ReplyError> {
        let (name, skipped) = header(code)?;
        let is_there = self.scripting.libraries.contains(&name);
        if is_there && policy == Policy::Refuse {
            return Err(ReplyError::new(format!("ERR Library '{name}' already exists")));
        }
        let number = self.scripting.libraries.last_number + 1;
        self.scripting.libraries.last_number = number;
        let functions =
            match self.lua()?.work(Job::LoadLibrary { number, source: code[skipped..].into() }) {
                Done::Loaded(functions) => functions,
                Done::Failed(text) => {
                    return Err(ReplyError::new(String::from_utf8_lossy(&text).into_owned()));
                }
                Done::Ok | Done::Replied { .. } => BTreeMap::new(),
            };
        let refusal = if functions.is_empty() {
            Some("ERR No functions registered".to_owned())
        } else {
            let others = self.scripting.libraries.iter().filter(|(other, _)| *other != name);
            let mut taken = others.flat_map(|(_, library)| library.functions.keys());
            taken
                .find(|function| functions.contains_key(*function))
                .map(|function| format!("ERR Function {function} already exists"))
        };
        if let Some(refusal) = refusal {
            self.forget_library(number);
            return Err(ReplyError::new(refusal));
        }
        let library = Library { number, code: code.into(), functions };
        if let Some(old) = self.scripting.libraries.libraries.insert(name.clone(), library) {
            self.forget_library(old.number);
        }
        Ok(name)
    }

    /// Removes a library. Whether there was one.
    pub(crate) fn delete_library(&mut self, name: &str) -> bool {
        let Some(library) = self.scripting.libraries.libraries.remove(name) else { return false };
        self.forget_library(library.number);
        true
    }

    /// Replaces all libraries by those of a file or a copy.
    ///
    /// # Errors
    /// One of them cannot be loaded; those before it are there.
    pub(crate) fn restore_libraries(&mut self, codes: &[Box<[u8]>]) -> Result<(), ReplyError> {
        self.flush_libraries();
        codes.iter().try_for_each(|code| self.load_library(code, Policy::Refuse).map(drop))
    }

    /// Removes all libraries.
    pub(crate) fn flush_libraries(&mut self) {
        for (_, library) in std::mem::take(&mut self.scripting.libraries.libraries) {
            self.forget_library(library.number);
        }
    }

    fn forget_library(&mut self, number: u64) {
        if self.scripting.vm.is_some() {
            self.scripting.libraries.forgotten.push(number);
        }
    }
}
