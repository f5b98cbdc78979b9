//! When a primary was how far in its stream: what its replicas are measured by.

use std::collections::VecDeque;
use std::time::Instant;

/// Looks at a primary that are kept (count). When there are more, every other one is forgotten but the first, so that
/// they reach back to the stream's beginning, in steps that grow with the time: a replica that is far behind may be
/// taken for one that is further behind, never for one that is nearer.
const LOOKS_MAX: usize = 256;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// The name of the stream.
    stream: String,
    /// Invariant: both the moments and the offsets ascend.
    looks: VecDeque<Look>,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    /// When the primary was asked.
    at: Instant,
    offset: u64,
}

impl History {
    /// A primary that was asked at this moment told its offset in a stream.
    pub(crate) fn note(&mut self, at: Instant, stream: &str, offset: u64) {
        let goes_on = self.looks.back().is_none_or(|last| last.offset <= offset && last.at <= at);
        if self.stream != stream || !goes_on {
            self.stream = stream.to_owned();
            self.looks.clear();
        }
        // While nothing is written only the latest moment matters.
        if self.looks.back().is_some_and(|last| last.offset == offset) {
            self.looks.pop_back();
        }
        if self.looks.len() >= LOOKS_MAX {
            let mut is_odd = false;
            self.looks.retain(|_| {
                is_odd = !is_odd;
                is_odd
            });
        }
        self.looks.push_back(Look { at, offset });
    }

    /// The moment as of which a replica is complete that has applied so much of a stream; `None` when that is not
    /// known: it follows another stream, or is further behind than is remembered.
    pub(crate) fn complete_as_of(&self, stream: &str, offset: u64) -> Option<Instant> {
        if self.stream != stream {
            return None;
        }
        let ahead = self.looks.partition_point(|look| look.offset <= offset);
        Some(self.looks.get(ahead.checked_sub(1)?)?.at)
    }

    /// How far the primary was at the last look, in a stream of this name.
    pub(crate) fn offset(&self, stream: &str) -> Option<u64> {
        (self.stream == stream).then_some(self.looks.back()?.offset)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(ms: u64) -> Instant {
        static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
        *START + Duration::from_millis(ms)
    }

    #[test]
    fn a_replica_is_complete_as_of_the_last_look_that_it_has_reached() {
        let mut history = History::default();
        assert_eq!(history.complete_as_of("s", 5), None);
        for (ms, offset) in [(0, 10), (100, 20), (200, 20), (300, 30)] {
            history.note(at(ms), "s", offset);
        }
        let table = [
            (9, None),
            (10, Some(0)),
            (19, Some(0)),
            (20, Some(200)),
            (29, Some(200)),
            (30, Some(300)),
            (99, Some(300)),
        ];
        for (offset, expect) in table {
            assert_eq!(history.complete_as_of("s", offset), expect.map(at), "{offset}");
        }
        assert_eq!(history.offset("s"), Some(30));
    }

    #[test]
    fn another_stream_begins_anew() {
        let mut history = History::default();
        history.note(at(0), "s", 10);
        history.note(at(1), "t", 12);
        assert_eq!(history.complete_as_of("s", 99), None);
        assert_eq!(history.complete_as_of("t", 11), None);
        assert_eq!(history.complete_as_of("t", 12), Some(at(1)));
        // The same name and a lower offset: nothing that was noted before can be relied on.
        history.note(at(2), "t", 3);
        assert_eq!(history.complete_as_of("t", 5), Some(at(2)));
    }

    #[test]
    fn it_reaches_far_back_and_stays_small() {
        let mut history = History::default();
        for look in 0..100_000 {
            history.note(at(look), "s", look);
            assert!(history.looks.len() <= LOOKS_MAX);
        }
        let far = history.complete_as_of("s", 50_000).unwrap();
        assert!(far <= at(50_000));
        let near = history.complete_as_of("s", 99_990).unwrap();
        assert!((at(99_980)..=at(99_990)).contains(&near));
        assert!(history.looks.iter().is_sorted_by_key(|look| look.offset));
    }
}
