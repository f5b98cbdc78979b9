//! `CONFIG GET` of the front door and of its nodes.
//!
//! Names that make sense of a front door are its own: it answers them for itself, and tells what it stores nothing
//! of as a Redis would that stores nothing. All others are the nodes': where they differ, the node speaks that owns
//! the first slots. Names that every client asks for as it connects are own ones, so that no node is needed for them.

use reddoor_protocol::command::glob::{Case, is_match};
use reddoor_protocol::encode::{ReplyWriter, encode_request};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use super::{Answered, Answerer, Requester};
use crate::fan_out::{Gather, Job, Reach, Start};
use crate::join::elements::{self, bulk_text};

/// Settings as names and values.
type Settings = Vec<(Vec<u8>, Vec<u8>)>;

/// A `CONFIG GET` that nodes have a share in: what the front door says.
#[derive(Debug)]
pub(crate) struct ConfigQuestion {
    own: Settings,
}

pub(super) fn get(answerer: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    let patterns = || args.iter().skip(2);
    let own: Settings = settings(answerer)
        .into_iter()
        .filter(|(name, _)| patterns().any(|p| is_match(p, name.as_bytes(), Case::Ignored)))
        .map(|(name, value)| (name.as_bytes().to_vec(), value.into_bytes()))
        .collect();
    if patterns().all(is_own) {
        return requester.reply(|reply| write(&own, reply));
    }
    let mut request = Vec::new();
    encode_request(&mut request, args.iter());
    let (job, resp) = (Job::Config(ConfigQuestion { own }), requester.session.resp);
    Answered::Nodes(Box::new(Start::question(job, Reach::Primaries, request, resp)))
}

/// Refuses a `CONFIG SET` of the front door's own settings.
pub(super) fn refuse_own(args: Args<'_>) -> Option<ReplyError> {
    let name = args.iter().skip(2).step_by(2).find(|name| is_own(name))?;
    let name = String::from_utf8_lossy(name);
    Some(ReplyError::new(format!(
        "ERR CONFIG SET failed (possibly related to argument '{name}') - can't set immutable config"
    )))
}

fn is_own(name: &[u8]) -> bool {
    OWN.iter().any(|(own, _)| name.eq_ignore_ascii_case(own.as_bytes()))
}

impl ConfigQuestion {
    /// Appends the reply, once the nodes have answered.
    pub(crate) fn write(&self, gather: &Gather, out: &mut Vec<u8>) {
        let answers = gather.answers();
        let first = answers.bytes().next().and_then(elements::of).unwrap_or_default();
        let mut all = self.own.clone();
        for pair in first.chunks_exact(2) {
            let (Some(name), Some(value)) = (bulk_text(pair[0]), bulk_text(pair[1])) else {
                continue;
            };
            if !is_own(name) {
                all.push((name.to_vec(), value.to_vec()));
            }
        }
        write(&all, &mut ReplyWriter::new(out, gather.resp));
    }
}

fn write(settings: &Settings, reply: &mut ReplyWriter<'_>) {
    reply.map(settings.len());
    for (name, value) in settings {
        reply.bulk(name);
        reply.bulk(value);
    }
}

fn settings(answerer: &Answerer) -> Vec<(&'static str, String)> {
    OWN.iter().map(|(name, value)| (*name, value(answerer))).collect()
}

/// Tells one setting.
type Value = fn(&Answerer) -> String;

/// The redis.conf names that make sense of a front door, with their values.
const OWN: &[(&str, Value)] = &[
    ("appendonly", |_| "no".to_owned()),
    ("bind", |answerer| answerer.config.listen.addr.ip().to_string()),
    ("databases", |answerer| answerer.mapping.databases_count().unwrap_or(1).to_string()),
    ("io-threads", |answerer| answerer.config.workers.count.to_string()),
    ("maxclients", |answerer| answerer.config.listen.clients_max.to_string()),
    ("port", |answerer| answerer.shared.port.to_string()),
    ("proto-max-bulk-len", |answerer| answerer.config.limits.bulk_bytes_max.to_string()),
    ("save", |_| String::new()),
    ("tcp-backlog", |answerer| answerer.config.listen.backlog.to_string()),
    ("timeout", |_| "0".to_owned()),
];
