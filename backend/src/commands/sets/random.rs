//! Members picked at random, each as likely: to be told, or taken away.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, set_of};
use crate::commands::elements::{Elements, reply_with_entry};
use crate::commands::picks::{Picks, output_bytes_max};
use crate::commands::sets::read;
use crate::data::random::Random;
use crate::data::set::Set;
use crate::execute::Call;
use crate::notify::Class;

/// How many times more members must be taken away than remain for the set to be made anew from the latter.
/// Source: redis `src/t_set.c` SPOP_MOVE_STRATEGY_MUL.
const REMADE_FACTOR: usize = 5;

pub(super) fn srandmember(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, at, mut random) = (call.arg(1), call.at(), call.node.random.fork());
    if call.args.len() == 2 {
        let set = read(call.node, at, key)?;
        match set.and_then(|set| set.at(random.below(set.len()))) {
            Some(member) => reply_with_entry(&mut call.reply, member),
            None => call.reply.null(),
        }
        return Ok(());
    }
    if call.args.len() > 3 {
        return Err(ReplyError::SYNTAX);
    }
    let picks = Picks::parse(call.arg(2))?;
    let bytes_max = output_bytes_max(call);
    let Some(set) = read(call.node, at, key)? else {
        call.reply.array(0);
        return Ok(());
    };
    call.reply.array(picks.count_of(set.len()));
    for member in picks.places(set.len(), random).filter_map(|place| set.at(place)) {
        if call.reply.out().len() > bytes_max {
            break;
        }
        reply_with_entry(&mut call.reply, member);
    }
    Ok(())
}

pub(super) fn spop(call: &mut Call<'_>) -> Result<(), ReplyError> {
    match call.args.len() {
        2 => pop_one(call),
        3 => pop_many(call),
        _ => Err(ReplyError::SYNTAX),
    }
}

fn pop_one(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, at, mut random) = (call.arg(1), call.at(), call.node.random.fork());
    let Some(record) = call.node.write(at, key) else {
        call.reply.null();
        return Ok(());
    };
    let set = set_of(record)?;
    let member = set.remove_at(random.below(set.len())).unwrap_or_default();
    let is_empty = set.len() == 0;
    call.propagate_as(&[b"SREM", key, &member]);
    call.changed(key);
    call.notify(Class::Set, "spop", key);
    if is_empty {
        call.remove_emptied(key);
    }
    call.reply.bulk(&member);
    Ok(())
}

fn pop_many(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, at, random) = (call.arg(1), call.at(), call.node.random.fork());
    let integers_max = call.node.config.settings().set_integers_max;
    let must_be_positive = || ReplyError::new("ERR value is out of range, must be positive");
    let count = integer(call.arg(2)).ok().and_then(|count| usize::try_from(count).ok());
    let count = count.ok_or_else(must_be_positive)?;
    let Some(record) = call.node.write(at, key) else {
        call.reply.set(0);
        return Ok(());
    };
    let set = set_of(record)?;
    if count == 0 {
        call.reply.set(0);
        return Ok(());
    }
    let popped = take_away(set, count, integers_max, random);
    let is_empty = set.len() == 0;
    propagate(call, key, &popped, is_empty);
    call.changed(key);
    call.notify(Class::Set, "spop", key);
    if is_empty {
        call.remove_emptied(key);
    }
    popped.reply_as_set(&mut call.reply);
    Ok(())
}

/// Which members went: chance takes others elsewhere.
fn propagate(call: &mut Call<'_>, key: &[u8], popped: &Elements, is_empty: bool) {
    if is_empty {
        return call.propagate_as(&[b"DEL", key]);
    }
    popped.for_each(|member| call.propagate_too(&[b"SREM", key, member]));
    call.propagate_nothing();
}

/// Takes so many members away, or all.
fn take_away(set: &mut Set, count: usize, integers_max: usize, mut random: Random) -> Elements {
    let mut taken = Elements::default();
    let kept_count = set.len().saturating_sub(count);
    let mut take_one = |set: &mut Set| set.remove_at(random.below(set.len())).unwrap_or_default();
    if kept_count.saturating_mul(REMADE_FACTOR) > count {
        (0..count).for_each(|_| taken.push(&take_one(set)));
        return taken;
    }
    // Few remain, so those are picked. The set of them may be one of integers again.
    let mut kept = Set::default();
    for _ in 0..kept_count {
        kept.insert(&take_one(set), integers_max);
    }
    set.iter().for_each(|member| taken.push_entry(member));
    *set = kept;
    taken
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const INTEGERS_MAX: usize = 8;

    fn set_of_texts(len: usize) -> Set {
        let mut set = Set::default();
        (0..len).for_each(|number| assert!(set.insert(format!("m{number}").as_bytes(), 8)));
        set
    }

    #[test]
    fn every_member_is_taken_away_as_often() {
        const ROUNDS: usize = 10_000;
        let mut random = Random::from_seed(3);
        for count in [1, 5, 17, 19] {
            let mut kept: HashMap<Vec<u8>, usize> = HashMap::new();
            for _ in 0..ROUNDS {
                let mut set = set_of_texts(20);
                let taken = take_away(&mut set, count, INTEGERS_MAX, random.fork());
                assert_eq!((taken.count, set.len()), (count, 20 - count));
                set.iter().for_each(|member| *kept.entry(member.to_vec()).or_default() += 1);
            }
            // The deviation of each is at most 50; five times that is next to never exceeded.
            let expect = ROUNDS * (20 - count) / 20;
            assert_eq!(kept.len(), 20);
            assert!(kept.values().all(|n| n.abs_diff(expect) < 250), "{count}: {kept:?}");
        }
    }

    #[test]
    fn a_table_of_which_few_integers_remain_is_compact_again() {
        for (count, encoding) in [(3, "hashtable"), (9, "intset"), (10, "intset")] {
            let mut set = Set::default();
            (0..10).for_each(|number| assert!(set.insert(number.to_string().as_bytes(), 8)));
            assert_eq!(set.encoding(), "hashtable");
            take_away(&mut set, count, INTEGERS_MAX, Random::from_seed(5));
            assert_eq!(set.encoding(), encoding, "{count}");
        }
    }
}
