//! The layers a configuration is made of, put on top of each other: defaults, profile, file, environment, flags.
//!
//! Out: every setting by its `section.key`, with the strongest value and where that was set.
//! Not here: what a value means; see `reader`.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use ::config::{Environment, File, FileFormat, Source, Value, ValueKind};
use toml::de::DeTable;

use super::error::{ConfigError, Origin};
use super::profile::Profile;

/// The default of every setting, as written for people.
pub const DEFAULTS: &str = include_str!("../../../config/reddoor.toml");

/// How an environment variable begins that is a setting; two underscores part section and key.
const ENVIRONMENT_PREFIX: &str = "REDDOOR";

/// Settings given as flags, stronger than any other layer.
#[derive(Clone, Debug, Default)]
pub struct Overrides(BTreeMap<String, String>);

impl Overrides {
    /// Sets `key` (`section.key`) to `value`, written as in an environment variable: lists parted by commas.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.0.insert(key.to_owned(), value.into());
    }
}

/// A value and where it was set.
pub(super) struct Setting {
    pub(super) value: ValueKind,
    pub(super) origin: Origin,
}

/// The settings of all layers, the strongest value of each.
///
/// # Errors
/// Every mistake that can be seen without knowing what a value means, with what could be read beside them.
pub(super) fn stack(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    overrides: &Overrides,
) -> (BTreeMap<String, Setting>, Vec<ConfigError>) {
    let mut errors = Vec::new();
    let mut layers = Layers::default();
    if let Some(path) = file {
        layers.read_file(path).unwrap_or_else(|error| errors.push(error));
    }
    layers.take_environment(environment, &mut errors);
    layers.overrides = overrides.0.clone();
    match layers.merge() {
        Ok(values) => (layers.with_origins(values, &mut errors), errors),
        Err(error) => {
            // The layers were read one by one above; what is left to fail is one that contradicts another.
            errors.push(ConfigError::Invalid {
                key: "configuration".to_owned(),
                value: "as given".to_owned(),
                expected: format!("layers that fit together: {error}"),
                origin: Origin::Default,
            });
            (BTreeMap::new(), errors)
        }
    }
}

#[derive(Default)]
struct Layers {
    file: Option<FileLayer>,
    /// Settings named in the environment: key to variable.
    variables: BTreeMap<String, String>,
    environment: HashMap<String, String>,
    overrides: BTreeMap<String, String>,
}

struct FileLayer {
    path: PathBuf,
    text: String,
    /// Line of each `section.key`, and of each section, from 1.
    lines: HashMap<String, usize>,
}

impl Layers {
    fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let lines = lines_of_keys(&text).map_err(|error| ConfigError::Syntax {
            path: path.to_owned(),
            line: line_at(&text, error.span().map_or(0, |span| span.start)),
            reason: error.message().lines().collect::<Vec<_>>().join(", "),
        })?;
        self.file = Some(FileLayer { path: path.to_owned(), text, lines });
        Ok(())
    }

    /// Keeps the variables that are settings.
    ///
    /// Those without two underscores are not: container platforms set names such as `REDDOOR_PORT` by themselves.
    fn take_environment(
        &mut self,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        errors: &mut Vec<ConfigError>,
    ) {
        for (name, value) in environment {
            let Ok(name) = name.into_string() else { continue };
            let Some(key) = key_of_variable(&name) else { continue };
            let Ok(value) = value.into_string() else {
                errors.push(ConfigError::Invalid {
                    key,
                    value: "bytes that are not text".to_owned(),
                    expected: "UTF-8".to_owned(),
                    origin: Origin::Environment { name },
                });
                continue;
            };
            self.environment.insert(name.clone(), value);
            self.variables.insert(key, name);
        }
    }

    fn merge(&self) -> Result<HashMap<String, Value>, ::config::ConfigError> {
        let values = self.merge_over("")?;
        let profile = values.get("profile").and_then(|section| match &section.kind {
            ValueKind::Table(settings) => settings.get("name")?.clone().into_string().ok(),
            _ => None,
        });
        // One that there is not is a mistake which is found when it is read.
        match profile.and_then(|name| Profile::by_name(&name)) {
            Some(profile) => self.merge_over(profile.settings()),
            None => Ok(values),
        }
    }

    /// Puts the layers on these settings, which lie on the defaults.
    fn merge_over(&self, profile: &str) -> Result<HashMap<String, Value>, ::config::ConfigError> {
        let mut builder = ::config::Config::builder()
            .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
            .add_source(File::from_str(profile, FileFormat::Toml));
        if let Some(file) = &self.file {
            builder = builder.add_source(File::from_str(&file.text, FileFormat::Toml));
        }
        let environment = Environment::with_prefix(ENVIRONMENT_PREFIX)
            .prefix_separator("_")
            .separator("__")
            .source(Some(self.environment.clone().into_iter().collect()));
        builder = builder.add_source(environment);
        for (key, value) in &self.overrides {
            builder = builder.set_override(key, value.as_str())?;
        }
        Ok(builder.build()?.collect()?.into_iter().collect())
    }

    /// Flattens sections, finds out where each value was set, and sorts out what is no setting.
    fn with_origins(
        &self,
        values: HashMap<String, Value>,
        errors: &mut Vec<ConfigError>,
    ) -> BTreeMap<String, Setting> {
        let known = Known::new();
        let mut settings = BTreeMap::new();
        for (key, value) in flatten(values) {
            let origin = self.origin(&key);
            if known.has(&key) {
                settings.insert(key, Setting { value, origin });
            } else {
                let expected = known.instead_of(&key);
                errors.push(ConfigError::Unknown { key, expected, origin });
            }
        }
        settings
    }

    fn origin(&self, key: &str) -> Origin {
        if self.overrides.contains_key(key) {
            return Origin::Flag;
        }
        if let Some(name) = self.variables.get(key) {
            return Origin::Environment { name: name.clone() };
        }
        match &self.file {
            Some(file) => match file.lines.get(key) {
                Some(&line) => Origin::File { path: file.path.clone(), line },
                None => Origin::Default,
            },
            None => Origin::Default,
        }
    }
}

/// The settings there are, as the defaults name them.
struct Known(HashMap<String, usize>);

impl Known {
    fn new() -> Known {
        Known(lines_of_keys(DEFAULTS).expect("the defaults are TOML, which a test checks"))
    }

    fn has(&self, key: &str) -> bool {
        key.contains('.') && self.0.contains_key(key)
    }

    /// What could have stood in place of an unknown key: the settings of its section, or the sections.
    fn instead_of(&self, key: &str) -> String {
        let section = key.split('.').next().unwrap_or_default();
        let prefix = format!("{section}.");
        let mut names: Vec<&str> =
            self.0.keys().filter_map(|known| known.strip_prefix(&prefix)).collect();
        if names.is_empty() {
            names =
                self.0.keys().map(String::as_str).filter(|known| !known.contains('.')).collect();
            names.sort_unstable();
            return format!("a section, one of {}", names.join(", "));
        }
        names.sort_unstable();
        format!("in section {section} one of {}", names.join(", "))
    }
}

/// `REDDOOR_SECTION__KEY` as `section.key`; `None`: not a setting.
fn key_of_variable(name: &str) -> Option<String> {
    let (section, key) =
        name.strip_prefix(ENVIRONMENT_PREFIX)?.strip_prefix('_')?.split_once("__")?;
    let plain = |part: &str| {
        part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && part.starts_with(|first: char| first.is_ascii_alphabetic())
            && !part.contains("__")
    };
    (plain(section) && plain(key)).then(|| format!("{section}.{key}").to_lowercase())
}

/// Sections cut into their settings; what stands outside a section keeps its bare name.
fn flatten(values: HashMap<String, Value>) -> BTreeMap<String, ValueKind> {
    let mut flat = BTreeMap::new();
    for (section, value) in values {
        match value.kind {
            ValueKind::Table(settings) if !settings.is_empty() => flat.extend(
                settings.into_iter().map(|(key, value)| (format!("{section}.{key}"), value.kind)),
            ),
            other => {
                flat.insert(section, other);
            }
        }
    }
    flat
}

/// Where each section and each `section.key` of a TOML text stands.
fn lines_of_keys(text: &str) -> Result<HashMap<String, usize>, toml::de::Error> {
    let mut lines = HashMap::new();
    for (section, value) in DeTable::parse(text)?.get_ref().iter() {
        let section_name = section.get_ref().as_ref();
        lines.insert(section_name.to_owned(), line_at(text, section.span().start));
        let Some(settings) = value.get_ref().as_table() else { continue };
        for key in settings.keys() {
            let name = format!("{section_name}.{}", key.get_ref());
            lines.insert(name, line_at(text, key.span().start));
        }
    }
    Ok(lines)
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1
}
