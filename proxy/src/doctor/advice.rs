//! Which preset or rule would bring the keys of a command into one slot.
//!
//! A rule is told only if it takes all of the keys into one group: that is tried, not guessed.
//! Not here: which settings serve a command as its keys lie (see `page`).

use super::shape::{self, Part};
use crate::config::colocation::ColocationRule;
use crate::config::doctor::DoctorKeys;
use crate::config::preset::PRESETS;

/// What would bring keys together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// A preset of this name.
    Preset(&'static str),
    /// A rule.
    Rule {
        /// As `colocate.rules` has it.
        text: String,
        /// What it would bring together.
        scope: Scope,
    },
}

/// What a rule brings together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// These keys and no others.
    These,
    /// Keys that have one part in common, such as a user's number: groups spread over the cluster.
    Groups,
    /// All keys of these shapes: they lie on one node.
    All,
}

/// Keys that are looked at (count). A rule for the first of many would most likely do for the others.
const KEYS_MAX: usize = 16;

/// The longest tag that is told, in bytes.
const TAG_BYTES_MAX: usize = 16;

impl Advice {
    /// What would bring these keys together, if anything is known.
    pub(super) fn for_keys(keys: &[&[u8]]) -> Option<Advice> {
        let keys = &keys[..keys.len().min(KEYS_MAX)];
        if keys.len() < 2 || keys.iter().all(|key| *key == keys[0]) {
            return None;
        }
        let takes =
            |rule: ColocationRule| unites(&rule, keys) && keys.iter().any(|key| rule.names(key));
        let preset = PRESETS.iter().find(|preset| preset.rules().any(takes));
        match preset {
            Some(preset) => Some(Advice::Preset(preset.name)),
            None => rule_for(keys),
        }
    }

    /// Whether it tells nothing that is to be hidden: the names of presets are no secret.
    pub(super) fn may_be_shown(&self, shown: DoctorKeys) -> bool {
        shown == DoctorKeys::Shapes || matches!(self, Advice::Preset(_))
    }
}

/// Whether a rule takes all keys, and into one group.
fn unites(rule: &ColocationRule, keys: &[&[u8]]) -> bool {
    let first = keys.first().and_then(|key| rule.group_of(key));
    first.is_some() && keys.iter().all(|key| rule.group_of(key) == first)
}

/// A key in the three parts that a pattern has.
struct Cut<'k> {
    /// What stands before the part that makes it one of many.
    head: &'k str,
    /// That part; empty when there is none.
    many: &'k str,
    /// What stands behind it.
    tail: &'k str,
}

impl<'k> Cut<'k> {
    /// `None` when it holds what a pattern, or a list of them, would take for something else.
    fn of(key: &'k [u8]) -> Option<Cut<'k>> {
        let text = std::str::from_utf8(key).ok()?;
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"*?[]\\{},\"'".contains(&byte);
        if text.is_empty() || !text.bytes().all(is_plain) {
            return None;
        }
        let mut at = 0;
        for part in shape::parts(key) {
            match part {
                Part::Text(many) if shape::is_one_of_many(many) => {
                    let (head, rest) = text.split_at(at);
                    let (many, tail) = rest.split_at(many.len());
                    return Some(Cut { head, many, tail });
                }
                Part::Text(word) => at += word.len(),
                Part::Separator(_) => at += 1,
            }
        }
        Some(Cut { head: text, many: "", tail: "" })
    }

    /// The pattern for all keys like this one; those with the same part are together.
    fn grouped(&self) -> String {
        format!("{}{{*}}{}", self.head, shape_of_tail(self.tail))
    }

    /// The pattern for all keys like this one.
    fn plain(&self) -> String {
        let star = if self.many.is_empty() { "" } else { "*" };
        format!("{}{star}{}", self.head, shape_of_tail(self.tail))
    }
}

fn shape_of_tail(tail: &str) -> String {
    if tail.is_empty() { String::new() } else { shape::of(tail.as_bytes()) }
}

fn rule_for(keys: &[&[u8]]) -> Option<Advice> {
    let cuts: Vec<Cut<'_>> = keys.iter().map(|key| Cut::of(key)).collect::<Option<_>>()?;
    let first = cuts.first()?;
    let are_many = |cut: &Cut<'_>| !cut.many.is_empty();
    let scope = if !cuts.iter().any(are_many) {
        Scope::These
    } else if cuts.iter().all(|cut| are_many(cut) && cut.many == first.many) {
        Scope::Groups
    } else {
        Scope::All
    };
    let mut patterns: Vec<String> = Vec::new();
    for cut in &cuts {
        let pattern = match scope {
            Scope::Groups => cut.grouped(),
            Scope::These | Scope::All => cut.plain(),
        };
        if pattern.starts_with('*') {
            // It would take any key.
            return None;
        }
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    let text = format!("{} -> {}", patterns.join(" "), tag(first.head));
    let rule = ColocationRule::parse(&text)?;
    unites(&rule, keys).then_some(Advice::Rule { text, scope })
}

/// A name for what is brought together: the first word.
fn tag(head: &str) -> &str {
    let end = head.find(|sign: char| !sign.is_ascii_alphanumeric()).unwrap_or(head.len());
    match &head[..end.min(TAG_BYTES_MAX)] {
        "" => "keys",
        word => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(keys: &str) -> String {
        let keys: Vec<&[u8]> = keys.split(' ').map(str::as_bytes).collect();
        match Advice::for_keys(&keys) {
            None => "none".to_owned(),
            Some(Advice::Preset(name)) => name.to_owned(),
            Some(Advice::Rule { text, scope }) => format!("{scope:?} {text}"),
        }
    }

    #[test]
    fn frameworks_are_known_by_their_keys() {
        assert_eq!(advice("rq:queue:mail rq:job:4711"), "rq");
        assert_eq!(advice("bull:mail:wait bull:mail:active"), "bull");
        assert_eq!(advice("queue:default queues"), "sidekiq");
        assert_eq!(advice("lock:a lock-signal:a"), "python-redis-lock");
        // A pattern of sidekiq's takes these, too, but none of its names.
        assert_eq!(advice("user:1:a user:2:a"), "All user:*:a -> user");
    }

    #[test]
    fn a_part_in_common_makes_groups() {
        assert_eq!(
            advice("user:42:cart user:42:orders"),
            "Groups user:{*}:cart user:{*}:orders -> user"
        );
        assert_eq!(advice("cart:42 orders:42"), "Groups cart:{*} orders:{*} -> cart");
        assert_eq!(advice("room:a1:7 room:a1:8"), "Groups room:{*}:* -> room");
    }

    #[test]
    fn what_has_nothing_in_common_lies_together_as_a_whole() {
        assert_eq!(advice("tag:1 tag:2"), "All tag:* -> tag");
        assert_eq!(advice("todo done"), "These todo done -> todo");
        assert_eq!(advice("index item:7"), "All index item:* -> index");
    }

    #[test]
    fn no_rule_is_told_that_would_not_do() {
        for keys in ["a a", "a", "{a}x {b}y", "1 2", "a[b c[d", "a,b c"] {
            assert_eq!(advice(keys), "none", "{keys}");
        }
    }
}
