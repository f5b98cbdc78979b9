//! What a key looks like without what makes it one of many: `user:4711:cart` is `user:*:cart`.
//!
//! Words that hold a digit, are long, or hold bytes that are no text are taken for such; a word of letters stays. The
//! result reads like a pattern of `KEYS`, which is what an operator writes into a rule.

/// Bytes of a shape, past which it is cut.
const SHAPE_BYTES_MAX: usize = 64;

/// A longer word is one of many, whatever it is made of.
const WORD_BYTES_MAX: usize = 24;

/// Keys of one command whose shapes are told (count).
const KEYS_MAX: usize = 4;

/// What separates the parts of a key by which people order keys.
const SEPARATORS: &[u8] = b":/.|";

/// The shapes of the keys of one command, each once, parted by spaces.
pub(super) fn of_all(keys: &[&[u8]]) -> String {
    let mut shapes: Vec<String> = Vec::new();
    for key in keys {
        let shape = of(key);
        if shapes.contains(&shape) {
            continue;
        }
        if shapes.len() == KEYS_MAX {
            shapes.push("…".to_owned());
            break;
        }
        shapes.push(shape);
    }
    if let [only] = &shapes[..]
        && keys.len() > 1
    {
        // Several keys of one shape; else it would look like one key.
        return format!("{only} {only}");
    }
    shapes.join(" ")
}

/// The shape of one key.
pub(super) fn of(key: &[u8]) -> String {
    let mut shape = String::new();
    for part in parts(key) {
        match part {
            Part::Separator(byte) => shape.push(char::from(byte)),
            Part::Text(text) => push_text(&mut shape, text),
        }
        if shape.len() > SHAPE_BYTES_MAX {
            shape.truncate(SHAPE_BYTES_MAX);
            shape.push('…');
            break;
        }
    }
    if shape.is_empty() { "\"\"".to_owned() } else { shape }
}

/// A piece of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'k> {
    /// What lies between two separators; not empty.
    Text(&'k [u8]),
    Separator(u8),
}

/// Cuts a key at its separators.
pub(super) fn parts(key: &[u8]) -> impl Iterator<Item = Part<'_>> {
    key.chunk_by(|a, b| !SEPARATORS.contains(a) && !SEPARATORS.contains(b)).map(|piece| match piece
    {
        [byte] if SEPARATORS.contains(byte) => Part::Separator(*byte),
        text => Part::Text(text),
    })
}

/// Whether a piece of a key stands for one of many.
pub(super) fn is_one_of_many(text: &[u8]) -> bool {
    let mut shape = String::new();
    push_text(&mut shape, text);
    shape.contains('*')
}

/// Appends the shape of what lies between two separators.
fn push_text(shape: &mut String, text: &[u8]) {
    if text.len() > WORD_BYTES_MAX || text.contains(&b'@') {
        return shape.push('*');
    }
    for piece in text.chunk_by(|a, b| is_word_byte(*a) == is_word_byte(*b)) {
        let is_word = piece.first().is_some_and(|byte| is_word_byte(*byte));
        let letters = piece.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        if is_word && letters == piece.len() {
            shape.extend(piece.iter().map(|byte| char::from(*byte)));
        } else if is_word && letters > 2 && piece[letters..].iter().all(u8::is_ascii_digit) {
            shape.extend(piece[..letters].iter().map(|byte| char::from(*byte)));
            shape.push('*');
        } else if is_word {
            push_star(shape);
        } else {
            push_signs(shape, piece);
        }
    }
}

/// Of an identifier in several pieces, such as a UUID, one star stays.
fn push_star(shape: &mut String) {
    if shape.ends_with("*-") || shape.ends_with("*_") {
        shape.pop();
    } else if !shape.ends_with('*') {
        shape.push('*');
    }
}

fn push_signs(shape: &mut String, signs: &[u8]) {
    for byte in signs {
        match byte {
            b'!'..=b'~' => shape.push(char::from(*byte)),
            _ => shape.push('?'),
        }
    }
}

/// Bytes that are no text count as parts of words, so that they make the word one of many.
fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_a_key_one_of_many_is_a_star() {
        for (key, expect) in [
            ("user:4711:cart", "user:*:cart"),
            ("celery-task-meta-550e8400-e29b-41d4-a716-446655440000", "*"),
            ("meta-550e8400-e29b", "meta-*"),
            ("queue12", "queue*"),
            ("v2:a", "*:a"),
            ("session:bob@example.com", "session:*.com"),
            ("cache:páge", "cache:*"),
            ("a b\n", "a?b?"),
            ("plain", "plain"),
            ("{user}:x", "{user}:x"),
            ("", "\"\""),
        ] {
            assert_eq!(of(key.as_bytes()), expect, "{key}");
        }
        let long = ["part"; 60].join(":");
        assert_eq!(of(long.as_bytes()).chars().count(), SHAPE_BYTES_MAX + 1);
    }

    #[test]
    fn keys_of_one_shape_are_still_several() {
        assert_eq!(of_all(&[b"t:1", b"t:2", b"t:3"]), "t:* t:*");
        assert_eq!(of_all(&[b"t:1", b"u"]), "t:* u");
        assert_eq!(of_all(&[b"a", b"b", b"c", b"d", b"e", b"f"]), "a b c d …");
        assert_eq!(of_all(&[b"a"]), "a");
    }
}
