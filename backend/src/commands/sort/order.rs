//! What elements weigh, and which comes first.

use std::cmp::Ordering;

use reddoor_protocol::double::read_double;
use reddoor_protocol::reply_error::ReplyError;

use super::options::{By, Options};
use super::pattern::until_zero;
use crate::data::listpack::Entry;
use crate::execute::Call;

/// One element on its way.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) element: Box<[u8]>,
    weight: Weight,
}

#[derive(Debug)]
enum Weight {
    Number(f64),
    /// What was found for it, if anything.
    Text(Option<Box<[u8]>>),
    /// The element itself, as a text.
    Itself,
}

impl Item {
    pub(super) fn new(entry: Entry<'_>) -> Item {
        Item { element: entry.to_vec().into(), weight: Weight::Itself }
    }
}

/// Finds out what every element weighs.
///
/// # Errors
/// Numbers are to be compared, and something is none.
pub(super) fn weigh(
    call: &mut Call<'_>,
    options: &Options<'_>,
    items: &mut [Item],
) -> Result<(), ReplyError> {
    let mut is_good = true;
    for item in items {
        let found = match &options.by {
            By::Pattern(pattern) => pattern.look_up(call, &item.element),
            By::Itself | By::Nothing if options.is_alphabetic => continue,
            By::Itself | By::Nothing => Some(item.element.to_vec()),
        };
        item.weight = if options.is_alphabetic {
            Weight::Text(found.map(Vec::into_boxed_slice))
        } else {
            // All are looked up, whatever the first is.
            let number = found.map_or(Some(0.0), |text| number(&text));
            is_good &= number.is_some();
            Weight::Number(number.unwrap_or(0.0))
        };
    }
    if is_good { Ok(()) } else { Err(ReplyError::new(NOT_NUMBERS)) }
}

const NOT_NUMBERS: &str = "ERR One or more scores can't be converted into double";

/// A text as C's `strtod` reads it, if it is a number as a whole and a double can tell it.
fn number(text: &[u8]) -> Option<f64> {
    let text = until_zero(text);
    let read = read_double(text);
    // C finds a number out of range, too, that is so small that digits of it were lost; written in hexadecimal
    // hardly any are.
    let is_lossy = read.number.is_subnormal() && !text.contains(&b'x') && !text.contains(&b'X');
    let is_good =
        read.len == text.len() && !read.is_out_of_range && !is_lossy && !read.number.is_nan();
    is_good.then_some(read.number)
}

/// In which order two elements come if it is not turned round.
pub(super) fn compare(options: &Options<'_>, a: &Item, b: &Item) -> Ordering {
    // What is kept must not depend on the locale of the server, and so zero bytes do not end it.
    let compare_texts = |a: &[u8], b: &[u8]| match options.store {
        Some(_) => a.cmp(b),
        None => until_zero(a).cmp(until_zero(b)),
    };
    match (&a.weight, &b.weight) {
        (Weight::Number(x), Weight::Number(y)) => {
            x.partial_cmp(y).unwrap_or(Ordering::Equal).then_with(|| a.element.cmp(&b.element))
        }
        (Weight::Text(Some(x)), Weight::Text(Some(y))) => compare_texts(x, y),
        (Weight::Text(x), Weight::Text(y)) => x.is_some().cmp(&y.is_some()),
        _ => compare_texts(&a.element, &b.element),
    }
}
