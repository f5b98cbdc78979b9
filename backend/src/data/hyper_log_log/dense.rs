//! Registers of six bits side by side, each beginning at the lowest bit that is free.

use crate::data::hyper_log_log::REGISTERS;

const BITS: usize = 6;

/// Bytes of all registers.
pub(super) const BYTES: usize = REGISTERS * BITS / 8;

const VALUE_MAX: u8 = (1 << BITS) - 1;

/// Lets a register be at least so much. Whether it was less.
pub(super) fn raise(registers: &mut [u8], index: usize, value: u8) -> bool {
    let (at, shift) = (index * BITS / 8, index * BITS % 8);
    // The byte behind the last register is never needed.
    let both = |registers: &[u8]| {
        u16::from_le_bytes([registers[at], registers.get(at + 1).copied().unwrap_or(0)])
    };
    let old = both(registers) >> shift & u16::from(VALUE_MAX);
    if old >= u16::from(value) {
        return false;
    }
    let cleared = both(registers) & !(u16::from(VALUE_MAX) << shift);
    let [low, high] = (cleared | u16::from(value) << shift).to_le_bytes();
    registers[at] = low;
    if let Some(byte) = registers.get_mut(at + 1) {
        *byte = high;
    }
    true
}

/// All registers in their order. Three bytes hold four of them.
pub(super) fn for_each(registers: &[u8], mut tell: impl FnMut(usize, u8)) {
    for (group, bytes) in registers.as_chunks::<3>().0.iter().enumerate() {
        let [a, b, c] = *bytes;
        let values = [a, a >> 6 | b << 2, b >> 4 | c << 4, c >> 2];
        for (offset, value) in values.into_iter().enumerate() {
            tell(group * values.len() + offset, value & VALUE_MAX);
        }
    }
}
