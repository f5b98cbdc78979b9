//! `ZRANDMEMBER`: members picked at random.

use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::is;
use crate::commands::elements::reply_with_entry;
use crate::commands::picks::Picks;
use crate::commands::sorted_sets::{read_set, write_members, write_pair, write_pairs_head};
use crate::data::random::Random;
use crate::data::sorted_set::{Direction, SortedSet};
use crate::execute::Call;

/// Members with scores that may be asked for (count), so that twice as many can be counted.
const WITH_SCORES_MAX: usize = isize::MAX as usize / 2;

pub(super) fn zrandmember(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if call.args.len() == 2 {
        return reply_with_one(call);
    }
    let picks = Picks::parse(call.arg(2))?;
    let with_scores = match call.args.len() {
        3 => false,
        4 if is(call.arg(3), "WITHSCORES") => true,
        _ => return Err(ReplyError::SYNTAX),
    };
    if with_scores && picks.count() > WITH_SCORES_MAX {
        return Err(ReplyError::new("ERR value is out of range"));
    }
    let random = call.node.random.fork();
    match read_set(call.node, call.at(), call.arg(1))? {
        Some(set) => reply_with_picks(&mut call.reply, set, picks, with_scores, random),
        None => call.reply.array(0),
    }
    Ok(())
}

fn reply_with_one(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let mut random = call.node.random.fork();
    match read_set(call.node, call.at(), call.arg(1))? {
        Some(set) => {
            let place = random.below(set.len());
            let picked = set.walk(place..place + 1, Direction::Forward);
            picked.for_each(|(name, _)| reply_with_entry(&mut call.reply, name));
        }
        None => call.reply.null(),
    }
    Ok(())
}

fn reply_with_picks(
    reply: &mut ReplyWriter<'_>,
    set: &SortedSet,
    picks: Picks,
    with_scores: bool,
    random: Random,
) {
    if matches!(picks, Picks::Different(count) if count > 1 && count >= set.len()) {
        // A Redis gives all of them from the highest score down.
        return write_members(reply, set.walk(0..set.len(), Direction::Backward), with_scores);
    }
    let count = picks.count_of(set.len());
    if with_scores {
        write_pairs_head(reply, count);
    } else {
        reply.array(count);
    }
    for place in picks.places(set.len(), random) {
        for (name, score) in set.walk(place..place + 1, Direction::Forward) {
            if with_scores {
                write_pair(reply, name, score);
            } else {
                reply_with_entry(reply, name);
            }
        }
    }
}
