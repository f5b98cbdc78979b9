//! Commands over several slots that take more than one step: what is asked, one step after the other.
//!
//! In: the answers to the questions of the last step, errors among them. Out: the questions of the next one, or the
//! reply.
//!
//! Invariant: what is written goes to its new place before it is taken from the old one, so whatever dies between two
//! steps, nothing is lost; it may be seen twice.
//! Not here: sockets, routing and deadlines (the worker), which may leave every step the last.

use std::fmt::Debug;

use reddoor_protocol::encode::{ReplyWriter, Resp, encode_request};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;
use reddoor_protocol::scratch::Scratch;
use reddoor_protocol::slot::Slot;

use super::{Ask, By};
use crate::join::elements;
use crate::key_mapping;

/// A command under way.
pub(crate) trait Steps: Debug {
    /// The first questions, at least one; also when everything is to begin anew.
    fn begin(&mut self) -> Vec<Ask>;

    /// What is wrong with its arguments, whatever its keys hold: the reply.
    fn check(&self, _args: Args<'_>, _scene: &mut Scene<'_>) -> Option<Vec<u8>> {
        None
    }

    /// What follows from the answers, which come in the order of the questions; or from a single error in the place of
    /// all when they were too large to be held.
    fn go_on(&mut self, answers: &[&[u8]], scene: &mut Scene<'_>) -> Next;

    /// The keys of which it waits for one to change; none if it does not wait.
    fn awaited(&self) -> &[Box<[u8]>] {
        &[]
    }

    /// The questions, at least one, with which it goes on when this key has changed while it waited.
    fn stirred(&mut self, _key: &[u8]) -> Vec<Ask> {
        self.begin()
    }

    /// Whether what it waits for is there for others as well, once it has it.
    fn leaves_keys(&self) -> bool {
        false
    }
}

/// What follows from answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// These questions, at least one.
    Ask(Vec<Ask>),
    /// The client's reply.
    Reply(Vec<u8>),
    /// Nothing, until one of the keys has changed that are awaited.
    Wait,
}

/// Where a step is made.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    /// The version in which the client speaks, and in which answers of the usual links come.
    pub(crate) resp: Resp,
    /// Where commands are run over copies.
    pub(crate) scratch: &'a mut dyn Scratch,
}

/// The first error among answers ends the command as it is, while nothing has been changed yet.
pub(super) fn first_error(answers: &[&[u8]]) -> Option<Next> {
    answers.iter().find(|answer| is_error(answer)).map(|answer| Next::Reply(answer.to_vec()))
}

pub(super) fn is_error(answer: &[u8]) -> bool {
    answer.first() == Some(&b'-')
}

/// One question, and no more.
pub(super) fn ask(key: &[u8], words: &[&[u8]]) -> Next {
    Next::Ask(vec![question(key, words)])
}

/// What the owner of a key is asked.
pub(super) fn question(key: &[u8], words: &[&[u8]]) -> Ask {
    question_by(By::Usual, key, words)
}

pub(super) fn question_by(by: By, key: &[u8], words: &[&[u8]]) -> Ask {
    question_to(by, key_mapping::slot_of(key), words)
}

/// What the owner of a slot is asked.
pub(super) fn question_to(by: By, slot: Slot, words: &[&[u8]]) -> Ask {
    Ask { by, ..Ask::new(slot, words) }
}

/// Has the node tell whether a key changes from now on until [`guarded`].
pub(super) fn guard(key: &[u8]) -> Ask {
    question_by(By::Guard { replies: 1 }, key, &[b"WATCH", key])
}

/// One write to a guarded key, which only runs if that has not changed. The answer is null if it has, else an array
/// with the answer to the write.
pub(super) fn guarded(key: &[u8], write: &[&[u8]]) -> Ask {
    let mut request = Vec::new();
    encode_request(&mut request, [&b"MULTI"[..]].into_iter());
    encode_request(&mut request, write.iter().copied());
    encode_request(&mut request, [&b"EXEC"[..]].into_iter());
    Ask { slot: key_mapping::slot_of(key), command: None, request, by: By::Guard { replies: 3 } }
}

/// Whether an answer to `TYPE` names this type, or that there is no such key.
pub(super) fn may_hold(answer: &[u8], kind: &str) -> bool {
    is_missing(answer) || elements::bulk_text(answer) == Some(kind.as_bytes())
}

/// Whether an answer to `TYPE` says that there is no such key.
pub(super) fn is_missing(answer: &[u8]) -> bool {
    elements::bulk_text(answer) == Some(b"none")
}

/// What the client is told with this error.
pub(super) fn refuse(error: &ReplyError) -> Next {
    let mut reply = Vec::new();
    ReplyWriter::new(&mut reply, Resp::V2).error(error);
    Next::Reply(reply)
}

/// An answer is not what a Redis gives.
pub(super) fn odd_answer() -> Next {
    Next::Reply(super::ODD_ANSWER.to_vec())
}

/// A step failed after another was made: tells what was done, and then what a node or the front door said.
pub(super) fn partly(done: &str, answer: &[u8]) -> Next {
    let said = answer.strip_prefix(b"-").unwrap_or(answer);
    let said = said.strip_suffix(b"\r\n").unwrap_or(said);
    Next::Reply([b"-PARTIAL ", done.as_bytes(), b"; then: ", said, b"\r\n"].concat())
}

/// Why a Redis would refuse a command whatever its keys hold; it has to be one that answers missing keys without an
/// error.
pub(super) fn refusal(args: Args<'_>, scene: &mut Scene<'_>) -> Option<Vec<u8>> {
    let mut reply = Vec::new();
    // Inside a transaction nothing waits.
    for line in [&[&b"MULTI"[..]][..], &args.iter().collect::<Vec<_>>(), &[b"EXEC"]] {
        reply.clear();
        scene.scratch.run(Args::from_slices(line), scene.resp, &mut reply);
        if is_error(&reply) {
            scene.scratch.run(Args::from_slices(&[b"DISCARD"]), scene.resp, &mut Vec::new());
            break;
        }
    }
    scene.scratch.clear();
    if is_error(&reply) {
        return Some(reply);
    }
    let first = elements::of(&reply)?.into_iter().next()?;
    is_error(first).then(|| first.to_vec())
}

/// The copies of keys as they came, to be put elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Copy<'a> {
    payload: &'a [u8],
    time: CopyTime,
}

/// When a copy expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CopyTime {
    #[default]
    Never,
    /// In milliseconds since 1970.
    At(i64),
    /// So many milliseconds after it was asked for: of a server that does not tell more.
    In(i64),
}

/// The questions that tell the value of a key with its expiry: for [`Copy::read`].
pub(super) fn copy_questions(key: &[u8]) -> [Ask; 3] {
    [&b"DUMP"[..], b"PEXPIRETIME", b"PTTL"].map(|name| question(key, &[name, key]))
}

impl<'a> Copy<'a> {
    /// Reads the answers to [`copy_questions`]; `Ok(None)` when there is no such key.
    ///
    /// # Errors
    /// An answer that is none.
    pub(super) fn read(answers: &[&'a [u8]]) -> Result<Option<Copy<'a>>, Next> {
        if let Some(error) = first_error(&answers[..answers.len().min(1)]) {
            return Err(error);
        }
        let [value, expires_at, time_left] = answers else { return Err(odd_answer()) };
        let (at, left) = (elements::integer(expires_at), elements::integer(time_left));
        if elements::is_null(value) || at == Some(GONE) || left == Some(GONE) {
            return Ok(None);
        }
        let Some(payload) = elements::bulk_text(value) else { return Err(odd_answer()) };
        let time = match (at, left) {
            (Some(NO_EXPIRY), _) | (None, Some(NO_EXPIRY)) => CopyTime::Never,
            (Some(at), _) => CopyTime::At(at),
            // Servers before Redis 7.0 do not tell the moment.
            (None, Some(left)) => CopyTime::In(left.max(1)),
            (None, None) => return Err(first_error(&[time_left]).unwrap_or_else(odd_answer)),
        };
        Ok(Some(Copy { payload, time }))
    }

    /// What `DUMP` answered.
    pub(super) fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Gives the words of the `RESTORE` that makes a key this value, with its expiry, to `take`.
    pub(super) fn restore<T>(
        &self,
        key: &[u8],
        payload: &[u8],
        is_replacing: bool,
        take: impl FnOnce(&[&[u8]]) -> T,
    ) -> T {
        let ms = match self.time {
            CopyTime::Never => 0,
            CopyTime::At(ms) | CopyTime::In(ms) => ms,
        };
        let ms = ms.to_string();
        let mut words = vec![&b"RESTORE"[..], key, ms.as_bytes(), payload];
        if let CopyTime::At(_) = self.time {
            words.push(b"ABSTTL");
        }
        if is_replacing {
            words.push(b"REPLACE");
        }
        take(&words)
    }
}

/// What `PTTL` and `PEXPIRETIME` answer for a key that does not expire.
pub(super) const NO_EXPIRY: i64 = -1;

/// What they answer for a key that is not there.
pub(super) const GONE: i64 = -2;
