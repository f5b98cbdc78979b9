//! Taking elements off the ends.

use reddoor_protocol::reply_error::ReplyError;

use super::end;
use crate::commands::argument::{is, list_of, whole_number};
use crate::data::list::End;
use crate::execute::Call;

/// `LPOP` and `RPOP`.
pub(super) fn pop(call: &mut Call<'_>, from: End) -> Result<(), ReplyError> {
    let key = call.arg(1);
    match call.args.len() {
        2 => pop_one(call, from, key),
        3 => pop_many(call, from, key),
        _ => Err(ReplyError::wrong_arity(call.spec.name)),
    }
}

fn pop_one(call: &mut Call<'_>, from: End, key: &[u8]) -> Result<(), ReplyError> {
    let Some(record) = call.node.write(call.at(), key) else {
        call.reply.null();
        return Ok(());
    };
    let list = list_of(record)?;
    if let Some(element) = list.end(from) {
        call.reply.bulk(element.bytes(&mut itoa::Buffer::new()));
    }
    list.remove_end(from);
    let is_empty = list.is_empty();
    end::popped(call, from, is_empty, key);
    Ok(())
}

fn pop_many(call: &mut Call<'_>, from: End, key: &[u8]) -> Result<(), ReplyError> {
    let count = whole_number(call.arg(2), 0, "ERR value is out of range, must be positive")?;
    let Some(record) = call.node.write(call.at(), key) else {
        call.reply.null_array();
        return Ok(());
    };
    let list = list_of(record)?;
    end::reply_and_remove(&mut call.reply, list, from, count);
    let is_empty = list.is_empty();
    if count > 0 {
        end::popped(call, from, is_empty, key);
    }
    Ok(())
}

/// What `LMPOP` and `BLMPOP` are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    /// Where the keys begin (index of an argument), and how many there are.
    pub(super) first_key: usize,
    pub(super) keys_count: usize,
    pub(super) from: End,
    /// How many elements at most.
    pub(super) count: usize,
}

impl Wish {
    /// Reads the arguments from the number of keys on.
    pub(super) fn parse(call: &Call<'_>, numkeys_at: usize) -> Result<Wish, ReplyError> {
        let error = "ERR numkeys should be greater than 0";
        let keys_count = whole_number(call.arg(numkeys_at), 1, error)?;
        let first_key = numkeys_at + 1;
        let from_at = first_key.saturating_add(keys_count);
        let from = end::parse(call.args.get(from_at).ok_or(ReplyError::SYNTAX)?)?;
        let (mut count, mut index) = (None, from_at + 1);
        while let Some(option) = call.args.get(index) {
            let value = call.args.get(index + 1).ok_or(ReplyError::SYNTAX)?;
            if count.is_some() || !is(option, "COUNT") {
                return Err(ReplyError::SYNTAX);
            }
            count = Some(whole_number(value, 1, "ERR count should be greater than 0")?);
            index += 2;
        }
        let count = count.unwrap_or(1);
        Ok(Wish { first_key, keys_count, from, count })
    }
}

pub(super) fn lmpop(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let wish = Wish::parse(call, 1)?;
    let args = call.args;
    for key in args.iter().skip(wish.first_key).take(wish.keys_count) {
        if pop_with_key(call, &wish, key)? {
            return Ok(());
        }
    }
    call.reply.null_array();
    Ok(())
}

/// Answers with the key and elements of its list. Whether there is one.
pub(super) fn pop_with_key(
    call: &mut Call<'_>,
    wish: &Wish,
    key: &[u8],
) -> Result<bool, ReplyError> {
    let Some(record) = call.node.write(call.at(), key) else { return Ok(false) };
    let list = list_of(record)?;
    let count = wish.count.min(list.len());
    call.reply.array(2);
    call.reply.bulk(key);
    end::reply_and_remove(&mut call.reply, list, wish.from, wish.count);
    let is_empty = list.is_empty();
    let mut digits = itoa::Buffer::new();
    call.propagate_as(&[end::pop_word(wish.from), key, digits.format(count).as_bytes()]);
    end::popped(call, wish.from, is_empty, key);
    Ok(true)
}
