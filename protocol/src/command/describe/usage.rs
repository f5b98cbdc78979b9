//! The arguments and the history of each command, as `COMMAND DOCS` tells them.
//!
//! They stand in `usage.txt`, in the manner of an outline. A line at the margin is the full name of a command. Below it,
//! indented by two spaces, come its changes, `+` with the version and what it brought; then each argument has a line of
//! its own, and an argument that is made of others has those below it, two spaces further in. Such a line is the
//! argument's name, its type, and then as far as there are any `@` with the index of its key spec, `=` with its token
//! (which may be empty), `since:` and `deprecated_since:` with a version, and flags.
//!
//! Source: redis `src/server.c` addReplyCommandArgList, addReplyCommandHistory; arguments and versions are those that
//! redis-server 7.0 tells, what a version brought is in words of our own.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::command::describe::{write_number, write_simple_set, write_text};
use crate::encode::ReplyWriter;

/// By the full names of commands.
static USAGES: LazyLock<HashMap<&str, Usage>> = LazyLock::new(|| {
    let mut usages = HashMap::new();
    let mut lines = include_str!("usage.txt").lines().peekable();
    while let Some(name) = lines.next() {
        let mut usage = Usage::default();
        while let Some(line) = lines.next_if(|line| line.starts_with(INDENT)) {
            match line.trim_start().strip_prefix("+ ").and_then(|line| line.split_once(' ')) {
                Some(change) => usage.history.push(change),
                None => usage.arguments.push(Argument::read(line)),
            }
        }
        usages.insert(name, usage);
    }
    usages
});

const INDENT: &str = "  ";

/// What is told of one command.
#[derive(Debug, Default)]
pub(super) struct Usage {
    /// Versions, and what they brought.
    history: Vec<(&'static str, &'static str)>,
    /// In the order of the lines: each before those that it is made of.
    arguments: Vec<Argument>,
}

impl Usage {
    /// That of the command with this full name, if there is anything to tell.
    pub(super) fn of(name: &str) -> Option<&'static Usage> {
        USAGES.get(name)
    }

    /// Fields of `COMMAND DOCS` that [`Usage::write`] writes (count).
    pub(super) fn fields_count(&self) -> usize {
        usize::from(!self.history.is_empty()) + usize::from(!self.arguments.is_empty())
    }

    /// Writes the fields `history` and `arguments`, as far as there are any.
    pub(super) fn write(&self, writer: &mut ReplyWriter<'_>) {
        if !self.history.is_empty() {
            writer.bulk(b"history");
            writer.set(self.history.len());
        }
        for (version, change) in &self.history {
            writer.array(2);
            writer.bulk(version.as_bytes());
            writer.bulk(change.as_bytes());
        }
        if !self.arguments.is_empty() {
            writer.bulk(b"arguments");
            writer.array(parts_of(0, &self.arguments));
        }
        for (at, argument) in self.arguments.iter().enumerate() {
            argument.write_head(parts_of(argument.depth, &self.arguments[at + 1..]), writer);
        }
    }
}

/// One argument, a line.
#[derive(Debug, Default)]
struct Argument {
    /// How far in it stands; 1 for an argument of the command itself.
    depth: usize,
    name: &'static str,
    kind: &'static str,
    key_spec_index: Option<i64>,
    token: Option<&'static str>,
    since: Option<&'static str>,
    deprecated_since: Option<&'static str>,
    flags: Vec<&'static str>,
}

impl Argument {
    fn read(line: &'static str) -> Argument {
        let text = line.trim_start_matches(' ');
        let mut words = text.split(' ');
        let mut argument = Argument {
            depth: (line.len() - text.len()) / INDENT.len(),
            name: words.next().unwrap_or_default(),
            kind: words.next().unwrap_or_default(),
            ..Argument::default()
        };
        for word in words {
            if let Some(index) = word.strip_prefix('@') {
                argument.key_spec_index = index.parse().ok();
            } else if let Some(token) = word.strip_prefix('=') {
                argument.token = Some(token);
            } else if let Some(version) = word.strip_prefix("since:") {
                argument.since = Some(version);
            } else if let Some(version) = word.strip_prefix("deprecated_since:") {
                argument.deprecated_since = Some(version);
            } else {
                argument.flags.push(word);
            }
        }
        argument
    }

    /// Writes all of it but the arguments that it is made of, which stand behind it.
    fn write_head(&self, parts: usize, writer: &mut ReplyWriter<'_>) {
        let texts = [("since", self.since), ("deprecated_since", self.deprecated_since)];
        let fields = 2
            + usize::from(self.key_spec_index.is_some())
            + usize::from(self.token.is_some())
            + texts.iter().filter(|(_, text)| text.is_some()).count()
            + usize::from(!self.flags.is_empty())
            + usize::from(parts > 0);
        writer.map(fields);
        write_text("name", self.name, writer);
        write_text("type", self.kind, writer);
        if let Some(index) = self.key_spec_index {
            write_number("key_spec_index", index, writer);
        }
        if let Some(token) = self.token {
            write_text("token", token, writer);
        }
        for (name, text) in texts {
            text.into_iter().for_each(|text| write_text(name, text, writer));
        }
        if !self.flags.is_empty() {
            writer.bulk(b"flags");
            write_simple_set(self.flags.iter().copied(), "", writer);
        }
        if parts > 0 {
            writer.bulk(b"arguments");
            writer.array(parts);
        }
    }
}

/// How many of these lines stand right below one of that depth, which came before them.
fn parts_of(depth: usize, below: &[Argument]) -> usize {
    let below = below.iter().take_while(|argument| argument.depth > depth);
    below.filter(|argument| argument.depth == depth + 1).count()
}

#[cfg(test)]
mod tests {
    use super::USAGES;
    use crate::command::lookup_full;

    #[test]
    fn every_line_is_read_whole() {
        const KINDS: [&str; 9] = [
            "key",
            "string",
            "integer",
            "double",
            "pattern",
            "unix-time",
            "pure-token",
            "oneof",
            "block",
        ];
        const FLAGS: [&str; 3] = ["optional", "multiple", "multiple_token"];
        for (name, usage) in USAGES.iter() {
            assert!(lookup_full(name.as_bytes()).is_some(), "{name} is no command");
            let mut depth = 0;
            for argument in &usage.arguments {
                assert!(KINDS.contains(&argument.kind), "{name}: {argument:?}");
                assert!(argument.flags.iter().all(|flag| FLAGS.contains(flag)), "{argument:?}");
                assert!((1..=depth + 1).contains(&argument.depth), "{name}: {argument:?}");
                depth = argument.depth;
            }
        }
    }
}
