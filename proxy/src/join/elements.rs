//! Looks into replies that were framed before: their elements as bytes, their numbers, their texts.

use reddoor_protocol::frame::{self, Head, ReplyLimits};
use reddoor_protocol::request::parse_integer;

/// The elements of an array, set or map, a map's keys and values in turn; `None` for another type.
pub(crate) fn of(reply: &[u8]) -> Option<Vec<&[u8]>> {
    // The reply is framed, so these limits have been held already.
    let limits = ReplyLimits::default();
    let (Head::Aggregate { elements }, mut at) = frame::head(reply, &limits).ok()?? else {
        return None;
    };
    let mut found = Vec::new();
    for _ in 0..elements {
        let rest = reply.get(at..)?;
        let len = frame::element_len(rest, &limits)?;
        found.push(&rest[..len]);
        at += len;
    }
    Some(found)
}

/// An integer, or `None` for another type.
pub(crate) fn integer(element: &[u8]) -> Option<i64> {
    parse_integer(element.strip_prefix(b":")?.strip_suffix(b"\r\n")?)
}

/// What stands in a string of any kind, a text for people without its format; `None` for another type.
pub(crate) fn bulk_text(element: &[u8]) -> Option<&[u8]> {
    let limits = ReplyLimits::default();
    match (element.first()?, frame::head(element, &limits)) {
        (b'+', _) => element[1..].strip_suffix(b"\r\n"),
        (b'$', Ok(Some((Head::Bulk { len }, line)))) => element.get(line..line + len),
        (b'=', Ok(Some((Head::Bulk { len }, line)))) => element.get(line + 4..line + len),
        _ => None,
    }
}

/// Whether it is a null of any kind.
pub(crate) fn is_null(element: &[u8]) -> bool {
    [&b"$-1\r\n"[..], b"*-1\r\n", b"_\r\n"].contains(&element)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_cut_out_of_any_aggregate() {
        let reply = b"%1\r\n$1\r\na\r\n*2\r\n:1\r\n:2\r\n";
        assert_eq!(of(reply).unwrap(), [&b"$1\r\na\r\n"[..], b"*2\r\n:1\r\n:2\r\n"]);
        assert_eq!(of(b"*0\r\n").unwrap(), [b""; 0]);
        assert_eq!((of(b":1\r\n"), of(b"*2\r\n:1\r\n")), (None, None));
    }

    #[test]
    fn texts_and_numbers_are_told_apart() {
        assert_eq!(integer(b":-7\r\n"), Some(-7));
        assert_eq!(integer(b"$1\r\n7\r\n"), None);
        assert_eq!(bulk_text(b"=6\r\ntxt:hi\r\n"), Some(&b"hi"[..]));
        assert_eq!(bulk_text(b"$2\r\nhi\r\n"), Some(&b"hi"[..]));
        assert_eq!(bulk_text(b"$-1\r\n"), None);
        assert!(is_null(b"_\r\n") && !is_null(b":0\r\n"));
    }
}
