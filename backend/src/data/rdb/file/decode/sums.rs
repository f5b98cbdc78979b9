//! What the checksum of a file is compared with, whoever has summed its bytes.

use crate::data::rdb::file::{Checksum, Sum};

/// Sums by which that of everything before the end is found.
pub(super) enum Sums {
    /// Nobody wants to know.
    Unwanted,
    /// Of the bytes given up so far.
    Own(Sum),
    /// Of everything before some offsets, at which pieces begin that were not looked at to their ends yet.
    Given(Vec<(u64, Sum)>),
}

impl Sums {
    pub(super) fn new(checksum: Checksum) -> Sums {
        checksum.begin().map_or(Sums::Unwanted, Sums::Own)
    }

    /// A piece begins at this offset; whoever gave it has summed everything before.
    pub(super) fn give(&mut self, offset: u64, sum: Option<Sum>) {
        match (self, sum) {
            (Sums::Given(given), Some(sum)) => given.push((offset, sum)),
            (sums, Some(sum)) => *sums = Sums::Given(vec![(offset, sum)]),
            (_, None) => {}
        }
    }

    /// All pieces so far were looked at to their ends, and the end is not among them.
    pub(super) fn pass_over_given(&mut self) {
        if let Sums::Given(given) = self {
            given.clear();
        }
    }

    /// These bytes, which nobody else sums, are given up.
    pub(super) fn give_up(&mut self, bytes: &[u8]) {
        if let Sums::Own(sum) = self {
            sum.update(bytes);
        }
    }

    /// The sum of everything up to the end of `bytes`, the last of which are those from an offset on.
    pub(super) fn upto(&self, offset: u64, bytes: &[u8]) -> Result<Option<u64>, Lost> {
        let (mut sum, rest) = match self {
            Sums::Unwanted => return Ok(None),
            Sums::Own(sum) => (sum.clone(), bytes),
            Sums::Given(given) => {
                let rest_of =
                    |from: u64| bytes.get(usize::try_from(from.checked_sub(offset)?).ok()?..);
                let found = given.iter().rev().find_map(|(from, sum)| Some((sum, rest_of(*from)?)));
                let (sum, rest) = found.ok_or(Lost)?;
                (sum.clone(), rest)
            }
        };
        sum.update(rest);
        Ok(Some(sum.finalize()))
    }
}

/// Bytes that would have to be summed are gone: a piece was given before those before it were looked at.
#[derive(Debug)]
pub(super) struct Lost;
