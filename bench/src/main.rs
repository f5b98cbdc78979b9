//! Measures reddoor, other proxies and Redis itself side by side, in one run.
//!
//! Life of a run: read the arguments, start the targets that are found (`target`), run the
//! scenarios round by round (`round`, `measure`), print tables and goals (`report`, `goal`).
//! How to read the figures is in `README.md` beside this folder.

mod args;
mod cluster;
mod csv;
mod failover;
mod find;
mod footprint;
mod forming;
mod goal;
mod guard;
mod idle;
mod machine;
mod measure;
mod persistence;
mod port;
mod process;
mod replication;
mod report;
mod resp;
mod round;
mod scenario;
mod slots;
mod summary;
mod table;
mod target;
mod usage;

use std::process::ExitCode;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use clap::Parser;

use crate::args::{Args, Instead};
use crate::machine::Machine;
use crate::measure::Meter;
use crate::report::Heading;
use crate::target::{Programs, Running, Starter, Target};

fn main() -> ExitCode {
    let result = guard::become_child().and_then(|()| run(Args::parse()));
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("reddoor-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<ExitCode> {
    if args.list {
        print!("{}", report::list_text(args.ops));
        return Ok(ExitCode::SUCCESS);
    }
    let (scenarios, selected) = (args.selected_scenarios()?, args.selected_targets()?);
    let mut heading = heading(&args);
    let folder = tempfile::Builder::new().prefix("reddoor-bench-").tempdir()?;
    guard::end_on_signal(folder.path().to_owned())?;
    let meter = Meter::new(folder.path(), args.ops)?;
    heading.clock = meter.clock().describe();

    let mut starter = Starter::new(folder.path(), programs(&args))?;
    if let Some(instead) = args.instead() {
        print!("{}", heading.text());
        let is_kept = measure_instead(instead, &mut starter, &meter, &args)?;
        return Ok(if is_kept || !args.check { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let mut targets = start(&mut starter, &selected, &mut heading);
    if targets.is_empty() {
        bail!("nothing to measure");
    }
    heading.add_versions(&targets);
    print!("{}", heading.text());

    let mut outcomes = Vec::new();
    for scenario in scenarios {
        if !round::has_peers(scenario, &targets) {
            eprintln!("  {} skipped: no node to compare with Redis", scenario.name);
            continue;
        }
        let outcome = round::run_scenario(&meter, scenario, args.rounds, &mut targets);
        print!("{}", report::scenario_text(&outcome, args.ops, args.rounds));
        outcomes.push(outcome);
    }
    let verdicts = goal::verdicts(&outcomes, &selected);
    print!("{}", report::goals_text(&verdicts));
    if let Some(file) = &args.json {
        let json = report::to_json(&heading, &outcomes, &verdicts);
        fs::write(file, format!("{json:#}\n"))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    let is_missed = args.check && verdicts.iter().any(|verdict| !verdict.is_met);
    Ok(if is_missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Measures what stands in place of the scenarios. Whether its goals are met.
fn measure_instead(
    instead: Instead,
    starter: &mut Starter,
    meter: &Meter,
    args: &Args,
) -> Result<bool> {
    match instead {
        Instead::Memory { keys } => footprint::run(starter, keys),
        Instead::Persistence { keys } => persistence::run(starter, keys),
        Instead::Replication { keys } => replication::run(starter, meter, keys, args.ops),
        Instead::Failover { rounds } => failover::run(starter, rounds),
        Instead::Slots { keys } => slots::run(starter, args.rounds, keys),
        Instead::Idle { seconds } => idle::run(starter, meter.clock(), seconds),
    }
}

/// Starts what was selected; what cannot be started is said aloud and left out.
fn start(starter: &mut Starter, selected: &[Target], heading: &mut Heading) -> Vec<Running> {
    let mut targets = Vec::new();
    for &target in selected {
        match starter.start(target) {
            Ok(running) => targets.push(running),
            Err(error) => {
                eprintln!("{} is left out: {error:#}", target.name());
                heading.missing.push((target, format!("{error:#}")));
            }
        }
    }
    targets
}

fn heading(args: &Args) -> Heading {
    Heading {
        machine: Machine::read(),
        command: env::args().collect::<Vec<_>>().join(" "),
        clock: String::new(),
        load_generator: measure::load_generator_version(),
        ops: args.ops,
        rounds: args.rounds,
        versions: Vec::new(),
        missing: Vec::new(),
    }
}

fn programs(args: &Args) -> Programs {
    Programs {
        reddoor: args.reddoor.clone(),
        before: args.before.clone(),
        envoy: args.envoy.clone(),
        twemproxy: args.twemproxy.clone(),
        predixy: args.predixy.clone(),
    }
}
