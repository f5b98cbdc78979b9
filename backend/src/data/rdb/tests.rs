//! Values come back as they were written, and bytes that lie are refused.

use proptest::prelude::*;

use super::*;
use crate::data::hash::{self, Hash};
use crate::data::list::{self, End, List};
use crate::data::rdb::payload::PayloadError;
use crate::data::rdb::write::Compression;
use crate::data::set::Set;
use crate::data::sorted_set::{self, SortedSet};
use crate::data::stream::id::Id;
use crate::data::stream::{NodeLimits, Stream};

pub(super) const LIMITS: Limits = Limits {
    list: list::Limits { fill: 4, plain_bytes: 60 },
    hash: hash::Limits { fields_max: 5, bytes_max: 40 },
    set_integers_max: 5,
    sorted_set: sorted_set::Limits { entries_max: 5, name_bytes_max: 40 },
};

/// Short texts, numbers of all sizes, and texts that are worth compressing.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12),
        (any::<i64>(), 0..64u32)
            .prop_map(|(number, shift)| { (number >> shift).to_string().into_bytes() }),
        (any::<u8>(), 1..100usize).prop_map(|(byte, count)| [byte, b'x'].repeat(count)),
    ]
}

pub(super) fn value() -> impl Strategy<Value = Value> {
    let texts = prop::collection::vec(text(), 1..12);
    (0..6u8, texts).prop_map(|(kind, texts)| match kind {
        0 => Value::String(Str::new(&texts.concat())),
        1 => {
            let mut list = List::default();
            texts.iter().for_each(|text| list.push(End::Back, text, LIMITS.list));
            Value::List(Box::new(list))
        }
        2 => {
            let mut set = Set::default();
            texts.iter().for_each(|text| _ = set.insert(text, LIMITS.set_integers_max));
            Value::Set(set)
        }
        4 => Value::Stream(Box::new(stream_of(&texts))),
        3 => {
            let mut set = SortedSet::new(&LIMITS.sorted_set, 0);
            for text in &texts {
                let score = f64::from(text.first().copied().unwrap_or(0)) / 4.0 - 20.0;
                set.update(text, &LIMITS.sorted_set, |_| Some(score));
            }
            Value::SortedSet(set)
        }
        _ => {
            let mut hash = Hash::default();
            texts.iter().for_each(|text| _ = hash.insert(text, text, LIMITS.hash));
            Value::Hash(hash)
        }
    })
}

/// One entry for each text, some deleted, and a group that has read some.
fn stream_of(texts: &[Vec<u8>]) -> Stream {
    let mut stream = Stream::default();
    let limits = NodeLimits { bytes: 0, entries: 3 };
    let id = |number: usize| Id { ms: 5, seq: number as u64 + 1 };
    for (number, text) in texts.iter().enumerate() {
        let words: &[&[u8]] = if text.len() % 2 == 0 { &[b"field", text] } else { &[text, b"7"] };
        stream.append(id(number), words.iter().copied(), limits).unwrap();
    }
    stream.delete((0..texts.len()).step_by(3).map(id));
    stream.create_group(b"group", id(2), Some(2));
    let group = stream.group_mut(b"group").unwrap();
    let consumers = [b"one", b"two"].map(|name| group.create_consumer(name, 1_000).unwrap());
    (0..texts.len()).for_each(|number| group.deliver(id(number), consumers[number % 2], 2_000));
    stream
}

fn bytes_of(value: &Value) -> Vec<u8> {
    let mut out = Writer::new(Compression::On);
    write_value(value, &mut out);
    out.into_bytes()
}

/// What a value holds, in an order that does not depend on how it is kept.
fn content(value: &Value) -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> = match value {
        Value::String(string) => vec![string.bytes(&mut itoa::Buffer::new()).to_vec()],
        Value::Stream(_) => return vec![bytes_of(value)],
        Value::List(list) => return list.iter().map(|element| element.to_vec()).collect(),
        Value::Set(set) => set.iter().map(|member| member.to_vec()).collect(),
        Value::SortedSet(set) => {
            let bits = |score: f64| score.to_bits().to_le_bytes();
            return set.iter().map(|(m, score)| [&*m.to_vec(), &bits(score)].concat()).collect();
        }
        Value::Hash(hash) => {
            hash.iter().map(|(field, value)| [field.to_vec(), value.to_vec()].concat()).collect()
        }
    };
    texts.sort();
    texts
}

proptest! {
    #[test]
    fn what_was_written_comes_back(value in value()) {
        for compression in [Compression::On, Compression::Off] {
            let read = payload::read(&payload::write(&value, compression), &LIMITS).unwrap();
            prop_assert_eq!(read.type_name(), value.type_name());
            prop_assert_eq!(content(&read), content(&value));
        }
        let bytes = bytes_of(&value);
        for end in 0..bytes.len() {
            let error = read_value(&mut Reader::new(&bytes[..end]), &LIMITS).unwrap_err();
            prop_assert_eq!(error, ReadError::Truncated, "cut to {}", end);
        }
    }

    #[test]
    fn broken_bytes_are_refused_or_make_a_sound_value(
        value in value(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = bytes_of(&value);
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(value) = read_value(&mut Reader::new(&bytes), &LIMITS) {
            let again = read_value(&mut Reader::new(&bytes_of(&value)), &LIMITS).unwrap();
            prop_assert_eq!(content(&again), content(&value));
            prop_assert!(content(&value).len() <= bytes.len());
        }
    }

    #[test]
    fn any_bytes_of_any_kind_do_no_harm(
        kind in 0..20u8,
        mut bytes in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        bytes.insert(0, kind);
        let _ = read_value(&mut Reader::new(&bytes), &LIMITS);
    }
}

#[test]
fn a_payload_of_a_later_version_or_with_another_checksum_is_refused() {
    let payload = payload::write(&Value::String(Str::new(b"hello")), Compression::On);
    assert_eq!(payload, b"\x00\x05hello\n\x00cr\xdfve4 \n");
    for at in 0..payload.len() {
        let mut broken = payload.clone();
        broken[at] ^= 1;
        assert_eq!(payload::read(&broken, &LIMITS).unwrap_err(), PayloadError::Footer);
    }
    assert_eq!(payload::read(b"", &LIMITS).unwrap_err(), PayloadError::Footer);
}
