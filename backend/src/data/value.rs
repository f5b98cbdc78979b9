//! The types of values that a key may hold.

use crate::data::list::List;
use crate::data::string::Str;

/// A value of one of the types.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A string of bytes.
    String(Str),
    /// Elements in a row.
    List(Box<List>),
}

impl Value {
    /// What `TYPE` answers.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Value::String(_) => "string",
            Value::List(_) => "list",
        }
    }

    /// What `OBJECT ENCODING` answers.
    pub(crate) fn encoding(&self) -> &'static str {
        match self {
            Value::String(string) => string.encoding(),
            Value::List(_) => "quicklist",
        }
    }

    /// About how many bytes it takes beyond the record that holds it.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Value::String(string) => string.heap_bytes(),
            Value::List(list) => list.heap_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_as_small_as_a_string() {
        assert_eq!(size_of::<Value>(), size_of::<Str>());
    }
}
