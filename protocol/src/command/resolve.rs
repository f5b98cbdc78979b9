//! From the arguments of a request to its row, or to the words in which a Redis refuses it.
//!
//! Source: redis `src/server.c` processCommand, commandCheckExistence, commandCheckArity.

use thiserror::Error;

use crate::command::{CommandId, CommandSpec, lookup};
use crate::reply_error::ReplyError;
use crate::request::Args;

/// Bytes of a name, and of all arguments together, that a refusal repeats.
const QUOTED_BYTES_MAX: usize = 128;

/// The one command whose refusal ends a transaction, and says so.
const EXEC: CommandId = CommandId::of("exec");

/// Why a request has no row.
#[derive(Clone, Copy, Debug, Error)]
pub enum ResolveError {
    /// No command has this name.
    #[error("unknown command")]
    UnknownCommand,
    /// The command is a container that has no such subcommand.
    #[error("unknown subcommand of {}", .container.name)]
    UnknownSubcommand {
        /// The row of the container.
        container: &'static CommandSpec,
    },
    /// The row exists; it takes another number of arguments.
    #[error("wrong number of arguments for {}", .spec.name)]
    WrongArity {
        /// The row.
        spec: &'static CommandSpec,
    },
}

/// The row of a request: the subcommand's where the command is a container.
///
/// # Errors
/// [`ResolveError`], to be worded by [`ResolveError::reply`] with the same arguments.
#[inline]
pub fn resolve(args: Args<'_>) -> Result<&'static CommandSpec, ResolveError> {
    let spec = resolve_any_arity(args)?;
    if spec.accepts(args.len()) { Ok(spec) } else { Err(ResolveError::WrongArity { spec }) }
}

/// As [`resolve`], whatever the number of arguments.
///
/// # Errors
/// [`ResolveError::UnknownCommand`] and [`ResolveError::UnknownSubcommand`].
#[inline]
pub fn resolve_any_arity(args: Args<'_>) -> Result<&'static CommandSpec, ResolveError> {
    let name = args.get(0).unwrap_or_default();
    let spec = lookup(name).ok_or(ResolveError::UnknownCommand)?;
    if spec.is_container()
        && let Some(subname) = args.get(1)
    {
        return find_subcommand(spec, subname)
            .ok_or(ResolveError::UnknownSubcommand { container: spec });
    }
    Ok(spec)
}

/// The row of a container's subcommand, in any case of letters.
pub(super) fn find_subcommand(
    container: &CommandSpec,
    subname: &[u8],
) -> Option<&'static CommandSpec> {
    let prefix = container.name.len() + 1;
    container
        .subcommands()
        .iter()
        .find(|spec| spec.name.as_bytes()[prefix..].eq_ignore_ascii_case(subname))
}

impl ResolveError {
    /// The refusal of the request with these arguments, to the letter.
    ///
    /// Bytes that are no UTF-8 are replaced; [`ResolveError::text`] has them as they came.
    pub fn reply(&self, args: Args<'_>) -> ReplyError {
        ReplyError::new(String::from_utf8_lossy(&self.text(args)).into_owned())
    }

    /// The bytes a Redis puts between `-` and the line end.
    pub fn text(&self, args: Args<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            ResolveError::UnknownCommand => {
                out.extend_from_slice(b"ERR unknown command '");
                out.extend_from_slice(quotable(args.get(0), QUOTED_BYTES_MAX));
                out.extend_from_slice(b"', with args beginning with: ");
                quote_arguments(args, &mut out);
            }
            ResolveError::UnknownSubcommand { container } => {
                out.extend_from_slice(b"ERR unknown subcommand '");
                out.extend_from_slice(quotable(args.get(1), QUOTED_BYTES_MAX));
                out.extend_from_slice(b"'. Try ");
                out.extend_from_slice(container.name.to_ascii_uppercase().as_bytes());
                out.extend_from_slice(b" HELP.");
            }
            ResolveError::WrongArity { spec } => {
                let text = ReplyError::wrong_arity(spec.name);
                let text = text.as_str().as_bytes();
                match text.strip_prefix(b"ERR ") {
                    Some(reason) if spec.id() == EXEC => {
                        out.extend_from_slice(b"EXECABORT Transaction discarded because of: ");
                        out.extend_from_slice(reason);
                    }
                    _ => out.extend_from_slice(text),
                }
            }
        }
        for byte in &mut out {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        out
    }
}

/// Each argument in quotes and with a space behind it, until there are enough bytes of them.
fn quote_arguments(args: Args<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    for arg in args.iter().skip(1) {
        let written = out.len() - start;
        if written >= QUOTED_BYTES_MAX {
            return;
        }
        out.push(b'\'');
        out.extend_from_slice(quotable(Some(arg), QUOTED_BYTES_MAX - written));
        out.extend_from_slice(b"' ");
    }
}

/// As much of an argument as a refusal shows: at most `bytes_max` bytes, and nothing from a zero byte on.
fn quotable(arg: Option<&[u8]>, bytes_max: usize) -> &[u8] {
    let arg = arg.unwrap_or_default();
    let end = arg.iter().take(bytes_max).position(|byte| *byte == 0);
    &arg[..end.unwrap_or(arg.len().min(bytes_max))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &[&[u8]], expect: &str) {
        let args = Args::from_slices(args);
        let text = match resolve(args) {
            Ok(spec) => spec.name.to_owned(),
            Err(error) => error.text(args).escape_ascii().to_string(),
        };
        assert_eq!(text, expect);
    }

    #[test]
    fn a_container_gives_way_to_its_subcommand() {
        check(&[b"GeT", b"a"], "get");
        check(&[b"client", b"SetName", b"a"], "client|setname");
        check(&[b"command"], "command");
    }

    #[test]
    fn refusals_have_the_words_of_a_redis() {
        check(&[b"get"], r"ERR wrong number of arguments for \'get\' command");
        check(&[b"client"], r"ERR wrong number of arguments for \'client\' command");
        check(
            &[b"CLIENT", b"id", b"x"],
            r"ERR wrong number of arguments for \'client|id\' command",
        );
        check(&[b"CLIENT", b"Foo"], r"ERR unknown subcommand \'Foo\'. Try CLIENT HELP.");
        check(&[b"Foo"], r"ERR unknown command \'Foo\', with args beginning with: ");
        check(
            &[b"a\nb", b"c\0d", b"\xff"],
            r"ERR unknown command \'a b\', with args beginning with: \'c\' \'\xff\' ",
        );
        check(&[b"client|id"], r"ERR unknown command \'client|id\', with args beginning with: ");
        check(&[b""], r"ERR unknown command \'\', with args beginning with: ");
    }

    #[test]
    fn refusals_repeat_a_bounded_part_of_the_request() {
        let long = [b'x'; 1000];
        let args: [&[u8]; 4] = [&long, &long[..100], &long, b"y"];
        let args = Args::from_slices(&args);
        let text = ResolveError::UnknownCommand.text(args);
        let expect = format!(
            "ERR unknown command '{}', with args beginning with: '{}' '{}' ",
            "x".repeat(128),
            "x".repeat(100),
            "x".repeat(25),
        );
        assert_eq!(String::from_utf8(text).unwrap(), expect);
    }
}
