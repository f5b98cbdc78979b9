//! What a server holds at every key that scripts use, asked by commands.

use std::path::Path;

use crate::grammar::KEYS;
use crate::wire::{Client, texts, without_times};

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
