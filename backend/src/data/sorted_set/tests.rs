//! Sorted sets in both forms against a sorted vector.

use proptest::prelude::*;

use super::range::{LexBound, ScoreBound};
use super::*;

const SMALL: Limits = Limits { entries_max: 8, name_bytes_max: 6 };

/// What a sorted set has to do, done plainly.
#[derive(Default)]
struct Naive(Vec<(Vec<u8>, f64)>);

impl Naive {
    fn set(&mut self, name: &[u8], score: f64) {
        self.0.retain(|(other, _)| other != name);
        self.0.push((name.to_vec(), score));
        self.0.sort_by(|(a, a_score), (b, b_score)| a_score.total_cmp(b_score).then(a.cmp(b)));
    }
}

fn check(set: &SortedSet, naive: &Naive) {
    if let Form::Indexed(indexed) = &set.0 {
        indexed.check_invariants();
    }
    assert_eq!(set.len(), naive.0.len());
    let members: Vec<(Vec<u8>, f64)> =
        set.iter().map(|(name, score)| (name.to_vec(), score)).collect();
    assert_eq!(members, naive.0);
    for (rank, (name, score)) in naive.0.iter().enumerate() {
        assert_eq!((set.rank(name), set.score(name)), (Some(rank), Some(*score)));
    }
}

#[derive(Clone, Debug)]
enum Step {
    Set(Vec<u8>, i8),
    Remove(Vec<u8>),
    RemoveRanks(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let name = proptest::collection::vec(prop::sample::select(b"ab1".to_vec()), 0..6);
    prop_oneof![
        6 => (name.clone(), any::<i8>()).prop_map(|(name, score)| Step::Set(name, score / 16)),
        2 => name.prop_map(Step::Remove),
        1 => (0..300usize, 0..4usize).prop_map(|(start, len)| Step::RemoveRanks(start, start + len)),
    ]
}

proptest! {
    #[test]
    fn sets_do_as_a_sorted_vector(
        steps in proptest::collection::vec(step(), 1..400),
        bounds in proptest::collection::vec((-9..9i8, any::<bool>(), -9..9i8, any::<bool>()), 5),
    ) {
        let (mut set, mut naive) = (SortedSet::new(&SMALL, 0), Naive::default());
        for step in steps {
            match step {
                Step::Set(name, score) => {
                    set.update(&name, &SMALL, |_| Some(f64::from(score)));
                    naive.set(&name, f64::from(score));
                }
                Step::Remove(name) => {
                    let was_there = naive.0.iter().any(|(other, _)| *other == name);
                    naive.0.retain(|(other, _)| *other != name);
                    prop_assert_eq!(set.remove(&name), was_there);
                }
                Step::RemoveRanks(start, end) => {
                    let (start, end) = (start.min(naive.0.len()), end.min(naive.0.len()));
                    naive.0.drain(start..end);
                    set.remove_ranks(start..end);
                }
            }
        }
        check(&set, &naive);
        for (min, is_min_exclusive, max, is_max_exclusive) in bounds {
            let range = ScoreRange {
                min: ScoreBound { score: f64::from(min), is_exclusive: is_min_exclusive },
                max: ScoreBound { score: f64::from(max), is_exclusive: is_max_exclusive },
            };
            let is_within = |score: f64| !range.is_before(score) && !range.is_behind(score);
            let found = set.walk(set.ranks_by_score(&range), Direction::Backward);
            let expect = naive.0.iter().rev().filter(|(_, score)| is_within(*score));
            prop_assert!(found.map(|(name, score)| (name.to_vec(), score)).eq(expect.cloned()));
        }
    }

    #[test]
    fn scans_meet_all_members_that_stay(
        stay in 1..200usize,
        come_and_go in proptest::collection::vec((0..2000usize, any::<bool>()), 0..600),
    ) {
        let mut set = SortedSet::new(&Limits { entries_max: 0, name_bytes_max: 0 }, 0);
        let name = |kind: char, number: usize| format!("{kind}{number}").into_bytes();
        (0..stay).for_each(|number| set.update(&name('s', number), &SMALL, |_| Some(1.0)));
        let (mut cursor, mut met) = (0, Vec::new());
        let mut changes = come_and_go.chunks(7);
        loop {
            cursor = set.scan(cursor, |name, _| met.push(name.to_vec()));
            if cursor == 0 {
                break;
            }
            for (number, comes) in changes.next().unwrap_or_default() {
                if *comes {
                    (0..40).for_each(|n| set.update(&name('x', number + n), &SMALL, |_| Some(2.0)));
                } else {
                    (0..60).for_each(|n| _ = set.remove(&name('x', number + n)));
                }
            }
        }
        for number in 0..stay {
            prop_assert!(met.contains(&name('s', number)), "s{} was not met", number);
        }
    }
}

#[test]
fn names_between_bounds_are_found_from_either_end() {
    for limits in [SMALL, Limits { entries_max: 0, name_bytes_max: 0 }] {
        let mut set = SortedSet::new(&limits, 0);
        for name in [b"a".as_slice(), b"b", b"c", b"d"] {
            set.update(name, &limits, |_| Some(0.0));
        }
        let table = [
            (LexBound::Start, LexBound::End, 0..4),
            (LexBound::End, LexBound::Start, 0..0),
            (LexBound::Inclusive(b"b"), LexBound::Exclusive(b"d"), 1..3),
            (LexBound::Exclusive(b"b"), LexBound::Inclusive(b"b"), 0..0),
            (LexBound::Exclusive(b"aa"), LexBound::End, 1..4),
        ];
        for (min, max, expect) in table {
            for from in [Direction::Forward, Direction::Backward] {
                let found = set.ranks_by_name(&LexRange { min, max }, from);
                assert!(
                    found == expect || found.is_empty() && expect.is_empty(),
                    "{min:?} {max:?}"
                );
            }
        }
    }
}

#[test]
fn the_form_changes_at_the_limits_and_never_back() {
    let mut set = SortedSet::new(&SMALL, 3);
    for number in 0..8u8 {
        set.update(&[number], &SMALL, |_| Some(0.0));
        assert_eq!(set.encoding(), "listpack");
    }
    set.update(&[8], &SMALL, |_| Some(0.0));
    assert_eq!(set.encoding(), "skiplist");
    set.remove_ranks(0..8);
    assert_eq!((set.encoding(), set.len()), ("skiplist", 1));
    let mut set = SortedSet::new(&SMALL, 3);
    set.update(b"too long", &SMALL, |_| Some(0.0));
    assert_eq!(set.encoding(), "skiplist");
}

#[test]
fn a_compact_set_has_no_negative_zero() {
    let mut set = SortedSet::new(&SMALL, 1);
    set.update(b"a", &SMALL, |_| Some(-0.0));
    assert!(set.score(b"a").is_some_and(f64::is_sign_positive));
    for score in [f64::INFINITY, f64::NEG_INFINITY, 0.1, 1e300, -5e-324, 3e17, 1e18, 1e19] {
        set.update(b"a", &SMALL, |_| Some(score));
        assert_eq!(set.score(b"a"), Some(score));
    }
}
