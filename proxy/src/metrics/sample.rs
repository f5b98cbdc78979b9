//! Prometheus families built value by value: a thin, obvious face over the crate's setters.

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

use super::latency::{BOUNDS_NANOS, HistogramSum};

/// The labels of one series: names and values.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

/// A metric with its meaning, type and series so far.
pub(super) struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    series: Vec<Metric>,
}

impl Family {
    /// A number that only grows; its name ends in `_total`.
    pub(super) fn counter(name: &'static str, help: &'static str) -> Family {
        Family { name, help, kind: MetricType::COUNTER, series: Vec::new() }
    }

    /// A number that rises and falls.
    pub(super) fn gauge(name: &'static str, help: &'static str) -> Family {
        Family { name, help, kind: MetricType::GAUGE, series: Vec::new() }
    }

    /// Durations in buckets; its name ends in `_seconds`.
    pub(super) fn histogram(name: &'static str, help: &'static str) -> Family {
        Family { name, help, kind: MetricType::HISTOGRAM, series: Vec::new() }
    }

    /// Adds one series of a counter or gauge.
    ///
    /// A count is exact up to 2^53, past which Prometheus itself rounds.
    pub(super) fn add(&mut self, labels: Labels<'_>, value: f64) {
        let mut metric = labelled(labels);
        if self.kind == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.series.push(metric);
    }

    /// Adds one series of a histogram.
    pub(super) fn add_histogram(&mut self, labels: Labels<'_>, sum: &HistogramSum) {
        let mut metric = labelled(labels);
        metric.set_histogram(histogram(sum));
        self.series.push(metric);
    }

    /// The family as the registry takes it.
    pub(super) fn build(self) -> MetricFamily {
        let mut family = MetricFamily::default();
        family.set_name(self.name.to_owned());
        family.set_help(self.help.to_owned());
        family.set_field_type(self.kind);
        family.set_metric(self.series);
        family
    }
}

fn labelled(labels: Labels<'_>) -> Metric {
    let pairs = labels.iter().map(|&(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    });
    Metric::from_label(pairs.collect())
}

fn histogram(sum: &HistogramSum) -> Histogram {
    let mut below = 0;
    let buckets = BOUNDS_NANOS.iter().zip(&sum.buckets).map(|(&bound, &count)| {
        below += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(seconds(bound));
        bucket.set_cumulative_count(below);
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(sum.count());
    histogram.set_sample_sum(seconds(sum.nanos));
    histogram
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
