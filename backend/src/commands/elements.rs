//! Elements of a reply whose number is known only when the last one has been found.

use reddoor_protocol::encode::{ReplyWriter, write_bulk};

use crate::data::listpack::Entry;

/// Strings, as they will be sent.
#[derive(Debug, Default)]
pub(super) struct Elements {
    pub(super) count: usize,
    bytes: Vec<u8>,
}

impl Elements {
    pub(super) fn push(&mut self, element: &[u8]) {
        self.count += 1;
        write_bulk(&mut self.bytes, element);
    }

    pub(super) fn push_entry(&mut self, element: Entry<'_>) {
        self.push(element.bytes(&mut itoa::Buffer::new()));
    }

    /// Visits all elements in their order.
    pub(super) fn for_each(&self, mut visit: impl FnMut(&[u8])) {
        let mut rest = self.bytes.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let len =
                rest[1..end - 1].iter().fold(0, |n, digit| n * 10 + usize::from(digit - b'0'));
            let (element, behind) = rest[end + 1..].split_at(len);
            visit(element);
            rest = &behind[2..];
        }
    }

    pub(super) fn reply_as_array(&self, reply: &mut ReplyWriter<'_>) {
        reply.array(self.count);
        reply.raw(&self.bytes);
    }

    pub(super) fn reply_as_set(&self, reply: &mut ReplyWriter<'_>) {
        reply.set(self.count);
        reply.raw(&self.bytes);
    }
}

/// Writes one element of a collection.
#[inline]
pub(super) fn reply_with_entry(reply: &mut ReplyWriter<'_>, entry: Entry<'_>) {
    reply.bulk(entry.bytes(&mut itoa::Buffer::new()));
}
