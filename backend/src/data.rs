//! What the node stores: keys, values and when they expire. Knows nothing of RESP, sessions or commands.
//!
//! | module | what it holds |
//! |---|---|
//! | [`key`] | key bytes, short ones without an allocation |
//! | [`value`] | the types of values |
//! | [`string`] | the string type with its three encodings |
//! | [`long_double`], [`big`] | the arithmetic of `INCRBYFLOAT` |
//! | [`listpack`] | short strings and integers in one run of bytes: the compact form of small collections |
//! | [`list`] | the list type: listpacks in a row |
//! | [`dict`] | the hash table: grows in small steps, can be scanned while it does |
//! | [`keyspace`] | one database: one dict, or one for each slot; expiry |
//! | [`random`] | cheap random numbers |

pub(crate) mod key;

pub(crate) mod value;

pub(crate) mod string;

pub(crate) mod big;

pub(crate) mod long_double;

pub(crate) mod listpack;

pub(crate) mod list;

pub(crate) mod dict;

pub(crate) mod keyspace;

pub(crate) mod random;
