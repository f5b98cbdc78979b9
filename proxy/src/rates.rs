//! How many commands a client address and a user may run: a bucket for each, shared by all workers.
//!
//! In: a client's address and user. Out: an [`Allowance`], from which each command of the client takes. All connections
//! of one address share its bucket, whichever workers serve them.
//!
//! The table of addresses is bounded. What goes out of it are buckets that no connected client takes from: first those
//! that are full, which differ in nothing from new ones, then all. Should there still be no room, new addresses share
//! one bucket. Of an IPv6 address the first 64 bits count, since whoever has one has all that begin so.
//!
//! Not here: clocks, sessions, what becomes of a client that runs too much.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::config::rates::RatesConfig;
use crate::metrics::label::Limit;
use crate::token_bucket::{Rate, SharedBucket};

/// The bits of an IPv6 address that name a network and not a machine in it.
const NETWORK_BITS: u128 = !0 << 64;

/// The buckets of all addresses and users.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    addresses: Mutex<HashMap<IpAddr, Arc<SharedBucket>>>,
    /// Of all addresses that found no room.
    others: Arc<SharedBucket>,
    /// Of the one user there is.
    user: Arc<SharedBucket>,
}

/// What the commands of one client take from.
#[derive(Clone, Debug)]
pub(crate) struct Allowance {
    address: Arc<SharedBucket>,
    user: Arc<SharedBucket>,
}

/// A client has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooFast {
    /// How long.
    pub(crate) wait: Duration,
    /// For which limit.
    pub(crate) limit: Limit,
}

impl Rates {
    /// What a client takes from that connects from this address.
    pub(crate) fn allowance(&self, addr: IpAddr, now_ns: u64, addresses_max: usize) -> Allowance {
        let network = network_of(addr);
        // The table is whole after each step, so a thread that died while it held the lock left nothing half done.
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if addresses.len() >= addresses_max && !addresses.contains_key(&network) {
            let is_used = |bucket: &Arc<SharedBucket>| Arc::strong_count(bucket) > 1;
            addresses.retain(|_, bucket| is_used(bucket) || !bucket.is_full(now_ns));
            // Going through all of it must leave room for many, lest every newcomer has to.
            if addresses.len() > addresses_max / 2 {
                addresses.retain(|_, bucket| is_used(bucket));
            }
        }
        let address = if addresses.len() < addresses_max || addresses.contains_key(&network) {
            Arc::clone(addresses.entry(network).or_default())
        } else {
            Arc::clone(&self.others)
        };
        Allowance { address, user: Arc::clone(&self.user) }
    }
}

impl Allowance {
    /// Takes for one command.
    ///
    /// # Errors
    /// Too many were run; nothing is taken.
    pub(crate) fn take(&self, now_ns: u64, config: &RatesConfig) -> Result<(), TooFast> {
        let address_rate = Rate::new(config.address_commands_per_second, config.address_burst);
        if let Some(rate) = address_rate {
            let limit = Limit::AddressCommands;
            self.address.take(now_ns, rate).map_err(|wait| TooFast { wait, limit })?;
        }
        let Some(rate) = Rate::new(config.user_commands_per_second, config.user_burst) else {
            return Ok(());
        };
        self.user.take(now_ns, rate).map_err(|wait| {
            address_rate.into_iter().for_each(|rate| self.address.give_back(rate));
            TooFast { wait, limit: Limit::UserCommands }
        })
    }
}

fn network_of(addr: IpAddr) -> IpAddr {
    match addr.to_canonical() {
        IpAddr::V4(addr) => IpAddr::V4(addr),
        IpAddr::V6(addr) => IpAddr::V6(Ipv6Addr::from_bits(addr.to_bits() & NETWORK_BITS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(address: u32, user: u32) -> RatesConfig {
        RatesConfig {
            address_commands_per_second: address,
            address_burst: 2,
            user_commands_per_second: user,
            user_burst: 3,
            addresses_max: 4,
        }
    }

    fn addr(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn connections_of_one_address_share_and_others_do_not() {
        let (rates, config) = (Rates::default(), config(1, 0));
        let one = rates.allowance(addr("10.0.0.1"), 0, 4);
        let same = rates.allowance(addr("::ffff:10.0.0.1"), 0, 4);
        let other = rates.allowance(addr("10.0.0.2"), 0, 4);
        assert_eq!((one.take(0, &config), same.take(0, &config)), (Ok(()), Ok(())));
        let wait = Duration::from_secs(1);
        assert_eq!(one.take(0, &config), Err(TooFast { wait, limit: Limit::AddressCommands }));
        assert_eq!(other.take(0, &config), Ok(()));
    }

    #[test]
    fn what_the_user_may_not_run_is_not_counted_for_the_address() {
        let (rates, config) = (Rates::default(), config(1, 1));
        let one = rates.allowance(addr("fd00::1"), 0, 4);
        let neighbour = rates.allowance(addr("fd00::2"), 0, 4);
        let other = rates.allowance(addr("fd00:0:0:1::1"), 0, 4);
        assert_eq!((one.take(0, &config), neighbour.take(0, &config)), (Ok(()), Ok(())));
        assert_eq!(other.take(0, &config), Ok(()));
        let refused = other.take(0, &config).unwrap_err();
        assert_eq!(refused.limit, Limit::UserCommands);
        let later_ns = 1_000_000_000;
        assert_eq!(other.take(later_ns, &config), Ok(()));
    }

    #[test]
    fn the_table_of_addresses_is_bounded() {
        let (rates, config) = (Rates::default(), config(1, 0));
        let connected: Vec<Allowance> =
            (0..3).map(|n| rates.allowance(addr(&format!("10.0.0.{n}")), 0, 4)).collect();
        connected[0].take(0, &config).unwrap();
        connected[0].take(0, &config).unwrap();
        for n in 0..100 {
            rates.allowance(addr(&format!("10.0.1.{n}")), 0, 4).take(0, &config).unwrap();
        }
        assert!(rates.addresses.lock().unwrap().len() <= 4);
        let again = rates.allowance(addr("10.0.0.0"), 0, 4);
        assert!(again.take(0, &config).is_err(), "the connected are not forgotten");
        let all: Vec<Allowance> =
            (0..9).map(|n| rates.allowance(addr(&format!("10.0.2.{n}")), 0, 4)).collect();
        let taken = all.iter().filter(|allowance| allowance.take(0, &config).is_ok());
        assert_eq!(taken.count(), 3, "one address of its own, and two commands for all others");
    }
}
