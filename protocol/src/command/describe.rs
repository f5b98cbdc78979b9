//! The rows as `COMMAND` and its subcommands tell them, in both protocol versions.
//!
//! Both the front door and the bundled node answer from here.
//! Summaries, remarks on key specs and what replaces a deprecated command are in words of our own;
//! `arguments` and `history` of `COMMAND DOCS` are not told. All else equals redis-server 7.0.
//!
//! Source: redis `src/server.c` addReplyCommandInfo, addReplyCommandDocs, commandListCommand,
//! getKeysSubcommandImpl.

use crate::command::flags::AclCategories;
use crate::command::glob::{self, Case};
use crate::command::keys::{self, BeginSearch, FindKeys, KeyAccess, KeySpec};
use crate::command::{CommandId, CommandSpec, all, lookup_full, resolve};
use crate::encode::ReplyWriter;
use crate::reply_error::ReplyError;
use crate::request::Args;

const COMMAND: CommandId = CommandId::of("command");
const COUNT: CommandId = CommandId::of("command|count");
const DOCS: CommandId = CommandId::of("command|docs");
const GETKEYS: CommandId = CommandId::of("command|getkeys");
const GETKEYSANDFLAGS: CommandId = CommandId::of("command|getkeysandflags");
const INFO: CommandId = CommandId::of("command|info");
const LIST: CommandId = CommandId::of("command|list");

/// Whether [`write_answer`] answers requests of this row.
pub fn answers(id: CommandId) -> bool {
    [COMMAND, COUNT, DOCS, GETKEYS, GETKEYSANDFLAGS, INFO, LIST].contains(&id)
}

/// Writes the reply to a `COMMAND` request, `args` being all of it, name included.
///
/// `spec` is the row of the request, for which [`answers`] is true; its arity has been checked.
pub fn write_answer(spec: &CommandSpec, args: Args<'_>, writer: &mut ReplyWriter<'_>) {
    match spec.id() {
        COMMAND => write_all(writer),
        COUNT => write_count(writer),
        DOCS => write_docs(names(args), writer),
        INFO => write_info(names(args), writer),
        LIST => match ListFilter::parse(args) {
            Ok(filter) => write_list(filter, writer),
            Err(error) => writer.error(&error),
        },
        GETKEYS => write_keys(args, KeyDetail::Name, writer),
        GETKEYSANDFLAGS => write_keys(args, KeyDetail::NameAndAccess, writer),
        _ => debug_assert!(false, "{} is not answered here", spec.name),
    }
}

/// The arguments behind `COMMAND INFO`.
fn names(args: Args<'_>) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
    args.iter().skip(2)
}

/// All commands, subcommands only inside their containers.
fn commands() -> impl Iterator<Item = &'static CommandSpec> {
    all().iter().filter(|spec| !spec.is_subcommand())
}

/// Writes the reply to `COMMAND`.
pub fn write_all(writer: &mut ReplyWriter<'_>) {
    writer.array(commands().count());
    for spec in commands() {
        write_command(spec, writer);
    }
}

/// Writes the reply to `COMMAND COUNT`: subcommands do not count.
pub fn write_count(writer: &mut ReplyWriter<'_>) {
    writer.integer(i64::try_from(commands().count()).unwrap_or(i64::MAX));
}

/// Writes the reply to `COMMAND INFO name…`: a null for what is no command; without names all commands.
pub fn write_info<'a>(
    names: impl ExactSizeIterator<Item = &'a [u8]>,
    writer: &mut ReplyWriter<'_>,
) {
    if names.len() == 0 {
        return write_all(writer);
    }
    writer.array(names.len());
    for name in names {
        match lookup_full(name) {
            Some(spec) => write_command(spec, writer),
            None => writer.null(),
        }
    }
}

/// Writes one element of the reply to `COMMAND`, subcommands inside.
pub fn write_command(spec: &CommandSpec, writer: &mut ReplyWriter<'_>) {
    write_command_head(spec, writer);
    if !spec.is_container() {
        return writer.set(0);
    }
    writer.array(spec.subcommands().len());
    for subcommand in spec.subcommands() {
        // A subcommand has none of its own, so this is not recursive.
        write_command_head(subcommand, writer);
        writer.set(0);
    }
}

/// All of an element but the list of subcommands at its end.
fn write_command_head(spec: &CommandSpec, writer: &mut ReplyWriter<'_>) {
    writer.array(10);
    writer.bulk(spec.name.as_bytes());
    writer.integer(i64::from(spec.arity));
    write_simple_set(spec.flags.names(), "", writer);
    writer.integer(i64::from(spec.legacy.first));
    writer.integer(i64::from(spec.legacy.last));
    writer.integer(i64::from(spec.legacy.step));
    write_simple_set(spec.acl.names(), "@", writer);
    writer.set(spec.tips.len());
    for tip in spec.tips {
        writer.bulk(tip.as_bytes());
    }
    writer.set(spec.keys.len());
    for keys in spec.keys {
        write_key_spec(keys, writer);
    }
}

fn write_simple_set<'a>(
    names: impl Iterator<Item = &'a str>,
    prefix: &str,
    writer: &mut ReplyWriter<'_>,
) {
    let names: Vec<&str> = names.collect();
    writer.set(names.len());
    for name in names {
        writer.simple(&format!("{prefix}{name}"));
    }
}

fn write_key_spec(spec: &KeySpec, writer: &mut ReplyWriter<'_>) {
    writer.map(if spec.note.is_empty() { 3 } else { 4 });
    if !spec.note.is_empty() {
        write_text("notes", spec.note, writer);
    }
    writer.bulk(b"flags");
    write_simple_set(spec.access.names(), "", writer);
    writer.bulk(b"begin_search");
    match spec.begin {
        BeginSearch::Index(index) => write_rule("index", &[("index", i64::from(index))], writer),
        BeginSearch::Keyword { word, from } => {
            write_rule_head("keyword", 2, writer);
            write_text("keyword", word, writer);
            write_number("startfrom", i64::from(from), writer);
        }
        BeginSearch::Unknown => write_rule("unknown", &[], writer),
    }
    writer.bulk(b"find_keys");
    match spec.find {
        FindKeys::Range { last, step, limit } => {
            let (last, step, limit) = (i64::from(last), i64::from(step), i64::from(limit));
            write_rule("range", &[("lastkey", last), ("keystep", step), ("limit", limit)], writer);
        }
        FindKeys::Counted { count, first, step } => {
            let (count, first, step) = (i64::from(count), i64::from(first), i64::from(step));
            write_rule(
                "keynum",
                &[("keynumidx", count), ("firstkey", first), ("keystep", step)],
                writer,
            );
        }
        FindKeys::Unknown => write_rule("unknown", &[], writer),
    }
}

fn write_rule(kind: &str, numbers: &[(&str, i64)], writer: &mut ReplyWriter<'_>) {
    write_rule_head(kind, numbers.len(), writer);
    for (name, number) in numbers {
        write_number(name, *number, writer);
    }
}

fn write_rule_head(kind: &str, fields: usize, writer: &mut ReplyWriter<'_>) {
    writer.map(2);
    write_text("type", kind, writer);
    writer.bulk(b"spec");
    writer.map(fields);
}

fn write_text(name: &str, text: &str, writer: &mut ReplyWriter<'_>) {
    writer.bulk(name.as_bytes());
    writer.bulk(text.as_bytes());
}

fn write_number(name: &str, number: i64, writer: &mut ReplyWriter<'_>) {
    writer.bulk(name.as_bytes());
    writer.integer(number);
}

/// Writes the reply to `COMMAND DOCS name…`: what is no command is left out; without names all commands.
pub fn write_docs<'a>(
    names: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    writer: &mut ReplyWriter<'_>,
) {
    if names.len() == 0 {
        writer.map(commands().count());
        commands().for_each(|spec| write_command_docs(spec, writer));
        return;
    }
    writer.map(names.clone().filter_map(lookup_full).count());
    for spec in names.filter_map(lookup_full) {
        write_command_docs(spec, writer);
    }
}

/// Writes one pair of the reply to `COMMAND DOCS`: the name and the facts, subcommands inside.
pub fn write_command_docs(spec: &CommandSpec, writer: &mut ReplyWriter<'_>) {
    write_docs_head(spec, writer);
    if spec.is_container() {
        writer.bulk(b"subcommands");
        writer.map(spec.subcommands().len());
        for subcommand in spec.subcommands() {
            write_docs_head(subcommand, writer);
        }
    }
}

/// All of a pair but the subcommands at its end.
fn write_docs_head(spec: &CommandSpec, writer: &mut ReplyWriter<'_>) {
    let is_marked = spec.is_internal || spec.deprecated.is_some();
    let fields = 3
        + usize::from(spec.complexity.is_some())
        + usize::from(is_marked)
        + if spec.deprecated.is_some() { 2 } else { 0 }
        + usize::from(spec.is_container());
    writer.bulk(spec.name.as_bytes());
    writer.map(fields);
    write_text("summary", spec.summary, writer);
    write_text("since", spec.since, writer);
    write_text("group", spec.group.name(), writer);
    if let Some(complexity) = spec.complexity {
        write_text("complexity", complexity, writer);
    }
    if is_marked {
        let marks = [("deprecated", spec.deprecated.is_some()), ("syscmd", spec.is_internal)];
        let marks = marks.into_iter().filter_map(|(mark, is_set)| is_set.then_some(mark));
        writer.bulk(b"doc_flags");
        write_simple_set(marks, "", writer);
    }
    if let Some(deprecation) = spec.deprecated {
        write_text("deprecated_since", deprecation.since, writer);
        write_text("replaced_by", deprecation.replaced_by, writer);
    }
}

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
pub fn write_list(filter: ListFilter<'_>, writer: &mut ReplyWriter<'_>) {
    let admitted = || all().iter().filter(|spec| filter.admits(spec));
    writer.array(admitted().count());
    for spec in admitted() {
        writer.bulk(spec.name.as_bytes());
    }
}

/// What is told of each key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyDetail {
    /// `COMMAND GETKEYS`.
    Name,
    /// `COMMAND GETKEYSANDFLAGS`.
    NameAndAccess,
}

/// Writes the keys of the request that stands behind the first two arguments.
pub fn write_keys(args: Args<'_>, detail: KeyDetail, writer: &mut ReplyWriter<'_>) {
    let request: Vec<&[u8]> = args.iter().skip(2).collect();
    match keys_of(Args::from_slices(&request)) {
        Err(error) => writer.error(&error),
        Ok(keys) => {
            writer.array(keys.len());
            for (key, access) in keys {
                if detail == KeyDetail::NameAndAccess {
                    writer.array(2);
                }
                writer.bulk(key);
                if detail == KeyDetail::NameAndAccess {
                    write_simple_set(access.names(), "", writer);
                }
            }
        }
    }
}

fn keys_of<'a>(request: Args<'a>) -> Result<Vec<(&'a [u8], KeyAccess)>, ReplyError> {
    let spec = resolve::resolve_any_arity(request)
        .map_err(|_| ReplyError::new("ERR Invalid command specified"))?;
    let is_key = |access: KeyAccess| !access.contains(KeyAccess::NOT_KEY);
    if !spec.keys.iter().any(|keys| is_key(keys.access)) {
        return Err(ReplyError::new("ERR The command has no key arguments"));
    }
    if !spec.accepts(request.len()) {
        return Err(ReplyError::new("ERR Invalid number of arguments specified for command"));
    }
    let found = keys::find_keys(spec, request)
        .map_err(|_| ReplyError::new("ERR Invalid arguments specified for command"))?;
    let keys = found.filter(|(_, access)| is_key(*access));
    Ok(keys.filter_map(|(index, access)| Some((request.get(index as usize)?, access))).collect())
}
