//! A child process with the node's memory as it was at one moment, to write it down while the node goes on.
//!
//! The system copies the page tables, which is the pause, and afterwards each page that either side changes.
//! This is unsafe code, and the only place that knows of forks:
//!
//! 1. `fork` in a process of several threads leaves the child with the calling thread alone, and with every lock
//!    as it was held. The child may meet these: the allocator's, which the C library takes before and frees after
//!    a fork on both sides; none of the standard library's, for it writes neither to standard output nor to the
//!    log, starts no thread and resolves no name. What it has to say goes through a pipe ([`Report`]).
//! 2. It never returns to its caller: the work is run behind a barrier for panics, and `_exit` ends the process
//!    without handlers, destructors or flushed buffers, all of which belong to the parent.
//! 3. Signals that the parent catches are given their default first, since the handlers write into a descriptor
//!    which the child is about to close. It ends with its parent: a snapshot of a node that is no more is of no
//!    use, and could replace a newer one.
//! 4. All descriptors but the standard ones, the pipe and those asked for are closed, so that a child holds neither
//!    ports nor clients.

#![expect(unsafe_code, reason = "fork and what belongs to it; the proof is above")]

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions};

/// A child as its parent sees it.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) pid: Pid,
    /// What it reports, in [`Message`]s; ends with it.
    pub(crate) pipe: OwnedFd,
    /// How long the node stood still.
    pub(crate) pause: Duration,
}

/// What a child reports of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// Keys written (count).
    pub(crate) keys: u64,
    /// Memory that it does not share with its parent, in bytes.
    pub(crate) copied_bytes: u64,
    /// The system's number of the error that ended it; 0 for none.
    pub(crate) error: u32,
}

impl Message {
    /// Two numbers of eight bytes, one of four, the low byte first.
    pub(crate) const BYTES: usize = 20;

    pub(crate) fn from_bytes(bytes: &[u8; Message::BYTES]) -> Message {
        let number = |at: usize| {
            bytes[at..at + 8].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let error = u32::from_le_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]);
        Message { keys: number(0), copied_bytes: number(8), error }
    }

    fn to_bytes(self) -> [u8; Message::BYTES] {
        let mut bytes = [0; Message::BYTES];
        bytes[..8].copy_from_slice(&self.keys.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.copied_bytes.to_le_bytes());
        bytes[16..].copy_from_slice(&self.error.to_le_bytes());
        bytes
    }
}

/// How a child tells what it does.
pub(crate) struct Report {
    pipe: File,
    message: Message,
    told_at: Instant,
    /// How long the last look at the memory took.
    look: Duration,
}

/// Time between two reports.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// The share of its time that a child looks at its memory, as one to so many.
const LOOK_SHARE: u32 = 100;

impl Report {
    fn new(pipe: File) -> Report {
        Report { pipe, message: Message::default(), told_at: Instant::now(), look: Duration::ZERO }
    }

    /// Tells of so many keys now and then; cheap to call often.
    pub(crate) fn keys(&mut self, count: u64) {
        self.message.keys = count;
        let since = self.told_at.elapsed();
        if since >= REPORT_EVERY && since >= self.look * LOOK_SHARE {
            self.tell();
        }
    }

    fn tell(&mut self) {
        let start = Instant::now();
        let smaps = fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
        let line = smaps.lines().find_map(|line| line.strip_prefix("Private_Dirty:"));
        let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
        self.message.copied_bytes = kilobytes.unwrap_or(0) * 1024;
        // Without a parent there is nobody to tell, and the child ends soon.
        let _ = self.pipe.write_all(&self.message.to_bytes());
        self.told_at = Instant::now();
        self.look = self.told_at - start;
    }
}

/// Runs `work` in a child process, which ends with it. Of the descriptors, it can use the standard ones and `kept`.
///
/// `work` must not log, print, or wait for another thread.
///
/// # Errors
/// There is no child.
pub(crate) fn fork(
    kept: &[RawFd],
    work: impl FnOnce(&mut Report) -> io::Result<()>,
) -> io::Result<Child> {
    let (pipe, child_end) = pipe_with(PipeFlags::CLOEXEC)?;
    let start = Instant::now();
    // SAFETY: see 1 and 2 above.
    let pid = unsafe { libc::fork() };
    let pause = start.elapsed();
    if pid == 0 {
        let result = panic::catch_unwind(AssertUnwindSafe(|| {
            prepare(kept, child_end.as_raw_fd())?;
            let mut report = Report::new(File::from(child_end));
            let result = work(&mut report);
            if let Err(error) = &result {
                let number = error.raw_os_error().and_then(|number| u32::try_from(number).ok());
                report.message.error = number.unwrap_or(libc::EIO as u32);
            }
            report.tell();
            result
        }));
        let code = if matches!(result, Ok(Ok(()))) { 0 } else { 1 };
        // SAFETY: ends this process and touches nothing of it.
        unsafe { libc::_exit(code) }
    }
    match Pid::from_raw(pid).filter(|_| pid > 0) {
        Some(pid) => Ok(Child { pid, pipe, pause }),
        None => Err(io::Error::last_os_error()),
    }
}

/// Makes a child independent of its parent, except that it ends with it.
fn prepare(kept: &[RawFd], pipe: RawFd) -> io::Result<()> {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGCHLD] {
        // SAFETY: the default action of a signal is no code of ours.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let mut kept: Vec<RawFd> = kept.iter().copied().chain([0, 1, 2, pipe]).collect();
    kept.sort_unstable();
    let ends = kept[1..].iter().copied().chain([RawFd::MAX]);
    for (last, next) in kept.iter().zip(ends) {
        if last + 1 < next {
            let (first, last) = ((last + 1) as libc::c_uint, (next - 1) as libc::c_uint);
            // SAFETY: the owners of these descriptors are the parent's, and never run again in this process.
            unsafe { libc::close_range(first, last, 0) };
        }
    }
    Ok(())
}

/// Waits for a child that has ended, or is about to. Whether its work was done.
pub(crate) fn reap(pid: Pid) -> bool {
    let ended = loop {
        match rustix::process::waitpid(Some(pid), WaitOptions::empty()) {
            Err(rustix::io::Errno::INTR) => {}
            ended => break ended,
        }
    };
    matches!(ended, Ok(Some((_, status))) if status.exit_status() == Some(0))
}

/// Ends a child at once, and waits until it has ended.
pub(crate) fn kill(pid: Pid) {
    // It may have ended by itself.
    let _ = rustix::process::kill_process(pid, Signal::KILL);
    reap(pid);
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn messages(child: Child) -> (Vec<Message>, bool) {
        let mut bytes = Vec::new();
        File::from(child.pipe).read_to_end(&mut bytes).unwrap();
        let whole = bytes.chunks_exact(Message::BYTES);
        let messages = whole.map(|bytes| Message::from_bytes(bytes.try_into().unwrap())).collect();
        (messages, reap(child.pid))
    }

    #[test]
    fn a_child_tells_how_it_ended() {
        let fine = fork(&[], |report| {
            report.keys(7);
            Ok(())
        });
        let (told, is_done) = messages(fine.unwrap());
        assert!(is_done);
        assert_eq!((told[0].keys, told[0].error), (7, 0));
        assert!(told[0].copied_bytes > 0);

        let failing = fork(&[], |_| Err(io::Error::from_raw_os_error(libc::ENOSPC)));
        let (told, is_done) = messages(failing.unwrap());
        assert!(!is_done);
        assert_eq!(i32::try_from(told[0].error), Ok(libc::ENOSPC));
    }

    #[test]
    fn a_child_has_its_parents_memory_and_none_of_its_descriptors() {
        let dir = tempfile::tempdir().unwrap();
        let (open, path) = (File::open(dir.path()).unwrap(), dir.path().join("written"));
        let (mut text, descriptor) = (String::from("before"), open.as_raw_fd());
        let child = fork(&[], |_| {
            let is_closed = !fs::exists(format!("/proc/self/fd/{descriptor}"))?;
            fs::write(&path, format!("{text} {is_closed}"))
        });
        text.push_str(" and after");
        assert!(messages(child.unwrap()).1);
        assert_eq!(fs::read_to_string(&path).unwrap(), "before true");
    }

    #[test]
    fn a_child_that_is_killed_has_not_done_its_work() {
        let child = fork(&[], |_| {
            std::thread::sleep(Duration::from_secs(600));
            Ok(())
        });
        let child = child.unwrap();
        kill(child.pid);
        let mut bytes = Vec::new();
        File::from(child.pipe).read_to_end(&mut bytes).unwrap();
        assert!(bytes.is_empty());
    }
}
