//! Commands that take from the first of their keys that has something, with keys in several slots: `LMPOP`, `ZMPOP`,
//! and those that wait until there is something (`BLPOP`, `BZPOPMIN`, `BLMPOP`, …).
//!
//! 1. All keys are looked at (`TYPE`); where the command may wait, its node tells from then on when they change.
//! 2. The first key that is there is taken from, by one command of its node's (`LPOP`, `ZMPOP`, …). If it has nothing
//!    after all, the next one is.
//! 3. If none has anything the command waits until one has changed; that key is looked at again, and taken from.
//!
//! So each element is taken by one command in one slot: never twice, and never without being told.

use reddoor_protocol::command::key_spec::FindKeys;
use reddoor_protocol::command::policy::{RequestPolicy, TimeoutArg};
use reddoor_protocol::command::{CommandGroup, CommandSpec};
use reddoor_protocol::encode::{ReplyWriter, write_bulk, write_header};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use super::steps::{
    Next, Scene, Steps, ask, first_error, is_error, is_missing, may_hold, odd_answer, question_by,
    refusal, refuse,
};
use super::{Ask, By};
use crate::join::elements;

/// See the module.
#[derive(Debug)]
pub(super) struct Pops {
    keys: Vec<Box<[u8]>>,
    /// The command that takes without waiting.
    name: String,
    /// What a key must hold.
    kind: &'static str,
    /// The words behind the key of a command that counts its keys; `None`: it names one key and nothing else.
    options: Option<Vec<Box<[u8]>>>,
    waits: bool,
    /// Whether it has waited: then a key of another type is passed over.
    has_waited: bool,
    stage: Stage,
    /// Keys to be taken from, the last first.
    found: Vec<Found>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Keys are looked at, from this one on.
    Looking(usize),
    /// This key is taken from.
    Taking(usize),
}

/// A key that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// At this place among the keys.
    At(usize),
    /// It is of another type.
    Odd,
}

impl Pops {
    /// A command with its keys at these arguments, which stand one behind the other.
    pub(super) fn new(command: &CommandSpec, args: Args<'_>, keys: &[usize]) -> Pops {
        let is_counted = |found: FindKeys| matches!(found, FindKeys::Counted { .. });
        let behind = keys.last().map_or(args.len(), |last| last + 1);
        let is_last = command.request == RequestPolicy::Blocking { timeout: TimeoutArg::Last };
        let options = command.keys.iter().any(|spec| is_counted(spec.find)).then(|| {
            let end = args.len() - usize::from(is_last);
            (behind..end).map(|arg| args[arg].into()).collect()
        });
        let waits = command.request != RequestPolicy::OneSlot;
        // What waits is named for what it does, with a B before it.
        let name = if waits { &command.name[1..] } else { command.name };
        Pops {
            keys: keys.iter().map(|arg| args[*arg].into()).collect(),
            name: name.to_ascii_uppercase(),
            kind: if command.group == CommandGroup::SortedSet { "zset" } else { "list" },
            options,
            waits,
            has_waited: false,
            stage: Stage::Looking(0),
            found: Vec::new(),
        }
    }

    fn look_at(&mut self, first: usize, count: usize) -> Vec<Ask> {
        self.stage = Stage::Looking(first);
        let by = if self.waits { By::Lookout } else { By::Usual };
        let keys = &self.keys[first..first + count];
        keys.iter().map(|key| question_by(by, key, &[b"TYPE", key])).collect()
    }

    fn looked(&mut self, first: usize, answers: &[&[u8]], scene: &Scene<'_>) -> Next {
        if let Some(error) = first_error(answers) {
            return error;
        }
        self.found =
            (first..).zip(answers).filter_map(|(place, answer)| self.see(place, answer)).collect();
        self.found.reverse();
        self.take_next(scene)
    }

    fn see(&self, place: usize, answer: &[u8]) -> Option<Found> {
        match may_hold(answer, self.kind) {
            _ if is_missing(answer) => None,
            true => Some(Found::At(place)),
            false => (!self.has_waited).then_some(Found::Odd),
        }
    }

    fn take_next(&mut self, scene: &Scene<'_>) -> Next {
        match self.found.pop() {
            Some(Found::Odd) => refuse(&ReplyError::WRONG_TYPE),
            Some(Found::At(place)) => self.take(place),
            None if self.waits => {
                self.has_waited = true;
                Next::Wait
            }
            None => {
                let mut reply = Vec::new();
                ReplyWriter::new(&mut reply, scene.resp).null_array();
                Next::Reply(reply)
            }
        }
    }

    fn take(&mut self, place: usize) -> Next {
        self.stage = Stage::Taking(place);
        let (name, key) = (self.name.as_bytes(), self.keys[place].as_ref());
        match &self.options {
            None => ask(key, &[name, key]),
            Some(options) => {
                let mut words = vec![name, b"1", key];
                words.extend(options.iter().map(AsRef::as_ref));
                ask(key, &words)
            }
        }
    }

    fn taken(&mut self, place: usize, answer: &[u8], scene: &Scene<'_>) -> Next {
        if is_error(answer) {
            let is_odd = answer.starts_with(b"-WRONGTYPE ") && self.has_waited;
            return if is_odd { self.take_next(scene) } else { Next::Reply(answer.to_vec()) };
        }
        if elements::is_null(answer) || answer == b"*0\r\n" {
            return self.take_next(scene);
        }
        if self.options.is_some() {
            return Next::Reply(answer.to_vec());
        }
        let parts = match self.kind {
            "list" => vec![answer],
            _ => match elements::of(answer) {
                Some(parts) => parts,
                None => return odd_answer(),
            },
        };
        let mut reply = Vec::new();
        write_header(&mut reply, b'*', 1 + parts.len());
        write_bulk(&mut reply, &self.keys[place]);
        parts.iter().for_each(|part| reply.extend_from_slice(part));
        Next::Reply(reply)
    }
}

impl Steps for Pops {
    fn begin(&mut self) -> Vec<Ask> {
        self.look_at(0, self.keys.len())
    }

    fn check(&self, args: Args<'_>, scene: &mut Scene<'_>) -> Option<Vec<u8>> {
        refusal(args, scene)
    }

    fn go_on(&mut self, answers: &[&[u8]], scene: &mut Scene<'_>) -> Next {
        match self.stage {
            Stage::Looking(first) => self.looked(first, answers, scene),
            Stage::Taking(place) => {
                let Some(answer) = answers.first() else { return odd_answer() };
                self.taken(place, answer, scene)
            }
        }
    }

    fn awaited(&self) -> &[Box<[u8]>] {
        if self.waits { &self.keys } else { &[] }
    }

    fn stirred(&mut self, key: &[u8]) -> Vec<Ask> {
        match self.keys.iter().position(|own| **own == *key) {
            Some(place) => self.look_at(place, 1),
            None => self.begin(),
        }
    }
}
