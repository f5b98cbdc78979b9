//! What counts as the same reply.

use reddoor_protocol::frame::ReplyLimits;
use reddoor_protocol::value::{self, Value};

use crate::unordered::Agreement;

/// How much later one server may run a command than the other, in seconds. Keys live longer, or not at all.
const LATE_MAX_S: i64 = 120;

/// Whether two replies to a command say the same, as far as two servers can.
pub fn is_same(command: &[Vec<u8>], theirs: &[u8], ours: &[u8]) -> bool {
    if theirs == ours {
        return true;
    }
    if theirs.starts_with(b"-") && ours.starts_with(b"-") {
        // Bytes of the client that are no text are not always given back.
        return is_text(theirs).eq(is_text(ours));
    }
    let name = command[0].to_ascii_lowercase();
    match name.as_slice() {
        // Times of a moment that is not the same for both, and keys that expire unseen.
        b"ttl" | b"expiretime" => is_near(&parse(theirs), &parse(ours), LATE_MAX_S),
        b"pttl" | b"pexpiretime" => is_near(&parse(theirs), &parse(ours), LATE_MAX_S * 1000),
        b"object" => is_near(&parse(theirs), &parse(ours), LATE_MAX_S),
        b"dbsize" => is_near(&parse(theirs), &parse(ours), 7),
        // The client's number.
        b"hello" => without_id(theirs) == without_id(ours),
        // In no order.
        b"keys" | b"scan" | b"zscan" => sorted(parse(theirs)) == sorted(parse(ours)),
        // Picked at random.
        b"zrandmember" => element_count(parse(theirs)) == element_count(parse(ours)),
        b"xinfo" | b"xpending" => without_times(theirs) == without_times(ours),
        b"exec" if without_id(theirs) == without_id(ours) => true,
        b"exec" if without_times(theirs) == without_times(ours) => true,
        b"exec" => is_same_transaction(parse(theirs), parse(ours)),
        name => Agreement::of(name).is_some_and(|how| how.holds(parse(theirs), parse(ours))),
    }
}

fn is_text(reply: &[u8]) -> impl Iterator<Item = &u8> {
    reply.iter().filter(|byte| byte.is_ascii())
}

/// As [`is_same`], for all commands of a transaction, whichever they were.
fn is_same_transaction(theirs: Value, ours: Value) -> bool {
    let is_same = |pair: (Value, Value)| match pair {
        (a, b) if a == b || is_near(&a, &b, LATE_MAX_S * 1000) => true,
        (Value::Error(a), Value::Error(b)) => is_text(&a).eq(is_text(&b)),
        (a, b) => sorted(a) == sorted(b),
    };
    match (theirs, ours) {
        (Value::Array(theirs), Value::Array(ours)) => {
            theirs.len() == ours.len() && theirs.into_iter().zip(ours).all(is_same)
        }
        _ => false,
    }
}

/// How many elements an array has; `None` for a single one.
fn element_count(reply: Value) -> Option<usize> {
    if let Value::Array(elements) = reply { Some(elements.len()) } else { None }
}

fn is_near(theirs: &Value, ours: &Value, tolerance: i64) -> bool {
    match (theirs, ours) {
        (Value::Integer(a), Value::Integer(b)) if *a >= 0 && *b >= 0 => (a - b).abs() <= tolerance,
        _ => false,
    }
}

/// A greeting without the line behind `id`.
fn without_id(reply: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = reply.split(|byte| *byte == b'\n').collect();
    if let Some(index) = lines.iter().position(|line| *line == b"id\r") {
        lines.remove(index + 1);
    }
    lines
}

/// A reply without the times that `XINFO` and `XPENDING` tell: since 1970, or for how long.
pub fn without_times(reply: &[u8]) -> Vec<&[u8]> {
    /// Digits of a time in milliseconds since 1970, with its sign and its line end.
    const TIME_LEN: usize = 15;
    let lines: Vec<&[u8]> = reply.split(|byte| *byte == b'\n').collect();
    let is_integer = |line: Option<&&[u8]>| line.is_some_and(|line| line.starts_with(b":"));
    let is_time = |index: usize| {
        let is_idle = index > 0 && lines[index - 1] == b"idle\r";
        // In a list of pending entries the number of deliveries follows.
        is_idle || lines[index].len() == TIME_LEN || is_integer(lines.get(index + 1))
    };
    let kept = |index: &usize| !(is_integer(lines.get(*index)) && is_time(*index));
    (0..lines.len()).filter(kept).map(|index| lines[index]).collect()
}

/// The elements of an array of strings.
pub fn texts(reply: &[u8]) -> Vec<Vec<u8>> {
    let Value::Array(elements) = parse(reply) else { return Vec::new() };
    let text = |element| if let Value::Bulk(text) = element { Some(text) } else { None };
    elements.into_iter().filter_map(text).collect()
}

fn sorted(reply: Value) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    let mut values = vec![reply];
    while let Some(value) = values.pop() {
        match value {
            Value::Array(inner) | Value::Set(inner) => values.extend(inner),
            Value::Map(pairs) => values.extend(pairs.into_iter().flat_map(|(a, b)| [a, b])),
            Value::Bulk(text) => texts.push(text),
            other => texts.push(format!("{other:?}").into_bytes()),
        }
    }
    texts.sort();
    texts
}

/// A reply as a value.
///
/// # Panics
/// It is not one whole reply.
pub fn parse(reply: &[u8]) -> Value {
    value::parse(reply, &ReplyLimits::default()).expect("a reply").expect("a whole one").0
}

/// The last commands of a script, one a line, as redis-cli would take them.
pub fn show_last(script: &[Vec<Vec<u8>>], count: usize) -> String {
    let from = script.len().saturating_sub(count);
    let mut text = String::new();
    for command in &script[from..] {
        for word in command {
            let shown = word.escape_ascii().to_string();
            let shown: String = shown.chars().take(120).collect();
            text.push_str(&format!("\"{shown}\" "));
        }
        text.push('\n');
    }
    text
}
