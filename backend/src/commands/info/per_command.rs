//! What `INFO` tells of each command and of each kind of error.

use reddoor_protocol::command;

use crate::commands::info::sections::line;
use crate::execute::Call;

pub(super) fn counts(call: &Call<'_>, text: &mut String) {
    for (index, stats) in call.node.stats.commands() {
        let Some(spec) = command::all().get(index) else { continue };
        let (calls, total_us) = (stats.calls, stats.total_us());
        #[expect(clippy::cast_precision_loss, reason = "an average for people")]
        let average = if calls == 0 { 0.0 } else { total_us as f64 / calls as f64 };
        line(
            text,
            &format!("cmdstat_{}", spec.name),
            format_args!(
                "calls={calls},usec={total_us},usec_per_call={average:.2},rejected_calls={},failed_calls={}",
                stats.rejected, stats.failed
            ),
        );
    }
}

/// The times that so many per cent of a command's calls did not exceed, in microseconds.
pub(super) fn latencies(call: &Call<'_>, text: &mut String) {
    let percents = &call.node.config.settings().latency_percentiles;
    for spec in command::all() {
        let Some(histogram) = call.node.stats.histogram(spec.id()) else { continue };
        let told = percents.iter().map(|percent| {
            #[expect(clippy::cast_precision_loss, reason = "at most a second")]
            let us = histogram.percentile(*percent) as f64 / 1000.0;
            format!("p{percent}={us:.3}")
        });
        let told: Vec<String> = told.collect();
        line(text, &format!("latency_percentiles_usec_{}", spec.name), told.join(","));
    }
}

pub(super) fn errors(call: &Call<'_>, text: &mut String) {
    for (code, count) in call.node.stats.errors() {
        line(text, &format!("errorstat_{code}"), format_args!("count={count}"));
    }
}
