//! Which parts make the data again, as text: one line a part.
//!
//! ```text
//! file appendonly.aof.2.base.rdb seq 2 type b
//! file appendonly.aof.1.base.rdb seq 1 type h
//! file appendonly.aof.3.incr.aof seq 3 type i
//! ```
//! `b` is the base, at most one; `i` are increments in their order; `h` are parts that nobody needs any more and that
//! were not removed yet. Names with spaces or other odd characters stand in quotes. Lines that begin with `#` are
//! passed over.
//!
//! Source: redis `src/aof.c` aofLoadManifestFromFile, getAofManifestAsString.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use reddoor_protocol::inline;
use thiserror::Error;

/// All parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) base: Option<Part>,
    /// The last to become history comes first.
    pub(crate) history: Vec<Part>,
    /// Invariant: numbers ascend.
    pub(crate) increments: Vec<Part>,
    /// The highest number that a base had.
    base_seq: u64,
    /// The highest number that an increment had.
    increment_seq: u64,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Of its file, in the directory of parts.
    pub(crate) name: String,
    pub(crate) seq: u64,
}

/// Why a text is no manifest; carries the number of the line, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum ManifestError {
    #[error("Found an empty AOF manifest")]
    Empty,
    #[error("The AOF manifest file contains too long line {0}")]
    TooLong(usize),
    #[error("Invalid AOF manifest file format in line {0}")]
    Malformed(usize),
    #[error("Unknown AOF file type in line {0}")]
    Kind(usize),
    #[error("Found duplicate base file information in line {0}")]
    TwoBases(usize),
    #[error("File can't be a path, just a filename, in line {0}")]
    Path(usize),
    #[error("Found a non-monotonic sequence number in line {0}")]
    Disorder(usize),
}

/// Longest line, in bytes. Source: redis `src/aof.c` MANIFEST_MAX_LINE.
const LINE_BYTES_MAX: usize = 1024;

/// Numbers that a part may have: there is always one behind them.
const SEQS: RangeInclusive<u64> = 1..=i64::MAX as u64;

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// It is none: the node must not guess which parts its data lie in.
    pub(crate) fn parse(text: &[u8]) -> Result<Manifest, ManifestError> {
        if text.is_empty() {
            return Err(ManifestError::Empty);
        }
        let mut manifest = Manifest::default();
        for (number, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
            if line.starts_with(b"#") {
                continue;
            }
            if line.len() > LINE_BYTES_MAX || !line.ends_with(b"\n") {
                return Err(ManifestError::TooLong(number));
            }
            manifest.take_line(line.trim_ascii(), number)?;
        }
        Ok(manifest)
    }

    fn take_line(&mut self, line: &[u8], number: usize) -> Result<(), ManifestError> {
        let malformed = ManifestError::Malformed(number);
        let (mut bytes, mut ranges) = (Vec::new(), Vec::new());
        inline::split(line, &mut bytes, |start, len| ranges.push(start..start + len))
            .map_err(|_| malformed)?;
        if ranges.len() < 6 || ranges.len() % 2 != 0 {
            return Err(malformed);
        }
        let (mut name, mut seq, mut kind) = (None, None, None);
        for pair in ranges.chunks_exact(2) {
            let (key, value) = (&bytes[pair[0].clone()], &bytes[pair[1].clone()]);
            let value = str::from_utf8(value).map_err(|_| malformed)?;
            match key.to_ascii_lowercase().as_slice() {
                b"file" => name = Some(value.to_owned()),
                b"seq" => seq = value.parse::<u64>().ok(),
                b"type" => kind = value.bytes().next(),
                // What a later Redis may add.
                _ => {}
            }
        }
        let (Some(name), Some(seq), Some(kind)) =
            (name, seq.filter(|seq| SEQS.contains(seq)), kind)
        else {
            return Err(malformed);
        };
        if name.is_empty() || name.contains('/') || name == ".." || name == "." {
            return Err(ManifestError::Path(number));
        }
        let part = Part { name, seq };
        match kind {
            b'b' if self.base.is_some() => return Err(ManifestError::TwoBases(number)),
            b'b' => self.set_base(part),
            b'h' => self.history.push(part),
            b'i' if seq <= self.increment_seq => return Err(ManifestError::Disorder(number)),
            b'i' => self.add_increment(part),
            _ => return Err(ManifestError::Kind(number)),
        }
        Ok(())
    }

    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        let bases = self.base.iter().map(|part| (part, 'b'));
        let history = self.history.iter().map(|part| (part, 'h'));
        let increments = self.increments.iter().map(|part| (part, 'i'));
        for (part, kind) in bases.chain(history).chain(increments) {
            text.push_str(&format!("file {} seq {} type {kind}\n", quoted(&part.name), part.seq));
        }
        text
    }

    /// Whether there is nothing to read.
    pub(crate) fn is_empty(&self) -> bool {
        self.base.is_none() && self.increments.is_empty()
    }

    /// The parts to be read, in their order.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.base.iter().chain(&self.increments)
    }

    /// What the next base would be called.
    pub(crate) fn next_base(&self, prefix: &str, has_preamble: bool) -> Part {
        let format = if has_preamble { "rdb" } else { "aof" };
        self.next(self.base_seq, |seq| format!("{prefix}.{seq}.base.{format}"))
    }

    /// What the next increment would be called.
    pub(crate) fn next_increment(&self, prefix: &str) -> Part {
        self.next(self.increment_seq, |seq| format!("{prefix}.{seq}.incr.aof"))
    }

    /// The part behind a number. It has no name that is history: that file is going to be removed.
    fn next(&self, mut seq: u64, name: impl Fn(u64) -> String) -> Part {
        let taken: HashSet<&str> = self.history.iter().map(|part| part.name.as_str()).collect();
        loop {
            seq += 1;
            let name = name(seq);
            if !taken.contains(name.as_str()) {
                return Part { name, seq };
            }
        }
    }

    /// Sets the base; the one before becomes history.
    pub(crate) fn set_base(&mut self, part: Part) {
        self.base_seq = self.base_seq.max(part.seq);
        let before = self.base.replace(part);
        self.history.splice(0..0, before);
    }

    pub(crate) fn add_increment(&mut self, part: Part) {
        self.increment_seq = self.increment_seq.max(part.seq);
        self.increments.push(part);
    }

    /// Makes history of all increments but the last.
    pub(crate) fn retire_increments(&mut self) {
        let last = self.increments.pop();
        self.retire_all_increments();
        self.increments.extend(last);
    }

    pub(crate) fn retire_all_increments(&mut self) {
        self.history.splice(0..0, self.increments.drain(..));
    }
}

/// A name as one word.
fn quoted(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'\'');
    if name.bytes().all(is_plain) { name.to_owned() } else { inline::quoted(name.as_bytes()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "file appendonly.aof.2.base.rdb seq 2 type b\n\
        file appendonly.aof.1.base.rdb seq 1 type h\n\
        file appendonly.aof.4.incr.aof seq 4 type i\n\
        file \"with space.5.incr.aof\" seq 5 type i\n";

    #[test]
    fn a_manifest_comes_back_as_it_was_written() {
        let manifest = Manifest::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(manifest.to_text(), TEXT);
        let names: Vec<_> = manifest.parts().map(|part| part.name.as_str()).collect();
        assert_eq!(
            names,
            ["appendonly.aof.2.base.rdb", "appendonly.aof.4.incr.aof", "with space.5.incr.aof"]
        );
        assert_eq!(manifest.next_base("a", true).name, "a.3.base.rdb");
        assert_eq!(manifest.next_base("a", false).name, "a.3.base.aof");
        assert_eq!(manifest.next_increment("a").name, "a.6.incr.aof");
    }

    #[test]
    fn names_of_any_characters_come_back() {
        for name in ["ü b", "a\"b\\c", "x\ny", "it's"] {
            let mut manifest = Manifest::default();
            manifest.set_base(Part { name: name.to_owned(), seq: 1 });
            assert_eq!(Manifest::parse(manifest.to_text().as_bytes()), Ok(manifest));
        }
    }

    #[test]
    fn after_a_rewrite_only_its_base_and_the_last_increment_count() {
        let mut manifest = Manifest::parse(TEXT.as_bytes()).unwrap();
        manifest.set_base(manifest.next_base("a", true));
        manifest.retire_increments();
        let names: Vec<_> = manifest.parts().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["a.3.base.rdb", "with space.5.incr.aof"]);
        // The last to become history comes first.
        let history: Vec<_> = manifest.history.iter().map(|part| part.name.as_str()).collect();
        let before = ["appendonly.aof.4.incr.aof", "appendonly.aof.2.base.rdb"];
        assert_eq!(history, [before[0], before[1], "appendonly.aof.1.base.rdb"]);
    }

    /// After a crash before it was removed, or where the settings keep it, history may be all that tells of a name.
    #[test]
    fn what_is_history_lends_its_name_to_no_new_part() {
        let text = "file a.1.base.rdb seq 1 type h\nfile a.1.incr.aof seq 1 type h\n\
            file a.2.incr.aof seq 2 type h\n";
        let manifest = Manifest::parse(text.as_bytes()).unwrap();
        assert_eq!(manifest.next_increment("a"), Part { name: "a.3.incr.aof".into(), seq: 3 });
        assert_eq!(manifest.next_base("a", true).name, "a.2.base.rdb");
        assert_eq!(manifest.next_base("a", false).name, "a.1.base.aof");
    }

    #[test]
    fn a_text_that_is_no_manifest_is_refused() {
        let table = [
            ("", ManifestError::Empty),
            ("file a seq 1 type b", ManifestError::TooLong(1)),
            ("\n", ManifestError::Malformed(1)),
            ("file a seq 1\n", ManifestError::Malformed(1)),
            ("# why\nfile a seq 0 type b\n", ManifestError::Malformed(2)),
            ("file a seq 1 type x\n", ManifestError::Kind(1)),
            ("file a seq 9223372036854775808 type b\n", ManifestError::Malformed(1)),
            ("file a/b seq 1 type b\n", ManifestError::Path(1)),
            ("file .. seq 1 type b\n", ManifestError::Path(1)),
            ("file a seq 1 type b\nfile b seq 2 type b\n", ManifestError::TwoBases(2)),
            ("file a seq 2 type i\nfile b seq 2 type i\n", ManifestError::Disorder(2)),
            ("file \"a seq 2 type i\n", ManifestError::Malformed(1)),
        ];
        for (text, expect) in table {
            assert_eq!(Manifest::parse(text.as_bytes()), Err(expect), "{text}");
        }
        let long = format!("file {} seq 1 type b\n", "a".repeat(2000));
        assert_eq!(Manifest::parse(long.as_bytes()), Err(ManifestError::TooLong(1)));
    }
}
