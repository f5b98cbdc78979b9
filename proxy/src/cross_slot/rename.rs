//! `RENAME` and `RENAMENX` to a name in another slot.
//!
//! 1. The source is guarded (`WATCH`), by a connection that nobody else uses.
//! 2. Its value and expiry are asked for (`DUMP`).
//! 3. The new name gets them (`RESTORE`), over whatever it held; for `RENAMENX` only if it holds nothing.
//! 4. The source is deleted, if it has not changed since 1 (`MULTI`, `DEL`, `EXEC`). If it has, all begins anew.
//!
//! Dead after 3, both names hold the value. Of two clients that give one key different names at once, each may be told
//! `OK`: the second finds the source gone whose copy it has made, and to take that back could take what others have
//! made of it.

use reddoor_protocol::encode::{ReplyWriter, Resp};
use reddoor_protocol::reply_error::ReplyError;

use super::steps::{
    Copy, Next, Scene, Steps, ask, copy_questions, first_error, guard, guarded, is_error,
    odd_answer, partly, question, refuse,
};
use super::{Ask, is_overtaken};
use crate::join::elements;

/// See the module.
#[derive(Debug)]
pub(super) struct Rename {
    source: Box<[u8]>,
    destination: Box<[u8]>,
    over: Over,
    stage: Stage,
    /// Whether the destination was written.
    has_written: bool,
}

/// What the new name may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// Whatever it likes: it is overwritten (`RENAME`).
    Anything,
    /// Nothing, or nothing is done (`RENAMENX`).
    Nothing,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Guarding,
    Reading,
    Writing,
    Removing,
}

impl Rename {
    pub(super) fn new(source: &[u8], destination: &[u8], over: Over) -> Rename {
        let (source, destination) = (source.into(), destination.into());
        Rename { source, destination, over, stage: Stage::Guarding, has_written: false }
    }

    fn read(&mut self, answers: &[&[u8]]) -> Next {
        let (copied, others) = answers.split_at(answers.len().min(3));
        if let Some(error) = first_error(others) {
            return error;
        }
        let copy = match Copy::read(copied) {
            Ok(Some(copy)) => copy,
            // Another client has removed it; what was written is what it held a moment ago.
            Ok(None) if self.has_written => return self.done(),
            Ok(None) => return refuse(&ReplyError::NO_SUCH_KEY),
            Err(next) => return next,
        };
        if others.first().is_some_and(|answer| elements::integer(answer) != Some(0)) {
            return not_free();
        }
        self.stage = Stage::Writing;
        let key = &self.destination;
        copy.restore(key, copy.payload(), self.over == Over::Anything, |words| ask(key, words))
    }

    fn written(&mut self, answer: &[u8]) -> Next {
        if is_overtaken(answer) {
            return not_free();
        }
        if is_error(answer) {
            return Next::Reply(answer.to_vec());
        }
        self.has_written = true;
        self.stage = Stage::Removing;
        Next::Ask(vec![guarded(&self.source, &[b"DEL", &self.source])])
    }

    fn removed(&mut self, answer: &[u8]) -> Next {
        if is_error(answer) {
            return partly("the new name holds the value, and so may the old one", answer);
        }
        if !elements::is_null(answer) {
            return self.done();
        }
        if self.over == Over::Nothing {
            // Others may have changed by now what they found there, so it is not written again.
            let changed = b"-ERR the old key was changed meanwhile and is left\r\n";
            return partly("the new name holds what the old one held", changed);
        }
        Next::Ask(self.begin())
    }

    fn done(&self) -> Next {
        let mut reply = Vec::new();
        let mut writer = ReplyWriter::new(&mut reply, Resp::V2);
        match self.over {
            Over::Anything => writer.ok(),
            Over::Nothing => writer.integer(1),
        }
        Next::Reply(reply)
    }
}

impl Steps for Rename {
    fn begin(&mut self) -> Vec<Ask> {
        self.stage = Stage::Guarding;
        vec![guard(&self.source)]
    }

    fn go_on(&mut self, answers: &[&[u8]], _: &mut Scene<'_>) -> Next {
        let Some(first) = answers.first() else { return odd_answer() };
        match self.stage {
            Stage::Guarding if is_error(first) => Next::Reply(first.to_vec()),
            Stage::Guarding => {
                self.stage = Stage::Reading;
                let mut asks = copy_questions(&self.source).to_vec();
                if self.over == Over::Nothing {
                    asks.push(question(&self.destination, &[b"EXISTS", &self.destination]));
                }
                Next::Ask(asks)
            }
            Stage::Reading => self.read(answers),
            Stage::Writing => self.written(first),
            Stage::Removing => self.removed(first),
        }
    }
}

/// `RENAMENX` finds the new name taken.
fn not_free() -> Next {
    Next::Reply(b":0\r\n".to_vec())
}
