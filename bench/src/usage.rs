//! Processor time and memory of a process, read from /proc.
//!
//! Processor time comes from `schedstat` (nanoseconds) where the kernel keeps it, otherwise from
//! `stat` (clock ticks, 10 ms on Linux). It is summed over all threads that live at that moment,
//! so a difference of two readings is exact as long as no thread ended in between.
//!
//! Spec: proc(5), and the kernel's Documentation/scheduler/sched-stats.rst.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Where processor time is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CpuClock {
    /// `/proc/PID/task/*/schedstat`, nanoseconds.
    SchedStat,
    /// `/proc/PID/stat`, in ticks of this many per second.
    Ticks(u64),
}

impl CpuClock {
    /// The finest clock this kernel offers.
    pub(crate) fn detect() -> Self {
        // A kernel without the statistics shows no file, or one of zeros; this thread has run.
        let nanos = fs::read_to_string("/proc/thread-self/schedstat").ok();
        match nanos.as_deref().and_then(parse_schedstat) {
            Some(nanos) if nanos > 0 => Self::SchedStat,
            _ => Self::Ticks(rustix::param::clock_ticks_per_second()),
        }
    }

    /// One line for the report.
    pub(crate) fn describe(self) -> String {
        match self {
            Self::SchedStat => "/proc/PID/task/*/schedstat (nanoseconds)".to_owned(),
            Self::Ticks(per_second) => format!(
                "/proc/PID/stat (ticks of 1/{per_second} s: use --ops so that a run takes seconds)"
            ),
        }
    }

    /// Processor time, user and system, of all threads of a process so far.
    ///
    /// # Errors
    /// The process has ended.
    pub(crate) fn read(self, pid: u32) -> Result<Duration> {
        match self {
            Self::SchedStat => read_schedstat(pid),
            Self::Ticks(per_second) => {
                let text = read(&format!("/proc/{pid}/stat"))?;
                let ticks = parse_stat(&text).context("a /proc stat line of unknown shape")?;
                Ok(Duration::from_nanos(ticks * (1_000_000_000 / per_second)))
            }
        }
    }
}

fn read_schedstat(pid: u32) -> Result<Duration> {
    let folder = format!("/proc/{pid}/task");
    let tasks = fs::read_dir(&folder).with_context(|| format!("process {pid} has ended"))?;
    let mut nanos = 0;
    for task in tasks {
        // A thread may end between the listing and the reading.
        if let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) {
            nanos += parse_schedstat(&text).context("a schedstat of unknown shape")?;
        }
    }
    Ok(Duration::from_nanos(nanos))
}

/// Resident memory of a process now, bytes.
///
/// # Errors
/// The process has ended.
pub(crate) fn resident_bytes(pid: u32) -> Result<u64> {
    let text = read(&format!("/proc/{pid}/status"))?;
    parse_resident(&text).context("no VmRSS in /proc status")
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

/// Time on a processor, nanoseconds: the first of the three numbers.
fn parse_schedstat(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

/// `utime` + `stime`, ticks: fields 14 and 15, counted from 1.
fn parse_stat(text: &str) -> Option<u64> {
    // Field 2, the program's name, may hold spaces and parentheses; field 3 follows the last one.
    let (_, after_name) = text.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(14 - 3);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn parse_resident(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedstat_gives_the_time_on_a_processor() {
        assert_eq!(parse_schedstat("129035911 4103377 312\n"), Some(129_035_911));
        assert_eq!(parse_schedstat(""), None);
    }

    #[test]
    fn stat_is_read_behind_a_name_with_spaces_and_parentheses() {
        let line =
            "42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 250 130 7 9 20 0 1 0 555 1000 200";
        assert_eq!(parse_stat(line), Some(380));
        assert_eq!(parse_stat("42 (x) S 1"), None);
    }

    #[test]
    fn resident_memory_is_kibibytes() {
        assert_eq!(
            parse_resident("Name:\tx\nVmHWM:\t  900 kB\nVmRSS:\t  812 kB\n"),
            Some(812 * 1024)
        );
        assert_eq!(parse_resident("Name:\tx\n"), None);
    }

    #[test]
    fn this_process_can_be_read_by_either_clock() {
        let pid = std::process::id();
        assert!(CpuClock::detect().read(pid).is_ok());
        assert!(CpuClock::Ticks(100).read(pid).is_ok());
        assert!(resident_bytes(pid).unwrap() > 0);
    }
}
