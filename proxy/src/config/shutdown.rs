//! Section `shutdown`: how the front door stops.

use std::time::Duration;

use serde::Serialize;

use super::as_milliseconds;
use super::reader::Reader;

/// Section `shutdown`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ShutdownConfig {
    /// From the signal to the end of accepting, while the front door calls itself not ready.
    #[serde(rename = "delay_ms", serialize_with = "as_milliseconds")]
    pub delay: Duration,
    /// Silence after which a client with nothing under way is closed.
    #[serde(rename = "idle_ms", serialize_with = "as_milliseconds")]
    pub idle: Duration,
    /// How long clients may go on.
    #[serde(rename = "drain_ms", serialize_with = "as_milliseconds")]
    pub drain: Duration,
    /// How long clients may go on when another process has taken over.
    #[serde(rename = "takeover_drain_ms", serialize_with = "as_milliseconds")]
    pub takeover_drain: Duration,
}

impl ShutdownConfig {
    pub(super) fn read(reader: &mut Reader) -> ShutdownConfig {
        ShutdownConfig {
            delay: reader.milliseconds("shutdown.delay_ms", 0..=600_000),
            idle: reader.milliseconds("shutdown.idle_ms", 0..=3_600_000),
            drain: reader.milliseconds("shutdown.drain_ms", 0..=86_400_000),
            takeover_drain: reader.milliseconds("shutdown.takeover_drain_ms", 0..=86_400_000),
        }
    }
}
