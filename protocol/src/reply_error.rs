//! The error replies a Redis gives, to the letter.
//!
//! An expected answer, part of the protocol: never to be mixed with what broke inside (see [`crate::error`]).

use std::borrow::Cow;
use std::fmt;

/// One error reply without its leading `-` and its line end, such as `ERR syntax error`.
///
/// The first word is the code that client libraries match on.
/// Invariant: holds no carriage return and no newline.
#[derive(Clone, PartialEq, Eq)]
pub struct ReplyError(Cow<'static, str>);

impl ReplyError {
    /// `ERR syntax error`
    pub const SYNTAX: ReplyError = ReplyError::from_static("ERR syntax error");
    /// An argument is no integer, or does not fit 64 bits.
    pub const NOT_INTEGER: ReplyError =
        ReplyError::from_static("ERR value is not an integer or out of range");
    /// An argument is no floating point number.
    pub const NOT_FLOAT: ReplyError = ReplyError::from_static("ERR value is not a valid float");
    /// The key holds another type than the command works on.
    pub const WRONG_TYPE: ReplyError = ReplyError::from_static(
        "WRONGTYPE Operation against a key holding the wrong kind of value",
    );
    /// The key does not exist where it has to.
    pub const NO_SUCH_KEY: ReplyError = ReplyError::from_static("ERR no such key");
    /// An index is outside what the value holds.
    pub const OUT_OF_RANGE: ReplyError = ReplyError::from_static("ERR index out of range");
    /// The keys of one command lie in different slots.
    pub const CROSS_SLOT: ReplyError =
        ReplyError::from_static("CROSSSLOT Keys in request don't hash to the same slot");
    /// A `CLUSTER` command where cluster mode is off.
    pub const CLUSTER_DISABLED: ReplyError =
        ReplyError::from_static("ERR This instance has cluster support disabled");
    /// A command before the client has authenticated.
    pub const NO_AUTH: ReplyError = ReplyError::from_static("NOAUTH Authentication required.");
    /// A wrong user name or password.
    pub const WRONG_PASS: ReplyError =
        ReplyError::from_static("WRONGPASS invalid username-password pair or user is disabled.");
    /// `HELLO` with a version other than 2 and 3.
    pub const NO_PROTO: ReplyError =
        ReplyError::from_static("NOPROTO unsupported protocol version");
    /// The node has not read its data yet.
    pub const LOADING: ReplyError =
        ReplyError::from_static("LOADING Redis is loading the dataset in memory");
    /// `SELECT` of a database that does not exist.
    pub const DB_OUT_OF_RANGE: ReplyError = ReplyError::from_static("ERR DB index is out of range");

    /// An error with a text that holds no line end, for constants.
    pub const fn from_static(text: &'static str) -> ReplyError {
        ReplyError(Cow::Borrowed(text))
    }

    /// An error with this text; carriage returns and newlines become spaces, as in a Redis.
    pub fn new(text: impl Into<Cow<'static, str>>) -> ReplyError {
        let text = text.into();
        if text.contains(['\r', '\n']) {
            return ReplyError(Cow::Owned(text.replace(['\r', '\n'], " ")));
        }
        ReplyError(text)
    }

    /// The command got too few or too many arguments; `name` is in lower case, subcommands as `client|id`.
    pub fn wrong_arity(name: &str) -> ReplyError {
        ReplyError::new(format!("ERR wrong number of arguments for '{name}' command"))
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first word, such as `WRONGTYPE`.
    pub fn code(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplyError({:?})", self.0)
    }
}

impl std::error::Error for ReplyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newline_cannot_break_the_reply() {
        assert_eq!(ReplyError::new("ERR a\r\nb").as_str(), "ERR a  b");
    }

    #[test]
    fn the_code_is_the_first_word() {
        assert_eq!(ReplyError::WRONG_TYPE.code(), "WRONGTYPE");
        assert_eq!(ReplyError::wrong_arity("get").code(), "ERR");
    }
}
