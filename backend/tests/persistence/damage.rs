//! Files that are not what they should be: refused with a line that says why, or repaired as a Redis repairs them.

use std::path::Path;

use crate::data::{content, fill};
use crate::server::{Kind, Server, check, has_redis_server};

const APPENDS: &str = "--appendonly yes --appendfsync no";

/// A number that looks like chance, the same for the same seed.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).expect("48 bits") % end
    }
}

fn start_in_vain(dir: &Path, directives: &str) -> String {
    let (status, log) = Server::start_in_vain(Kind::Ours, dir, directives);
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    log
}

/// With its checksum, a snapshot with any byte changed or missing is refused, and stays as it is.
#[test]
fn a_damaged_snapshot_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dump.rdb");
    let server = Server::start(Kind::Ours, dir.path(), "");
    fill(&server, 1);
    assert_eq!(server.ask("SAVE"), "OK");
    drop(server);
    let sound = std::fs::read(&path).unwrap();
    let mut chance = Chance::new(1);
    for round in 0..8 {
        let mut bytes = sound.clone();
        if round % 2 == 0 {
            bytes.truncate(chance.below(bytes.len()));
        } else {
            let at = chance.below(bytes.len());
            bytes[at] ^= 1 << chance.below(8);
        }
        std::fs::write(&path, &bytes).unwrap();
        let log = start_in_vain(dir.path(), "--save 1 1");
        assert!(log.contains("Fatal error loading the DB"), "{log}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
    std::fs::write(&path, "REDIS0011").unwrap();
    let log = start_in_vain(dir.path(), "");
    assert!(log.contains("Can't handle RDB format version 11"), "{log}");
}

/// Appends some commands and crashes. The increment's file and its bytes.
fn appended(dir: &Path) -> (std::path::PathBuf, Vec<u8>) {
    let mut server = Server::start(Kind::Ours, dir, APPENDS);
    let mut client = server.client();
    for number in 0..50 {
        client.ask(&format!("RPUSH list {number}"));
    }
    client.ask("MULTI");
    client.ask("RPUSH list 50");
    client.ask("RPUSH list 51");
    client.ask("EXEC");
    server.kill();
    let path = dir.join("appendonlydir/appendonly.aof.1.incr.aof");
    let bytes = std::fs::read(&path).unwrap();
    (path, bytes)
}

/// What is left of the file, and how many elements the list has, after it was cut and read.
fn cut_and_read(kind: Kind, len: usize) -> (Vec<u8>, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = appended(dir.path());
    std::fs::write(&path, &bytes[..len]).unwrap();
    let mut server = Server::start(kind, dir.path(), APPENDS);
    let found = server.ask("LLEN list");
    server.kill();
    (std::fs::read(&path).unwrap(), found, server.log())
}

#[test]
fn a_file_that_ends_in_the_middle_is_cut_as_a_redis_cuts_it() {
    let whole = appended(tempfile::tempdir().unwrap().path()).1.len();
    let mut chance = Chance::new(2);
    // In the transaction, then anywhere.
    let cuts = [whole - 1, whole - 20, whole - 60];
    for len in cuts.into_iter().chain((0..4).map(|_| chance.below(whole))) {
        let (left, found, log) = cut_and_read(Kind::Ours, len);
        if left.len() < len {
            assert!(log.contains("!!! Warning: short read while loading the AOF file"), "{log}");
            assert!(log.contains(&format!("at offset {}", left.len())), "{log}");
        }
        if has_redis_server() {
            let (theirs, their_found, _) = cut_and_read(Kind::Real, len);
            assert_eq!(found, their_found, "cut to {len} of {whole}");
            // In the middle of a transaction's command a Redis leaves the transaction open, so that what is
            // appended later becomes part of it and is lost.
            let left = left.escape_ascii().to_string();
            let theirs = theirs.escape_ascii().to_string();
            let (theirs, _) = theirs.split_once("*1\\r\\n$5\\r\\nMULTI").unwrap_or((&theirs, ""));
            assert_eq!(left, theirs, "cut to {len} of {whole}");
        }
    }
}

#[test]
fn a_cut_file_is_refused_where_the_settings_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = appended(dir.path());
    std::fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    let log = start_in_vain(dir.path(), &format!("{APPENDS} --aof-load-truncated no"));
    assert!(log.contains("Unexpected end of file reading the append only file"), "{log}");
    assert_eq!(std::fs::read(&path).unwrap().len(), bytes.len() - 5);
}

#[test]
fn bytes_that_are_no_commands_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = appended(dir.path());
    let table: [(&[u8], &str); 5] = [
        (b"hello\r\n", "Bad file format"),
        (b"*1\r\n+PING\r\n", "Bad file format"),
        (b"*-1\r\n", "Bad file format"),
        (b"*1\r\n$7\r\nNOTHING\r\n", "Unknown command 'NOTHING'"),
        (b"*2\r\n$3\r\nGET\r\n$99999999999999999999\r\nx", "Bad file format"),
    ];
    for (tail, expect) in table {
        std::fs::write(&path, [&bytes[..], tail].concat()).unwrap();
        let log = start_in_vain(dir.path(), APPENDS);
        assert!(log.contains(expect), "{log}");
    }
    // A length that was never received allocates nothing; the file just ends early.
    std::fs::write(&path, [&bytes[..], b"*2\r\n$3\r\nGET\r\n$400000000000\r\nx"].concat()).unwrap();
    let server = Server::start(Kind::Ours, dir.path(), APPENDS);
    assert_eq!(server.ask("LLEN list"), ":52");
}

/// Bytes changed anywhere: refused, or read as something; a node neither panics nor hangs.
#[test]
fn changed_bytes_do_no_harm() {
    let mut chance = Chance::new(3);
    let dir = tempfile::tempdir().unwrap();
    let (path, sound) = appended(dir.path());
    for _ in 0..12 {
        let mut bytes = sound.clone();
        for _ in 0..=chance.below(3) {
            let at = chance.below(bytes.len());
            bytes[at] = u8::try_from(chance.below(256)).unwrap();
        }
        std::fs::write(&path, &bytes).unwrap();
        let log = Server::start_or_fail(Kind::Ours, dir.path(), APPENDS);
        assert!(!log.contains("panicked"), "{log}");
    }
}

#[test]
fn a_manifest_that_lies_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    appended(dir.path());
    let path = dir.path().join("appendonlydir/appendonly.aof.manifest");
    let sound = std::fs::read_to_string(&path).unwrap();
    for (text, expect) in [
        (String::new(), "empty AOF manifest"),
        ("file a seq 1 type b".to_owned(), "too long line"),
        (format!("{sound}file ../../etc/passwd seq 2 type i\n"), "can't be a path"),
        (format!("{sound}file missing.2.incr.aof seq 2 type i\n"), "No such file"),
        (sound.replace("type b", "type x"), "Unknown AOF file type in line 1"),
    ] {
        std::fs::write(&path, text).unwrap();
        let log = start_in_vain(dir.path(), APPENDS);
        assert!(log.contains(expect), "{expect}: {log}");
    }
}

/// What redis-check-aof repairs, we read; what it calls sound is what we left.
#[test]
fn what_is_left_after_a_repair_is_sound() {
    if !has_redis_server() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = appended(dir.path());
    std::fs::write(&path, &bytes[..bytes.len() - 30]).unwrap();
    let manifest = dir.path().join("appendonlydir/appendonly.aof.manifest");
    assert!(!check("redis-check-aof", &manifest).0);
    let mut server = Server::start(Kind::Ours, dir.path(), APPENDS);
    server.ask("DEBUG POPULATE 30");
    server.ask("SET a b");
    let before = content(&server);
    server.kill();
    assert!(check("redis-check-aof", &manifest).0);
    assert!(!before.is_empty());
}
