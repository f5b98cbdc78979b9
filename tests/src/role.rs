//! A test binary that starts itself once more, to be a server instead.
//!
//! So a crate's own tests have its server in a process of its own without a binary that another crate builds.

use std::fmt::Display;
use std::process;

/// Becomes a server for ever if the environment holds its arguments, one a line, under this name; the first thing that
/// such a test's `main` does. Exits with 1 when the server ends with an error.
pub fn serve_if_asked<E: Display>(name: &str, serve: impl FnOnce(&[String]) -> Result<(), E>) {
    let Ok(args) = std::env::var(name) else { return };
    let args: Vec<String> = args.lines().map(str::to_owned).collect();
    if let Err(error) = serve(&args) {
        eprintln!("{error}");
        process::exit(1);
    }
    process::exit(0);
}
