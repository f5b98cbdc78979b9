//! What several commands answer alike: IDs, entries, lists whose length shows at their end.

use reddoor_protocol::encode::{ReplyWriter, write_header};

use crate::data::stream::id::Id;
use crate::data::stream::node::Entry;

pub(super) fn id(reply: &mut ReplyWriter<'_>, id: Id) {
    reply.bulk(id.text().as_bytes());
}

/// An entry: its ID, then names and values by turns.
pub(super) fn entry(reply: &mut ReplyWriter<'_>, entry: &Entry<'_>) {
    reply.array(2);
    id(reply, entry.id);
    reply.array(2 * entry.fields_count());
    let mut digits = itoa::Buffer::new();
    for (name, value) in entry.fields() {
        reply.bulk(name.bytes(&mut digits));
        reply.bulk(value.bytes(&mut digits));
    }
}

/// An array of entries.
pub(super) fn entries<'a>(reply: &mut ReplyWriter<'_>, entries: impl Iterator<Item = Entry<'a>>) {
    array(reply, |reply| entries.inspect(|found| entry(reply, found)).count());
}

/// An array whose elements are written first; `write` says how many they are.
pub(super) fn array(
    reply: &mut ReplyWriter<'_>,
    write: impl FnOnce(&mut ReplyWriter<'_>) -> usize,
) {
    let start = reply.out().len();
    let count = write(reply);
    insert_header(reply, start, b'*', count);
}

/// Puts a header before what was written from `start` on.
pub(super) fn insert_header(reply: &mut ReplyWriter<'_>, start: usize, kind: u8, count: usize) {
    let out = reply.out();
    let end = out.len();
    write_header(out, kind, count);
    let header_bytes = out.len() - end;
    out[start..].rotate_right(header_bytes);
}
