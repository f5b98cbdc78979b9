//! The house rules, as far as a program can check them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of one file that are not tests (count).
const LINES_MAX: usize = 500;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = ["utils", "common", "helpers", "misc", "types", "manager", "mod"];

const CRATES: [&str; 7] = ["protocol", "proxy", "backend", "cli", "tests", "fuzz", "bench"];

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Every Rust file of the workspace with its text, by its path from the root.
fn rust_files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut dirs: Vec<PathBuf> = CRATES.iter().map(|name| workspace().join(name)).collect();
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(workspace()).unwrap().to_str().unwrap().to_owned();
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(files.len() > 100, "only {} files", files.len());
    files
}

/// The names of the files that break a rule.
fn breaking(breaks: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let files = rust_files().into_iter();
    files.filter(|(name, text)| breaks(name, text)).map(|(name, _)| name).collect()
}

fn is_test_file(name: &str) -> bool {
    name.split('/').any(|part| part == "tests") && !name.starts_with("tests/src/")
        || name.ends_with("/tests.rs")
}

#[test]
fn every_file_begins_with_what_it_is_for() {
    assert_eq!(breaking(|_, text| !text.starts_with("//! ")), [""; 0]);
}

#[test]
fn no_file_is_too_long_to_be_read() {
    let is_too_long = |name: &str, text: &str| {
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        !is_test_file(name) && code.lines().count() > LINES_MAX
    };
    assert_eq!(breaking(is_too_long), [""; 0]);
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    let says_nothing = |name: &str, _: &str| {
        let parts = name.split('/').map(|part| part.trim_end_matches(".rs"));
        parts.into_iter().any(|part| EMPTY_NAMES.contains(&part))
    };
    assert_eq!(breaking(says_nothing), [""; 0]);
}

#[test]
fn nothing_is_put_off() {
    // In two pieces, lest this file be found.
    let marks = ["TO\u{44}O", "FIX\u{4d}E", "XX\u{58}", "#[ign\u{6f}re"];
    assert_eq!(breaking(|_, text| marks.iter().any(|mark| text.contains(mark))), [""; 0]);
}

#[test]
fn unsafe_code_stands_in_modules_of_its_own() {
    let word = ["unsafe", "{"].join(" ");
    let mut found = breaking(|_, text| text.contains(&word));
    found.sort_unstable();
    let expect = [
        "fork.rs",
        "memory.rs",
        "scripting/raw.rs",
        "scripting/raw/door.rs",
        "scripting/raw/runner.rs",
        "scripting/raw/values.rs",
    ];
    assert_eq!(found, expect.map(|name| format!("backend/src/{name}")));
}

#[test]
fn tests_wait_for_conditions_not_for_time() {
    let call = ["thread::", "sleep("].join("");
    let sleeps = |name: &str, text: &str| name.starts_with("tests/") && text.contains(&call);
    assert_eq!(breaking(sleeps), [""; 0]);
}

/// The names in the dependency tables of a crate that its binary or library is built from.
fn dependencies(name: &str) -> Vec<String> {
    let text = fs::read_to_string(workspace().join(name).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let table = manifest.get("dependencies").and_then(toml::Value::as_table);
    table.map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

#[test]
fn crates_depend_in_one_direction() {
    for (name, strangers) in [
        (
            "protocol",
            &["reddoor-proxy", "reddoor-backend", "reddoor", "tokio", "socket2", "hyper", "mio"][..],
        ),
        ("proxy", &["reddoor-backend", "reddoor", "reddoor-tests"]),
        ("backend", &["reddoor-proxy", "reddoor", "reddoor-tests"]),
        ("cli", &["reddoor-tests"]),
        // They meet what they test on the wire only.
        ("tests", &["reddoor-proxy", "reddoor-backend", "reddoor"]),
        ("bench", &["reddoor-proxy", "reddoor-backend", "reddoor"]),
    ] {
        let found = dependencies(name);
        assert!(
            !strangers.iter().any(|stranger| found.iter().any(|dep| dep == stranger)),
            "{name}: {found:?}"
        );
    }
}

#[test]
fn every_setting_says_what_it_means() {
    let text = fs::read_to_string(workspace().join("config/reddoor.toml")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let is_setting = |line: &str| line.contains(" = ") && !line.starts_with('#');
    let settings = (0..lines.len()).filter(|index| is_setting(lines[*index]));
    let bare: Vec<&str> = settings
        .filter(|index| *index == 0 || !lines[index - 1].starts_with("# "))
        .map(|index| lines[index])
        .collect();
    assert_eq!(bare, [""; 0]);
}

#[test]
fn every_folder_of_the_map_exists_and_is_on_it() {
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    for entry in fs::read_dir(workspace()).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() && !name.starts_with('.') && !name.starts_with("target") {
            assert!(readme.contains(&format!("[{name}/]({name})")), "{name} is not in README.md");
        }
    }
}
