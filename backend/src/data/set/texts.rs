//! Members of any kind: a few short ones one after the other, more of them in a hash table.
//!
//! A Redis 7.0 has a table in both cases, so `OBJECT ENCODING` and dumps do not tell. The first form takes a fraction
//! of the memory and is gone through in about the time of a hash and two cache misses.

use crate::data::dict::Dict;
use crate::data::estimate;
use crate::data::hashing::HashKey;
use crate::data::key::Key;
use crate::data::listpack::{Entry, Listpack, Position};

/// Most members that are kept one after the other (count).
const FEW_MAX: usize = 16;

/// Longest member that is kept so, in bytes; a longer one is as large as its place in a table.
const SHORT_BYTES_MAX: usize = 64;

/// Different strings of bytes, in no order.
#[derive(Clone, Debug)]
pub(crate) enum Texts {
    /// At most [`FEW_MAX`] members of at most [`SHORT_BYTES_MAX`] bytes.
    Few(Listpack),
    Many(Box<Table>),
}

/// A hash table of members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    dict: Dict<(), Key>,
    hash_key: HashKey,
}

impl Default for Texts {
    fn default() -> Texts {
        Texts::Few(Listpack::new())
    }
}

impl Texts {
    pub(super) fn len(&self) -> usize {
        match self {
            Texts::Few(list) => list.len(),
            Texts::Many(table) => table.dict.len(),
        }
    }

    pub(super) fn contains(&self, member: &[u8]) -> bool {
        match self {
            Texts::Few(list) => position(list, member).is_some(),
            Texts::Many(table) => table.contains(member),
        }
    }

    /// Whether it was not there before.
    pub(super) fn insert(&mut self, member: &[u8]) -> bool {
        let list = match self {
            Texts::Many(table) => return table.insert(member),
            Texts::Few(list) => list,
        };
        if position(list, member).is_some() {
            return false;
        }
        if list.len() < FEW_MAX && member.len() <= SHORT_BYTES_MAX {
            list.push_back(member);
            return true;
        }
        let mut table = Box::new(Table::default());
        for member in list.iter() {
            table.insert(member.bytes(&mut itoa::Buffer::new()));
        }
        table.insert(member);
        *self = Texts::Many(table);
        true
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Texts::Few(list) => {
                let found = position(list, member);
                if let Some(at) = found {
                    list.remove(at);
                }
                found.is_some()
            }
            Texts::Many(table) => table.remove(member),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        let (list, table) = match self {
            Texts::Few(list) => (Some(list.iter()), None),
            Texts::Many(table) => (None, Some(table.dict.iter())),
        };
        let members = table.into_iter().flatten().map(|(member, ())| Entry::String(member));
        list.into_iter().flatten().chain(members)
    }

    /// The member at a place below [`Texts::len`]; any change may give it another place.
    pub(super) fn at(&self, place: usize) -> Option<Entry<'_>> {
        match self {
            Texts::Few(list) => seek(list, place).map(|at| list.get(at)),
            Texts::Many(table) => table.dict.at(place).map(|(member, ())| Entry::String(member)),
        }
    }

    /// Removes the member at a place and gives it back.
    pub(super) fn remove_at(&mut self, place: usize) -> Option<Vec<u8>> {
        match self {
            Texts::Few(list) => {
                let at = seek(list, place)?;
                let member = list.get(at).to_vec();
                list.remove(at);
                Some(member)
            }
            Texts::Many(table) => table.dict.remove_at(place).map(|(member, ())| member.to_vec()),
        }
    }

    /// As [`Dict::scan`].
    pub(super) fn scan(&self, cursor: u64, mut visit: impl FnMut(Entry<'_>)) -> u64 {
        match self {
            Texts::Few(list) => {
                list.iter().for_each(visit);
                0
            }
            Texts::Many(table) => {
                table.dict.scan(cursor, |member, ()| visit(Entry::String(member)))
            }
        }
    }

    /// How many members each bucket has: all in one while they are few.
    pub(super) fn chain_lens(&self) -> Vec<usize> {
        match self {
            Texts::Few(list) => vec![list.len()],
            Texts::Many(table) => table.dict.chain_lens().collect(),
        }
    }

    /// Bytes on the heap, those of a table's members by so many samples.
    pub(super) fn heap_bytes(&self, samples: usize) -> usize {
        match self {
            Texts::Few(list) => list.heap_bytes(),
            Texts::Many(table) => {
                let owned = table.dict.iter().map(|(member, ())| member.heap_bytes());
                size_of::<Table>()
                    + table.dict.heap_bytes()
                    + estimate::sum(owned, table.dict.len(), samples)
            }
        }
    }
}

/// Where a member stands.
fn position(list: &Listpack, member: &[u8]) -> Option<Position> {
    list.find(list.first()?, member, 0)
}

fn seek(list: &Listpack, place: usize) -> Option<Position> {
    list.seek(i64::try_from(place).ok()?)
}

impl Table {
    fn contains(&self, member: &[u8]) -> bool {
        self.dict.find(self.hash_key.hash(member), member).is_some()
    }

    fn insert(&mut self, member: &[u8]) -> bool {
        let hash = self.hash_key.hash(member);
        if self.dict.find(hash, member).is_some() {
            return false;
        }
        self.dict.insert_new(hash, Key::from(member), ());
        true
    }

    fn remove(&mut self, member: &[u8]) -> bool {
        self.dict.remove(self.hash_key.hash(member), member).is_some()
    }
}
