//! Plain clients at work over a cluster while things break: what they see of it is counted and held against bounds.
//!
//! `cargo test -p reddoor-tests --test faults` runs the faults that are quick; with `-- --all` it runs all of them,
//! and with words behind `--` those whose names hold one of them. `--nodes bundled` has them over bundled nodes,
//! and `--soak N` ends with N rounds of a load that takes memory, which has to come back. With
//! `FAULTS_ENVOY=<program>` Envoy stands in the front door's place, under those of the clients that it serves.
//! `docs/faults.md` tells what was found.

#![expect(clippy::print_stdout, reason = "the report is what this program is for")]

mod clients;
mod door;
mod injections;
mod ledger;
mod pace;
mod pairs;
mod scene;
mod soak;
mod talker;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use reddoor_tests::cluster::Kind;

use injections::{Allowed, FAULTS, Fault};
use ledger::Ledger;
use scene::{SHARDS, Scene};

/// What clients may wait longer than the cluster took, or at all where it went on.
const STALL_MARGIN: Duration = Duration::from_secs(1);

/// Threads that have to be let run one after the other until a client has a reply, with those of nodes that fail over
/// (count). Each may meet a pause of the machine, which is not the front door's.
const HOPS: u32 = 8;

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let kind = take_kind(&mut args);
    let soak_rounds = take_soak(&mut args);
    let (flags, words): (Vec<String>, Vec<String>) =
        args.into_iter().partition(|arg| arg.starts_with("--"));
    let is_all = flags.iter().any(|flag| flag == "--all");
    let is_meant = |fault: &&Fault| match words.as_slice() {
        [] => is_all || fault.is_in_smoke,
        words => words.iter().any(|word| fault.name.contains(word.as_str())),
    };
    let faults: Vec<&Fault> = FAULTS.iter().filter(is_meant).collect();
    let only_lists = flags.iter().any(|flag| flag == "--list");
    if faults.is_empty() || only_lists || !kind.is_available() {
        return ExitCode::SUCCESS;
    }
    let mut scene = Scene::set(kind);
    println!(
        "| fault | operations | errors | longest stall | cluster itself | lost | doubled | wrong |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut complaints = Vec::new();
    for fault in faults {
        let (mut ledger, took) = scene.under_load(fault.inject);
        if let Some(struck) = scene.struck.take() {
            pass_over_uncopied(&mut ledger, struck);
        }
        print_row(fault, &ledger, took);
        complaints.extend(judge(fault, &ledger, took));
    }
    if let Some(rounds) = soak_rounds {
        complaints.extend(soak::soak(&mut scene, rounds));
    }
    complaints.iter().for_each(|complaint| println!("FAILED: {complaint}"));
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Takes `--nodes real` or `--nodes bundled` off the arguments; without it nodes are real.
fn take_kind(args: &mut Vec<String>) -> Kind {
    let Some(place) = args.iter().position(|arg| arg == "--nodes") else { return Kind::Real };
    let words: Vec<String> = args.drain(place..args.len().min(place + 2)).collect();
    match words.get(1).map(String::as_str) {
        Some("real") => Kind::Real,
        Some("bundled") => Kind::Bundled,
        other => panic!("--nodes {other:?}: expected real or bundled"),
    }
}

/// Takes `--soak ROUNDS` off the arguments.
fn take_soak(args: &mut Vec<String>) -> Option<usize> {
    let place = args.iter().position(|arg| arg == "--soak")?;
    let words: Vec<String> = args.drain(place..args.len().min(place + 2)).collect();
    let rounds = words.get(1).and_then(|word| word.parse().ok());
    Some(rounds.unwrap_or_else(|| panic!("--soak: expected a number of rounds")))
}

/// How long the machine may let nobody run before that is told.
const PAUSE_TOLD: Duration = Duration::from_millis(100);

fn print_row(fault: &Fault, ledger: &Ledger, took: Option<Duration>) {
    let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
    println!(
        "| {} | {} | {} | {} | {} | {} | {} | {} |",
        fault.name,
        ledger.operations,
        ledger.errors_count(),
        seconds(ledger.stall),
        took.map_or("–".to_owned(), seconds),
        ledger.lost.len(),
        ledger.doubled.len(),
        ledger.wrong.len(),
    );
    for (text, count) in &ledger.errors {
        println!("    {count} × {text}");
    }
    if ledger.machine_pause > PAUSE_TOLD {
        println!("    the machine itself stood still for {}", seconds(ledger.machine_pause));
    }
    if ledger.cut + ledger.unheard + ledger.heard_again > 0 {
        println!(
            "    {} connections ended; of messages {} were not heard and {} again",
            ledger.cut, ledger.unheard, ledger.heard_again,
        );
    }
}

/// How long before its end a primary may have acknowledged what has not left it for its replica, and how long after
/// it a client may read that.
const UNCOPIED: Duration = Duration::from_millis(20);

/// Tells of, and forgets, writes that a primary acknowledged in the moment it was struck down: copies are made behind
/// the reply, so the cluster itself may lose them, and no front door knows.
fn pass_over_uncopied(ledger: &mut Ledger, struck: (Instant, Instant)) {
    let around = UNCOPIED + ledger.machine_pause;
    let around = struck.0.checked_sub(around).unwrap_or(struck.0)..struck.1 + around;
    ledger.lost.retain(|loss| {
        let is_passed_over = around.contains(&loss.acked_at);
        if is_passed_over {
            println!("    acknowledged as the primary fell, and not copied: {}", loss.sentence);
        }
        !is_passed_over
    });
}

/// What is not as it should be.
fn judge(fault: &Fault, ledger: &Ledger, took: Option<Duration>) -> Vec<String> {
    let mut complaints: Vec<String> = Vec::new();
    let lost = ledger.lost.iter().map(|loss| &loss.sentence);
    for sentence in lost.chain(&ledger.doubled).chain(&ledger.wrong) {
        complaints.push(sentence.clone());
    }
    let is_unknown = |text: &String| text.contains("may have been applied");
    let errors_max = match fault.allowed {
        Allowed::WriteInFlight => 1,
        Allowed::WriteInFlightToEach => SHARDS as u64,
        Allowed::Nothing | Allowed::Cut => 0,
        Allowed::Refusals => u64::MAX,
    };
    let is_expected = |text: &String| match fault.allowed {
        Allowed::Refusals => text.contains("MISCONF"),
        _ => is_unknown(text),
    };
    let may_fail = ledger.errors_of_one <= errors_max;
    if ledger.errors_count() > 0 && !(may_fail && ledger.errors.keys().all(is_expected)) {
        complaints.push(format!("errors that must not be: {:?}", ledger.errors));
    }
    if ledger.cut > 0 && fault.allowed != Allowed::Cut {
        complaints.push(format!("{} connections of clients ended", ledger.cut));
    }
    let stall_max = took.unwrap_or_default() + STALL_MARGIN + HOPS * ledger.machine_pause;
    if ledger.stall > stall_max && fault.allowed != Allowed::Cut {
        complaints.push(format!("a stall of {:?}, {stall_max:?} allowed", ledger.stall));
    }
    complaints.iter().map(|complaint| format!("{}: {complaint}", fault.name)).collect()
}
