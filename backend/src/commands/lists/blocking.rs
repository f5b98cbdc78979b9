//! The forms that wait for an element. Each can run again from its beginning when one of its keys became ready.

use std::time::Duration;

use reddoor_protocol::reply_error::ReplyError;

use super::pop::{self, Wish};
use super::{end, transfer};
use crate::blocking::{Awaited, TimeoutReply, Wait};
use crate::commands::argument::{list_of, timeout};
use crate::data::key::Key;
use crate::data::list::End;
use crate::execute::Call;

/// `BLPOP` and `BRPOP`.
pub(super) fn pop(call: &mut Call<'_>, from: End) -> Result<(), ReplyError> {
    let last = call.args.len() - 1;
    let timeout = timeout(call.arg(last))?;
    let (args, ready) = (call.args, call.ready_key());
    for key in args.iter().take(last).skip(1).filter(|key| is_to_be_tried(ready, key)) {
        if pop_with_key(call, from, key)? {
            return Ok(());
        }
    }
    let keys = args.iter().take(last).skip(1).map(Key::from).collect();
    wait(call, keys, timeout, TimeoutReply::NullArray);
    Ok(())
}

/// Answers with the key and one element. Whether there is one.
fn pop_with_key(call: &mut Call<'_>, from: End, key: &[u8]) -> Result<bool, ReplyError> {
    let Some(record) = call.node.write(call.at(), key) else { return Ok(false) };
    let list = list_of(record)?;
    call.reply.array(2);
    call.reply.bulk(key);
    if let Some(element) = list.end(from) {
        call.reply.bulk(element.bytes(&mut itoa::Buffer::new()));
    }
    list.remove_end(from);
    let is_empty = list.is_empty();
    call.propagate_as(&[end::pop_word(from), key]);
    end::popped(call, from, is_empty, key);
    Ok(true)
}

pub(super) fn blmpop(call: &mut Call<'_>) -> Result<(), ReplyError> {
    // The timeout comes first and is read last.
    let wish = Wish::parse(call, 2)?;
    let timeout = timeout(call.arg(1))?;
    let (args, ready) = (call.args, call.ready_key());
    let keys = || args.iter().skip(wish.first_key).take(wish.keys_count);
    for key in keys().filter(|key| is_to_be_tried(ready, key)) {
        if pop::pop_with_key(call, &wish, key)? {
            return Ok(());
        }
    }
    wait(call, keys().map(Key::from).collect(), timeout, TimeoutReply::NullArray);
    Ok(())
}

pub(super) fn blmove(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (from, to) = (end::parse(call.arg(3))?, end::parse(call.arg(4))?);
    let timeout = timeout(call.arg(5))?;
    transfer_or_wait(call, from, to, timeout)
}

pub(super) fn brpoplpush(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let timeout = timeout(call.arg(3))?;
    transfer_or_wait(call, End::Back, End::Front, timeout)
}

fn transfer_or_wait(
    call: &mut Call<'_>,
    from: End,
    to: End,
    timeout: Option<Duration>,
) -> Result<(), ReplyError> {
    if !transfer::transfer(call, from, to)? {
        let source = vec![Key::from(call.arg(1))];
        wait(call, source, timeout, TimeoutReply::Null);
    } else if call.args.len() > 4 {
        call.propagate_as(&[b"LMOVE", call.arg(1), call.arg(2), call.arg(3), call.arg(4)]);
    } else {
        call.propagate_as(&[b"RPOPLPUSH", call.arg(1), call.arg(2)]);
    }
    Ok(())
}

/// Whether a key may hold something: all at first, and then the one that became ready.
fn is_to_be_tried(ready: Option<&[u8]>, key: &[u8]) -> bool {
    ready.is_none_or(|ready| ready == key)
}

/// Waits, or answers at once where waiting is not allowed: with `refusal`, which a Redis words otherwise for one
/// element than the end of a wait.
fn wait(call: &mut Call<'_>, keys: Vec<Key>, timeout: Option<Duration>, refusal: TimeoutReply) {
    if call.may_block() {
        let on_timeout = TimeoutReply::NullArray;
        call.block(Wait { keys, kind: Awaited::List, timeout, on_timeout, args: None });
        return;
    }
    let bytes = refusal.bytes(call.reply.resp());
    call.reply.raw(&bytes);
}
