//! `LATENCY DOCTOR`: what was seen in words, and what usually helps.

use std::fmt::Write as _;

use crate::config::settings::Settings;
use crate::latency::Event;

/// What helps against events whose name begins so, with the settings that play a part.
const ADVICE: [(&str, &str); 7] = [
    ("command", "look at SLOWLOG GET for the commands, and cut large ones into smaller requests."),
    (
        "fast-command",
        "commands that are fast by themselves waited: the machine may be out of CPU time or memory.",
    ),
    (
        "fork",
        "a child copies the page tables of all memory: hold less data on a node, and turn huge pages off.",
    ),
    ("expire-cycle", "many keys expire at the same time: spread their times."),
    ("aof-fsync-always", "each write waits for the disk: appendfsync everysec does not."),
    (
        "aof-write",
        "the disk is slow to take writes: give the append-only file one of its own, or let \
      no-appendfsync-on-rewrite be yes.",
    ),
    (
        "eviction",
        "memory is full and what is made room for goes key by key: raise maxmemory, or spread large values.",
    ),
];

/// The whole report.
pub(super) fn report(events: &[Event], settings: &Settings, now_s: i64) -> String {
    let Some(threshold) = settings.latency_threshold else {
        return "Nothing is watched: latency-monitor-threshold is 0. With CONFIG SET latency-monitor-threshold \
                <milliseconds> this node remembers what takes that long.\n"
            .to_owned();
    };
    if events.is_empty() {
        return format!("Nothing took {} ms or longer so far.\n", threshold.as_millis());
    }
    let mut text = format!(
        "{} kinds of events took {} ms or longer:\n\n",
        events.len(),
        threshold.as_millis()
    );
    for (number, event) in (1..).zip(events) {
        describe(&mut text, number, event, now_s);
    }
    text.push_str("\nWhat may help:\n\n");
    for (name, advice) in ADVICE {
        if events.iter().any(|event| event.name.starts_with(name)) {
            // Writing into a string does not fail.
            let _ = writeln!(text, "- {name}: {advice}");
        }
    }
    text
}

/// One line: how many samples, how long on average and how far from it, how often, and the longest ever.
fn describe(text: &mut String, number: usize, event: &Event, now_s: i64) {
    let count = event.samples.len() as u64;
    let mean = event.samples.iter().map(|sample| sample.took_ms).sum::<u64>() / count;
    let deviation = event.samples.iter().map(|s| s.took_ms.abs_diff(mean)).sum::<u64>() / count;
    let since_s = event.samples.front().map_or(0, |first| now_s - first.at_s).max(1);
    #[expect(clippy::cast_precision_loss, reason = "two digits for people")]
    let every_s = since_s as f64 / count as f64;
    let _ = writeln!(
        text,
        "{number}. {}: {count} samples, {mean} ms on average (mean deviation {deviation} ms), one every {every_s:.2} s. \
         The longest ever took {} ms.",
        event.name, event.longest_ms
    );
}
