//! Frameworks that were written for one Redis, unmodified, at their real job through the front door over a cluster.
//!
//! `cargo test -p reddoor-tests --test frameworks` runs those that most applications use, each as the operator is told
//! to set it up, and loses no job when the front door is killed; with `-- --all` it runs all of them in every setup
//! that is known to work or to be refused, and with words behind `--` those whose names hold one of them. `--nodes real`
//! and `--nodes bundled` choose the nodes; `--nodes one-bundled` has one bundled node by itself in the place of front
//! door and cluster, and `--nodes one`, which has to be asked for, one plain redis-server, which tells whether a script
//! is right. `tests/frameworks/install` puts the packages there.
//! `docs/frameworks.md` tells what was found.

#![expect(clippy::print_stdout, reason = "the report is what this program is for")]

mod framework;
mod killed;
mod program;
mod trial;

use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use reddoor_tests::asked::Asked;
use reddoor_tests::cluster::Kind;
use reddoor_tests::redis_server;

use framework::{FRAMEWORKS, Framework, Setup};
use killed::{LOADS, Load};
use trial::{Scene, Verdict};

/// Whether these nodes are asked for; a plain redis-server only by its name.
fn means_nodes(asked: &Asked, name: &str) -> bool {
    asked.chosen.as_ref().map_or(name != "one", |nodes| nodes == name)
}

/// Frameworks with their setups; without `--all` or a name the first of each.
fn trials(asked: &Asked) -> Vec<(&'static Framework, &'static Setup)> {
    let is_short = !asked.is_all && asked.words.is_empty();
    let meant = FRAMEWORKS.iter().filter(|row| asked.means(row.name, row.is_in_ci));
    meant
        .flat_map(|row| {
            let count = if is_short { 1 } else { row.setups.len() };
            row.setups[..count].iter().map(move |setup| (row, setup))
        })
        .collect()
}

fn loads(asked: &Asked) -> Vec<&'static Load> {
    LOADS.iter().filter(|load| asked.means(load.name, load.is_in_ci)).collect()
}

type Start = fn() -> Scene;

/// The nodes that can be chosen, by name, and how they are started.
const SCENES: [(&str, Start); 4] = [
    ("real", || Scene::of(Kind::Real)),
    ("bundled", || Scene::of(Kind::Bundled)),
    ("one", || Scene::one(Kind::Real)),
    ("one-bundled", || Scene::one(Kind::Bundled)),
];

fn main() -> ExitCode {
    let asked = Asked::read("--nodes");
    if asked.only_lists || !redis_server::is_installed() {
        return ExitCode::SUCCESS;
    }
    println!("| framework | versions | nodes | setup | outcome | seconds |");
    println!("|---|---|---|---|---|---|");
    let complaints = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let (asked, complaints) = (&asked, &complaints);
        for (nodes, start) in SCENES {
            if means_nodes(asked, nodes) {
                scope.spawn(move || run_trials(asked, nodes, &start(), complaints));
            }
        }
        if means_nodes(asked, "real") {
            scope.spawn(|| run_loads(asked, complaints));
        }
    });
    let complaints = complaints.into_inner().unwrap_or_default();
    complaints.iter().for_each(|complaint| println!("FAILED: {complaint}"));
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_trials(asked: &Asked, nodes: &str, scene: &Scene, complaints: &Mutex<Vec<String>>) {
    for (framework, setup) in trials(asked) {
        if framework.program.is_installed() {
            let verdict = scene.try_out(framework, setup);
            report(framework.name, nodes, setup.name, verdict, complaints);
        }
    }
}

fn run_loads(asked: &Asked, complaints: &Mutex<Vec<String>>) {
    for load in loads(asked) {
        if load.program.is_installed() {
            report(load.name, "real", load.setup, load.run(), complaints);
        }
    }
}

fn report(name: &str, nodes: &str, setup: &str, verdict: Verdict, complaints: &Mutex<Vec<String>>) {
    let Verdict { versions, outcome, took, complaint } = verdict;
    let seconds = took.as_secs_f32();
    println!("| {name} | {versions} | {nodes} | {setup} | {outcome} | {seconds:.1} |");
    if let (Some(complaint), Ok(mut complaints)) = (complaint, complaints.lock()) {
        complaints.push(format!("{name} over {nodes} nodes, {setup}: {complaint}"));
    }
}
