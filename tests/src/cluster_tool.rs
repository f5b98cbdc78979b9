//! `redis-cli --cluster`, as operators run it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::wait::wait_until;

/// Runs it with these arguments; what it printed.
///
/// # Panics
/// It failed, or told of an error.
#[track_caller]
pub fn run(args: &[&str]) -> String {
    let (succeeded, text) = try_run(args);
    assert!(succeeded, "redis-cli --cluster {args:?}\n{text}");
    text
}

/// As [`run`]; whether it succeeded, and what it printed.
///
/// # Panics
/// There is no `redis-cli`.
pub fn try_run(args: &[&str]) -> (bool, String) {
    let mut command = Command::new("redis-cli");
    command.arg("--cluster").args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("redis-cli");
    // Who is not asked does not read it.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(b"yes\n"));
    let output = child.wait_with_output().expect("redis-cli");
    let text = [output.stdout, output.stderr].map(|b| String::from_utf8_lossy(&b).into_owned());
    (output.status.success() && !text[0].contains("[ERR]"), text.concat())
}

/// Waits until it finds nothing wrong with the cluster of the node at this port.
pub fn wait_well(port: u16) {
    wait_until("redis-cli to find nothing wrong", || {
        let (succeeded, text) = try_run(&["check", &format!("127.0.0.1:{port}")]);
        succeeded && text.contains("[OK] All 16384 slots covered") && !text.contains("[WARNING]")
    });
}
