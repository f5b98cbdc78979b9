//! `LMOVE` and `RPOPLPUSH` to a list in another slot, and `BLMOVE` and `BRPOPLPUSH`, which wait for the source.
//!
//! 1. The element at the source's end is looked at (`LINDEX`).
//! 2. The destination gets it (`LPUSH`, `RPUSH`).
//! 3. The source loses it: the first that is equal to it, seen from that end (`LREM`).
//! 4. If it is not there any more another client has taken it, so the destination loses what it got in 2, in the same
//!    way, and all begins anew. If the destination has none either, somebody has taken it there: then it was moved.
//!
//! Equal elements are interchangeable, so it does not matter which of them a step removes: each list gains and loses as
//! many of them as it would by the command. In between, or dead after 2, both lists have the element: who takes it from
//! one and who takes it from the other may both get it, but nobody misses it. No guard is needed, so a source that
//! others write all the time holds nothing up.

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use super::steps::{
    Next, Scene, Steps, ask, first_error, is_error, is_missing, may_hold, odd_answer, partly,
    question, question_by, refusal, refuse,
};
use super::{Ask, By};
use crate::join::elements;

/// See the module.
#[derive(Debug)]
pub(super) struct Element {
    source: Box<[u8]>,
    destination: Box<[u8]>,
    from: End,
    to: End,
    stage: Stage,
    /// The answer with the element that is moved.
    element: Vec<u8>,
    /// The source, if it is waited for.
    awaited: Vec<Box<[u8]>>,
    /// Whether it has waited: then a source of another type is waited for, too.
    has_waited: bool,
}

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Left,
    Right,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Its node is asked to tell when the source changes.
    Registering,
    Looking,
    Pushing,
    Removing,
    TakingBack,
}

impl End {
    /// The end that a word names, which was checked before.
    fn of(word: &[u8]) -> End {
        if word.eq_ignore_ascii_case(b"LEFT") { End::Left } else { End::Right }
    }

    /// How `LREM` counts from here.
    fn first(self) -> &'static [u8] {
        match self {
            End::Left => b"1",
            End::Right => b"-1",
        }
    }
}

impl Element {
    /// The arguments of one of the commands, which were checked.
    pub(super) fn new(args: Args<'_>, waits: bool) -> Element {
        let (from, to) = match (args.get(3), args.get(4)) {
            (Some(from), Some(to)) => (End::of(from), End::of(to)),
            _ => (End::Right, End::Left),
        };
        let (source, destination): (Box<[u8]>, _) = (args[1].into(), args[2].into());
        let awaited = if waits { vec![source.clone()] } else { Vec::new() };
        let (stage, element, has_waited) = (Stage::Looking, Vec::new(), false);
        Element { source, destination, from, to, stage, element, awaited, has_waited }
    }

    fn look(&mut self) -> Vec<Ask> {
        self.stage = Stage::Looking;
        let index: &[u8] = match self.from {
            End::Left => b"0",
            End::Right => b"-1",
        };
        vec![
            question(&self.source, &[b"LINDEX", &self.source, index]),
            question(&self.destination, &[b"TYPE", &self.destination]),
        ]
    }

    fn wait(&mut self) -> Next {
        self.has_waited = true;
        Next::Wait
    }

    fn looked(&mut self, answers: &[&[u8]]) -> Next {
        let is_odd = answers.first().is_some_and(|answer| answer.starts_with(b"-WRONGTYPE "));
        if is_odd && self.has_waited {
            return self.wait();
        }
        if let Some(error) = first_error(&answers[..answers.len().min(1)]) {
            return error;
        }
        let &[element, destination] = answers else { return odd_answer() };
        if elements::is_null(element) {
            return match self.awaited.is_empty() {
                true => Next::Reply(element.to_vec()),
                false => self.wait(),
            };
        }
        if let Some(error) = first_error(&[destination]) {
            return error;
        }
        if !may_hold(destination, "list") {
            return refuse(&ReplyError::WRONG_TYPE);
        }
        let Some(text) = elements::bulk_text(element) else { return odd_answer() };
        self.element = element.to_vec();
        self.stage = Stage::Pushing;
        let push: &[u8] = match self.to {
            End::Left => b"LPUSH",
            End::Right => b"RPUSH",
        };
        ask(&self.destination, &[push, &self.destination, text])
    }

    fn remove(&mut self, stage: Stage, key: &[u8], end: End) -> Next {
        self.stage = stage;
        let text = elements::bulk_text(&self.element).unwrap_or_default();
        ask(key, &[b"LREM", key, end.first(), text])
    }
}

impl Steps for Element {
    fn begin(&mut self) -> Vec<Ask> {
        if self.awaited.is_empty() {
            return self.look();
        }
        self.stage = Stage::Registering;
        vec![question_by(By::Lookout, &self.source, &[b"TYPE", &self.source])]
    }

    fn check(&self, args: Args<'_>, scene: &mut Scene<'_>) -> Option<Vec<u8>> {
        refusal(args, scene)
    }

    fn go_on(&mut self, answers: &[&[u8]], _: &mut Scene<'_>) -> Next {
        let Some(first) = answers.first() else { return odd_answer() };
        let has_removed = *first != b":0\r\n";
        match self.stage {
            Stage::Registering if is_error(first) => Next::Reply(first.to_vec()),
            Stage::Registering if is_missing(first) => self.wait(),
            Stage::Registering => Next::Ask(self.look()),
            Stage::Looking => self.looked(answers),
            Stage::Pushing if is_error(first) => Next::Reply(first.to_vec()),
            Stage::Pushing => {
                let source = self.source.clone();
                self.remove(Stage::Removing, &source, self.from)
            }
            Stage::Removing | Stage::TakingBack if is_error(first) => {
                partly("the destination has the element, and so may the source", first)
            }
            Stage::Removing if has_removed => Next::Reply(std::mem::take(&mut self.element)),
            Stage::Removing => {
                let destination = self.destination.clone();
                self.remove(Stage::TakingBack, &destination, self.to)
            }
            Stage::TakingBack if has_removed => Next::Ask(self.begin()),
            Stage::TakingBack => Next::Reply(std::mem::take(&mut self.element)),
        }
    }

    fn awaited(&self) -> &[Box<[u8]>] {
        &self.awaited
    }
}
