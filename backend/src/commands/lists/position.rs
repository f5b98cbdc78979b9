//! `LPOS`: where elements stand.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is, list_of, whole_number};
use crate::data::list::List;
use crate::data::listpack::{Entry, Wanted};
use crate::execute::Call;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
struct Search {
    /// The first match that counts: 1 for the first of all, negative from the end. Never 0.
    rank: i64,
    /// How many matches are told at most, as an array; 0 for all. `None` for one, alone.
    count: Option<usize>,
    /// How many elements are looked at; 0 for all.
    elements_max: usize,
}

pub(super) fn lpos(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let search = parse(call)?;
    let element = call.arg(2);
    let found = match call.node.read(call.at(), call.arg(1)) {
        Some(record) => find(list_of(record)?, element, search),
        None => Vec::new(),
    };
    let write = |index: &usize| i64::try_from(*index).unwrap_or(i64::MAX);
    match search.count {
        Some(_) => {
            call.reply.array(found.len());
            found.iter().for_each(|index| call.reply.integer(write(index)));
        }
        None => match found.first() {
            Some(index) => call.reply.integer(write(index)),
            None => call.reply.null(),
        },
    }
    Ok(())
}

fn parse(call: &Call<'_>) -> Result<Search, ReplyError> {
    let mut search = Search { rank: 1, count: None, elements_max: 0 };
    let mut index = 3;
    while index < call.args.len() {
        let (option, value) = (call.arg(index), call.args.get(index + 1));
        let value = value.ok_or(ReplyError::SYNTAX)?;
        if is(option, "RANK") {
            search.rank = integer(value)?;
            if search.rank == 0 {
                return Err(ReplyError::new(RANK_ZERO));
            }
        } else if is(option, "COUNT") {
            search.count = Some(whole_number(value, 0, "ERR COUNT can't be negative")?);
        } else if is(option, "MAXLEN") {
            search.elements_max = whole_number(value, 0, "ERR MAXLEN can't be negative")?;
        } else {
            return Err(ReplyError::SYNTAX);
        }
        index += 2;
    }
    Ok(search)
}

const RANK_ZERO: &str = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
    negative to start from the end of the list";

/// The indexes that are to be told, in the order in which they were found.
fn find(list: &List, element: &[u8], search: Search) -> Vec<usize> {
    let last = list.len().saturating_sub(1);
    if search.rank > 0 {
        found(list.iter_from(0), element, search)
    } else {
        let mut found = found(list.iter_back_from(last), element, search);
        found.iter_mut().for_each(|index| *index = last - *index);
        found
    }
}

/// As [`find`], counted in the order of the iterator.
fn found<'e>(
    elements: impl Iterator<Item = Entry<'e>>,
    element: &[u8],
    search: Search,
) -> Vec<usize> {
    let wanted = Wanted::new(element);
    let or_all = |max: usize| if max == 0 { usize::MAX } else { max };
    // The lowest rank has no positive counterpart; in a Redis it stays negative and so skips nothing.
    let rank = search.rank.checked_abs().unwrap_or(1);
    let skip = usize::try_from(rank - 1).unwrap_or(usize::MAX);
    let matches = elements
        .take(or_all(search.elements_max))
        .enumerate()
        .filter(|(_, entry)| wanted.is(*entry))
        .map(|(index, _)| index);
    matches.skip(skip).take(search.count.map_or(1, or_all)).collect()
}
