//! Nothing that was started outlives the tests, however they end.
//!
//! 1. Every process is killed when its owner is dropped.
//! 2. What lives in a static is never dropped, and a killed test drops nothing: a shell that reads a pipe held by
//!    this process is told of every process and directory. When the pipe ends, it removes what is left.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

/// Reads `+ PID` and `- PID`, and `! COMMAND`; at the end of its input kills what was added and not taken back, and
/// then runs the commands.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
pids=' '
undo=''
while read -r sign pid; do
    case $sign in
        +) pids="$pids$pid " ;;
        -) pids="${pids%% $pid *} ${pids#* $pid }" ;;
        '!') undo="$undo $pid;" ;;
    esac
done
[ -z "${pids# }" ] || kill -KILL $pids
eval "$undo"
rm -rf "$1"
"#;

struct Guard {
    root: PathBuf,
    /// Not waited for: it is to outlive the tests.
    _shell: Child,
    input: Mutex<ChildStdin>,
}

static GUARD: LazyLock<Guard> = LazyLock::new(|| {
    let root = std::env::temp_dir().join(format!("reddoor-tests-{}", std::process::id()));
    std::fs::create_dir_all(&root).expect("a temporary directory");
    let mut shell = Command::new("/bin/sh")
        .args(["-c", SCRIPT, "guard"])
        .arg(&root)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    let input = Mutex::new(shell.stdin.take().expect("its input is a pipe"));
    Guard { root, _shell: shell, input }
});

fn tell(sign: char, rest: impl std::fmt::Display) {
    let mut input = GUARD.input.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(input, "{sign} {rest}").expect("the guard lives as long as the tests");
}

/// From now on the process ends with the tests at the latest; with a sign before its number, its group.
pub(crate) fn watch(id: i64) {
    tell('+', id);
}

/// The process is about to be collected, so that its number may go to another one.
pub(crate) fn release(id: i64) {
    tell('-', id);
}

/// A shell command that is run when the tests end, whether what it takes back is still there or not.
pub(crate) fn undo_at_end(command: &str) {
    tell('!', command);
}

/// A new directory that is removed when the tests end.
///
/// # Panics
/// It cannot be made.
pub fn temp_dir(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let dir: &Path = &GUARD.root.join(format!("{name}-{number}"));
    std::fs::create_dir_all(dir).expect("a temporary directory");
    dir.to_owned()
}
