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
#[derive(Debug)]
pub struct Family {
    /// How it is called in a failure.
    pub name: &'static str,
    /// Directives that are set on both servers first, with their values: low thresholds, so that scripts cross them.
    pub settings: &'static [(&'static str, &'static str)],
    /// The forms of its commands; one that stands twice comes twice as often.
    pub commands: &'static [&'static [Arg]],
}

/// All of them.
pub const FAMILIES: &[Family] = &[
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
