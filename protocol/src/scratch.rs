//! A place to run one command over copies of keys that live elsewhere: what the front door asks for and a node can give.
//!
//! It stands here so that neither knows the other: the binary, which holds both, brings them together.

use std::fmt::Debug;

use thiserror::Error;

use crate::encode::Resp;
use crate::request::Args;

/// The copy of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Its value, as `RESTORE` takes it.
    pub payload: Vec<u8>,
    /// When it expires, in milliseconds since 1970.
    pub expires_at_ms: Option<i64>,
}

/// What is no copy of a key: damaged, or written by a server of a later version in a form that is not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the copy of a key is damaged, or of a later version than is known here")]
pub struct CopyError;

/// See the module. Between two calls of [`Scratch::clear`] it is one small Redis with one database.
pub trait Scratch: Debug {
    /// Puts the copy of a key in, as `DUMP` gives it, with the time that it has left to live, if any (milliseconds).
    /// Costs O(bytes).
    ///
    /// # Errors
    /// The payload is refused; the key is as if it were missing.
    fn put(
        &mut self,
        key: &[u8],
        payload: &[u8],
        time_left_ms: Option<u64>,
    ) -> Result<(), CopyError>;

    /// Puts a key in of which it only matters that it is there.
    fn put_something(&mut self, key: &[u8]);

    /// Runs a command over the copies and appends its reply, which may be an error, in this version. True when it
    /// changed a key.
    fn run(&mut self, args: Args<'_>, resp: Resp, out: &mut Vec<u8>) -> bool;

    /// What a key holds now; `None` when there is no such key.
    fn take(&mut self, key: &[u8]) -> Option<Copied>;

    /// Forgets all keys.
    fn clear(&mut self);
}

/// Makes one, for the thread that asks.
pub type MakeScratch = fn() -> Box<dyn Scratch>;
