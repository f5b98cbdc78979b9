//! One directive: what its value may be, how it is read from text and written back.
//!
//! Source: redis `src/config.c`; the texts of mistakes are a Redis's own, because `CONFIG SET` answers with them.

use std::borrow::Cow;

use reddoor_protocol::request;

/// A mistake in a value, in the words that `CONFIG SET` uses.
pub(crate) type Mistake = Cow<'static, str>;

/// Reads a value of one word and gives it back in normal form.
pub(crate) type WordParser = fn(&str) -> Result<Setting, Mistake>;

/// Reads the words of a value and gives it back in normal form.
pub(crate) type CustomParser = fn(&[&[u8]]) -> Result<Setting, Mistake>;

/// One row of the table of directives.
#[derive(Debug)]
pub(crate) struct Directive {
    pub(crate) name: &'static str,
    /// An older name that still works.
    pub(crate) alias: Option<&'static str>,
    pub(crate) kind: Kind,
    pub(crate) change: Change,
    /// The default as it would stand in a file.
    pub(crate) default: &'static str,
    /// `CONFIG GET` tells it only to who asks for its whole name.
    pub(crate) is_hidden: bool,
    /// Not to be changed while data is read: reading relies on it.
    pub(crate) is_fixed_while_loading: bool,
}

/// What values a directive takes.
#[derive(Debug)]
pub(crate) enum Kind {
    /// `yes` or `no`.
    Flag,
    /// A whole number within bounds, both included.
    Integer { min: i64, max: i64 },
    /// Bytes, with a unit if wished: 1k is 1000, 1kb is 1024.
    Memory,
    /// As `Memory`, not below this many bytes.
    MemoryAtLeast(i64),
    /// Bytes, or a share of `maxmemory` such as `5%`.
    MemoryOrPercent,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// One word, or a quoted text.
    Text,
    /// As `Text`, with rules of its own.
    Checked(WordParser),
    /// Any number of words.
    Words,
    /// Several words with rules of their own.
    Custom(CustomParser),
}

/// When a directive may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// At any time, by `CONFIG SET`.
    Live,
    /// Only at the start.
    Startup,
    /// By `CONFIG SET` if `enable-protected-configs` allows it.
    Protected,
}

/// A value in normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    Flag(bool),
    /// A number, or bytes.
    Integer(i64),
    Text(String),
}

impl Setting {
    /// The value as `CONFIG GET` and a configuration file have it.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Setting::Flag(true) => "yes".to_owned(),
            Setting::Flag(false) => "no".to_owned(),
            Setting::Integer(value) => value.to_string(),
            Setting::Text(text) => text.clone(),
        }
    }
}

pub(crate) const fn live(name: &'static str, kind: Kind, default: &'static str) -> Directive {
    row(name, kind, Change::Live, default)
}

pub(crate) const fn startup(name: &'static str, kind: Kind, default: &'static str) -> Directive {
    row(name, kind, Change::Startup, default)
}

pub(crate) const fn protected(name: &'static str, kind: Kind, default: &'static str) -> Directive {
    row(name, kind, Change::Protected, default)
}

const fn row(name: &'static str, kind: Kind, change: Change, default: &'static str) -> Directive {
    Directive {
        name,
        alias: None,
        kind,
        change,
        default,
        is_hidden: false,
        is_fixed_while_loading: false,
    }
}

pub(crate) const fn int(min: i64, max: i64) -> Kind {
    Kind::Integer { min, max }
}

impl Directive {
    pub(crate) const fn alias(mut self, alias: &'static str) -> Directive {
        self.alias = Some(alias);
        self
    }

    pub(crate) const fn hidden(mut self) -> Directive {
        self.is_hidden = true;
        self
    }

    pub(crate) const fn fixed_while_loading(mut self) -> Directive {
        self.is_fixed_while_loading = true;
        self
    }

    /// Whether a file may have several words behind the name.
    pub(crate) fn takes_words(&self) -> bool {
        matches!(self.kind, Kind::Words | Kind::Custom(_))
    }

    /// Cuts a value given as one text, as `CONFIG SET` has it, into the words a file would have.
    pub(crate) fn words<'a>(&self, value: &'a [u8]) -> Vec<&'a [u8]> {
        if !self.takes_words() {
            return vec![value];
        }
        value.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).collect()
    }

    /// Reads a value from its words.
    ///
    /// # Errors
    /// What is wrong with it, without the directive's name.
    pub(crate) fn parse(&self, words: &[&[u8]]) -> Result<Setting, Mistake> {
        match &self.kind {
            Kind::Custom(parse) => return parse(words),
            Kind::Words => return parse_words(words),
            _ if words.len() != 1 => return Err(Mistake::from("wrong number of arguments")),
            _ => {}
        }
        // What stands in for bytes that are no text is no part of any number or word, so these are refused as such.
        let text = String::from_utf8_lossy(words[0]);
        match &self.kind {
            Kind::Flag => parse_flag(&text),
            Kind::Integer { min, max } => parse_integer(&text, *min, *max),
            Kind::Memory => parse_memory(&text, 0),
            Kind::MemoryAtLeast(min) => parse_memory(&text, *min),
            Kind::MemoryOrPercent => parse_memory_or_percent(&text),
            Kind::Choice(choices) => parse_choice(&text, choices),
            Kind::Checked(parse) => {
                std::str::from_utf8(words[0]).map_err(|_| Mistake::from(NOT_TEXT)).and_then(*parse)
            }
            Kind::Text | Kind::Words | Kind::Custom(_) => parse_words(words),
        }
    }
}

const NOT_TEXT: &str = "argument must be UTF-8 text";
const NOT_MEMORY: &str = "argument must be a memory value";

fn parse_words(words: &[&[u8]]) -> Result<Setting, Mistake> {
    let text = std::str::from_utf8(&words.join(b" ".as_slice())).map(str::to_owned);
    Ok(Setting::Text(text.map_err(|_| Mistake::from(NOT_TEXT))?))
}

fn parse_flag(text: &str) -> Result<Setting, Mistake> {
    if text.eq_ignore_ascii_case("yes") {
        return Ok(Setting::Flag(true));
    }
    if text.eq_ignore_ascii_case("no") {
        return Ok(Setting::Flag(false));
    }
    Err(Mistake::from("argument must be 'yes' or 'no'"))
}

fn parse_integer(text: &str, min: i64, max: i64) -> Result<Setting, Mistake> {
    // In canonical form only: no sign `+`, no leading zeros.
    let value = request::parse_integer(text.as_bytes())
        .ok_or(Mistake::from("argument couldn't be parsed into an integer"))?;
    within(value, min, max)
}

fn within(value: i64, min: i64, max: i64) -> Result<Setting, Mistake> {
    if (min..=max).contains(&value) {
        return Ok(Setting::Integer(value));
    }
    Err(Mistake::from(format!("argument must be between {min} and {max} inclusive")))
}

fn parse_memory(text: &str, min: i64) -> Result<Setting, Mistake> {
    let bytes = memory_bytes(text).ok_or(Mistake::from(NOT_MEMORY))?;
    within(bytes, min, i64::MAX)
}

fn parse_memory_or_percent(text: &str) -> Result<Setting, Mistake> {
    const MISTAKE: &str = "argument must be a memory or percent value";
    if let Some(percent) = text.strip_suffix('%') {
        let percent: u32 = percent.parse().map_err(|_| Mistake::from(MISTAKE))?;
        if percent > 100 {
            return Err("percentage argument must be less or equal to 100".into());
        }
        return Ok(Setting::Text(format!("{percent}%")));
    }
    memory_bytes(text).map(Setting::Integer).ok_or(Mistake::from(MISTAKE))
}

/// Bytes written with or without a unit, which is read in any case of letters.
pub(crate) fn memory_bytes(text: &str) -> Option<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor: i64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    // No digits at all are a zero for a Redis.
    let number: i64 = if number.is_empty() { 0 } else { number.parse().ok()? };
    number.checked_mul(factor)
}

fn parse_choice(text: &str, choices: &[&'static str]) -> Result<Setting, Mistake> {
    match choices.iter().find(|choice| choice.eq_ignore_ascii_case(text)) {
        Some(choice) => Ok(Setting::Text((*choice).to_owned())),
        None => Err(Mistake::from(format!(
            "argument(s) must be one of the following: {}",
            choices.join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_memory_are_decimal_without_b_and_binary_with_it() {
        let table = [
            ("100", Some(100)),
            ("1k", Some(1000)),
            ("1kb", Some(1024)),
            ("1KB", Some(1024)),
            ("2mb", Some(2 << 20)),
            ("2M", Some(2_000_000)),
            ("1gb", Some(1 << 30)),
            ("1g", Some(1_000_000_000)),
            ("7b", Some(7)),
            ("1.5k", None),
            ("-1", None),
            ("k", Some(0)),
            ("", Some(0)),
            ("1tb", None),
            ("9223372036854775807k", None),
        ];
        for (text, expect) in table {
            assert_eq!(memory_bytes(text), expect, "{text}");
        }
    }

    #[test]
    fn bounds_are_named_in_the_mistake() {
        let row = live("port", int(0, 65535), "6379");
        assert_eq!(
            row.parse(&[b"65536"]),
            Err("argument must be between 0 and 65535 inclusive".into())
        );
        assert_eq!(row.parse(&[b"1", b"2"]), Err("wrong number of arguments".into()));
        assert_eq!(row.parse(&[b"17"]), Ok(Setting::Integer(17)));
    }
}
