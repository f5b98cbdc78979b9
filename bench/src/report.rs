//! The report for people: a table per scenario and group, then the goals.
//!
//! Every figure is the median over the rounds, with the least and the greatest where they matter.

use crate::goal::Verdict;
use crate::round::{self, Outcome};
use crate::scenario::SCENARIOS;
use crate::summary::{Measure, Series, Spread};
use crate::table::Table;
use crate::target::{Group, Running, TARGETS, Target};

mod json;

pub(crate) use json::to_json;

/// What the report is about: everything but the figures.
#[derive(Debug)]
pub(crate) struct Heading {
    pub(crate) machine: crate::machine::Machine,
    pub(crate) command: String,
    pub(crate) clock: String,
    pub(crate) load_generator: String,
    pub(crate) ops: u64,
    pub(crate) rounds: u32,
    /// Targets measured, with their versions.
    pub(crate) versions: Vec<(Target, String)>,
    /// Targets that could not be, with the reason.
    pub(crate) missing: Vec<(Target, String)>,
}

impl Heading {
    /// Notes which targets run.
    pub(crate) fn add_versions(&mut self, targets: &[Running]) {
        self.versions = targets.iter().map(|r| (r.target, r.version.clone())).collect();
    }

    /// The lines above the tables.
    pub(crate) fn text(&self) -> String {
        let machine = &self.machine;
        let mut text = format!(
            "machine  {}, {} cores, {} MB, Linux {}, load {} before\ncommand  {}\nCPU from {}\nload by  {}\n",
            machine.processor,
            machine.cores_count,
            machine.memory_mb,
            machine.kernel,
            machine.load_average,
            self.command,
            self.clock,
            self.load_generator,
        );
        for (target, version) in &self.versions {
            text += &format!("         {}: {version}\n", target.name());
        }
        for (target, reason) in &self.missing {
            text += &format!("MISSING  {}: {reason}\n", target.name());
        }
        text
    }
}

/// The tables of one scenario, one per group that has figures.
pub(crate) fn scenario_text(outcome: &Outcome, ops: u64, rounds: u32) -> String {
    [Group::FrontDoors, Group::Nodes]
        .into_iter()
        .filter_map(|group| group_text(outcome, group, ops, rounds))
        .collect()
}

fn group_text(outcome: &Outcome, group: Group, ops: u64, rounds: u32) -> Option<String> {
    let rows: Vec<_> = outcome.series.iter().filter(|s| s.target.is_in(group)).collect();
    // Redis alone is shown once, with the front doors.
    if rows.is_empty() || (group == Group::Nodes && rows.iter().all(|s| s.target == Target::Redis))
    {
        return None;
    }
    let baseline_name = match group {
        Group::FrontDoors => "twemproxy",
        Group::Nodes => "Redis",
    };
    let scenario = outcome.scenario;
    let count =
        round::ops_of(scenario, ops).map_or(String::new(), |ops| format!(" × {ops} operations"));
    let mut text = format!("\n{}: {} ({rounds} rounds{count})\n", scenario.name, scenario.about);
    let mut table = Table::new(&[
        "",
        "ops/s",
        "min–max",
        "p50 ms",
        "p99 ms",
        "CPU µs/op",
        "min–max",
        "MB",
        &format!("÷ {baseline_name}: ops/s"),
        "p50",
        "p99",
        "CPU",
        "min–max",
        "MB",
    ]);
    for series in rows {
        let baseline = series.target.baseline(group);
        let baseline = outcome.series.iter().find(|other| other.target == baseline);
        table.add(cells(series, baseline));
    }
    text += &table.text();
    for series in outcome.series.iter().filter(|series| series.target.is_in(group)) {
        if let Some(failure) = &series.failure {
            text += &format!("  {} failed: {failure}\n", series.target.name());
        }
    }
    Some(text)
}

fn cells(series: &Series, baseline: Option<&Series>) -> Vec<String> {
    let own = |measure| series.spread(measure);
    let ratio = |measure| baseline.and_then(|baseline| series.ratio(baseline, measure));
    vec![
        series.target.name().to_owned(),
        median(own(Measure::Throughput), 0),
        range(own(Measure::Throughput), 0),
        median(own(Measure::P50), 3),
        median(own(Measure::P99), 3),
        median(own(Measure::Cpu), 2),
        range(own(Measure::Cpu), 2),
        median(own(Measure::Resident).map(|spread| scale(spread, 1e6)), 1),
        median(ratio(Measure::Throughput), 2),
        median(ratio(Measure::P50), 2),
        median(ratio(Measure::P99), 2),
        median(ratio(Measure::Cpu), 2),
        range(ratio(Measure::Cpu), 2),
        median(ratio(Measure::Resident), 2),
    ]
}

/// The goals, met or not.
pub(crate) fn goals_text(verdicts: &[Verdict]) -> String {
    if verdicts.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["scenario", "target", "goal", "measured", "min–max", ""]);
    for verdict in verdicts {
        let measured = verdict.measured.map(|spread| scale(spread, verdict.unit));
        let word = match (verdict.is_met, verdict.measured) {
            (true, _) => "met",
            (false, Some(_)) => "NOT MET",
            (false, None) => "NOT MEASURED",
        };
        table.add(vec![
            verdict.scenario.to_owned(),
            verdict.target.name().to_owned(),
            verdict.goal.clone(),
            median(measured, 2),
            range(measured, 2),
            word.to_owned(),
        ]);
    }
    format!("\nGoals\n{}", table.text())
}

/// The targets and scenarios there are.
pub(crate) fn list_text(ops: u64) -> String {
    let mut targets = Table::new(&["target", "what it is"]);
    for target in TARGETS {
        targets.add(vec![target.name().to_owned(), target.about().to_owned()]);
    }
    let mut scenarios = Table::new(&["scenario", "what it is", "operations"]);
    for scenario in SCENARIOS {
        let count = round::ops_of(scenario, ops).map_or("-".to_owned(), |ops| ops.to_string());
        scenarios.add(vec![scenario.name.to_owned(), scenario.about.to_owned(), count]);
    }
    format!("{}\n{}", targets.text(), scenarios.text())
}

fn scale(spread: Spread, unit: f64) -> Spread {
    Spread { median: spread.median / unit, min: spread.min / unit, max: spread.max / unit }
}

fn median(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or("-".to_owned(), |spread| format!("{:.digits$}", spread.median))
}

fn range(spread: Option<Spread>, digits: usize) -> String {
    spread
        .map_or("-".to_owned(), |spread| format!("{:.digits$}–{:.digits$}", spread.min, spread.max))
}
