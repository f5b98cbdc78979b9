//! What a script or a function says of itself.
//!
//! A script may begin with `#!lua name=… flags=…`; without it, it is run as scripts were before there were flags.

use bitflags::bitflags;
use reddoor_protocol::reply_error::ReplyError;

bitflags! {
    /// Flags of scripts and functions.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct ScriptFlags: u8 {
        /// Does not write.
        const NO_WRITES = 1 << 0;
        /// May run at the memory limit.
        const ALLOW_OOM = 1 << 1;
        /// May run on a replica whose data is stale.
        const ALLOW_STALE = 1 << 2;
        /// May not run in a cluster.
        const NO_CLUSTER = 1 << 3;
        /// May use keys of several slots.
        const ALLOW_CROSS_SLOT = 1 << 4;
        /// Says nothing of itself: each command is judged by its own.
        const SAYS_NOTHING = 1 << 5;
    }
}

/// Names in the order in which `FUNCTION LIST` tells them.
const NAMES: [(&str, ScriptFlags); 5] = [
    ("no-writes", ScriptFlags::NO_WRITES),
    ("allow-oom", ScriptFlags::ALLOW_OOM),
    ("allow-stale", ScriptFlags::ALLOW_STALE),
    ("no-cluster", ScriptFlags::NO_CLUSTER),
    ("allow-cross-slot-keys", ScriptFlags::ALLOW_CROSS_SLOT),
];

impl ScriptFlags {
    /// The flag of this name.
    pub(crate) fn by_name(name: &[u8]) -> Option<ScriptFlags> {
        NAMES.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, flag)| *flag)
    }

    /// The names of those that are set.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(_, flag)| self.contains(*flag)).map(|(name, _)| *name)
    }

    /// What a script's first line says, and how long that line is without its end (bytes; 0: it says nothing).
    ///
    /// # Errors
    /// The line is none that a Redis understands.
    pub(crate) fn of_script(source: &[u8]) -> Result<(ScriptFlags, usize), ReplyError> {
        if !source.starts_with(b"#!") {
            return Ok((ScriptFlags::SAYS_NOTHING, 0));
        }
        let Some(end) = memchr::memchr(b'\n', source) else {
            return Err(ReplyError::new("ERR Invalid script shebang"));
        };
        let mut words = words_of(&source[..end]);
        let engine = words.next().unwrap_or_default();
        if engine != b"#!lua" {
            let engine = String::from_utf8_lossy(engine);
            return Err(ReplyError::new(format!(
                "ERR Unexpected engine in script shebang: {engine}"
            )));
        }
        let mut flags = ScriptFlags::empty();
        for word in words {
            let Some(list) = word.strip_prefix(b"flags=") else {
                let word = String::from_utf8_lossy(word);
                return Err(ReplyError::new(format!("ERR Unknown lua shebang option: {word}")));
            };
            for name in list.split(|byte| *byte == b',').filter(|name| !name.is_empty()) {
                flags |= ScriptFlags::by_name(name).ok_or_else(|| {
                    let name = String::from_utf8_lossy(name);
                    ReplyError::new(format!("ERR Unexpected flag in script shebang: {name}"))
                })?;
            }
        }
        Ok((flags, end))
    }
}

/// The words of the first line of a script, between white space of any kind.
fn words_of(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'\x0b';
    line.split(is_space).filter(|word| !word.is_empty())
}
