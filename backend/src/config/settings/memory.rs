//! How much memory may be used, and what is done to stay within.

use std::time::Duration;

use crate::config::Values;
use crate::config::directive::Setting;
use crate::data::keyspace::Frees;
use crate::data::keyspace::sample::Among;
use crate::data::lazy_free::Freeing;
use crate::data::usage::{Frequencies, Told};

/// The limits of memory.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    /// For everything that is counted, in bytes; 0 for no limit.
    pub(crate) bytes_max: usize,
    /// Which keys go to stay within; `None` for none.
    pub(crate) policy: Option<Policy>,
    /// Keys that are looked at for one to go (count), for each database.
    pub(crate) samples: usize,
    /// How long one command may take to make room; `None` for as long as it takes.
    pub(crate) effort: Option<Duration>,
    pub(crate) frequencies: Frequencies,
    /// A replica leaves it to its primary to stay within.
    pub(crate) is_left_to_primary: bool,
    /// For all clients together, in bytes; 0 for no limit.
    pub(crate) clients_bytes_max: usize,
    pub(crate) lazy: Lazy,
}

/// Which keys go to make room for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) among: Among,
    pub(crate) first: First,
}

/// Which of the keys that were looked at goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// `lru`
    LongestUnused,
    /// `lfu`
    SeldomUsed,
    /// `random`
    Any,
    /// `ttl`
    SoonestExpiring,
}

impl Policy {
    /// All policies but `noeviction`, by name.
    const NAMED: [(&'static str, Policy); 7] = [
        ("volatile-lru", Policy::new(Among::Volatile, First::LongestUnused)),
        ("volatile-lfu", Policy::new(Among::Volatile, First::SeldomUsed)),
        ("volatile-random", Policy::new(Among::Volatile, First::Any)),
        ("volatile-ttl", Policy::new(Among::Volatile, First::SoonestExpiring)),
        ("allkeys-lru", Policy::new(Among::All, First::LongestUnused)),
        ("allkeys-lfu", Policy::new(Among::All, First::SeldomUsed)),
        ("allkeys-random", Policy::new(Among::All, First::Any)),
    ];

    const fn new(among: Among, first: First) -> Policy {
        Policy { among, first }
    }

    fn of_name(name: &str) -> Option<Policy> {
        Policy::NAMED.iter().find(|(named, _)| *named == name).map(|(_, policy)| *policy)
    }
}

/// What is freed by a thread beside the node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lazy {
    /// Keys that go to make room.
    pub(crate) evicted: Freeing,
    /// Keys whose time has come, and values in whose place others come.
    pub(crate) frees: Frees,
    /// What `DEL` removes.
    pub(crate) removed: Freeing,
    /// What `FLUSHALL` and `FLUSHDB` remove where they do not say.
    pub(crate) flushed: Freeing,
    /// What a replica had before it got a full copy.
    pub(crate) outdated: Freeing,
}

impl Memory {
    pub(super) fn read(values: &Values) -> Memory {
        let bytes_max = values.number("maxmemory");
        let lazy = |name| Freeing::of_lazy(values.flag(name));
        Memory {
            bytes_max,
            policy: Policy::of_name(values.text("maxmemory-policy")),
            samples: values.number("maxmemory-samples"),
            effort: effort(values.number("maxmemory-eviction-tenacity")),
            frequencies: Frequencies {
                log_factor: values.number("lfu-log-factor"),
                decay_minutes: values.number("lfu-decay-time"),
            },
            is_left_to_primary: values.flag("replica-ignore-maxmemory"),
            clients_bytes_max: clients_bytes_max(values.value("maxmemory-clients"), bytes_max),
            lazy: Lazy {
                evicted: lazy("lazyfree-lazy-eviction"),
                frees: Frees {
                    expired: lazy("lazyfree-lazy-expire"),
                    replaced: lazy("lazyfree-lazy-server-del"),
                },
                removed: lazy("lazyfree-lazy-user-del"),
                flushed: lazy("lazyfree-lazy-user-flush"),
                outdated: lazy("replica-lazy-flush"),
            },
        }
    }

    /// Whether keys go by how often they are used.
    pub(crate) fn counts_uses(&self) -> bool {
        self.policy.is_some_and(|policy| policy.first == First::SeldomUsed)
    }

    /// What snapshots tell of how keys are used: what the policy goes by.
    ///
    /// Source: redis `src/rdb.c` rdbSaveKeyValuePair.
    pub(crate) fn told_in_files(&self) -> Told {
        match self.policy.map(|policy| policy.first) {
            Some(First::LongestUnused) => Told::IdleTimes,
            Some(First::SeldomUsed) => Told::Frequencies(self.frequencies),
            Some(First::Any | First::SoonestExpiring) | None => Told::Nothing,
        }
    }

    /// The policy's name.
    pub(crate) fn policy_name(&self) -> &'static str {
        let named = Policy::NAMED.iter().find(|(_, policy)| Some(*policy) == self.policy);
        named.map_or("noeviction", |(name, _)| name)
    }
}

/// The time for a tenacity of 0 to 100: at first it grows by steps, then by factors, and in the end it has no bound.
///
/// Source: redis `src/evict.c` evictionTimeLimitUs.
fn effort(tenacity: u32) -> Option<Duration> {
    const STEP: Duration = Duration::from_micros(50);
    const STEPS: u32 = 10;
    const FACTOR: f64 = 1.15;
    match tenacity {
        ..STEPS => Some(STEP * tenacity),
        STEPS..100 => {
            let growth = FACTOR.powi(i32::try_from(tenacity - STEPS).unwrap_or(i32::MAX));
            Some((STEP * STEPS).mul_f64(growth))
        }
        _ => None,
    }
}

/// The bytes of a number, or of a share of the whole.
///
/// Source: redis `src/networking.c` getClientEvictionLimit.
fn clients_bytes_max(setting: &Setting, bytes_max: usize) -> usize {
    /// With less, nobody could talk to the node to change it.
    const MIN: usize = 128 * 1024;
    let bytes = match setting {
        Setting::Integer(bytes) => usize::try_from(*bytes).unwrap_or(0),
        Setting::Text(share) => {
            let percent = share.trim_end_matches('%').parse().unwrap_or(0);
            usize::try_from(bytes_max as u128 * percent / 100).unwrap_or(usize::MAX)
        }
        Setting::Flag(_) => 0,
    };
    if bytes == 0 { 0 } else { bytes.max(MIN) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenacity_becomes_time() {
        for (tenacity, us) in [(0, 0), (1, 50), (10, 500), (11, 575), (20, 2022), (99, 126_205_358)]
        {
            let effort = effort(tenacity).unwrap();
            let off = effort.as_micros().abs_diff(us);
            assert!(off <= us / 1000, "{tenacity}: {effort:?}");
        }
        assert_eq!(effort(100), None);
    }

    #[test]
    fn clients_may_have_a_share_of_all_memory() {
        let limit =
            |text: &str, bytes_max| clients_bytes_max(&Setting::Text(text.into()), bytes_max);
        assert_eq!(limit("5%", 100 << 20), 5 << 20);
        assert_eq!(limit("5%", 1 << 20), 128 * 1024);
        assert_eq!((limit("5%", 0), limit("0%", 1 << 30)), (0, 0));
        assert_eq!(clients_bytes_max(&Setting::Integer(1), 0), 128 * 1024);
    }
}
