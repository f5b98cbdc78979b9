//! `SORT` and `SORT_RO`: the elements of a collection in an order, or what other keys hold for them.
//!
//! Elements are copied first: what orders them, and what is told instead of them, may lie at any key.
//!
//! Source: redis `src/sort.c` sortCommandGeneric.

mod options;

mod order;

mod pattern;

mod source;

use std::ops::Range;

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::results::{self, Answered};
use crate::data::list::{End, List};
use crate::data::value::Value;
use crate::execute::{Call, Handler, Origin};
use crate::notify::Class;

use options::{By, Options, Stores};
use order::Item;
use source::Source;

pub(super) const HANDLERS: &[(&str, Handler)] =
    &[("sort", |call| sort(call, Stores::Perhaps)), ("sort_ro", |call| sort(call, Stores::Never))];

fn sort(call: &mut Call<'_>, stores: Stores) -> Result<(), ReplyError> {
    let mut options = Options::parse(call, stores)?;
    let source = Source::of(call.node.read(call.at(), call.arg(1)))?;
    let is_repeatable = options.store.is_some() || call.origin == Origin::Script;
    if options.by == By::Nothing && is_repeatable && !source.is_ordered() {
        // What is kept, and what a script may keep, must not depend on how a set happens to lie.
        options.by = By::Itself;
        options.is_alphabetic = true;
    }
    let range = options.range_of(source.len());
    let items = if options.by == By::Nothing {
        source.part(range, options.is_descending)
    } else {
        let mut items = source.all();
        order::weigh(call, &options, &mut items)?;
        items.sort_by(|a, b| options.compare(a, b));
        within(items, range)
    };
    match options.store {
        Some(target) => store(call, &options, &items, target),
        None => reply(call, &options, &items),
    }
    Ok(())
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
    let (limits, mut list) = (call.node.list_limits(), Box::<List>::default());
    for_each_result(call, options, items, |_, result| {
        list.push(End::Back, result.unwrap_or_default(), limits);
    });
    let count = list.len();
    let event = (Class::List, "sortstore");
    results::store(call, target, (Value::List(list), count), event, Answered::AfterEvents);
}
