//! The order of runs: scenario by scenario, round by round, every target in turn.
//!
//! Rounds are interleaved (A B C, A B C, …): whatever disturbs the machine for some seconds then
//! falls on all targets alike.

use anyhow::Result;

use crate::measure::{Meter, Sample};
use crate::scenario::{Audience, Scenario, Work};
use crate::summary::Series;
use crate::target::{Running, Target};

/// All series of one scenario, one per target that it is for, in the order of the targets.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) scenario: &'static Scenario,
    pub(crate) series: Vec<Series>,
}

/// Runs one scenario on all targets it is for. A target that fails is said aloud and left out of
/// the scenario's remaining rounds.
pub(crate) fn run_scenario(
    meter: &Meter,
    scenario: &'static Scenario,
    rounds: u32,
    targets: &mut [Running],
) -> Outcome {
    let mut series = Vec::new();
    let mut running: Vec<_> =
        targets.iter_mut().filter(|running| is_for(scenario, running)).collect();
    for target in &mut running {
        let failure = meter.prepare(scenario, target).err().map(|error| format!("{error:#}"));
        if let Some(failure) = &failure {
            eprintln!("  {}: {} left out: {failure}", scenario.name, target.target.name());
        }
        series.push(Series { target: target.target, rounds: Vec::new(), failure });
    }
    for round in 1..=rounds {
        for (target, series) in running.iter().zip(&mut series) {
            if series.failure.is_some() {
                series.rounds.push(None);
                continue;
            }
            let result = meter.run(scenario, target);
            eprintln!(
                "  {} {round}/{rounds} {}: {}",
                scenario.name,
                target.target.name(),
                line(&result)
            );
            series.failure = result.as_ref().err().map(|error| format!("{error:#}"));
            series.rounds.push(result.ok());
        }
    }
    Outcome { scenario, series }
}

/// Whether the scenario compares anything: Redis alone in a scenario for nodes says nothing.
pub(crate) fn has_peers(scenario: &Scenario, targets: &[Running]) -> bool {
    let is_peer = |running: &Running| running.target != Target::Redis && running.target.is_node();
    scenario.audience != Audience::Nodes || targets.iter().any(is_peer)
}

fn is_for(scenario: &Scenario, running: &Running) -> bool {
    match scenario.audience {
        Audience::All => true,
        Audience::AcrossSlots => running.target.serves_across_slots(),
        Audience::Nodes => running.target.is_node(),
    }
}

/// How many operations one run of a scenario has; `None` where nothing is counted.
pub(crate) fn ops_of(scenario: &Scenario, base: u64) -> Option<u64> {
    match &scenario.work {
        Work::Send(load) => Some(load.ops(base, scenario.clients)),
        Work::Hold => None,
    }
}

fn line(result: &Result<Sample>) -> String {
    let sample = match result {
        Ok(sample) => sample,
        Err(error) => return format!("failed: {error:#}"),
    };
    let load = match (sample.figures, sample.cpu_us_per_op) {
        (Some(figures), Some(cpu)) => {
            format!("{:.0} ops/s, {cpu:.2} µs of CPU per operation, ", figures.ops_per_second)
        }
        _ => String::new(),
    };
    format!("{load}{:.1} MB", sample.resident_bytes as f64 / 1e6)
}
