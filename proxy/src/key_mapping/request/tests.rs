//! Requests as the nodes get them.

use reddoor_protocol::command;

use super::*;
use crate::key_mapping::tests::{both, mapping};

/// The request that goes on, its words parted by spaces, or the error.
fn mapped(mapping: &Mapping, database: u32, line: &str) -> String {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    let args = Args::from_slices(&words);
    let command = command::resolve(args).unwrap();
    let mut scratch = RequestScratch::default();
    match mapping.request(database, command, args, &mut scratch) {
        Mapped::AsItCame => "as it came".to_owned(),
        Mapped::Refused(error) => error.as_str().to_owned(),
        Mapped::Written => {
            let mut decoder = RequestDecoder::default();
            let limits = reddoor_protocol::request::Limits::default();
            let len = decoder.decode(&scratch.bytes, &limits).unwrap().unwrap();
            assert_eq!(len, scratch.bytes.len());
            let words: Vec<_> =
                decoder.args(&scratch.bytes).iter().map(String::from_utf8_lossy).collect();
            words.join(" ")
        }
    }
}

#[test]
fn keys_are_mapped_wherever_they_stand() {
    let mapping = mapping(&[("databases.mode", "prefix")]);
    for (line, expect) in [
        ("GET foo", "GET ~db3={foo}"),
        ("set {t}a foo", "set ~db3:{t}a foo"),
        ("MSET a 1 b 2", "MSET ~db3={a} 1 ~db3={b} 2"),
        ("OBJECT ENCODING a", "OBJECT ENCODING ~db3={a}"),
        ("MEMORY USAGE a", "MEMORY USAGE ~db3={a}"),
        ("BITOP AND d a b", "BITOP AND ~db3={d} ~db3={a} ~db3={b}"),
        ("EVAL a 2 a b a", "EVAL a 2 ~db3={a} ~db3={b} a"),
        ("ZUNIONSTORE d 2 a b WEIGHTS 1 2", "ZUNIONSTORE ~db3={d} 2 ~db3={a} ~db3={b} WEIGHTS 1 2"),
        ("XREAD COUNT 2 STREAMS a b 0 0", "XREAD COUNT 2 STREAMS ~db3={a} ~db3={b} 0 0"),
        ("XREADGROUP GROUP g c STREAMS a >", "XREADGROUP GROUP g c STREAMS ~db3={a} >"),
        ("BLMPOP 0 2 a b LEFT", "BLMPOP 0 2 ~db3={a} ~db3={b} LEFT"),
        ("GEORADIUS a 1 1 1 m STORE b", "GEORADIUS ~db3={a} 1 1 1 m STORE ~db3={b}"),
        (
            "SORT a BY w_* GET # GET x->* GET h_*->f STORE d",
            "SORT ~db3={a} BY ~db3={w_*} GET # GET ~db3={x->*} GET ~db3={h_*}->f STORE ~db3={d}",
        ),
        ("SORT a BY nosort", "SORT ~db3={a} BY nosort"),
        ("MIGRATE h 1  0 10 KEYS a b", "MIGRATE h 1  0 10 KEYS ~db3={a} ~db3={b}"),
        ("DUMP a", "DUMP ~db3={a}"),
        ("WATCH a b", "WATCH ~db3={a} ~db3={b}"),
        ("SPUBLISH a b", "as it came"),
        ("SSUBSCRIBE a", "as it came"),
        ("PING a", "as it came"),
        ("EVAL a 9 b", "as it came"),
    ] {
        assert_eq!(mapped(&mapping, 3, line), expect, "{line}");
    }
    assert_eq!(mapped(&mapping, 0, "MGET a b"), "as it came");
    assert_eq!(mapped(&mapping, 0, "MGET a ~db3:b"), "MGET a ~db0={~db3:b}");
}

#[test]
fn a_script_that_hides_its_keys_runs_where_they_are() {
    let channels = mapping(&[("colocate.presets", "channels-redis")]);
    for (line, expect) in [
        ("EVAL s 0 asgi.a! asgi.a!$in", "EVAL s 1 {~asgi}asgi.a! {~asgi}asgi.a! {~asgi}asgi.a!$in"),
        ("EVALSHA d 0 5 asgi*", "EVALSHA d 1 {~asgi}asgi* 5 {~asgi}asgi*"),
        ("EVAL s 1 asgi.a! m 5", "EVAL s 1 {~asgi}asgi.a! m 5"),
        ("EVAL s 0 other", "as it came"),
        ("EVAL s 0", "as it came"),
    ] {
        assert_eq!(mapped(&channels, 0, line), expect, "{line}");
    }
}

#[test]
fn a_key_in_another_database_has_another_name() {
    let mapping = mapping(&[("databases.mode", "prefix")]);
    for (line, expect) in [
        ("MOVE a 0", "RENAMENX ~db3={a} a"),
        ("MOVE a 5", "RENAMENX ~db3={a} ~db5={a}"),
        ("MOVE a 3", "ERR source and destination objects are the same"),
        ("MOVE a 16", "ERR DB index is out of range"),
        ("MOVE a x", "ERR value is not an integer or out of range"),
        ("COPY a b", "COPY ~db3={a} ~db3={b}"),
        ("COPY a a DB 0 REPLACE", "COPY ~db3={a} a REPLACE"),
        ("COPY a a", "ERR source and destination objects are the same"),
        ("COPY a b DB", "ERR syntax error"),
    ] {
        assert_eq!(mapped(&mapping, 3, line), expect, "{line}");
    }
    assert!(mapped(&mapping, 3, "SWAPDB 0 1").starts_with("UNSERVED "));
}

#[test]
fn nodes_are_asked_for_no_more_keys_than_they_can_tell_apart() {
    let mapping = both();
    for (line, expect) in [
        ("KEYS a*", "KEYS ~db3[:=]*a**"),
        ("KEYS [a]", "KEYS ~db3[:=]*"),
        ("SCAN 0", "SCAN 0 MATCH ~db3[:=]***"),
        ("SCAN 7 match a COUNT 5 TYPE list", "SCAN 7 COUNT 5 TYPE list MATCH ~db3[:=]*a*"),
        ("SCAN 7 COUNT", "as it came"),
    ] {
        assert_eq!(mapped(&mapping, 3, line), expect, "{line}");
    }
    assert_eq!(mapped(&mapping, 0, "KEYS a*"), "KEYS *a**");
}
