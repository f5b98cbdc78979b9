//! Log lines in the form that tools which drive a Redis look for: `123:M 21 Nov 2026 07:00:00.123 * message`.
//!
//! Everything in this crate logs through `tracing`; what arrives here is one line per event, on standard output
//! or appended to the log file. Levels: `#` warning, `*` notice (info), `-` verbose (debug), `.` debug (trace).
//! Times are UTC.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::clock;

/// The most talkative level that is written: an index into [`LEVELS`].
static LEVEL: AtomicU8 = AtomicU8::new(2);

/// The names of `loglevel`, from few lines to many.
const LEVELS: [&str; 4] = ["warning", "notice", "verbose", "debug"];

/// Changes which lines are written, while the process runs; an unknown name changes nothing.
pub(crate) fn set_level(name: &str) {
    if let Some(index) = LEVELS.iter().position(|level| *level == name) {
        LEVEL.store(u8::try_from(index).unwrap_or(u8::MAX), Ordering::Relaxed);
    }
}

/// Sends this process's log lines to a file, or to standard output where there is none.
///
/// Where another subscriber is already in place, it stays.
///
/// # Errors
/// The file cannot be opened.
pub(crate) fn start(file: Option<&Path>, level: &str) -> io::Result<()> {
    set_level(level);
    let file = match file {
        Some(path) => Some(OpenOptions::new().create(true).append(true).open(path)?),
        None => None,
    };
    // Fails only if the caller has set up logging of its own, which then wins.
    let _ = tracing::subscriber::set_global_default(Lines { file });
    Ok(())
}

/// Writes one line per event; spans are not shown.
struct Lines {
    file: Option<File>,
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        rank(*metadata.level()) <= LEVEL.load(Ordering::Relaxed)
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mark = match *event.metadata().level() {
            Level::ERROR | Level::WARN => '#',
            Level::INFO => '*',
            Level::DEBUG => '-',
            Level::TRACE => '.',
        };
        let mut line =
            Line(format!("{}:M {} {mark} ", std::process::id(), timestamp(clock::unix_ms())));
        event.record(&mut line);
        line.0.push('\n');
        // A log that cannot be written is no reason to stop serving.
        let _ = match &self.file {
            Some(file) => (&*file).write_all(line.0.as_bytes()),
            None => io::stdout().lock().write_all(line.0.as_bytes()),
        };
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

fn rank(level: Level) -> u8 {
    match level {
        Level::ERROR | Level::WARN => 0,
        Level::INFO => 1,
        Level::DEBUG => 2,
        Level::TRACE => 3,
    }
}

/// A line being written: the message as it is, other fields as `name=value` behind it.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing into a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

/// `21 Nov 2026 07:00:00.123`
fn timestamp(unix_ms: i64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, ms) = (unix_ms.div_euclid(86_400_000), unix_ms.rem_euclid(86_400_000));
    let (year, month, day) = civil_from_days(days);
    let month = usize::try_from(month - 1).ok().and_then(|m| MONTHS.get(m)).unwrap_or(&"Jan");
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{day:02} {month} {year} {hours:02}:{minutes:02}:{seconds:02}.{:03}", ms % 1000)
}

/// Year, month and day of a day counted from 1970-01-01, by the Gregorian calendar.
///
/// Years are counted from 1 March, so that the leap day is the last of its year; 146097 days are 400 years.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_follow_the_calendar() {
        assert_eq!(timestamp(0), "01 Jan 1970 00:00:00.000");
        assert_eq!(timestamp(951_782_400_000), "29 Feb 2000 00:00:00.000");
        assert_eq!(timestamp(1_795_244_330_502), "21 Nov 2026 06:58:50.502");
    }
}
