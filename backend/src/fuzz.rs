//! Doors for `fuzz/checks` to what is private to this crate; nobody else calls them.
//!
//! Each takes bytes as they come from a socket or a file and gives back `None` where they are refused.
//! Not here: what must hold of the answers.

pub mod kept;

pub mod link;

use crate::cluster::message;
use crate::data::hyper_log_log as hll;
use crate::data::intset::Intset;
use crate::data::listpack::{Entry, Listpack};
use crate::data::rdb::write::Compression;
use crate::data::rdb::{Limits, payload};
use crate::data::stream::id::Id;
use crate::data::stream::node::Node;
use crate::data::stream::{self, Stream};
use crate::data::value::Value;
use crate::data::{hash, list, sorted_set};
use crate::scripting;

/// Elements of a sequence, met from either end on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walks {
    /// From the first element on.
    pub forward: Vec<Vec<u8>>,
    /// From the last element on.
    pub backward: Vec<Vec<u8>>,
}

/// The payload of `DUMP` for a value: with version and checksum, which no chance would hit.
#[must_use]
pub fn payload_of(value: &[u8]) -> Vec<u8> {
    payload::with_footer(value.to_vec())
}

/// So small that inputs of a few hundred bytes become tables, too.
const LIMITS: Limits = Limits {
    list: list::Limits { fill: 4, plain_bytes: 64 },
    hash: hash::Limits { fields_max: 8, bytes_max: 16 },
    set_integers_max: 8,
    sorted_set: sorted_set::Limits { entries_max: 8, name_bytes_max: 16 },
};

/// Restores a payload, and dumps the value anew.
#[must_use]
pub fn restore(bytes: &[u8]) -> Option<Vec<u8>> {
    let value = payload::read(bytes, &LIMITS).ok()?;
    if let Value::Stream(stream) = &value {
        walk_stream(stream);
    }
    Some(payload::write(&value, Compression::On))
}

/// The elements of a listpack.
#[must_use]
pub fn listpack(bytes: &[u8]) -> Option<Walks> {
    let list = Listpack::from_bytes(bytes).ok()?;
    let last = list.last();
    let backward = std::iter::successors(last, |at| list.previous(*at)).map(|at| list.get(at));
    Some(Walks {
        forward: list.iter().map(Entry::to_vec).collect(),
        backward: backward.map(Entry::to_vec).collect(),
    })
}

/// The bytes of a listpack of these elements.
#[must_use]
pub fn listpack_of(elements: &[Vec<u8>]) -> Vec<u8> {
    let mut list = Listpack::new();
    elements.iter().for_each(|element| list.push_back(element));
    list.as_bytes().to_vec()
}

/// The members of a compact set of integers.
#[must_use]
pub fn intset(bytes: &[u8]) -> Option<Vec<i64>> {
    Intset::from_bytes(bytes).ok().map(|set| set.iter().collect())
}

/// The entries of a stream that has one node, each as the bytes of its ID, fields and values.
#[must_use]
pub fn stream_node(bytes: &[u8]) -> Option<Walks> {
    let node = Node::from_listpack(Listpack::from_bytes(bytes).ok()?).ok()?;
    let mut stream = Stream::default();
    stream.push_node_back(Id { ms: 0, seq: 0 }, node).ok()?;
    Some(walk_stream(&stream))
}

fn walk_stream(stream: &Stream) -> Walks {
    let text = |entry: stream::node::Entry<'_>| {
        let mut text = format!("{}-{}", entry.id.ms, entry.id.seq).into_bytes();
        for (name, value) in entry.fields() {
            text.extend([name.to_vec(), value.to_vec()].concat());
        }
        text
    };
    Walks {
        forward: stream.range(Id::MIN, Id::MAX).map(text).collect(),
        backward: stream.range_back(Id::MIN, Id::MAX).map(text).collect(),
    }
}

/// A string that counts different elements, after it was shown one: its estimate as it is and, if it is sound, made
/// dense.
#[must_use]
pub fn hyper_log_log(bytes: &[u8], element: &[u8]) -> Option<(u64, u64)> {
    hll::Encoding::of(bytes).ok()?;
    let mut bytes = bytes.to_vec();
    // A damaged one may take an element all the same.
    let is_taken = hll::add(&mut bytes, element, 3000).is_ok();
    let mut merged = hll::Registers::default();
    let is_merged = hll::merge(&mut merged, &bytes).is_ok();
    let estimate = hll::estimate(&mut bytes).ok().filter(|_| is_taken && is_merged)?;
    hll::make_dense(&mut bytes).ok()?;
    Some((estimate, hll::estimate(&mut bytes).ok()?))
}

/// A message of the cluster bus, written anew.
#[must_use]
pub fn bus_message(bytes: &[u8]) -> Option<Vec<u8>> {
    let message = message::decode::message(bytes).ok()?;
    Some(message::encode::message(&message))
}

/// Runs a script with arguments on a Lua state of this thread: its reply in RESP3, or why it did not compile. Whatever
/// it calls answers `+OK`, and it is killed when it takes long.
#[must_use]
pub fn script(source: &[u8], args: &[&[u8]]) -> Option<Vec<u8>> {
    scripting::run_alone(source, args)
}
