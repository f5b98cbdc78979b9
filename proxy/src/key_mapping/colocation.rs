//! Keys brought into one slot: the name under which a key that a rule takes is stored.
//!
//! ```text
//! rule                      client's key     stored key
//! celery* -> celery         celery           {~celery}celery
//! bull:{*}:* -> bull        bull:mail:wait   {~bull:mail}bull:mail:wait
//!                           other            other
//! celery* -> celery         {~celery}x       {~celery}{~celery}x     would be taken for the key x
//! ```
//!
//! Invariants: no two keys have one stored key; from a stored key the client's is read back, without the rules; a
//! stored key ends with the client's.

use crate::config::colocation::ColocationRule;

/// How a stored key begins that a rule has brought elsewhere.
const MARK: &[u8] = b"{~";

/// The rules in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct Colocation {
    rules: Vec<ColocationRule>,
    /// Rules for arguments of scripts which are beginnings of keys.
    script_args: Vec<ColocationRule>,
}

impl Colocation {
    /// Of the rules that take a key the first counts.
    pub(crate) fn new(rules: Vec<ColocationRule>, script_args: Vec<ColocationRule>) -> Colocation {
        Colocation { rules, script_args }
    }

    /// Whether there is no rule, so that every key is stored as it is.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What stands before a key where it is stored.
    pub(crate) fn mark_of(&self, key: &[u8]) -> Option<Vec<u8>> {
        if self.is_empty() {
            return None;
        }
        if let Some(len) = mark_len(key) {
            return Some(key[..len].to_vec());
        }
        mark_by(&self.rules, key)
    }

    /// As [`Colocation::mark_of`], for an argument of a script that keys are made of.
    pub(crate) fn mark_of_script_arg(&self, arg: &[u8]) -> Option<Vec<u8>> {
        mark_by(&self.script_args, arg)
    }

    /// The client's key of a stored key.
    pub(crate) fn client_key<'k>(&self, stored: &'k [u8]) -> &'k [u8] {
        match mark_len(stored) {
            Some(len) if !self.is_empty() => &stored[len..],
            _ => stored,
        }
    }
}

fn mark_by(rules: &[ColocationRule], key: &[u8]) -> Option<Vec<u8>> {
    let (rule, group) = rules.iter().find_map(|rule| Some((rule, rule.group_of(key)?)))?;
    let colon: &[u8] = if group.is_empty() { b"" } else { b":" };
    Some([MARK, rule.tag().as_bytes(), colon, group, b"}"].concat())
}

/// Bytes of the mark that a stored key begins with.
fn mark_len(stored: &[u8]) -> Option<usize> {
    let rest = stored.strip_prefix(MARK)?;
    Some(MARK.len() + rest.iter().position(|byte| *byte == b'}')? + 1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn colocation() -> Colocation {
        let rules = ["a b* -> a", "q:{*}:* -> q", "*c -> c"];
        let rules = rules.map(|rule| ColocationRule::parse(rule).unwrap());
        Colocation::new(rules.into(), Vec::new())
    }

    fn stored(key: &[u8]) -> Vec<u8> {
        [colocation().mark_of(key).unwrap_or_default(), key.to_vec()].concat()
    }

    proptest! {
        #[test]
        fn what_is_stored_is_read_back(keys in prop::collection::vec(
            prop::collection::vec(
                prop::sample::select(vec!["{~", "a", "b", "c", "}", "{", "q:", ":", "{~a}", "{~q:b}"]), 0..6
            ).prop_map(|pieces| pieces.concat().into_bytes()),
            1..40,
        )) {
            let mut owners: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
            for key in keys {
                let stored = stored(&key);
                prop_assert_eq!(colocation().client_key(&stored), &key[..]);
                let owner = owners.entry(stored).or_insert(key.clone());
                prop_assert_eq!(&*owner, &key);
            }
        }
    }

    #[test]
    fn the_table_of_the_module_holds() {
        for (key, expect) in [
            ("a", "{~a}a"),
            ("bx", "{~a}bx"),
            ("q:mail:wait", "{~q:mail}q:mail:wait"),
            ("other", "other"),
            ("{t}bc", "{t}bc"),
            ("{~a}x", "{~a}{~a}x"),
        ] {
            assert_eq!(String::from_utf8(stored(key.as_bytes())).unwrap(), expect, "{key}");
        }
    }
}
