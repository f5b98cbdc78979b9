//! Keys come, expire and go, and every count follows them.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::*;
use crate::data::string::Str;

fn string(text: &str) -> Value {
    Value::String(Str::new(text.as_bytes()))
}

fn filled(layout: Layout, count: usize) -> Keyspace {
    let mut keyspace = Keyspace::new(layout);
    for number in 0..count {
        keyspace.insert(format!("key:{number}").as_bytes(), string("v"), None, 0);
    }
    keyspace
}

/// What is inserted as a file has it is as if a client had set it; what is there already stays.
#[test]
fn a_run_of_keys_is_inserted_as_single_ones_are() {
    for layout in [Layout::Whole, Layout::BySlot] {
        let mut keyspace = filled(layout, 3);
        keyspace.expect(500, 200);
        let keys: Vec<String> = (0..300).map(|number| format!("key:{number}")).collect();
        let mut places = Vec::new();
        keyspace.find_places(keys.iter().map(|key| key.as_bytes()), &mut places);
        for (number, (key, place)) in keys.iter().zip(&places).enumerate() {
            let entry = load::Entry {
                key: Key::from(key.as_bytes()),
                value: string("new"),
                expires_at_ms: (number % 3 == 0).then_some(100),
                past_use: PastUse { idle_s: Some(7), frequency: None },
            };
            assert_eq!(keyspace.insert_at(*place, entry, 1_700_000_000_000), number >= 3);
        }
        keyspace.expect_no_more();
        assert_eq!((keyspace.len(), keyspace.volatile_len()), (300, 99));
        assert_eq!(keyspace.expires_at_ms(b"key:0"), None);
        assert_eq!(keyspace.expires_at_ms(b"key:3"), Some(100));
        let record = keyspace.find(b"key:4", 0).unwrap();
        assert!(!record.is_volatile() && record.usage.idle_s(1_700_000_000_000) == 7);
        assert!(keyspace.find(b"key:3", 101).is_none());
        assert_eq!((keyspace.len(), keyspace.volatile_len()), (299, 98));
    }
}

#[test]
fn a_key_expires_on_access_once_its_time_has_passed() {
    let mut keyspace = Keyspace::new(Layout::Whole);
    keyspace.insert(b"k", string("v"), Some(100), 0);
    assert!(keyspace.find(b"k", 100).is_some());
    assert_eq!((keyspace.len(), keyspace.volatile_len()), (1, 1));
    assert!(keyspace.find(b"k", 101).is_none());
    assert_eq!((keyspace.len(), keyspace.volatile_len()), (0, 0));
    assert_eq!(keyspace.expired_count(), 1);
}

#[test]
fn expiry_is_indexed_whichever_way_it_changes() {
    let mut keyspace = Keyspace::new(Layout::Whole);
    keyspace.insert(b"k", string("v"), None, 0);
    for (expiry, volatile) in [(Some(5), 1), (Some(9), 1), (None, 0), (Some(7), 1)] {
        assert!(keyspace.set_expiry(b"k", expiry));
        assert_eq!(keyspace.volatile_len(), volatile);
        assert!(keyspace.find(b"k", 0).is_some_and(|r| r.is_volatile() == expiry.is_some()));
        assert_eq!(keyspace.expires_at_ms(b"k"), expiry);
    }
    keyspace.insert(b"k", string("w"), None, 0);
    assert_eq!(keyspace.volatile_len(), 0);
    assert!(!keyspace.set_expiry(b"other", Some(1)));
}

#[test]
fn a_scan_meets_all_keys_in_either_layout() {
    for layout in [Layout::Whole, Layout::BySlot] {
        let keyspace = filled(layout, 1000);
        let mut met = HashSet::new();
        let mut cursor = 0;
        loop {
            cursor = keyspace.scan(cursor, |key, _| {
                met.insert(key.to_vec());
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(met.len(), 1000, "{layout:?}");
    }
}

#[test]
fn slots_know_their_keys() {
    let mut keyspace = filled(Layout::BySlot, 0);
    for key in ["{a}1", "{a}2", "{b}1"] {
        keyspace.insert(key.as_bytes(), string("v"), Some(1), 0);
    }
    let slot = Slot::of_key(b"a");
    assert_eq!(keyspace.count_in_slot(slot), 2);
    assert_eq!(keyspace.keys_in_slot(slot, 10).len(), 2);
    assert_eq!(keyspace.keys_in_slot(slot, 1).len(), 1);
    assert_eq!(keyspace.drop_slot(slot), 2);
    assert_eq!((keyspace.len(), keyspace.volatile_len()), (1, 1));
    assert_eq!(filled(Layout::Whole, 5).count_in_slot(slot), 0);
}

#[test]
fn a_sweep_removes_what_has_expired_and_keeps_the_rest() {
    for layout in [Layout::Whole, Layout::BySlot] {
        let mut keyspace = filled(layout, 10);
        for number in 0..500 {
            let time = if number % 2 == 0 { 10 } else { 1_000_000 };
            keyspace.insert(format!("volatile:{number}").as_bytes(), string("v"), Some(time), 0);
        }
        let far = Instant::now() + Duration::from_secs(60);
        let mut removed = 0;
        for _ in 0..100 {
            removed += keyspace.sweep(1000, 1, far).removed.len();
        }
        assert_eq!(removed, 250, "{layout:?}");
        assert_eq!((keyspace.len(), keyspace.volatile_len()), (260, 250));
    }
}

#[test]
fn random_keys_come_from_all_parts() {
    let mut keyspace = filled(Layout::BySlot, 50);
    let met: HashSet<Vec<u8>> =
        (0..2000).filter_map(|_| keyspace.random_key()).map(|key| key.to_vec()).collect();
    assert!(met.len() > 40, "{}", met.len());
}
