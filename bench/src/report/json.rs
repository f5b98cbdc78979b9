//! The report for programs: every sample and every summary, in SI-like units named in the keys.

use serde_json::{Value, json};

use crate::goal::Verdict;
use crate::measure::Sample;
use crate::report::Heading;
use crate::round::{self, Outcome};
use crate::summary::{Measure, Series, Spread};
use crate::target::{Group, Target};

/// The whole report as one object.
pub(crate) fn to_json(heading: &Heading, outcomes: &[Outcome], verdicts: &[Verdict]) -> Value {
    let machine = &heading.machine;
    json!({
        "machine": {
            "processor": machine.processor,
            "cores_count": machine.cores_count,
            "memory_mb": machine.memory_mb,
            "kernel": machine.kernel,
            "load_average_before": machine.load_average,
        },
        "command": heading.command,
        "cpu_from": heading.clock,
        "load_generator": heading.load_generator,
        "ops": heading.ops,
        "rounds": heading.rounds,
        "targets": by_name(&heading.versions),
        "missing": by_name(&heading.missing),
        "scenarios": outcomes.iter().map(|o| outcome_json(o, heading.ops)).collect::<Vec<_>>(),
        "goals": verdicts.iter().map(verdict_json).collect::<Vec<_>>(),
    })
}

fn by_name(pairs: &[(Target, String)]) -> Value {
    pairs.iter().map(|(target, text)| (target.name().to_owned(), json!(text))).collect()
}

fn outcome_json(outcome: &Outcome, ops: u64) -> Value {
    json!({
        "name": outcome.scenario.name,
        "about": outcome.scenario.about,
        "clients": outcome.scenario.clients,
        "ops": round::ops_of(outcome.scenario, ops),
        "targets": outcome.series.iter().map(|s| series_json(s, outcome)).collect::<Vec<_>>(),
    })
}

fn series_json(series: &Series, outcome: &Outcome) -> Value {
    let groups = [("to_twemproxy", Group::FrontDoors), ("to_redis", Group::Nodes)];
    let ratios =
        groups.into_iter().filter(|(_, group)| series.target.is_in(*group)).map(|(name, group)| {
            let baseline = series.target.baseline(group);
            let baseline = outcome.series.iter().find(|other| other.target == baseline);
            let ratio = |m| baseline.and_then(|baseline| series.ratio(baseline, m));
            (name.to_owned(), measures(ratio))
        });
    json!({
        "name": series.target.name(),
        "failure": series.failure,
        "summary": measures(|measure| series.spread(measure)),
        "ratios": ratios.collect::<Value>(),
        "rounds": series.rounds.iter().map(|s| s.as_ref().map(sample_json)).collect::<Vec<_>>(),
    })
}

fn measures(spread: impl Fn(Measure) -> Option<Spread>) -> Value {
    json!({
        "ops_per_second": spread(Measure::Throughput).map(spread_json),
        "p50_ms": spread(Measure::P50).map(spread_json),
        "p99_ms": spread(Measure::P99).map(spread_json),
        "cpu_us_per_op": spread(Measure::Cpu).map(spread_json),
        "resident_bytes": spread(Measure::Resident).map(spread_json),
    })
}

fn sample_json(sample: &Sample) -> Value {
    json!({
        "ops_per_second": sample.figures.map(|figures| figures.ops_per_second),
        "p50_ms": sample.figures.map(|figures| figures.p50_ms),
        "p99_ms": sample.figures.map(|figures| figures.p99_ms),
        "cpu_us_per_op": sample.cpu_us_per_op,
        "resident_bytes": sample.resident_bytes,
    })
}

fn spread_json(spread: Spread) -> Value {
    json!({ "median": spread.median, "min": spread.min, "max": spread.max })
}

fn verdict_json(verdict: &Verdict) -> Value {
    json!({
        "scenario": verdict.scenario,
        "target": verdict.target.name(),
        "goal": verdict.goal,
        "measured": verdict.measured.map(spread_json),
        "met": verdict.is_met,
    })
}
