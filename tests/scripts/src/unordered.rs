//! Replies whose elements come in no order, or at random.

use reddoor_protocol::value::Value;

/// How the elements of two replies must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// The same elements.
    Members,
    /// The same elements, two by two.
    Pairs,
    /// As many elements of the same types.
    Shape,
}

impl Agreement {
    /// How replies to a command have to agree, if they need not be the same.
    pub(crate) fn of(name: &[u8]) -> Option<Agreement> {
        match name {
            b"smembers" | b"sinter" | b"sunion" | b"sdiff" | b"sscan" | b"spop" | b"hkeys"
            | b"hvals" => Some(Agreement::Members),
            b"hgetall" | b"hscan" => Some(Agreement::Pairs),
            b"hrandfield" | b"srandmember" => Some(Agreement::Shape),
            _ => None,
        }
    }

    pub(crate) fn holds(self, theirs: Value, ours: Value) -> bool {
        let mut elements = [theirs, ours].map(|reply| {
            let mut elements = Vec::new();
            flatten(reply, self, &mut elements);
            elements
        });
        let size = if self == Agreement::Pairs { 2 } else { 1 };
        let [theirs, ours] = elements.each_mut().map(|elements| {
            // From the end, because a scan tells its cursor first.
            let mut groups: Vec<&[Vec<u8>]> = elements.rchunks(size).collect();
            groups.sort();
            groups
        });
        theirs == ours
    }
}

/// Two texts for each collection inside, its type and length, and one for each element.
fn flatten(value: Value, agreement: Agreement, elements: &mut Vec<Vec<u8>>) {
    let (name, inner) = match value {
        Value::Array(inner) => ("array", inner),
        Value::Set(inner) => ("set", inner),
        Value::Map(pairs) => ("map", pairs.into_iter().flat_map(|(a, b)| [a, b]).collect()),
        Value::Bulk(_) if agreement == Agreement::Shape => return elements.push(b"bulk".into()),
        Value::Bulk(text) => return elements.push(text),
        other => return elements.push(format!("{other:?}").into()),
    };
    elements.extend([name.into(), inner.len().to_string().into()]);
    inner.into_iter().for_each(|value| flatten(value, agreement, elements));
}
