//! The command table held against a real redis-server 7.0, both ways and in both protocol versions.
//!
//! Without redis-server on PATH these tests say so and pass; with `CI` set in the environment they fail.
//! What may differ, and why: summaries, remarks on key specs, costs, replacements and what a version brought are in
//! words of our own; `PFMERGE` with a destination alone has that as its key, where a Redis names none.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod keys;
mod oracle;
mod refusals;
mod rows;
