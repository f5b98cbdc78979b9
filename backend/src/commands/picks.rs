//! How many elements a client wants picked at random, and which ones those are.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::integer_within;
use crate::data::random::Random;
use crate::execute::Call;

/// A number of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Picks {
    /// So many different ones, or all.
    Different(usize),
    /// So many, each picked from all.
    Repeated(usize),
}

impl Picks {
    /// Reads a count, which is negative for picks that may repeat.
    pub(super) fn parse(arg: &[u8]) -> Result<Picks, ReplyError> {
        let count = integer_within(
            arg,
            -i64::MAX..=i64::MAX,
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        )?;
        let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        Ok(if count < 0 { Picks::Repeated(size) } else { Picks::Different(size) })
    }

    pub(super) fn count(self) -> usize {
        match self {
            Picks::Different(count) | Picks::Repeated(count) => count,
        }
    }

    /// How many elements of `len` will be picked.
    pub(super) fn count_of(self, len: usize) -> usize {
        match self {
            Picks::Different(count) => count.min(len),
            Picks::Repeated(_) if len == 0 => 0,
            Picks::Repeated(count) => count,
        }
    }

    /// The places, below `len`, of the elements picked.
    pub(super) fn places(self, len: usize, mut random: Random) -> impl Iterator<Item = usize> {
        let (sample, repeated) = match self {
            Picks::Different(count) => (random.sample(len, count), 0),
            Picks::Repeated(_) => (Vec::new(), self.count_of(len)),
        };
        sample.into_iter().chain((0..repeated).map(move |_| random.below(len)))
    }
}

/// Length of the output beyond which a client is disconnected anyway, so that there is no use in picking on.
pub(super) fn output_bytes_max(call: &Call<'_>) -> usize {
    match call.node.config.settings().output_limits.normal.hard_bytes {
        0 => usize::MAX,
        bytes => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_are_as_many_as_there_can_be() {
        let table = [("3", 2, 2), ("-3", 2, 3), ("0", 2, 0), ("-3", 0, 0), ("1", 5, 1)];
        for (arg, len, expect) in table {
            let picks = Picks::parse(arg.as_bytes()).expect("a count");
            let places: Vec<usize> = picks.places(len, Random::from_seed(1)).collect();
            assert_eq!((places.len(), picks.count_of(len)), (expect, expect), "{arg} of {len}");
            assert!(places.iter().all(|place| *place < len));
        }
        assert!(Picks::parse(b"-9223372036854775808").is_err());
    }
}
