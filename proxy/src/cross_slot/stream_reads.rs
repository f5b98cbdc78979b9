//! `XREADGROUP` over streams in several slots, and `XREAD` that waits for one of them.
//!
//! 1. Each stream is looked at: whether it has the group (`XPENDING`), where it ends if only what comes later is wanted
//!    (`XINFO STREAM` for `$`), and, where the command may wait, anything (`TYPE`) so that its node tells when it
//!    changes. If one has not the group, or its id is none, the command is sent for that stream alone, and what its node
//!    says is the reply: nothing is handed out that the client would not be told of.
//! 2. Each slot is asked for what is new in its streams, and the answers are laid in the client's order.
//! 3. If there is nothing and the command may wait, it waits until a stream changes, and that one is looked at and read.
//!
//! What a slot has handed out to a group stands in the consumer's list of pending entries, as always; so if another slot
//! fails in 2, the reply is an error, and the consumer finds them there. With `NOACK` they are in no list, and lost with
//! the reply, as they are with a connection.

use reddoor_protocol::request::Args;

use super::steps::{
    Next, Scene, Steps, first_error, is_error, odd_answer, partly, question, question_by, refusal,
};
use super::{Ask, By, streams};
use crate::join::elements;
use crate::key_mapping;

/// See the module.
#[derive(Debug)]
pub(super) struct StreamReads {
    /// The request, without `BLOCK`.
    args: Vec<Box<[u8]>>,
    /// The argument of the first key.
    first: usize,
    group: Option<Box<[u8]>>,
    waits: bool,
    stage: Stage,
    /// What the questions of the first step are for: a stream's place.
    looks: Vec<(Look, usize)>,
    /// For each slot the places of its streams among all.
    places: Vec<Vec<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Looking,
    /// Only the stream at this place has changed.
    LookingAgain(usize),
    Reading,
    /// Only one stream is read.
    ReadingOne,
}

/// What a stream is looked at for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Group,
    End,
    Change,
}

impl StreamReads {
    /// A request of which the keys begin at this argument and are followed by as many ids.
    pub(super) fn new(
        args: Args<'_>,
        mut first: usize,
        group: Option<&[u8]>,
        waits: bool,
    ) -> StreamReads {
        let mut words: Vec<Box<[u8]>> = args.iter().map(Box::from).collect();
        let block = words[..first].iter().position(|word| word.eq_ignore_ascii_case(b"BLOCK"));
        if let Some(at) = block.filter(|at| waits && at + 2 < first) {
            words.drain(at..at + 2);
            first -= 2;
        }
        let group = group.map(Box::from);
        let (stage, looks, places) = (Stage::Looking, Vec::new(), Vec::new());
        StreamReads { args: words, first, group, waits, stage, looks, places }
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

    fn id(&self, place: usize) -> &[u8] {
        &self.args[self.first + self.count() + place]
    }

    /// What is to be known of a stream.
    fn looks_at(&self, place: usize) -> Vec<Look> {
        let ends = self.group.is_none() && self.id(place) == b"$";
        let looks =
            [(Look::Group, self.group.is_some()), (Look::End, ends), (Look::Change, self.waits)];
        looks.into_iter().filter_map(|(look, is_wanted)| is_wanted.then_some(look)).collect()
    }

    fn look(&mut self, stage: Stage, places: std::ops::Range<usize>) -> Vec<Ask> {
        self.stage = stage;
        self.looks = places
            .flat_map(|place| self.looks_at(place).into_iter().map(move |look| (look, place)))
            .collect();
        let group = self.group.as_deref().unwrap_or_default();
        let ask = |(look, place): &(Look, usize)| {
            let key = &self.keys()[*place];
            match look {
                Look::Group => question(key, &[b"XPENDING", key, group]),
                Look::End => question(key, &[b"XINFO", b"STREAM", key]),
                Look::Change => question_by(By::Lookout, key, &[b"TYPE", key]),
            }
        };
        self.looks.iter().map(ask).collect()
    }

    /// Takes what the looks have found; gives back what ends the command.
    fn looked(&mut self, answers: &[&[u8]]) -> Result<(), Next> {
        let looks = std::mem::take(&mut self.looks);
        if looks.len() != answers.len() {
            return Err(first_error(answers).unwrap_or_else(odd_answer));
        }
        let odd = (0..self.count()).find(|place| self.group.is_some() && !is_id(self.id(*place)));
        let refusing = looks.iter().zip(answers).find_map(|((look, place), answer)| {
            (*look == Look::Group && is_error(answer)).then_some(*place)
        });
        if let Some(place) = odd.into_iter().chain(refusing).min() {
            return Err(self.read_one(place));
        }
        for ((look, place), answer) in looks.into_iter().zip(answers) {
            match look {
                Look::Change if is_error(answer) => return Err(Next::Reply(answer.to_vec())),
                Look::End => {
                    let at = self.first + self.count() + place;
                    self.args[at] = end_of(answer)?.into();
                }
                Look::Group | Look::Change => {}
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Next {
        self.stage = Stage::Reading;
        let words = self.words();
        let parts = streams::parts(Args::from_slices(&words), self.first, self.count());
        let (places, asks) = parts.into_iter().unzip();
        self.places = places;
        Next::Ask(asks)
    }

    /// The request for one stream alone; its answer needs nothing to be the client's.
    fn read_one(&mut self, place: usize) -> Next {
        self.stage = Stage::ReadingOne;
        let key = self.first + place;
        let mut words = self.words();
        let (key, id) = (words[key], words[key + self.count()]);
        words.truncate(self.first);
        words.extend([key, id]);
        Next::Ask(vec![Ask::new(key_mapping::slot_of(key), &words)])
    }

    fn join(&self, answers: &[&[u8]], scene: &Scene<'_>) -> Next {
        if let Some(error) = answers.iter().find(|answer| is_error(answer)) {
            let is_nothing_done = self.group.is_none()
                || answers.len() == self.places.len() && answers.iter().all(|said| is_error(said));
            let done = "entries of some streams are pending for the consumer";
            return if is_nothing_done { Next::Reply(error.to_vec()) } else { partly(done, error) };
        }
        let words = self.words();
        let parts: Vec<(&[usize], &[u8])> =
            self.places.iter().map(Vec::as_slice).zip(answers.iter().copied()).collect();
        match streams::join(Args::from_slices(&words), &parts, scene.resp) {
            Some(reply) => self.reply_or_wait(reply),
            None => odd_answer(),
        }
    }

    fn reply_or_wait(&self, reply: Vec<u8>) -> Next {
        if self.waits && elements::is_null(&reply) { Next::Wait } else { Next::Reply(reply) }
    }
}

impl Steps for StreamReads {
    fn begin(&mut self) -> Vec<Ask> {
        self.look(Stage::Looking, 0..self.count())
    }

    fn check(&self, args: Args<'_>, scene: &mut Scene<'_>) -> Option<Vec<u8>> {
        if self.group.is_none() {
            return refusal(args, scene);
        }
        // Without its group everything is refused, so only the time is looked at.
        let at = args.iter().position(|arg| arg.eq_ignore_ascii_case(b"BLOCK"))?;
        let time = args.get(at + 1).filter(|_| self.waits)?;
        let words: [&[u8]; 6] = [b"XREAD", b"BLOCK", time, b"STREAMS", b"key", b"0"];
        refusal(Args::from_slices(&words), scene)
    }

    fn go_on(&mut self, answers: &[&[u8]], scene: &mut Scene<'_>) -> Next {
        match self.stage {
            Stage::Looking => match self.looked(answers) {
                Ok(()) => self.read(),
                Err(next) => next,
            },
            Stage::LookingAgain(place) => match self.looked(answers) {
                Ok(()) => self.read_one(place),
                Err(next) => next,
            },
            Stage::Reading => self.join(answers, scene),
            Stage::ReadingOne => match answers.first() {
                Some(answer) => self.reply_or_wait(answer.to_vec()),
                None => odd_answer(),
            },
        }
    }

    fn awaited(&self) -> &[Box<[u8]>] {
        if self.waits { self.keys() } else { &[] }
    }

    fn stirred(&mut self, key: &[u8]) -> Vec<Ask> {
        match self.keys().iter().position(|own| **own == *key) {
            Some(place) => self.look(Stage::LookingAgain(place), place..place + 1),
            None => self.begin(),
        }
    }

    fn leaves_keys(&self) -> bool {
        true
    }
}

/// Whether a group can be asked for what comes behind this; if not, its node says why.
fn is_id(id: &[u8]) -> bool {
    let is_number = |part: &str| part.parse::<u64>().is_ok();
    match std::str::from_utf8(id) {
        Ok(">") => true,
        Ok(id) => id.split_once('-').map_or(is_number(id), |(ms, n)| is_number(ms) && is_number(n)),
        Err(_) => false,
    }
}

/// The id of the last entry that a stream had, by what `XINFO STREAM` tells of it.
fn end_of(answer: &[u8]) -> Result<&[u8], Next> {
    if answer.starts_with(b"-ERR no such key") {
        return Ok(b"0-0");
    }
    if is_error(answer) {
        return Err(Next::Reply(answer.to_vec()));
    }
    let facts = elements::of(answer).unwrap_or_default();
    let mut pairs = facts.chunks_exact(2);
    let last = pairs.find(|pair| elements::bulk_text(pair[0]) == Some(b"last-generated-id"));
    last.and_then(|pair| elements::bulk_text(pair[1])).ok_or_else(odd_answer)
}
