//! What reading for a group and claiming become for those who repeat it: who has which entry pending, since when.
//!
//! Source: redis `src/t_stream.c` streamPropagateXCLAIM, streamPropagateGroupID.

use crate::data::stream::group::Pending;
use crate::data::stream::id::Id;
use crate::execute::Call;

/// An entry that a consumer has pending from now on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) id: Id,
    /// In milliseconds since 1970.
    pub(super) delivered_at_ms: i64,
    pub(super) deliveries: u64,
    /// How far the group has come.
    pub(super) last_id: Id,
}

impl Claim {
    /// An entry that was never given out before.
    pub(super) fn of_new(id: Id, now_ms: i64) -> Claim {
        Claim { id, delivered_at_ms: now_ms, deliveries: 1, last_id: id }
    }

    pub(super) fn of_pending(id: Id, pending: &Pending, last_id: Id) -> Claim {
        let Pending { delivered_at_ms, deliveries, .. } = *pending;
        Claim { id, delivered_at_ms, deliveries, last_id }
    }

    /// Tells that the consumer has it, whoever had it before.
    pub(super) fn propagate(&self, call: &mut Call<'_>, key: &[u8], group: &[u8], consumer: &[u8]) {
        let (mut time, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
        let (id, last_id) = (self.id.text(), self.last_id.text());
        call.propagate_too(&[
            b"XCLAIM",
            key,
            group,
            consumer,
            b"0",
            id.as_bytes(),
            b"TIME",
            time.format(self.delivered_at_ms).as_bytes(),
            b"RETRYCOUNT",
            count.format(self.deliveries).as_bytes(),
            b"FORCE",
            b"JUSTID",
            b"LASTID",
            last_id.as_bytes(),
        ]);
    }
}

/// Tells how far a group has come, where no claim tells it.
pub(super) fn progress(
    call: &mut Call<'_>,
    key: &[u8],
    group: &[u8],
    last_id: Id,
    entries_read: Option<u64>,
) {
    let (id, mut digits) = (last_id.text(), itoa::Buffer::new());
    let count = match entries_read {
        Some(count) => digits.format(count).as_bytes(),
        None => b"-1",
    };
    call.propagate_too(&[b"XGROUP", b"SETID", key, group, id.as_bytes(), b"ENTRIESREAD", count]);
}

/// Tells of a consumer that has nothing pending.
pub(super) fn consumer(call: &mut Call<'_>, key: &[u8], group: &[u8], consumer: &[u8]) {
    call.propagate_too(&[b"XGROUP", b"CREATECONSUMER", key, group, consumer]);
}
