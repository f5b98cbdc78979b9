//! The quoting rules of inline requests: `SET key "a b\x00"`.
//!
//! Source: redis `src/sds.c` sdssplitargs.

use std::fmt::Write as _;

use crate::error::ProtocolError;

/// Splits a line into arguments, appends each one unquoted to `out` and reports where it lies there (start and
/// length in bytes).
///
/// Double quotes know `\xHH`, `\n`, `\r`, `\t`, `\b`, `\a` and take any other escaped byte as itself; single
/// quotes know only `\'`. A closing quote must be followed by a space or the end.
///
/// # Errors
/// [`ProtocolError::UnbalancedQuotes`]: a quote does not close, or something touches its closing.
pub fn split(
    line: &[u8],
    out: &mut Vec<u8>,
    mut found: impl FnMut(usize, usize),
) -> Result<(), ProtocolError> {
    let mut rest = line;
    loop {
        let spaces = rest.iter().take_while(|byte| is_space(**byte)).count();
        rest = &rest[spaces..];
        if rest.is_empty() {
            return Ok(());
        }
        let start = out.len();
        rest = take_word(rest, out)?;
        found(start, out.len() - start);
    }
}

/// A word in double quotes, as [`write_quoted`] writes it.
pub fn quoted(word: &[u8]) -> String {
    let mut out = String::with_capacity(word.len() + 2);
    write_quoted(&mut out, word);
    out
}

/// Writes a word in double quotes, with what is not printable escaped, as [`split`] reads it.
pub fn write_quoted(out: &mut String, word: &[u8]) {
    out.push('"');
    for byte in word {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'"' => out.push_str("\\\""),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x07 => out.push_str("\\a"),
            0x08 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => {
                // Writing into a string does not fail.
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
}

/// Unquotes one word from the start of `rest`, which is not a space, and gives back what follows it.
fn take_word<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        match rest {
            [] => return Ok(rest),
            [byte, tail @ ..] if is_space(*byte) => return Ok(tail),
            [b'"', tail @ ..] => return take_double_quoted(tail, out),
            [b'\'', tail @ ..] => return take_single_quoted(tail, out),
            [byte, tail @ ..] => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
}

fn take_double_quoted<'a>(
    mut rest: &'a [u8],
    out: &mut Vec<u8>,
) -> Result<&'a [u8], ProtocolError> {
    loop {
        rest = match rest {
            [] => return Err(ProtocolError::UnbalancedQuotes),
            [b'"', tail @ ..] => return after_quote(tail),
            [b'\\', b'x', high, low, tail @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                out.push(hex_digit(*high) << 4 | hex_digit(*low));
                tail
            }
            [b'\\', escaped, tail @ ..] => {
                out.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                tail
            }
            [byte, tail @ ..] => {
                out.push(*byte);
                tail
            }
        };
    }
}

fn take_single_quoted<'a>(
    mut rest: &'a [u8],
    out: &mut Vec<u8>,
) -> Result<&'a [u8], ProtocolError> {
    loop {
        rest = match rest {
            [] => return Err(ProtocolError::UnbalancedQuotes),
            [b'\'', tail @ ..] => return after_quote(tail),
            [b'\\', b'\'', tail @ ..] => {
                out.push(b'\'');
                tail
            }
            [byte, tail @ ..] => {
                out.push(*byte);
                tail
            }
        };
    }
}

/// A closing quote ends the word, so only a space or the end may follow.
fn after_quote(rest: &[u8]) -> Result<&[u8], ProtocolError> {
    match rest {
        [] => Ok(rest),
        [byte, tail @ ..] if is_space(*byte) => Ok(tail),
        _ => Err(ProtocolError::UnbalancedQuotes),
    }
}

/// What C's `isspace` calls a space; Rust's own notion lacks the vertical tab.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// The value of an ASCII hexadecimal digit, 0 to 15.
fn hex_digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        _ => byte.to_ascii_uppercase() - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expect: Result<&[&str], ProtocolError>) {
        let mut out = Vec::new();
        let mut ranges = Vec::new();
        let result = split(line.as_bytes(), &mut out, |start, len| ranges.push((start, len)));
        let word = |(start, len): &(usize, usize)| out[*start..start + len].escape_ascii();
        let got = result.map(|()| ranges.iter().map(|r| word(r).to_string()).collect::<Vec<_>>());
        assert_eq!(got, expect.map(|e| e.iter().map(|s| s.to_string()).collect()), "{line:?}");
    }

    #[test]
    fn what_is_quoted_is_split_into_what_it_was() {
        let all: Vec<u8> = (0..=255).collect();
        let mut line = String::new();
        write_quoted(&mut line, &all);
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
        let mut out = Vec::new();
        split(line.as_bytes(), &mut out, |start, len| assert_eq!((start, len), (0, 256))).unwrap();
        assert_eq!(out, all);
    }

    #[test]
    fn words_and_quotes_are_split_as_redis_does() {
        check("", Ok(&[]));
        check("  PING \t ", Ok(&["PING"]));
        check("SET a b", Ok(&["SET", "a", "b"]));
        check(r#"SET a "b c\x41\n\q""#, Ok(&["SET", "a", r"b cA\nq"]));
        check(r"SET a 'b\'c\n'", Ok(&["SET", "a", r"b\'c\\n"]));
        check(r#"ECHO """#, Ok(&["ECHO", ""]));
        check(r#"ECHO ab"cd""#, Ok(&["ECHO", "abcd"]));
        check(r#"ECHO "a"b"#, Err(ProtocolError::UnbalancedQuotes));
        check(r#"ECHO "a"#, Err(ProtocolError::UnbalancedQuotes));
        check(r"ECHO 'a\'", Err(ProtocolError::UnbalancedQuotes));
        check("ECHO \"a\\", Err(ProtocolError::UnbalancedQuotes));
        check(r#"ECHO "\xzz""#, Ok(&["ECHO", "xzz"]));
    }
}
