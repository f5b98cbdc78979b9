//! What is asked, and what is made of the answers.

use reddoor_protocol::command;

use super::*;

#[test]
fn a_key_is_asked_for_once_and_a_destination_only_for_its_presence() {
    let asks = |line: &str| -> Vec<String> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let command = command::lookup(words[0]).unwrap();
        let way = Way::of(command).unwrap();
        let (_, asks) = Across::new(command, way, Args::from_slices(&words)).unwrap();
        let line = |ask: &Ask| {
            let request = String::from_utf8(ask.request.clone()).unwrap();
            request.split("\r\n").skip(2).step_by(2).collect::<Vec<_>>().join(" ")
        };
        asks.iter().map(line).collect()
    };
    assert_eq!(asks("SINTER a b a"), ["DUMP a", "DUMP b"]);
    assert_eq!(asks("SUNIONSTORE d a b"), ["DUMP a", "DUMP b", "EXISTS d"]);
    assert_eq!(asks("SUNIONSTORE a a b"), ["DUMP a", "DUMP b"]);
    assert_eq!(asks("ZRANGESTORE d a 0 1"), ["DUMP a", "EXISTS d"]);
    assert_eq!(asks("COPY a d"), ["DUMP a", "PTTL a", "EXISTS d"]);
    assert_eq!(asks("GEORADIUS g 1 2 3 m STORE d"), ["DUMP g", "EXISTS d"]);
    assert_eq!(
        asks("XREAD COUNT 2 STREAMS foo bar {foo}2 1 $ 3"),
        ["XREAD COUNT 2 STREAMS bar $", "XREAD COUNT 2 STREAMS foo {foo}2 1 3"]
    );
}

#[test]
fn answers_of_another_shape_are_errors_and_leave_nothing_behind() {
    let words: Vec<&[u8]> = vec![b"SINTER", b"a", b"b"];
    let command = command::lookup(b"SINTER").unwrap();
    let (across, _) = Across::new(command, Way::Copies, Args::from_slices(&words)).unwrap();
    let mut scratch = reddoor_backend::scratch::ScratchNode::default();
    for answers in [[&b"$3\r\nabc\r\n"[..], b"$-1\r\n"], [b":1\r\n", b"$-1\r\n"]] {
        let found = across.find(&answers, Resp::V2, &mut scratch);
        assert_eq!(found, Found::Reply(ODD_ANSWER.to_vec()));
    }
    let missing = across.find(&[b"$-1\r\n", b"_\r\n"], Resp::V3, &mut scratch);
    assert_eq!(missing, Found::Reply(b"~0\r\n".to_vec()));
}

#[test]
fn what_moves_is_written_before_it_is_removed() {
    let line = |ask: &Ask| {
        let request = String::from_utf8_lossy(&ask.request).into_owned();
        let is_word = |word: &&str| !word.starts_with(['*', '$']) && !word.is_empty();
        request.split("\r\n").filter(is_word).collect::<Vec<_>>().join(" ")
    };
    let run = |request: &str, answers: &[&[&[u8]]]| -> Vec<String> {
        let words: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
        let command = command::lookup(words[0]).unwrap();
        let way = Way::of(command).unwrap();
        let mut steps = steps_of(command, way, None, Args::from_slices(&words)).unwrap();
        let mut scratch = reddoor_backend::scratch::ScratchNode::default();
        let mut asked: Vec<String> = steps.begin().iter().map(line).collect();
        for answers in answers {
            let scene = &mut steps::Scene { resp: Resp::V2, scratch: &mut scratch };
            match steps.go_on(answers, scene) {
                steps::Next::Ask(asks) => asked.extend(asks.iter().map(line)),
                steps::Next::Reply(reply) => {
                    asked.push(String::from_utf8_lossy(&reply).trim_end().to_owned());
                }
                steps::Next::Wait => asked.push("waits".to_owned()),
            }
        }
        asked
    };
    let steps =
        run("RPOPLPUSH a b", &[&[b"$1\r\nx\r\n", b"+none\r\n"], &[b":1\r\n"], &[b":1\r\n"]]);
    let expect = ["LINDEX a -1", "TYPE b", "LPUSH b x", "LREM a -1 x", "$1\r\nx"];
    assert_eq!(steps, expect);
    let steps =
        run("SMOVE a b m", &[&[b"+set\r\n", b"+set\r\n", b":1\r\n"], &[b":0\r\n"], &[b":0\r\n"]]);
    assert_eq!(steps, ["TYPE a", "TYPE b", "SISMEMBER a m", "SADD b m", "SREM a m", ":0"]);
    let steps = run(
        "RENAME a b",
        &[
            &[b"+OK\r\n"],
            &[b"$3\r\nxyz\r\n", b"-ERR unknown command\r\n", b":70\r\n"],
            &[b"+OK\r\n"],
            &[b"*1\r\n:1\r\n"],
        ],
    );
    let copied = ["WATCH a", "DUMP a", "PEXPIRETIME a", "PTTL a", "RESTORE b 70 xyz REPLACE"];
    assert_eq!(steps, [&copied[..], &["MULTI DEL a EXEC", "+OK"]].concat());
}
