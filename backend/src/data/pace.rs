//! Waits between keys, for rigs that want to look at what is otherwise over too soon. By default there are none.

use std::num::NonZeroU32;
use std::thread;
use std::time::Duration;

/// How much slower something is done than it could be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pace {
    #[default]
    Full,
    /// A wait after each.
    Each(Duration),
    /// The shortest wait after one in so many, since even that is much for each.
    OneIn(NonZeroU32),
}

/// What the shortest wait asks for; the system makes more of it.
const SHORTEST: Duration = Duration::from_micros(1);

impl Pace {
    /// As directives have it: so many microseconds after each, or, below zero, the shortest wait after one in so many.
    pub(crate) fn of(number: i32) -> Pace {
        let count = number.unsigned_abs();
        match NonZeroU32::new(count) {
            Some(count) if number < 0 => Pace::OneIn(count),
            Some(_) => Pace::Each(Duration::from_micros(u64::from(count))),
            None => Pace::Full,
        }
    }

    /// Holds this thread up, as is due after the one of this number.
    #[inline]
    pub(crate) fn wait(self, number: u64) {
        match self {
            Pace::Full => {}
            Pace::Each(wait) => thread::sleep(wait),
            Pace::OneIn(count) if number.is_multiple_of(u64::from(count.get())) => {
                thread::sleep(SHORTEST);
            }
            Pace::OneIn(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_microseconds_and_negative_ones_a_share() {
        assert_eq!(Pace::of(0), Pace::Full);
        assert_eq!(Pace::of(1_500), Pace::Each(Duration::from_micros(1_500)));
        assert_eq!(Pace::of(-200), Pace::OneIn(NonZeroU32::new(200).unwrap()));
        assert_eq!(Pace::of(i32::MIN), Pace::OneIn(NonZeroU32::new(1 << 31).unwrap()));
    }
}
