//! The arguments of each command, as `COMMAND DOCS` tells them: names, types, tokens, how they nest.
//!
//! They stand in `arguments.txt`, in the manner of an outline. A line at the margin is the full name of a command;
//! below it each argument has a line of its own, indented by two spaces, and an argument that is made of others has
//! those below it, two spaces further in. A line is the argument's name, its type, and then as far as there are any
//! `@` with the index of its key spec, `=` with its token (which may be empty), `since:` and `deprecated_since:`
//! with a version, and flags.
//!
//! Source: redis `src/server.c` addReplyCommandArgList; the facts are those that redis-server 7.0 tells.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::command::describe::{write_number, write_simple_set, write_text};
use crate::encode::ReplyWriter;

/// The lines below each command.
static LINES: LazyLock<HashMap<&str, Vec<Argument>>> = LazyLock::new(|| {
    let mut commands = HashMap::new();
    let mut lines = include_str!("arguments.txt").lines().peekable();
    while let Some(name) = lines.next() {
        let mut arguments = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with(INDENT)) {
            arguments.push(Argument::read(line));
        }
        commands.insert(name, arguments);
    }
    commands
});

const INDENT: &str = "  ";

/// One line.
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

/// Whether the command with this full name has arguments to tell.
pub(super) fn has_arguments(name: &str) -> bool {
    LINES.contains_key(name)
}

/// Writes the arguments of the command with this full name: an array of maps.
pub(super) fn write_arguments(name: &str, writer: &mut ReplyWriter<'_>) {
    let arguments = LINES.get(name).map_or(&[][..], Vec::as_slice);
    writer.array(parts_of(0, arguments));
    for (at, argument) in arguments.iter().enumerate() {
        argument.write_head(parts_of(argument.depth, &arguments[at + 1..]), writer);
    }
}

/// How many of these lines stand right below one of that depth, which came before them.
fn parts_of(depth: usize, below: &[Argument]) -> usize {
    let below = below.iter().take_while(|argument| argument.depth > depth);
    below.filter(|argument| argument.depth == depth + 1).count()
}

#[cfg(test)]
mod tests {
    use super::LINES;
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
        for (name, arguments) in LINES.iter() {
            assert!(lookup_full(name.as_bytes()).is_some(), "{name} is no command");
            let mut depth = 0;
            for argument in arguments {
                assert!(KINDS.contains(&argument.kind), "{name}: {argument:?}");
                assert!(argument.flags.iter().all(|flag| FLAGS.contains(flag)), "{argument:?}");
                assert!((1..=depth + 1).contains(&argument.depth), "{name}: {argument:?}");
                depth = argument.depth;
            }
        }
    }
}
