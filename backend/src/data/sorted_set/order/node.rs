//! The nodes of the tree: leaves with items, branches with what they must know of their children.

use crate::data::sorted_set::order::Item;

/// Items in a leaf at most. Source: 12 bytes each, so a leaf is 776 bytes, and moving half of it is one short copy.
const ITEMS_MAX: usize = 64;

/// Children of a branch at most: a million members are three levels.
const CHILDREN_MAX: usize = 64;

/// A node with no more than a quarter of what it may hold is filled up before something is taken from it.
const SPARSE: usize = 4;

/// A leaf or a branch.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Leaf(Box<Leaf>),
    Branch(Box<Branch>),
}

impl Default for Node {
    fn default() -> Node {
        Node::Leaf(Box::default())
    }
}

impl Node {
    pub(super) fn count(&self) -> usize {
        match self {
            Node::Leaf(leaf) => leaf.len(),
            Node::Branch(branch) => branch.count_before(branch.len()),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        match self {
            Node::Leaf(leaf) => leaf.len() == ITEMS_MAX,
            Node::Branch(branch) => branch.len() == CHILDREN_MAX,
        }
    }

    pub(super) fn is_sparse(&self) -> bool {
        match self {
            Node::Leaf(leaf) => leaf.len() <= ITEMS_MAX / SPARSE,
            Node::Branch(branch) => branch.len() <= CHILDREN_MAX / SPARSE,
        }
    }

    /// Takes away branches that have one child only.
    pub(super) fn drop_lone_branch(&mut self) {
        while let Node::Branch(branch) = self
            && branch.len() == 1
            && let Some(child) = branch.children.pop()
        {
            *self = child;
        }
    }

    fn first(&self) -> Item {
        match self {
            Node::Leaf(leaf) => leaf.get(0).unwrap_or_default(),
            Node::Branch(branch) => branch.first(0),
        }
    }

    /// Moves what lies behind the first half to a new node; where more will be appended, all but the last part.
    fn split(&mut self, is_append: bool) -> Node {
        match self {
            Node::Leaf(leaf) => {
                let keep = if is_append { ITEMS_MAX - 1 } else { ITEMS_MAX / 2 };
                Node::Leaf(Box::new(leaf.split_off(keep)))
            }
            Node::Branch(branch) => {
                // Two children go over, so that each can be filled up from the other later.
                let keep = if is_append { CHILDREN_MAX - 2 } else { CHILDREN_MAX / 2 };
                Node::Branch(Box::new(branch.split_off(keep)))
            }
        }
    }

    /// Evens this node and the next one out, both of one kind. Whether all went into this one.
    fn join(&mut self, next: &mut Node) -> bool {
        match (self, next) {
            (Node::Leaf(left), Node::Leaf(right)) => left.join(right),
            (Node::Branch(left), Node::Branch(right)) => left.join(right),
            (Node::Leaf(_), Node::Branch(_)) | (Node::Branch(_), Node::Leaf(_)) => {
                unreachable!("all leaves are equally deep")
            }
        }
    }

    #[cfg(test)]
    pub(super) fn check(&self, is_root: bool) -> usize {
        match self {
            Node::Leaf(leaf) => {
                assert!(is_root || leaf.len() > 0, "an empty leaf");
                assert!((1..leaf.len()).all(|at| leaf.scores[at - 1] <= leaf.scores[at]));
                0
            }
            Node::Branch(branch) => branch.check(),
        }
    }
}

/// How many of two nodes' parts the left one is to have; `None` if it can take all and still has room.
fn share(left: usize, right: usize, max: usize) -> Option<usize> {
    let total = left + right;
    (total > max - max / SPARSE).then_some(total / 2)
}

/// Items in order: scores and slots apart, so that no space is lost between them.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    scores: [f64; ITEMS_MAX],
    slots: [u32; ITEMS_MAX],
    len: u32,
}

impl Default for Leaf {
    fn default() -> Leaf {
        Leaf { scores: [0.0; ITEMS_MAX], slots: [0; ITEMS_MAX], len: 0 }
    }
}

impl Leaf {
    #[inline]
    pub(super) fn len(&self) -> usize {
        (self.len as usize).min(ITEMS_MAX)
    }

    #[expect(clippy::cast_possible_truncation, reason = "at most ITEMS_MAX")]
    fn set_len(&mut self, len: usize) {
        debug_assert!(len <= ITEMS_MAX);
        self.len = len as u32;
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<Item> {
        (at < self.len()).then(|| Item { score: self.scores[at], slot: self.slots[at] })
    }

    pub(super) fn set(&mut self, at: usize, item: Item) {
        (self.scores[at], self.slots[at]) = (item.score, item.slot);
    }

    /// How many items come before a point.
    #[inline]
    pub(super) fn rank(&self, is_before: impl Fn(Item) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            if is_before(Item { score: self.scores[middle], slot: self.slots[middle] }) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Puts an item before the one at an index. There is room.
    pub(super) fn insert(&mut self, at: usize, item: Item) {
        let len = self.len();
        self.scores.copy_within(at..len, at + 1);
        self.slots.copy_within(at..len, at + 1);
        self.set(at, item);
        self.set_len(len + 1);
    }

    pub(super) fn remove(&mut self, at: usize) {
        let len = self.len();
        debug_assert!(at < len, "the item is there");
        self.scores.copy_within(at + 1..len, at);
        self.slots.copy_within(at + 1..len, at);
        self.set_len(len - 1);
    }

    fn split_off(&mut self, at: usize) -> Leaf {
        let mut right = Leaf::default();
        let moved = self.len() - at;
        right.scores[..moved].copy_from_slice(&self.scores[at..at + moved]);
        right.slots[..moved].copy_from_slice(&self.slots[at..at + moved]);
        right.set_len(moved);
        self.set_len(at);
        right
    }

    fn join(&mut self, next: &mut Leaf) -> bool {
        let (left, right) = (self.len(), next.len());
        let share = share(left, right, ITEMS_MAX);
        let keep = share.unwrap_or(left + right);
        if keep < left {
            let moved = left - keep;
            next.scores.copy_within(..right, moved);
            next.slots.copy_within(..right, moved);
            next.scores[..moved].copy_from_slice(&self.scores[keep..left]);
            next.slots[..moved].copy_from_slice(&self.slots[keep..left]);
        } else {
            let moved = keep - left;
            self.scores[left..keep].copy_from_slice(&next.scores[..moved]);
            self.slots[left..keep].copy_from_slice(&next.slots[..moved]);
            next.scores.copy_within(moved..right, 0);
            next.slots.copy_within(moved..right, 0);
        }
        self.set_len(keep);
        next.set_len(left + right - keep);
        share.is_none()
    }
}

/// Children in order. Invariant: the three rows are equally long; `counts` and `firsts` tell of the children.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    children: Vec<Node>,
    /// Items below each child; there are no more than slots, which are 32 bits.
    counts: Vec<u32>,
    firsts: Vec<Item>,
}

impl Branch {
    fn with_room() -> Branch {
        Branch {
            children: Vec::with_capacity(CHILDREN_MAX),
            counts: Vec::with_capacity(CHILDREN_MAX),
            firsts: Vec::with_capacity(CHILDREN_MAX),
        }
    }

    /// A branch whose one child is this node.
    pub(super) fn over(node: Node) -> Branch {
        let mut branch = Branch::with_room();
        branch.insert_child(0, node);
        branch
    }

    pub(super) fn len(&self) -> usize {
        self.children.len()
    }

    #[inline]
    pub(super) fn child(&self, at: usize) -> &Node {
        &self.children[at]
    }

    #[inline]
    pub(super) fn first(&self, at: usize) -> Item {
        self.firsts[at]
    }

    pub(super) fn set_first(&mut self, at: usize, item: Item) {
        self.firsts[at] = item;
    }

    /// The child to go on with, below which so many more items will lie afterwards.
    #[inline]
    pub(super) fn enter(&mut self, at: usize, more: i32) -> &mut Node {
        self.counts[at] = self.counts[at].wrapping_add_signed(more);
        &mut self.children[at]
    }

    /// The child in which the items that come before a point end.
    #[inline]
    pub(super) fn child_with_end(&self, is_before: impl Fn(Item) -> bool) -> usize {
        self.firsts.partition_point(|first| is_before(*first)).saturating_sub(1)
    }

    /// The last child whose first item is not behind a point.
    #[inline]
    pub(super) fn child_with(&self, is_behind: impl Fn(Item) -> bool) -> usize {
        self.firsts.partition_point(|first| !is_behind(*first)).saturating_sub(1)
    }

    /// Whether the first item of what lies last below here comes before a point.
    pub(super) fn ends_before(&self, is_before: impl Fn(Item) -> bool) -> bool {
        match self.children.last() {
            Some(Node::Leaf(leaf)) => leaf.get(leaf.len() - 1).is_some_and(is_before),
            Some(Node::Branch(branch)) => branch.firsts.last().copied().is_some_and(is_before),
            None => false,
        }
    }

    /// Items below the children before this one (count).
    #[inline]
    pub(super) fn count_before(&self, at: usize) -> usize {
        self.counts[..at].iter().map(|count| *count as usize).sum()
    }

    /// The child that holds a rank, and how many items lie before that child.
    #[inline]
    pub(super) fn child_with_rank(&self, rank: usize) -> (usize, usize) {
        let mut before = 0;
        for (at, count) in self.counts.iter().enumerate() {
            let count = *count as usize;
            if rank < before + count || at + 1 == self.counts.len() {
                return (at, before);
            }
            before += count;
        }
        (0, 0)
    }

    fn insert_child(&mut self, at: usize, node: Node) {
        self.counts.insert(at, count_of(&node));
        self.firsts.insert(at, node.first());
        self.children.insert(at, node);
    }

    /// Splits a full child in two. There is room.
    pub(super) fn split_child(&mut self, at: usize, is_append: bool) {
        let right = self.children[at].split(is_append);
        self.counts[at] = count_of(&self.children[at]);
        self.insert_child(at + 1, right);
    }

    /// Evens a sparse child out with one beside it, if there is one.
    pub(super) fn fill_child(&mut self, at: usize) {
        let left = if at > 0 { at - 1 } else { at };
        let (before, behind) = self.children.split_at_mut(left + 1);
        let (Some(child), Some(next)) = (before.last_mut(), behind.first_mut()) else { return };
        if child.join(next) {
            self.children.remove(left + 1);
            self.counts.remove(left + 1);
            self.firsts.remove(left + 1);
        } else {
            self.counts[left + 1] = count_of(&self.children[left + 1]);
            self.firsts[left + 1] = self.children[left + 1].first();
        }
        self.counts[left] = count_of(&self.children[left]);
    }

    fn split_off(&mut self, at: usize) -> Branch {
        let mut right = Branch::with_room();
        right.children.extend(self.children.drain(at..));
        right.counts.extend(self.counts.drain(at..));
        right.firsts.extend(self.firsts.drain(at..));
        right
    }

    fn join(&mut self, next: &mut Branch) -> bool {
        let share = share(self.len(), next.len(), CHILDREN_MAX);
        let keep = share.unwrap_or(self.len() + next.len());
        if keep < self.len() {
            next.children.splice(..0, self.children.drain(keep..));
            next.counts.splice(..0, self.counts.drain(keep..));
            next.firsts.splice(..0, self.firsts.drain(keep..));
        } else {
            let moved = keep - self.len();
            self.children.extend(next.children.drain(..moved));
            self.counts.extend(next.counts.drain(..moved));
            self.firsts.extend(next.firsts.drain(..moved));
        }
        share.is_none()
    }

    #[cfg(test)]
    fn check(&self) -> usize {
        assert!(
            self.len() > 0 && self.counts.len() == self.len() && self.firsts.len() == self.len()
        );
        let mut depth = None;
        for (at, child) in self.children.iter().enumerate() {
            let below = child.check(false);
            assert_eq!(*depth.get_or_insert(below), below, "leaves are equally deep");
            assert_eq!(self.counts[at] as usize, child.count());
            assert_eq!(self.firsts[at], child.first());
        }
        depth.unwrap_or(0) + 1
    }
}

fn count_of(node: &Node) -> u32 {
    u32::try_from(node.count()).unwrap_or(u32::MAX)
}
