//! `CONFIG SET`: which settings clients may change, and where.
//!
//! All of a request is changed or nothing, as far as the front door can say: what is refused is found before a node
//! hears of it. The front door's own settings are its operator's; to give one the value that it has is no change.

use reddoor_protocol::command::policy::ReplyPolicy;
use reddoor_protocol::encode::encode_request;
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use super::config_get::{is_own_name, own_value};
use super::{Answered, Answerer, Requester};
use crate::fan_out::{Job, Reach, Start};
use crate::join::answers::JoinHint;

pub(super) fn set(answerer: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    let of_nodes = match settings_of_nodes(answerer, args) {
        Ok(of_nodes) => of_nodes,
        Err(error) => return requester.refuse(&error),
    };
    if of_nodes.is_empty() {
        return requester.ok();
    }
    let words = [&args[0], &args[1]].into_iter().chain(of_nodes);
    let mut request = Vec::new();
    encode_request(&mut request, words.collect::<Vec<_>>().into_iter());
    let job = Job::Join { policy: ReplyPolicy::AllOk, hint: JoinHint::of(args) };
    let resp = requester.session.resp;
    Answered::Nodes(Box::new(Start::question(job, Reach::Nodes, request, resp)))
}

/// The names and values that are to go to the nodes.
///
/// # Errors
/// Why the client may not change one of them.
fn settings_of_nodes<'a>(answerer: &Answerer, args: Args<'a>) -> Result<Vec<&'a [u8]>, ReplyError> {
    if !args.len().is_multiple_of(2) {
        return Err(ReplyError::SYNTAX);
    }
    let mut of_nodes = Vec::new();
    for index in (2..args.len()).step_by(2) {
        let (Some(name), Some(value)) = (args.get(index), args.get(index + 1)) else { break };
        match own_value(answerer, name) {
            Some(own) if own.as_bytes() == value => {}
            Some(_) => return Err(immutable(name)),
            None => of_nodes.extend([name, value]),
        }
    }
    Ok(of_nodes)
}

fn immutable(name: &[u8]) -> ReplyError {
    let name = String::from_utf8_lossy(name);
    ReplyError::new(format!(
        "ERR CONFIG SET failed (possibly related to argument '{name}') - can't set immutable config"
    ))
}

/// Whether a `CONFIG SET` names nothing but what tunes nodes, or what the front door answers for itself.
pub(crate) fn only_tunes(args: Args<'_>) -> bool {
    args.iter().skip(2).step_by(2).all(|name| is_tuning(name) || is_own_name(name))
}

/// Whether a setting only says how data is kept in memory or what is told of it, so that nothing can be lost by it,
/// nobody shut out, and no limit raised.
fn is_tuning(name: &[u8]) -> bool {
    TUNING.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// See [`is_tuning`]. Sorted, old names beside the new ones.
const TUNING: &[&str] = &[
    "acllog-max-len",
    "active-expire-effort",
    "activerehashing",
    "busy-reply-threshold",
    "hash-max-listpack-entries",
    "hash-max-listpack-value",
    "hash-max-ziplist-entries",
    "hash-max-ziplist-value",
    "hll-sparse-max-bytes",
    "latency-monitor-threshold",
    "latency-tracking",
    "latency-tracking-info-percentiles",
    "lazyfree-lazy-eviction",
    "lazyfree-lazy-expire",
    "lazyfree-lazy-server-del",
    "lazyfree-lazy-user-del",
    "lazyfree-lazy-user-flush",
    "lfu-decay-time",
    "lfu-log-factor",
    "list-compress-depth",
    "list-max-listpack-size",
    "list-max-ziplist-size",
    "lua-time-limit",
    "notify-keyspace-events",
    "set-max-intset-entries",
    "slowlog-log-slower-than",
    "slowlog-max-len",
    "stream-node-max-bytes",
    "stream-node-max-entries",
    "zset-max-listpack-entries",
    "zset-max-listpack-value",
    "zset-max-ziplist-entries",
    "zset-max-ziplist-value",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuning_loses_nothing_and_raises_no_limit() {
        assert!(TUNING.is_sorted());
        assert!(is_tuning(b"Notify-Keyspace-Events"));
        let kept =
            ["maxmemory", "maxmemory-policy", "save", "dir", "requirepass", "rename-command"];
        assert!(!kept.iter().any(|name| is_tuning(name.as_bytes())));
    }
}
