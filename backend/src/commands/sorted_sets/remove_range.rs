//! Parts of a sorted set removed: by rank, by score or by name.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, sorted_set_of};
use crate::commands::sorted_sets::range::Span;
use crate::commands::sorted_sets::{bounds, finish_removal, reply_with_count};
use crate::data::sorted_set::Direction;
use crate::execute::Call;

pub(super) fn zremrangebyrank(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let span = Span::Ranks(integer(call.arg(2))?, integer(call.arg(3))?);
    remove(call, &span, "zremrangebyrank")
}

pub(super) fn zremrangebyscore(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let span = Span::Scores(bounds::scores(call.arg(2), call.arg(3))?);
    remove(call, &span, "zremrangebyscore")
}

pub(super) fn zremrangebylex(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let span = Span::Names(bounds::names(call.arg(2), call.arg(3))?);
    remove(call, &span, "zremrangebylex")
}

fn remove(call: &mut Call<'_>, span: &Span<'_>, event: &'static str) -> Result<(), ReplyError> {
    let key = call.arg(1);
    let Some(record) = call.node.write(call.at(), key) else {
        call.reply.integer(0);
        return Ok(());
    };
    let set = sorted_set_of(record)?;
    let ranks = span.ranks(set, Direction::Forward);
    let count = ranks.len();
    set.remove_ranks(ranks);
    let is_empty = set.len() == 0;
    if count > 0 {
        finish_removal(call, key, event, is_empty);
    }
    reply_with_count(call, count);
    Ok(())
}
