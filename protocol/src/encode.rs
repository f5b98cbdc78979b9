//! Requests and replies written to the end of a buffer, RESP2 and RESP3.
//!
//! Spec: <https://valkey.io/topics/protocol/>

use crate::double::write_double;
use crate::reply_error::ReplyError;

/// The protocol version of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Resp {
    /// RESP2, in which every connection begins.
    #[default]
    V2,
    /// RESP3, after `HELLO 3`.
    V3,
}

impl Resp {
    /// How many versions there are, for arrays indexed by [`Resp::index`].
    pub const COUNT: usize = 2;

    /// 0 for RESP2, 1 for RESP3.
    pub const fn index(self) -> usize {
        match self {
            Resp::V2 => 0,
            Resp::V3 => 1,
        }
    }

    /// The number as `HELLO` has it: 2 or 3.
    pub const fn number(self) -> i64 {
        match self {
            Resp::V2 => 2,
            Resp::V3 => 3,
        }
    }
}

/// Appends a request as an array of bulk strings.
pub fn encode_request<'a>(out: &mut Vec<u8>, args: impl ExactSizeIterator<Item = &'a [u8]>) {
    write_header(out, b'*', args.len());
    for arg in args {
        write_bulk(out, arg);
    }
}

/// Appends `<type><len>\r\n`; `len` is a count of elements or of bytes, as the type has it.
#[inline]
pub fn write_header(out: &mut Vec<u8>, kind: u8, len: usize) {
    #[expect(clippy::cast_possible_truncation, reason = "of digits alone")]
    let digit = |number: usize| b'0' + number as u8;
    match len {
        // Nearly every request has fewer than ten arguments, and nearly every name fewer than ten bytes.
        0..10 => out.extend_from_slice(&[kind, digit(len), b'\r', b'\n']),
        // Most keys and values are no longer than this.
        10..100 => {
            out.extend_from_slice(&[kind, digit(len / 10), digit(len % 10), b'\r', b'\n']);
        }
        _ => {
            out.push(kind);
            out.extend_from_slice(itoa::Buffer::new().format(len).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Appends a bulk string, or one argument of a request.
#[inline]
pub fn write_bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    write_header(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Writes replies in the version that the client speaks.
///
/// Shapes that RESP2 lacks are written as Redis falls back: maps as flat arrays, sets and pushes as arrays,
/// doubles and big numbers as strings, booleans as 1 and 0, verbatim texts as strings.
#[derive(Debug)]
pub struct ReplyWriter<'a> {
    out: &'a mut Vec<u8>,
    resp: Resp,
}

impl<'a> ReplyWriter<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>, resp: Resp) -> Self {
        ReplyWriter { out, resp }
    }

    /// The version in which it writes.
    pub fn resp(&self) -> Resp {
        self.resp
    }

    /// The buffer itself, for callers that measure or take back what they wrote.
    pub fn out(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// `+OK`
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A simple string; `text` must hold no line end.
    pub fn simple(&mut self, text: &str) {
        debug_assert!(!text.contains(['\r', '\n']), "a simple string is one line");
        self.line(b'+', text.as_bytes());
    }

    /// An error.
    pub fn error(&mut self, error: &ReplyError) {
        self.line(b'-', error.as_str().as_bytes());
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        self.line(b':', itoa::Buffer::new().format(value).as_bytes());
    }

    /// A bulk string.
    pub fn bulk(&mut self, bytes: &[u8]) {
        write_bulk(self.out, bytes);
    }

    /// A bulk string or, for `None`, a null.
    pub fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// A null where a string would stand.
    pub fn null(&mut self) {
        self.out.extend_from_slice(match self.resp {
            Resp::V2 => b"$-1\r\n".as_slice(),
            Resp::V3 => b"_\r\n",
        });
    }

    /// A null where an array would stand.
    pub fn null_array(&mut self) {
        self.out.extend_from_slice(match self.resp {
            Resp::V2 => b"*-1\r\n".as_slice(),
            Resp::V3 => b"_\r\n",
        });
    }

    /// The head of an array of `len` elements, which the caller writes next.
    pub fn array(&mut self, len: usize) {
        write_header(self.out, b'*', len);
    }

    /// The head of a map of `pairs` keys with their values, which the caller writes next.
    pub fn map(&mut self, pairs: usize) {
        match self.resp {
            Resp::V2 => write_header(self.out, b'*', pairs * 2),
            Resp::V3 => write_header(self.out, b'%', pairs),
        }
    }

    /// The head of a set of `len` elements, which the caller writes next.
    pub fn set(&mut self, len: usize) {
        self.head(b'~', len);
    }

    /// The head of an out-of-band message of `len` elements, which the caller writes next.
    pub fn push(&mut self, len: usize) {
        self.head(b'>', len);
    }

    /// A floating point number, with 17 digits where it needs as many.
    pub fn double(&mut self, value: f64) {
        // At most 24 bytes: sign, 17 digits, point, and an exponent of three digits with marker and sign.
        let mut text = Vec::with_capacity(24);
        write_double(&mut text, value);
        match self.resp {
            Resp::V2 => self.bulk(&text),
            Resp::V3 => self.line(b',', &text),
        }
    }

    /// A boolean.
    pub fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(match (self.resp, value) {
            (Resp::V2, true) => b":1\r\n",
            (Resp::V2, false) => b":0\r\n",
            (Resp::V3, true) => b"#t\r\n",
            (Resp::V3, false) => b"#f\r\n",
        });
    }

    /// A text for people; `format` is three characters, such as `txt`.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        debug_assert_eq!(format.len(), 3, "RESP3 asks for three characters");
        match self.resp {
            Resp::V2 => self.bulk(text),
            Resp::V3 => {
                write_header(self.out, b'=', text.len() + 4);
                self.out.extend_from_slice(format.as_bytes());
                self.out.push(b':');
                self.raw(text);
                self.raw(b"\r\n");
            }
        }
    }

    /// An integer of any size, as decimal text.
    pub fn big_number(&mut self, digits: &str) {
        match self.resp {
            Resp::V2 => self.bulk(digits.as_bytes()),
            Resp::V3 => self.line(b'(', digits.as_bytes()),
        }
    }

    /// Bytes that already are a reply, or a part of one.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn head(&mut self, kind: u8, len: usize) {
        let kind = if self.resp == Resp::V2 { b'*' } else { kind };
        write_header(self.out, kind, len);
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        self.out.push(kind);
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(write: impl Fn(&mut ReplyWriter<'_>), resp2: &str, resp3: &str) {
        for (resp, expect) in [(Resp::V2, resp2), (Resp::V3, resp3)] {
            let mut out = Vec::new();
            write(&mut ReplyWriter::new(&mut out, resp));
            assert_eq!(out.escape_ascii().to_string(), expect, "{resp:?}");
        }
    }

    #[test]
    fn shapes_fall_back_in_resp2() {
        check(|w| w.ok(), r"+OK\r\n", r"+OK\r\n");
        check(|w| w.null(), r"$-1\r\n", r"_\r\n");
        check(|w| w.null_array(), r"*-1\r\n", r"_\r\n");
        check(|w| w.map(2), r"*4\r\n", r"%2\r\n");
        check(|w| w.set(12), r"*12\r\n", r"~12\r\n");
        check(|w| w.push(3), r"*3\r\n", r">3\r\n");
        check(|w| w.double(1.5), r"$3\r\n1.5\r\n", r",1.5\r\n");
        check(|w| w.double(f64::NEG_INFINITY), r"$4\r\n-inf\r\n", r",-inf\r\n");
        check(|w| w.boolean(true), r":1\r\n", r"#t\r\n");
        check(|w| w.verbatim("txt", b"hi"), r"$2\r\nhi\r\n", r"=6\r\ntxt:hi\r\n");
        check(|w| w.big_number("12"), r"$2\r\n12\r\n", r"(12\r\n");
        check(|w| w.error(&ReplyError::SYNTAX), r"-ERR syntax error\r\n", r"-ERR syntax error\r\n");
        check(|w| w.integer(-1), r":-1\r\n", r":-1\r\n");
    }

    #[test]
    fn requests_are_arrays_of_bulks() {
        let mut out = Vec::new();
        encode_request(&mut out, [b"GET".as_slice(), b"0123456789"].into_iter());
        assert_eq!(out, b"*2\r\n$3\r\nGET\r\n$10\r\n0123456789\r\n");
    }
}
