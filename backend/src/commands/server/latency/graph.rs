//! `LATENCY GRAPH`: the samples of an event as columns of characters, the age of each below it, written downwards.
//!
//! A row can show three heights of a column: `_`, `o` and `#`; below the top of a column stand bars.
//!
//! Source: redis `src/latency.c` latencyCommandGenSparkeline, `src/sparkline.c`.

use std::fmt::Write as _;

use crate::latency::{Event, Sample};

/// Columns of one block (count); what does not fit goes into another below.
const COLUMNS: usize = 80;

/// Rows of the columns (count).
const ROWS: usize = 4;

/// What tops a column, from low to high.
const TOPS: [char; 3] = ['_', 'o', '#'];

/// The picture with its heading.
pub(super) fn drawn(event: &Event, now_s: i64) -> String {
    let (mut low, mut high) = (u64::MAX, 0);
    for sample in &event.samples {
        (low, high) = (low.min(sample.took_ms), high.max(sample.took_ms));
    }
    let mut text = format!(
        "{} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        event.name,
        event.longest_ms,
        "-".repeat(COLUMNS)
    );
    let samples: Vec<Sample> = event.samples.iter().copied().collect();
    for (index, block) in samples.chunks(COLUMNS).enumerate() {
        if index > 0 {
            text.push('\n');
        }
        let heights: Vec<usize> = block.iter().map(|s| height(s.took_ms, low, high)).collect();
        let ages: Vec<String> = block.iter().map(|sample| age(now_s - sample.at_s)).collect();
        draw_columns(&mut text, &heights);
        draw_labels(&mut text, &ages);
    }
    text
}

/// How high a column is, from 0 to one less than what all rows show.
fn height(took_ms: u64, low: u64, high: u64) -> usize {
    let steps = ROWS * TOPS.len();
    let range = (high - low).max(1);
    let height = (took_ms - low) as u128 * steps as u128 / u128::from(range);
    usize::try_from(height).unwrap_or(usize::MAX).min(steps - 1)
}

fn draw_columns(text: &mut String, heights: &[usize]) {
    for row in (0..ROWS).rev() {
        let bottom = row * TOPS.len();
        text.extend(heights.iter().map(|height| match height.checked_sub(bottom) {
            None => ' ',
            Some(rest) => TOPS.get(rest).copied().unwrap_or('|'),
        }));
        text.push('\n');
    }
    text.push_str(&" ".repeat(heights.len()));
    text.push('\n');
}

fn draw_labels(text: &mut String, labels: &[String]) {
    let longest = labels.iter().map(String::len).max().unwrap_or(0);
    for row in 0..longest {
        text.extend(labels.iter().map(|label| label.chars().nth(row).unwrap_or(' ')));
        text.push('\n');
    }
}

/// A time span in the largest unit that it fills.
fn age(seconds: i64) -> String {
    let mut text = String::new();
    let (count, unit) = match seconds {
        ..60 => (seconds, 's'),
        60..3600 => (seconds / 60, 'm'),
        3600..86_400 => (seconds / 3600, 'h'),
        _ => (seconds / 86_400, 'd'),
    };
    // Writing into a string does not fail.
    let _ = write!(text, "{count}{unit}");
    text
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    #[test]
    fn columns_rise_from_the_shortest_to_the_longest() {
        let took = [100, 200, 300];
        let samples = (0..).zip(took).map(|(at_s, took_ms)| Sample { at_s: at_s * 60, took_ms });
        let event =
            Event { name: "command", samples: samples.collect::<VecDeque<_>>(), longest_ms: 300 };
        let expect = format!(
            "command - high 300 ms, low 100 ms (all time high 300 ms)\n{}\n  #\n _|\n ||\n_||\n   \n211\nmm0\n  s\n",
            "-".repeat(80)
        );
        assert_eq!(drawn(&event, 130), expect);
    }
}
