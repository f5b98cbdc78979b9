//! All databases as one run of bytes: a snapshot's file, the base of an append-only file, a full synchronisation.
//!
//! | bytes | what |
//! |---|---|
//! | 9 | `REDIS`, the version in four digits |
//! | `fa` name value | a fact about the file, any number of them; unknown names are passed over |
//! | `f5` text | a library of functions |
//! | `fe` number | the keys that follow lie in this database |
//! | `fb` count count | how many keys these will be, and how many of them expire: a hint |
//! | `fc` 8, or `fd` 4 | when the next key expires, in milliseconds or seconds since 1970, the low byte first |
//! | `f8` number, or `f9` 1 | for how many seconds nobody used the next key, or how often somebody did |
//! | kind key content | one key; what follows the kind is in [`super`] |
//! | `ff` | the end |
//! | 8 | checksum of everything before, the low byte first; zero for none |
//!
//! Names, values, keys are strings and numbers are lengths as [`super::read`] has them.
//!
//! | module | what it does |
//! |---|---|
//! | [`write`] | databases to bytes |
//! | [`decode`] | bytes, as they come, to keys |
//! | [`fill`] | keys to databases |
//!
//! Not here: files, sockets, the clock.
//!
//! Source: redis `src/rdb.c` rdbSaveRio, rdbLoadRio.

pub(crate) mod decode;

pub(crate) mod fill;

pub(crate) mod write;

use crc::{Digest, Table};
use thiserror::Error;

use crate::data::rdb::payload::CHECKSUM;

/// What every file begins with, before the version.
const MAGIC: [u8; 5] = *b"REDIS";

/// A byte where a kind could stand, and what it introduces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Opcode {
    Function = 0xf5,
    /// Functions as a release candidate of Redis 7.0 wrote them.
    FunctionBefore7 = 0xf6,
    Module = 0xf7,
    Idle = 0xf8,
    Frequency = 0xf9,
    Aux = 0xfa,
    Sizes = 0xfb,
    ExpiresAtMs = 0xfc,
    ExpiresAtS = 0xfd,
    Database = 0xfe,
    End = 0xff,
}

impl Opcode {
    fn of(byte: u8) -> Option<Opcode> {
        use Opcode::{
            Aux, Database, End, ExpiresAtMs, ExpiresAtS, Frequency, Function, FunctionBefore7,
            Idle, Module, Sizes,
        };
        let all = [
            Function,
            FunctionBefore7,
            Module,
            Idle,
            Frequency,
            Aux,
            Sizes,
            ExpiresAtMs,
            ExpiresAtS,
            Database,
            End,
        ];
        all.into_iter().find(|opcode| *opcode as u8 == byte)
    }
}

/// Whether a file has a checksum, as `rdbchecksum` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checksum {
    /// Written as zero, and not compared.
    Off,
    On,
}

/// The checksum of the bytes so far, while it is being made.
pub(crate) type Sum = Digest<'static, u64, Table<16>>;

impl Checksum {
    /// The checksum of no bytes, to which others can be added; `None` if there is to be none.
    pub(crate) fn begin(self) -> Option<Sum> {
        (self == Checksum::On).then(|| CHECKSUM.digest())
    }
}

/// Why bytes are no file that this node can read. Offsets are bytes from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum FileError {
    #[error("Wrong signature trying to load DB from file")]
    Signature,
    #[error("Can't handle RDB format version {0}")]
    Version(u32),
    #[error("Short read: the file ends at offset {0} in the middle of something")]
    Truncated(u64),
    #[error("Bad data format in what begins at offset {0}: integrity check failed")]
    Malformed(u64),
    #[error("The RDB file contains module data I can't load, at offset {0}")]
    Module(u64),
    #[error("Pre-release function format not supported, at offset {0}")]
    OldFunction(u64),
    #[error("RDB CRC error: wrong checksum, expected ({stated:x}) but got ({computed:x})")]
    Checksum { stated: u64, computed: u64 },
    #[error(
        "Data file was created with a Redis server configured to handle more than {databases} databases, \
         and has keys in database {number}"
    )]
    Database { number: u64, databases: usize },
    #[error("RDB has a key twice, in database {0}")]
    Duplicate(usize),
}

#[cfg(test)]
mod tests;
