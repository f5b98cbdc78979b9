//! Sums over large collections, by a part of them.

/// The sum of `count` numbers if the others are on average as large as the first `samples` (count) of them; with
/// as many samples as there are numbers it is exact.
pub(super) fn sum(numbers: impl Iterator<Item = usize>, count: usize, samples: usize) -> usize {
    let (mut sum, mut looked_at) = (0, 0);
    for number in numbers.take(samples) {
        (sum, looked_at) = (sum + number, looked_at + 1);
    }
    if looked_at == 0 || looked_at == count {
        return sum;
    }
    let whole = sum as u128 * count as u128 / looked_at as u128;
    usize::try_from(whole).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_samples_are_exact_and_few_are_an_average() {
        assert_eq!(sum([1, 2, 3, 4].into_iter(), 4, usize::MAX), 10);
        assert_eq!(sum([1, 2, 3, 4].into_iter(), 4, 2), 6);
        assert_eq!(sum(std::iter::empty(), 0, 5), 0);
    }
}
