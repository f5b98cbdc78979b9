//! What a client told of itself and what it listens to, as `CLIENT LIST` shows them.

/// What a client told of itself, as `CLIENT LIST` shows it.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    /// `CLIENT SETNAME`
    pub(crate) name: Vec<u8>,
    /// `CLIENT SETINFO LIB-NAME`
    pub(crate) lib_name: Vec<u8>,
    /// `CLIENT SETINFO LIB-VER`
    pub(crate) lib_ver: Vec<u8>,
}

/// How much a client listens to (counts).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subscriptions {
    pub(crate) channels: usize,
    pub(crate) patterns: usize,
    pub(crate) shards: usize,
    pub(crate) is_monitor: bool,
}

impl Subscriptions {
    /// How many channels and patterns it listens to (count).
    #[inline]
    pub(crate) fn count(self) -> usize {
        self.channels + self.patterns + self.shards
    }
}
