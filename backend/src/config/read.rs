//! Files and arguments into settings, collecting every mistake on the way.
//!
//! Source: redis `src/config.c` loadServerConfigFromString, `src/server.c` main.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use reddoor_protocol::inline;

use crate::config::error::{ConfigError, Place, Problem};
use crate::config::users::Users;
use crate::config::{Config, Values, options, table};

/// The file name that means standard input.
const STANDARD_INPUT: &str = "-";

/// Files that may include each other (count); more is a circle.
const FILES_MAX: usize = 64;

pub(super) fn from_args(args: &[String]) -> Result<Config, Vec<ConfigError>> {
    let mut reader = Reader::default();
    let (file, options) = match args.split_first() {
        Some((first, rest)) if !first.starts_with("--") => (Some(first), rest),
        _ => (None, args),
    };
    // Behind everything else, `-` is one more file.
    let (input, options) = match options.split_last() {
        Some((last, rest)) if last == STANDARD_INPUT => (Some(last), rest),
        _ => (None, options),
    };
    for name in file.into_iter().chain(input) {
        let place = Place::Arguments { number: 1, text: name.clone() };
        reader.read_file(PathBuf::from(name), place);
    }
    reader.read_options(options);
    let warnings = reader.warnings();
    let mut config = Config::new(reader.values);
    config.users = reader.users.checked(&config.settings.acl, &mut reader.errors);
    if !reader.errors.is_empty() {
        return Err(reader.errors);
    }
    config.input = reader.input;
    config.warnings = warnings;
    config.file = file.filter(|name| *name != "-").and_then(|name| fs::canonicalize(name).ok());
    Ok(config)
}

#[derive(Default)]
struct Reader {
    values: Values,
    users: Users,
    errors: Vec<ConfigError>,
    /// Positions in the table of the directives that were given.
    given: Vec<usize>,
    /// Whether a `save` line was seen: the first replaces the default, later ones add to it.
    has_save: bool,
    files_count: usize,
    /// Lines of the files that the arguments name (count).
    lines_count: usize,
    /// What standard input said, if it was read.
    input: Option<Vec<u8>>,
}

impl Reader {
    /// Reads a file and those it includes; an included file counts as written where the include stands.
    fn read_file(&mut self, file: PathBuf, place: Place) {
        // A stack instead of recursion: each entry is a file's remaining lines.
        let mut stack = vec![];
        self.open(file, place, &mut stack);
        while let Some((file, lines)) = stack.last_mut() {
            let Some((number, line)) = lines.pop() else {
                stack.pop();
                continue;
            };
            let text = String::from_utf8_lossy(line.trim_ascii()).into_owned();
            let place = Place::Line { file: file.clone(), number, text };
            let Some(words) = self.split(&line, &place) else { continue };
            match words.split_first() {
                Some((name, [path])) if name.eq_ignore_ascii_case(b"include") => {
                    let path = String::from_utf8_lossy(path).into_owned();
                    self.open(PathBuf::from(path), place, &mut stack);
                }
                Some((name, values)) => self.directive(name, values, place),
                None => {}
            }
        }
    }

    fn open(&mut self, file: PathBuf, place: Place, stack: &mut Vec<(PathBuf, Lines)>) {
        self.files_count += 1;
        let problem = if self.files_count > FILES_MAX {
            Problem::TooManyFiles(FILES_MAX)
        } else {
            match self.read_text(&file) {
                Ok(text) => {
                    let lines = lines_reversed(&text);
                    // What is included is no part of the file in which a Redis counts on.
                    self.lines_count += if stack.is_empty() { lines.len() } else { 0 };
                    return stack.push((file, lines));
                }
                Err(reason) => Problem::Unreadable(reason_of(&reason)),
            }
        };
        self.errors.push(ConfigError { place, directive: file.display().to_string(), problem });
    }

    fn read_text(&mut self, file: &Path) -> io::Result<Vec<u8>> {
        if file != Path::new(STANDARD_INPUT) {
            return fs::read(file);
        }
        let mut text = Vec::new();
        io::stdin().read_to_end(&mut text)?;
        self.input = Some(text.clone());
        Ok(text)
    }

    /// Cuts a line into words; `None` for comments, empty lines and mistakes.
    fn split(&mut self, line: &[u8], place: &Place) -> Option<Vec<Vec<u8>>> {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            return None;
        }
        let (mut bytes, mut ranges) = (Vec::new(), Vec::new());
        if inline::split(line, &mut bytes, |start, len| ranges.push(start..start + len)).is_err() {
            let problem = Problem::UnbalancedQuotes;
            let place = place.clone();
            self.errors.push(ConfigError { place, directive: String::new(), problem });
            return None;
        }
        Some(ranges.into_iter().map(|range| bytes[range].to_vec()).collect())
    }

    /// Reads `--directive value …` as the lines that a Redis makes of them.
    fn read_options(&mut self, options: &[String]) {
        let first_number = self.lines_count.max(1) + 1;
        for (number, line) in (first_number..).zip(options::lines(options)) {
            let place = Place::Arguments { number, text: line.trim_end().to_owned() };
            let Some(words) = self.split(line.as_bytes(), &place) else { continue };
            if let Some((name, values)) = words.split_first() {
                self.directive(name, values, place);
            }
        }
    }

    fn directive(&mut self, name: &[u8], words: &[Vec<u8>], place: Place) {
        let directive = String::from_utf8_lossy(name).into_owned();
        let lower = directive.to_ascii_lowercase();
        if lower == table::USER {
            let words = split_single(words, |text| text.split(|byte| *byte == b' ').collect());
            let words: Vec<Vec<u8>> = words.into_iter().map(<[u8]>::to_vec).collect();
            return self.users.declare(&words, place, &mut self.errors);
        }
        let Some((index, row)) = table::find(&lower) else {
            let problem = if table::REFUSED.contains(&lower.as_str()) {
                Problem::NotServed
            } else {
                Problem::UnknownDirective(nearest(&lower))
            };
            return self.errors.push(ConfigError { place, directive, problem });
        };
        let mut words = split_single(words, |text| row.words(text));
        // Redis: several `save` and `client-output-buffer-limit` lines add up.
        let before = self.values.0[index].to_text();
        let adds_up = row.name == "client-output-buffer-limit"
            || row.name == "save" && self.has_save && words != [b"".as_slice()];
        if adds_up {
            words.splice(0..0, row.words(before.as_bytes()));
        }
        self.has_save |= row.name == "save";
        match row.parse(&words) {
            Ok(setting) => {
                self.values.0[index] = setting;
                self.given.push(index);
            }
            Err(mistake) => {
                let value = String::from_utf8_lossy(&words.join(b" ".as_slice())).into_owned();
                let problem = Problem::BadValue { value, expected: mistake.into_owned() };
                self.errors.push(ConfigError { place, directive, problem });
            }
        }
    }

    /// One line for each directive that was set away from its default and changes nothing here.
    fn warnings(&self) -> Vec<String> {
        let defaults = Values::default();
        let mut given = self.given.clone();
        given.sort_unstable();
        given.dedup();
        given
            .into_iter()
            .filter(|index| *index >= table::HEEDED.len())
            .filter(|index| self.values.0[*index] != defaults.0[*index])
            .filter_map(|index| table::all().nth(index))
            .map(|row| format!("'{}' is accepted but has no effect on this node yet", row.name))
            .collect()
    }
}

/// Lines with their numbers from 1, the last first.
type Lines = Vec<(usize, Vec<u8>)>;

fn lines_reversed(text: &[u8]) -> Lines {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
    let mut numbered: Lines = (1..).zip(lines).collect();
    numbered.reverse();
    numbered
}

/// The system's words without its number for them, as a Redis has them.
fn reason_of(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// The words of a value. One of them may hold all, as in `save "900 1"`: then it is cut.
fn split_single<'a>(
    words: &'a [Vec<u8>],
    cut: impl FnOnce(&'a [u8]) -> Vec<&'a [u8]>,
) -> Vec<&'a [u8]> {
    match words {
        [word] if !word.is_empty() => cut(word),
        _ => words.iter().map(Vec::as_slice).collect(),
    }
}

/// The known name that differs in at most two letters.
fn nearest(name: &str) -> Option<&'static str> {
    table::all()
        .flat_map(|row| [Some(row.name), row.alias])
        .flatten()
        .map(|known| (distance(name, known), known))
        .filter(|(distance, _)| *distance <= 2)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Levenshtein distance, one row at a time.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
