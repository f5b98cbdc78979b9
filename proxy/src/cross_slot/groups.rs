//! `XREADGROUP` over streams in several slots.
//!
//! 1. Each stream is asked whether it has the group (`XPENDING`). If one has not, the command is sent for that stream
//!    alone, and what its node says is the reply: nothing is handed out that the client would not be told of.
//! 2. Each slot is asked for what is new in its streams, and the answers are laid in the client's order.
//!
//! What a slot has handed out stands in the consumer's list of pending entries, as always; so if another slot fails in
//! 2, the reply is an error, and the consumer finds them there. With `NOACK` they are in no list, and lost with the
//! reply, as they are with a connection.

use reddoor_protocol::request::Args;

use super::steps::{Next, Scene, Steps, is_error, odd_answer, partly, question};
use super::{Ask, streams};
use crate::key_mapping;

/// See the module.
#[derive(Debug)]
pub(super) struct Groups {
    /// The request, without `BLOCK`.
    args: Vec<Box<[u8]>>,
    /// The argument of the first key.
    first: usize,
    stage: Stage,
    /// For each slot the places of its streams among all.
    places: Vec<Vec<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Checking,
    /// Only one stream is asked, which refuses, or did a moment ago.
    Naming,
    Reading,
}

impl Groups {
    /// A request without `BLOCK`, of which the keys begin at this argument.
    pub(super) fn new(args: Args<'_>, first: usize) -> Groups {
        let args = args.iter().map(Box::from).collect();
        Groups { args, first, stage: Stage::Checking, places: Vec::new() }
    }

    fn words(&self) -> Vec<&[u8]> {
        self.args.iter().map(AsRef::as_ref).collect()
    }

    fn count(&self) -> usize {
        (self.args.len() - self.first) / 2
    }

    fn keys(&self) -> &[Box<[u8]>] {
        &self.args[self.first..self.first + self.count()]
    }

    /// The word behind `GROUP`; that it stands there the command's arity and the place of its keys do not tell.
    fn group(&self) -> &[u8] {
        let at = self.args.iter().position(|arg| arg.eq_ignore_ascii_case(b"GROUP"));
        at.and_then(|at| self.args.get(at + 1)).map_or(b"", AsRef::as_ref)
    }

    fn read(&mut self) -> Next {
        self.stage = Stage::Reading;
        let words = self.words();
        let parts = streams::parts(Args::from_slices(&words), self.first, self.count());
        let (places, asks) = parts.into_iter().unzip();
        self.places = places;
        Next::Ask(asks)
    }

    /// The request for one stream alone.
    fn name(&mut self, place: usize) -> Next {
        self.stage = Stage::Naming;
        let key = self.first + place;
        let mut words = self.words();
        let (key, id) = (words[key], words[key + self.count()]);
        words.truncate(self.first);
        words.extend([key, id]);
        Next::Ask(vec![Ask::new(key_mapping::slot_of(key), &words)])
    }

    fn join(&self, answers: &[&[u8]], scene: &Scene<'_>) -> Next {
        if let Some(error) = answers.iter().find(|answer| is_error(answer)) {
            let done = "entries of some streams are pending for the consumer";
            let have_all_failed =
                answers.len() == self.places.len() && answers.iter().all(|answer| is_error(answer));
            return if have_all_failed { Next::Reply(error.to_vec()) } else { partly(done, error) };
        }
        let words = self.words();
        let parts: Vec<(&[usize], &[u8])> =
            self.places.iter().map(Vec::as_slice).zip(answers.iter().copied()).collect();
        match streams::join(Args::from_slices(&words), &parts, scene.resp) {
            Some(reply) => Next::Reply(reply),
            None => odd_answer(),
        }
    }
}

impl Steps for Groups {
    fn begin(&mut self) -> Vec<Ask> {
        self.stage = Stage::Checking;
        let group = self.group();
        self.keys().iter().map(|key| question(key, &[b"XPENDING", key, group])).collect()
    }

    fn go_on(&mut self, answers: &[&[u8]], scene: &mut Scene<'_>) -> Next {
        match self.stage {
            Stage::Checking => match answers.iter().position(|answer| is_error(answer)) {
                Some(place) => self.name(place),
                None => self.read(),
            },
            Stage::Naming => {
                answers.first().map_or_else(odd_answer, |said| Next::Reply(said.to_vec()))
            }
            Stage::Reading => self.join(answers, scene),
        }
    }
}
