//! The list type: elements in a row, packed into nodes of a few kilobytes.
//!
//! Both ends are reached at once. What lies between is found by passing over whole nodes from the nearer end,
//! and is changed inside one node; a node that becomes too large is split, and small ones side by side are joined
//! where a split has left them.
//!
//! Invariants: no node is empty, but for the only one of an empty list; `len` is the sum over all nodes.
//! Not here: compression of inner nodes, which a Redis offers; the setting is accepted and has no effect.
//! Source: redis `src/quicklist.c`.

mod node;

mod nodes;

use crate::data::listpack::{Entry, Wanted};

use nodes::Nodes;

pub(crate) use node::{Limits, Node};

/// Elements in a row.
#[derive(Clone, Debug, Default)]
pub(crate) struct List {
    nodes: Nodes,
    len: usize,
}

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Front,
    Back,
}

impl List {
    /// How many elements there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes on the heap. Costs O(nodes).
    pub(crate) fn heap_bytes(&self, samples: usize) -> usize {
        size_of::<List>() + self.nodes.heap_bytes(samples)
    }

    /// How many nodes it is kept in.
    pub(crate) fn nodes_count(&self) -> usize {
        self.nodes.count()
    }

    /// Bytes of all nodes as they would be dumped. Costs O(nodes).
    pub(crate) fn packed_bytes(&self) -> usize {
        self.nodes.iter().map(Node::packed_bytes).sum()
    }

    /// Adds an element at an end.
    #[inline]
    pub(crate) fn push(&mut self, end: End, value: &[u8], limits: Limits) {
        let index = self.nodes.end_index(end);
        let is_pushed = self.nodes.get_mut(index).is_some_and(|node| node.push(end, value, limits));
        if !is_pushed {
            self.push_node(end, Node::of(value, limits));
        }
        self.len += 1;
    }

    /// All nodes from the first on, as they are dumped.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// Adds a node with all its elements behind the others, as large as it is; an empty one is dropped.
    pub(crate) fn push_node_back(&mut self, node: Node) {
        let len = node.len();
        if len > 0 {
            self.push_node(End::Back, node);
            self.len += len;
        }
    }

    fn push_node(&mut self, end: End, node: Node) {
        match end {
            _ if self.len == 0 => self.nodes = Nodes::One(node),
            End::Front => self.nodes.insert(0, node),
            End::Back => self.nodes.insert(self.nodes.count(), node),
        }
    }

    /// The element at an end.
    #[inline]
    pub(crate) fn end(&self, end: End) -> Option<Entry<'_>> {
        self.nodes.get(self.nodes.end_index(end))?.end(end)
    }

    /// Removes the element at an end, if there is one.
    #[inline]
    pub(crate) fn remove_end(&mut self, end: End) {
        let index = self.nodes.end_index(end);
        let Some(node) = self.nodes.get_mut(index).filter(|node| node.len() > 0) else { return };
        self.len -= 1;
        if node.len() > 1 {
            node.remove_end(end);
        } else {
            self.nodes.remove(index..index + 1);
        }
    }

    /// The element at an index.
    pub(crate) fn get(&self, index: usize) -> Option<Entry<'_>> {
        let (node, offset) = self.locate(index)?;
        self.nodes.get(node)?.get(offset)
    }

    /// The elements from an index on, towards the back.
    pub(crate) fn iter_from(&self, index: usize) -> impl Iterator<Item = Entry<'_>> {
        let (node, offset) = self.locate(index).unwrap_or((self.nodes.count(), 0));
        let first = self.nodes.get(node).map(|node| node.iter_from(offset));
        let others = self.nodes.range(node + 1..self.nodes.count());
        first.into_iter().flatten().chain(others.flat_map(Node::iter))
    }

    /// The elements from an index on, towards the front.
    pub(crate) fn iter_back_from(&self, index: usize) -> impl Iterator<Item = Entry<'_>> {
        let place = self.locate(index);
        let first = place.and_then(|(node, offset)| {
            let node = self.nodes.get(node)?;
            Some(node.iter().rev().skip(node.len() - 1 - offset))
        });
        let others = self.nodes.range(0..place.map_or(0, |(node, _)| node));
        first.into_iter().flatten().chain(others.rev().flat_map(|node| node.iter().rev()))
    }

    /// All elements from the first on.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        self.nodes.iter().flat_map(Node::iter)
    }

    /// The index of the first element that equals a value.
    pub(crate) fn find(&self, value: &[u8]) -> Option<usize> {
        let wanted = Wanted::new(value);
        self.iter().position(|element| wanted.is(element))
    }

    /// Puts an element where it has this index then; beyond the end it becomes the last one.
    pub(crate) fn insert(&mut self, index: usize, value: &[u8], limits: Limits) {
        let Some((at, offset)) = self.locate(index).filter(|_| index > 0) else {
            return self.push(if index == 0 { End::Front } else { End::Back }, value, limits);
        };
        self.len += 1;
        let Some(node) = self.nodes.get_mut(at) else { return };
        if node.insert(offset, value, limits) {
            return;
        }
        if offset > 0 {
            return self.insert_into_full(at, offset, value, limits);
        }
        // Between two nodes; there is one before, since the index is not 0.
        let before = self.nodes.get_mut(at - 1);
        if !before.is_some_and(|node| node.push(End::Back, value, limits)) {
            self.nodes.insert(at, Node::of(value, limits));
        }
    }

    /// Splits the node at `at` to put an element between its parts.
    fn insert_into_full(&mut self, at: usize, offset: usize, value: &[u8], limits: Limits) {
        let Some(node) = self.nodes.get_mut(at) else { return };
        let mut rest = node.split_off(offset);
        let is_placed = node.push(End::Back, value, limits) || rest.push(End::Front, value, limits);
        self.nodes.insert(at + 1, rest);
        if !is_placed {
            self.nodes.insert(at + 1, Node::of(value, limits));
        }
        self.join_around(at, limits);
    }

    /// Joins the nodes around a split, from behind it to before it, where two fit into one.
    fn join_around(&mut self, at: usize, limits: Limits) {
        for index in (at.saturating_sub(1)..at + 3).rev() {
            let Some(behind) = self.nodes.get_mut(index + 1).map(std::mem::take) else { continue };
            if self.nodes.get_mut(index).is_some_and(|node| node.absorb(&behind, limits)) {
                self.nodes.remove(index + 1..index + 2);
            } else if let Some(place) = self.nodes.get_mut(index + 1) {
                *place = behind;
            }
        }
    }

    /// Puts another element in the place of the one at an index. Whether there is one.
    pub(crate) fn replace(&mut self, index: usize, value: &[u8], limits: Limits) -> bool {
        let Some((at, offset)) = self.locate(index) else { return false };
        let is_replaced =
            self.nodes.get_mut(at).is_some_and(|node| node.replace(offset, value, limits));
        if !is_replaced {
            self.remove_range(index, 1);
            self.insert(index, value, limits);
        }
        true
    }

    /// Removes so many elements from an index on, or all there are.
    pub(crate) fn remove_range(&mut self, index: usize, count: usize) {
        let Some((first, mut offset)) = self.locate(index) else { return };
        let mut left = count.min(self.len - index);
        self.len -= left;
        let (mut at, mut emptied) = (first, first..first);
        while left > 0
            && let Some(node) = self.nodes.get_mut(at)
        {
            let here = left.min(node.len() - offset);
            if here == node.len() {
                emptied.end = at + 1;
            } else {
                node.remove_range(offset, here);
                if at == first {
                    emptied = at + 1..at + 1;
                }
            }
            (left, offset, at) = (left - here, 0, at + 1);
        }
        self.nodes.remove(emptied);
    }

    /// Removes at most `max` elements that equal a value, beginning at an end. How many there were.
    pub(crate) fn remove_equal(&mut self, value: &[u8], from: End, max: usize) -> usize {
        let (wanted, count) = (Wanted::new(value), self.nodes.count());
        let (mut removed, mut has_emptied) = (0, false);
        for step in 0..count {
            let index = if from == End::Front { step } else { count - 1 - step };
            let Some(node) = self.nodes.get_mut(index).filter(|_| removed < max) else { break };
            removed += node.remove_equal(&wanted, from, max - removed);
            has_emptied |= node.len() == 0;
        }
        if has_emptied {
            self.nodes.remove_empty();
        }
        self.len -= removed;
        removed
    }

    /// In which node the element at an index lies, and where in it. Costs O(nodes), from the nearer end.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        let count = self.nodes.count();
        if index < self.len / 2 {
            let mut offset = index;
            for (at, node) in self.nodes.iter().enumerate() {
                match offset.checked_sub(node.len()) {
                    Some(further) => offset = further,
                    None => return Some((at, offset)),
                }
            }
        } else {
            // How many elements there are from this one on.
            let mut behind = self.len.checked_sub(index).filter(|behind| *behind > 0)?;
            for (back, node) in self.nodes.iter().rev().enumerate() {
                match node.len().checked_sub(behind) {
                    Some(offset) => return Some((count - 1 - back, offset)),
                    None => behind -= node.len(),
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
