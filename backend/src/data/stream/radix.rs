//! How many tree nodes a Redis needs to find a stream's nodes by their IDs: `XINFO STREAM` tells it.
//!
//! A Redis files nodes in a radix tree by the 16 bytes of their ID. Where keys part there is one tree node, a run of
//! bytes without a parting is one, too, and so is every end of a key.
//! Source: redis `src/rax.c`, for the shape of the tree.

use crate::data::stream::id::Id;

/// Bytes of a key.
const KEY_BYTES: usize = 16;

/// How many tree nodes these IDs take, which come in ascending order. Costs O(IDs).
pub(super) fn nodes_count(ids: impl Iterator<Item = Id>) -> usize {
    let mut keys = ids.map(Id::to_bytes);
    let Some(mut before) = keys.next() else { return 1 };
    // The partings on the way to the key before, by how many bytes all keys below them share.
    let mut partings: Vec<usize> = Vec::new();
    let mut count = 0;
    for key in keys {
        let shared = before.iter().zip(&key).take_while(|(a, b)| a == b).count();
        let above_end = partings.last().map_or(shared, |last| shared.max(*last));
        count += 1 + run_below(Some(above_end), KEY_BYTES);
        while let Some(depth) = partings.pop_if(|depth| *depth > shared) {
            let above = partings.last().map_or(shared, |last| shared.max(*last));
            count += 1 + run_below(Some(above), depth);
        }
        if partings.last() != Some(&shared) {
            partings.push(shared);
        }
        before = key;
    }
    let mut depth = KEY_BYTES;
    loop {
        let above = partings.pop();
        count += 1 + run_below(above, depth);
        match above {
            Some(above) => depth = above,
            None => return count,
        }
    }
}

/// 1 if bytes lie between a parting and what is so deep below it: one of them is the parting's own.
fn run_below(parting: Option<usize>, depth: usize) -> usize {
    usize::from(parting.map_or(0, |parting| parting + 1) < depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_have_as_many_nodes_as_in_a_redis() {
        let at = |ms, seq| Id { ms, seq };
        let table: [(&[Id], usize); 5] = [
            (&[], 1),
            (&[at(1, 1)], 2),
            // A run, the parting, and two ends.
            (&[at(1, 1), at(1, 2)], 4),
            // The last bytes of the times part; each end has a run above it.
            (&[at(1, 0), at(2, 0)], 6),
            (&[at(1, 1), at(1, 2), at(2, 0)], 8),
        ];
        for (ids, expect) in table {
            assert_eq!(nodes_count(ids.iter().copied()), expect, "{ids:?}");
        }
    }
}
