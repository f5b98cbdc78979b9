//! `LATENCY` and what `INFO` tells of how long commands take.

use std::time::Duration;

use reddoor_protocol::value::Value;

use crate::server::{Kind, Server, has_redis_server};
use crate::tcp_client::text_of;
use crate::told_by_both;

/// Commands that are much slower than a busy machine makes any other.
const SLOW: &[&str] =
    &["CONFIG SET latency-monitor-threshold 300", "DEBUG SLEEP 0.4", "DEBUG SLEEP 0.5"];

#[test]
fn slow_commands_are_events() {
    if !has_redis_server() {
        return;
    }
    for kind in [Kind::Real, Kind::Ours] {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(kind, dir.path(), "");
        let mut client = server.client();
        assert_eq!(client.ask("LATENCY LATEST"), "[]");
        assert_eq!(client.ask("LATENCY HISTORY command"), "[]");
        assert_eq!(client.ask("LATENCY RESET"), ":0");
        let none = "-ERR No samples available for event 'command'";
        assert_eq!(client.ask("LATENCY GRAPH command"), none);
        SLOW.iter().for_each(|request| {
            assert_eq!(client.ask(request), "OK");
        });
        let latest = client.call(&[b"LATENCY", b"LATEST"]).unwrap();
        let [event] = latest.as_array().unwrap() else { panic!("{}", text_of(&latest)) };
        let [name, at, last, longest] = event.as_array().unwrap() else { panic!() };
        assert_eq!(text_of(name), "command");
        let number = |value: &Value| text_of(value)[1..].parse::<i64>().unwrap();
        assert!(number(at) > 1_700_000_000);
        assert!(number(longest) >= 500, "{longest:?}");
        assert!(number(last) >= 400, "{last:?}");
        let history = client.call(&[b"LATENCY", b"HISTORY", b"command"]).unwrap();
        assert!((1..=2).contains(&history.as_array().unwrap().len()), "{kind:?}");
        assert_eq!(client.ask("CONFIG SET latency-monitor-threshold 0"), "OK");
        assert_eq!(client.ask("LATENCY RESET nosuch"), ":0");
        assert_eq!(client.ask("LATENCY RESET nosuch command"), ":1");
        assert_eq!(client.ask("LATENCY LATEST"), "[]");
        assert!(!client.ask("LATENCY DOCTOR").is_empty());
        assert!(client.ask("LATENCY HELP").starts_with("[LATENCY <subcommand>"));
    }
}

/// Each kind draws its own samples. Of two, one is the lowest and one the highest, however long they took.
#[test]
fn graphs_have_the_same_shape() {
    if !has_redis_server() {
        return;
    }
    let told = told_by_both("", |server| {
        let mut client = server.client();
        client.ask("CONFIG SET latency-monitor-threshold 20");
        // Samples of two different seconds, whenever each begins.
        for seconds in ["0.05", "0.3"] {
            let begun = client.ask("TIME");
            let second = begun.split(',').next().unwrap().to_owned();
            while client.ask("TIME").starts_with(&second) {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            client.ask(&format!("DEBUG SLEEP {seconds}"));
        }
        client.ask("LATENCY GRAPH command")
    });
    let shape = |text: &str| -> Vec<String> {
        let ages = |line: &str| line.replace(|letter: char| letter.is_ascii_digit(), "n");
        text.lines().skip(1).map(ages).collect()
    };
    assert_eq!(shape(&told[1]), shape(&told[0]), "{}\n{}", told[0], told[1]);
    let heading = |text: &str| {
        let words: Vec<&str> = text.lines().next().unwrap().split(' ').collect();
        words.into_iter().filter(|word| word.parse::<u64>().is_err()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(heading(&told[1]), heading(&told[0]));
}

#[test]
fn histograms_count_every_call_of_a_command() {
    if !has_redis_server() {
        return;
    }
    let told = told_by_both("", |server| {
        let mut client = server.client();
        (0..50).for_each(|_| assert_eq!(client.ask("SET a 1"), "OK"));
        client.ask("CONFIG GET port");
        client.ask("DEBUG SLEEP 0.01");
        client.ask("BLPOP nosuch 0.01");
        client.ask("INCRBYFLOAT a x");
        let shown =
            ["set", "config", "debug", "blpop", "incrbyfloat", "nosuch", "get"].map(|name| {
                let words = [b"LATENCY".as_slice(), b"HISTOGRAM", name.as_bytes()];
                let reply = client.call(&words).unwrap();
                counts(&reply)
            });
        let all = client.call(&[b"LATENCY", b"HISTOGRAM"]).unwrap();
        let count = counts(&all).len();
        (shown, count)
    });
    assert_eq!(told[1].0, told[0].0);
    assert_eq!(told[0].0[0], [("set".to_owned(), 50)]);
    assert_eq!(told[1].1, told[0].1);
}

/// Of each command, its calls, which the last bound has counted, too.
fn counts(reply: &Value) -> Vec<(String, i64)> {
    let number = |value: &Value| text_of(value)[1..].parse::<i64>().unwrap();
    let of_one = |pair: &[Value]| {
        let facts = pair[1].as_array().unwrap();
        assert_eq!(
            (text_of(&facts[0]), text_of(&facts[2])),
            ("calls".into(), "histogram_usec".into())
        );
        let bounds: Vec<i64> = facts[3].as_array().unwrap().iter().map(number).collect();
        assert!(bounds.chunks(2).is_sorted(), "{bounds:?}");
        let calls = number(&facts[1]);
        assert_eq!(bounds.last(), Some(&calls), "{bounds:?}");
        (text_of(&pair[0]), calls)
    };
    reply.as_array().unwrap().chunks(2).map(of_one).collect()
}

#[test]
fn percentiles_follow_their_setting() {
    if !has_redis_server() {
        return;
    }
    let told = told_by_both("", |server| {
        let mut client = server.client();
        client.ask("DEBUG SLEEP 0.01");
        let mut names = Vec::new();
        for percents in [&b"50 99 99.9"[..], b"0 100 12.345", b""] {
            let words = [&b"CONFIG"[..], b"SET", b"latency-tracking-info-percentiles", percents];
            assert_eq!(text_of(&client.call(&words).unwrap()), "OK");
            let text = client.ask("INFO latencystats");
            let line = text.lines().find(|line| line.contains("usec_debug")).unwrap();
            let parts = line.trim().split(',').map(|part| part.split('=').next().unwrap());
            names.push(parts.map(str::to_owned).collect::<Vec<_>>());
        }
        let text = client.ask("INFO latencystats");
        client.ask("CONFIG RESETSTAT");
        client.ask("CONFIG SET latency-tracking no");
        client.ask("DEBUG SLEEP 0.001");
        assert!(text.contains("latency_percentiles_usec_debug"), "{text}");
        assert!(!client.ask("INFO latencystats").contains("usec_debug"));
        names
    });
    assert_eq!(told[1], told[0]);
}
