//! Where keys stand in the reply to a command, as data: whoever stores keys under other names puts them back there.
//!
//! Not here: keys in the answer of a script, which only the script knows.

/// Where keys stand in a reply.
///
/// Whatever is said of the reply, an error in its place may name keys between single quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyKeys {
    /// Nowhere.
    #[default]
    None,
    /// In errors alone.
    ErrorText,
    /// The reply is a key, or null.
    Whole,
    /// The first element of an array, which may be null.
    First,
    /// Every element of an array.
    Each,
    /// Every element of the array behind a cursor.
    Page,
    /// The first of each pair: an array of pairs in RESP2, a map in RESP3, or null.
    Pairs,
}
