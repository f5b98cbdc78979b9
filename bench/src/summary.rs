//! Samples of several rounds made into one figure with its spread.

use crate::measure::Sample;
use crate::target::Target;

/// What can be read off a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Operations per second.
    Throughput,
    /// Median latency, milliseconds.
    P50,
    /// 99th percentile of the latency, milliseconds.
    P99,
    /// Processor time of the target's process per operation, microseconds.
    Cpu,
    /// Resident memory, bytes.
    Resident,
}

impl Measure {
    fn of(self, sample: &Sample) -> Option<f64> {
        match self {
            Self::Throughput => sample.figures.map(|figures| figures.ops_per_second),
            Self::P50 => sample.figures.map(|figures| figures.p50_ms),
            Self::P99 => sample.figures.map(|figures| figures.p99_ms),
            Self::Cpu => sample.cpu_us_per_op,
            Self::Resident => Some(sample.resident_bytes as f64),
        }
    }
}

/// The median of several values, with the least and the greatest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// `None` of no values. Of an even number, the median is the mean of the middle two.
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let upper = values[values.len() / 2];
        let lower = values[(values.len() - 1) / 2];
        Some(Self { median: f64::midpoint(lower, upper), min, max })
    }
}

/// All rounds of one target in one scenario.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) target: Target,
    /// One place per round; `None` where the run failed or was not tried any more.
    pub(crate) rounds: Vec<Option<Sample>>,
    /// Why runs are missing.
    pub(crate) failure: Option<String>,
}

impl Series {
    /// The figure over all rounds that have it.
    pub(crate) fn spread(&self, measure: Measure) -> Option<Spread> {
        Spread::of(self.rounds.iter().flatten().filter_map(|sample| measure.of(sample)).collect())
    }

    /// The figure divided by that of `baseline` in the same round, over all rounds that have both.
    ///
    /// Round by round, so that a machine that is slower for a while slows both sides of a ratio.
    pub(crate) fn ratio(&self, baseline: &Self, measure: Measure) -> Option<Spread> {
        let pairs = self.rounds.iter().zip(&baseline.rounds);
        let ratios = pairs.filter_map(|(own, other)| {
            let (own, other) = (measure.of(own.as_ref()?)?, measure.of(other.as_ref()?)?);
            (other > 0.0).then_some(own / other)
        });
        Spread::of(ratios.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(target: Target, cpu: &[Option<f64>]) -> Series {
        let sample = |cpu| Sample { figures: None, cpu_us_per_op: Some(cpu), resident_bytes: 1 };
        Series { target, rounds: cpu.iter().map(|cpu| cpu.map(sample)).collect(), failure: None }
    }

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        let spread = Spread::of(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!(spread, Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
        assert_eq!(Spread::of(Vec::new()), None);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let own = series(Target::Reddoor, &[Some(5.0), Some(20.0), Some(7.0)]);
        let other = series(Target::Twemproxy, &[Some(10.0), Some(40.0), None]);
        let expect = Spread { median: 0.5, min: 0.5, max: 0.5 };
        assert_eq!(own.ratio(&other, Measure::Cpu), Some(expect));
        assert_eq!(own.ratio(&other, Measure::P50), None);
    }
}
