//! A node's reply with the client's keys in the place of stored ones.
//!
//! In: a whole reply, and what is known of the request that it answers. Out: the reply as the client gets it. What has
//! not the shape that its command's row says is left as it is.

use std::collections::VecDeque;
use std::sync::Arc;

use reddoor_protocol::command::reply_keys::ReplyKeys;
use reddoor_protocol::encode::{write_bulk, write_header};

use super::Mapping;
use crate::errand::Seq;
use crate::join::elements::{self, bulk_text};

/// Where keys stand in the reply to a mapped request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReplyShape {
    /// Where its command's row says.
    Keys(ReplyKeys),
    /// Nowhere: it answers the renaming that `MOVE` became.
    Moved,
    /// In elements of a transaction's reply, by their positions, which ascend.
    Elements(Vec<(usize, ReplyShape)>),
}

/// What is known of a mapped request whose reply is outstanding.
#[derive(Clone, Debug)]
pub(crate) struct MappedReply {
    /// By what it was mapped.
    pub(crate) mapping: Arc<Mapping>,
    /// Where keys stand.
    pub(crate) shape: ReplyShape,
    /// The database whose keys the client wants to see where it asked for all.
    pub(crate) database: u32,
    /// The pattern that they have to fit.
    pub(crate) pattern: Option<Box<[u8]>>,
}

impl MappedReply {
    /// Appends the reply as the client gets it.
    pub(crate) fn write(&self, reply: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        if self.write_shaped(&self.shape, reply, out).is_none() {
            out.truncate(start);
            out.extend_from_slice(reply);
        }
    }

    /// `None` when the reply has another shape.
    fn write_shaped(&self, shape: &ReplyShape, reply: &[u8], out: &mut Vec<u8>) -> Option<()> {
        if reply.first() == Some(&b'-') {
            return self.write_error(shape, reply, out);
        }
        match shape {
            ReplyShape::Moved | ReplyShape::Keys(ReplyKeys::None | ReplyKeys::ErrorText) => None,
            ReplyShape::Keys(ReplyKeys::Whole) => self.write_key(reply, out),
            ReplyShape::Keys(ReplyKeys::Each) => self.write_visible(reply, out),
            ReplyShape::Keys(ReplyKeys::Page) => {
                let [cursor, keys] = elements::of(reply)?[..] else { return None };
                write_header(out, b'*', 2);
                out.extend_from_slice(cursor);
                self.write_visible(keys, out)
            }
            ReplyShape::Keys(ReplyKeys::First) => {
                let elements = elements::of(reply)?;
                let (key, rest) = elements.split_first()?;
                write_header(out, b'*', elements.len());
                self.write_key(key, out)?;
                rest.iter().for_each(|element| out.extend_from_slice(element));
                Some(())
            }
            ReplyShape::Keys(ReplyKeys::Pairs) => self.write_pairs(reply, out),
            ReplyShape::Elements(shapes) => self.write_elements(shapes, reply, out),
        }
    }

    fn write_key(&self, element: &[u8], out: &mut Vec<u8>) -> Option<()> {
        write_bulk(out, self.mapping.client_key(bulk_text(element)?).1);
        Some(())
    }

    /// Of an array of stored keys, those that the client asked for.
    fn write_visible(&self, reply: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let (mut keys, mut count) = (Vec::new(), 0);
        for element in elements::of(reply)? {
            let stored = bulk_text(element)?;
            if let Some(key) = self.mapping.visible(self.database, self.pattern.as_deref(), stored)
            {
                write_bulk(&mut keys, key);
                count += 1;
            }
        }
        write_header(out, b'*', count);
        out.extend_from_slice(&keys);
        Some(())
    }

    fn write_pairs(&self, reply: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let elements = elements::of(reply)?;
        if reply.first() == Some(&b'%') {
            write_header(out, b'%', elements.len() / 2);
            for pair in elements.chunks_exact(2) {
                self.write_key(pair[0], out)?;
                out.extend_from_slice(pair[1]);
            }
            return Some(());
        }
        write_header(out, b'*', elements.len());
        for pair in elements {
            let [key, value] = elements::of(pair)?[..] else { return None };
            write_header(out, b'*', 2);
            self.write_key(key, out)?;
            out.extend_from_slice(value);
        }
        Some(())
    }

    /// Shapes do not nest further: a transaction has none inside.
    fn write_elements(
        &self,
        shapes: &[(usize, ReplyShape)],
        reply: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let elements = elements::of(reply)?;
        write_header(out, b'*', elements.len());
        let mut shapes = shapes.iter().peekable();
        for (index, element) in elements.into_iter().enumerate() {
            let shape = shapes.next_if(|(position, _)| *position == index);
            let start = out.len();
            let written = match shape {
                Some((_, shape @ (ReplyShape::Keys(_) | ReplyShape::Moved))) => {
                    self.write_shaped(shape, element, out)
                }
                Some((_, ReplyShape::Elements(_))) | None => None,
            };
            if written.is_none() {
                out.truncate(start);
                out.extend_from_slice(element);
            }
        }
        Some(())
    }

    fn write_error(&self, shape: &ReplyShape, reply: &[u8], out: &mut Vec<u8>) -> Option<()> {
        if *shape == ReplyShape::Moved && reply == NO_SUCH_KEY {
            out.extend_from_slice(b":0\r\n");
            return Some(());
        }
        // Between every other pair of quotes stands a name.
        for (index, text) in reply.split(|byte| *byte == b'\'').enumerate() {
            if index > 0 {
                out.push(b'\'');
            }
            let is_name = !index.is_multiple_of(2);
            out.extend_from_slice(if is_name { self.mapping.client_key(text).1 } else { text });
        }
        Some(())
    }
}

/// What `RENAMENX` answers when there is nothing to be renamed, and `MOVE` calls 0.
const NO_SUCH_KEY: &[u8] = b"-ERR no such key\r\n";

/// The mapped requests of one client whose replies are outstanding, in the order of the requests.
#[derive(Debug, Default)]
pub(crate) struct MappedReplies(VecDeque<(Seq, MappedReply)>);

impl MappedReplies {
    /// Whether there is none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The reply to this request, later than all that are known, has to be mapped.
    pub(crate) fn expect(&mut self, seq: Seq, reply: MappedReply) {
        self.0.push_back((seq, reply));
    }

    /// Whether the reply to this request has to be mapped.
    pub(crate) fn is_expected(&self, seq: Seq) -> bool {
        self.find(seq).is_some()
    }

    fn find(&self, seq: Seq) -> Option<usize> {
        self.0.binary_search_by_key(&seq, |(seq, _)| *seq).ok()
    }

    /// Maps the reply to a request, which stands at the end of `out` from `start`, if it has to be.
    pub(crate) fn apply(&mut self, seq: Seq, out: &mut Vec<u8>, start: usize) {
        let Some((_, mapped)) = self.find(seq).and_then(|index| self.0.remove(index)) else {
            return;
        };
        let reply = out.split_off(start);
        mapped.write(&reply, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_mapping::tests::both;

    fn check(shape: ReplyShape, reply: &str, expect: &str) {
        let reply_of = MappedReply {
            mapping: Arc::new(both()),
            shape,
            database: 3,
            pattern: Some(b"[fq]*"[..].into()),
        };
        let mut out = Vec::new();
        reply_of.write(reply.as_bytes(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expect);
    }

    #[test]
    fn keys_come_back_where_the_row_says() {
        use ReplyKeys::{Each, ErrorText, First, Page, Pairs, Whole};
        let shape = ReplyShape::Keys;
        check(shape(Whole), "$10\r\n~db3={foo}\r\n", "$3\r\nfoo\r\n");
        check(shape(Whole), "$-1\r\n", "$-1\r\n");
        check(shape(First), "*2\r\n$10\r\n~db3={foo}\r\n:1\r\n", "*2\r\n$3\r\nfoo\r\n:1\r\n");
        check(shape(First), "*-1\r\n", "*-1\r\n");
        check(shape(First), "_\r\n", "_\r\n");
        let keys = "*4\r\n$10\r\n~db3={foo}\r\n$10\r\n~db4={foo}\r\n$8\r\n~db3={x}\r\n$12\r\n~db3:{~q}qab\r\n";
        let visible = "*2\r\n$3\r\nfoo\r\n$3\r\nqab\r\n";
        check(shape(Each), keys, visible);
        check(
            shape(Page),
            &format!("*2\r\n$1\r\n7\r\n{keys}"),
            &format!("*2\r\n$1\r\n7\r\n{visible}"),
        );
        check(
            shape(Pairs),
            "*1\r\n*2\r\n$8\r\n~db3={a}\r\n*0\r\n",
            "*1\r\n*2\r\n$1\r\na\r\n*0\r\n",
        );
        check(shape(Pairs), "%1\r\n$8\r\n~db3={a}\r\n*0\r\n", "%1\r\n$1\r\na\r\n*0\r\n");
        check(
            shape(ErrorText),
            "-NOGROUP No such key '~db3={a}' or consumer group 'g'\r\n",
            "-NOGROUP No such key 'a' or consumer group 'g'\r\n",
        );
        check(shape(Pairs), "-ERR no quotes here\r\n", "-ERR no quotes here\r\n");
    }

    #[test]
    fn a_move_of_nothing_is_no_error() {
        check(ReplyShape::Moved, "-ERR no such key\r\n", ":0\r\n");
        check(ReplyShape::Moved, ":1\r\n", ":1\r\n");
        check(ReplyShape::Moved, "-OOM x\r\n", "-OOM x\r\n");
    }

    #[test]
    fn elements_of_a_transaction_are_mapped_by_their_places() {
        let first = ReplyShape::Keys(ReplyKeys::First);
        let shapes = vec![(1, first), (2, ReplyShape::Moved)];
        check(
            ReplyShape::Elements(shapes),
            "*3\r\n$8\r\n~db3={a}\r\n*2\r\n$8\r\n~db3={a}\r\n:1\r\n-ERR no such key\r\n",
            "*3\r\n$8\r\n~db3={a}\r\n*2\r\n$1\r\na\r\n:1\r\n:0\r\n",
        );
    }

    #[test]
    fn replies_are_mapped_once_in_any_order() {
        let mut replies = MappedReplies::default();
        let mapped =
            |shape| MappedReply { mapping: Arc::new(both()), shape, database: 3, pattern: None };
        replies.expect(Seq(4), mapped(ReplyShape::Moved));
        replies.expect(Seq(7), mapped(ReplyShape::Keys(ReplyKeys::Whole)));
        let mut out = b"before$8\r\n~db3={a}\r\n".to_vec();
        replies.apply(Seq(7), &mut out, 6);
        assert_eq!(out, b"before$1\r\na\r\n");
        replies.apply(Seq(5), &mut out, 6);
        replies.apply(Seq(4), &mut out, 6);
        assert_eq!(out, b"before$1\r\na\r\n");
        assert!(replies.is_empty());
    }
}
