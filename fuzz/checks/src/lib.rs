//! What must hold of any bytes that arrive from a socket or a file, one check for each place that reads them.
//!
//! A check takes an input and panics when it finds a fault.
//! libFuzzer drives it from `fuzz/fuzz_targets/`, the test `replay` of this crate from `fuzz/seeds/`.

pub mod request;

pub mod inline;

pub mod reply;

pub mod plan;

pub mod restore;

pub mod listpack;

pub mod intset;

pub mod stream_node;

pub mod hyper_log_log;

pub mod bus_message;

pub mod script;

pub mod script_data;

pub mod data_file;

pub mod manifest;

pub mod append_only;

pub mod primary;

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
    Check { name: "restore", check: restore::check },
    Check { name: "listpack", check: listpack::check },
    Check { name: "intset", check: intset::check },
    Check { name: "stream_node", check: stream_node::check },
    Check { name: "hyper_log_log", check: hyper_log_log::check },
    Check { name: "bus_message", check: bus_message::check },
    Check { name: "script", check: script::check },
    Check { name: "script_data", check: script_data::check },
    Check { name: "data_file", check: data_file::check },
    Check { name: "manifest", check: manifest::check },
    Check { name: "append_only", check: append_only::check },
    Check { name: "primary", check: primary::check },
];

/// Sizes in bytes of the pieces in which an input arrives, beside arriving whole.
const PIECES_BYTES: [usize; 3] = [1, 3, 16];
