//! What the node stores: keys, values and when they expire. Knows nothing of RESP, sessions or commands.
//!
//! | module | what it holds |
//! |---|---|
//! | [`key`] | key bytes, short ones without an allocation |
//! | [`value`] | the types of values |
//! | [`string`] | the string type with its three encodings |
//! | [`long_double`], [`big`] | the arithmetic of `INCRBYFLOAT` |
//! | [`hash`] | the hash type, compact or a table |
//! | [`set`] | the set type, integers or texts |
//! | [`intset`] | integers in ascending order in one run of bytes |
//! | [`stream`] | the stream type: nodes of entries, consumer groups |
//! | [`hyper_log_log`] | strings that count different elements |
//! | [`listpack`] | short strings and integers in one run of bytes: the compact form of small collections |
//! | [`pages`] | a long sequence that grows without being moved |
//! | [`list`] | the list type: listpacks in a row |
//! | [`sorted_set`] | members in order of their scores, found by name and by rank |
//! | [`geo`] | places on the earth as scores |
//! | [`dict`] | the hash table: grows in small steps, can be scanned while it does |
//! | [`hashing`] | hashes that clients cannot foresee |
//! | [`keyspace`] | one database: one dict, or one for each slot; expiry |
//! | [`usage`] | when a key was last used, or how often |
//! | [`lazy_free`] | what takes long to free, freed by a thread of its own |
//! | [`random`] | cheap random numbers |
//! | [`estimate`] | sums by a part of a collection |
//! | [`digest`] | digests by which equal data is known |
//! | [`rdb`] | values as bytes, for dumps and snapshots |

pub(crate) mod key;

pub(crate) mod value;

pub(crate) mod string;

pub(crate) mod stream;

pub(crate) mod big;

pub(crate) mod long_double;

pub(crate) mod hash;

pub(crate) mod set;

pub(crate) mod intset;

pub(crate) mod hyper_log_log;

pub(crate) mod listpack;

pub(crate) mod pace;

pub(crate) mod pages;

pub(crate) mod list;

pub(crate) mod sorted_set;

pub(crate) mod geo;

pub(crate) mod dict;

pub(crate) mod hashing;

pub(crate) mod keyspace;

pub(crate) mod usage;

pub(crate) mod lazy_free;

pub(crate) mod random;

pub(crate) mod digest;

mod estimate;

pub(crate) mod rdb;
