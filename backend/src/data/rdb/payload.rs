//! One value as `DUMP` answers it: the value, the version in two bytes, a checksum of both in eight.
//!
//! Source: redis `src/cluster.c` createDumpPayload, verifyDumpPayload.

use crc::{CRC_64_REDIS, Crc, Table};

use crate::data::rdb::read::{ReadError, Reader};
use crate::data::rdb::write::{Compression, Writer};
use crate::data::rdb::{Kind, Limits, VERSION, read_later_value, read_value, write_value};
use crate::data::value::Value;

/// Bytes behind the value.
const FOOTER_BYTES: usize = 2 + CHECKSUM_BYTES;

const CHECKSUM_BYTES: usize = 8;

/// Of payloads and files. Sixteen bytes are taken at a time, for which sixteen tables are made while compiling.
pub(super) static CHECKSUM: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// Why a payload is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PayloadError {
    /// A later version wrote it, or the checksum is another one.
    Footer,
    /// What it carries is no value: why, in the words that a Redis logs.
    Value(&'static str),
}

/// A value with version and checksum.
pub(crate) fn write(value: &Value, compression: Compression) -> Vec<u8> {
    let mut writer = Writer::new(compression);
    write_value(value, &mut writer);
    with_footer(writer.into_bytes())
}

/// The bytes of a value with version and checksum behind them.
pub(crate) fn with_footer(mut value: Vec<u8>) -> Vec<u8> {
    value.extend_from_slice(&VERSION.to_le_bytes());
    let checksum = CHECKSUM.checksum(&value);
    value.extend_from_slice(&checksum.to_le_bytes());
    value
}

/// What is before version and checksum; `None` if a later version wrote it, or the checksum is another one.
pub(super) fn sealed(payload: &[u8]) -> Option<&[u8]> {
    let version = checked_version(payload).ok()?;
    (version <= VERSION).then(|| &payload[..payload.len() - FOOTER_BYTES])
}

/// The value of a payload from anywhere.
///
/// # Errors
/// It is refused.
pub(crate) fn read(payload: &[u8], limits: &Limits) -> Result<Value, PayloadError> {
    checked_version(payload)?;
    read_unchecked(payload, limits)
}

/// As [`read`], whatever the checksum is.
///
/// # Errors
/// It is refused.
pub(crate) fn read_unchecked(payload: &[u8], limits: &Limits) -> Result<Value, PayloadError> {
    if version(payload)? > VERSION {
        return Err(PayloadError::Footer);
    }
    // As in a Redis, a value may reach into the footer, and need not reach it.
    read_value(&mut Reader::new(payload), limits).map_err(|error| refused(payload, error))
}

/// As [`read`], of a payload that a later version may have written.
///
/// # Errors
/// It is refused, or a form is used that is not known here.
pub(crate) fn read_of_any_version(payload: &[u8], limits: &Limits) -> Result<Value, PayloadError> {
    checked_version(payload)?;
    read_later_value(&mut Reader::new(payload), limits).map_err(|error| refused(payload, error))
}

fn refused(payload: &[u8], error: ReadError) -> PayloadError {
    let kind = payload.first().copied().and_then(Kind::of);
    PayloadError::Value(match (kind, error) {
        (_, ReadError::ConsumerTwice) => "Duplicate stream consumer detected",
        (Some(Kind::HashZipmap), _) => "Zipmap integrity check failed.",
        (_, ReadError::Empty) => "Empty key",
        (Some(Kind::ListZiplist), _) => "List ziplist integrity check failed.",
        (Some(Kind::SetIntset), _) => "Intset integrity check failed.",
        (Some(Kind::SortedSetZiplist), _) => "Zset ziplist integrity check failed.",
        (Some(Kind::HashZiplist), _) => "Hash ziplist integrity check failed.",
        (Some(Kind::ListQuicklist), _) => "Ziplist integrity check failed.",
        (Some(Kind::ListQuicklist2), _) => "Listpack integrity check failed.",
        (Some(Kind::HashListpack), _) => "Hash listpack integrity check failed.",
        (Some(Kind::SortedSetListpack), _) => "Zset listpack integrity check failed.",
        (Some(Kind::StreamListpacks | Kind::StreamListpacks2), _) => {
            "Stream listpack integrity check failed."
        }
        (Some(_), _) => "Value integrity check failed.",
        (None, _) => "Unknown RDB encoding type",
    })
}

/// The version of the server that wrote a payload, whose checksum is right.
fn checked_version(payload: &[u8]) -> Result<u16, PayloadError> {
    let version = version(payload)?;
    let (covered, checksum) = payload.split_at(payload.len() - CHECKSUM_BYTES);
    if checksum != CHECKSUM.checksum(covered).to_le_bytes() {
        return Err(PayloadError::Footer);
    }
    Ok(version)
}

fn version(payload: &[u8]) -> Result<u16, PayloadError> {
    let [low, high, ..] = *payload.last_chunk::<FOOTER_BYTES>().ok_or(PayloadError::Footer)?;
    Ok(u16::from_le_bytes([low, high]))
}
