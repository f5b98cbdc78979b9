//! Numbers as C writes and converts them.

use mlua::Value;

/// A number with so many significant digits, as `%.<digits>g` has it.
pub(super) fn text(number: f64, digits: usize) -> Vec<u8> {
    if number.is_nan() {
        return if number.is_sign_negative() { b"-nan".to_vec() } else { b"nan".to_vec() };
    }
    if number.is_infinite() {
        return if number > 0.0 { b"inf".to_vec() } else { b"-inf".to_vec() };
    }
    if number == 0.0 {
        return if number.is_sign_negative() { b"-0".to_vec() } else { b"0".to_vec() };
    }
    let digits = digits.max(1);
    let scientific = format!("{number:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    let count = i32::try_from(digits).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= count {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs()).into_bytes();
    }
    let places = usize::try_from(count - 1 - exponent).unwrap_or(0);
    trimmed(&format!("{number:.places$}")).into_bytes()
}

/// What C makes of a double where it wants a `long long`: what does not fit is the least number.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
pub(super) fn integer_of(number: f64) -> i64 {
    const END: f64 = 9_223_372_036_854_775_808.0;
    if number.is_nan() || !(-END..END).contains(&number) { i64::MIN } else { number as i64 }
}

/// A string or a number as text, as Lua converts them.
pub(super) fn text_of(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(string) => Some(string.as_bytes().to_vec()),
        Value::Integer(number) => Some(whole_text(*number)),
        Value::Number(number) => Some(text(*number, 14)),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is a double in Lua")]
fn whole_text(whole: i64) -> Vec<u8> {
    text(whole as f64, 14)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_by_c() {
        let table = [
            (0.1, 14, "0.1"),
            (0.1, 17, "0.10000000000000001"),
            (1e15, 14, "1e+15"),
            (1e13, 14, "10000000000000"),
            (123456.0, 14, "123456"),
            (1e-5, 14, "1e-05"),
            (0.0001, 14, "0.0001"),
            (99999999999999.9, 14, "1e+14"),
            (-2.5e-300, 3, "-2.5e-300"),
        ];
        for (number, digits, expect) in table {
            assert_eq!(String::from_utf8(text(number, digits)).unwrap(), expect);
        }
    }

    #[test]
    fn what_is_out_of_range_is_the_least_number() {
        for (number, expect) in [(1e20, i64::MIN), (f64::NAN, i64::MIN), (-3.99, -3), (3.99, 3)] {
            assert_eq!(integer_of(number), expect);
        }
    }
}
