//! Which random scripts are to be run: always the same ones, unless the environment asks for others.
//!
//! `COMPAT_SEED` is the seed of the first script, or `clock`; `COMPAT_SCRIPTS` says how many scripts each family gets,
//! `COMPAT_FAMILY` names the only family.

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::family::{FAMILIES, Family};

/// The seed of the first script, and how many there are to be, each with the seed behind the last one's.
pub fn seed_and_count(otherwise: u64) -> (u64, u64) {
    let number_of = |name| env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.subsec_nanos());
    let is_by_clock = env::var("COMPAT_SEED").is_ok_and(|seed| seed == "clock");
    // The same scripts every time, unless somebody is looking for new differences.
    let first = if is_by_clock { clock().into() } else { number_of("COMPAT_SEED").unwrap_or(2) };
    (first, number_of("COMPAT_SCRIPTS").unwrap_or(otherwise))
}

/// The families to take commands from.
pub fn families() -> impl Iterator<Item = &'static Family> {
    let only = env::var("COMPAT_FAMILY").ok();
    FAMILIES.iter().filter(move |family| only.as_deref().is_none_or(|only| only == family.name))
}
