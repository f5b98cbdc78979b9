//! Settings by which rigs slow the node down, to look at what is otherwise over too soon.

use crate::config::Values;
use crate::data::pace::Pace;

/// What takes longer than it has to, and how large the portions are in which it is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rigs {
    /// The wait after each key that is saved.
    pub(crate) saving: Pace,
    /// The wait after each key that is read, and after each command of an append-only file.
    pub(crate) loading: Pace,
    /// Bytes read between two looks at clients.
    pub(crate) slice_bytes: u64,
}

impl Rigs {
    pub(in crate::config) fn read(values: &Values) -> Rigs {
        Rigs {
            saving: Pace::of(values.number("rdb-key-save-delay")),
            loading: Pace::of(values.number("key-load-delay")),
            slice_bytes: values.number("loading-process-events-interval-bytes"),
        }
    }
}
