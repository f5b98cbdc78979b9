//! `MEMORY`: the same words for figures that come near each other.

use reddoor_protocol::value::Value;

use crate::data::{fill, keys};
use crate::server::has_redis_server;
use crate::tcp_client::text_of;
use crate::told_by_both;

/// How much less and how much more a key may take than with a Redis: values are kept otherwise, mostly tighter, while
/// a key by itself takes 20 bytes more.
const TOLERANCE: std::ops::RangeInclusive<f64> = 0.3..=1.5;

/// A Redis sets 4 KB aside for the first entries of a stream.
const SET_ASIDE: f64 = 4096.0;

#[test]
fn keys_take_about_as_much_as_with_a_redis() {
    if !has_redis_server() {
        return;
    }
    let told = told_by_both("", |server| {
        fill(server);
        let mut client = server.client();
        let mut of = |key: &str, samples: &str| client.ask(&format!("MEMORY USAGE {key}{samples}"));
        keys().map(|key| (key, of(key, " SAMPLES 0"), of(key, ""))).collect::<Vec<_>>()
    });
    let mut far = Vec::new();
    let [theirs, ours] = told;
    for ((key, theirs, _), (_, ours, sampled)) in theirs.iter().zip(&ours) {
        if *key == "nosuch" {
            assert_eq!((ours.as_str(), theirs.as_str()), ("null", "null"));
            continue;
        }
        let [theirs, ours, sampled] =
            [theirs, ours, sampled].map(|reply| reply[1..].parse::<f64>().unwrap());
        let theirs = if *key == "stream" { theirs - SET_ASIDE } else { theirs };
        if !TOLERANCE.contains(&(ours / theirs)) || (sampled / ours - 1.0).abs() > 0.1 {
            far.push(format!("{key}: {ours} ({sampled}), and with a Redis {theirs}"));
        }
    }
    assert!(far.is_empty(), "{far:#?}");
}

#[test]
fn the_figures_have_the_names_of_a_redis_s() {
    if !has_redis_server() {
        return;
    }
    let told = told_by_both("", |server| {
        fill(server);
        let mut client = server.client();
        let reply = client.call(&[b"MEMORY", b"STATS"]).unwrap();
        let mut names = Vec::new();
        for pair in reply.as_array().unwrap().chunks(2) {
            let inner = pair[1].as_array().unwrap_or_default();
            names.push(text_of(&pair[0]));
            names.extend(inner.chunks(2).map(|pair| text_of(&pair[0])));
            assert!(matches!(pair[1], Value::Integer(_)) || !text_of(&pair[1]).is_empty());
        }
        let keys = reply.as_array().unwrap().chunks(2).find(|p| text_of(&p[0]) == "keys.count");
        assert_eq!(text_of(&keys.unwrap()[1]), ":19", "{:?}", server.kind);
        for section in ["DOCTOR", "MALLOC-STATS", "PURGE", "HELP"] {
            let answer = client.ask(&format!("MEMORY {section}"));
            assert!(!answer.is_empty() && !answer.starts_with('-'), "{section}: {answer}");
        }
        for wrong in ["SAMPLES", "SAMPLES -1", "SAMPLES x", "NOSUCH 1"] {
            names.push(client.ask(&format!("MEMORY USAGE text {wrong}")));
        }
        names
    });
    assert_eq!(told[1], told[0]);
}
