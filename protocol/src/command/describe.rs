//! The rows as `COMMAND` and its subcommands tell them, in both protocol versions.
//!
//! Both the front door and the bundled node answer from here.
//! Summaries, remarks on key specs, what replaces a deprecated command and what a version brought are in words of our
//! own. All else equals redis-server 7.0.
//!
//! Source: redis `src/server.c` addReplyCommandInfo, addReplyCommandDocs, commandListCommand,
//! getKeysSubcommandImpl.

mod usage;

pub mod docs;

pub mod list;

pub mod key_list;

use crate::command::describe::docs::write_docs;
use crate::command::describe::key_list::{KeyDetail, write_keys};
use crate::command::describe::list::{ListFilter, write_list};
use crate::command::key_spec::{BeginSearch, FindKeys, KeySpec};
use crate::command::{CommandId, CommandSpec, all, lookup_full};
use crate::encode::ReplyWriter;
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

/// Says of a row whether it is told; the others are passed over as if there were no such command.
pub type Admits<'a> = &'a dyn Fn(&CommandSpec) -> bool;

/// Writes the reply to a `COMMAND` request, `args` being all of it, name included.
///
/// `spec` is the row of the request, for which [`answers`] is true; its arity has been checked.
pub fn write_answer(
    spec: &CommandSpec,
    args: Args<'_>,
    admits: Admits<'_>,
    writer: &mut ReplyWriter<'_>,
) {
    match spec.id() {
        COMMAND => write_all(admits, writer),
        COUNT => write_count(admits, writer),
        DOCS => write_docs(names(args), admits, writer),
        INFO => write_info(names(args), admits, writer),
        LIST => match ListFilter::parse(args) {
            Ok(filter) => write_list(filter, admits, writer),
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
fn commands(admits: Admits<'_>) -> impl Iterator<Item = &'static CommandSpec> {
    all().iter().filter(move |spec| !spec.is_subcommand() && admits(spec))
}

/// The subcommands of a container that are told.
fn subcommands<'a>(
    spec: &CommandSpec,
    admits: Admits<'a>,
) -> impl Iterator<Item = &'static CommandSpec> + use<'a> {
    spec.subcommands().iter().filter(move |spec| admits(spec))
}

/// The row of a command with this name that is told.
fn find(name: &[u8], admits: Admits<'_>) -> Option<&'static CommandSpec> {
    lookup_full(name).filter(|spec| admits(spec))
}

/// Writes the reply to `COMMAND`.
pub fn write_all(admits: Admits<'_>, writer: &mut ReplyWriter<'_>) {
    writer.array(commands(admits).count());
    for spec in commands(admits) {
        write_command(spec, admits, writer);
    }
}

/// Writes the reply to `COMMAND COUNT`: subcommands do not count.
pub fn write_count(admits: Admits<'_>, writer: &mut ReplyWriter<'_>) {
    writer.integer(i64::try_from(commands(admits).count()).unwrap_or(i64::MAX));
}

/// Writes the reply to `COMMAND INFO name…`: a null for what is no command; without names all commands.
pub fn write_info<'a>(
    names: impl ExactSizeIterator<Item = &'a [u8]>,
    admits: Admits<'_>,
    writer: &mut ReplyWriter<'_>,
) {
    if names.len() == 0 {
        return write_all(admits, writer);
    }
    writer.array(names.len());
    for name in names {
        match find(name, admits) {
            Some(spec) => write_command(spec, admits, writer),
            None => writer.null(),
        }
    }
}

/// Writes one element of the reply to `COMMAND`, subcommands inside.
pub fn write_command(spec: &CommandSpec, admits: Admits<'_>, writer: &mut ReplyWriter<'_>) {
    write_command_head(spec, writer);
    if !spec.is_container() {
        return writer.set(0);
    }
    writer.array(subcommands(spec, admits).count());
    for subcommand in subcommands(spec, admits) {
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
