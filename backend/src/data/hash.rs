//! The hash type: a [`Listpack`] of fields and values in turn while both are short and few, a hash table from then
//! on.

mod pair;

use crate::data::dict::Dict;
use crate::data::estimate;
use crate::data::hashing::HashKey;
use crate::data::listpack::{Entry, Listpack, Position};

use pair::Pair;

/// Fields with their values.
#[derive(Clone, Debug)]
pub(crate) enum Hash {
    /// `listpack`: each value behind its field.
    Compact(Listpack),
    /// `hashtable`
    Table(Box<Fields>),
}

/// A hash table of fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    dict: Dict<(), Pair>,
    hash_key: HashKey,
}

/// Up to where a hash is kept compact.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Fields (count).
    pub(crate) fields_max: usize,
    /// Longest field and longest value, in bytes.
    pub(crate) bytes_max: usize,
}

impl Default for Hash {
    fn default() -> Hash {
        Hash::Compact(Listpack::new())
    }
}

impl Hash {
    /// How many fields there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Hash::Compact(list) => list.len() / 2,
            Hash::Table(fields) => fields.dict.len(),
        }
    }

    /// The value of a field.
    #[inline]
    pub(crate) fn find(&self, field: &[u8]) -> Option<Entry<'_>> {
        match self {
            Hash::Compact(list) => value_position(list, field).map(|at| list.get(at)),
            Hash::Table(fields) => {
                let hash = fields.hash_key.hash(field);
                fields.dict.find_key(hash, field).map(|pair| Entry::String(pair.value()))
            }
        }
    }

    /// Makes it a table if one of these strings, fields or values, is too long for the compact form, or all together.
    pub(crate) fn prepare_for<'a>(
        &mut self,
        strings: impl Iterator<Item = &'a [u8]>,
        limits: Limits,
    ) {
        let Hash::Compact(list) = self else { return };
        let mut sum = 0usize;
        let is_too_long = |string: &[u8]| {
            sum = sum.saturating_add(string.len());
            string.len() > limits.bytes_max
        };
        if strings.into_iter().any(is_too_long) || !list.has_room_for(sum) {
            self.make_table();
        }
    }

    /// Sets a field; what outgrows the limits becomes a table. Whether the field was not there before.
    pub(crate) fn insert(&mut self, field: &[u8], value: &[u8], limits: Limits) -> bool {
        self.prepare_for([field, value].into_iter(), limits);
        let list = match self {
            Hash::Table(fields) => return fields.insert(field, value),
            Hash::Compact(list) => list,
        };
        let is_new = match value_position(list, field) {
            Some(at) => {
                list.replace(at, value);
                false
            }
            None => {
                list.push_back(field);
                list.push_back(value);
                true
            }
        };
        // The limit may have been lowered since the last change.
        if list.len() / 2 > limits.fields_max {
            self.make_table();
        }
        is_new
    }

    /// Whether the field was there.
    pub(crate) fn remove(&mut self, field: &[u8]) -> bool {
        match self {
            Hash::Compact(list) => {
                let found = list.first().and_then(|first| list.find(first, field, 1));
                if let Some(at) = found {
                    list.remove_many(at, 2);
                }
                found.is_some()
            }
            Hash::Table(fields) => fields.dict.remove(fields.hash_key.hash(field), field).is_some(),
        }
    }

    /// All fields with their values: as they were added in the compact form, else in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Entry<'_>, Entry<'_>)> {
        let (list, fields) = match self {
            Hash::Compact(list) => (Some(list.iter()), None),
            Hash::Table(fields) => (None, Some(fields.dict.iter())),
        };
        let mut entries = list.into_iter().flatten();
        let compact = std::iter::from_fn(move || entries.next().zip(entries.next()));
        compact.chain(fields.into_iter().flatten().map(|(pair, ())| entries_of(pair)))
    }

    /// The field at a place below [`Hash::len`], with its value; any change may give it another place. Costs
    /// O(fields) in the compact form.
    pub(crate) fn at(&self, place: usize) -> Option<(Entry<'_>, Entry<'_>)> {
        match self {
            Hash::Compact(list) => {
                let field = list.seek(i64::try_from(place.checked_mul(2)?).ok()?)?;
                Some((list.get(field), list.get(list.next(field)?)))
            }
            Hash::Table(fields) => fields.dict.at(place).map(|(pair, ())| entries_of(pair)),
        }
    }

    /// Visits some fields and gives back where to go on; 0 starts and 0 means the end.
    pub(crate) fn scan(&self, cursor: u64, mut visit: impl FnMut(Entry<'_>, Entry<'_>)) -> u64 {
        match self {
            Hash::Compact(_) => {
                self.iter().for_each(|(field, value)| visit(field, value));
                0
            }
            Hash::Table(fields) => fields.dict.scan(cursor, |pair, ()| {
                let (field, value) = entries_of(pair);
                visit(field, value);
            }),
        }
    }

    /// What `OBJECT ENCODING` answers.
    pub(crate) fn encoding(&self) -> &'static str {
        match self {
            Hash::Compact(_) => "listpack",
            Hash::Table(_) => "hashtable",
        }
    }

    /// How many fields each bucket has, if it is a table.
    pub(crate) fn chain_lens(&self) -> Option<Vec<usize>> {
        match self {
            Hash::Table(fields) => Some(fields.dict.chain_lens().collect()),
            _ => None,
        }
    }

    /// Bytes on the heap. Costs O(fields) for a table.
    pub(crate) fn heap_bytes(&self, samples: usize) -> usize {
        match self {
            Hash::Compact(list) => list.heap_bytes(),
            Hash::Table(fields) => {
                let owned = fields.dict.iter().map(|(pair, ())| pair.heap_bytes());
                size_of::<Fields>()
                    + fields.dict.heap_bytes()
                    + estimate::sum(owned, fields.dict.len(), samples)
            }
        }
    }

    fn make_table(&mut self) {
        let mut fields = Box::new(Fields::default());
        for (field, value) in self.iter() {
            let (mut field_digits, mut value_digits) = (itoa::Buffer::new(), itoa::Buffer::new());
            fields.insert(field.bytes(&mut field_digits), value.bytes(&mut value_digits));
        }
        *self = Hash::Table(fields);
    }
}

impl Fields {
    fn insert(&mut self, field: &[u8], value: &[u8]) -> bool {
        let hash = self.hash_key.hash(field);
        match self.dict.find_key_mut(hash, field) {
            Some(pair) => pair.set_value(value),
            None => {
                self.dict.insert_new(hash, Pair::new(field, value), ());
                return true;
            }
        }
        false
    }
}

/// Where the value of a field stands.
fn value_position(list: &Listpack, field: &[u8]) -> Option<Position> {
    list.next(list.find(list.first()?, field, 1)?)
}

fn entries_of(pair: &Pair) -> (Entry<'_>, Entry<'_>) {
    (Entry::String(pair), Entry::String(pair.value()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            20 => (-20..20i64).prop_map(|number| number.to_string().into_bytes()),
            20 => "[ab]{0,2}".prop_map(String::into_bytes),
            1 => proptest::collection::vec(any::<u8>(), 10..14),
        ]
    }

    const LIMITS: Limits = Limits { fields_max: 12, bytes_max: 12 };

    proptest! {
        #[test]
        fn behaves_like_a_map(
            steps in proptest::collection::vec((0..3u8, text(), text()), 0..100),
        ) {
            let (mut hash, mut model) = (Hash::default(), HashMap::new());
            let mut may_be_compact = true;
            for (step, field, value) in steps {
                if step == 0 {
                    prop_assert_eq!(hash.remove(&field), model.remove(&field).is_some());
                } else {
                    may_be_compact &= field.len() <= 12 && value.len() <= 12;
                    let is_new = model.insert(field.clone(), value.clone()).is_none();
                    may_be_compact &= model.len() <= 12;
                    prop_assert_eq!(hash.insert(&field, &value, LIMITS), is_new);
                }
                let found = hash.find(&field).map(Entry::to_vec);
                prop_assert_eq!(found.as_ref(), model.get(&field));
                prop_assert_eq!(hash.len(), model.len());
                prop_assert_eq!(hash.encoding() == "listpack", may_be_compact);
            }
            let pair = |(field, value): (Entry<'_>, Entry<'_>)| (field.to_vec(), value.to_vec());
            let all: HashMap<_, _> = hash.iter().map(pair).collect();
            prop_assert_eq!(&all, &model);
            let by_place: HashMap<_, _> =
                (0..hash.len()).filter_map(|place| hash.at(place)).map(pair).collect();
            prop_assert_eq!(&by_place, &model);
            let mut scanned = HashMap::new();
            let mut cursor = 0;
            loop {
                cursor = hash.scan(cursor, |field, value| {
                    scanned.insert(field.to_vec(), value.to_vec());
                });
                if cursor == 0 { break; }
            }
            prop_assert_eq!(&scanned, &model);
        }
    }
}
