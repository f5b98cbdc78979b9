//! The checks on their seeds and on mutated forms of them, the same in every run.
//!
//! `FUZZ_MUTATIONS` says how many forms each check gets, `FUZZ_SEED` begins other ones, `FUZZ_CHECK` names the only
//! check. An input that shows a fault is printed as a Rust byte string.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod mutation;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

use reddoor_fuzz_checks::{CHECKS, Check};

use crate::mutation::Mutator;

/// Mutated forms for each check (count); a second or two for all.
const MUTATIONS: u64 = 20_000;

/// The folder that cargo-fuzz takes for its own.
fn fuzz_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The seeds of a check, by their names.
fn seeds_of(check: &Check) -> Vec<Vec<u8>> {
    let dir = fuzz_dir().join("seeds").join(check.name);
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|f| f.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn number_of(name: &str, otherwise: u64) -> u64 {
    env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(otherwise)
}

fn run(check: &Check, input: &[u8]) {
    if let Err(fault) = panic::catch_unwind(|| (check.check)(input)) {
        println!("{} on b\"{}\"", check.name, input.escape_ascii());
        panic::resume_unwind(fault);
    }
}

#[test]
fn seeds_and_their_mutated_forms_show_no_fault() {
    let only = env::var("FUZZ_CHECK").ok();
    for check in CHECKS.iter().filter(|check| only.as_deref().is_none_or(|o| o == check.name)) {
        let seeds = seeds_of(check);
        seeds.iter().for_each(|seed| run(check, seed));
        let mut mutator = Mutator::new(number_of("FUZZ_SEED", 1), &seeds);
        (0..number_of("FUZZ_MUTATIONS", MUTATIONS)).for_each(|_| run(check, &mutator.mutated()));
    }
}

/// The names in a folder, without what follows a point.
fn stems(dir: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(fuzz_dir().join(dir)).unwrap();
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    entries.map(|entry| stem(entry.unwrap().path())).collect()
}

#[test]
fn every_check_has_seeds_and_a_target_of_libfuzzer() {
    let checks: BTreeSet<String> = CHECKS.iter().map(|check| check.name.to_owned()).collect();
    assert_eq!(stems("seeds"), checks);
    assert_eq!(stems("fuzz_targets"), checks);
    let manifest = fs::read_to_string(fuzz_dir().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let bins = manifest["bin"].as_array().unwrap().iter();
    let bins: BTreeSet<String> = bins.map(|b| b["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(bins, checks);
    for check in CHECKS {
        let path = format!("fuzz_targets/{}.rs", check.name);
        let text = fs::read_to_string(fuzz_dir().join(&path)).unwrap();
        assert!(text.contains(&format!("{}::check(data)", check.name)), "{path}");
        assert!(!seeds_of(check).is_empty(), "{}", check.name);
    }
}
