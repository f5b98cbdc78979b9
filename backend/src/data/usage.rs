//! How keys are used, in 32 bits each: when last, or how often.
//!
//! | kept | bits | what |
//! |---|---|---|
//! | time of the last use | 32 | seconds since 1970 |
//! | frequency | 24, 8 | minutes since 1970 when it was last brought up to date; a counter |
//!
//! The counter grows with the logarithm of the uses: from [`FREQUENCY_NEW`] on, the chance that one more use counts is
//! one to the counter's excess times a factor. It falls by one for each period that has passed.
//! Both are read out of the same bits, so after a change from one to the other a key tells nonsense until it is used.
//!
//! Source: redis `src/evict.c` LFULogIncr, LFUDecrAndReturn.

use crate::data::random::Random;

/// What is kept of one key's use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage(u32);

/// The counter of a key that has just come. Source: redis `src/server.h` LFU_INIT_VAL.
const FREQUENCY_NEW: u8 = 5;

/// What is told of a key's use before it came here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PastUse {
    /// Seconds since the last use.
    pub(crate) idle_s: Option<u64>,
    pub(crate) frequency: Option<u8>,
}

impl PastUse {
    /// As it is kept here, if it was told in that way.
    pub(crate) fn usage(self, now_ms: i64, frequencies: Option<Frequencies>) -> Option<Usage> {
        match frequencies {
            None => self.idle_s.map(|idle_s| Usage::idle_for(idle_s, now_ms)),
            Some(_) => self.frequency.map(|counter| Usage::with_frequency(counter, now_ms)),
        }
    }
}

/// What a file tells of how keys are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Nothing,
    IdleTimes,
    Frequencies(Frequencies),
}

/// How frequencies grow and fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frequencies {
    /// The larger, the more uses it takes to reach the same counter; 0 counts every use.
    pub(crate) log_factor: u32,
    /// Minutes after which a counter falls by one; 0 for never.
    pub(crate) decay_minutes: u32,
}

impl Usage {
    /// Used now.
    #[inline]
    pub(crate) fn at(now_ms: i64) -> Usage {
        Usage(seconds(now_ms))
    }

    /// Used that long ago. A Redis keeps times of use in 24 bits of seconds; what lies before their beginning counts as
    /// half their range.
    fn idle_for(idle_s: u64, now_ms: i64) -> Usage {
        const CLOCK_MAX: u32 = (1 << 24) - 1;
        let now_s = seconds(now_ms);
        let idle_s = u32::try_from(idle_s).ok().filter(|idle_s| *idle_s <= now_s & CLOCK_MAX);
        Usage(now_s.wrapping_sub(idle_s.unwrap_or(CLOCK_MAX / 2 + 1)))
    }

    /// Seconds since the last use.
    pub(crate) fn idle_s(self, now_ms: i64) -> u32 {
        seconds(now_ms).wrapping_sub(self.0)
    }

    /// With this counter now.
    fn with_frequency(counter: u8, now_ms: i64) -> Usage {
        Usage(minutes(now_ms) << u8::BITS | u32::from(counter))
    }

    /// As a key has it that has just come.
    pub(crate) fn new_frequency(now_ms: i64) -> Usage {
        Usage::with_frequency(FREQUENCY_NEW, now_ms)
    }

    /// The counter, as far as it has fallen by now.
    pub(crate) fn frequency(self, now_ms: i64, frequencies: Frequencies) -> u8 {
        let [counter, ..] = self.0.to_le_bytes();
        let elapsed = minutes(now_ms).wrapping_sub(self.0 >> u8::BITS) & MINUTES_MASK;
        let periods = elapsed.checked_div(frequencies.decay_minutes).unwrap_or(0);
        counter.saturating_sub(u8::try_from(periods).unwrap_or(u8::MAX))
    }

    /// Used once more.
    pub(crate) fn count_use(
        self,
        now_ms: i64,
        frequencies: Frequencies,
        random: &mut Random,
    ) -> Usage {
        let counter = self.frequency(now_ms, frequencies);
        let excess = u64::from(counter.saturating_sub(FREQUENCY_NEW));
        let chances = excess * u64::from(frequencies.log_factor) + 1;
        let counts = usize::try_from(chances).is_ok_and(|chances| random.below(chances) == 0);
        Usage::with_frequency(counter.saturating_add(u8::from(counts)), now_ms)
    }

    /// The bits, for people.
    pub(crate) fn bits(self) -> u32 {
        self.0
    }
}

/// The bits of a time in minutes.
const MINUTES_MASK: u32 = u32::MAX >> u8::BITS;

/// The clock by which uses are noted. It wraps after 136 years.
#[inline]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "wraps, as documented")]
fn seconds(now_ms: i64) -> u32 {
    (now_ms as u64 / 1000) as u32
}

fn minutes(now_ms: i64) -> u32 {
    seconds(now_ms) / 60
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_700_000_000_000;
    const MINUTE_MS: i64 = 60_000;

    #[test]
    fn a_counter_falls_by_one_for_each_period() {
        let frequencies = Frequencies { log_factor: 10, decay_minutes: 2 };
        let usage = Usage::with_frequency(100, NOW_MS);
        for (minutes, counter) in [(0, 100), (1, 100), (3, 99), (20, 90), (198, 1), (400, 0)] {
            let now_ms = NOW_MS + minutes * MINUTE_MS;
            assert_eq!(usage.frequency(now_ms, frequencies), counter, "{minutes} minutes");
        }
        let forever = Frequencies { decay_minutes: 0, ..frequencies };
        assert_eq!(usage.frequency(NOW_MS + 1_000_000 * MINUTE_MS, forever), 100);
    }

    /// The table of redis.conf: what the counter comes to after so many uses.
    #[test]
    fn a_counter_grows_with_the_logarithm_of_the_uses() {
        for (log_factor, uses, low, high) in
            [(0, 300, 255, 255), (1, 1000, 40, 58), (10, 1000, 14, 22), (100, 1000, 7, 13)]
        {
            let frequencies = Frequencies { log_factor, decay_minutes: 1 };
            let mut random = Random::from_seed(3);
            let mut usage = Usage::new_frequency(NOW_MS);
            (0..uses).for_each(|_| usage = usage.count_use(NOW_MS, frequencies, &mut random));
            let counter = usage.frequency(NOW_MS, frequencies);
            assert!((low..=high).contains(&counter), "factor {log_factor}: {counter}");
        }
    }

    #[test]
    fn idle_time_is_what_has_passed_since_the_last_use() {
        assert_eq!(Usage::at(NOW_MS).idle_s(NOW_MS + 5 * MINUTE_MS), 300);
        assert_eq!(Usage::idle_for(40, NOW_MS).idle_s(NOW_MS), 40);
        assert_eq!(Usage::idle_for(1 << 30, NOW_MS).idle_s(NOW_MS), 1 << 23);
    }
}
