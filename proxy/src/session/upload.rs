//! A request that is handed on as it comes, because it is large: how far that is.
//!
//! Not here: its bytes, and the link that takes them (`worker/uploads`).

use reddoor_protocol::request::passage::Passage;

use super::{Pending, Session};
use crate::errand::Seq;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upload {
    /// The place of its reply.
    pub(crate) seq: Seq,
    /// What becomes of what comes.
    pub(crate) stage: UploadStage,
}

/// What becomes of the bytes of a large request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UploadStage {
    /// Its node is looked for; nothing more is read.
    Asking,
    /// They go to the node.
    Passing(Passage),
    /// The request is answered already; they are dropped, as far as they belong to it.
    Dropping(Passage),
}

impl Session {
    /// Whether a large request is on its way that has no reply yet.
    pub(crate) fn is_uploading(&self) -> bool {
        let is_open = |upload: &Upload| !matches!(upload.stage, UploadStage::Dropping(_));
        self.upload.as_deref().is_some_and(is_open)
    }

    /// The first request of the queue is on time, and has until then for its reply.
    pub(crate) fn extend_first(&mut self, deadline_us: u64) {
        if let Some(Pending::Waiting(outstanding)) = self.queue.front_mut() {
            outstanding.deadline_us = outstanding.deadline_us.max(deadline_us);
        }
    }

    /// Whether the large request has been answered before its node was found.
    pub(crate) fn is_upload_late(&self) -> bool {
        let late = |upload: &Upload| {
            upload.stage == UploadStage::Asking && self.outstanding(upload.seq).is_none()
        };
        self.upload.as_deref().is_some_and(late)
    }

    /// The large request has its reply before its end: the rest is dropped.
    pub(crate) fn drop_upload(&mut self) {
        if let Some(upload) = &mut self.upload
            && let UploadStage::Passing(passage) = upload.stage
        {
            upload.stage = UploadStage::Dropping(passage);
        }
    }
}
