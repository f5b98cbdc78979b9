//! The families of commands that random scripts are made of, one file each.

mod hashes;

mod picks;

mod sets;

mod lists;

mod sort;

mod sorted_sets;

mod streams;

mod hyper_log_log;

mod geo;

mod strings;

use crate::grammar::Arg;

/// One family.
pub(crate) struct Family {
    /// How it is called in a failure.
    pub(crate) name: &'static str,
    /// Directives that are set on both servers first, with their values: low thresholds, so that scripts cross them.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    /// The forms of its commands; one that stands twice comes twice as often.
    pub(crate) commands: &'static [&'static [Arg]],
}

/// All of them.
pub(crate) const FAMILIES: &[Family] = &[
    strings::FAMILY,
    hashes::FAMILY,
    sets::FAMILY,
    picks::FAMILY,
    lists::FAMILY,
    sort::FAMILY,
    sort::SORTED_SETS,
    sorted_sets::FAMILY,
    sorted_sets::BY_NAME,
    streams::FAMILY,
    hyper_log_log::FAMILY,
    geo::FAMILY,
];
