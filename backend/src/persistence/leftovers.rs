//! What processes that are gone have left unfinished, removed so that crashes do not fill the disk.
//!
//! | name | who writes it |
//! |---|---|
//! | `temp-<pid>.rdb` | a node, or its child: a snapshot |
//! | `temp-<seconds>.<pid>.rdb` | a replica: the copy that it receives |
//! | `temp-rewriteaof-bg-<pid>.aof` | a child: a base of the append-only file |
//!
//! 1. Whoever writes such a file holds a lock on it, which the system takes back when the process ends, however it ends.
//! 2. A node that starts removes those of which nobody holds the lock, if the process of the name is gone, or has ended
//!    and was not waited for, or began only after the file was last written: numbers of processes are given again, in
//!    a container from the beginning.
//! 3. The child of a node that was killed may be about to end still. So what is left is looked at again for a while.
//!
//! A Redis writes files of the same names, without a lock; they are removed by the same rule, and those of one that
//! lives stay. Nothing else in the directory is touched.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// Time between two looks at what is left.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks at what is left (count). A child ends at the latest when the disk has taken what it was given to sync.
const LOOKS: usize = 60;

/// By how much the system's times may be beside each other: that of its start is in whole seconds.
const TIMES_APART: Duration = Duration::from_secs(2);

/// Begins a file under a name of those above.
///
/// # Errors
/// The system does not make it.
pub(crate) fn begin(path: &Path) -> io::Result<File> {
    let file = File::create(path)?;
    // Where files cannot be locked, those whose process may live are left.
    let _ = file.try_lock();
    Ok(file)
}

/// Removes what is left in directories, and goes on in the background while there is more.
pub(super) fn remove(dirs: Vec<PathBuf>) {
    if is_anything_left(&dirs) {
        tokio::task::spawn_local(async move {
            for _ in 0..LOOKS {
                tokio::time::sleep(LOOK_EVERY).await;
                if !is_anything_left(&dirs) {
                    return;
                }
            }
        });
    }
}

/// Removes what may be removed. Whether there is more.
fn is_anything_left(dirs: &[PathBuf]) -> bool {
    // A directory that cannot be read is noticed by whoever needs it.
    let entries = dirs.iter().filter_map(|dir| fs::read_dir(dir).ok()).flatten().flatten();
    let mut is_left = false;
    for entry in entries {
        let Some(writer) = entry.file_name().to_str().and_then(writer_of) else { continue };
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path();
        // Nothing is lost if it stays.
        is_left |= !(is_abandoned(&path, writer) && fs::remove_file(&path).is_ok());
    }
    is_left
}

/// The process that a file is named after.
fn writer_of(name: &str) -> Option<Pid> {
    let name = name.strip_prefix("temp-")?;
    let pid = match name.strip_suffix(".rdb") {
        Some(snapshot) => match snapshot.split_once('.') {
            Some((seconds, pid)) => seconds.parse::<u64>().ok().map(|_| pid)?,
            None => snapshot,
        },
        None => name.strip_prefix("rewriteaof-bg-")?.strip_suffix(".aof")?,
    };
    Pid::from_raw(pid.parse().ok()?)
}

/// Whether nobody will ever finish a file.
fn is_abandoned(path: &Path, writer: Pid) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let is_free = match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => return false,
        Err(TryLockError::Error(_)) => false,
    };
    if writer == rustix::process::getpid() {
        // This process would hold the lock, so another one had its number.
        return is_free;
    }
    match began_at(writer) {
        Began::Gone => true,
        Began::Unknown => false,
        Began::At(began) => {
            let written = file.metadata().and_then(|facts| facts.modified());
            written.is_ok_and(|written| began > written + TIMES_APART)
        }
    }
}

/// When a process began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Began {
    /// There is none, or it has ended.
    Gone,
    At(SystemTime),
    Unknown,
}

fn began_at(pid: Pid) -> Began {
    if test_kill_process(pid) == Err(Errno::SRCH) {
        return Began::Gone;
    }
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid()));
    let booted = fs::read_to_string("/proc/stat");
    let (Ok(stat), Ok(booted)) = (stat, booted) else { return Began::Unknown };
    let Some((state, ticks)) = state_and_start(&stat) else { return Began::Unknown };
    if matches!(state, "Z" | "X") {
        return Began::Gone;
    }
    let booted_s = booted.lines().find_map(|line| line.strip_prefix("btime ")?.parse::<u64>().ok());
    let seconds = ticks.checked_div(rustix::param::clock_ticks_per_second());
    let began_s = booted_s.zip(seconds).and_then(|(booted, since)| booted.checked_add(since));
    let began = began_s.and_then(|began| UNIX_EPOCH.checked_add(Duration::from_secs(began)));
    began.map_or(Began::Unknown, Began::At)
}

/// The state of a process as one letter, and when it began, in ticks since the system did.
///
/// Spec: proc_pid_stat(5), fields 3 and 22. The name before them is in parentheses and may hold any bytes.
fn state_and_start(stat: &str) -> Option<(&str, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    Some((state, fields.nth(22 - 4)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// A file written by nobody now, whose last write was so long ago.
    fn unfinished(dir: &Path, name: &str, age: Duration) -> PathBuf {
        let path = dir.join(name);
        let file = File::create(&path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
        path
    }

    fn names_left(dir: &Path) -> Vec<String> {
        is_anything_left(&[dir.to_owned()]);
        let entries = fs::read_dir(dir).unwrap().flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn only_names_of_unfinished_files_have_writers() {
        let pid = |name| writer_of(name).map(Pid::as_raw_pid);
        assert_eq!(pid("temp-12.rdb"), Some(12));
        assert_eq!(pid("temp-1700000000.12.rdb"), Some(12));
        assert_eq!(pid("temp-rewriteaof-bg-12.aof"), Some(12));
        for name in
            ["temp-x.rdb", "temp-0.rdb", "temp-.rdb", "temp-1.2.3.rdb", "12.rdb", "dump.rdb"]
        {
            assert_eq!(pid(name), None, "{name}");
        }
    }

    #[test]
    fn files_of_processes_that_are_gone_go_and_those_of_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        let mut living = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let gone = i32::MAX;
        for pid in [living.id(), gone.cast_unsigned()] {
            unfinished(dir.path(), &format!("temp-{pid}.rdb"), Duration::ZERO);
            unfinished(dir.path(), &format!("temp-17.{pid}.rdb"), Duration::ZERO);
            unfinished(dir.path(), &format!("temp-rewriteaof-bg-{pid}.aof"), Duration::ZERO);
        }
        unfinished(dir.path(), "temp-name.rdb", HOUR);
        let mut expect = ["17.PID.rdb", "PID.rdb", "name.rdb", "rewriteaof-bg-PID.aof"]
            .map(|name| format!("temp-{name}").replace("PID", &living.id().to_string()));
        expect.sort();
        assert_eq!(names_left(dir.path()), expect);
        // It has ended, and nobody has waited for it.
        living.kill().unwrap();
        let pid = Pid::from_child(&living);
        while began_at(pid) != Began::Gone {
            std::thread::yield_now();
        }
        assert_eq!(names_left(dir.path()), ["temp-name.rdb"]);
        living.wait().unwrap();
    }

    #[test]
    fn a_number_that_was_given_again_saves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut living = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let old = unfinished(dir.path(), &format!("temp-{}.rdb", living.id()), HOUR);
        let own = unfinished(dir.path(), &format!("temp-{}.rdb", std::process::id()), HOUR);
        assert_eq!(names_left(dir.path()), Vec::<String>::new());
        assert!(!old.exists() && !own.exists());
        living.kill().unwrap();
        living.wait().unwrap();
    }

    #[test]
    fn what_is_being_written_stays() {
        let dir = tempfile::tempdir().unwrap();
        let name = format!("temp-{}.rdb", i32::MAX);
        let file = begin(&dir.path().join(&name)).unwrap();
        file.set_modified(SystemTime::now() - HOUR).unwrap();
        assert_eq!(names_left(dir.path()), [name]);
        drop(file);
        assert_eq!(names_left(dir.path()), Vec::<String>::new());
    }
}
