//! Databases to bytes.

use std::io::{self, Write};

use crate::data::keyspace::Keyspace;
use crate::data::pace::Pace;
use crate::data::rdb::file::{Checksum, MAGIC, Opcode, Sum};
use crate::data::rdb::write::{Compression, Writer};
use crate::data::rdb::{VERSION, kind_of, write_content};
use crate::data::usage::{Told, Usage};

/// What a file is to hold, and how.
#[derive(Clone, Debug)]
pub(crate) struct Content<'a> {
    pub(crate) databases: &'a [Keyspace],
    /// Libraries of functions, each as a Redis writes it.
    pub(crate) libraries: Vec<&'a [u8]>,
    /// Facts about the file, such as `redis-ver`.
    pub(crate) aux: &'a [(&'static str, String)],
    pub(crate) compression: Compression,
    pub(crate) checksum: Checksum,
    /// What is told of how keys are used.
    pub(crate) told: Told,
    /// Milliseconds since 1970.
    pub(crate) now_ms: i64,
    pub(crate) pace: Pace,
}

/// Keys between two reports of progress (count).
const KEYS_PER_REPORT: u64 = 1024;

/// Writes a whole file in pieces of about 64 kB, and one more for what is longer. `report` hears how many keys
/// have been written, now and then.
///
/// # Errors
/// The first one of `out`; what was written by then is no file.
pub(crate) fn write(
    content: &Content<'_>,
    out: &mut dyn Write,
    report: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let mut sealed = Sealed::new(out, content.checksum);
    let mut writer = Writer::to(&mut sealed, content.compression);
    write_head(content, &mut writer);
    let mut keys_count = 0;
    for (number, database) in content.databases.iter().enumerate() {
        if database.len() == 0 {
            continue;
        }
        write_sizes(number, database, &mut writer);
        for (key, record) in database.iter() {
            if record.is_volatile()
                && let Some(time) = database.expires_at_ms(key)
            {
                writer.raw(&[Opcode::ExpiresAtMs as u8]);
                writer.milliseconds(time);
            }
            write_use(content, record.usage, &mut writer);
            writer.raw(&[kind_of(&record.value) as u8]);
            writer.string(key);
            write_content(&record.value, &mut writer);
            keys_count += 1;
            content.pace.wait(keys_count);
            if keys_count % KEYS_PER_REPORT == 0 {
                if writer.has_failed() {
                    return writer.finish();
                }
                report(keys_count);
            }
        }
    }
    report(keys_count);
    writer.raw(&[Opcode::End as u8]);
    writer.finish()?;
    sealed.seal()
}

fn write_head(content: &Content<'_>, writer: &mut Writer<'_>) {
    writer.raw(&MAGIC);
    writer.raw(format!("{VERSION:04}").as_bytes());
    for (name, value) in content.aux {
        writer.raw(&[Opcode::Aux as u8]);
        writer.string(name.as_bytes());
        writer.string(value.as_bytes());
    }
    for library in &content.libraries {
        writer.raw(&[Opcode::Function as u8]);
        writer.string(library);
    }
}

fn write_use(content: &Content<'_>, usage: Usage, writer: &mut Writer<'_>) {
    match content.told {
        Told::Nothing => {}
        Told::IdleTimes => {
            writer.raw(&[Opcode::Idle as u8]);
            writer.length(u64::from(usage.idle_s(content.now_ms)));
        }
        Told::Frequencies(frequencies) => {
            writer.raw(&[Opcode::Frequency as u8, usage.frequency(content.now_ms, frequencies)]);
        }
    }
}

fn write_sizes(number: usize, database: &Keyspace, writer: &mut Writer<'_>) {
    writer.raw(&[Opcode::Database as u8]);
    writer.length(number as u64);
    writer.raw(&[Opcode::Sizes as u8]);
    writer.length(database.len() as u64);
    writer.length(database.volatile_len() as u64);
}

/// Passes bytes on and sums them up.
struct Sealed<'a> {
    out: &'a mut dyn Write,
    sum: Option<Sum>,
}

impl Sealed<'_> {
    fn new(out: &mut dyn Write, checksum: Checksum) -> Sealed<'_> {
        Sealed { out, sum: checksum.begin() }
    }

    /// Writes the checksum, the last thing of a file.
    fn seal(self) -> io::Result<()> {
        let checksum: u64 = self.sum.map_or(0, |sum| sum.finalize());
        self.out.write_all(&checksum.to_le_bytes())
    }
}

impl Write for Sealed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        if let Some(sum) = &mut self.sum {
            sum.update(&bytes[..count]);
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
