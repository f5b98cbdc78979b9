//! What a server holds at every key that scripts use, asked by commands.

use std::path::Path;

use reddoor_protocol::value::Value;
use reddoor_scripts::grammar::KEYS;
use reddoor_scripts::reply::{parse, texts, without_times};

use crate::servers::Pair;
use crate::wire::Client;

/// What is asked of a key of each type beside its encoding, and whether the order of the answer means something.
const QUESTIONS: &[(&str, &[&str], bool)] = &[
    ("string", &["GET", "KEY"], true),
    ("list", &["LRANGE", "KEY", "0", "-1"], true),
    ("set", &["SMEMBERS", "KEY"], false),
    ("hash", &["HGETALL", "KEY"], false),
    ("zset", &["ZRANGE", "KEY", "0", "-1", "WITHSCORES"], true),
    ("stream", &["XINFO", "STREAM", "KEY", "FULL", "COUNT", "0"], true),
];

/// Every key of database 0 with what can be told of it, a text a line.
pub(crate) fn of_all_keys(path: &Path) -> Vec<(&'static [u8], Vec<String>)> {
    let mut client = Client::connect(path);
    KEYS.iter().map(|key| (*key, of_key(&mut client, key))).collect()
}

/// The first byte of a dump of a set or hash that is kept in a table.
const TABLES: [u8; 2] = [2, 4];

/// Dumps every key of database 0 on both servers and restores either dump on both: all four must be the same.
///
/// # Panics
/// They are not.
pub(crate) fn exchange(pair: &Pair, name: &str) {
    const RESTORED: &[u8] = b"restored";
    let mut clients = [&pair.redis, &pair.node].map(|path| Client::connect(path));
    for key in KEYS {
        let dumps = clients.each_mut().map(|client| dump(client, key));
        let [Some(_), Some(_)] = dumps else {
            assert_eq!(dumps, [None, None], "{name}, DUMP of {}", key.escape_ascii());
            continue;
        };
        let shown = key.escape_ascii();
        let told = dumps.each_ref().map(|dump| {
            let dump = dump.as_deref().unwrap_or_default();
            let [theirs, ours] = clients.each_mut().map(|client| {
                let words = [b"RESTORE", RESTORED, b"0", dump, b"REPLACE"].map(<[u8]>::to_vec);
                let reply = client.call(&words);
                assert_eq!(reply, b"+OK\r\n", "{name}, {shown}: {}", dump.escape_ascii());
                of_key(client, RESTORED)
            });
            assert_eq!(ours, theirs, "{name}, {shown}");
            theirs
        });
        // Streams tell times, tables have an order of each server's own, and lists may be cut elsewhere.
        let is_any =
            |kinds: &[&str]| told[0].iter().any(|line| kinds.iter().any(|k| line.contains(k)));
        assert!(is_any(&["+stream"]) || told[0] == told[1], "{name}, {shown}: {told:#?}");
        let is_table = dumps[0].as_ref().is_some_and(|dump| TABLES.contains(&dump[0]));
        let may_differ = is_table || is_any(&["+stream", "quicklist"]);
        assert!(may_differ || dumps[0] == dumps[1], "{name}, {shown}: {dumps:?}");
    }
    clients.iter_mut().for_each(|client| {
        client.call(&[b"DEL".to_vec(), RESTORED.to_vec()]);
    });
}

fn dump(client: &mut Client, key: &[u8]) -> Option<Vec<u8>> {
    match parse(&client.call(&[b"DUMP".to_vec(), key.to_vec()])) {
        Value::Bulk(payload) => Some(payload),
        _ => None,
    }
}

fn of_key(client: &mut Client, key: &[u8]) -> Vec<String> {
    let mut ask = |words: &[&str]| {
        let word =
            |word: &&str| if *word == "KEY" { key.to_vec() } else { word.as_bytes().to_vec() };
        client.call(&words.iter().map(word).collect::<Vec<_>>())
    };
    let kind = ask(&["TYPE", "KEY"]).escape_ascii().to_string();
    let mut told =
        vec![kind.clone(), ask(&["OBJECT", "ENCODING", "KEY"]).escape_ascii().to_string()];
    let question = QUESTIONS.iter().find(|(name, _, _)| kind == format!("+{name}\\r\\n"));
    if let Some((_, words, is_ordered)) = question {
        let answer = ask(words);
        if *is_ordered {
            let lines = without_times(&answer);
            told.extend(lines.iter().map(|line| line.escape_ascii().to_string()));
        } else {
            let mut lines: Vec<String> =
                texts(&answer).iter().map(|text| text.escape_ascii().to_string()).collect();
            lines.sort();
            told.extend(lines);
        }
    }
    told
}
