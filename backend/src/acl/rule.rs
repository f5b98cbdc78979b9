//! Words of rules: how they are compared, put together, and refused.
//!
//! Source: redis `src/acl.c` ACLSetUserStringError, ACLMergeSelectorArguments, ACLStringHasSpaces.

use thiserror::Error;

/// Why a rule cannot be followed, in the words in which a Redis says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum RuleError {
    #[error("Unknown command or category name in ACL")]
    UnknownName,
    #[error("Syntax error")]
    Syntax,
    #[error(
        "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. \
         Try 'resetkeys' to start with an empty list of patterns"
    )]
    KeysAreAll,
    #[error(
        "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any \
         effect. Try 'resetchannels' to start with an empty list of channels"
    )]
    ChannelsAreAll,
    #[error("The password you are trying to remove from the user does not exist")]
    NoSuchPassword,
    #[error(
        "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
    )]
    BadHash,
    #[error("Allowing first-arg of a subcommand is not supported")]
    FirstArgOfSubcommand,
}

/// A selector that was opened and not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unmatched {
    /// Which word opens it.
    pub(crate) index: usize,
}

/// The words of rules with those of each selector, `(` to `)`, as one.
///
/// # Errors
/// A selector is not closed.
pub(crate) fn gather<'a>(words: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Vec<u8>>, Unmatched> {
    let mut rules = Vec::new();
    let mut open: Option<(usize, Vec<u8>)> = None;
    for (index, word) in words.enumerate() {
        let closes = word.last() == Some(&b')');
        open = match open {
            None if word.first() == Some(&b'(') && !closes => Some((index, word.to_vec())),
            None => {
                rules.push(word.to_vec());
                None
            }
            Some((start, mut selector)) => {
                selector.push(b' ');
                selector.extend_from_slice(text_of_c(word));
                if closes {
                    rules.push(selector);
                    None
                } else {
                    Some((start, selector))
                }
            }
        };
    }
    open.map_or(Ok(rules), |(index, _)| Err(Unmatched { index }))
}

/// Whether a rule is this word, in any case of letters.
pub(super) fn is(rule: &[u8], word: &str) -> bool {
    text_of_c(rule).eq_ignore_ascii_case(word.as_bytes())
}

/// A text as C sees it: up to its first zero byte.
pub(super) fn text_of_c(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Whether white space or a zero byte is in a name or pattern, which could then not be written into a file.
pub(crate) fn has_spaces(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, 0 | b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expect: Result<&[&str], usize>) {
        let rules = gather(line.split(' ').map(str::as_bytes)).map_err(|open| open.index);
        let expect =
            expect.map(|rules| rules.iter().map(|rule| rule.as_bytes().to_vec()).collect());
        assert_eq!(rules, expect, "{line}");
    }

    #[test]
    fn the_words_of_a_selector_are_one_rule() {
        check("on (+get ~a) off", Ok(&["on", "(+get ~a)", "off"]));
        check("(+get) ()", Ok(&["(+get)", "()"]));
        check("( +get )", Ok(&["( +get )"]));
        check("( (", Err(0));
        check("on (a b", Err(1));
        check("a) )", Ok(&["a)", ")"]));
    }
}
