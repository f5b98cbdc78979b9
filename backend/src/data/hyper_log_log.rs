//! HyperLogLog: how many different elements were seen, to within a percent, in at most 12 KiB.
//!
//! The value is a string in a Redis's own bytes, which clients may read and write as such:
//! - 16 bytes: `HYLL`, the encoding, three zeros, and the last estimate in eight bytes, little-endian, whose top
//!   bit says that it is out of date.
//! - The registers: 16384 times six bits ([`dense`]), or runs of equal ones while most are zero ([`sparse`]).
//!
//! An element's hash chooses a register by its low bits; the register keeps the largest number, ever, of zeros
//! that followed them, and one.
//! Bytes from outside may be anything behind the header: [`Encoding::of`] checks the header, and everything else
//! finds out on its way.
//!
//! Source: redis `src/hyperloglog.c`.

mod dense;

mod estimate;

mod hash;

pub(crate) mod sparse;

use estimate::Histogram;

pub(crate) use estimate::Registers;

/// How many of the hash's bits choose the register.
const INDEX_BITS: u32 = 14;

/// Registers (count).
pub(crate) const REGISTERS: usize = 1 << INDEX_BITS;

/// Bits of the hash in which zeros are counted.
const COUNTED_BITS: u32 = 64 - INDEX_BITS;

/// Bytes before the registers.
const HEADER: usize = 16;

const MAGIC: &[u8; 4] = b"HYLL";

/// Where the encoding stands.
const ENCODING: usize = 4;

/// Where the last estimate stands.
const CACHE: std::ops::Range<usize> = 8..16;

/// Set in the last byte of an estimate that is out of date.
const STALE: u8 = 1 << 7;

/// How the registers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Dense,
    Sparse,
}

/// The string is no HyperLogLog at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotOne;

/// The runs of a sparse one do not make up all registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupted;

impl Encoding {
    /// The encoding of a string that begins as a HyperLogLog does.
    ///
    /// # Errors
    /// It does not.
    pub(crate) fn of(bytes: &[u8]) -> Result<Encoding, NotOne> {
        if bytes.len() < HEADER || !bytes.starts_with(MAGIC) {
            return Err(NotOne);
        }
        match bytes[ENCODING] {
            0 if bytes.len() == HEADER + dense::BYTES => Ok(Encoding::Dense),
            1 => Ok(Encoding::Sparse),
            _ => Err(NotOne),
        }
    }
}

/// One that has seen nothing.
pub(crate) fn empty() -> Vec<u8> {
    let mut bytes = header(Encoding::Sparse);
    sparse::push_zeros(&mut bytes, REGISTERS);
    bytes
}

/// Shows an element to one whose header was checked. Whether a register has changed.
///
/// `sparse_max` is the size in bytes beyond which a sparse one becomes dense.
///
/// # Errors
/// What was found on the way to the register makes no sense.
pub(crate) fn add(
    bytes: &mut Vec<u8>,
    element: &[u8],
    sparse_max: usize,
) -> Result<bool, Corrupted> {
    let (index, value) = hash::register_of(element);
    raise(bytes, index, value, sparse_max)
}

/// Lets a register be at least so much. Whether it was less.
///
/// # Errors
/// As [`add`].
pub(crate) fn raise(
    bytes: &mut Vec<u8>,
    index: usize,
    value: u8,
    sparse_max: usize,
) -> Result<bool, Corrupted> {
    if bytes[ENCODING] == 1 {
        if let Some(has_changed) = sparse::raise(bytes, index, value, sparse_max)? {
            if has_changed {
                expire_cache(bytes);
            }
            return Ok(has_changed);
        }
        make_dense(bytes)?;
    }
    Ok(dense::raise(&mut bytes[HEADER..], index, value))
}

/// Makes it dense; one that is stays.
///
/// # Errors
/// The registers are not all there, or too many.
pub(crate) fn make_dense(bytes: &mut Vec<u8>) -> Result<(), Corrupted> {
    if bytes[ENCODING] == 0 {
        return Ok(());
    }
    let mut dense = header(Encoding::Dense);
    dense[CACHE].copy_from_slice(&bytes[CACHE]);
    dense.resize(HEADER + dense::BYTES, 0);
    let registers = &mut dense[HEADER..];
    sparse::for_each_run(&bytes[HEADER..], |range, value| {
        if value > 0 {
            range.for_each(|index| _ = dense::raise(registers, index, value));
        }
    })?;
    *bytes = dense;
    Ok(())
}

/// The last estimate, unless it is out of date.
pub(crate) fn cached(bytes: &[u8]) -> Option<u64> {
    let cache = bytes[CACHE].first_chunk().map(|cache| u64::from_le_bytes(*cache))?;
    (bytes[CACHE.end - 1] & STALE == 0).then_some(cache)
}

/// Marks the last estimate as out of date.
pub(crate) fn expire_cache(bytes: &mut [u8]) {
    bytes[CACHE.end - 1] |= STALE;
}

/// Estimates how many different elements it has seen, and keeps the answer.
///
/// # Errors
/// The registers are not all there, or too many.
pub(crate) fn estimate(bytes: &mut [u8]) -> Result<u64, Corrupted> {
    let mut histogram = Histogram::default();
    if bytes[ENCODING] == 0 {
        dense::for_each(&bytes[HEADER..], |_, value| histogram.add(value, 1));
    } else {
        let total = sparse::runs(&bytes[HEADER..])
            .inspect(|run| histogram.add(run.value, run.len))
            .map(|run| run.len)
            .sum::<usize>();
        if total != REGISTERS {
            return Err(Corrupted);
        }
    }
    let estimate = histogram.estimate();
    bytes[CACHE].copy_from_slice(&estimate.to_le_bytes());
    Ok(estimate)
}

/// Raises all registers to those of another one.
///
/// # Errors
/// The registers are not all there, or too many.
pub(crate) fn merge(into: &mut Registers, bytes: &[u8]) -> Result<(), Corrupted> {
    let registers = &bytes[HEADER..];
    if bytes[ENCODING] == 0 {
        dense::for_each(registers, |index, value| into.raise(index, value));
        return Ok(());
    }
    sparse::for_each_run(registers, |range, value| {
        range.for_each(|index| into.raise(index, value));
    })
}

/// All registers of a dense one.
pub(crate) fn for_each_register(bytes: &[u8], mut tell: impl FnMut(u8)) {
    dense::for_each(&bytes[HEADER..], |_, value| tell(value));
}

/// The runs of a sparse one, as `PFDEBUG DECODE` has them.
pub(crate) fn runs(bytes: &[u8]) -> impl Iterator<Item = sparse::Run> {
    sparse::runs(&bytes[HEADER..])
}

fn header(encoding: Encoding) -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    bytes[..MAGIC.len()].copy_from_slice(MAGIC);
    bytes[ENCODING] = match encoding {
        Encoding::Dense => 0,
        Encoding::Sparse => 1,
    };
    bytes
}

#[cfg(test)]
mod tests;
