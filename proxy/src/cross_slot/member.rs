//! `SMOVE` to a set in another slot.
//!
//! 1. Both sets are looked at.
//! 2. The destination gets the member (`SADD`).
//! 3. The source loses it (`SREM`); whether it had it is the reply.
//!
//! Dead after 2, both sets have it. If another client removes it from the source between 1 and 3 the reply is 0, so
//! that of two who move one member only one is told 1; the destination keeps it, since to take it back could take what
//! another has put there.

use super::Ask;
use super::steps::{
    Next, Scene, Steps, ask, first_error, is_error, is_missing, may_hold, odd_answer, partly,
    question, refuse,
};
use reddoor_protocol::reply_error::ReplyError;

/// See the module.
#[derive(Debug)]
pub(super) struct Member {
    source: Box<[u8]>,
    destination: Box<[u8]>,
    member: Box<[u8]>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Looking,
    Adding,
    Removing,
}

impl Member {
    pub(super) fn new(source: &[u8], destination: &[u8], member: &[u8]) -> Member {
        let (source, destination, member) = (source.into(), destination.into(), member.into());
        Member { source, destination, member, stage: Stage::Looking }
    }

    fn look(&mut self, answers: &[&[u8]]) -> Next {
        let &[source, destination, is_member] = answers else { return odd_answer() };
        if let Some(error) = first_error(&[source, destination]) {
            return error;
        }
        if is_missing(source) {
            return Next::Reply(b":0\r\n".to_vec());
        }
        if !may_hold(source, "set") || !may_hold(destination, "set") {
            return refuse(&ReplyError::WRONG_TYPE);
        }
        if is_member != b":1\r\n" {
            return Next::Reply(is_member.to_vec());
        }
        self.stage = Stage::Adding;
        ask(&self.destination, &[b"SADD", &self.destination, &self.member])
    }
}

impl Steps for Member {
    fn begin(&mut self) -> Vec<Ask> {
        self.stage = Stage::Looking;
        vec![
            question(&self.source, &[b"TYPE", &self.source]),
            question(&self.destination, &[b"TYPE", &self.destination]),
            question(&self.source, &[b"SISMEMBER", &self.source, &self.member]),
        ]
    }

    fn go_on(&mut self, answers: &[&[u8]], _: &mut Scene<'_>) -> Next {
        let Some(first) = answers.first() else { return odd_answer() };
        match self.stage {
            Stage::Looking => self.look(answers),
            Stage::Adding if is_error(first) => Next::Reply(first.to_vec()),
            Stage::Adding => {
                self.stage = Stage::Removing;
                ask(&self.source, &[b"SREM", &self.source, &self.member])
            }
            Stage::Removing if is_error(first) => {
                partly("the destination has the member, and so may the source", first)
            }
            Stage::Removing => Next::Reply(first.to_vec()),
        }
    }
}
