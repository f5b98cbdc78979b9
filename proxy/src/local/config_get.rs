//! `CONFIG GET` of what tools ask when they connect.
//!
//! The front door answers for itself: what it stores nothing of is told as a Redis would that stores nothing on
//! its own. Settings of the nodes are not told here.

use reddoor_protocol::command::glob::{Case, is_match};
use reddoor_protocol::request::Args;

use super::{Answered, Answerer, Requester};

pub(super) fn get(answerer: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    let matching: Vec<(&str, String)> = settings(answerer)
        .into_iter()
        .filter(|(name, _)| {
            args.iter().skip(2).any(|p| is_match(p, name.as_bytes(), Case::Ignored))
        })
        .collect();
    requester.reply(|reply| {
        reply.map(matching.len());
        for (name, value) in &matching {
            reply.bulk(name.as_bytes());
            reply.bulk(value.as_bytes());
        }
    })
}

/// The redis.conf names that make sense of a front door, with their values.
fn settings(answerer: &Answerer) -> Vec<(&'static str, String)> {
    let config = &answerer.config;
    vec![
        ("appendonly", "no".to_owned()),
        ("bind", config.listen.addr.ip().to_string()),
        ("databases", "1".to_owned()),
        ("io-threads", config.workers.count.to_string()),
        ("maxclients", config.listen.clients_max.to_string()),
        ("maxmemory", "0".to_owned()),
        ("maxmemory-policy", "noeviction".to_owned()),
        ("notify-keyspace-events", String::new()),
        ("port", answerer.shared.port.to_string()),
        ("proto-max-bulk-len", config.limits.bulk_bytes_max.to_string()),
        ("save", String::new()),
        ("tcp-backlog", config.listen.backlog.to_string()),
        ("timeout", "0".to_owned()),
    ]
}
