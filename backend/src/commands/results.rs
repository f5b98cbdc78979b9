//! What commands compute from some keys and put at another.

use crate::data::value::Value;
use crate::execute::Call;
use crate::notify::Class;

/// Where the reply stands for a client that listens to events of its own changes: each command has its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    BeforeEvents,
    AfterEvents,
}

/// Puts a result at a key in the place of whatever was there, tells of it, and answers how many elements it has;
/// one without any removes the key.
pub(super) fn store(
    call: &mut Call<'_>,
    key: &[u8],
    (result, count): (Value, usize),
    (class, event): (Class, &'static str),
    answered: Answered,
) {
    let at = call.at();
    let is_there = call.node.peek(at, key).is_some();
    let reply = |call: &mut Call<'_>, now: Answered| {
        if now == answered {
            call.reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
        }
    };
    if count > 0 {
        if is_there {
            call.node.databases[at.db].insert(key, result, None, at.now_ms);
        } else {
            call.create(key, result);
        }
        call.changed(key);
        reply(call, Answered::BeforeEvents);
        call.notify(class, event, key);
    } else {
        reply(call, Answered::BeforeEvents);
        if is_there {
            call.changed(key);
            call.remove_emptied(key);
        }
    }
    reply(call, Answered::AfterEvents);
}
