//! `SORT` and `SORT_RO`: the elements of a collection in an order, or what other keys hold for them.
//!
//! Elements are copied first: what orders them, and what is told instead of them, may lie at any key.
//!
//! Source: redis `src/sort.c` sortCommandGeneric.

mod options;

mod order;

mod pattern;

use std::ops::Range;

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::list_of;
use crate::data::list::{End, List};
use crate::data::value::Value;
use crate::execute::{Call, Handler};
use crate::notify::Class;

use options::{By, Options, Stores};
use order::Item;

pub(super) const HANDLERS: &[(&str, Handler)] =
    &[("sort", |call| sort(call, Stores::Perhaps)), ("sort_ro", |call| sort(call, Stores::Never))];

fn sort(call: &mut Call<'_>, stores: Stores) -> Result<(), ReplyError> {
    let options = Options::parse(call, stores)?;
    let items = match options.by {
        By::Nothing => unsorted(call, &options)?,
        By::Itself | By::Pattern(_) => sorted(call, &options)?,
    };
    match options.store {
        Some(target) => store(call, &options, &items, target),
        None => reply(call, &options, &items),
    }
    Ok(())
}

/// The elements that are asked for, as they lie.
fn unsorted(call: &mut Call<'_>, options: &Options<'_>) -> Result<Vec<Item>, ReplyError> {
    let Some(record) = call.node.read(call.at(), call.arg(1)) else { return Ok(Vec::new()) };
    let list = list_of(record)?;
    let range = options.range_of(list.len());
    // Only these are copied; from the end backwards the range is the same.
    let items = if options.is_descending {
        let last = list.len() - 1 - range.start.min(list.len() - 1);
        list.iter_back_from(last).take(range.len()).map(Item::new).collect()
    } else {
        list.iter_from(range.start).take(range.len()).map(Item::new).collect()
    };
    Ok(items)
}

/// The elements that are asked for, after all have been sorted.
fn sorted(call: &mut Call<'_>, options: &Options<'_>) -> Result<Vec<Item>, ReplyError> {
    let Some(record) = call.node.read(call.at(), call.arg(1)) else { return Ok(Vec::new()) };
    let mut items: Vec<Item> = list_of(record)?.iter().map(Item::new).collect();
    let range = options.range_of(items.len());
    order::weigh(call, options, &mut items)?;
    items.sort_by(|a, b| options.compare(a, b));
    Ok(within(items, range))
}

fn within(mut items: Vec<Item>, range: Range<usize>) -> Vec<Item> {
    items.truncate(range.end);
    items.drain(..range.start);
    items
}

/// Gives `tell` what is asked for, in order: nothing where a key or field is missing.
fn for_each_result(
    call: &mut Call<'_>,
    options: &Options<'_>,
    items: &[Item],
    mut tell: impl FnMut(&mut Call<'_>, Option<&[u8]>),
) {
    for item in items {
        if options.gets.is_empty() {
            tell(call, Some(&item.element));
        }
        for pattern in &options.gets {
            let found = pattern.look_up(call, &item.element);
            tell(call, found.as_deref());
        }
    }
}

fn results_count(options: &Options<'_>, items: &[Item]) -> usize {
    items.len() * options.gets.len().max(1)
}

fn reply(call: &mut Call<'_>, options: &Options<'_>, items: &[Item]) {
    call.reply.array(results_count(options, items));
    for_each_result(call, options, items, |call, result| call.reply.bulk_or_null(result));
}

/// Keeps the results as a list, where what is missing is an empty element.
fn store(call: &mut Call<'_>, options: &Options<'_>, items: &[Item], target: &[u8]) {
    let (at, limits, mut list) = (call.at(), call.node.list_limits(), Box::<List>::default());
    for_each_result(call, options, items, |_, result| {
        list.push(End::Back, result.unwrap_or_default(), limits);
    });
    let count = list.len();
    if count > 0 {
        call.node.databases[at.db].insert(target, Value::List(list), None, at.now_ms);
        call.changed(target);
        call.notify(Class::List, "sortstore", target);
    } else if call.node.write(at, target).is_some() {
        call.node.databases[at.db].remove(target);
        call.changed(target);
        call.notify(Class::Generic, "del", target);
    }
    call.reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
}
