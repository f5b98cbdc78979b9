//! Doors to what a node reads at its start: files of all data, the append-only file's manifest and its parts.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::LazyLock;

use rustix::fs::{MemfdFlags, memfd_create};

use super::LIMITS;
use crate::config::Config;
use crate::data::keyspace::{self, Keyspace, Layout};
use crate::data::pace::Pace;
use crate::data::random::Random;
use crate::data::rdb::file::Checksum;
use crate::data::rdb::file::decode::{Decoder, Item};
use crate::data::rdb::file::fill::{Duplicates, Expired, Filler};
use crate::data::rdb::file::write::{Content, write};
use crate::data::rdb::write::Compression;
use crate::data::usage::Told;
use crate::node::Node;
use crate::persistence::aof::commands;
use crate::persistence::aof::manifest::Manifest;
use crate::persistence::aof::replay::Commands;

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// Keys in all databases (count).
    pub keys: u64,
    /// All of it, written anew.
    pub bytes: Vec<u8>,
}

/// Databases that a file may name (count).
const DATABASES: usize = 3;

/// Reads a file of all data, which comes in pieces of so many bytes. No chance would hit a checksum, so none is looked at.
///
/// # Errors
/// Why it was refused.
pub fn data_file(bytes: &[u8], piece: usize) -> Result<Data, String> {
    let mut decoder = Decoder::new(LIMITS, Checksum::Off);
    let mut filler =
        Filler::new(0, Expired::Kept, Duplicates::Refused).trusting(bytes.len() as u64);
    let mut databases: Vec<_> = (0..DATABASES).map(|_| Keyspace::new(Layout::Whole)).collect();
    let mut pieces = bytes.chunks(piece);
    loop {
        match decoder.next().map_err(|error| error.to_string())? {
            Some(item) => {
                let is_end = matches!(item, Item::End);
                filler.take(item, &mut databases).map_err(|error| error.to_string())?;
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
    let content = Content {
        databases: &databases,
        libraries: filler.libraries.iter().map(|code| &**code).collect(),
        aux: &[],
        compression: Compression::Off,
        checksum: Checksum::Off,
        told: Told::Nothing,
        now_ms: 0,
        pace: Pace::Full,
    };
    let mut bytes = Vec::new();
    write(&content, &mut bytes, &mut |_| {}).map_err(|error| error.to_string())?;
    Ok(Data { keys: count(&databases), bytes })
}

fn count(databases: &[Keyspace]) -> u64 {
    databases.iter().map(|database| database.len() as u64).sum()
}

/// A manifest, written anew.
#[must_use]
pub fn manifest(text: &[u8]) -> Option<String> {
    Manifest::parse(text).ok().map(|manifest| manifest.to_text())
}

/// Repeats the commands of the last part of an append-only file.
///
/// What was read, as commands, and how many bytes of the part are left: what does not end is cut off.
#[must_use]
pub fn append_only_part(bytes: &[u8]) -> Option<(Data, u64)> {
    let mut file = File::from(memfd_create("part", MemfdFlags::CLOEXEC).ok()?);
    file.write_all(bytes).ok()?;
    file.rewind().ok()?;
    let mut left = file.try_clone().ok()?;
    let mut node = node();
    let mut commands = Commands::new(PathBuf::from("part"), file, Vec::new(), 0);
    while !commands.step(&mut node, true).ok()? {}
    let mut bytes = Vec::new();
    commands::write(&node.databases, &[], Pace::Full, &mut bytes, &mut |_| {}).ok()?;
    Some((Data { keys: count(&node.databases), bytes }, left.seek(std::io::SeekFrom::End(0)).ok()?))
}

/// A node that keeps nothing on disk, does the same by chance every time, and lets no key expire by itself.
pub(super) fn node() -> Node {
    static CONFIG: LazyLock<Config> = LazyLock::new(|| {
        let args = ["--save", "", "--databases", "3"].map(str::to_owned);
        Config::from_args(&args).expect("sound arguments")
    });
    let mut node = Node::new(CONFIG.clone(), None);
    node.random = Random::from_seed(1);
    node.treat_expired(keyspace::Expired::Found);
    node
}
