//! Inline requests: words are found in the line's order, and quoted anew they are the same words.

use reddoor_protocol::error::ProtocolError;
use reddoor_protocol::inline;

/// See the module.
pub fn check(data: &[u8]) {
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(words) = split(line) else { continue };
        let unquoted: usize = words.iter().map(Vec::len).sum();
        assert!(unquoted <= line.len(), "unquoting lengthened a line");
        let quoted: Vec<u8> = words.iter().flat_map(|word| quote(word)).collect();
        assert_eq!(split(&quoted), Ok(words));
    }
}

/// The words of a line, which lie behind each other without a gap.
fn split(line: &[u8]) -> Result<Vec<Vec<u8>>, ProtocolError> {
    let mut out = Vec::new();
    let mut ranges = Vec::new();
    inline::split(line, &mut out, |start, len| ranges.push((start, len)))?;
    let mut end = 0;
    for (start, len) in &ranges {
        assert_eq!(*start, end);
        end += len;
    }
    assert_eq!(end, out.len());
    Ok(ranges.iter().map(|(start, len)| out[*start..start + len].to_vec()).collect())
}

/// A word between double quotes, every byte by its number, and the space behind it.
fn quote(word: &[u8]) -> Vec<u8> {
    let bytes: String = word.iter().map(|byte| format!("\\x{byte:02X}")).collect();
    format!("\"{bytes}\" ").into_bytes()
}
