//! Random command scripts, and what counts as the same reply to a command of one.
//!
//! In: a seed, and what all keys begin with. Out: commands, the same for the same seed.
//! Not here: servers. Whoever compares two of them sends the scripts on connections of its own.

pub mod grammar;

pub mod family;

pub mod choice;

pub mod reply;

mod unordered;
