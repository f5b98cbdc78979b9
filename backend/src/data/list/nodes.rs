//! The nodes of a list in their order: one in place, as most lists have it, or many.
//!
//! Invariant: there is at least one.

use std::collections::VecDeque;
use std::ops::Range;

use crate::data::estimate;
use crate::data::list::End;
use crate::data::list::node::Node;

/// Nodes in a row.
#[derive(Clone, Debug)]
pub(super) enum Nodes {
    One(Node),
    /// Boxed, so that a list of one node, of which there may be millions, is small.
    #[expect(clippy::box_collection, reason = "as the line above says")]
    Many(Box<VecDeque<Node>>),
}

impl Default for Nodes {
    fn default() -> Nodes {
        Nodes::One(Node::default())
    }
}

impl Nodes {
    /// How many there are.
    #[inline]
    pub(super) fn count(&self) -> usize {
        match self {
            Nodes::One(_) => 1,
            Nodes::Many(nodes) => nodes.len(),
        }
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&Node> {
        match self {
            Nodes::One(node) => (index == 0).then_some(node),
            Nodes::Many(nodes) => nodes.get(index),
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Node> {
        match self {
            Nodes::One(node) => (index == 0).then_some(node),
            Nodes::Many(nodes) => nodes.get_mut(index),
        }
    }

    /// The index of the node at an end.
    #[inline]
    pub(super) fn end_index(&self, end: End) -> usize {
        match end {
            End::Front => 0,
            End::Back => self.count() - 1,
        }
    }

    /// Nodes in a row, from either end.
    pub(super) fn range(&self, range: Range<usize>) -> impl DoubleEndedIterator<Item = &Node> {
        let (front, back) = match self {
            Nodes::One(node) => (std::slice::from_ref(node), [].as_slice()),
            Nodes::Many(nodes) => nodes.as_slices(),
        };
        let part = |slice: &[Node], before: usize| {
            let within = |index: usize| index.saturating_sub(before).min(slice.len());
            within(range.start)..within(range.end)
        };
        let (front_part, back_part) = (part(front, 0), part(back, front.len()));
        front[front_part].iter().chain(&back[back_part])
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Node> {
        self.range(0..self.count())
    }

    /// Puts a node before the one at an index, or behind the last.
    pub(super) fn insert(&mut self, index: usize, node: Node) {
        match self {
            Nodes::Many(nodes) => nodes.insert(index.min(nodes.len()), node),
            Nodes::One(one) => {
                let mut nodes = VecDeque::with_capacity(2);
                nodes.push_back(std::mem::take(one));
                nodes.insert(index.min(1), node);
                *self = Nodes::Many(Box::new(nodes));
            }
        }
    }

    /// Removes nodes in a row; if none remains, an empty one stands for all.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        match self {
            Nodes::One(node) => *node = Node::default(),
            Nodes::Many(nodes) => {
                nodes.drain(range);
                self.tidy();
            }
        }
    }

    /// Removes all that hold nothing; if none remains, an empty one stands for all.
    pub(super) fn remove_empty(&mut self) {
        if let Nodes::Many(nodes) = self {
            nodes.retain(|node| node.len() > 0);
            self.tidy();
        }
    }

    /// Keeps no more memory than the nodes are worth.
    fn tidy(&mut self) {
        let Nodes::Many(nodes) = self else { return };
        if nodes.len() <= 1 {
            *self = Nodes::One(nodes.pop_front().unwrap_or_default());
        } else if nodes.len() < nodes.capacity() / 4 {
            nodes.shrink_to(nodes.len() * 2);
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self, samples: usize) -> usize {
        let own = match self {
            Nodes::One(_) => 0,
            Nodes::Many(nodes) => {
                size_of::<VecDeque<Node>>() + nodes.capacity() * size_of::<Node>()
            }
        };
        own + estimate::sum(self.iter().map(Node::heap_bytes), self.count(), samples)
    }
}
