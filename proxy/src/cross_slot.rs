//! Commands whose keys lie in several slots, done as if one Redis held them all.
//!
//! In: a command that no single node can run. Out: questions to the owners of its slots; from their answers, the
//! reply that one Redis would give and, for a command that stores, what its destination is to hold.
//!
//! | way | what is asked | who makes the reply |
//! |---|---|---|
//! | [`Way::Copies`] | the value of each key | the command itself, over the copies in a scratch node |
//! | [`Way::Streams`] | each slot what is new in its streams | `streams`, by laying the answers in the client's order |
//! | [`Way::Store`] | as copies | as copies; then the destination is overwritten, by one request |
//! | the others | see [`steps`] | one module for each, step by step |
//!
//! Invariants: nothing is written unless the whole result is there; a key that could not be asked fails the command.
//! Not here: sockets and routing (the worker), atomicity: other clients may write between the questions.

pub(crate) mod steps;

mod streams;

mod rename;

mod merge;

mod member;

mod element;

mod stream_reads;

mod pops;

mod set_if_none;

pub(crate) mod waiting;

use reddoor_protocol::command::cross_slot::{Way, is_overwritten, reads_unnamed_keys};
use reddoor_protocol::command::keys::find_keys;
use reddoor_protocol::command::wait::Wait;
use reddoor_protocol::command::{self, CommandGroup, CommandId, CommandSpec};
use reddoor_protocol::encode::{Resp, encode_request};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;
use reddoor_protocol::scratch::Scratch;
use reddoor_protocol::slot::Slot;

use self::element::Element;
use self::member::Member;
use self::merge::Merge;
use self::pops::Pops;
use self::rename::{Over, Rename};
use self::set_if_none::SetIfNone;
use self::steps::{GONE, NO_EXPIRY, Steps};
use self::stream_reads::StreamReads;
use crate::join::elements;
use crate::key_mapping;

/// What one slot is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// Whose owner is asked.
    pub(crate) slot: Slot,
    /// What it is asked, if that is one command: tells whether it may be asked twice.
    pub(crate) command: Option<CommandId>,
    /// The request.
    pub(crate) request: Vec<u8>,
    /// The connection that it takes.
    pub(crate) by: By,
}

impl Ask {
    /// One command, by the usual connection.
    pub(crate) fn new(slot: Slot, words: &[&[u8]]) -> Ask {
        let mut request = Vec::new();
        encode_request(&mut request, words.iter().copied());
        let command = words.first().and_then(|name| command::lookup(name)).map(CommandSpec::id);
        Ask { slot, command, request, by: By::Usual }
    }
}

/// Which connection a question takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The one of all that its client asks.
    Usual,
    /// One for itself, where the node has been told by the first question to guard a key. If that connection is lost
    /// meanwhile the answer is null, as if the key had changed.
    Guard {
        /// Replies of the node to it (count), of which the last is the answer.
        replies: u32,
    },
    /// One for itself, which a large request takes behind it.
    Upload,
    /// The one on which the node tells when a key changes that it was asked about there. Answers come in RESP3.
    Lookout,
}

/// A command over several slots, while it is under way.
#[derive(Debug)]
pub(crate) struct Across {
    command: &'static CommandSpec,
    way: Way,
    /// The client's request.
    args: Vec<Box<[u8]>>,
    /// For each question, what the answer is for.
    purposes: Vec<Purpose>,
    /// The argument that names the key to be overwritten.
    destination: Option<usize>,
}

/// What an answer is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Purpose {
    /// It is the value of the key at this argument.
    Value(usize),
    /// It is the time that the key has left whose value came before it.
    TimeLeft,
    /// It tells whether the destination is there.
    Presence(usize),
    /// It is what is new in the streams that stand at these places among all.
    Streams(Vec<usize>),
}

/// What came of the answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The client's reply.
    Reply(Vec<u8>),
    /// The destination is to be written first; the reply is the client's once that went well.
    Write {
        /// The one request that does it.
        ask: Ask,
        /// The reply.
        reply: Vec<u8>,
    },
}

impl Across {
    /// A command and what is asked for it; nothing when its arguments do not tell its keys, or that one of them alone
    /// is overwritten.
    pub(crate) fn new(
        command: &'static CommandSpec,
        way: Way,
        args: Args<'_>,
    ) -> Option<(Across, Vec<Ask>)> {
        if reads_unnamed_keys(command, args) {
            return None;
        }
        let (mut keys, mut overwritten) = (Vec::new(), Vec::new());
        for (arg, access) in find_keys(command, args).ok()? {
            let list = if is_overwritten(access) { &mut overwritten } else { &mut keys };
            list.push(arg as usize);
        }
        if overwritten.len() != usize::from(way == Way::Store) {
            return None;
        }
        let mut across = Across {
            command,
            way,
            args: args.iter().map(Box::from).collect(),
            purposes: Vec::new(),
            destination: overwritten.first().copied(),
        };
        let asks = match way {
            Way::Streams => across.ask_streams(&keys, args),
            _ => across.ask_keys(&keys, args),
        };
        Some((across, asks))
    }

    fn ask_streams(&mut self, keys: &[usize], args: Args<'_>) -> Vec<Ask> {
        let first = keys.first().copied().unwrap_or(0);
        let parts = streams::parts(args, first, keys.len());
        let (purposes, asks) =
            parts.into_iter().map(|(places, ask)| (Purpose::Streams(places), ask)).unzip();
        self.purposes = purposes;
        asks
    }

    /// Asks for each key that is read, once, and whether the destination is there.
    fn ask_keys(&mut self, keys: &[usize], args: Args<'_>) -> Vec<Ask> {
        let mut asks = Vec::new();
        let mut ask = |across: &mut Across, purpose: Purpose, name: &[u8], key: &[u8]| {
            asks.push(Ask::new(key_mapping::slot_of(key), &[name, key]));
            across.purposes.push(purpose);
        };
        let mut asked: Vec<&[u8]> = Vec::new();
        for arg in keys {
            let key = &args[*arg];
            if asked.contains(&key) {
                continue;
            }
            asked.push(key);
            ask(self, Purpose::Value(*arg), b"DUMP", key);
            if self.keeps_time() {
                ask(self, Purpose::TimeLeft, b"PTTL", key);
            }
        }
        if let Some(arg) = self.destination
            && !asked.contains(&&args[arg])
        {
            ask(self, Purpose::Presence(arg), b"EXISTS", &args[arg]);
        }
        asks
    }

    /// Whether the result expires when its source does: the command is about keys, not about what they hold.
    fn keeps_time(&self) -> bool {
        self.way == Way::Store && self.command.group == CommandGroup::Generic
    }

    /// The same command from its beginning.
    pub(crate) fn anew(&self) -> Option<(Across, Vec<Ask>)> {
        let words: Vec<&[u8]> = self.args.iter().map(AsRef::as_ref).collect();
        Across::new(self.command, self.way, Args::from_slices(&words))
    }

    /// Makes what the client is to get from the answers, none of which is an error, in the order of the questions.
    pub(crate) fn find(&self, answers: &[&[u8]], resp: Resp, scratch: &mut dyn Scratch) -> Found {
        let words: Vec<&[u8]> = self.args.iter().map(AsRef::as_ref).collect();
        let args = Args::from_slices(&words);
        let found = match self.way {
            Way::Streams => self.join_streams(answers, args, resp),
            _ => self.run_over_copies(answers, args, resp, scratch),
        };
        scratch.clear();
        found.unwrap_or_else(|| Found::Reply(ODD_ANSWER.to_vec()))
    }

    fn join_streams(&self, answers: &[&[u8]], args: Args<'_>, resp: Resp) -> Option<Found> {
        let mut parts = Vec::new();
        for (purpose, answer) in self.purposes.iter().zip(answers) {
            let Purpose::Streams(places) = purpose else { return None };
            parts.push((places.as_slice(), *answer));
        }
        streams::join(args, &parts, resp).map(Found::Reply)
    }

    fn run_over_copies(
        &self,
        answers: &[&[u8]],
        args: Args<'_>,
        resp: Resp,
        scratch: &mut dyn Scratch,
    ) -> Option<Found> {
        let mut had_destination = false;
        let mut answers = self.purposes.iter().zip(answers).peekable();
        while let Some((purpose, answer)) = answers.next() {
            match purpose {
                Purpose::Value(_) if elements::is_null(answer) => {}
                Purpose::Value(arg) => {
                    let time_left_ms = match answers.peek() {
                        Some((Purpose::TimeLeft, answer)) => elements::integer(answer)?,
                        _ => NO_EXPIRY,
                    };
                    if time_left_ms != GONE {
                        let time_left_ms = u64::try_from(time_left_ms).ok();
                        scratch
                            .put(&args[*arg], elements::bulk_text(answer)?, time_left_ms)
                            .ok()?;
                    }
                }
                Purpose::Presence(arg) if elements::integer(answer)? > 0 => {
                    had_destination = true;
                    scratch.put_something(&args[*arg]);
                }
                Purpose::Presence(_) | Purpose::TimeLeft => {}
                Purpose::Streams(_) => return None,
            }
        }
        let mut reply = Vec::new();
        let has_changed = scratch.run(args, resp, &mut reply);
        match self.destination {
            Some(arg) if has_changed => {
                Some(Found::Write { ask: self.write(&args[arg], had_destination, scratch), reply })
            }
            _ => Some(Found::Reply(reply)),
        }
    }

    /// The request that makes the destination what it is in the scratch node.
    fn write(&self, key: &[u8], had_destination: bool, scratch: &mut dyn Scratch) -> Ask {
        let slot = key_mapping::slot_of(key);
        match scratch.take(key) {
            None => Ask::new(slot, &[b"DEL", key]),
            Some(copy) => {
                let until = copy.expires_at_ms.unwrap_or(0).to_string();
                let words: [&[u8]; 6] =
                    [b"RESTORE", key, until.as_bytes(), &copy.payload, b"ABSTTL", b"REPLACE"];
                // What was not there may have been made meanwhile, and a command about keys minds.
                let len = if self.keeps_time() && !had_destination { 5 } else { 6 };
                Ask::new(slot, &words[..len])
            }
        }
    }
}

/// A command that takes several steps, if its way is one of those and its arguments tell its keys.
pub(crate) fn steps_of(
    command: &'static CommandSpec,
    way: Way,
    wait: Option<Wait>,
    args: Args<'_>,
) -> Option<Box<dyn Steps>> {
    let keys: Vec<usize> = find_keys(command, args).ok()?.map(|(arg, _)| arg as usize).collect();
    let (first, waits) = (*keys.first()?, wait.is_some());
    Some(match way {
        Way::Copies | Way::Store => return None,
        Way::Streams if !waits => return None,
        Way::Streams => Box::new(StreamReads::new(args, first, None, waits)),
        Way::Rename => Box::new(Rename::new(&args[1], &args[2], Over::Anything)),
        Way::RenameIfFree => Box::new(Rename::new(&args[1], &args[2], Over::Nothing)),
        Way::Merge => Box::new(Merge::new(args)),
        Way::SetIfNone => Box::new(SetIfNone::new(args)),
        Way::Member => Box::new(Member::new(&args[1], &args[2], &args[3])),
        Way::Element => Box::new(Element::new(args, waits)),
        Way::Groups => {
            let group = args.iter().position(|arg| arg.eq_ignore_ascii_case(b"GROUP"));
            let group = group.and_then(|at| args.get(at + 1)).unwrap_or_default();
            Box::new(StreamReads::new(args, first, Some(group), waits))
        }
        Way::Pop => Box::new(Pops::new(command, args, &keys)),
    })
}

/// Whether the destination was made after it was looked for: then the command begins anew.
pub(crate) fn is_overtaken(answer: &[u8]) -> bool {
    answer.starts_with(b"-BUSYKEY ")
}

const ODD_ANSWER: &[u8] =
    b"-BADREPLY a key was answered in another shape, or in a form of a later version\r\n";

/// How a command over several slots is refused that some setting would serve.
pub(crate) fn refusal(way: Way) -> ReplyError {
    let text = ReplyError::CROSS_SLOT;
    let setting = match way {
        Way::Pop => "cross_slot.pops = \"serve\"",
        Way::Copies | Way::Streams => "cross_slot.reads = \"gather\"",
        _ => "cross_slot.writes = \"emulate\"",
    };
    ReplyError::new(format!("{text}; {setting} serves it"))
}

#[cfg(test)]
mod tests;
