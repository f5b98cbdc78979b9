//! The dictionary against a naive model, and what its cursor promises.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher as _};

use proptest::prelude::*;

use super::*;

/// A hash that tests can repeat; few bits, so that chains are long.
#[expect(clippy::cast_possible_truncation, reason = "the low bits are wanted")]
fn hash(key: &[u8]) -> u32 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key);
    hasher.finish() as u32
}

fn name(number: u16) -> Vec<u8> {
    format!("key:{number}").into_bytes()
}

fn insert(dict: &mut Dict<u16>, number: u16) {
    let key = name(number);
    match dict.find_mut(hash(&key), &key) {
        Some(value) => *value = number,
        None => {
            dict.insert_new(hash(&key), Key::from(key.as_slice()), number);
        }
    }
}

fn remove(dict: &mut Dict<u16>, number: u16) -> Option<u16> {
    let key = name(number);
    dict.remove(hash(&key), &key)
}

impl<V> Dict<V> {
    fn buckets_count(&self) -> usize {
        self.table.buckets.len() + self.old.buckets.len()
    }

    fn check_invariants(&self) {
        for table in [&self.table, &self.old] {
            assert!(table.buckets.is_empty() || table.buckets.len().is_power_of_two());
            assert_eq!(table.iter().count(), table.len);
        }
        match self.moved {
            Some(moved) => assert!(self.old.buckets[..moved].iter().all(Option::is_none)),
            None => assert!(self.old.buckets.is_empty()),
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u16),
    Remove(u16),
    Scan,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..600u16).prop_map(Step::Insert),
        3 => (0..600u16).prop_map(Step::Remove),
        2 => Just(Step::Scan),
    ];
    proptest::collection::vec(step, 0..1200)
}

proptest! {
    #[test]
    fn behaves_like_a_map(steps in steps()) {
        let mut dict = Dict::default();
        let mut model = HashMap::new();
        for step in steps {
            match step {
                Step::Insert(number) => {
                    insert(&mut dict, number);
                    model.insert(name(number), number);
                }
                Step::Remove(number) => {
                    prop_assert_eq!(remove(&mut dict, number), model.remove(&name(number)));
                }
                Step::Scan => {}
            }
            prop_assert_eq!(dict.len(), model.len());
        }
        dict.check_invariants();
        let found: HashMap<Vec<u8>, u16> = dict.iter().map(|(k, v)| (k.to_vec(), *v)).collect();
        prop_assert_eq!(&found, &model);
        for (key, value) in &model {
            prop_assert_eq!(dict.find(hash(key), key), Some(value));
        }
    }

    /// What was there when a scan began and was not removed is met, however the table grew and shrank.
    #[test]
    fn a_scan_meets_every_key_that_stayed(start in 0..600u16, steps in steps()) {
        let mut dict = Dict::default();
        (0..start).for_each(|number| insert(&mut dict, number));
        let mut stayed: HashSet<u16> = (0..start).collect();
        let mut met = HashSet::new();
        let mut cursor = 0;
        let mut is_done = false;
        for step in steps {
            match step {
                Step::Insert(number) => insert(&mut dict, number),
                Step::Remove(number) => {
                    remove(&mut dict, number);
                    stayed.remove(&number);
                }
                Step::Scan if !is_done => {
                    cursor = dict.scan(cursor, |_, value| { met.insert(*value); });
                    is_done = cursor == 0;
                }
                Step::Scan => {}
            }
        }
        while !is_done {
            cursor = dict.scan(cursor, |_, value| { met.insert(*value); });
            is_done = cursor == 0;
        }
        prop_assert!(stayed.is_subset(&met), "missed {:?}", stayed.difference(&met).collect::<Vec<_>>());
    }
}

#[test]
fn a_large_dict_resizes_in_small_steps_and_gives_memory_back() {
    let mut dict = Dict::default();
    for number in 0..20_000 {
        insert(&mut dict, number);
    }
    while dict.resize_further(100) {}
    assert_eq!(dict.buckets_count(), 32_768);
    for number in 0..19_990 {
        assert_eq!(remove(&mut dict, number), Some(number));
    }
    while dict.resize_further(100) {}
    assert!(dict.buckets_count() <= 128, "{}", dict.buckets_count());
    dict.check_invariants();
}

#[test]
fn random_keys_are_keys() {
    let mut dict = Dict::default();
    let mut random = Random::default();
    assert!(dict.random(&mut random).is_none());
    (0..100).for_each(|number| insert(&mut dict, number));
    let met: HashSet<u16> =
        (0..2000).filter_map(|_| dict.random(&mut random)).map(|(_, v)| *v).collect();
    assert!(met.len() > 50, "{}", met.len());
}
