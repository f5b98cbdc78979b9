//! Floating point numbers as texts: read as C's `strtod` reads them, written with 17 digits as `%.17g` writes them.
//!
//! A Redis up to 7.0 prints every double so; each reads back as the same number.

/// Significant digits of a text: as many as tell any two numbers apart.
const DIGITS: usize = 17;

/// Smallest decimal exponent that is written with zeros in front instead of an exponent, as `%g` has it.
const FIXED_EXPONENT_MIN: i32 = -4;

/// Smallest decimal exponent that 17 digits do not reach, which is written as an exponent.
const FIXED_EXPONENT_END: i32 = 17;

/// Whole numbers below this are written exactly by 17 digits.
const WHOLE_MAX: f64 = 1e17;

/// A number that was read from the beginning of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Read {
    /// The nearest number; infinite or zero if the text's is too large or too small.
    pub number: f64,
    /// How many bytes of the text it took; 0 if there is no number.
    pub len: usize,
    /// The text's number is finite and not zero, but this one is not so.
    pub is_out_of_range: bool,
}

/// Reads a whole text as a Redis reads a score; `None` where it finds no valid float.
///
/// Infinities may be given by name and numbers in hexadecimal; `nan`, spaces in front, and numbers that are too
/// large or too small for a double are refused.
pub fn parse_double(text: &[u8]) -> Option<f64> {
    let read = read_double(text);
    let is_whole = read.len == text.len() && read.len > 0;
    let is_valid = is_whole && !read.is_out_of_range && !read.number.is_nan();
    (is_valid && !is_space(text[0])).then_some(read.number)
}

/// Reads a number from the beginning of a text, as C's `strtod` does.
pub fn read_double(text: &[u8]) -> Read {
    let start = text.iter().take_while(|byte| is_space(**byte)).count();
    let (is_negative, digits_at) = match text.get(start) {
        Some(b'-') => (true, start + 1),
        Some(b'+') => (false, start + 1),
        _ => (false, start),
    };
    let rest = &text[digits_at..];
    let read = read_word(rest).or_else(|| read_hexadecimal(rest)).or_else(|| read_decimal(rest));
    match read {
        Some(Read { number, len, is_out_of_range }) => {
            let number = if is_negative { -number } else { number };
            Read { number, len: digits_at + len, is_out_of_range }
        }
        None => Read { number: 0.0, len: 0, is_out_of_range: false },
    }
}

/// Appends a number as a text.
pub fn write_double(out: &mut Vec<u8>, number: f64) {
    if number.is_nan() {
        out.extend_from_slice(b"nan");
    } else if number.is_infinite() {
        out.extend_from_slice(if number > 0.0 { b"inf" } else { b"-inf" });
    } else if number == 0.0 {
        out.extend_from_slice(if number.is_sign_negative() { b"-0" } else { b"0" });
    } else if let Some(whole) = whole_number(number) {
        out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    } else {
        write_digits(out, number);
    }
}

/// As [`write_double`], in memory of its own.
pub fn double_text(number: f64) -> Vec<u8> {
    let mut text = Vec::new();
    write_double(&mut text, number);
    text
}

/// The number as an integer, if it is one and 17 digits tell it.
#[expect(clippy::cast_possible_truncation, reason = "compared with what it came from")]
#[expect(clippy::cast_precision_loss, reason = "compared with what it came from")]
fn whole_number(number: f64) -> Option<i64> {
    let whole = number as i64;
    (number.abs() < WHOLE_MAX && whole as f64 == number).then_some(whole)
}

fn write_digits(out: &mut Vec<u8>, number: f64) {
    // One digit, a point, the others, and the exponent behind an `e`.
    let text = format!("{number:.*e}", DIGITS - 1);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    out.extend_from_slice(sign.as_bytes());
    if !(FIXED_EXPONENT_MIN..FIXED_EXPONENT_END).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("{mantissa}e{sign}{:02}", exponent.abs()).as_bytes());
        return;
    }
    let digits = mantissa.bytes().filter(|byte| *byte != b'.');
    if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend((1..exponent.unsigned_abs()).map(|_| b'0'));
        out.extend(digits);
        return;
    }
    let point = exponent.unsigned_abs() as usize + 1;
    let count = mantissa.len().saturating_sub(usize::from(mantissa.len() > 1));
    for (index, digit) in digits.enumerate() {
        if index == point {
            out.push(b'.');
        }
        out.push(digit);
    }
    out.extend((count..point).map(|_| b'0'));
}

/// What C's `isspace` finds a space.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Infinity or no number at all, by name.
fn read_word(text: &[u8]) -> Option<Read> {
    let starts_with = |word: &str| {
        text.get(..word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word.as_bytes()))
    };
    let found = |number, len| Some(Read { number, len, is_out_of_range: false });
    match () {
        () if starts_with("infinity") => found(f64::INFINITY, 8),
        () if starts_with("inf") => found(f64::INFINITY, 3),
        () if starts_with("nan") => found(f64::NAN, 3 + len_in_brackets(&text[3..])),
        () => None,
    }
}

/// The length of a word in brackets that may follow `nan`.
fn len_in_brackets(text: &[u8]) -> usize {
    let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let word = text.iter().skip(1).take_while(is_word).count();
    let is_closed = text.first() == Some(&b'(') && text.get(word + 1) == Some(&b')');
    if is_closed { word + 2 } else { 0 }
}

/// Digits, perhaps with a point among them: how many bytes, and how many digits.
fn digits_len(text: &[u8], radix: u32) -> (usize, usize) {
    let (mut count, mut has_point) = (0, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'.' if !has_point => has_point = true,
            byte if char::from(*byte).is_digit(radix) => count += 1,
            _ => return (at, count),
        }
    }
    (text.len(), count)
}

/// An exponent with its marker: how many bytes; 0 if it is not whole.
fn exponent_len(text: &[u8], marker: u8) -> usize {
    if text.first().is_none_or(|byte| byte.to_ascii_lowercase() != marker) {
        return 0;
    }
    let sign = usize::from(matches!(text.get(1), Some(b'+' | b'-')));
    let digits = text[1 + sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > 0 { 1 + sign + digits } else { 0 }
}

fn read_decimal(text: &[u8]) -> Option<Read> {
    let (digits_len, count) = digits_len(text, 10);
    if count == 0 {
        return None;
    }
    let len = digits_len + exponent_len(&text[digits_len..], b'e');
    let number: f64 = std::str::from_utf8(&text[..len]).ok()?.parse().ok()?;
    let is_zero = text[..digits_len].iter().all(|byte| matches!(byte, b'0' | b'.'));
    let is_out_of_range = number.is_infinite() || number == 0.0 && !is_zero;
    Some(Read { number, len, is_out_of_range })
}

fn read_hexadecimal(text: &[u8]) -> Option<Read> {
    let [b'0', b'x' | b'X', digits @ ..] = text else { return None };
    let (digits_len, count) = digits_len(digits, 16);
    if count == 0 {
        return None;
    }
    let exponent_len = exponent_len(&digits[digits_len..], b'p');
    let exponent = match exponent_len {
        0 => 0,
        len => limited_exponent(&digits[digits_len + 1..digits_len + len]),
    };
    let number = scaled(&digits[..digits_len], exponent);
    let is_zero = digits[..digits_len].iter().all(|byte| matches!(byte, b'0' | b'.'));
    let is_out_of_range = number.is_infinite() || number == 0.0 && !is_zero;
    Some(Read { number, len: 2 + digits_len + exponent_len, is_out_of_range })
}

/// An exponent; far beyond what any double has it stays at a limit, so that nothing overflows.
fn limited_exponent(text: &[u8]) -> i64 {
    const LIMIT: i64 = 1 << 40;
    let digits = text.iter().filter(|byte| byte.is_ascii_digit());
    let magnitude = digits.fold(0, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(LIMIT));
    if text.first() == Some(&b'-') { -magnitude } else { magnitude }
}

/// Hexadecimal digits × 2^exponent, rounded to the nearest, halves to even.
fn scaled(digits: &[u8], mut exponent: i64) -> f64 {
    let (mut mantissa, mut has_point) = (0u64, false);
    for byte in digits {
        let Some(digit) = char::from(*byte).to_digit(16) else {
            has_point = true;
            continue;
        };
        if mantissa >> 58 == 0 {
            mantissa = mantissa << 4 | u64::from(digit);
            exponent -= if has_point { 4 } else { 0 };
        } else {
            // The lowest bit remembers that something was dropped, far below what is kept.
            mantissa |= u64::from(digit != 0);
            exponent += if has_point { 0 } else { 4 };
        }
    }
    rounded(mantissa, exponent)
}

/// Exponent of the lowest bit of the smallest doubles.
const EXPONENT_MIN: i64 = -1074;

/// Bits of a double's mantissa.
const MANTISSA_BITS: i64 = 53;

fn rounded(mantissa: u64, exponent: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let bits = i64::from(u64::BITS - mantissa.leading_zeros());
    if exponent + bits > 1024 {
        return f64::INFINITY;
    }
    let drop = (bits - MANTISSA_BITS).max(EXPONENT_MIN - exponent).max(0);
    if drop > bits {
        return 0.0;
    }
    let wide = u128::from(mantissa);
    let half = if drop == 0 { 0 } else { 1u128 << (drop - 1) };
    let (mut kept, rest) = (wide >> drop, wide & ((1u128 << drop) - 1));
    if drop > 0 && (rest > half || rest == half && kept & 1 == 1) {
        kept += 1;
    }
    // At most 2^53, which is exact; so is every product but the last one, which may become infinite.
    let mut number = kept as f64;
    let mut exponent = exponent + drop;
    while exponent > 0 {
        let step = exponent.min(1000);
        number *= 2f64.powi(i32::try_from(step).unwrap_or(0));
        exponent -= step;
    }
    // Dividing by two is exact down to the smallest doubles, since the lowest bits kept are theirs.
    while exponent < 0 {
        let step = exponent.max(-1000);
        number *= 2f64.powi(i32::try_from(step).unwrap_or(0));
        exponent -= step;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_17_digits() {
        let table = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1, "0.10000000000000001"),
            (1e-5, "1.0000000000000001e-05"),
            (1e-4, "0.0001"),
            (123.456, "123.456"),
            (1e16, "10000000000000000"),
            (3e17, "3e+17"),
            (1e20, "1e+20"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (5e-324, "4.9406564584124654e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (number, expect) in table {
            assert_eq!(double_text(number).escape_ascii().to_string(), expect);
            assert_eq!(parse_double(expect.as_bytes()).map(f64::to_bits), Some(number.to_bits()));
        }
    }

    #[test]
    fn texts_are_read_as_c_reads_them() {
        let table = [
            ("0x1p4", Some(16.0)),
            ("0x.8", Some(0.5)),
            ("0x1.8p1", Some(3.0)),
            ("-0x1p-1074", Some(-5e-324)),
            ("0x1p-1075", None),
            ("0x1p1024", None),
            ("0x20000000000001", Some(9007199254740992.0)),
            ("0x20000000000003", Some(9007199254740996.0)),
            ("0x8000000000000400", Some(9223372036854775808.0)),
            ("0x80000000000004001", Some(4503599627370497.0 * 32768.0)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("1e-310", Some(1e-310)),
            ("1e-400", None),
            ("1e400", None),
            ("infinity", Some(f64::INFINITY)),
            ("-INF", Some(f64::NEG_INFINITY)),
            ("nan", None),
            ("", None),
            (" 1", None),
            ("1 ", None),
            ("1e", None),
            ("0x", None),
            (".", None),
            ("+-1", None),
            ("1_0", None),
        ];
        for (text, expect) in table {
            assert_eq!(parse_double(text.as_bytes()), expect, "{text}");
        }
    }

    #[test]
    fn a_number_may_be_followed_by_anything() {
        for (text, number, len) in [
            (" 12ab", 12.0, 3),
            ("1e+x", 1.0, 1),
            ("0xg", 0.0, 1),
            ("x", 0.0, 0),
            ("infx", f64::INFINITY, 3),
        ] {
            let read = read_double(text.as_bytes());
            assert_eq!((read.number, read.len), (number, len), "{text}");
        }
        assert_eq!(read_double(b"nan(12_a)b").len, 9);
        assert_eq!(read_double(b"nan(12").len, 3);
    }
}
