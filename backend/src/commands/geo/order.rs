//! Sorting so that the first elements are right, those that are equal in the order in which a Redis has them.
//!
//! All elements are sorted stably, as glibc's qsort does. Only the first ones are sorted by a quicksort, whose order
//! of equal elements depends on every one of its steps.
//! Source: J. Bentley and M. McIlroy, "Engineering a sort function", 1993; redis `src/pqsort.c`.

use std::cmp::Ordering;

/// Puts the `count` first elements in order.
pub(super) fn sort_first<T>(
    elements: &mut [T],
    count: usize,
    compare: impl Fn(&T, &T) -> Option<Ordering>,
) {
    // What cannot be compared counts as equal.
    let compare = |a: &T, b: &T| compare(a, b).unwrap_or(Ordering::Equal);
    if count == elements.len() {
        elements.sort_by(compare);
    } else {
        partial_quicksort(elements, count, &compare);
    }
}

/// Below this many elements are inserted one by one (count).
const INSERTION: usize = 7;

/// Above this many the pivot is a median of nine (count).
const MEDIAN_OF_NINE: usize = 40;

fn partial_quicksort<T>(elements: &mut [T], count: usize, compare: &impl Fn(&T, &T) -> Ordering) {
    // Parts still to be sorted, as start and end; only those that begin before `count` are.
    let mut parts = vec![(0, elements.len())];
    while let Some((start, end)) = parts.pop() {
        let part = &mut elements[start..end];
        if part.len() < INSERTION {
            insertion_sort(part, compare);
            continue;
        }
        let (below, above) = partition(part, compare);
        let above_at = end - above;
        if above > 1 && above_at < count {
            parts.push((above_at, end));
        }
        if below > 1 {
            parts.push((start, start + below));
        }
    }
}

fn insertion_sort<T>(part: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) {
    for end in 1..part.len() {
        let mut at = end;
        while at > 0 && compare(&part[at - 1], &part[at]) == Ordering::Greater {
            part.swap(at, at - 1);
            at -= 1;
        }
    }
}

/// Gathers what is equal to a pivot in the middle: how many elements lie below and above it then.
fn partition<T>(part: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) -> (usize, usize) {
    let len = part.len();
    part.swap(0, pivot(part, compare));
    // Equal ones are put aside at both ends: [0, low_equal) and (high_equal, len).
    let (mut low_equal, mut low) = (1, 1);
    let (mut high, mut high_equal) = (len - 1, len - 1);
    loop {
        while low <= high {
            match compare(&part[low], &part[0]) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    part.swap(low_equal, low);
                    low_equal += 1;
                }
                Ordering::Less => {}
            }
            low += 1;
        }
        while low <= high {
            match compare(&part[high], &part[0]) {
                Ordering::Less => break,
                Ordering::Equal => {
                    part.swap(high, high_equal);
                    high_equal -= 1;
                }
                Ordering::Greater => {}
            }
            high -= 1;
        }
        if low > high {
            break;
        }
        part.swap(low, high);
        low += 1;
        high -= 1;
    }
    let (below, above) = (low - low_equal, high_equal - high);
    swap_runs(part, 0, low, low_equal.min(below));
    swap_runs(part, low, len, above.min(len - high_equal - 1));
    (below, above)
}

/// Swaps so many elements from `start` on with as many before `end`.
fn swap_runs<T>(part: &mut [T], start: usize, end: usize, count: usize) {
    for offset in 0..count {
        part.swap(start + offset, end - count + offset);
    }
}

fn pivot<T>(part: &[T], compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let len = part.len();
    let (mut first, mut middle, mut last) = (0, len / 2, len - 1);
    if len == INSERTION {
        return middle;
    }
    if len > MEDIAN_OF_NINE {
        let eighth = len / 8;
        first = median(part, [first, first + eighth, first + 2 * eighth], compare);
        middle = median(part, [middle - eighth, middle, middle + eighth], compare);
        last = median(part, [last - 2 * eighth, last - eighth, last], compare);
    }
    median(part, [first, middle, last], compare)
}

fn median<T>(part: &[T], [a, b, c]: [usize; 3], compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let order = |a: usize, b: usize| compare(&part[a], &part[b]);
    if order(a, b) == Ordering::Less {
        match () {
            () if order(b, c) == Ordering::Less => b,
            () if order(a, c) == Ordering::Less => c,
            () => a,
        }
    } else {
        match () {
            () if order(b, c) == Ordering::Greater => b,
            () if order(a, c) == Ordering::Less => a,
            () => c,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_elements_are_the_least(
            elements in proptest::collection::vec(0..50u8, 0..300),
            count in any::<prop::sample::Index>(),
        ) {
            let count = count.index(elements.len() + 1);
            let (mut sorted, mut partly) = (elements.clone(), elements);
            sorted.sort_unstable();
            sort_first(&mut partly, count, |a, b| a.partial_cmp(b));
            prop_assert_eq!(&partly[..count], &sorted[..count]);
        }
    }
}
