//! What must hold of any bytes that arrive from a socket or a file, one check for each place that reads them.
//!
//! A check takes an input and panics when it finds a fault.
//! libFuzzer drives it from `fuzz/fuzz_targets/`, the test `replay` of this crate from `fuzz/seeds/`.

pub mod request;

pub mod inline;

pub mod reply;

pub mod plan;

/// One check under its name, which its folder of seeds and its target of libFuzzer bear, too.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The module's name.
    pub name: &'static str,
    /// Panics when the input shows a fault.
    pub check: fn(&[u8]),
}

/// All of them.
pub const CHECKS: &[Check] = &[
    Check { name: "request", check: request::check },
    Check { name: "inline", check: inline::check },
    Check { name: "reply", check: reply::check },
    Check { name: "plan", check: plan::check },
];

/// Sizes in bytes of the pieces in which an input arrives, beside arriving whole.
const PIECES_BYTES: [usize; 3] = [1, 3, 16];
