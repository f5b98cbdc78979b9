//! Bytes, as they come, to keys.
//!
//! 1. The caller gives the decoder bytes, from a file or a socket, and asks for items until there is none.
//! 2. What is not there as a whole is looked at again when more has come. Something large is looked at again only
//!    when twice as much is there, so that it costs no more than twice the time; meanwhile there may be bytes that
//!    complete an item nobody has seen.
//! 3. So the caller says when no more will come ([`Decoder::end`]) and asks once more.
//!
//! In memory are at most the bytes that were given and not read, and one value.

mod sums;

use crate::data::key::Key;
use crate::data::keyspace::load::Entry;
use crate::data::rdb::file::{Checksum, FileError, MAGIC, Opcode, Sum};
use crate::data::rdb::read::{ReadError, Reader};
use crate::data::rdb::{Kind, Limits, VERSION, read_content};
use crate::data::usage::PastUse;

use sums::Sums;

/// What a file tells.
#[derive(Debug)]
pub(crate) enum Item {
    /// A fact about the file.
    Aux {
        name: Vec<u8>,
        value: Vec<u8>,
    },
    /// A library of functions.
    Library(Box<[u8]>),
    /// How many keys of a database follow, and how many of them expire: a hint, which may be anything.
    Sizes {
        db: u64,
        keys: u64,
        volatile: u64,
    },
    Key(KeyItem),
    /// A key whose collection has no elements, which is to be passed over.
    EmptyKey(Key),
    /// The file was read to its end, and its checksum is right. It comes once.
    End,
}

/// One key.
#[derive(Debug)]
pub(crate) struct KeyItem {
    /// The number of its database, which may be any.
    pub(crate) db: u64,
    pub(crate) entry: Entry,
}

/// Reads a file from its bytes.
pub(crate) struct Decoder {
    limits: Limits,
    /// What was given, read up to `at`.
    bytes: Vec<u8>,
    at: usize,
    /// Bytes that were given before those.
    dropped: u64,
    sums: Sums,
    /// The checksum of everything before the end, once that is known. `None` where nobody wants it.
    computed: Option<u64>,
    /// How many unread bytes there must be to try again (count).
    wanted: usize,
    is_ended: bool,
    version: u32,
    stage: Stage,
    db: u64,
    expires_at_ms: Option<i64>,
    past_use: PastUse,
}

/// What is expected next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    Items,
    Checksum,
    Done,
}

/// Up to so many unread bytes are looked at again whenever some more have come.
const SMALL_BYTES: usize = 64 * 1024;

/// The first version that has a checksum.
const VERSION_WITH_CHECKSUM: u32 = 5;

impl Decoder {
    pub(crate) fn new(limits: Limits, checksum: Checksum) -> Decoder {
        Decoder {
            limits,
            bytes: Vec::new(),
            at: 0,
            dropped: 0,
            sums: Sums::new(checksum),
            computed: None,
            wanted: 0,
            is_ended: false,
            version: 0,
            stage: Stage::Head,
            db: 0,
            expires_at_ms: None,
            past_use: PastUse::default(),
        }
    }

    /// Takes bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.drop_read();
        self.bytes.extend_from_slice(bytes);
    }

    /// As [`Decoder::push`], with the sum of everything before these bytes, if it is wanted. There must be no item left
    /// in what came before.
    pub(crate) fn push_summed(&mut self, bytes: &[u8], before: Option<Sum>) {
        self.sums.give(self.dropped + self.bytes.len() as u64, before);
        self.push(bytes);
    }

    /// No more bytes will come.
    pub(crate) fn end(&mut self) {
        self.is_ended = true;
        self.wanted = 0;
    }

    /// Bytes that were given and not read: behind [`Item::End`], what follows the file.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// Bytes read so far.
    pub(crate) fn offset(&self) -> u64 {
        self.dropped + self.at as u64
    }

    /// The next item; `None` if more bytes are needed, and behind the end.
    ///
    /// # Errors
    /// The file cannot be read, from here on.
    pub(crate) fn next(&mut self) -> Result<Option<Item>, FileError> {
        while self.stage != Stage::Done && self.bytes.len() - self.at >= self.wanted {
            // The borrow ends with the step, so the bytes are out of the decoder meanwhile.
            let bytes = std::mem::take(&mut self.bytes);
            let mut reader = Reader::new(&bytes[self.at..]);
            let step = self.step(&mut reader);
            let end = bytes.len() - reader.remaining();
            self.bytes = bytes;
            match step {
                Ok(item) => {
                    (self.at, self.wanted) = (end, 0);
                    if self.stage == Stage::Checksum {
                        let upto = self.sums.upto(self.dropped, &self.bytes[..self.at]);
                        self.computed = upto.map_err(|_| FileError::Malformed(self.offset()))?;
                    }
                    if item.is_some() {
                        return Ok(item);
                    }
                }
                Err(Broken::Value(ReadError::Truncated)) if !self.is_ended => {
                    self.sums.pass_over_given();
                    let unread = self.bytes.len() - self.at;
                    self.wanted = if unread < SMALL_BYTES { unread + 1 } else { unread * 2 };
                }
                Err(broken) => return Err(self.error(broken)),
            }
        }
        Ok(None)
    }

    fn error(&self, broken: Broken) -> FileError {
        match broken {
            Broken::Value(ReadError::Truncated) => {
                FileError::Truncated(self.dropped + self.bytes.len() as u64)
            }
            Broken::Value(_) => FileError::Malformed(self.offset()),
            Broken::File(error) => error,
        }
    }

    /// Reads one thing, which need not be one that anybody hears of.
    fn step(&mut self, bytes: &mut Reader<'_>) -> Result<Option<Item>, Broken> {
        match self.stage {
            Stage::Head => self.head(bytes).map(|()| None),
            Stage::Items => self.item(bytes),
            Stage::Checksum => self.checksum(bytes).map(Some),
            Stage::Done => Ok(None),
        }
    }

    fn head(&mut self, bytes: &mut Reader<'_>) -> Result<(), Broken> {
        if bytes.array::<5>()? != MAGIC {
            return Err(FileError::Signature.into());
        }
        let digits = bytes.array::<4>()?;
        let version = str::from_utf8(&digits).ok().and_then(|digits| digits.parse().ok());
        self.version = version.unwrap_or(0);
        if !(1..=u32::from(VERSION)).contains(&self.version) {
            return Err(FileError::Version(self.version).into());
        }
        self.stage = Stage::Items;
        Ok(())
    }

    fn item(&mut self, bytes: &mut Reader<'_>) -> Result<Option<Item>, Broken> {
        let first = bytes.byte()?;
        let Some(opcode) = Opcode::of(first) else { return self.key(first, bytes).map(Some) };
        match opcode {
            Opcode::Aux => {
                let (name, value) = (bytes.string()?, bytes.string()?);
                let (name, value) = (name.as_ref().to_vec(), value.as_ref().to_vec());
                return Ok(Some(Item::Aux { name, value }));
            }
            Opcode::Function => return Ok(Some(Item::Library(bytes.string()?.as_ref().into()))),
            Opcode::Database => self.db = bytes.length()?,
            Opcode::Sizes => {
                let (keys, volatile) = (bytes.length()?, bytes.length()?);
                return Ok(Some(Item::Sizes { db: self.db, keys, volatile }));
            }
            Opcode::Idle => self.past_use.idle_s = Some(bytes.length()?),
            Opcode::Frequency => self.past_use.frequency = Some(bytes.byte()?),
            Opcode::ExpiresAtMs => self.expires_at_ms = Some(bytes.milliseconds()?),
            Opcode::ExpiresAtS => {
                let seconds = i32::from_le_bytes(bytes.array()?);
                self.expires_at_ms = Some(i64::from(seconds) * 1000);
            }
            Opcode::Module => return Err(FileError::Module(self.offset()).into()),
            Opcode::FunctionBefore7 => return Err(FileError::OldFunction(self.offset()).into()),
            Opcode::End if self.version < VERSION_WITH_CHECKSUM => {
                self.stage = Stage::Done;
                return Ok(Some(Item::End));
            }
            Opcode::End => self.stage = Stage::Checksum,
        }
        Ok(None)
    }

    fn key(&mut self, kind: u8, bytes: &mut Reader<'_>) -> Result<Item, Broken> {
        const MODULE_KINDS: [u8; 2] = [6, 7];
        if MODULE_KINDS.contains(&kind) {
            return Err(FileError::Module(self.offset()).into());
        }
        let kind = Kind::of(kind).ok_or(ReadError::Malformed)?;
        let key = bytes.string()?;
        let value = match read_content(kind, bytes, &self.limits) {
            Err(ReadError::Empty) => {
                (self.expires_at_ms, self.past_use) = (None, PastUse::default());
                return Ok(Item::EmptyKey(Key::from(key.as_ref())));
            }
            value => value?,
        };
        let expires_at_ms = self.expires_at_ms.take();
        let past_use = std::mem::take(&mut self.past_use);
        let key = Key::from(key.as_ref());
        let entry = Entry { key, value, expires_at_ms, past_use };
        Ok(Item::Key(KeyItem { db: self.db, entry }))
    }

    fn checksum(&mut self, bytes: &mut Reader<'_>) -> Result<Item, Broken> {
        let stated = u64::from_le_bytes(bytes.array()?);
        if let Some(computed) = self.computed
            && stated != 0
            && computed != stated
        {
            return Err(FileError::Checksum { stated, computed }.into());
        }
        self.stage = Stage::Done;
        Ok(Item::End)
    }

    /// Gives up the bytes that were read.
    fn drop_read(&mut self) {
        self.sums.give_up(&self.bytes[..self.at]);
        self.bytes.drain(..self.at);
        self.dropped += self.at as u64;
        self.at = 0;
    }
}

/// Why a step failed.
enum Broken {
    Value(ReadError),
    File(FileError),
}

impl From<ReadError> for Broken {
    fn from(error: ReadError) -> Broken {
        Broken::Value(error)
    }
}

impl From<FileError> for Broken {
    fn from(error: FileError) -> Broken {
        Broken::File(error)
    }
}
