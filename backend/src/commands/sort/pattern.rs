//! Patterns that make a key from an element, and perhaps name a field of the hash there.
//!
//! They are read as C strings: where something is looked for in them, a zero byte ends them.

use crate::data::listpack::Entry;
use crate::data::value::Value;
use crate::execute::Call;

/// Which value is meant for an element.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pattern<'a> {
    /// `#`: the element itself.
    Element,
    /// No `*`: no value at all.
    Fixed,
    /// The value at a key, or in a field of it.
    Key { prefix: &'a [u8], suffix: &'a [u8], field: Option<&'a [u8]> },
}

impl<'a> Pattern<'a> {
    pub(super) fn parse(pattern: &'a [u8]) -> Pattern<'a> {
        let c_string = until_zero(pattern);
        if c_string == b"#" {
            return Pattern::Element;
        }
        let Some(star) = c_string.iter().position(|byte| *byte == b'*') else {
            return Pattern::Fixed;
        };
        let (prefix, behind) = (&pattern[..star], &pattern[star + 1..]);
        let arrow = until_zero(behind).windows(2).position(|pair| pair == b"->");
        // An arrow with nothing behind it is a part of the key.
        let arrow = arrow.filter(|arrow| behind.get(arrow + 2).is_some_and(|byte| *byte != 0));
        match arrow {
            Some(arrow) => {
                Pattern::Key { prefix, suffix: &behind[..arrow], field: Some(&behind[arrow + 2..]) }
            }
            None => Pattern::Key { prefix, suffix: behind, field: None },
        }
    }

    /// Whether it means another value for each element.
    pub(super) fn depends_on_element(&self) -> bool {
        matches!(self, Pattern::Key { .. })
    }

    /// The value that is meant for an element, if there is one.
    pub(super) fn look_up(&self, call: &mut Call<'_>, element: &[u8]) -> Option<Vec<u8>> {
        match self {
            Pattern::Element => Some(element.to_vec()),
            Pattern::Fixed => None,
            Pattern::Key { prefix, suffix, field } => {
                let key = [prefix, element, suffix].concat();
                let record = call.node.read(call.at(), &key)?;
                value_in(&record.value, *field)
            }
        }
    }
}

fn value_in(value: &Value, field: Option<&[u8]>) -> Option<Vec<u8>> {
    match (value, field) {
        (Value::String(string), None) => Some(string.bytes(&mut itoa::Buffer::new()).to_vec()),
        (Value::Hash(hash), Some(field)) => hash.find(field).map(Entry::to_vec),
        _ => None,
    }
}

/// What C's functions see of a text.
pub(super) fn until_zero(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key<'a>(prefix: &'a str, suffix: &'a str, field: Option<&'a str>) -> Pattern<'a> {
        let field = field.map(str::as_bytes);
        Pattern::Key { prefix: prefix.as_bytes(), suffix: suffix.as_bytes(), field }
    }

    #[test]
    fn patterns_are_cut_at_the_star_and_the_arrow() {
        let table = [
            ("#", Pattern::Element),
            ("##", Pattern::Fixed),
            ("nosort", Pattern::Fixed),
            ("", Pattern::Fixed),
            ("*", key("", "", None)),
            ("w_*_x", key("w_", "_x", None)),
            ("w_*->f", key("w_", "", Some("f"))),
            ("a->b*c->f->g", key("a->b", "c", Some("f->g"))),
            ("w_*->", key("w_", "->", None)),
            ("a**", key("a", "*", None)),
            ("a\0*", Pattern::Fixed),
            ("a*\0->f", key("a", "\0->f", None)),
        ];
        for (text, expect) in table {
            assert_eq!(Pattern::parse(text.as_bytes()), expect, "{text:?}");
        }
    }
}
