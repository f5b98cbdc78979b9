//! `MSETNX` of keys in several slots.
//!
//! 1. All keys are looked at (`EXISTS`). If any is there the reply is 0, and nothing was written.
//! 2. The slots get their keys one after the other (`MSETNX`), in ascending order, so that of two who set the same keys
//!    the one goes first everywhere that went first in their lowest slot.
//! 3. If a slot has one of its keys after all, what was set in 2 is taken back, the last first: the keys are guarded
//!    (`WATCH`), looked at (`MGET`), and those that still hold what they were set to are deleted (`MULTI`, `DEL`,
//!    `EXEC`). If one has changed meanwhile it is looked at again.
//!
//! So 1 is only answered when every key was set and none was there. Dead between two steps of 2 or 3, some keys are set
//! and others are not; nothing that others have written is gone. What is taken back is known by its value: see
//! docs/cross-slot.md for who writes that same value in that moment.

use reddoor_protocol::request::Args;
use reddoor_protocol::slot::Slot;

use super::steps::{
    Next, Scene, Steps, first_error, is_error, odd_answer, partly, question_to, refusal,
};
use super::{Ask, By};
use crate::join::elements;
use crate::key_mapping;

/// See the module.
#[derive(Debug)]
pub(super) struct SetIfNone {
    /// In ascending order of slots.
    parts: Vec<Part>,
    stage: Stage,
    /// What the client is told when all is taken back.
    verdict: Vec<u8>,
}

/// A key and its value.
type Pair = (Box<[u8]>, Box<[u8]>);

/// The keys of one slot, in the order of the request.
#[derive(Debug)]
struct Part {
    slot: Slot,
    pairs: Vec<Pair>,
}

/// What is asked, and of which part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Looking,
    Setting(usize),
    Guarding(usize),
    Comparing(usize),
    TakingBack(usize),
}

impl SetIfNone {
    /// The arguments of `MSETNX`, of which there are at least three.
    pub(super) fn new(args: Args<'_>) -> SetIfNone {
        let mut pairs: Vec<(Slot, usize)> = (1..args.len().saturating_sub(1))
            .step_by(2)
            .map(|arg| (key_mapping::slot_of(&args[arg]), arg))
            .collect();
        pairs.sort_unstable();
        let parts = pairs.chunk_by(|a, b| a.0 == b.0).map(|pairs| {
            let pair = |(_, arg): &(Slot, usize)| (args[*arg].into(), args[arg + 1].into());
            Part { slot: pairs[0].0, pairs: pairs.iter().map(pair).collect() }
        });
        SetIfNone { parts: parts.collect(), stage: Stage::Looking, verdict: Vec::new() }
    }

    fn looked(&mut self, answers: &[&[u8]]) -> Next {
        if let Some(error) = first_error(answers) {
            return error;
        }
        if answers.iter().any(|answer| *answer != NONE) {
            return Next::Reply(NONE.to_vec());
        }
        self.set(0)
    }

    fn set(&mut self, at: usize) -> Next {
        let Some(part) = self.parts.get(at) else { return Next::Reply(b":1\r\n".to_vec()) };
        self.stage = Stage::Setting(at);
        let pairs = part.pairs.iter().flat_map(|(key, value)| [&**key, &**value]);
        Next::Ask(vec![part.ask(By::Usual, b"MSETNX", pairs)])
    }

    fn has_set(&mut self, at: usize, answer: &[u8]) -> Next {
        match answer {
            b":1\r\n" => return self.set(at + 1),
            _ if at == 0 => return Next::Reply(answer.to_vec()),
            _ if may_have_run(answer) => {
                return partly(
                    "the keys of some slots are set, and so may be those of one more",
                    answer,
                );
            }
            _ => {}
        }
        self.verdict = answer.to_vec();
        self.guard(at - 1)
    }

    fn guard(&mut self, at: usize) -> Next {
        self.stage = Stage::Guarding(at);
        Next::Ask(vec![self.parts[at].ask(
            By::Guard { replies: 1 },
            b"WATCH",
            self.parts[at].keys(),
        )])
    }

    fn compare(&mut self, at: usize, answer: &[u8]) -> Next {
        let part = &self.parts[at];
        let Some(values) = elements::of(answer) else { return odd_answer() };
        let mut own: Vec<&[u8]> = Vec::new();
        for (key, value) in part.keys().zip(values) {
            if elements::bulk_text(value) == part.value_of(key) && !own.contains(&key) {
                own.push(key);
            }
        }
        if own.is_empty() {
            return self.taken_back(at);
        }
        self.stage = Stage::TakingBack(at);
        let words: Vec<&[u8]> = [&b"DEL"[..]].into_iter().chain(own).collect();
        Next::Ask(vec![super::steps::guarded(words[1], &words)])
    }

    fn taken_back(&mut self, at: usize) -> Next {
        match at.checked_sub(1) {
            Some(before) => self.guard(before),
            None => Next::Reply(std::mem::take(&mut self.verdict)),
        }
    }
}

impl Part {
    fn keys(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.pairs.iter().map(|(key, _)| &**key)
    }

    /// What a key was set to: a request may name it twice.
    fn value_of(&self, key: &[u8]) -> Option<&[u8]> {
        self.pairs.iter().rev().find(|(own, _)| **own == *key).map(|(_, value)| &**value)
    }

    fn ask<'a>(&self, by: By, name: &'a [u8], words: impl Iterator<Item = &'a [u8]>) -> Ask {
        let words: Vec<&[u8]> = [name].into_iter().chain(words).collect();
        question_to(by, self.slot, &words)
    }
}

impl Steps for SetIfNone {
    fn begin(&mut self) -> Vec<Ask> {
        self.stage = Stage::Looking;
        self.parts.iter().map(|part| part.ask(By::Usual, b"EXISTS", part.keys())).collect()
    }

    fn check(&self, args: Args<'_>, scene: &mut Scene<'_>) -> Option<Vec<u8>> {
        refusal(args, scene)
    }

    fn go_on(&mut self, answers: &[&[u8]], _: &mut Scene<'_>) -> Next {
        let Some(first) = answers.first() else { return odd_answer() };
        match self.stage {
            Stage::Looking => self.looked(answers),
            Stage::Setting(at) => self.has_set(at, first),
            Stage::Guarding(_) | Stage::Comparing(_) | Stage::TakingBack(_) if is_error(first) => {
                partly("a key was there already, and of the others some are set", first)
            }
            Stage::Guarding(at) => {
                self.stage = Stage::Comparing(at);
                let part = &self.parts[at];
                Next::Ask(vec![part.ask(By::Usual, b"MGET", part.keys())])
            }
            Stage::Comparing(at) => self.compare(at, first),
            Stage::TakingBack(at) if elements::is_null(first) => self.guard(at),
            Stage::TakingBack(at) => self.taken_back(at),
        }
    }
}

/// Of some errors nobody knows whether the command was applied; what is answered in the place of a reply that had come
/// too late, or was lost, is one of them.
fn may_have_run(answer: &[u8]) -> bool {
    [&b"-LINKLOST "[..], b"-TIMEOUT ", b"-BADREPLY "].iter().any(|code| answer.starts_with(code))
}

const NONE: &[u8] = b":0\r\n";
