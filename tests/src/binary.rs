//! The `reddoor` under test, built and up to date.
//!
//! It lies beside the test's own executable. `cargo test` of this crate alone would not build it, so the tests ask
//! cargo for it once: nothing is done when it is fresh.
//! With `REDDOOR_BIN` the tests run another binary, such as a packaged one.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The path of the binary.
///
/// # Panics
/// It does not build.
pub fn path() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| match std::env::var_os("REDDOOR_BIN") {
        Some(path) => path.into(),
        None => build(),
    })
}

/// A command that runs it, with an environment that holds no settings.
pub fn command() -> Command {
    let mut command = Command::new(path());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("REDDOOR_") {
            command.env_remove(name);
        }
    }
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn build() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    // target/<profile>/deps/<test>
    let profile_dir = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps");
    let target_dir = profile_dir.parent().expect("a profile lies in the target directory");
    let profile = match profile_dir.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let output = Command::new(env!("CARGO"))
        .args(["build", "--package", "reddoor", "--profile", profile, "--target-dir"])
        .arg(target_dir)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    profile_dir.join("reddoor")
}
