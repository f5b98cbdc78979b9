//! `nodes.conf`: what is written reads back, and damage is told.

use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::NodeId;

use super::*;
use crate::cluster::core::CoreSettings;
use crate::data::random::Random;

const ME: &str = "07c37dfeb235213a872192d90877d0cd55635b91";
const OTHER: &str = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1";

/// A file as a Redis 7.0.15 writes it.
fn redis_text() -> String {
    format!(
        "{ME} 127.0.0.1:7001@17001 myself,master - 0 1795247437000 5 connected 0-8000 8002 \
         [5->-{OTHER}] [9000-<-{OTHER}]\n\
         {OTHER} 127.0.0.1:7002@17002,h2.example master - 0 1795247437866 2 connected 8003-16383\n\
         e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca :0@0 slave,noaddr {OTHER} 0 0 2 disconnected\n\
         vars currentEpoch 6 lastVoteEpoch 3\n"
    )
}

fn core_of(remembered: Remembered) -> Core {
    let settings = CoreSettings { port: 7001, bus_port: 17001, ..CoreSettings::sample() };
    Core::restore(settings, Random::from_seed(1), remembered, 1_000_000).unwrap()
}

/// The text of a file without what is not remembered: times and whether links are up.
fn lasting(text: &str) -> String {
    let line = |line: &str| {
        let mut words: Vec<&str> = line.split(' ').collect();
        if words.len() > 7 {
            words.drain(4..6);
            words.remove(5);
        }
        words.join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn error_of(text: &str) -> String {
    parse(Path::new("nodes.conf"), text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_file_of_a_redis_is_written_as_it_was_read() {
    let core = core_of(parse(Path::new("nodes.conf"), redis_text().as_bytes()).unwrap());
    assert_eq!((core.current_epoch(), core.last_vote_epoch()), (6, 3));
    let mut expected: Vec<String> = redis_text().lines().map(str::to_owned).collect();
    // Lines are sorted by name, and the last one stays so.
    expected[..3].sort_unstable();
    assert_eq!(lasting(&text_of(&core)), lasting(&expected.join("\n")));
}

#[test]
fn what_is_saved_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nodes.conf");
    let (mut file, remembered) = NodesFile::open(&path).unwrap();
    assert!(remembered.is_none());
    let core = core_of(parse(&path, redis_text().as_bytes()).unwrap());
    file.save(&core, Sync::Now).unwrap();
    file.save(&core, Sync::Later).unwrap();
    file.sync().unwrap();
    drop(file);
    let (_file, remembered) = NodesFile::open(&path).unwrap();
    assert_eq!(lasting(&text_of(&core_of(remembered.unwrap()))), lasting(&text_of(&core)));
    let names = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["nodes.conf"], "nothing is left beside it");
}

#[test]
fn a_save_for_later_writes_over_what_was_not_synced_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nodes.conf");
    let (mut file, _) = NodesFile::open(&path).unwrap();
    let inode = || std::fs::metadata(&path).unwrap().ino();
    let mut core = core_of(parse(&path, redis_text().as_bytes()).unwrap());
    file.save(&core, Sync::Now).unwrap();
    let synced = inode();
    file.save(&core, Sync::Later).unwrap();
    let later = inode();
    assert_ne!(later, synced, "what was synced stays as it is");
    // The text gets shorter and longer again.
    for slot in [9000, 5] {
        core.set_stable(Slot::new(slot).unwrap());
        file.save(&core, Sync::Later).unwrap();
        let read = parse(&path, &std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(lasting(&text_of(&core_of(read))), lasting(&text_of(&core)));
    }
    core.set_importing(Slot::new(9000).unwrap(), NodeId::parse(OTHER.as_bytes()).unwrap());
    file.save(&core, Sync::Later).unwrap();
    assert_eq!(inode(), later);
    file.sync().unwrap();
    file.save(&core, Sync::Later).unwrap();
    assert_ne!(inode(), later);
    let read = parse(&path, &std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(lasting(&text_of(&core_of(read))), lasting(&text_of(&core)));
}

#[test]
fn a_second_node_cannot_have_the_file_before_and_after_a_save() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nodes.conf");
    let (mut file, _) = NodesFile::open(&path).unwrap();
    let is_in_use = || matches!(NodesFile::open(&path), Err(NodesFileError::InUse { .. }));
    assert!(is_in_use());
    let core = core_of(parse(&path, redis_text().as_bytes()).unwrap());
    file.save(&core, Sync::Now).unwrap();
    assert!(is_in_use());
    drop(file);
    assert!(!is_in_use());
}

#[test]
fn a_damaged_file_is_refused_in_one_line_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nodes.conf");
    let text = redis_text().replace("8003-16383", "8000-16383");
    std::fs::write(&path, &text).unwrap();
    let error = NodesFile::open(&path).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("{} is damaged, line 2: a second owner for slot 8000", path.display())
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn every_kind_of_damage_is_named() {
    let with = |old: &str, new: &str| error_of(&redis_text().replacen(old, new, 1));
    let table = [
        (ME, "xyz", "line 1: node id is not 40 hex digits"),
        ("127.0.0.1:7001@17001", "127.0.0.1", "line 1: address without port"),
        ("@17001", "@170010", "line 1: port is not a number"),
        ("myself,master", "myself,king", "line 1: a flag that is not known"),
        ("master - 0 1", "master x 0 1", "line 1: primary is not 40 hex digits"),
        ("1795247437000 5 ", "1795247437000 five ", "line 1: config epoch is not a number"),
        ("0-8000", "8000-0", "line 1: slot range runs backwards"),
        ("8002", "16384", "line 1: slot is not a number below 16384"),
        ("[5->-", "[5-", "line 1: a slot under way has no direction"),
        ("h2.example master", "h2.example myself,master", "line 2: a second node is myself"),
        ("lastVoteEpoch 3", "lastVoteEpoch", "line 4: a variable without a value"),
        ("currentEpoch 6", "currentEpoch x", "line 4: an epoch is not a number"),
    ];
    for (old, new, expected) in table {
        assert_eq!(with(old, new), format!("nodes.conf is damaged, {expected}"), "{new}");
    }
    let twice = format!("{0}{0}", redis_text().lines().nth(1).unwrap().to_owned() + "\n");
    assert_eq!(
        error_of(&twice),
        format!("nodes.conf is damaged, line 2: a second line for node {OTHER}")
    );
    let cut = redis_text().replace("vars currentEpoch 6 lastVoteEpoch 3\n", "");
    assert!(error_of(&cut).ends_with("it ends before its last line, which begins with vars"));
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let text = redis_text();
    // Of the last line `lastVoteEpoch 31` might be left as `lastVoteEpoch 3`; only its end tells.
    for len in 1..text.len() {
        let error = parse(Path::new("nodes.conf"), &text.as_bytes()[..len]).unwrap_err();
        let is_after_a_line = text.as_bytes()[len - 1] == b'\n';
        let error = error.to_string();
        assert_eq!(error.ends_with("the line is cut short"), !is_after_a_line, "{len}: {error}");
    }
    assert!(parse(Path::new("nodes.conf"), text.as_bytes()).is_ok());
}

#[test]
fn bytes_that_are_no_text_are_damage_of_their_line() {
    let mut bytes = redis_text().into_bytes();
    let second = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    bytes[second] = 0xff;
    let error = parse(Path::new("nodes.conf"), &bytes).unwrap_err().to_string();
    assert_eq!(error, "nodes.conf is damaged, line 2: the line is no text");
}

#[test]
fn a_replica_is_written_with_the_epoch_of_its_primary() {
    let text = redis_text().replace("0 0 2 disconnected", "0 0 0 disconnected");
    let core = core_of(parse(Path::new("nodes.conf"), text.as_bytes()).unwrap());
    assert!(text_of(&core).contains(&format!("slave,noaddr {OTHER} 0 0 2 disconnected")));
}

proptest::proptest! {
    #[test]
    fn no_text_can_panic_the_reader(text in "[ -~\n]{0,400}") {
        let _ = parse(Path::new("nodes.conf"), text.as_bytes());
    }

    #[test]
    fn no_damage_of_a_real_file_can_panic_the_reader(at in 0_usize..400, text in "[ -~\n]{0,8}") {
        let mut damaged = redis_text();
        damaged.replace_range(at..(at + text.len()).min(damaged.len()), &text);
        let _ = parse(Path::new("nodes.conf"), damaged.as_bytes());
    }
}
