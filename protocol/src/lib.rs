//! The Redis protocol as reddoor speaks it: pure values and pure functions, no sockets, no clock, no runtime.
//!
//! Both the front door and the bundled node stand on this crate and meet nowhere else.
//! Reading order:
//!
//! | module | what it holds |
//! |---|---|
//! | [`error`] | what can be wrong with received bytes |
//! | [`reply_error`] | the error replies a Redis gives, to the letter |
//! | [`request`] | client requests cut into argument ranges over one buffer |
//! | [`inline`] | the quoting rules of inline requests |
//! | [`frame`] | where does this reply end? |
//! | [`value`] | replies parsed into values, when somebody must look inside |
//! | [`double`] | floating point numbers as texts |
//! | [`encode`] | requests and replies written, RESP2 and RESP3 |
//! | [`slot`] | key → hash slot |
//! | [`command`] | every command as one row |
//! | [`redirect`] | cluster errors, typed |
//! | [`scratch`] | a place to run one command over copies of keys |
//! | [`topology`] | who owns which slot, read from and written as text |
//!
//! Everything here takes hostile input: no function panics on received bytes, allocates by a length that was
//! announced but not received, or recurses on input.

pub mod error;
pub mod reply_error;

pub mod request;

pub mod inline;

pub mod frame;

pub mod value;

pub mod double;

pub mod encode;

pub mod slot;

pub mod command;

pub mod redirect;

pub mod scratch;

pub mod topology;
