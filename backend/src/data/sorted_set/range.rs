//! Parts of a sorted set: between two scores, or between two names.

/// Where a range of scores begins or ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ScoreBound {
    pub(crate) score: f64,
    /// Whether the score itself lies outside.
    pub(crate) is_exclusive: bool,
}

/// All scores between two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ScoreRange {
    pub(crate) min: ScoreBound,
    pub(crate) max: ScoreBound,
}

impl ScoreRange {
    #[inline]
    pub(super) fn is_before(&self, score: f64) -> bool {
        if self.min.is_exclusive { score <= self.min.score } else { score < self.min.score }
    }

    #[inline]
    pub(super) fn is_behind(&self, score: f64) -> bool {
        if self.max.is_exclusive { score >= self.max.score } else { score > self.max.score }
    }
}

/// Where a range of names begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LexBound<'a> {
    /// Before all names.
    Start,
    Inclusive(&'a [u8]),
    Exclusive(&'a [u8]),
    /// Behind all names.
    End,
}

/// All names between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LexRange<'a> {
    pub(crate) min: LexBound<'a>,
    pub(crate) max: LexBound<'a>,
}

impl LexRange<'_> {
    /// Whether nothing can lie in it.
    pub(super) fn is_empty(&self) -> bool {
        use LexBound::{End, Exclusive, Inclusive, Start};
        match (self.min, self.max) {
            (End, _) | (_, Start) => true,
            (Start, _) | (_, End) => false,
            (Inclusive(min), Inclusive(max)) => min > max,
            (Inclusive(min) | Exclusive(min), Inclusive(max) | Exclusive(max)) => min >= max,
        }
    }

    #[inline]
    pub(super) fn is_before(&self, name: &[u8]) -> bool {
        match self.min {
            LexBound::Start => false,
            LexBound::Inclusive(min) => name < min,
            LexBound::Exclusive(min) => name <= min,
            LexBound::End => true,
        }
    }

    #[inline]
    pub(super) fn is_behind(&self, name: &[u8]) -> bool {
        match self.max {
            LexBound::Start => true,
            LexBound::Inclusive(max) => name > max,
            LexBound::Exclusive(max) => name >= max,
            LexBound::End => false,
        }
    }
}
