//! What `SORT` is asked for.

use std::cmp::Ordering;
use std::ops::Range;

use reddoor_protocol::reply_error::ReplyError;

use super::order::{self, Item};
use super::pattern::Pattern;
use crate::commands::argument::{integer, is};
use crate::execute::Call;

/// The options of one call.
#[derive(Debug)]
pub(super) struct Options<'a> {
    pub(super) by: By<'a>,
    /// Texts are compared, not numbers.
    pub(super) is_alphabetic: bool,
    pub(super) is_descending: bool,
    /// How many are left out first, and how many are told then; negative for all.
    limit: (i64, i64),
    /// What is told of each element; if there is nothing, the element itself.
    pub(super) gets: Vec<Pattern<'a>>,
    /// The key that gets the results.
    pub(super) store: Option<&'a [u8]>,
}

/// What orders the elements.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum By<'a> {
    Itself,
    /// What is found at keys made from them.
    Pattern(Pattern<'a>),
    /// They stay as they are.
    Nothing,
}

/// Whether results may be kept at a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stores {
    Perhaps,
    Never,
}

impl<'a> Options<'a> {
    pub(super) fn parse(call: &Call<'a>, stores: Stores) -> Result<Options<'a>, ReplyError> {
        let mut options = Options {
            by: By::Itself,
            is_alphabetic: false,
            is_descending: false,
            limit: (0, -1),
            gets: Vec::new(),
            store: None,
        };
        let mut index = 2;
        while let Some(option) = call.args.get(index) {
            let values = (call.args.get(index + 1), call.args.get(index + 2));
            index += match values {
                _ if is(option, "ASC") => {
                    options.is_descending = false;
                    1
                }
                _ if is(option, "DESC") => {
                    options.is_descending = true;
                    1
                }
                _ if is(option, "ALPHA") => {
                    options.is_alphabetic = true;
                    1
                }
                (Some(start), Some(count)) if is(option, "LIMIT") => {
                    options.limit = (integer(start)?, integer(count)?);
                    3
                }
                (Some(key), _) if is(option, "STORE") && stores == Stores::Perhaps => {
                    options.store = Some(key);
                    2
                }
                (Some(pattern), _) if is(option, "BY") => {
                    options.add_by(call, pattern)?;
                    2
                }
                (Some(pattern), _) if is(option, "GET") => {
                    check_reach(call, "GET")?;
                    options.gets.push(Pattern::parse(pattern));
                    2
                }
                _ => return Err(ReplyError::SYNTAX),
            };
        }
        Ok(options)
    }

    fn add_by(&mut self, call: &Call<'_>, pattern: &'a [u8]) -> Result<(), ReplyError> {
        let by = Pattern::parse(pattern);
        if !by.depends_on_element() {
            self.by = By::Nothing;
            return Ok(());
        }
        check_reach(call, "BY")?;
        // Once the order was said not to matter, a later pattern does not change that.
        if self.by != By::Nothing {
            self.by = By::Pattern(by);
        }
        Ok(())
    }

    /// The indexes that are asked for, of so many.
    pub(super) fn range_of(&self, len: usize) -> Range<usize> {
        let within = |number: i64| usize::try_from(number.max(0)).unwrap_or(len).min(len);
        let start = within(self.limit.0);
        let count = if self.limit.1 < 0 { len } else { within(self.limit.1) };
        start..start.saturating_add(count).min(len)
    }

    /// In which order two elements come.
    pub(super) fn compare(&self, a: &Item, b: &Item) -> Ordering {
        let ordering = order::compare(self, a, b);
        if self.is_descending { ordering.reverse() } else { ordering }
    }
}

/// Patterns may name any keys: of slots that this node does not hold, or that the client's user may not read.
fn check_reach(call: &Call<'_>, option: &str) -> Result<(), ReplyError> {
    let user = &call.client.login.user;
    let reason = if call.node.cluster.is_some() {
        "in Cluster mode"
    } else if !user.is_unrestricted() && !user.rules().may_read_all_keys(call.spec, call.args) {
        "due to insufficient ACL permissions"
    } else {
        return Ok(());
    };
    Err(ReplyError::new(format!("ERR {option} option of SORT denied {reason}.")))
}
