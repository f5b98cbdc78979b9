//! The types of values that a key may hold.

use crate::data::hash::Hash;
use crate::data::list::List;
use crate::data::set::Set;
use crate::data::sorted_set::SortedSet;
use crate::data::stream::Stream;
use crate::data::string::Str;

/// A value of one of the types.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A string of bytes.
    String(Str),
    /// Fields with values. A hash that a key holds is never empty.
    Hash(Hash),
    /// Different members. A set that a key holds is never empty.
    Set(Set),
    /// Elements in a row.
    List(Box<List>),
    /// Members in order of their scores.
    SortedSet(SortedSet),
    /// Entries in order, and groups that read them.
    Stream(Box<Stream>),
}

impl Value {
    /// The sorted set, if it is one.
    pub(crate) fn as_sorted_set(&self) -> Option<&SortedSet> {
        if let Value::SortedSet(set) = self { Some(set) } else { None }
    }

    /// The same value for another key.
    pub(crate) fn copy(&self) -> Value {
        match self {
            Value::String(string) => Value::String(string.copy()),
            value => value.clone(),
        }
    }

    /// What `TYPE` answers.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Value::String(_) => "string",
            Value::Hash(_) => "hash",
            Value::Set(_) => "set",
            Value::List(_) => "list",
            Value::SortedSet(_) => "zset",
            Value::Stream(_) => "stream",
        }
    }

    /// What `OBJECT ENCODING` answers.
    pub(crate) fn encoding(&self) -> &'static str {
        match self {
            Value::String(string) => string.encoding(),
            Value::Hash(hash) => hash.encoding(),
            Value::Set(set) => set.encoding(),
            Value::List(_) => "quicklist",
            Value::SortedSet(set) => set.encoding(),
            Value::Stream(_) => "stream",
        }
    }

    /// How many pieces of memory it takes, about (count): what has to be visited to free it.
    #[inline]
    pub(crate) fn pieces(&self) -> usize {
        match self {
            Value::String(_) | Value::Hash(Hash::Compact(_)) | Value::Set(Set::Integers(_)) => 1,
            Value::Hash(hash) => hash.len(),
            Value::Set(set) => set.len(),
            Value::List(list) => list.nodes_count(),
            Value::SortedSet(set) if set.is_compact() => 1,
            Value::SortedSet(set) => set.len(),
            Value::Stream(stream) => stream.pieces(),
        }
    }

    /// About how many bytes it takes beyond the record that holds it. What a large collection owns is told by so many
    /// samples of its parts (count).
    pub(crate) fn heap_bytes(&self, samples: usize) -> usize {
        match self {
            Value::String(string) => string.heap_bytes(),
            Value::Hash(hash) => hash.heap_bytes(samples),
            Value::Set(set) => set.heap_bytes(samples),
            Value::List(list) => list.heap_bytes(samples),
            Value::SortedSet(set) => set.heap_bytes(samples),
            Value::Stream(stream) => stream.heap_bytes(samples),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There may be millions: what is larger is to be boxed.
    #[test]
    fn a_value_takes_no_more_than_a_string() {
        assert_eq!(size_of::<Value>(), size_of::<Str>());
    }
}
