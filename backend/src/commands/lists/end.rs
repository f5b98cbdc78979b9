//! What commands on the ends of lists share: their words, events, and replies.

use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::is;
use crate::data::list::{End, List};
use crate::data::listpack::Entry;
use crate::execute::Call;
use crate::notify::Class;

/// The end that an argument names.
pub(super) fn parse(arg: &[u8]) -> Result<End, ReplyError> {
    match () {
        () if is(arg, "LEFT") => Ok(End::Front),
        () if is(arg, "RIGHT") => Ok(End::Back),
        () => Err(ReplyError::SYNTAX),
    }
}

/// The event that tells of a push.
pub(super) fn push_event(end: End) -> &'static str {
    match end {
        End::Front => "lpush",
        End::Back => "rpush",
    }
}

/// The event that tells of a pop.
pub(super) fn pop_event(end: End) -> &'static str {
    match end {
        End::Front => "lpop",
        End::Back => "rpop",
    }
}

/// The command that pops here and now.
pub(super) fn pop_word(end: End) -> &'static [u8] {
    match end {
        End::Front => b"LPOP",
        End::Back => b"RPOP",
    }
}

/// Answers with the `count` elements next to an end, the outermost first, and removes them.
pub(super) fn reply_and_remove(
    reply: &mut ReplyWriter<'_>,
    list: &mut List,
    end: End,
    count: usize,
) {
    let count = count.min(list.len());
    match end {
        End::Front => {
            reply_with(reply, count, list.iter_from(0));
            list.remove_range(0, count);
        }
        End::Back => {
            reply_with(reply, count, list.iter_back_from(list.len().saturating_sub(1)));
            list.remove_range(list.len() - count, count);
        }
    }
}

/// Answers with the first `count` elements.
pub(super) fn reply_with<'e>(
    reply: &mut ReplyWriter<'_>,
    count: usize,
    elements: impl Iterator<Item = Entry<'e>>,
) {
    reply.array(count);
    let mut digits = itoa::Buffer::new();
    elements.take(count).for_each(|element| reply.bulk(element.bytes(&mut digits)));
}

/// Tells that elements were popped, and removes the key if none remain.
pub(super) fn popped(call: &mut Call<'_>, end: End, is_empty: bool, key: &[u8]) {
    call.changed(key);
    call.notify(Class::List, pop_event(end), key);
    remove_if(call, is_empty, key);
}

/// Removes the key of a list that has become empty.
pub(super) fn remove_if(call: &mut Call<'_>, is_empty: bool, key: &[u8]) {
    if is_empty {
        call.remove_emptied(key);
    }
}
