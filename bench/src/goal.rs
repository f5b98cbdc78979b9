//! The goals this project set itself, as rows, and whether a run met them.
//!
//! All but memory are ratios of one run; they hold on a quiet machine.

use crate::round::Outcome;
use crate::summary::{Measure, Series, Spread};
use crate::target::Target;

/// One row: a bound on one target in some scenarios.
#[derive(Debug)]
struct Goal {
    target: Target,
    scenarios: &'static [&'static str],
    bound: Bound,
}

/// What a median must not exceed.
#[derive(Debug, Clone, Copy)]
enum Bound {
    /// CPU per operation, as a part of another target's.
    CpuOf(Target, f64),
    /// Resident memory, bytes.
    Resident(f64),
}

const GOALS: &[Goal] = &[
    proxy(&["get", "set", "get-c500"], 0.75),
    proxy(&["get-p16", "set-p16"], 0.45),
    proxy(&["mget", "get-20k"], 0.9),
    Goal {
        target: Target::Reddoor,
        scenarios: &["get-c500", "memory"],
        bound: Bound::Resident(20e6),
    },
    node(Target::Node, Target::Redis),
    node(Target::NodeCluster, Target::RedisCluster),
];

const fn proxy(scenarios: &'static [&'static str], part: f64) -> Goal {
    Goal { target: Target::Reddoor, scenarios, bound: Bound::CpuOf(Target::Twemproxy, part) }
}

const fn node(target: Target, redis: Target) -> Goal {
    Goal { target, scenarios: OF_NODES, bound: Bound::CpuOf(redis, 1.0) }
}

/// What nodes are judged by.
const OF_NODES: &[&str] = &[
    "get",
    "set",
    "get-p16",
    "set-p16",
    "incr",
    "incr-p16",
    "setex-p16",
    "ping",
    "ping-p16",
    "lpush",
    "lpush-p16",
    "rpush",
    "rpush-p16",
    "lpop",
    "lpop-p16",
    "rpop",
    "rpop-p16",
    "sadd",
    "sadd-p16",
    "spop",
    "spop-p16",
    "hset",
    "hset-p16",
    "zadd",
    "zadd-p16",
    "zpopmin",
    "zpopmin-p16",
    "xadd",
    "xadd-p16",
    "pfadd",
    "pfadd-p16",
    "geoadd",
    "geoadd-p16",
    "setbit",
    "setbit-p16",
    "lrange-100",
    "lrange-100-p16",
    "lrange-300",
    "lrange-300-p16",
    "lrange-600",
    "lrange-600-p16",
    "eval",
    "eval-p16",
];

/// One goal in one scenario, after a run.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) scenario: &'static str,
    pub(crate) target: Target,
    /// The goal in words.
    pub(crate) goal: String,
    /// What was measured, in the unit of the goal; `None` if it could not be.
    pub(crate) measured: Option<Spread>,
    /// Whether the median keeps the bound. What was not measured is not met.
    pub(crate) is_met: bool,
    /// One for ratios, a million for bytes: what to divide figures by for people.
    pub(crate) unit: f64,
}

/// Every goal on a selected target in a scenario that was run.
pub(crate) fn verdicts(outcomes: &[Outcome], selected: &[Target]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for goal in GOALS.iter().filter(|goal| selected.contains(&goal.target)) {
        for name in goal.scenarios {
            let outcome = outcomes.iter().find(|outcome| outcome.scenario.name == *name);
            verdicts.extend(outcome.map(|outcome| judge(goal, outcome)));
        }
    }
    verdicts
}

fn judge(goal: &Goal, outcome: &Outcome) -> Verdict {
    let series = |target| outcome.series.iter().find(|series: &&Series| series.target == target);
    let own = series(goal.target);
    let (text, measured, max, unit) = match goal.bound {
        Bound::CpuOf(other, max) => {
            let ratio =
                own.zip(series(other)).and_then(|(own, other)| own.ratio(other, Measure::Cpu));
            (format!("CPU per operation ≤ {max:.2} of {}'s", other.name()), ratio, max, 1.0)
        }
        Bound::Resident(max) => {
            let bytes = own.and_then(|own| own.spread(Measure::Resident));
            (format!("memory ≤ {:.0} MB", max / 1e6), bytes, max, 1e6)
        }
    };
    Verdict {
        scenario: outcome.scenario.name,
        target: goal.target,
        goal: text,
        measured,
        is_met: measured.is_some_and(|spread| spread.median <= max),
        unit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Sample;
    use crate::scenario::SCENARIOS;

    fn outcome(cpu: &[(Target, f64)]) -> Outcome {
        let series = cpu.iter().map(|(target, cpu)| Series {
            target: *target,
            rounds: vec![Some(Sample {
                figures: None,
                cpu_us_per_op: Some(*cpu),
                resident_bytes: 30_000_000,
            })],
            failure: None,
        });
        Outcome { scenario: &SCENARIOS[0], series: series.collect() }
    }

    #[test]
    fn every_goal_names_scenarios_that_exist() {
        for name in GOALS.iter().flat_map(|goal| goal.scenarios) {
            assert!(SCENARIOS.iter().any(|scenario| scenario.name == *name), "{name}");
        }
    }

    #[test]
    fn a_ratio_at_its_bound_is_met_and_above_it_is_not() {
        for (own, is_met) in [(7.5, true), (7.6, false)] {
            let outcomes = [outcome(&[(Target::Twemproxy, 10.0), (Target::Reddoor, own)])];
            let verdicts = verdicts(&outcomes, &[Target::Reddoor]);
            assert_eq!(verdicts.len(), 1);
            assert_eq!(verdicts[0].is_met, is_met);
        }
    }

    #[test]
    fn what_could_not_be_measured_is_not_met() {
        let outcomes = [outcome(&[(Target::Reddoor, 1.0)])];
        let verdicts = verdicts(&outcomes, &[Target::Reddoor]);
        assert!(verdicts[0].measured.is_none() && !verdicts[0].is_met);
    }

    #[test]
    fn goals_of_targets_that_were_not_selected_are_not_judged() {
        assert!(verdicts(&[outcome(&[])], &[Target::Redis]).is_empty());
    }
}
