//! Parts of a sequence between two positions, both included, negative ones counted from the end.

use std::ops::Range;

/// The elements between two positions. An end before the first element leaves none.
pub(super) fn elements_between(start: i64, end: i64, len: usize) -> Range<usize> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let absolute =
        |position: i64| if position < 0 { position.saturating_add(len) } else { position };
    let (start, end) = (absolute(start).max(0), absolute(end).min(len - 1));
    if start > end {
        return 0..0;
    }
    // Both lie between 0 and a length, which is a usize.
    let index = |position| usize::try_from(position).unwrap_or(0);
    index(start)..index(end) + 1
}

/// The bytes, or bits, between two positions. An end before the first one means the first.
pub(super) fn bytes_between(start: i64, end: i64, len: usize) -> Range<usize> {
    let first = -i64::try_from(len).unwrap_or(i64::MAX);
    elements_between(start, end.max(first), len)
}

/// Whether two positions counted from the end stand in the wrong order, wherever the sequence begins.
pub(super) fn is_backward(start: i64, end: i64) -> bool {
    start < 0 && end < 0 && start > end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_count_from_either_end() {
        let table = [
            (0, 3, 5, 0..4, 0..4),
            (-3, -1, 5, 2..5, 2..5),
            (0, -1, 5, 0..5, 0..5),
            (10, 100, 5, 0..0, 0..0),
            (3, 1, 5, 0..0, 0..0),
            (-1, -3, 5, 0..0, 0..0),
            (-100, 1, 5, 0..2, 0..2),
            (0, -100, 5, 0..0, 0..1),
            (-200, -100, 5, 0..0, 0..1),
            (0, 0, 0, 0..0, 0..0),
            (5, 9, 5, 0..0, 0..0),
            (0, -6, 5, 0..0, 0..1),
            (0, -1, 0, 0..0, 0..0),
            (i64::MIN, i64::MAX, 5, 0..5, 0..5),
            (i64::MIN, i64::MIN, 5, 0..0, 0..1),
        ];
        for (start, end, len, elements, bytes) in table {
            assert_eq!(elements_between(start, end, len), elements, "{start} {end} {len}");
            assert_eq!(bytes_between(start, end, len), bytes, "{start} {end} {len}");
        }
    }
}
