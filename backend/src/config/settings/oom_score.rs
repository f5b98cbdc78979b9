//! How ready the system is to end this process when memory runs out.

use crate::config::Values;

/// The `oom-score-adj…` directives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OomScore {
    /// Left as it was.
    Kept,
    /// Added to what the process began with.
    Relative(Scores),
    Absolute(Scores),
}

/// A score for each part that a process may play, -2000 to 2000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scores {
    pub(crate) primary: i32,
    pub(crate) replica: i32,
    /// The child that writes a file or a copy.
    pub(crate) child: i32,
}

impl OomScore {
    pub(super) fn read(values: &Values) -> OomScore {
        let mut numbers = values.text("oom-score-adj-values").split(' ').map(|n| n.parse().ok());
        let mut next = || numbers.next().flatten().unwrap_or(0);
        let scores = Scores { primary: next(), replica: next(), child: next() };
        match values.text("oom-score-adj") {
            "yes" => OomScore::Relative(scores),
            "absolute" => OomScore::Absolute(scores),
            _ => OomScore::Kept,
        }
    }
}
