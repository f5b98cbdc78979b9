//! Redis's own tests, held against a node and against the front door as an operator would hold them against a Redis.
//!
//! `cargo test -p reddoor-tests --test redis_suite` runs the units that take seconds; with `-- --all` it runs all of
//! them, and with words behind `--` those whose names hold one of them. `--over` chooses what they are run against:
//! `node`, where every server that they start is a bundled node, and `bundled` and `real`, where they find one server,
//! which is the front door before a cluster of such nodes.
//!
//! They give what they look for some seconds at most, which a machine that is busy with other units may need. So a unit
//! that fails has to pass by itself, and is named.
//!
//! The tests are not part of this repository: `tests/redis_suite/install` gets them. Beside it, `node.skip` and
//! `door.skip` name those that are left out, with the reasons.

#![expect(clippy::print_stdout, reason = "the report is what this program is for")]

mod lane;
mod unit;

use std::process::ExitCode;
use std::sync::Mutex;
use std::{thread, vec};

use reddoor_tests::asked::Asked;
use reddoor_tests::redis_server;

use lane::{Lane, Over, Verdict};
use unit::{UNITS, Unit, When};

/// A unit that failed, and over what.
type Failed = (Over, &'static Unit);

/// More failures than these are no accident, and are not tried again (count).
const FEW: usize = 4;

/// What to run over such a server, in order.
fn units(asked: &Asked, over: Over) -> Vec<&'static Unit> {
    if asked.chosen.as_ref().is_some_and(|name| name != over.name()) {
        return Vec::new();
    }
    let is_meant = |unit: &&Unit| {
        let when = over.when(unit);
        when != When::Never && asked.means(unit.name, when == When::Always)
    };
    UNITS.iter().filter(is_meant).collect()
}

fn main() -> ExitCode {
    let asked = Asked::read("--over");
    if asked.only_lists || !redis_server::is_installed() {
        return ExitCode::SUCCESS;
    }
    if !lane::is_installed() {
        println!("Redis's own tests are not here: tests/redis_suite/install gets them");
        return ExitCode::SUCCESS;
    }
    println!("| unit | over | passed | left out | seconds | |");
    println!("|---|---|---|---|---|---|");
    let queues = Over::ALL.map(|over| (over, Mutex::new(units(&asked, over).into_iter())));
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for (over, queue) in &queues {
            for _ in 0..over.lanes() {
                scope.spawn(|| run_lane(*over, queue, &failed));
            }
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    if failed.len() <= FEW && failed.into_iter().all(|(over, unit)| passes_alone(over, unit)) {
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

/// Runs what is left of a queue, one after the other.
fn run_lane(over: Over, queue: &Mutex<vec::IntoIter<&'static Unit>>, failed: &Mutex<Vec<Failed>>) {
    let mut lane = None;
    while let Some(unit) = queue.lock().ok().and_then(|mut queue| queue.next()) {
        let verdict = lane.get_or_insert_with(|| Lane::start(over)).run(unit);
        report(unit, over, &verdict);
        if let (Some(_), Ok(mut failed)) = (verdict.complaint, failed.lock()) {
            failed.push((over, unit));
        }
    }
}

/// Runs a unit once more, by itself.
fn passes_alone(over: Over, unit: &Unit) -> bool {
    let verdict = Lane::start(over).run(unit);
    report(unit, over, &verdict);
    if verdict.complaint.is_none() {
        println!(
            "UNSTEADY: failed beside others and passed alone: {} over {}",
            unit.name,
            over.name()
        );
    }
    verdict.complaint.is_none()
}

fn report(unit: &Unit, over: Over, verdict: &Verdict) {
    let Verdict { passed, left_out, took, complaint } = verdict;
    let (name, over, seconds) = (unit.name, over.name(), took.as_secs_f32());
    let outcome = if complaint.is_some() { "FAILED" } else { "" };
    println!("| {name} | {over} | {passed} | {left_out} | {seconds:.1} | {outcome} |");
    if let Some(complaint) = complaint {
        println!("{complaint}");
    }
}
