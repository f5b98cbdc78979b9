//! `COMMAND DOCS`.
//!
//! Summaries, what replaces a deprecated command and what a version brought are in words of our own.
//!
//! Source: redis `src/server.c` addReplyCommandDocs.

use crate::command::CommandSpec;
use crate::command::describe::usage::Usage;
use crate::command::describe::{Admits, commands, find, subcommands, write_simple_set, write_text};
use crate::encode::ReplyWriter;

/// Writes the reply to `COMMAND DOCS name…`: what is no command is left out; without names all commands.
pub fn write_docs<'a>(
    names: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    admits: Admits<'_>,
    writer: &mut ReplyWriter<'_>,
) {
    if names.len() == 0 {
        writer.map(commands(admits).count());
        commands(admits).for_each(|spec| write_command_docs(spec, admits, writer));
        return;
    }
    let found = |name| find(name, admits);
    writer.map(names.clone().filter_map(found).count());
    for spec in names.filter_map(found) {
        write_command_docs(spec, admits, writer);
    }
}

/// Writes one pair of the reply to `COMMAND DOCS`: the name and the facts, subcommands inside.
pub fn write_command_docs(spec: &CommandSpec, admits: Admits<'_>, writer: &mut ReplyWriter<'_>) {
    write_docs_head(spec, writer);
    if spec.is_container() {
        writer.bulk(b"subcommands");
        writer.map(subcommands(spec, admits).count());
        for subcommand in subcommands(spec, admits) {
            write_docs_head(subcommand, writer);
        }
    }
}

/// All of a pair but the subcommands at its end.
fn write_docs_head(spec: &CommandSpec, writer: &mut ReplyWriter<'_>) {
    let usage = Usage::of(spec.name);
    let is_marked = spec.is_internal || spec.deprecated.is_some();
    let fields = 3
        + usize::from(spec.complexity.is_some())
        + usize::from(is_marked)
        + if spec.deprecated.is_some() { 2 } else { 0 }
        + usage.map_or(0, Usage::fields_count)
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
    if let Some(usage) = usage {
        usage.write(writer);
    }
}
