//! The 80-bit floating point numbers in which a Redis on x86-64 adds up `INCRBYFLOAT`.
//!
//! The 64-bit numbers of Rust would give other sums (0.1 + 0.2), so the format is done in whole numbers:
//! 64 bits of mantissa, rounding to the nearest, halves to even, and texts with 17 digits behind the point.
//!
//! Invariant: a finite number's mantissa has its highest bit set unless its exponent is the smallest; the
//! exponent lies between [`EXPONENT_MIN`] and [`EXPONENT_MAX`].
//! Spec: Intel SDM volume 1, 4.2.2 (double extended-precision).

use crate::data::big::Natural;

/// Exponent of the mantissa's lowest bit in the smallest numbers.
const EXPONENT_MIN: i64 = -16445;

/// Exponent of the mantissa's lowest bit in the largest numbers.
const EXPONENT_MAX: i64 = 16320;

/// Longest text that is read as a number, in bytes. Source: redis `src/util.h` MAX_LONG_DOUBLE_CHARS.
const TEXT_MAX: usize = 5 * 1024;

/// Digits behind the point in a text. Source: redis `src/util.c` ld2string.
const FRACTION_DIGITS: usize = 17;

/// A number: finite, infinite, or none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LongDouble {
    /// ± mantissa × 2^exponent
    Finite {
        is_negative: bool,
        mantissa: u64,
        exponent: i64,
    },
    Infinite {
        is_negative: bool,
    },
    NotANumber,
}

impl LongDouble {
    pub(crate) const ZERO: LongDouble =
        LongDouble::Finite { is_negative: false, mantissa: 0, exponent: EXPONENT_MIN };

    /// Reads what C's `strtold` reads, all of it; `None` where a Redis finds no valid float.
    pub(crate) fn parse(text: &[u8]) -> Option<LongDouble> {
        if text.len() >= TEXT_MAX {
            return None;
        }
        let (is_negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        if rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity") {
            return Some(LongDouble::Infinite { is_negative });
        }
        let (number, is_zero) = match rest {
            [b'0', b'x' | b'X', digits @ ..] => Digits::read(digits, 16)?.hexadecimal()?,
            digits => Digits::read(digits, 10)?.decimal()?,
        };
        // Too large and too small numbers are no valid floats.
        match number {
            LongDouble::Finite { mantissa: 0, .. } if !is_zero => None,
            LongDouble::Finite { mantissa, exponent, .. } => {
                Some(LongDouble::Finite { is_negative, mantissa, exponent })
            }
            LongDouble::Infinite { .. } | LongDouble::NotANumber => None,
        }
    }

    /// About the same number in 64 bits, for quantities that need no more.
    #[expect(clippy::cast_precision_loss, reason = "as documented")]
    pub(crate) fn to_f64(self) -> f64 {
        let sign = |is_negative| if is_negative { -1.0 } else { 1.0 };
        match self {
            LongDouble::Finite { is_negative, mantissa, exponent } => {
                let exponent = i32::try_from(exponent).unwrap_or(i32::MIN);
                sign(is_negative) * mantissa as f64 * 2f64.powi(exponent)
            }
            LongDouble::Infinite { is_negative } => sign(is_negative) * f64::INFINITY,
            LongDouble::NotANumber => f64::NAN,
        }
    }

    /// The sum, rounded.
    pub(crate) fn add(self, other: LongDouble) -> LongDouble {
        use LongDouble::{Finite, Infinite, NotANumber};
        match (self, other) {
            (NotANumber, _) | (_, NotANumber) => NotANumber,
            (Infinite { is_negative: a }, Infinite { is_negative: b }) if a != b => NotANumber,
            (Infinite { is_negative }, _) | (_, Infinite { is_negative }) => {
                Infinite { is_negative }
            }
            (
                Finite { is_negative: a_negative, mantissa: a, exponent: a_exponent },
                Finite { is_negative: b_negative, mantissa: b, exponent: b_exponent },
            ) => {
                if a_exponent < b_exponent || a_exponent == b_exponent && a < b {
                    return other.add(self);
                }
                // 62 bits below the larger mantissa, and one above it for the carry.
                let wide_a = u128::from(a) << 62;
                let wide_b = shift_right_sticky(u128::from(b) << 62, a_exponent - b_exponent);
                let sum = if a_negative == b_negative { wide_a + wide_b } else { wide_a - wide_b };
                let is_negative = a_negative && (sum != 0 || b_negative);
                rounded(is_negative, sum, a_exponent - 62)
            }
        }
    }

    /// The number with at most 17 digits behind the point, without trailing zeros; `None` if it is not finite.
    pub(crate) fn to_text(self) -> Option<String> {
        let LongDouble::Finite { is_negative, mantissa, exponent } = self else { return None };
        let mut scaled = Natural::from(mantissa);
        scaled.multiply_by_power_of_ten(FRACTION_DIGITS);
        match usize::try_from(exponent) {
            Ok(exponent) => scaled.shift_left(exponent),
            Err(_) => {
                scaled.shift_right_rounding(usize::try_from(exponent.unsigned_abs()).ok()?);
            }
        }
        let digits = format!("{:0>width$}", scaled.to_decimal(), width = FRACTION_DIGITS + 1);
        let (whole, fraction) = digits.split_at(digits.len() - FRACTION_DIGITS);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        let sign = if is_negative && !(whole == "0" && fraction.is_empty()) { "-" } else { "" };
        Some(format!("{sign}{whole}{point}{fraction}"))
    }
}

/// A number's text, taken apart: digits without the point, and the exponent that the point and the text give.
struct Digits {
    /// Values of the digits, leading zeros left out.
    digits: Vec<u8>,
    /// How many of the digits stood behind the point (count).
    fraction_count: i64,
    exponent: i64,
}

impl Digits {
    fn read(text: &[u8], radix: u32) -> Option<Digits> {
        let mut found = Digits { digits: Vec::new(), fraction_count: 0, exponent: 0 };
        let (mut at, mut count, mut has_point) = (0, 0, false);
        while let Some(&byte) = text.get(at) {
            if let Some(digit) = char::from(byte).to_digit(radix) {
                count += 1;
                found.fraction_count += i64::from(has_point);
                if digit > 0 || !found.digits.is_empty() {
                    found.digits.push(u8::try_from(digit).ok()?);
                }
            } else if byte == b'.' && !has_point {
                has_point = true;
            } else {
                break;
            }
            at += 1;
        }
        if count == 0 {
            return None;
        }
        let marker = if radix == 16 { b'p' } else { b'e' };
        match text.get(at) {
            None => {}
            Some(byte) if byte.to_ascii_lowercase() == marker => {
                found.exponent = read_exponent(&text[at + 1..])?;
            }
            Some(_) => return None,
        }
        Some(found)
    }

    /// The number, and whether it was written as zero.
    fn decimal(self) -> Option<(LongDouble, bool)> {
        if self.digits.is_empty() {
            return Some((LongDouble::ZERO, true));
        }
        let exponent = self.exponent - self.fraction_count;
        let magnitude = exponent + i64::try_from(self.digits.len()).ok()?;
        // Beyond 10^4933 nothing is finite, below 10^-4951 everything is zero.
        if !(-5000..=5000).contains(&magnitude) {
            return None;
        }
        let mut numerator = Natural::from(0);
        self.digits.iter().for_each(|digit| numerator.multiply_add(10, u32::from(*digit)));
        let mut denominator = Natural::from(1);
        match usize::try_from(exponent) {
            Ok(exponent) => numerator.multiply_by_power_of_ten(exponent),
            Err(_) => {
                denominator.multiply_by_power_of_ten(usize::try_from(exponent.unsigned_abs()).ok()?)
            }
        }
        Some((quotient(numerator, denominator), false))
    }

    fn hexadecimal(self) -> Option<(LongDouble, bool)> {
        if self.digits.is_empty() {
            return Some((LongDouble::ZERO, true));
        }
        let exponent = self.exponent - 4 * self.fraction_count;
        let mut mantissa = 0u128;
        let mut dropped_bits = 0;
        for digit in &self.digits {
            if mantissa >> 120 == 0 {
                mantissa = mantissa << 4 | u128::from(*digit);
            } else {
                mantissa |= u128::from(*digit != 0);
                dropped_bits += 4;
            }
        }
        Some((rounded(false, mantissa, exponent + dropped_bits), false))
    }
}

/// A decimal exponent; one that no finite number has becomes a limit, so that it cannot overflow.
fn read_exponent(text: &[u8]) -> Option<i64> {
    const LIMIT: i64 = 1_000_000;
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude =
        digits.iter().fold(0, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(LIMIT));
    Some(if is_negative { -magnitude } else { magnitude })
}

/// The quotient of two numbers that are not zero, rounded once.
fn quotient(mut numerator: Natural, mut denominator: Natural) -> LongDouble {
    const QUOTIENT_BITS: usize = 70;
    // Scales so that numerator / denominator lies between 1/2 and 2, remembering by how much.
    let (top, bottom) = (numerator.bits(), denominator.bits());
    numerator.shift_left(bottom.saturating_sub(top));
    denominator.shift_left(top.saturating_sub(bottom));
    let mut bits = 0u128;
    for _ in 0..QUOTIENT_BITS {
        bits <<= 1;
        if numerator >= denominator {
            numerator.subtract(&denominator);
            bits |= 1;
        }
        numerator.shift_left(1);
    }
    // What is left decides between a half and more than a half.
    bits = bits << 1 | u128::from(numerator.bits() > 0);
    let scale = i64::try_from(top).unwrap_or(0) - i64::try_from(bottom).unwrap_or(0);
    rounded(false, bits, scale - (QUOTIENT_BITS as i64 - 1) - 1)
}

/// `wide` × 2^exponent, rounded to 64 bits of mantissa, or fewer for the smallest numbers.
fn rounded(is_negative: bool, wide: u128, exponent: i64) -> LongDouble {
    if wide == 0 {
        return LongDouble::Finite { is_negative, mantissa: 0, exponent: EXPONENT_MIN };
    }
    let bits = i64::from(u128::BITS - wide.leading_zeros());
    let mut drop = (bits - 64).max(EXPONENT_MIN - exponent);
    let mut mantissa = if drop > 0 {
        let kept = shift_right_sticky(wide, drop - 2);
        let (quotient, rest) = (kept >> 2, kept & 3);
        quotient + u128::from(rest == 3 || rest == 2 && quotient & 1 == 1)
    } else {
        drop = drop.max(bits - 64);
        wide << drop.unsigned_abs()
    };
    if mantissa >> 64 != 0 {
        // Rounding up carried into a new bit; the mantissa is a power of two.
        mantissa >>= 1;
        drop += 1;
    }
    match u64::try_from(mantissa) {
        Ok(mantissa) if exponent + drop <= EXPONENT_MAX => {
            LongDouble::Finite { is_negative, mantissa, exponent: exponent + drop }
        }
        _ => LongDouble::Infinite { is_negative },
    }
}

/// Shifts right, or left for a negative count; the lowest bit remembers whether anything was lost.
fn shift_right_sticky(wide: u128, count: i64) -> u128 {
    match u32::try_from(count) {
        Err(_) => wide << count.unsigned_abs().min(127),
        Ok(0) => wide,
        Ok(count) if count >= u128::BITS => u128::from(wide != 0),
        Ok(count) => wide >> count | u128::from(wide << (u128::BITS - count) != 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(a: &str, b: &str) -> Option<String> {
        LongDouble::parse(a.as_bytes())?.add(LongDouble::parse(b.as_bytes())?).to_text()
    }

    #[test]
    fn sums_are_those_of_80_bits() {
        let table = [
            ("0.1", "0.2", "0.3"),
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("1", "-1", "0"),
            ("-0", "0", "0"),
            ("3", "1.1", "4.1"),
            ("0x1p-1", "0", "0.5"),
            ("1e17", "0.1", "100000000000000000.1015625"),
            ("18446744073709551615", "1", "18446744073709551616"),
            ("1e-18", "0", "0"),
            ("-6e-18", "0", "-0.00000000000000001"),
            ("1e20", "1", "100000000000000000000"),
        ];
        for (a, b, expect) in table {
            assert_eq!(sum(a, b).as_deref(), Some(expect), "{a} + {b}");
            assert_eq!(sum(b, a).as_deref(), Some(expect), "{b} + {a}");
        }
    }

    #[test]
    fn texts_that_are_no_numbers_are_refused() {
        for text in
            ["", " 1", "1 ", "abc", "nan", "1e", "0x", ".", "1e5000", "1e-6000", "--1", "1.2.3"]
        {
            assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(sum("inf", "1"), None);
        assert_eq!(sum("inf", "-inf"), None);
    }
}
