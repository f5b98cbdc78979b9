//! `PFMERGE` of keys in several slots.
//!
//! 1. The destination is guarded (`WATCH`), by a connection that nobody else uses.
//! 2. All keys are fetched (`DUMP`), the destination among them, and the command runs over the copies.
//! 3. The destination is overwritten, if it has not changed since 1 (`MULTI`, `RESTORE`, `EXEC`). If it has, all begins
//!    anew.
//!
//! So nothing that others add to the destination is lost, and it is written once or not at all.

use reddoor_protocol::request::Args;

use super::steps::{
    Copy, Next, Scene, Steps, copy_questions, first_error, guard, guarded, is_error, odd_answer,
    question,
};
use super::{Ask, ODD_ANSWER};
use crate::join::elements;

/// See the module.
#[derive(Debug)]
pub(super) struct Merge {
    args: Vec<Box<[u8]>>,
    /// The sources, each once, without the destination.
    sources: Vec<Box<[u8]>>,
    stage: Stage,
    reply: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Guarding,
    Reading,
    Writing,
}

impl Merge {
    /// The arguments of `PFMERGE`, of which there are at least two.
    pub(super) fn new(args: Args<'_>) -> Merge {
        let args: Vec<Box<[u8]>> = args.iter().map(Box::from).collect();
        let mut sources: Vec<Box<[u8]>> = args[2..].to_vec();
        sources.sort_unstable();
        sources.dedup();
        sources.retain(|source| *source != args[1]);
        Merge { args, sources, stage: Stage::Guarding, reply: Vec::new() }
    }

    fn destination(&self) -> &[u8] {
        &self.args[1]
    }

    fn read(&mut self, answers: &[&[u8]], scene: &mut Scene<'_>) -> Next {
        let (copied, values) = answers.split_at(answers.len().min(3));
        if let Some(error) = first_error(values) {
            return error;
        }
        let before = match Copy::read(copied) {
            Ok(before) => before,
            Err(next) => return next,
        };
        let reply = self.run_over_copies(before.as_ref(), values, scene);
        let after = scene.scratch.take(self.destination());
        scene.scratch.clear();
        match (reply, after) {
            (None, _) => odd_answer(),
            (Some(reply), Some(after)) if !is_error(&reply) => {
                self.reply = reply;
                self.stage = Stage::Writing;
                let key = self.destination();
                let before = before.unwrap_or_default();
                before.restore(key, &after.payload, true, |words| {
                    Next::Ask(vec![guarded(key, words)])
                })
            }
            (Some(reply), _) => Next::Reply(reply),
        }
    }

    /// The reply of the command over the copies; `None` when one of them is none.
    fn run_over_copies(
        &self,
        before: Option<&Copy<'_>>,
        values: &[&[u8]],
        scene: &mut Scene<'_>,
    ) -> Option<Vec<u8>> {
        if let Some(before) = before {
            scene.scratch.put(self.destination(), before.payload(), None).ok()?;
        }
        for (key, value) in self.sources.iter().zip(values) {
            if !elements::is_null(value) {
                scene.scratch.put(key, elements::bulk_text(value)?, None).ok()?;
            }
        }
        let words: Vec<&[u8]> = self.args.iter().map(AsRef::as_ref).collect();
        let mut reply = Vec::new();
        scene.scratch.run(Args::from_slices(&words), scene.resp, &mut reply);
        Some(reply)
    }
}

impl Steps for Merge {
    fn begin(&mut self) -> Vec<Ask> {
        self.stage = Stage::Guarding;
        vec![guard(self.destination())]
    }

    fn go_on(&mut self, answers: &[&[u8]], scene: &mut Scene<'_>) -> Next {
        let Some(first) = answers.first() else { return Next::Reply(ODD_ANSWER.to_vec()) };
        match self.stage {
            Stage::Guarding if is_error(first) => Next::Reply(first.to_vec()),
            Stage::Guarding => {
                self.stage = Stage::Reading;
                let mut asks = copy_questions(self.destination()).to_vec();
                asks.extend(self.sources.iter().map(|key| question(key, &[b"DUMP", key])));
                Next::Ask(asks)
            }
            Stage::Reading => self.read(answers, scene),
            Stage::Writing if elements::is_null(first) => Next::Ask(self.begin()),
            Stage::Writing if is_error(first) => Next::Reply(first.to_vec()),
            Stage::Writing => Next::Reply(std::mem::take(&mut self.reply)),
        }
    }
}
