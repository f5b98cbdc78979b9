//! Settings read into types, one line per setting, every mistake noted and none fatal before the end.
//!
//! Invariant: a reading that went wrong yields a harmless stand-in and leaves an error; as long as there is an
//! error, no stand-in leaves this folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ::config::ValueKind;

use super::HostPort;
use super::error::{ConfigError, Origin};
use super::layer::Setting;
use super::secret::Secret;

/// The longest file taken for a password, in bytes.
const SECRET_BYTES_MAX: u64 = 65_536;

/// How much of a wrong value an error shows, in characters.
const SHOWN_CHARS_MAX: usize = 60;

/// Reads settings, and collects what is wrong with them.
pub(super) struct Reader {
    settings: BTreeMap<String, Setting>,
    errors: Vec<ConfigError>,
}

impl Reader {
    pub(super) fn new(settings: BTreeMap<String, Setting>, errors: Vec<ConfigError>) -> Reader {
        Reader { settings, errors }
    }

    /// A whole number within `range`; `unit` is what it counts.
    pub(super) fn number(&mut self, key: &str, unit: &str, range: RangeInclusive<u64>) -> u64 {
        let (min, max) = (*range.start(), *range.end());
        let read = |value: &ValueKind| whole_number(value).filter(|number| range.contains(number));
        self.read(key, read, || format!("{unit}, {min} to {max}"), min)
    }

    /// As [`Reader::number`], for what is a size in memory.
    pub(super) fn size(&mut self, key: &str, unit: &str, range: RangeInclusive<u64>) -> usize {
        usize::try_from(self.number(key, unit, range)).unwrap_or(usize::MAX)
    }

    /// As [`Reader::number`], for what fits 32 bits.
    pub(super) fn count(&mut self, key: &str, unit: &str, range: RangeInclusive<u32>) -> u32 {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        u32::try_from(self.number(key, unit, range)).unwrap_or(u32::MAX)
    }

    /// A time given in milliseconds.
    pub(super) fn milliseconds(&mut self, key: &str, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.number(key, "milliseconds", range))
    }

    /// An address to listen on.
    pub(super) fn listen_addr(&mut self, key: &str) -> SocketAddr {
        let expected = || "IP:port, such as 127.0.0.1:6379".to_owned();
        self.read(key, |value| text(value)?.parse().ok(), expected, ANY_ADDR)
    }

    /// An address to listen on, or nothing.
    pub(super) fn optional_listen_addr(&mut self, key: &str) -> Option<SocketAddr> {
        let expected = || "IP:port, such as 127.0.0.1:9379, or nothing".to_owned();
        let read = |value: &ValueKind| match text(value)? {
            "" => Some(None),
            addr => addr.parse().ok().map(Some),
        };
        self.read(key, read, expected, None)
    }

    /// A list of addresses to connect to; as text, parted by commas.
    pub(super) fn host_ports(&mut self, key: &str) -> Vec<HostPort> {
        let expected = "a list of host:port, such as redis-0.example.net:6379";
        self.list(key, HostPort::parse, expected)
    }

    /// A list of items that `parse` takes; as text, parted by commas.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Option<T>,
        expected: &str,
    ) -> Vec<T> {
        let read = |value: &ValueKind| items(value, parse);
        self.read(key, read, || expected.to_owned(), Vec::new())
    }

    /// Yes or no.
    pub(super) fn switch(&mut self, key: &str) -> bool {
        let read = |value: &ValueKind| match value {
            ValueKind::Boolean(is_on) => Some(*is_on),
            value => text(value)?.parse().ok(),
        };
        self.read(key, read, || "one of true, false".to_owned(), false)
    }

    /// Any text; empty is none.
    pub(super) fn optional_text(&mut self, key: &str) -> Option<String> {
        let read = |value: &ValueKind| text(value).map(not_empty);
        self.read(key, read, || "text".to_owned(), None)
    }

    /// A text that `is_right`.
    pub(super) fn word(&mut self, key: &str, expected: &str, is_right: fn(&str) -> bool) -> String {
        let read = |value: &ValueKind| text(value).filter(|text| is_right(text)).map(str::to_owned);
        self.read(key, read, || expected.to_owned(), String::new())
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> T {
        let read = |value: &ValueKind| {
            let word = text(value)?;
            choices.iter().find(|(name, _)| *name == word).map(|(_, choice)| *choice)
        };
        let expected = || {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            format!("one of {}", names.join(", "))
        };
        self.read(key, read, expected, choices[0].1)
    }

    /// A password, given as it is under `key` or in the file that `key` with `_file` names; empty is none.
    pub(super) fn optional_secret(&mut self, key: &str) -> Option<Secret> {
        let file_key = format!("{key}_file");
        let file_origin = self.origin(&file_key);
        let plain = self.read_secret(key);
        let Some(path) = self.optional_text(&file_key) else { return plain };
        let expected = if plain.is_some() {
            format!("nothing, since {key} is set too")
        } else {
            match read_secret_file(&path) {
                Ok(secret) => return Some(secret),
                Err(error) => format!("a readable file with a password: {error}"),
            }
        };
        self.invalid(&file_key, format!("{path:?}"), expected, file_origin);
        None
    }

    /// Notes a mistake that is seen only when settings are looked at together.
    ///
    /// `compared` are all of them; if one of those is wrong by itself its stand-in proves nothing, and this is
    /// passed over.
    pub(super) fn conflict(&mut self, compared: &[&str], mistake: ConfigError) {
        let is_wrong = |error: &ConfigError| match error {
            ConfigError::Invalid { key, .. } => compared.contains(&key.as_str()),
            _ => false,
        };
        if !self.errors.iter().any(is_wrong) {
            self.errors.push(mistake);
        }
    }

    /// Where a setting that was not read yet was set.
    pub(super) fn origin(&self, key: &str) -> Origin {
        self.settings.get(key).map_or(Origin::Default, |setting| setting.origin.clone())
    }

    /// Everything that is wrong; to be asked when every setting has been read.
    pub(super) fn finish(self) -> Vec<ConfigError> {
        debug_assert!(
            !self.errors.is_empty() || self.settings.is_empty(),
            "settings that nothing reads: {:?}",
            self.settings.keys()
        );
        self.errors
    }

    fn read<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&ValueKind) -> Option<T>,
        expected: impl FnOnce() -> String,
        stand_in: T,
    ) -> T {
        // Absent only when a layer put something else in the place of its section, which is an error already.
        let Some(setting) = self.settings.remove(key) else { return stand_in };
        read(&setting.value).unwrap_or_else(|| {
            self.invalid(key, shown(&setting.value), expected(), setting.origin);
            stand_in
        })
    }

    /// As [`Reader::optional_text`], but what is wrong is not shown.
    fn read_secret(&mut self, key: &str) -> Option<Secret> {
        let setting = self.settings.remove(key)?;
        match text(&setting.value) {
            Some(text) => not_empty(text).map(Secret::new),
            None => {
                self.invalid(key, "(not shown)".to_owned(), "text".to_owned(), setting.origin);
                None
            }
        }
    }

    fn invalid(&mut self, key: &str, value: String, expected: String, origin: Origin) {
        self.errors.push(ConfigError::Invalid { key: key.to_owned(), value, expected, origin });
    }
}

const ANY_ADDR: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A number of TOML, or digits from the environment or a flag.
fn whole_number(value: &ValueKind) -> Option<u64> {
    match value {
        ValueKind::I64(number) => u64::try_from(*number).ok(),
        ValueKind::U64(number) => Some(*number),
        ValueKind::String(digits) => digits.trim().parse().ok(),
        _ => None,
    }
}

fn text(value: &ValueKind) -> Option<&str> {
    match value {
        ValueKind::String(text) => Some(text),
        _ => None,
    }
}

fn not_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn items<T>(value: &ValueKind, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    match value {
        ValueKind::String(list) if list.trim().is_empty() => Some(Vec::new()),
        ValueKind::String(list) => list.split(',').map(|item| parse(item.trim())).collect(),
        ValueKind::Array(items) => items.iter().map(|item| parse(text(&item.kind)?)).collect(),
        _ => None,
    }
}

/// A value for an error: quoted, on one line, cut short.
fn shown(value: &ValueKind) -> String {
    let whole = match value {
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| shown(&item.kind)).collect();
            format!("[{}]", items.join(", "))
        }
        ValueKind::Table(_) => "a section".to_owned(),
        ValueKind::Nil => "nothing".to_owned(),
        other => other.to_string(),
    };
    if whole.chars().count() <= SHOWN_CHARS_MAX {
        return whole;
    }
    whole.chars().take(SHOWN_CHARS_MAX).chain("…".chars()).collect()
}

fn read_secret_file(path: &str) -> io::Result<Secret> {
    let mut text = String::new();
    File::open(path)?.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SECRET_BYTES_MAX {
        return Err(io::Error::other(format!("it is longer than {SECRET_BYTES_MAX} bytes")));
    }
    let secret =
        text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
    if secret.is_empty() {
        return Err(io::Error::other("it is empty"));
    }
    Ok(Secret::new(secret))
}
