//! Replies parsed into values, for the few places that must look inside one: topology, the supervisor, tests.

use crate::error::ProtocolError;
use crate::frame::{self, Head, ReplyLimits, ReplyScanner};

/// One parsed reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A simple string.
    Simple(Vec<u8>),
    /// An error, without the leading `-`.
    Error(Vec<u8>),
    /// An integer.
    Integer(i64),
    /// A bulk string.
    Bulk(Vec<u8>),
    /// A null of any kind.
    Null,
    /// An array.
    Array(Vec<Value>),
    /// A map, in the order received.
    Map(Vec<(Value, Value)>),
    /// A set, in the order received.
    Set(Vec<Value>),
    /// An out-of-band message.
    Push(Vec<Value>),
    /// A floating point number.
    Double(f64),
    /// A boolean.
    Boolean(bool),
    /// An integer of any size, as decimal text.
    BigNumber(Vec<u8>),
    /// A text for people, without its format.
    Verbatim(Vec<u8>),
}

impl Value {
    /// The bytes of any kind of string, or `None` for another type.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Simple(bytes) | Value::Bulk(bytes) | Value::Verbatim(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The text of any kind of string that is UTF-8, or `None`.
    pub fn as_str(&self) -> Option<&str> {
        self.as_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// The integer, or `None` for another type.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// The elements of an array, set or push, or `None` for another type.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(values) | Value::Set(values) | Value::Push(values) => Some(values),
            _ => None,
        }
    }

    /// The value of a field in a map, or in the flat array that RESP2 has for it.
    pub fn field(&self, name: &str) -> Option<&Value> {
        let is_name = |key: &Value| key.as_bytes() == Some(name.as_bytes());
        match self {
            Value::Map(pairs) => pairs.iter().find(|(key, _)| is_name(key)).map(|(_, v)| v),
            Value::Array(flat) => {
                flat.chunks_exact(2).find(|pair| is_name(&pair[0])).map(|pair| &pair[1])
            }
            _ => None,
        }
    }
}

/// Parses the reply at the start of `buf`: the value and the bytes it took. Attributes are dropped.
///
/// `Ok(None)`: incomplete; call again when more has arrived. Costs the reply's length at each call.
///
/// # Errors
/// The peer broke the protocol; close the connection.
pub fn parse(buf: &[u8], limits: &ReplyLimits) -> Result<Option<(Value, usize)>, ProtocolError> {
    // Measuring first means that nothing is built of an incomplete reply.
    let Some(len) = ReplyScanner::default().scan(buf, limits)? else { return Ok(None) };
    let mut open: Vec<Open> = Vec::new();
    let mut rest = &buf[..len];
    loop {
        let Some((head, line)) = frame::head(rest, limits)? else { return Ok(None) };
        let kind = rest[0];
        let mut done = match head {
            Head::Line => {
                let value = parse_line(kind, &rest[1..line - 2])?;
                rest = &rest[line..];
                value
            }
            Head::Bulk { len } => {
                let payload = &rest[line..line + len];
                rest = &rest[line + len + 2..];
                parse_bulk(kind, payload)
            }
            Head::Aggregate { elements } => {
                rest = &rest[line..];
                let aggregate = Open { kind, missing: elements, values: Vec::new() };
                if elements > 0 {
                    open.push(aggregate);
                    continue;
                }
                aggregate.close()
            }
        };
        loop {
            let Some(parent) = open.last_mut() else { return Ok(Some((done, len))) };
            parent.values.push(done);
            parent.missing -= 1;
            if parent.missing > 0 {
                break;
            }
            let Some(parent) = open.pop() else { return Ok(None) };
            done = parent.close();
        }
    }
}

/// An aggregate whose elements are not all there yet.
struct Open {
    kind: u8,
    missing: usize,
    values: Vec<Value>,
}

impl Open {
    fn close(mut self) -> Value {
        match self.kind {
            b'~' => Value::Set(self.values),
            b'>' => Value::Push(self.values),
            b'%' => {
                let mut pairs = Vec::with_capacity(self.values.len() / 2);
                let mut values = self.values.into_iter();
                while let (Some(key), Some(value)) = (values.next(), values.next()) {
                    pairs.push((key, value));
                }
                Value::Map(pairs)
            }
            // The reply itself stands behind its attributes.
            b'|' => self.values.pop().unwrap_or(Value::Null),
            _ => Value::Array(self.values),
        }
    }
}

fn parse_line(kind: u8, text: &[u8]) -> Result<Value, ProtocolError> {
    let malformed = ProtocolError::MalformedReplyLine;
    Ok(match kind {
        b'+' => Value::Simple(text.to_vec()),
        b'-' => Value::Error(text.to_vec()),
        b':' => Value::Integer(crate::request::parse_integer(text).ok_or(malformed)?),
        b'(' => Value::BigNumber(text.to_vec()),
        b'#' => match text {
            b"t" => Value::Boolean(true),
            b"f" => Value::Boolean(false),
            _ => return Err(malformed),
        },
        b',' => {
            let text = std::str::from_utf8(text).map_err(|_| malformed)?;
            Value::Double(text.parse().map_err(|_| malformed)?)
        }
        _ => Value::Null,
    })
}

fn parse_bulk(kind: u8, payload: &[u8]) -> Value {
    match kind {
        b'!' => Value::Error(payload.to_vec()),
        b'=' => Value::Verbatim(payload.get(4..).unwrap_or_default().to_vec()),
        _ => Value::Bulk(payload.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expect: Value) {
        let (value, len) = parse(input.as_bytes(), &ReplyLimits::default()).unwrap().unwrap();
        assert_eq!((value, len), (expect, input.len()), "{input:?}");
    }

    #[test]
    fn replies_become_values() {
        let bulk = |text: &str| Value::Bulk(text.into());
        check("*2\r\n$1\r\na\r\n*0\r\n", Value::Array(vec![bulk("a"), Value::Array(vec![])]));
        check("%1\r\n$1\r\na\r\n:2\r\n", Value::Map(vec![(bulk("a"), Value::Integer(2))]));
        check("|1\r\n+k\r\n+v\r\n:3\r\n", Value::Integer(3));
        check("=6\r\ntxt:hi\r\n", Value::Verbatim(b"hi".into()));
        check("*-1\r\n", Value::Null);
        check(",inf\r\n", Value::Double(f64::INFINITY));
    }

    #[test]
    fn fields_are_found_in_both_shapes() {
        let map = "%1\r\n$1\r\na\r\n:2\r\n";
        let flat = "*2\r\n$1\r\na\r\n:2\r\n";
        for input in [map, flat] {
            let (value, _) = parse(input.as_bytes(), &ReplyLimits::default()).unwrap().unwrap();
            assert_eq!(value.field("a"), Some(&Value::Integer(2)));
            assert_eq!(value.field("b"), None);
        }
    }

    #[test]
    fn incomplete_replies_wait() {
        let input = b"*2\r\n$1\r\na\r\n";
        for end in 0..=input.len() {
            assert_eq!(parse(&input[..end], &ReplyLimits::default()), Ok(None));
        }
    }
}
