//! The set type: an [`Intset`] while all members are integers and few, [`Texts`] from then on.

mod texts;

use crate::data::intset::Intset;
use crate::data::listpack::Entry;

use reddoor_protocol::request::parse_integer;

use texts::Texts;

/// Different strings of bytes.
#[derive(Clone, Debug)]
pub(crate) enum Set {
    /// `intset`
    Integers(Intset),
    /// `hashtable`
    Texts(Box<Texts>),
}

impl Default for Set {
    fn default() -> Set {
        Set::Integers(Intset::default())
    }
}

impl Set {
    pub(crate) fn len(&self) -> usize {
        match self {
            Set::Integers(integers) => integers.len(),
            Set::Texts(texts) => texts.len(),
        }
    }

    pub(crate) fn contains(&self, member: &[u8]) -> bool {
        match self {
            Set::Integers(integers) => parse_integer(member).is_some_and(|n| integers.contains(n)),
            Set::Texts(texts) => texts.contains(member),
        }
    }

    /// As [`Set::contains`], with a member of another set.
    pub(crate) fn contains_entry(&self, member: Entry<'_>) -> bool {
        match (self, member) {
            (Set::Integers(integers), Entry::Integer(number)) => integers.contains(number),
            _ => self.contains(member.bytes(&mut itoa::Buffer::new())),
        }
    }

    /// Adds a member; with more than `integers_max` integers it becomes a table. Whether it was not there before.
    pub(crate) fn insert(&mut self, member: &[u8], integers_max: usize) -> bool {
        let integers = match self {
            Set::Texts(texts) => return texts.insert(member),
            Set::Integers(integers) => integers,
        };
        let Some(number) = parse_integer(member) else {
            return self.make_texts().insert(member);
        };
        let is_new = integers.insert(number);
        if is_new && integers.len() > integers_max {
            self.make_texts();
        }
        is_new
    }

    /// As [`Set::insert`], with a member of another set.
    pub(crate) fn insert_entry(&mut self, member: Entry<'_>, integers_max: usize) -> bool {
        self.insert(member.bytes(&mut itoa::Buffer::new()), integers_max)
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Set::Integers(integers) => parse_integer(member).is_some_and(|n| integers.remove(n)),
            Set::Texts(texts) => texts.remove(member),
        }
    }

    /// All members: integers in ascending order, others in none.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        let (integers, texts) = match self {
            Set::Integers(integers) => (Some(integers.iter()), None),
            Set::Texts(texts) => (None, Some(texts.iter())),
        };
        let integers = integers.into_iter().flatten().map(Entry::Integer);
        integers.chain(texts.into_iter().flatten())
    }

    /// The member at a place below [`Set::len`]; any change may give it another place.
    pub(crate) fn at(&self, place: usize) -> Option<Entry<'_>> {
        match self {
            Set::Integers(integers) if place < integers.len() => {
                Some(Entry::Integer(integers.at(place)))
            }
            Set::Integers(_) => None,
            Set::Texts(texts) => texts.at(place),
        }
    }

    /// Removes the member at a place and gives it back.
    pub(crate) fn remove_at(&mut self, place: usize) -> Option<Vec<u8>> {
        match self {
            Set::Integers(integers) if place < integers.len() => {
                let number = integers.at(place);
                integers.remove(number);
                Some(Entry::Integer(number).to_vec())
            }
            Set::Integers(_) => None,
            Set::Texts(texts) => texts.remove_at(place),
        }
    }

    /// Visits some members and gives back where to go on; 0 starts and 0 means the end.
    pub(crate) fn scan(&self, cursor: u64, visit: impl FnMut(Entry<'_>)) -> u64 {
        match self {
            Set::Integers(integers) => {
                integers.iter().map(Entry::Integer).for_each(visit);
                0
            }
            Set::Texts(texts) => texts.scan(cursor, visit),
        }
    }

    /// What `OBJECT ENCODING` answers.
    pub(crate) fn encoding(&self) -> &'static str {
        match self {
            Set::Integers(_) => "intset",
            Set::Texts(_) => "hashtable",
        }
    }

    /// How many members each bucket has, if it is a table.
    pub(crate) fn chain_lens(&self) -> Option<Vec<usize>> {
        match self {
            Set::Texts(texts) => Some(texts.chain_lens()),
            _ => None,
        }
    }

    /// Bytes on the heap. Costs O(members) for a table.
    pub(crate) fn heap_bytes(&self, samples: usize) -> usize {
        match self {
            Set::Integers(integers) => integers.heap_bytes(),
            Set::Texts(texts) => size_of::<Texts>() + texts.heap_bytes(samples),
        }
    }

    /// No set of integers any more, from here on.
    fn make_texts(&mut self) -> &mut Texts {
        if let Set::Integers(integers) = self {
            let mut texts = Box::new(Texts::default());
            for number in integers.iter() {
                texts.insert(itoa::Buffer::new().format(number).as_bytes());
            }
            *self = Set::Texts(texts);
        }
        match self {
            Set::Texts(texts) => texts,
            Set::Integers(_) => unreachable!("made texts above"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn member() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            20 => (-30..30i64).prop_map(|number| number.to_string().into_bytes()),
            1 => "[a-c0-9]{0,3}".prop_map(String::into_bytes),
            1 => (63..67usize).prop_map(|len| vec![b'x'; len]),
        ]
    }

    proptest! {
        #[test]
        fn behaves_like_a_set(
            steps in proptest::collection::vec((0..4u8, member()), 0..120),
            integers_max in 0..20usize,
        ) {
            let (mut set, mut model) = (Set::default(), HashSet::new());
            let mut may_be_integers = true;
            for (step, member) in steps {
                match step {
                    0 => prop_assert_eq!(set.remove(&member), model.remove(&member)),
                    1 if !model.is_empty() => {
                        let place = member.len() % model.len();
                        let expect = set.at(place).map(Entry::to_vec);
                        let removed = set.remove_at(place);
                        prop_assert_eq!(&removed, &expect);
                        prop_assert!(removed.is_some_and(|removed| model.remove(&removed)));
                    }
                    _ => {
                        prop_assert_eq!(
                            set.insert(&member, integers_max),
                            model.insert(member.clone())
                        );
                        may_be_integers &= parse_integer(&member).is_some();
                        may_be_integers &= model.len() <= integers_max;
                    }
                }
                prop_assert_eq!(set.contains(&member), model.contains(&member));
                prop_assert_eq!(set.len(), model.len());
                prop_assert_eq!(set.encoding() == "intset", may_be_integers);
            }
            let members: HashSet<Vec<u8>> = set.iter().map(Entry::to_vec).collect();
            prop_assert_eq!(&members, &model);
            let mut scanned = HashSet::new();
            let mut cursor = 0;
            loop {
                cursor = set.scan(cursor, |member| { scanned.insert(member.to_vec()); });
                if cursor == 0 { break; }
            }
            prop_assert_eq!(&scanned, &model);
        }
    }
}
