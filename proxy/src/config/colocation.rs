//! Rules that bring keys into one slot which share no hash tag of their own.
//!
//! ```text
//! "celery _kombu.* unacked* -> celery"     all of these keys together
//! "bull:{*}:* -> bull"                     those of one queue together, whatever its name
//! "lock:{*} lock-signal:{*} -> lock"       a lock with its signal
//! ```
//!
//! A pattern is one of `KEYS`. With an open brace in it it takes keys though they have a hash tag. `{*}` in it takes what stands there, up to the byte that follows in the pattern; keys
//! of one rule in which it takes the same are together.
//!
//! Not here: under which names such keys are stored (see `key_mapping`).

use std::fmt;

use reddoor_protocol::command::glob::{self, Case};
use reddoor_protocol::slot::hash_tag;
use serde::{Serialize, Serializer};

/// The longest tag, in bytes: every key that a rule takes is longer by that.
const TAG_BYTES_MAX: usize = 32;

/// What stands in a pattern for the part of a key that parts groups.
const GROUP: &str = "{*}";

/// Keys that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColocationRule {
    text: String,
    patterns: Vec<KeyPattern>,
    tag: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum KeyPattern {
    /// All keys that fit.
    Plain(Vec<u8>),
    /// Keys that begin so; then comes the group, then what fits the rest.
    Grouped { head: Vec<u8>, tail: Vec<u8> },
}

impl ColocationRule {
    /// Reads a rule; `None` when it is none.
    pub fn parse(text: &str) -> Option<ColocationRule> {
        let (patterns, tag) = text.rsplit_once("->")?;
        let tag = tag.trim();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
        if tag.is_empty() || tag.len() > TAG_BYTES_MAX || !tag.bytes().all(is_plain) {
            return None;
        }
        let patterns: Vec<KeyPattern> = patterns
            .split(' ')
            .filter(|p| !p.is_empty())
            .map(KeyPattern::parse)
            .collect::<Option<_>>()?;
        let rule = ColocationRule { text: text.to_owned(), patterns, tag: tag.to_owned() };
        (!rule.patterns.is_empty()).then_some(rule)
    }

    /// The name that keys of this rule share.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Whether a pattern takes the key that begins with a name: others take keys of strangers, too.
    pub fn names(&self, key: &[u8]) -> bool {
        let begins_with_name = |pattern: &&KeyPattern| match pattern {
            KeyPattern::Plain(text) | KeyPattern::Grouped { head: text, .. } => {
                text.first().is_some_and(|first| !b"*?[".contains(first))
            }
        };
        let mut named = self.patterns.iter().filter(begins_with_name);
        named.any(|pattern| pattern.group_of(key).is_some())
    }

    /// The group in which the rule puts a key, empty when the rule has one group only; `None` when it does not take
    /// the key. A key with a hash tag of its own is where it wants to be, unless a pattern says that it knows the brace.
    pub fn group_of<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        let is_tagged = hash_tag(key).len() != key.len();
        let patterns = self.patterns.iter().filter(|pattern| !is_tagged || pattern.has_brace());
        patterns.into_iter().find_map(|pattern| pattern.group_of(key))
    }
}

impl KeyPattern {
    fn parse(text: &str) -> Option<KeyPattern> {
        let Some((head, tail)) = text.split_once(GROUP) else {
            return (!text.contains('}')).then(|| KeyPattern::Plain(text.into()));
        };
        let is_wild = |text: &str| text.contains(['*', '?', '[', '\\']);
        let has_braces = |text: &str| text.contains(['{', '}']);
        // Without a plain byte behind it nothing would say where the group ends.
        let ends = tail.chars().next().is_none_or(|first| !is_wild(&first.to_string()));
        if is_wild(head) || has_braces(head) || has_braces(tail) || !ends {
            return None;
        }
        Some(KeyPattern::Grouped { head: head.into(), tail: tail.into() })
    }

    /// Whether keys that fit have a brace which is no hash tag to those who made it.
    fn has_brace(&self) -> bool {
        matches!(self, KeyPattern::Plain(pattern) if pattern.contains(&b'{'))
    }

    fn group_of<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        match self {
            KeyPattern::Plain(pattern) => {
                glob::is_match(pattern, key, Case::Exact).then_some(&key[..0])
            }
            KeyPattern::Grouped { head, tail } => {
                let rest = key.strip_prefix(head.as_slice())?;
                let end = match tail.first() {
                    Some(first) => rest.iter().position(|byte| byte == first)?,
                    None => rest.len(),
                };
                let (group, rest) = rest.split_at(end);
                let is_group = !group.is_empty() && !group.iter().any(|byte| b"{}".contains(byte));
                (is_group && glob::is_match(tail, rest, Case::Exact)).then_some(group)
            }
        }
    }
}

impl fmt::Display for ColocationRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for ColocationRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(rule: &str, key: &str) -> Option<String> {
        let rule = ColocationRule::parse(rule).unwrap();
        rule.group_of(key.as_bytes()).map(|group| String::from_utf8(group.to_vec()).unwrap())
    }

    #[test]
    fn patterns_take_keys_together_or_in_groups() {
        let all = Some(String::new());
        let rule = "celery celery[^-]* unacked* -> celery";
        assert_eq!(group(rule, "celery"), all);
        assert_eq!(group(rule, "celery@a"), all);
        assert_eq!(group(rule, "unacked_index"), all);
        assert_eq!(group(rule, "celery-task-meta-1"), None);
        let bull = "bull:{*}:* -> bull";
        assert_eq!(group(bull, "bull:mail:wait"), Some("mail".to_owned()));
        assert_eq!(group(bull, "bull:mail:1:lock"), Some("mail".to_owned()));
        assert_eq!(group(bull, "bull::wait"), None);
        assert_eq!(group(bull, "bull:mail"), None);
        let lock = "lock:{*} lock-signal:{*} -> lock";
        assert_eq!(group(lock, "lock:a:b"), Some("a:b".to_owned()));
        assert_eq!(group(lock, "lock-signal:a:b"), Some("a:b".to_owned()));
    }

    #[test]
    fn a_key_with_a_hash_tag_stays_where_it_is() {
        assert_eq!(group("celery* -> c", "celery{1}"), None);
        assert_eq!(group("* -> c", "celery{}1"), Some(String::new()));
        assert_eq!(group("bull:{*}:* -> bull", "bull:}:x"), None);
        let json = "at:* at:{\"* -> at";
        assert_eq!(group(json, r#"at:{"n":1}"#), Some(String::new()));
        assert_eq!(group(json, "at:{n}"), None);
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [
            "",
            "a",
            "a ->",
            "-> a",
            "a -> b c",
            "a -> {b}",
            "{a} -> b",
            "a{*}*b -> c",
            "a*{*} -> c",
            "{*}{*} -> c",
        ] {
            assert_eq!(ColocationRule::parse(text), None, "{text}");
        }
        let long = format!("a -> {}", "b".repeat(TAG_BYTES_MAX + 1));
        assert_eq!(ColocationRule::parse(&long), None);
    }
}
