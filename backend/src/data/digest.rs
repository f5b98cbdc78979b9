//! Digests of data: equal for equal data, whatever its order in memory and its encodings.
//!
//! What has an order is mixed in: the digest so far takes part in the next. What has none is added to what there is by
//! exclusive or, so that it may come in any order.
//!
//! Source: redis `src/debug.c` computeDatasetDigest, xorObjectDigest.

use std::fmt;

use reddoor_protocol::double::double_text;
use sha1::{Digest as _, Sha1};

use crate::data::keyspace::Keyspace;
use crate::data::listpack::Entry;
use crate::data::stream::id::Id;
use crate::data::value::Value;

/// Bytes of a digest: those of SHA-1.
const BYTES: usize = 20;

/// A digest under way or done. `Display` writes 40 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DataDigest([u8; BYTES]);

impl DataDigest {
    /// Of all databases. Costs O(data).
    pub(crate) fn of_databases(databases: &[Keyspace]) -> DataDigest {
        let mut all = DataDigest::default();
        for (number, database) in (0_u32..).zip(databases).filter(|(_, db)| db.len() > 0) {
            all.mix(&number.to_be_bytes());
            for (key, record) in database.iter() {
                let mut digest = DataDigest::default();
                digest.mix(key);
                digest.mix_value(&record.value, record.is_volatile());
                all.add(&digest.0);
            }
        }
        all
    }

    /// Of what a key holds, without its name.
    pub(crate) fn of_value(value: &Value, is_volatile: bool) -> DataDigest {
        let mut digest = DataDigest::default();
        digest.mix_value(value, is_volatile);
        digest
    }

    /// Takes in what may stand anywhere.
    fn add(&mut self, bytes: &[u8]) {
        for (own, other) in self.0.iter_mut().zip(Sha1::digest(bytes)) {
            *own ^= other;
        }
    }

    /// Takes in what stands in its place.
    fn mix(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    fn mix_entry(&mut self, entry: Entry<'_>) {
        self.mix(entry.bytes(&mut itoa::Buffer::new()));
    }

    /// Takes in several things that belong together, and may stand anywhere among others.
    fn add_together(&mut self, mix: impl FnOnce(&mut DataDigest)) {
        let mut together = DataDigest::default();
        mix(&mut together);
        self.add(&together.0);
    }

    fn mix_value(&mut self, value: &Value, is_volatile: bool) {
        self.mix(&type_number(value).to_be_bytes());
        match value {
            Value::String(string) => self.mix(string.bytes(&mut itoa::Buffer::new())),
            Value::List(list) => list.iter().for_each(|element| self.mix_entry(element)),
            Value::Set(set) => {
                set.iter().for_each(|m| self.add(m.bytes(&mut itoa::Buffer::new())));
            }
            Value::SortedSet(set) => {
                for (member, score) in set.iter() {
                    self.add_together(|digest| {
                        digest.mix_entry(member);
                        digest.mix(&double_text(score));
                    });
                }
            }
            Value::Hash(hash) => {
                for (field, value) in hash.iter() {
                    self.add_together(|digest| {
                        digest.mix_entry(field);
                        digest.mix_entry(value);
                    });
                }
            }
            Value::Stream(stream) => {
                for entry in stream.range(Id::MIN, Id::MAX) {
                    self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
                    for (name, value) in entry.fields() {
                        self.mix_entry(name);
                        self.mix_entry(value);
                    }
                }
            }
        }
        if is_volatile {
            self.add(b"!!expire!!");
        }
    }
}

/// The number of a type. Source: redis `src/server.h` OBJ_STRING and below.
fn type_number(value: &Value) -> u32 {
    match value {
        Value::String(_) => 0,
        Value::List(_) => 1,
        Value::Set(_) => 2,
        Value::SortedSet(_) => 3,
        Value::Hash(_) => 4,
        Value::Stream(_) => 6,
    }
}

impl fmt::Display for DataDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::keyspace::Layout;
    use crate::data::string::Str;

    #[test]
    fn no_data_is_zeros_and_order_does_not_matter() {
        assert_eq!(DataDigest::of_databases(&[]).to_string(), "0".repeat(40));
        let keyspace = |names: &[&str]| {
            let mut keyspace = Keyspace::new(Layout::Whole);
            for name in names {
                keyspace.insert(name.as_bytes(), Value::String(Str::new(b"1")), None, 0);
            }
            keyspace
        };
        let of = |names| DataDigest::of_databases(&[keyspace(names)]);
        assert_eq!(of(&["a", "b", "c"]), of(&["c", "a", "b"]));
        assert_ne!(of(&["a", "b"]), of(&["a", "c"]));
    }
}
