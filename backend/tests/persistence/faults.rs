//! A disk that fails, or becomes full, or is lost with its server, at a chosen call.
//!
//! A small library in C stands between the server and the C library (`faults.c`); it is told what to do by a file that
//! both share, of numbers in eight bytes each. So a crash can be put before and behind each call that a snapshot or a
//! rewrite consists of, where one at a random time would hardly ever come.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::server::Environment;

/// What happens at the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u64)]
pub(crate) enum Fault {
    /// The server dies before it is made.
    DieBefore = 1,
    /// The server dies when it was made; of bytes to be written, half were.
    DieAfter,
    /// Only the process that makes it dies, which may be the server's child.
    DieAlone,
    /// It fails, and others after it do not.
    Fail,
    /// From there on there is no room for anything new.
    Full,
}

pub(crate) const FAULTS: [Fault; 5] =
    [Fault::DieBefore, Fault::DieAfter, Fault::DieAlone, Fault::Fail, Fault::Full];

/// Which calls count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Counted {
    /// To write to increments of the append-only file, and to sync them.
    Increments = 1,
    /// All others.
    Others,
    All,
}

/// The library, and the file by which it is told.
pub(crate) struct Faults {
    /// Where both are, until this is dropped.
    _home: TempDir,
    control: File,
    /// What makes a process heed this.
    pub(crate) environment: Environment,
}

/// Where the numbers stand in the file, in bytes.
const FAULT: u64 = 0;
const AT: u64 = 8;
const COUNTED: u64 = 16;
const CALLS: u64 = 24;

/// The call at which it happened, as text that ends with a zero.
const MET: u64 = 32;
const MET_BYTES: usize = 256;

impl Faults {
    /// Builds the library for servers with this directory; `None`, said aloud, if there is no compiler for C. In CI
    /// that is a failure.
    pub(crate) fn build(dir: &Path) -> Option<Faults> {
        let home = tempfile::tempdir().expect("a directory");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/persistence/faults.c");
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-O1", "-o"]).arg(home.path().join("faults.so"));
        let is_built = command.arg(source).stdin(Stdio::null()).status().is_ok_and(|s| s.success());
        if !is_built {
            assert!(
                std::env::var_os("CI").is_none(),
                "no library of faults, and CI passes over nothing"
            );
            eprintln!("PASSED OVER: there is no compiler for C, so this test checked nothing");
            return None;
        }
        let path = home.path().join("control");
        let control = File::options().read(true).write(true).create_new(true).open(path);
        let control = control.expect("a file");
        control.set_len(MET + MET_BYTES as u64).expect("room for it");
        let environment = [
            ("LD_PRELOAD", home.path().join("faults.so")),
            ("REDDOOR_FAULTS", home.path().join("control")),
            ("REDDOOR_FAULTS_DIR", dir.canonicalize().expect("a directory")),
        ];
        Some(Faults { _home: home, control, environment })
    }

    /// Has something happen at the call of this number, from 1 on.
    pub(crate) fn arm(&self, fault: Fault, at: u64, counted: Counted) {
        self.disarm();
        self.control.write_all_at(&[0; MET_BYTES], MET).expect("a file that can be written");
        for (offset, number) in
            [(CALLS, 0), (AT, at), (COUNTED, counted as u64), (FAULT, fault as u64)]
        {
            self.set(offset, number);
        }
    }

    /// Nothing happens any more.
    pub(crate) fn disarm(&self) {
        self.set(FAULT, 0);
    }

    /// Calls that counted since it was armed (count).
    pub(crate) fn calls(&self) -> u64 {
        let mut bytes = [0; 8];
        self.control.read_exact_at(&mut bytes, CALLS).expect("a file that can be read");
        u64::from_ne_bytes(bytes)
    }

    /// The call at which it happened, with numbers left out; `None` if it has not.
    pub(crate) fn met(&self) -> Option<String> {
        let mut bytes = [0; MET_BYTES];
        self.control.read_exact_at(&mut bytes, MET).expect("a file that can be read");
        let text = bytes.split(|byte| *byte == 0).next().filter(|text| !text.is_empty())?;
        let text = String::from_utf8_lossy(text).into_owned();
        let [.., (_, dir)] = &self.environment;
        let dir = dir.file_name().expect("a directory below others").to_string_lossy();
        let text = text.replace(&*dir, "the directory");
        let parts = text.split(|letter: char| letter.is_ascii_digit());
        Some(parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("#"))
    }

    fn set(&self, offset: u64, number: u64) {
        let bytes = number.to_ne_bytes();
        self.control.write_all_at(&bytes, offset).expect("a file that can be written");
    }
}
