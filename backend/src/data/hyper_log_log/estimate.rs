//! From registers to a number.
//!
//! Source: Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6,
//! <https://arxiv.org/abs/1702.01284>.

use crate::data::hyper_log_log::{COUNTED_BITS, REGISTERS};

/// Registers in full, to merge several HyperLogLogs in.
pub(crate) struct Registers(Box<[u8; REGISTERS]>);

impl Default for Registers {
    fn default() -> Registers {
        Registers(Box::new([0; REGISTERS]))
    }
}

impl Registers {
    pub(super) fn raise(&mut self, index: usize, value: u8) {
        let register = &mut self.0[index];
        *register = value.max(*register);
    }

    /// How many different elements they have seen.
    pub(crate) fn estimate(&self) -> u64 {
        let mut histogram = Histogram::default();
        self.0.iter().for_each(|value| histogram.add(*value, 1));
        histogram.estimate()
    }

    /// Those that are not zero, with their indexes.
    pub(crate) fn filled(&self) -> impl Iterator<Item = (usize, u8)> {
        self.0.iter().copied().enumerate().filter(|(_, value)| *value > 0)
    }
}

/// How many registers have which value.
pub(super) struct Histogram([u32; 64]);

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram([0; 64])
    }
}

impl Histogram {
    /// Counts so many registers with a value. Values have six bits.
    #[inline]
    pub(super) fn add(&mut self, value: u8, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let total = &mut self.0[usize::from(value & 0x3f)];
        *total = total.saturating_add(count);
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "not negative; what is too large becomes the largest number"
    )]
    pub(super) fn estimate(&self) -> u64 {
        let counted_bits = COUNTED_BITS as usize;
        let m = REGISTERS as f64;
        let full = f64::from(self.0[counted_bits + 1]);
        let mut z = m * tau((m - full) / m);
        for value in (1..=counted_bits).rev() {
            z = (z + f64::from(self.0[value])) * 0.5;
        }
        z += m * sigma(f64::from(self.0[0]) / m);
        (ALPHA * m * m / z).round() as u64
    }
}

/// 1 / (2 ln 2)
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// What registers that are still zero contribute.
#[expect(clippy::float_cmp, reason = "summed up until nothing changes any more")]
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if before == z {
            return z;
        }
    }
}

/// What registers at their largest value take away.
#[expect(clippy::float_cmp, reason = "summed up until nothing changes any more")]
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if before == z {
            return z / 3.0;
        }
    }
}
