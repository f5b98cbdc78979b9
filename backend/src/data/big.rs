//! Natural numbers of any size: only what reading and writing long decimal fractions takes.
//!
//! Invariant: the last limb is not zero; zero has no limbs.

use std::cmp::Ordering;

/// A natural number; limbs of 32 bits, the lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Natural(Vec<u32>);

impl From<u64> for Natural {
    #[expect(clippy::cast_possible_truncation, reason = "cut into two halves")]
    fn from(number: u64) -> Natural {
        let mut natural = Natural(vec![number as u32, (number >> 32) as u32]);
        natural.trim();
        natural
    }
}

impl Natural {
    /// How many bits it takes; 0 for zero.
    pub(crate) fn bits(&self) -> usize {
        let top = self.0.last().map_or(0, |limb| limb.leading_zeros() as usize);
        self.0.len() * 32 - top
    }

    /// Multiplies by a number and adds another one.
    #[expect(clippy::cast_possible_truncation, reason = "the carry keeps what is cut off")]
    pub(crate) fn multiply_add(&mut self, factor: u32, summand: u32) {
        let mut carry = u64::from(summand);
        for limb in &mut self.0 {
            let product = u64::from(*limb) * u64::from(factor) + carry;
            *limb = product as u32;
            carry = product >> 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
        self.trim();
    }

    /// Multiplies by 10 to the power of `exponent`.
    pub(crate) fn multiply_by_power_of_ten(&mut self, exponent: usize) {
        (0..exponent / 9).for_each(|_| self.multiply_add(1_000_000_000, 0));
        (0..exponent % 9).for_each(|_| self.multiply_add(10, 0));
    }

    /// Multiplies by 2 to the power of `count`.
    pub(crate) fn shift_left(&mut self, count: usize) {
        if self.0.is_empty() {
            return;
        }
        let zeros = std::iter::repeat_n(0, count / 32);
        self.0.splice(0..0, zeros);
        self.multiply_add(1 << (count % 32), 0);
    }

    /// Divides by 2 to the power of `count`, rounding to the nearest, halves to even.
    pub(crate) fn shift_right_rounding(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        let half = self.bit(count - 1);
        let is_more = (0..count - 1).any(|index| self.bit(index));
        self.0.drain(..(count / 32).min(self.0.len()));
        let rest = count % 32;
        if rest > 0 {
            let mut carry = 0;
            for limb in self.0.iter_mut().rev() {
                let low = *limb << (32 - rest);
                *limb = *limb >> rest | carry;
                carry = low;
            }
        }
        self.trim();
        if half && (is_more || self.bit(0)) {
            self.increment();
        }
    }

    /// Subtracts a number that is not larger.
    #[expect(clippy::cast_possible_truncation, reason = "the borrow keeps what is cut off")]
    pub(crate) fn subtract(&mut self, other: &Natural) {
        let mut borrow = 0;
        for (index, limb) in self.0.iter_mut().enumerate() {
            let minus = u64::from(other.0.get(index).copied().unwrap_or(0)) + borrow;
            let plus = u64::from(*limb) + (1 << 32);
            *limb = (plus - minus) as u32;
            borrow = u64::from(plus - minus < 1 << 32);
        }
        self.trim();
    }

    /// The number in decimal digits; `0` for zero.
    pub(crate) fn to_decimal(&self) -> String {
        let mut rest = self.0.clone();
        let mut groups = Vec::new();
        while !rest.is_empty() {
            let mut remainder = 0u64;
            for limb in rest.iter_mut().rev() {
                let dividend = remainder << 32 | u64::from(*limb);
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a quotient by more than the remainder"
                )]
                {
                    *limb = (dividend / 1_000_000_000) as u32;
                }
                remainder = dividend % 1_000_000_000;
            }
            while rest.last() == Some(&0) {
                rest.pop();
            }
            groups.push(remainder);
        }
        let mut text = groups.pop().unwrap_or(0).to_string();
        for group in groups.iter().rev() {
            text.push_str(&format!("{group:09}"));
        }
        text
    }

    fn bit(&self, index: usize) -> bool {
        self.0.get(index / 32).is_some_and(|limb| limb >> (index % 32) & 1 == 1)
    }

    fn increment(&mut self) {
        for limb in &mut self.0 {
            *limb = limb.wrapping_add(1);
            if *limb != 0 {
                return;
            }
        }
        self.0.push(1);
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

impl PartialOrd for Natural {
    fn partial_cmp(&self, other: &Natural) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Natural {
    fn cmp(&self, other: &Natural) -> Ordering {
        let by_len = self.0.len().cmp(&other.0.len());
        by_len.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_agrees_with_128_bits() {
        for (a, shift) in [(1u64, 0), (12345, 33), (u64::MAX, 64), (1 << 40, 31), (0, 5)] {
            let mut natural = Natural::from(a);
            natural.shift_left(shift);
            let wide = u128::from(a) << shift;
            assert_eq!(natural.to_decimal(), wide.to_string());
            natural.multiply_add(1, 0);
            natural.shift_right_rounding(shift);
            assert_eq!(natural.to_decimal(), a.to_string());
        }
        let mut power = Natural::from(7);
        power.multiply_by_power_of_ten(20);
        assert_eq!(power.to_decimal(), "700000000000000000000");
        power.subtract(&Natural::from(1));
        assert_eq!(power.to_decimal(), "699999999999999999999");
    }

    #[test]
    fn halves_round_to_even() {
        for (number, expect) in [(5u64, "2"), (7, "4"), (6, "3"), (1, "0"), (3, "2")] {
            let mut natural = Natural::from(number);
            natural.shift_right_rounding(1);
            assert_eq!(natural.to_decimal(), expect, "{number}/2");
        }
    }
}
