//! Patterns as `KEYS`, `SCAN MATCH`, `PSUBSCRIBE` and `COMMAND LIST` match them.
//!
//! `*` any bytes, `?` one byte, `[abc]`, `[a-c]`, `[^a]` one byte of a class, `\` the next byte itself.
//! Not here: file names. A slash is a byte like others, and braces mean nothing.
//!
//! Source: redis `src/util.c` stringmatchlen; its odd corners (classes that do not end) are kept.

/// Whether capitals and small letters differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// They differ.
    Exact,
    /// They are the same, for ASCII.
    Ignored,
}

/// Whether all of `text` fits `pattern`.
///
/// Stars stand for nothing as well, but an empty text fits the empty pattern only: a Redis looks for no star where
/// there is no byte.
///
/// Takes at most `pattern.len() * text.len()` steps and no memory: when what follows a `*` does not fit, only
/// the last `*` takes one byte more.
pub fn is_match(pattern: &[u8], text: &[u8], case: Case) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut at_pattern, mut at_text) = (0, 0);
    // Behind the last star, and the text from which it was last tried.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(at_pattern) == Some(&b'*') {
            at_pattern += 1;
            retry = Some((at_pattern, at_text));
            continue;
        }
        if at_text == text.len() && at_pattern == pattern.len() {
            return true;
        }
        let step =
            text.get(at_text).and_then(|byte| match_one(&pattern[at_pattern..], *byte, case));
        if let Some(taken) = step {
            at_pattern += taken;
            at_text += 1;
            continue;
        }
        match retry {
            Some((behind_star, tried)) if tried < text.len() => {
                retry = Some((behind_star, tried + 1));
                at_pattern = behind_star;
                at_text = tried + 1;
            }
            _ => return false,
        }
    }
}

/// Whether a key, a member or a field fits the pattern of `KEYS` or of a `SCAN`, for which a lone star is no pattern.
///
/// Source: redis `src/db.c` keysCommand, scanGenericCommand.
pub fn is_listed(pattern: &[u8], name: &[u8]) -> bool {
    pattern == b"*" || is_match(pattern, name, Case::Exact)
}

/// The bytes of the pattern that stand for `byte`, if its first element does.
fn match_one(pattern: &[u8], byte: u8, case: Case) -> Option<usize> {
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', class @ ..] => match_class(class, byte, case).map(|taken| taken + 1),
        [b'\\', escaped, ..] => is_same(*escaped, byte, case).then_some(2),
        [literal, ..] => is_same(*literal, byte, case).then_some(1),
    }
}

/// The bytes of a class, its end included, if it holds `byte`. A class that does not end ends with the pattern.
fn match_class(class: &[u8], byte: u8, case: Case) -> Option<usize> {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut found = false;
    while at < class.len() {
        match &class[at..] {
            [b'\\', escaped, ..] => {
                found |= is_same_exact(*escaped, byte);
                at += 2;
            }
            [b']', ..] => break,
            [low, b'-', high, ..] => {
                found |= is_within(*low, *high, byte, case);
                at += 3;
            }
            [literal, ..] => {
                found |= is_same(*literal, byte, case);
                at += 1;
            }
            [] => break,
        }
    }
    let taken = (at + 1).min(class.len());
    (found != negated).then_some(taken)
}

/// An escaped byte of a class is itself, in its own case only.
fn is_same_exact(a: u8, b: u8) -> bool {
    a == b
}

fn is_same(a: u8, b: u8, case: Case) -> bool {
    match case {
        Case::Exact => a == b,
        Case::Ignored => a.eq_ignore_ascii_case(&b),
    }
}

fn is_within(low: u8, high: u8, byte: u8, case: Case) -> bool {
    let (low, high) = (low.min(high), low.max(high));
    match case {
        Case::Exact => (low..=high).contains(&byte),
        Case::Ignored => (low.to_ascii_lowercase()..=high.to_ascii_lowercase())
            .contains(&byte.to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expect: bool) {
        assert_eq!(
            is_match(pattern.as_bytes(), text.as_bytes(), Case::Exact),
            expect,
            "{pattern} {text}"
        );
    }

    #[test]
    fn stars_and_marks() {
        check("", "", true);
        check("*", "", false);
        check("**", "", false);
        check("a*", "a", true);
        check("**a**", "a", true);
        check("", "a", false);
        check("a*c", "abbc", true);
        check("a*c", "abbcd", false);
        check("*a*b*", "xxaxxbxx", true);
        check("h?llo", "hello", true);
        check("h?llo", "hllo", false);
        check("h**o", "ho", true);
    }

    #[test]
    fn a_lone_star_lists_what_has_no_name() {
        assert!(is_listed(b"*", b""));
        assert!(!is_listed(b"**", b""));
        assert!(is_listed(b"*a", b"a"));
    }

    #[test]
    fn classes() {
        check("h[ae]llo", "hello", true);
        check("h[ae]llo", "hillo", false);
        check("h[^e]llo", "hello", false);
        check("h[a-c]llo", "hbllo", true);
        check("h[c-a]llo", "hbllo", true);
        check("h[abc", "ha", true);
        check(r"h[\]]", "h]", true);
        check("[]", "a", false);
    }

    #[test]
    fn escapes() {
        check(r"a\*c", "a*c", true);
        check(r"a\*c", "abc", false);
        check(r"a\", r"a\", true);
    }

    #[test]
    fn letters_may_ignore_case() {
        assert!(is_match(b"CLIENT|[A-I]*", b"client|id", Case::Ignored));
        assert!(!is_match(b"CLIENT|*", b"client|id", Case::Exact));
    }

    #[test]
    fn a_hostile_pattern_ends_in_time() {
        let pattern = "a*".repeat(500) + "b";
        assert!(!is_match(pattern.as_bytes(), &[b'a'; 5000], Case::Exact));
    }
}
