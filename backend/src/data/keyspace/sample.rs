//! Keys picked at random to judge which of them to give up.
//!
//! A part is picked by its share of all keys, then a key of its row. Shares are looked at anew after so many picks,
//! since to keep them exact would cost every command that adds or removes a key: meanwhile a part may be picked a little
//! too often or too seldom, which a sample does not mind.

use crate::data::key::Key;
use crate::data::keyspace::{Keyspace, Part};
use crate::data::random::Random;
use crate::data::usage::Usage;

/// Which keys are picked from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Among {
    #[default]
    All,
    /// Those that expire.
    Volatile,
}

impl Among {
    fn len(self, part: &Part) -> usize {
        match self {
            Among::All => part.keys.len(),
            Among::Volatile => part.volatile.len(),
        }
    }
}

/// A key that was picked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Picked<'a> {
    pub(crate) key: &'a Key,
    pub(crate) usage: Usage,
    /// Milliseconds since 1970. Only where keys that expire are picked from.
    pub(crate) expires_at_ms: Option<i64>,
}

/// The parts by their numbers of keys, as they were some picks ago.
#[derive(Debug, Default)]
pub(super) struct Shares {
    among: Among,
    /// For each part that had keys: how many there were up to its end, and which part it is.
    ends: Vec<(usize, usize)>,
    picks_left: usize,
}

/// Picks after which shares are looked at anew, at least (count).
const PICKS_MIN: usize = 64;

impl Shares {
    /// Looks at the parts if that is due. How many keys there are to pick from, about.
    fn refresh(&mut self, parts: &[Option<Box<Part>>], among: Among) -> usize {
        if self.picks_left == 0 || self.among != among {
            let mut sum = 0;
            let parts = parts.iter().enumerate();
            let sizes = parts
                .filter_map(|(index, part)| Some((index, among.len(part.as_deref()?))))
                .filter(|(_, len)| *len > 0);
            self.ends.clear();
            self.ends.extend(sizes.map(|(index, len)| {
                sum += len;
                (sum, index)
            }));
            self.among = among;
            // A look costs as much as that many picks, and by then a small database has changed.
            self.picks_left = (sum / 4).clamp(PICKS_MIN, self.ends.len().max(PICKS_MIN));
        }
        self.picks_left -= 1;
        self.ends.last().map_or(0, |(sum, _)| *sum)
    }

    /// A part, by its share.
    fn pick(&self, sum: usize, random: &mut Random) -> Option<usize> {
        let rank = random.below(sum);
        let at = self.ends.partition_point(|(end, _)| *end <= rank);
        self.ends.get(at).map(|(_, index)| *index)
    }
}

impl Keyspace {
    /// How many keys there are to pick from.
    pub(crate) fn len_among(&self, among: Among) -> usize {
        match among {
            Among::All => self.keys_count,
            Among::Volatile => self.volatile_count,
        }
    }

    /// Picks a key. Nothing may be found in a part that was emptied meanwhile, although there are others.
    pub(crate) fn pick(&mut self, among: Among) -> Option<Picked<'_>> {
        if self.len_among(among) == 0 {
            return None;
        }
        let index = match self.parts.len() {
            1 => 0,
            _ => {
                let sum = self.shares.refresh(&self.parts, among);
                if sum == 0 {
                    return None;
                }
                self.shares.pick(sum, &mut self.random)?
            }
        };
        let part = self.parts[index].as_deref()?;
        match among {
            Among::All => {
                let (key, record) = part.keys.random(&mut self.random)?;
                Some(Picked { key, usage: record.usage, expires_at_ms: None })
            }
            Among::Volatile => {
                let (key, time) = part.volatile.random(&mut self.random)?;
                let record = part.keys.find(self.hash_key.hash(key), key)?;
                Some(Picked { key, usage: record.usage, expires_at_ms: Some(*time) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::data::keyspace::Layout;
    use crate::data::string::Str;
    use crate::data::value::Value;

    fn keyspace(layout: Layout, keys: impl Iterator<Item = (String, Option<i64>)>) -> Keyspace {
        let mut keyspace = Keyspace::new(layout);
        for (key, expires_at_ms) in keys {
            let value = Value::String(Str::new(b"value"));
            keyspace.insert(key.as_bytes(), value, expires_at_ms, 1000);
        }
        keyspace
    }

    /// A slot with many keys and many with one each: no key is picked more often for where it lies.
    #[test]
    fn every_key_is_as_likely_wherever_it_lies() {
        let keys = (0..200).map(|n| format!("{{tag}}{n}")).chain((0..200).map(|n| n.to_string()));
        for layout in [Layout::Whole, Layout::BySlot] {
            let mut keyspace = keyspace(layout, keys.clone().map(|key| (key, None)));
            let mut counts: HashMap<Vec<u8>, usize> = HashMap::new();
            for _ in 0..40_000 {
                let picked = keyspace.pick(Among::All).unwrap();
                *counts.entry(picked.key.to_vec()).or_default() += 1;
            }
            // Each is picked 100 times on average, with a deviation of 10.
            assert_eq!(counts.len(), 400);
            assert!(counts.values().all(|count| (40..=170).contains(count)), "{counts:?}");
        }
    }

    #[test]
    fn only_keys_that_expire_are_picked_where_these_are_asked_for() {
        for layout in [Layout::Whole, Layout::BySlot] {
            let keys = (0..100).map(|n| (n.to_string(), (n % 10 == 0).then_some(5000 + n)));
            let mut keyspace = keyspace(layout, keys);
            for _ in 0..200 {
                let picked = keyspace.pick(Among::Volatile).unwrap();
                let number: i64 = str::from_utf8(picked.key).unwrap().parse().unwrap();
                assert_eq!(picked.expires_at_ms, Some(5000 + number));
            }
        }
    }

    /// Shares are out of date while keys go, and still the last one is found.
    #[test]
    fn picking_goes_on_until_nothing_is_left() {
        let keys = (0..1000).map(|n| (n.to_string(), None));
        let mut keyspace = keyspace(Layout::BySlot, keys);
        let mut picks = 0;
        while keyspace.len() > 0 {
            picks += 1;
            let key = keyspace.pick(Among::All).map(|picked| picked.key.clone());
            key.map(|key| keyspace.remove(&key).unwrap());
        }
        assert!(picks < 4000, "{picks}");
        assert!(keyspace.pick(Among::All).is_none());
    }
}
