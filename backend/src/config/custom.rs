//! Directives of several words, each with rules of its own.
//!
//! Source: redis `src/config.c`.

use crate::config::directive::{Kind, Mistake, Setting, memory_bytes};

/// `save <seconds> <changes> …`; an empty text switches saving off.
pub(crate) const SAVE_POINTS: Kind = Kind::Custom(|words| {
    if let [word] = words {
        return if word.is_empty() { text("") } else { mistake("Invalid save parameters") };
    }
    if words.is_empty() {
        return text("");
    }
    let numbers = integers(words).ok_or("Invalid save parameters")?;
    if !numbers.len().is_multiple_of(2) || numbers.chunks(2).any(|p| p[0] < 1 || p[1] < 0) {
        return mistake("Invalid save parameters");
    }
    text(&join(&numbers))
});

/// `client-output-buffer-limit <class> <hard> <soft> <soft seconds> …`
pub(crate) const OUTPUT_LIMITS: Kind = Kind::Custom(|words| {
    let limits = OutputLimits::default().changed_by(words)?;
    Ok(Setting::Text(limits.to_text()))
});

/// `notify-keyspace-events <classes>`
pub(crate) const NOTIFICATIONS: Kind = Kind::Custom(|words| match words {
    [] => text(""),
    [classes] => text(&normal_classes(classes)?),
    _ => mistake("wrong number of arguments"),
});

/// `oom-score-adj no|yes|relative|absolute`, where `relative` is another word for `yes`.
pub(crate) const OOM_SCORE: Kind = Kind::Custom(|words| {
    const OPTIONS: [&str; 4] = ["no", "yes", "relative", "absolute"];
    let [word] = words else { return mistake("wrong number of arguments") };
    match OPTIONS.iter().find(|option| word.eq_ignore_ascii_case(option.as_bytes())) {
        Some(&"relative") => text("yes"),
        Some(option) => text(option),
        None => mistake("argument(s) must be one of the following: no, yes, relative, absolute"),
    }
});

/// `oom-score-adj-values <primary> <replica> <child>`
pub(crate) const OOM_SCORE_VALUES: Kind = Kind::Custom(|words| match integers(words) {
    _ if words.len() != 3 => mistake("wrong number of arguments"),
    Some(values) if values.iter().all(|v| (-2000..=2000).contains(v)) => text(&join(&values)),
    _ => mistake("Invalid oom-score-adj-values, elements must be between -2000 and 2000."),
});

/// `shutdown-on-sigterm <option> …`, and the like for the other signal.
pub(crate) const SHUTDOWN_OPTIONS: Kind = Kind::Custom(|words| {
    const OPTIONS: [&str; 5] = ["default", "save", "nosave", "now", "force"];
    let place = |word: &&[u8]| OPTIONS.iter().position(|o| word.eq_ignore_ascii_case(o.as_bytes()));
    let mut places: Vec<usize> = words.iter().map_while(place).collect();
    if words.is_empty() || places.len() < words.len() {
        let options = OPTIONS.join(", ");
        return Err(format!("argument(s) must be one of the following: {options}").into());
    }
    places.sort_unstable();
    places.dedup();
    // Beside anything else, `default` says nothing.
    places.retain(|place| *place > 0);
    if places.starts_with(&[1, 2]) {
        return mistake("shutdown options SAVE and NOSAVE can't be used simultaneously");
    }
    if places.is_empty() {
        places.push(0);
    }
    let chosen: Vec<&str> = places.into_iter().map(|place| OPTIONS[place]).collect();
    text(&chosen.join(" "))
});

/// `latency-tracking-info-percentiles <percentile> …`
pub(crate) const PERCENTILES: Kind = Kind::Custom(|words| {
    let mut percentiles = Vec::with_capacity(words.len().min(64));
    for word in words.iter().filter(|word| !word.is_empty()) {
        let number: f64 = std::str::from_utf8(word)
            .ok()
            .and_then(|word| word.parse().ok())
            .ok_or("Invalid latency-tracking-info-percentiles parameters")?;
        if !(0.0..=100.0).contains(&number) {
            return mistake(
                "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
            );
        }
        percentiles.push(number.to_string());
    }
    text(&percentiles.join(" "))
});

/// `replicaof <host> <port>`, or `no one`.
pub(crate) const PRIMARY_ADDRESS: Kind = Kind::Custom(|words| match words {
    [] | [b""] => text(""),
    [no, one] if no.eq_ignore_ascii_case(b"no") && one.eq_ignore_ascii_case(b"one") => text(""),
    [host, port] => match integers(&[*port]).as_deref() {
        Some([port @ 0..=65535]) => text(&format!("{} {port}", String::from_utf8_lossy(host))),
        _ => mistake("Invalid master port"),
    },
    _ => mistake("wrong number of arguments"),
});

/// `cluster-announce-hostname <name>`
pub(crate) const HOSTNAME: Kind = Kind::Custom(|words| match words {
    [] => text(""),
    [name] if name.len() > 255 => mistake("Hostnames must be less than 256 characters"),
    [name] if !name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')) => {
        mistake("Hostnames may only contain alphanumeric characters, hyphens or dots")
    }
    [name] => text(&String::from_utf8_lossy(name)),
    _ => mistake("wrong number of arguments"),
});

/// `dbfilename <name>`
pub(crate) const SNAPSHOT_NAME: Kind =
    Kind::Checked(|name| file_name(name, "dbfilename can't be a path, just a filename"));

/// `appendfilename <name>`
pub(crate) const APPEND_NAME: Kind = Kind::Checked(|name| match name {
    "" => mistake("appendfilename can't be empty"),
    _ => file_name(name, "appendfilename can't be a path, just a filename"),
});

/// `appenddirname <name>`
pub(crate) const APPEND_DIR: Kind = Kind::Checked(|name| match name {
    "" => mistake("appenddirname can't be empty"),
    _ => file_name(name, "appenddirname can't be a path, just a dirname"),
});

/// A name inside `dir`.
fn file_name(name: &str, not_a_path: &'static str) -> Result<Setting, Mistake> {
    if name.contains('/') { mistake(not_a_path) } else { text(name) }
}

/// `unixsocketperm <octal mode>`
pub(crate) const OCTAL: Kind = Kind::Custom(|words| match words {
    [word] => {
        let mode = std::str::from_utf8(word).ok().and_then(|w| u32::from_str_radix(w, 8).ok());
        match mode {
            Some(mode @ 0..=0o777) => text(&format!("{mode:o}")),
            _ => mistake("argument couldn't be parsed as an octal number"),
        }
    }
    _ => mistake("wrong number of arguments"),
});

/// How much unread output a client may leave before it is disconnected, by class of client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutputLimits {
    pub(crate) normal: OutputLimit,
    pub(crate) replica: OutputLimit,
    pub(crate) pubsub: OutputLimit,
}

/// One class's limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OutputLimit {
    /// Bytes at which the client is disconnected at once; 0 for no such limit.
    pub(crate) hard_bytes: usize,
    /// Bytes that it may exceed for `soft_seconds`; 0 for no such limit.
    pub(crate) soft_bytes: usize,
    /// How long, in seconds.
    pub(crate) soft_seconds: u64,
}

impl Default for OutputLimits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        let limit =
            |hard_bytes, soft_bytes| OutputLimit { hard_bytes, soft_bytes, soft_seconds: 60 };
        OutputLimits {
            normal: OutputLimit::default(),
            replica: limit(256 * MIB, 64 * MIB),
            pubsub: limit(32 * MIB, 8 * MIB),
        }
    }
}

impl OutputLimits {
    /// These limits with some classes changed: four words for each.
    pub(crate) fn changed_by(mut self, words: &[&[u8]]) -> Result<OutputLimits, Mistake> {
        if words.is_empty() || !words.len().is_multiple_of(4) {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        }
        for row in words.chunks(4) {
            let limit = match row[0].to_ascii_lowercase().as_slice() {
                b"normal" => &mut self.normal,
                b"slave" | b"replica" => &mut self.replica,
                b"pubsub" => &mut self.pubsub,
                _ => {
                    return Err(
                        "Invalid client class specified in buffer limit configuration.".into()
                    );
                }
            };
            *limit = parse_limit(row).ok_or(
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
            )?;
        }
        Ok(self)
    }

    /// Reads back what [`OutputLimits::to_text`] wrote.
    pub(crate) fn from_text(text: &str) -> OutputLimits {
        let words: Vec<&[u8]> = text.split_ascii_whitespace().map(str::as_bytes).collect();
        OutputLimits::default().changed_by(&words).unwrap_or_default()
    }

    pub(crate) fn to_text(&self) -> String {
        [("normal", self.normal), ("slave", self.replica), ("pubsub", self.pubsub)]
            .map(|(class, l)| {
                format!("{class} {} {} {}", l.hard_bytes, l.soft_bytes, l.soft_seconds)
            })
            .join(" ")
    }
}

fn parse_limit(row: &[&[u8]]) -> Option<OutputLimit> {
    let bytes = |word| usize::try_from(memory_bytes(std::str::from_utf8(word).ok()?)?).ok();
    let soft_seconds = std::str::from_utf8(row[3]).ok()?.parse().ok()?;
    Some(OutputLimit { hard_bytes: bytes(row[1])?, soft_bytes: bytes(row[2])?, soft_seconds })
}

/// Which events are told, and how: the letters of `notify-keyspace-events`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EventLetters(
    /// One bit for each ASCII character.
    u128,
);

impl EventLetters {
    /// Reads the normal form that [`NOTIFICATIONS`] leaves.
    pub(crate) fn from_text(text: &str) -> EventLetters {
        let bits = |letter: u8| match letter {
            b'A' => ALL_CLASSES.iter().fold(0, |bits, class| bits | 1 << class),
            letter if letter.is_ascii() => 1 << letter,
            _ => 0,
        };
        EventLetters(text.bytes().fold(0, |letters, letter| letters | bits(letter)))
    }

    /// Whether nothing is told.
    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a letter is among them. It must be ASCII.
    pub(crate) fn contains(self, letter: u8) -> bool {
        self.0 & (1 << letter) != 0
    }
}

/// What `A` stands for.
const ALL_CLASSES: &[u8] = b"g$lshzxetd";

/// The order in which a Redis writes the classes back.
const CLASSES: &[u8] = b"g$lshzxetdKEmn";

fn normal_classes(classes: &[u8]) -> Result<String, Mistake> {
    const ALL: &[u8] = ALL_CLASSES;
    let is_on =
        |class: &u8| classes.contains(class) || classes.contains(&b'A') && ALL.contains(class);
    if classes.iter().any(|class| *class != b'A' && !CLASSES.contains(class)) {
        return Err("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".into());
    }
    let mut normal = String::new();
    let all = ALL.iter().all(is_on);
    if all {
        normal.push('A');
    }
    let rest = CLASSES.iter().filter(|class| is_on(class) && !(all && ALL.contains(class)));
    normal.extend(rest.map(|class| char::from(*class)));
    Ok(normal)
}

fn text(text: &str) -> Result<Setting, Mistake> {
    Ok(Setting::Text(text.to_owned()))
}

fn mistake(text: &'static str) -> Result<Setting, Mistake> {
    Err(text.into())
}

fn integers(words: &[&[u8]]) -> Option<Vec<i64>> {
    words.iter().map(|word| std::str::from_utf8(word).ok()?.parse().ok()).collect()
}

fn join(numbers: &[i64]) -> String {
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_class_of_output_limits_changes_alone() {
        let words: [&[u8]; 4] = [b"normal", b"1kb", b"2kb", b"3"];
        let limits = OutputLimits::default().changed_by(&words).unwrap();
        assert_eq!(
            limits.to_text(),
            "normal 1024 2048 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60"
        );
        assert_eq!(OutputLimits::from_text(&limits.to_text()), limits);
    }

    #[test]
    fn event_classes_are_written_back_in_their_own_order() {
        assert_eq!(normal_classes(b"KEA").unwrap(), "AKE");
        assert_eq!(normal_classes(b"Kg$").unwrap(), "g$K");
        assert!(normal_classes(b"Q").is_err());
        let letters = EventLetters::from_text("AK");
        assert!(letters.contains(b'$') && letters.contains(b'K') && !letters.contains(b'm'));
    }
}
