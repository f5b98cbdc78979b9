//! How fast clients may be: section `rates`.

use serde::Serialize;

use super::reader::Reader;

/// Section `rates`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RatesConfig {
    /// Commands that clients of one address may run in a second; zero: as many as they like.
    pub address_commands_per_second: u32,
    /// Commands that they may run at once after a pause.
    pub address_burst: u32,
    /// Commands that clients of one user may run in a second; zero: as many as they like.
    pub user_commands_per_second: u32,
    /// Commands that they may run at once after a pause.
    pub user_burst: u32,
    /// Addresses that are told apart.
    pub addresses_max: usize,
}

impl RatesConfig {
    pub(super) fn read(reader: &mut Reader) -> RatesConfig {
        let mut count = |key, least| reader.count(key, "commands", least..=1_000_000_000);
        RatesConfig {
            address_commands_per_second: count("rates.address_commands_per_second", 0),
            address_burst: count("rates.address_burst", 1),
            user_commands_per_second: count("rates.user_commands_per_second", 0),
            user_burst: count("rates.user_burst", 1),
            addresses_max: reader.size("rates.addresses_max", "addresses", 16..=1 << 24),
        }
    }

    /// Whether there is any.
    pub fn is_any(&self) -> bool {
        self.address_commands_per_second != 0 || self.user_commands_per_second != 0
    }
}
