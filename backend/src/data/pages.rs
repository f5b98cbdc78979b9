//! A sequence that grows at its end without ever moving much: pages of elements, all full but the last.
//!
//! A `Vec` of millions is copied as a whole when it is full, and keeps up to half of its memory unused.
//!
//! What is removed gives memory back almost at once, so that removing some of many is enough to make room for others.
//!
//! Most sequences are small, and of many small ones none is in the processor's caches: the first page is found without
//! a look at the list of the others.
//!
//! Invariant: every page but the last holds [`PAGE_LEN`] elements, and each of `more` at least one.

use std::ops::{Index, IndexMut};

/// Elements of a full page (count).
const PAGE_LEN: usize = 256;

/// Elements of a page that has its first (count).
const PAGE_LEN_FIRST: usize = 4;

/// What a page keeps that is growing small (bytes): to give it back costs more than it is worth.
const SPARE_BYTES: usize = 128;

/// From so many pages on, a new page gets its memory at once: it is small beside the others then.
const PAGES_GROWN: usize = 32;

/// Elements, by their number from 0 on.
#[derive(Clone, Debug)]
pub(crate) struct Pages<T> {
    first: Vec<T>,
    /// All other pages.
    more: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Pages<T> {
    fn default() -> Pages<T> {
        Pages { first: Vec::new(), more: Vec::new(), len: 0 }
    }
}

impl<T> Pages<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        match (index / PAGE_LEN).checked_sub(1) {
            None => self.first.get(index),
            Some(page) => self.more.get(page)?.get(index % PAGE_LEN),
        }
    }

    pub(crate) fn push(&mut self, element: T) {
        if self.len > 0 && self.len.is_multiple_of(PAGE_LEN) {
            let is_large = self.more.len() + 1 >= PAGES_GROWN;
            self.more.push(if is_large { Vec::with_capacity(PAGE_LEN) } else { Vec::new() });
        }
        let page = self.more.last_mut().unwrap_or(&mut self.first);
        if page.len() == page.capacity() {
            let capacity = (page.len() * 2).clamp(PAGE_LEN_FIRST, PAGE_LEN);
            page.reserve_exact(capacity - page.len());
        }
        page.push(element);
        self.len += 1;
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let page = self.more.last_mut().unwrap_or(&mut self.first);
        let element = page.pop()?;
        self.len -= 1;
        if !page.is_empty() {
            let spare = page.capacity() - page.len();
            if spare > page.len() / 8 && spare * size_of::<T>() > SPARE_BYTES {
                page.shrink_to(page.len() + page.len() / 16 + 1);
            }
        } else if self.more.pop().is_none() {
            self.first = Vec::new();
        }
        Some(element)
    }

    /// Removes an element and puts the last one in its place.
    pub(crate) fn swap_remove(&mut self, index: usize) -> Option<T> {
        if index >= self.len {
            return None;
        }
        let last = self.pop()?;
        if index == self.len {
            return Some(last);
        }
        Some(std::mem::replace(&mut self[index], last))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(self.more.iter().flatten())
    }

    /// Bytes on the heap, those that elements own not among them.
    pub(crate) fn heap_bytes(&self) -> usize {
        let elements: usize = self.more.iter().map(Vec::capacity).sum();
        self.more.capacity() * size_of::<Vec<T>>()
            + (self.first.capacity() + elements) * size_of::<T>()
    }
}

impl<T> Index<usize> for Pages<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        match (index / PAGE_LEN).checked_sub(1) {
            None => &self.first[index],
            Some(page) => &self.more[page][index % PAGE_LEN],
        }
    }
}

impl<T> IndexMut<usize> for Pages<T> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        match (index / PAGE_LEN).checked_sub(1) {
            None => &mut self.first[index],
            Some(page) => &mut self.more[page][index % PAGE_LEN],
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A number above 2000 pops, one above 1000 removes, others push: pages come and go.
        #[test]
        fn behaves_like_a_vec(steps in proptest::collection::vec(0..2200usize, 0..3000)) {
            let (mut pages, mut model) = (Pages::default(), Vec::new());
            for step in steps {
                match step {
                    2000.. => prop_assert_eq!(pages.pop(), model.pop()),
                    1000.. if step - 1000 < model.len() => {
                        let removed = model.swap_remove(step - 1000);
                        prop_assert_eq!(pages.swap_remove(step - 1000), Some(removed));
                    }
                    1000.. => prop_assert_eq!(pages.swap_remove(step - 1000), None),
                    _ => {
                        pages.push(step);
                        model.push(step);
                    }
                }
                prop_assert_eq!(pages.len(), model.len());
            }
            prop_assert!(pages.iter().eq(&model));
            prop_assert_eq!(pages.get(model.len()), None);
        }
    }

    #[test]
    fn memory_is_given_back() {
        let mut pages = Pages::default();
        (0..100_000u32).for_each(|number| pages.push(number));
        assert!(pages.heap_bytes() < 100_000 * 5, "{}", pages.heap_bytes());
        (0..99_990).for_each(|_| assert!(pages.pop().is_some()));
        assert!(pages.heap_bytes() < 100_000, "{}", pages.heap_bytes());
    }
}
