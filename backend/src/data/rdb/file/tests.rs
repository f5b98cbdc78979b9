//! Databases come back as they were written, in pieces of any size, and files that lie are refused.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::decode::{Decoder, Item};
use super::fill::{Duplicates, Expired, Filler};
use super::write::{Content, write};
use super::*;
use crate::data::keyspace::{Keyspace, Layout};
use crate::data::pace::Pace;
use crate::data::rdb::write::Compression;
use crate::data::rdb::{payload, tests};
use crate::data::string::Str;
use crate::data::usage::Told;

fn databases(count: usize) -> Vec<Keyspace> {
    (0..count).map(|_| Keyspace::new(Layout::Whole)).collect()
}

/// Keys in two of three databases, every third of which expires.
fn filled(values: &[crate::data::value::Value]) -> Vec<Keyspace> {
    let mut databases = databases(3);
    for (number, value) in values.iter().enumerate() {
        let expires_at_ms = (number % 3 == 0).then(|| 1_000 + number as i64);
        let key = format!("key:{number}");
        databases[number % 2 * 2].insert(key.as_bytes(), value.clone(), expires_at_ms, 0);
    }
    databases
}

fn written(databases: &[Keyspace], checksum: Checksum) -> Vec<u8> {
    let (libraries, aux) = (vec![b"#!lua name=x".as_slice()], [("redis-ver", "7.0.15".to_owned())]);
    let compression = Compression::On;
    let told = Told::Nothing;
    let content = Content {
        databases,
        libraries,
        aux: &aux,
        compression,
        checksum,
        told,
        now_ms: 0,
        pace: Pace::Full,
    };
    let mut bytes = Vec::new();
    write(&content, &mut bytes, &mut |_| {}).unwrap();
    bytes
}

/// Reads a file whose bytes come in pieces of this size.
fn read(bytes: &[u8], piece: usize) -> Result<(Filler, Vec<Keyspace>, Vec<u8>), FileError> {
    let mut decoder = Decoder::new(tests::LIMITS, Checksum::On);
    let mut filler = Filler::new(0, Expired::Kept, Duplicates::Refused);
    let mut databases = databases(3);
    let mut pieces = bytes.chunks(piece);
    loop {
        match decoder.next()? {
            Some(item) => {
                let is_end = matches!(item, Item::End);
                filler.take(item, &mut databases)?;
                if is_end {
                    break;
                }
            }
            None => match pieces.next() {
                Some(piece) => decoder.push(piece),
                None => decoder.end(),
            },
        }
    }
    let mut rest = decoder.unread().to_vec();
    rest.extend(pieces.flatten());
    Ok((filler, databases, rest))
}

/// All keys with when they expire and how long their dump is, in one order. The order of a table's members, and so
/// the dump, may be another one.
fn content(databases: &[Keyspace]) -> Vec<(usize, Vec<u8>, Option<i64>, usize)> {
    let mut all = Vec::new();
    for (db, database) in databases.iter().enumerate() {
        all.extend(database.iter().map(|(key, record)| {
            let expires_at_ms = database.expires_at_ms(key);
            (db, key.to_vec(), expires_at_ms, payload::write(&record.value, Compression::Off).len())
        }));
    }
    all.sort();
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn files_come_back_in_pieces_of_any_size(
        values in prop::collection::vec(tests::value(), 0..12),
        piece in 1..400usize,
    ) {
        let databases = filled(&values);
        for checksum in [Checksum::On, Checksum::Off] {
            let mut bytes = written(&databases, checksum);
            bytes.extend_from_slice(b"what follows");
            let (filler, read, rest) = read(&bytes, piece).unwrap();
            prop_assert_eq!(rest, b"what follows");
            prop_assert_eq!(filler.loaded, values.len() as u64);
            prop_assert_eq!(filler.facts.value("redis-ver"), Some(&b"7.0.15"[..]));
            prop_assert_eq!(&*filler.libraries[0], b"#!lua name=x");
            prop_assert_eq!(content(&read), content(&databases));
        }
    }

    #[test]
    fn a_file_with_any_byte_changed_is_refused(
        values in prop::collection::vec(tests::value(), 1..5),
        at in any::<prop::sample::Index>(),
        by in 1..=255u8,
    ) {
        let mut bytes = written(&filled(&values), Checksum::On);
        let at = at.index(bytes.len());
        bytes[at] ^= by;
        prop_assert!(read(&bytes, 100).is_err(), "byte {} of {:?}", at, bytes);
    }

    #[test]
    fn without_a_checksum_broken_bytes_do_no_harm(
        values in prop::collection::vec(tests::value(), 1..5),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = written(&filled(&values), Checksum::Off);
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok((filler, read, _)) = read(&bytes, 100) {
            prop_assert_eq!(filler.loaded, read.iter().map(|database| database.len() as u64).sum::<u64>());
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_refused(values in prop::collection::vec(tests::value(), 1..5)) {
        let bytes = written(&filled(&values), Checksum::On);
        for end in 0..bytes.len() {
            let error = read(&bytes[..end], 1000).err();
            prop_assert_eq!(error, Some(FileError::Truncated(end as u64)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever gives the bytes may have summed them: the checksum is held to that.
    #[test]
    fn sums_that_come_with_the_bytes_are_as_good(
        values in prop::collection::vec(tests::value(), 1..8),
        piece in 1..400usize,
        at in any::<prop::sample::Index>(),
        by in 0..=1u8,
    ) {
        let mut bytes = written(&filled(&values), Checksum::On);
        let at = at.index(bytes.len());
        bytes[at] ^= by;
        bytes.extend_from_slice(b"what follows");
        let mut decoder = Decoder::new(tests::LIMITS, Checksum::On);
        let mut sum = Checksum::On.begin().unwrap();
        let mut is_read = Ok(false);
        for piece in bytes.chunks(piece) {
            decoder.push_summed(piece, Some(sum.clone()));
            sum.update(piece);
            while let Ok(false) = is_read && let Some(item) = decoder.next().transpose() {
                is_read = item.map(|item| matches!(item, Item::End));
            }
        }
        if by == 0 {
            prop_assert_eq!(is_read, Ok(true));
            prop_assert_eq!(decoder.unread(), b"what follows");
        } else {
            prop_assert!(is_read != Ok(true));
        }
    }

    /// How many keys a file states changes nothing but how soon there is room for them.
    #[test]
    fn stated_counts_may_be_anything(stated in any::<u64>(), volatile in any::<u64>(), trusted in 0..2_000u64) {
        let mut bytes = b"REDIS0004\xfb".to_vec();
        for count in [stated, volatile] {
            bytes.push(0x81);
            bytes.extend_from_slice(&count.to_be_bytes());
        }
        bytes.extend_from_slice(b"\x00\x01a\x01v\xfd\x01\x00\x00\x00\x00\x01b\x01v\xff");
        let mut decoder = Decoder::new(tests::LIMITS, Checksum::On);
        decoder.push(&bytes);
        let mut databases = databases(1);
        let filler = Filler::new(0, Expired::Kept, Duplicates::Refused);
        let mut filler = filler.trusting(trusted);
        let mut most = 0;
        while let Some(item) = decoder.next().unwrap() {
            filler.take(item, &mut databases).unwrap();
            let (keys, volatile) = databases[0].table_bytes();
            most = most.max(keys + volatile);
        }
        // Two bytes for each of the trusted, and what two keys take.
        prop_assert!(most < 2 * usize::try_from(trusted).unwrap() + 4_000, "{}", most);
        let (keys, volatile) = databases[0].table_bytes();
        prop_assert!(keys + volatile < 4_000);
        prop_assert_eq!((filler.loaded, databases[0].len(), databases[0].volatile_len()), (2, 2, 1));
    }
}

#[test]
fn each_kind_of_refusal_says_what_is_wrong() {
    let refusal = |bytes: &[u8]| read(bytes, 1000).err().map(|error| error.to_string()).unwrap();
    assert_eq!(refusal(b"REDOS0010"), "Wrong signature trying to load DB from file");
    assert_eq!(refusal(b"REDIS0011"), "Can't handle RDB format version 11");
    assert_eq!(refusal(b"REDIS0000"), "Can't handle RDB format version 0");
    assert!(refusal(b"REDIS0010\xf7\x00").contains("module"));
    assert!(refusal(b"REDIS0010\x07\x01k").contains("module"));
    assert!(refusal(b"REDIS0010\x08\x01k").contains("offset 9"));
    assert!(refusal(b"REDIS0004\xfe\x03\x00\x01k\x01v\xff").contains("more than 3 databases"));
    assert!(refusal(b"REDIS0010\xff12345678").contains("checksum"));
    // A key twice.
    assert!(refusal(b"REDIS0004\x00\x01k\x01v\x00\x01k\x01v\xff").contains("twice"));
    // A length that nobody sent.
    assert!(refusal(b"REDIS0010\x00\x81\x7f\xff\xff\xff\xff\xff\xff\xffk").contains("Short read"));
}

#[test]
fn keys_whose_time_has_come_and_empty_ones_are_counted() {
    let bytes = b"REDIS0004\xfd\x01\x00\x00\x00\x00\x01a\x01v\x02\x01b\x00\x00\x01c\x01v\xff";
    let mut decoder = Decoder::new(tests::LIMITS, Checksum::On);
    decoder.push(bytes);
    let mut filler = Filler::new(2_000, Expired::Dropped, Duplicates::Refused);
    let mut databases = databases(1);
    while let Some(item) = decoder.next().unwrap() {
        filler.take(item, &mut databases).unwrap();
    }
    assert_eq!((filler.loaded, filler.expired_count, filler.empty_count), (1, 1, 1));
    assert!(databases[0].expires_at_ms(b"c").is_none());
}

#[test]
fn a_pace_is_kept_after_each_key() {
    let databases = filled(&vec![crate::data::value::Value::String(Str::new(b"x")); 5]);
    let pace = Pace::Each(Duration::from_millis(2));
    let slow = Content {
        databases: &databases,
        libraries: Vec::new(),
        aux: &[],
        compression: Compression::Off,
        checksum: Checksum::Off,
        told: Told::Nothing,
        now_ms: 0,
        pace,
    };
    let (mut bytes, start) = (Vec::new(), Instant::now());
    write(&slow, &mut bytes, &mut |_| {}).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(10));
    let mut decoder = Decoder::new(tests::LIMITS, Checksum::Off);
    decoder.push(&bytes);
    let mut filler = Filler::new(0, Expired::Kept, Duplicates::Refused).at_pace(pace);
    let (mut read, start) = (self::databases(3), Instant::now());
    while let Some(item) = decoder.next().unwrap() {
        filler.take(item, &mut read).unwrap();
    }
    assert!(start.elapsed() >= Duration::from_millis(10));
    assert_eq!(content(&read), content(&databases));
}
