//! Streams against a plain list of entries.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::trim::{Keep, Trim};
use super::*;
use crate::data::listpack::Listpack;

const LIMITS: NodeLimits = NodeLimits { bytes: 200, entries: 4 };

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

fn id(number: u64) -> Id {
    Id { ms: number / 3, seq: number % 3 }
}

fn add(stream: &mut Stream, number: u64, fields: &Fields) -> Result<(), Refusal> {
    let words: Vec<&[u8]> = fields.iter().flat_map(|(a, b)| [a.as_slice(), b]).collect();
    stream.append(id(number), words.iter().copied(), LIMITS)
}

fn contents<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Vec<(Id, Fields)> {
    let fields = |entry: Entry<'_>| entry.fields().map(|(a, b)| (a.to_vec(), b.to_vec())).collect();
    entries.map(|entry| (entry.id, fields(entry))).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Add(u64, Fields),
    Delete(u64),
    KeepNewest(u64),
    KeepFrom(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let word = prop_oneof![Just(b"a".to_vec()), Just(b"17".to_vec()), Just(vec![b'x'; 70])];
    let fields = prop::collection::vec((word.clone(), word), 1..4);
    let step = prop_oneof![
        6 => (1..5u64, fields).prop_map(|(by, fields)| Step::Add(by, fields)),
        3 => (0..200u64).prop_map(Step::Delete),
        1 => (0..30u64).prop_map(Step::KeepNewest),
        1 => (0..200u64).prop_map(Step::KeepFrom),
    ];
    prop::collection::vec(step, 1..120)
}

/// Exact trimming by what may stay.
fn exact(keep: Keep) -> Trim {
    Trim { keep, is_approximate: false, limit: 0 }
}

fn check(stream: &Stream, model: &BTreeMap<Id, Fields>) {
    let expect: Vec<_> = model.iter().map(|(id, fields)| (*id, fields.clone())).collect();
    assert_eq!(contents(stream.range(Id::MIN, Id::MAX)), expect);
    let mut back = contents(stream.range_back(Id::MIN, Id::MAX));
    back.reverse();
    assert_eq!(back, expect);
    assert_eq!(stream.marks().len, expect.len() as u64);
    assert_eq!(stream.marks().first_id, expect.first().map_or(Id::MIN, |(id, _)| *id));
    assert_eq!(stream.last_entry_id(), expect.last().map(|(id, _)| *id));
    let (from, to) = (id(20), id(60));
    let part: Vec<_> = expect.into_iter().filter(|(id, _)| (from..=to).contains(id)).collect();
    assert_eq!(contents(stream.range(from, to)), part);
    for (_, node) in stream.nodes() {
        let list = Listpack::from_bytes(node.as_bytes()).expect("a listpack");
        Node::from_listpack(list).expect("a node");
    }
}

proptest! {
    #[test]
    fn a_stream_is_a_sorted_map(steps in steps()) {
        let (mut stream, mut model) = (Stream::default(), BTreeMap::new());
        let mut last = 0;
        for step in steps {
            match step {
                Step::Add(by, fields) => {
                    last += by;
                    add(&mut stream, last, &fields).expect("a larger ID");
                    model.insert(id(last), fields);
                }
                Step::Delete(number) => {
                    let removed = u64::from(model.remove(&id(number)).is_some());
                    prop_assert_eq!(stream.delete([id(number)].into_iter()), removed);
                }
                Step::KeepNewest(count) => {
                    stream.trim(&exact(Keep::Newest(count)));
                    while model.len() as u64 > count {
                        model.pop_first();
                    }
                }
                Step::KeepFrom(number) => {
                    stream.trim(&exact(Keep::From(id(number))));
                    model.retain(|at, _| *at >= id(number));
                }
            }
            check(&stream, &model);
        }
    }

    #[test]
    fn damaged_nodes_are_refused_or_read(at in 6..60usize, byte: u8, count in 1..5u64) {
        let mut stream = Stream::default();
        for number in 1..=count {
            let fields = vec![(b"f".to_vec(), b"v".to_vec()); if number == 2 { 2 } else { 1 }];
            add(&mut stream, number, &fields).expect("a larger ID");
        }
        let (_, node) = stream.nodes().next().expect("one node");
        let mut bytes = node.as_bytes().to_vec();
        if let Some(target) = bytes.get_mut(at) {
            *target = byte;
        }
        if let Ok(node) = Listpack::from_bytes(&bytes).and_then(Node::from_listpack) {
            prop_assert_eq!(contents(node.entries(Id::MIN)).len(), node.entries_back(Id::MIN).count());
        }
    }
}

#[test]
fn nodes_have_the_bytes_of_a_redis() {
    let mut stream = Stream::default();
    let fields = |pairs: &[(&str, &str)]| -> Fields {
        pairs.iter().map(|(a, b)| (a.as_bytes().to_vec(), b.as_bytes().to_vec())).collect()
    };
    add(&mut stream, 4, &fields(&[("a", "1"), ("b", "x")])).expect("a larger ID");
    add(&mut stream, 8, &fields(&[("a", "-5"), ("b", "")])).expect("a larger ID");
    add(&mut stream, 9, &fields(&[("c", "300")])).expect("a larger ID");
    assert_eq!(stream.delete([id(8)].into_iter()), 1);
    let (_, node) = stream.nodes().next().expect("one node");
    // From the DUMP of a redis-server after the same commands.
    let expect: &[u8] = b"@\0\0\0\x19\0\x02\x01\x01\x01\x02\x01\x81a\x02\x81b\x02\0\x01\x02\x01\0\x01\0\x01\x01\x01\x81x\x02\
        \x05\x01\x03\x01\x01\x01\x01\x01\xdf\xfb\x02\x80\x01\x05\x01\0\x01\x02\x01\xdf\xff\x02\x01\x01\x81c\x02\
        \xc1,\x02\x06\x01\xff";
    assert_eq!(node.as_bytes().escape_ascii().to_string(), expect.escape_ascii().to_string());
}

#[test]
fn what_was_read_is_known_until_something_is_deleted_ahead() {
    let mut stream = Stream::default();
    let fields = vec![(b"f".to_vec(), b"v".to_vec())];
    assert!(stream.create_group(b"g", Id::MIN, None));
    assert!(!stream.create_group(b"g", Id::MIN, None));
    let lag = |stream: &Stream| stream.marks().lag(stream.group(b"g").expect("a group"));
    assert_eq!(lag(&stream), Some(0));
    (1..=5).for_each(|number| add(&mut stream, number, &fields).expect("a larger ID"));
    assert_eq!(lag(&stream), Some(5));
    let mut group = stream.group(b"g").expect("a group").clone();
    assert!(stream.marks().advance(&mut group, id(1)));
    assert!(!stream.marks().advance(&mut group, id(1)));
    assert_eq!((group.entries_read, stream.marks().lag(&group)), (Some(1), Some(4)));
    stream.delete([id(3)].into_iter());
    assert_eq!(stream.marks().lag(&group), None, "one of those ahead is gone");
    assert!(stream.marks().advance(&mut group, id(2)));
    assert_eq!((group.entries_read, stream.marks().lag(&group)), (None, None));
    assert!(stream.marks().advance(&mut group, id(5)));
    assert_eq!((group.entries_read, stream.marks().lag(&group)), (Some(5), Some(0)));
}

#[test]
fn an_entry_is_pending_at_one_consumer() {
    let mut group = Group::new(Id::MIN, None);
    let bob = group.create_consumer(b"bob", 1).expect("a new name");
    let ann = group.create_consumer(b"ann", 2).expect("a new name");
    assert_eq!(group.create_consumer(b"ann", 3), None);
    let names: Vec<&[u8]> = group.consumers().map(|consumer| &*consumer.name).collect();
    assert_eq!(names, [b"ann", b"bob"]);
    group.deliver(id(1), bob, 5);
    group.deliver(id(2), bob, 5);
    group.deliver(id(1), ann, 6);
    assert_eq!(group.consumer(bob).pending.len(), 1);
    assert_eq!(group.hand_over(id(2), ann, 7).delivered_at_ms, 5);
    assert_eq!(group.hand_over(id(3), ann, 7).delivered_at_ms, 7);
    assert!(group.acknowledge(id(3)));
    assert_eq!(group.remove_consumer(b"bob"), Some(0));
    assert!(group.acknowledge(id(1)));
    assert!(!group.acknowledge(id(1)));
    assert_eq!(group.remove_consumer(b"ann"), Some(1));
    assert!(group.pending().is_empty());
}

#[test]
fn a_node_without_the_zero_behind_its_fields_is_refused() {
    /// Header, two counts of two bytes each, the count of fields, and one field of three bytes.
    const ZERO_AT: usize = 6 + 2 + 2 + 2 + 3;
    let mut stream = Stream::default();
    add(&mut stream, 1, &vec![(b"f".to_vec(), b"v".to_vec())]).expect("a larger ID");
    let (_, node) = stream.nodes().next().expect("one node");
    let mut bytes = node.as_bytes().to_vec();
    let is_node = |bytes: &[u8]| Listpack::from_bytes(bytes).and_then(Node::from_listpack).is_ok();
    assert!(is_node(&bytes));
    bytes[ZERO_AT] = 1;
    assert!(!is_node(&bytes));
}
