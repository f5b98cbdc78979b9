//! Lua's patterns: matching by trying, with a bounded depth and with looks at the clock.
//!
//! Source: Lua 5.1 `lstrlib.c` match; <https://www.lua.org/manual/5.1/manual.html#5.4.1>

use mlua::Result;

use crate::scripting::machine::Shared;

/// Captures of one pattern (count).
const CAPTURES_MAX: usize = 32;

/// Choices open at one time (count): each takes a frame of the stack.
const DEPTH_MAX: usize = 10_000;

/// Steps between two looks at the clock (count).
const LOOK_STEPS: u32 = 1 << 16;

/// Why a pattern cannot be matched.
pub(super) enum Broken {
    /// The pattern is wrong, in the words of Lua.
    Pattern(&'static str),
    /// The script must end.
    Ended(mlua::Error),
}

type Tried<T> = std::result::Result<T, Broken>;

/// A capture: where it begins, and its length or its state.
#[derive(Clone, Copy)]
struct Capture {
    start: usize,
    len: Length,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    Open,
    Position,
    Bytes(usize),
}

/// What a capture holds.
pub(super) enum Captured<'a> {
    Bytes(&'a [u8]),
    /// From 1 on.
    Position(usize),
}

/// One text and one pattern.
pub(super) struct Matcher<'a> {
    shared: &'a Shared,
    text: &'a [u8],
    pattern: &'a [u8],
    captures: [Capture; CAPTURES_MAX],
    level: usize,
    depth: usize,
    steps: u32,
}

impl<'a> Matcher<'a> {
    pub(super) fn new(shared: &'a Shared, text: &'a [u8], pattern: &'a [u8]) -> Matcher<'a> {
        let none = Capture { start: 0, len: Length::Open };
        let captures = [none; CAPTURES_MAX];
        Matcher { shared, text, pattern, captures, level: 0, depth: 0, steps: 0 }
    }

    /// Whether the pattern fits from a place on, and where the fit ends.
    pub(super) fn match_at(&mut self, at: usize) -> Tried<Option<usize>> {
        self.level = 0;
        self.depth = 0;
        self.run(at, 0)
    }

    /// How many values a match gives, where one without captures gives itself.
    pub(super) fn captures_count(&self) -> usize {
        self.level
    }

    /// The capture at an index from 0; of a match without captures the whole is the first.
    pub(super) fn captured(&self, index: usize, start: usize, end: usize) -> Tried<Captured<'a>> {
        if index >= self.level {
            return match index {
                0 => Ok(Captured::Bytes(&self.text[start..end])),
                _ => Err(Broken::Pattern("invalid capture index")),
            };
        }
        let capture = self.captures[index];
        match capture.len {
            Length::Open => Err(Broken::Pattern("unfinished capture")),
            Length::Position => Ok(Captured::Position(capture.start + 1)),
            Length::Bytes(len) => {
                Ok(Captured::Bytes(&self.text[capture.start..capture.start + len]))
            }
        }
    }

    /// The whole match.
    pub(super) fn whole(&self, start: usize, end: usize) -> Captured<'a> {
        Captured::Bytes(&self.text[start..end])
    }

    fn step(&mut self) -> Tried<()> {
        self.steps += 1;
        if self.steps >= LOOK_STEPS {
            self.steps = 0;
            let look: Result<()> = self.shared.look();
            look.map_err(Broken::Ended)?;
        }
        Ok(())
    }

    /// Tries the pattern from `p` on at `s` of the text, one level of choice deeper.
    fn deeper(&mut self, s: usize, p: usize) -> Tried<Option<usize>> {
        if self.depth >= DEPTH_MAX {
            return Err(Broken::Pattern("pattern too complex"));
        }
        self.depth += 1;
        let result = self.run(s, p);
        self.depth -= 1;
        result
    }

    fn run(&mut self, mut s: usize, mut p: usize) -> Tried<Option<usize>> {
        loop {
            self.step()?;
            let Some(&first) = self.pattern.get(p) else { return Ok(Some(s)) };
            match (first, self.pattern.get(p + 1)) {
                (b'(', Some(b')')) => return self.start_capture(s, p + 2, Length::Position),
                (b'(', _) => return self.start_capture(s, p + 1, Length::Open),
                (b')', _) => return self.end_capture(s, p + 1),
                (b'%', Some(b'b')) => match self.match_balance(s, p + 2)? {
                    Some(end) => {
                        s = end;
                        p += 4;
                        continue;
                    }
                    None => return Ok(None),
                },
                (b'%', Some(b'f')) => {
                    p += 2;
                    if self.pattern.get(p) != Some(&b'[') {
                        return Err(Broken::Pattern("missing '[' after '%f' in pattern"));
                    }
                    let end = self.class_end(p)?;
                    let before = s.checked_sub(1).and_then(|at| self.text.get(at));
                    let before = before.copied().unwrap_or_default();
                    let here = self.text.get(s).copied().unwrap_or_default();
                    if self.is_in_set(before, p, end - 1) || !self.is_in_set(here, p, end - 1) {
                        return Ok(None);
                    }
                    p = end;
                    continue;
                }
                (b'%', Some(digit)) if digit.is_ascii_digit() => {
                    match self.match_capture(s, *digit)? {
                        Some(end) => {
                            s = end;
                            p += 2;
                            continue;
                        }
                        None => return Ok(None),
                    }
                }
                (b'$', None) => return Ok((s == self.text.len()).then_some(s)),
                _ => {}
            }
            let end = self.class_end(p)?;
            let fits = s < self.text.len() && self.is_single(self.text[s], p, end);
            match self.pattern.get(end) {
                Some(b'?') => {
                    if fits && let Some(found) = self.deeper(s + 1, end + 1)? {
                        return Ok(Some(found));
                    }
                    p = end + 1;
                }
                Some(b'*') => return self.expand_most(s, p, end),
                Some(b'+') => {
                    return if fits { self.expand_most(s + 1, p, end) } else { Ok(None) };
                }
                Some(b'-') => return self.expand_least(s, p, end),
                _ if !fits => return Ok(None),
                _ => {
                    s += 1;
                    p = end;
                }
            }
        }
    }

    fn expand_most(&mut self, s: usize, p: usize, end: usize) -> Tried<Option<usize>> {
        let mut count = 0;
        while s + count < self.text.len() && self.is_single(self.text[s + count], p, end) {
            count += 1;
            self.step()?;
        }
        loop {
            if let Some(found) = self.deeper(s + count, end + 1)? {
                return Ok(Some(found));
            }
            if count == 0 {
                return Ok(None);
            }
            count -= 1;
        }
    }

    fn expand_least(&mut self, mut s: usize, p: usize, end: usize) -> Tried<Option<usize>> {
        loop {
            if let Some(found) = self.deeper(s, end + 1)? {
                return Ok(Some(found));
            }
            if s >= self.text.len() || !self.is_single(self.text[s], p, end) {
                return Ok(None);
            }
            s += 1;
        }
    }

    fn start_capture(&mut self, s: usize, p: usize, len: Length) -> Tried<Option<usize>> {
        if self.level >= CAPTURES_MAX {
            return Err(Broken::Pattern("too many captures"));
        }
        self.captures[self.level] = Capture { start: s, len };
        self.level += 1;
        let found = self.deeper(s, p)?;
        if found.is_none() {
            self.level -= 1;
        }
        Ok(found)
    }

    fn end_capture(&mut self, s: usize, p: usize) -> Tried<Option<usize>> {
        let open = (0..self.level).rev().find(|index| self.captures[*index].len == Length::Open);
        let Some(index) = open else { return Err(Broken::Pattern("invalid pattern capture")) };
        self.captures[index].len = Length::Bytes(s - self.captures[index].start);
        let found = self.deeper(s, p)?;
        if found.is_none() {
            self.captures[index].len = Length::Open;
        }
        Ok(found)
    }

    fn match_balance(&mut self, s: usize, p: usize) -> Tried<Option<usize>> {
        let (Some(&open), Some(&close)) = (self.pattern.get(p), self.pattern.get(p + 1)) else {
            return Err(Broken::Pattern("unbalanced pattern"));
        };
        if self.text.get(s) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1;
        for (at, byte) in self.text.iter().enumerate().skip(s + 1) {
            if *byte == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(at + 1));
                }
            } else if *byte == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    fn match_capture(&mut self, s: usize, digit: u8) -> Tried<Option<usize>> {
        let index = usize::from(digit).wrapping_sub(usize::from(b'1'));
        let capture = self.captures.get(index).filter(|_| index < self.level);
        let Some(Capture { start, len: Length::Bytes(len) }) = capture.copied() else {
            return match capture {
                // The length of a capture of a place is no length that any text has.
                Some(Capture { len: Length::Position, .. }) => Ok(None),
                _ => Err(Broken::Pattern("invalid capture index")),
            };
        };
        let captured = &self.text[start..start + len];
        Ok(self.text[s..].starts_with(captured).then_some(s + len))
    }

    /// Where the item at `p` ends, without what says how often it may stand.
    fn class_end(&self, p: usize) -> Tried<usize> {
        match self.pattern.get(p) {
            Some(b'%') => match self.pattern.get(p + 1) {
                None => Err(Broken::Pattern("malformed pattern (ends with '%')")),
                Some(_) => Ok(p + 2),
            },
            Some(b'[') => {
                let mut p = p + 1;
                if self.pattern.get(p) == Some(&b'^') {
                    p += 1;
                }
                loop {
                    // The first byte belongs to the set, even if it is the bracket that would end it.
                    let Some(byte) = self.pattern.get(p) else {
                        return Err(Broken::Pattern("malformed pattern (missing ']')"));
                    };
                    p += 1;
                    if *byte == b'%' && p < self.pattern.len() {
                        p += 1;
                    }
                    if self.pattern.get(p) == Some(&b']') {
                        return Ok(p + 1);
                    }
                }
            }
            _ => Ok(p + 1),
        }
    }

    fn is_single(&self, byte: u8, p: usize, end: usize) -> bool {
        match self.pattern[p] {
            b'.' => true,
            b'%' => is_in_class(byte, self.pattern[p + 1]),
            b'[' => self.is_in_set(byte, p, end - 1),
            literal => literal == byte,
        }
    }

    /// Whether a byte is in the set between the brackets at `p` and `end`.
    fn is_in_set(&self, byte: u8, p: usize, end: usize) -> bool {
        let mut p = p + 1;
        let mut result = true;
        if self.pattern.get(p) == Some(&b'^') {
            result = false;
            p += 1;
        }
        while p < end {
            if self.pattern[p] == b'%' {
                p += 1;
                if self.pattern.get(p).is_some_and(|class| is_in_class(byte, *class)) {
                    return result;
                }
                p += 1;
            } else if self.pattern.get(p + 1) == Some(&b'-') && p + 2 < end {
                if (self.pattern[p]..=self.pattern[p + 2]).contains(&byte) {
                    return result;
                }
                p += 3;
            } else {
                if self.pattern[p] == byte {
                    return result;
                }
                p += 1;
            }
        }
        !result
    }
}

/// Whether a byte is of the class that a letter stands for; an upper case letter stands for all others.
fn is_in_class(byte: u8, class: u8) -> bool {
    let is_in = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => matches!(byte, b' ' | b'\t'..=b'\r'),
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    is_in != class.is_ascii_uppercase()
}
