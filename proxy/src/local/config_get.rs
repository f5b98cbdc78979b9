//! `CONFIG GET` of the front door and of its nodes.
//!
//! Names that make sense of a front door are its own: it answers them for itself. So it does, as a Redis that stores
//! nothing, for what every client asks about storing as it connects, so that no node is needed for that, unless clients
//! may change what nodes store. All others are the nodes': where they differ, the node speaks that owns the first slots.

use reddoor_protocol::command::glob::{Case, is_match};
use reddoor_protocol::encode::{ReplyWriter, encode_request};
use reddoor_protocol::request::Args;

use super::{Answered, Answerer, Requester};
use crate::config::Permission;
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
    if patterns().all(|name| is_own(answerer, name)) {
        return requester.reply(|reply| write(&own, reply));
    }
    let mut request = Vec::new();
    encode_request(&mut request, args.iter());
    let (job, resp) = (Job::Config(ConfigQuestion { own }), requester.session.resp);
    Answered::Nodes(Box::new(Start::question(job, Reach::Primaries, request, resp)))
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
            if !self.own.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)) {
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
    own_of(answerer).map(|(name, value)| (name, value(answerer))).collect()
}

fn is_own(answerer: &Answerer, name: &[u8]) -> bool {
    own_value(answerer, name).is_some()
}

/// Whether the front door ever answers for a setting itself.
pub(super) fn is_own_name(name: &[u8]) -> bool {
    OWN.iter().chain(STORING).any(|(own, _)| name.eq_ignore_ascii_case(own.as_bytes()))
}

/// What the front door has for a setting; `None` when it is the nodes'.
pub(super) fn own_value(answerer: &Answerer, name: &[u8]) -> Option<String> {
    let is_meant = |(own, _): &(&'static str, Value)| name.eq_ignore_ascii_case(own.as_bytes());
    own_of(answerer).find(is_meant).map(|(_, value)| value(answerer))
}

fn own_of(answerer: &Answerer) -> impl Iterator<Item = (&'static str, Value)> {
    let storing = match answerer.config.admin.commands {
        Permission::Refuse => STORING,
        Permission::Allow => &[],
    };
    OWN.iter().chain(storing).copied()
}

/// Tells one setting.
type Value = fn(&Answerer) -> String;

/// The redis.conf names that make sense of a front door, with their values.
const OWN: &[(&str, Value)] = &[
    ("bind", |answerer| answerer.config.listen.addr.ip().to_string()),
    ("databases", |answerer| answerer.mapping.databases_count().unwrap_or(1).to_string()),
    ("io-threads", |answerer| answerer.config.workers.count.to_string()),
    ("maxclients", |answerer| answerer.config.listen.clients_max.to_string()),
    ("port", |answerer| answerer.shared.port.to_string()),
    ("proto-max-bulk-len", |answerer| answerer.config.limits.bulk_bytes_max.to_string()),
    ("tcp-backlog", |answerer| answerer.config.listen.backlog.to_string()),
    ("timeout", |_| "0".to_owned()),
];

/// What a front door that stores nothing says about storing, in the place of its nodes.
const STORING: &[(&str, Value)] =
    &[("appendonly", |_| "no".to_owned()), ("save", |_| String::new())];
