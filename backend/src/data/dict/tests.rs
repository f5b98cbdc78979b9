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
    fn check_invariants(&self) {
        assert!(self.heads.len() >= self.nodes.len());
        let mut count = 0;
        for bucket in 0..self.heads.len() {
            for node in self.chain(bucket) {
                assert_eq!(bucket_of(node.hash, self.heads.len()), bucket);
                count += 1;
            }
        }
        assert_eq!(count, self.nodes.len());
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u16),
    Remove(u16),
    Scan,
    /// That there will be so many, or no more.
    Expect(Option<usize>),
}

fn expect(dict: &mut Dict<u16>, count: Option<usize>) {
    match count {
        Some(count) => dict.expect(count),
        None => dict.expect_no_more(),
    }
    assert!(dict.heads.len() >= count.unwrap_or(0));
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..600u16).prop_map(Step::Insert),
        3 => (0..600u16).prop_map(Step::Remove),
        2 => Just(Step::Scan),
        1 => proptest::option::of(0..900usize).prop_map(Step::Expect),
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
                Step::Expect(count) => expect(&mut dict, count),
            }
            prop_assert_eq!(dict.len(), model.len());
        }
        dict.check_invariants();
        dict.expect_no_more();
        prop_assert_eq!(dict.heads.len(), model.len());
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
                Step::Expect(count) => expect(&mut dict, count),
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
fn a_large_dict_gives_memory_back() {
    let mut dict = Dict::default();
    (0..20_000).for_each(|number| insert(&mut dict, number));
    let full = dict.heap_bytes();
    (0..19_990).for_each(|number| assert_eq!(remove(&mut dict, number), Some(number)));
    assert!(dict.heap_bytes() < full / 20, "{} of {full}", dict.heap_bytes());
    dict.check_invariants();
}

#[test]
fn random_keys_are_fair() {
    let mut dict = Dict::default();
    let mut random = Random::from_seed(7);
    assert!(dict.random(&mut random).is_none());
    (0..110).for_each(|number| insert(&mut dict, number));
    (0..10).for_each(|number| assert!(remove(&mut dict, number).is_some()));
    let mut counts: HashMap<u16, u32> = HashMap::new();
    for _ in 0..100_000 {
        if let Some((_, number)) = dict.random(&mut random) {
            *counts.entry(*number).or_default() += 1;
        }
    }
    // 1000 expected each; the deviation is about 32, and five times that is next to never exceeded.
    assert_eq!(counts.len(), 100);
    assert!(counts.values().all(|count| (840..1160).contains(count)), "{counts:?}");
}
