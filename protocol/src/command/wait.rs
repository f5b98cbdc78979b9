//! How long a request asks a node to wait, and the same request with another time in it.
//!
//! In: the arguments of a request whose row says where its timeout stands.
//! A timeout that cannot be read is the node's to refuse; until it does, it counts as [`Wait::Forever`].
//!
//! Spec: seconds with a fraction where the timeout has a place of its own, whole milliseconds behind an option and for
//! `WAIT`; 0 is for ever.

use std::time::Duration;

use crate::command::CommandSpec;
use crate::command::policy::{RequestPolicy, TimeoutArg};
use crate::encode::encode_request;
use crate::request::{Args, parse_integer};

/// How long a request may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until there is something to answer.
    Forever,
    /// At most so long.
    For(Duration),
}

/// Where a timeout stands, and what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    index: usize,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Seconds,
    Milliseconds,
}

/// How long the request may wait; `None` when it does not wait at all.
pub fn wait_of(spec: &CommandSpec, args: Args<'_>) -> Option<Wait> {
    let place = place_of(spec, args)?;
    let text = args.get(place.index).unwrap_or_default();
    let wait = match place.unit {
        Unit::Seconds => seconds(text),
        Unit::Milliseconds => {
            parse_integer(text).and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis)
        }
    };
    Some(wait.filter(|wait| !wait.is_zero()).map_or(Wait::Forever, Wait::For))
}

/// Appends the request with another time to wait: at least a millisecond, since 0 would be for ever.
pub fn encode_with_wait(out: &mut Vec<u8>, spec: &CommandSpec, args: Args<'_>, wait: Duration) {
    let Some(place) = place_of(spec, args) else { return encode_request(out, args.iter()) };
    let ms = wait.as_millis().max(1);
    let text = match place.unit {
        Unit::Seconds => format!("{}.{:03}", ms / 1000, ms % 1000),
        Unit::Milliseconds => ms.to_string(),
    };
    let mut words: Vec<&[u8]> = args.iter().collect();
    if let Some(word) = words.get_mut(place.index) {
        *word = text.as_bytes();
    }
    encode_request(out, words.into_iter());
}

fn place_of(spec: &CommandSpec, args: Args<'_>) -> Option<Place> {
    match spec.request {
        RequestPolicy::Blocking { timeout: TimeoutArg::First } => {
            Some(Place { index: 1, unit: Unit::Seconds })
        }
        RequestPolicy::Blocking { timeout: TimeoutArg::Last } => {
            Some(Place { index: args.len() - 1, unit: Unit::Seconds })
        }
        RequestPolicy::BlockingIf { option } => {
            option_value(args, option).map(|index| Place { index, unit: Unit::Milliseconds })
        }
        RequestPolicy::WaitReplicas => Some(Place { index: 2, unit: Unit::Milliseconds }),
        _ => None,
    }
}

/// The argument behind an option. Behind `STREAMS` stand keys, whatever they are called.
fn option_value(args: Args<'_>, option: &str) -> Option<usize> {
    let mut words = args.iter().skip(1).take_while(|arg| !arg.eq_ignore_ascii_case(b"STREAMS"));
    let index = words.position(|arg| arg.eq_ignore_ascii_case(option.as_bytes()))? + 2;
    (index < args.len()).then_some(index)
}

/// Seconds with a fraction, as far as a clock can count them.
fn seconds(text: &[u8]) -> Option<Duration> {
    let seconds: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command;

    fn check(line: &str, wait: Option<Wait>, with_1500_ms: &str) {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let args = Args::from_slices(&words);
        let spec = command::resolve(args).unwrap();
        assert_eq!(wait_of(spec, args), wait, "{line}");
        let mut out = Vec::new();
        encode_with_wait(&mut out, spec, args, Duration::from_millis(1500));
        let out = String::from_utf8(out).unwrap();
        let words: Vec<&str> = out.split("\r\n").skip(2).step_by(2).collect();
        assert_eq!(words.join(" "), with_1500_ms, "{line}");
    }

    #[test]
    fn timeouts_are_found_and_replaced() {
        let ms = |ms| Some(Wait::For(Duration::from_millis(ms)));
        check("BLPOP a b 0.25", ms(250), "BLPOP a b 1.500");
        check("BLPOP a 0", Some(Wait::Forever), "BLPOP a 1.500");
        check("BLMPOP 3 1 a LEFT", ms(3000), "BLMPOP 1.500 1 a LEFT");
        check("BLMOVE a b LEFT LEFT 1e0", ms(1000), "BLMOVE a b LEFT LEFT 1.500");
        check("XREAD block 20 STREAMS a 0", ms(20), "XREAD block 1500 STREAMS a 0");
        check("XREAD STREAMS block 0", None, "XREAD STREAMS block 0");
        check(
            "XREADGROUP GROUP g c BLOCK 0 STREAMS a >",
            Some(Wait::Forever),
            "XREADGROUP GROUP g c BLOCK 1500 STREAMS a >",
        );
        check("WAIT 1 250", ms(250), "WAIT 1 1500");
        check("WAIT 2 0", Some(Wait::Forever), "WAIT 2 1500");
        check("GET a", None, "GET a");
    }

    #[test]
    fn what_no_node_accepts_counts_as_for_ever() {
        for timeout in ["x", "-1", "inf", "nan", "1e300"] {
            let words = [&b"BLPOP"[..], b"a", timeout.as_bytes()];
            let args = Args::from_slices(&words);
            let spec = command::resolve(args).unwrap();
            assert_eq!(wait_of(spec, args), Some(Wait::Forever), "{timeout}");
        }
    }
}
