//! `COMMAND LIST`.
//!
//! Source: redis `src/server.c` commandListCommand.

use crate::command::describe::Admits;
use crate::command::flags::AclCategories;
use crate::command::glob::{self, Case};
use crate::command::{CommandSpec, all};
use crate::encode::ReplyWriter;
use crate::reply_error::ReplyError;
use crate::request::Args;

/// Which names `COMMAND LIST` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFilter<'a> {
    /// All.
    All,
    /// Commands of a module, of which there are none.
    Module,
    /// Commands in an ACL category; `None` if there is no such category.
    Category(Option<AclCategories>),
    /// Names that fit a pattern in any case of letters.
    Pattern(&'a [u8]),
}

impl<'a> ListFilter<'a> {
    /// The filter of a `COMMAND LIST` request, `args` being all of it.
    ///
    /// # Errors
    /// [`ReplyError::SYNTAX`].
    pub fn parse(args: Args<'a>) -> Result<ListFilter<'a>, ReplyError> {
        if args.len() == 2 {
            return Ok(ListFilter::All);
        }
        let is_word = |index: usize, word: &[u8]| {
            args.get(index).is_some_and(|arg| arg.eq_ignore_ascii_case(word))
        };
        let Some(value) = args.get(4).filter(|_| args.len() == 5 && is_word(2, b"filterby")) else {
            return Err(ReplyError::SYNTAX);
        };
        if is_word(3, b"module") {
            Ok(ListFilter::Module)
        } else if is_word(3, b"aclcat") {
            Ok(ListFilter::Category(AclCategories::by_name(value)))
        } else if is_word(3, b"pattern") {
            Ok(ListFilter::Pattern(value))
        } else {
            Err(ReplyError::SYNTAX)
        }
    }

    fn admits(&self, spec: &CommandSpec) -> bool {
        match *self {
            ListFilter::All => true,
            ListFilter::Module => false,
            ListFilter::Category(category) => category.is_some_and(|cat| spec.acl.contains(cat)),
            ListFilter::Pattern(pattern) => {
                glob::is_match(pattern, spec.name.as_bytes(), Case::Ignored)
            }
        }
    }
}

/// Writes the reply to `COMMAND LIST`: names of commands and subcommands.
pub fn write_list(filter: ListFilter<'_>, admits: Admits<'_>, writer: &mut ReplyWriter<'_>) {
    let admitted = || all().iter().filter(|spec| filter.admits(spec) && admits(spec));
    writer.array(admitted().count());
    for spec in admitted() {
        writer.bulk(spec.name.as_bytes());
    }
}
