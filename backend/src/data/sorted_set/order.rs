//! Members in their order, as a counted B+ tree: where does a member stand, who stands at this rank?
//!
//! A skip list answers the same at the same cost, but takes a node with pointers for each member; here a member
//! takes 12 bytes in a leaf that is mostly full, and a search touches a few cache lines instead of one for each step.
//! An item holds its score and the slot of its member; the caller compares items, since it knows the members.
//!
//! Invariants: items ascend by (score, member) over all leaves. A branch knows of each child how many items lie
//! below it and which is the first. All leaves are equally deep; no node but the root is empty.
//! Changes go from the root down once: a full child is split, a sparse one filled up, before it is entered.

mod node;

use std::cmp::Ordering;
use std::ops::Range;

use node::{Branch, Leaf, Node};

/// A member's place in the order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Item {
    pub(super) score: f64,
    /// Where the member lies in its arena.
    pub(super) slot: u32,
}

/// Items in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    root: Node,
}

impl Order {
    /// How many items there are.
    pub(super) fn len(&self) -> usize {
        self.root.count()
    }

    /// How many items come before a point: those for which `is_before` holds, which must be the first ones.
    pub(super) fn rank(&self, is_before: impl Fn(Item) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(leaf) => return rank + leaf.rank(&is_before),
                Node::Branch(branch) => {
                    let at = branch.child_with_end(&is_before);
                    rank += branch.count_before(at);
                    node = branch.child(at);
                }
            }
        }
    }

    /// The items at these ranks, leaf by leaf. Costs O(log n) for each leaf.
    pub(super) fn items(&self, ranks: Range<usize>) -> Items<'_> {
        let end = ranks.end.min(self.len());
        Items { order: self, ranks: ranks.start.min(end)..end, front: None, back: None }
    }

    /// The leaf that holds a rank, and which rank is its first.
    fn leaf_at(&self, rank: usize) -> (&Leaf, usize) {
        let (mut node, mut first) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(leaf) => return (leaf, first),
                Node::Branch(branch) => {
                    let (at, before) = branch.child_with_rank(rank - first);
                    first += before;
                    node = branch.child(at);
                }
            }
        }
    }

    /// Adds an item. `compare` says how another item stands to it; none is equal.
    pub(super) fn insert(&mut self, item: Item, compare: impl Fn(Item) -> Ordering) {
        let is_before = |other| compare(other) == Ordering::Less;
        if self.root.is_full() {
            let root = std::mem::take(&mut self.root);
            self.root = Node::Branch(Box::new(Branch::over(root)));
        }
        let mut node = &mut self.root;
        loop {
            match node {
                Node::Leaf(leaf) => {
                    let at = leaf.rank(is_before);
                    return leaf.insert(at, item);
                }
                Node::Branch(branch) => {
                    let mut at = branch.child_with_end(is_before);
                    if branch.child(at).is_full() {
                        let is_append = at + 1 == branch.len() && branch.ends_before(is_before);
                        branch.split_child(at, is_append);
                        at = branch.child_with_end(is_before);
                    }
                    if at == 0 && !is_before(branch.first(0)) {
                        branch.set_first(0, item);
                    }
                    node = branch.enter(at, 1);
                }
            }
        }
    }

    /// Removes the item that `compare` finds equal, which must be there.
    pub(super) fn remove(&mut self, compare: impl Fn(Item) -> Ordering) {
        let is_behind = |other| compare(other) == Ordering::Greater;
        let (mut node, mut was_first) = (&mut self.root, false);
        loop {
            match node {
                Node::Leaf(leaf) => {
                    let at = leaf.rank(|other| compare(other) == Ordering::Less);
                    leaf.remove(at);
                    break;
                }
                Node::Branch(branch) => {
                    let mut at = branch.child_with(is_behind);
                    if branch.child(at).is_sparse() {
                        branch.fill_child(at);
                        at = branch.child_with(is_behind);
                    }
                    was_first |= compare(branch.first(at)) == Ordering::Equal;
                    node = branch.enter(at, -1);
                }
            }
        }
        if was_first {
            self.renew_firsts(&compare);
        }
        self.root.drop_lone_branch();
    }

    /// Writes the item that has become the first of its leaf into the branches that name the one before it.
    fn renew_firsts(&mut self, compare: impl Fn(Item) -> Ordering) {
        let is_behind = |other| compare(other) == Ordering::Greater;
        let mut node = &self.root;
        let first = loop {
            match node {
                Node::Leaf(leaf) => break leaf.get(0),
                Node::Branch(branch) => node = branch.child(branch.child_with(is_behind)),
            }
        };
        let Some(first) = first else { return };
        self.rewrite(compare, first, false);
    }

    /// Puts another item in the place of the one that `compare` finds equal; it must stand in the same place.
    pub(super) fn replace(&mut self, compare: impl Fn(Item) -> Ordering, item: Item) {
        self.rewrite(compare, item, true);
    }

    fn rewrite(&mut self, compare: impl Fn(Item) -> Ordering, item: Item, in_leaf: bool) {
        let mut node = &mut self.root;
        loop {
            match node {
                Node::Leaf(leaf) => {
                    if in_leaf {
                        let at = leaf.rank(|other| compare(other) == Ordering::Less);
                        leaf.set(at, item);
                    }
                    return;
                }
                Node::Branch(branch) => {
                    let at = branch.child_with(|other| compare(other) == Ordering::Greater);
                    if compare(branch.first(at)) == Ordering::Equal {
                        branch.set_first(at, item);
                    }
                    node = branch.enter(at, 0);
                }
            }
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        // Leaves are two thirds full in the long run.
        self.len() * (size_of::<f64>() + size_of::<u32>()) * 3 / 2 + size_of::<Leaf>()
    }

    /// Holds the invariants against what is stored.
    #[cfg(test)]
    pub(super) fn check_invariants(&self) {
        self.root.check(true);
    }
}

/// Items at some ranks, from either end.
#[derive(Clone, Debug)]
pub(super) struct Items<'a> {
    order: &'a Order,
    ranks: Range<usize>,
    /// The leaves last used at either end, with the ranks of their first items.
    front: Option<(&'a Leaf, usize)>,
    back: Option<(&'a Leaf, usize)>,
}

impl Iterator for Items<'_> {
    type Item = Item;

    #[inline]
    fn next(&mut self) -> Option<Item> {
        let rank = self.ranks.next()?;
        if let Some((leaf, first)) = self.front
            && let Some(item) = leaf.get(rank - first)
        {
            return Some(item);
        }
        let (leaf, first) = self.order.leaf_at(rank);
        self.front = Some((leaf, first));
        leaf.get(rank - first)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranks.size_hint()
    }
}

impl DoubleEndedIterator for Items<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Item> {
        let rank = self.ranks.next_back()?;
        if let Some((leaf, first)) = self.back
            && rank >= first
        {
            return leaf.get(rank - first);
        }
        let (leaf, first) = self.order.leaf_at(rank);
        self.back = Some((leaf, first));
        leaf.get(rank - first)
    }
}

#[cfg(test)]
mod tests;
