//! The types of values that a key may hold.

use crate::data::string::Str;

/// A value of one of the types.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A string of bytes.
    String(Str),
}

impl Value {
    /// What `TYPE` answers.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Value::String(_) => "string",
        }
    }

    /// What `OBJECT ENCODING` answers.
    pub(crate) fn encoding(&self) -> &'static str {
        match self {
            Value::String(string) => string.encoding(),
        }
    }

    /// About how many bytes it takes beyond the record that holds it.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Value::String(string) => string.heap_bytes(),
        }
    }
}
