//! The payload of `FUNCTION DUMP`: the code of each library behind its opcode, then version and checksum.
//!
//! ```text
//! (F5 <string>)* <version: 2 bytes, little-endian> <CRC-64: 8 bytes, little-endian>
//! ```
//!
//! Source: redis `src/functions.c` functionDumpCommand, functionRestoreCommand.

use crate::data::rdb::payload;
use crate::data::rdb::read::Reader;
use crate::data::rdb::write::{Compression, Writer};

/// The opcode before a library's code.
const LIBRARY: u8 = 245;
/// The opcode of release candidates of 7.0.
const LIBRARY_BEFORE: u8 = 246;

/// The code of libraries as one payload.
pub(crate) fn write<'a>(
    codes: impl Iterator<Item = &'a [u8]>,
    compression: Compression,
) -> Vec<u8> {
    let mut writer = Writer::new(compression);
    for code in codes {
        writer.raw(&[LIBRARY]);
        writer.string(code);
    }
    payload::with_footer(writer.into_bytes())
}

/// The code of each library in a payload from anywhere.
///
/// # Errors
/// The payload is refused, in the words of an error reply.
pub(crate) fn read(payload: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let body = payload::sealed(payload).ok_or("ERR DUMP payload version or checksum are wrong")?;
    let mut reader = Reader::new(body);
    let mut codes = Vec::new();
    while reader.remaining() > 0 {
        match reader.byte() {
            Ok(LIBRARY) => {}
            Ok(LIBRARY_BEFORE) => return Err("ERR Pre-GA function format not supported"),
            _ => return Err("ERR given type is not a function"),
        }
        let code = reader.string().map_err(|_| "ERR Failed loading library data")?;
        codes.push(code.as_ref().to_vec());
    }
    Ok(codes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let codes = [b"#!lua name=a\n".repeat(20), b"12".to_vec()];
        let payload = write(codes.iter().map(Vec::as_slice), Compression::On);
        assert_eq!(read(&payload), Ok(codes.to_vec()));
        for len in 0..payload.len() {
            assert!(read(&payload[..len]).is_err(), "{len}");
        }
    }
}
