//! Sections `databases` and `colocate`: under which names keys are stored.
//!
//! Not here: the names themselves (see `key_mapping`).

use serde::Serialize;

use super::colocation::ColocationRule;
use super::preset::{PRESETS, Preset};
use super::reader::Reader;

/// Section `databases`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DatabasesConfig {
    /// Whether there are several.
    pub mode: DatabasesMode,
    /// How many there are, where there are several.
    pub count: u32,
    /// What stands before the number of a database in a stored key. Not empty, no digit at its end, no braces.
    pub prefix: String,
}

/// Whether clients have several databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabasesMode {
    /// Database 0 alone, as a cluster has it.
    Off,
    /// Keys of all databases but 0 are stored with the database before their names.
    Prefix,
}

/// Section `colocate`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ColocateConfig {
    /// The operator's own rules, which go before those of presets.
    pub rules: Vec<ColocationRule>,
    /// Frameworks whose keys are known.
    pub presets: Vec<Preset>,
}

impl DatabasesConfig {
    pub(super) fn read(reader: &mut Reader) -> DatabasesConfig {
        let modes = [("off", DatabasesMode::Off), ("prefix", DatabasesMode::Prefix)];
        DatabasesConfig {
            mode: reader.choice("databases.mode", &modes),
            count: reader.count("databases.count", "databases", 1..=65_536),
            prefix: reader.word("databases.prefix", PREFIX_EXPECTED, is_database_prefix),
        }
    }
}

const PREFIX_EXPECTED: &str =
    "at most 32 letters, digits and characters of _~@#%&!./- in which the last is no digit";

/// What a pattern, a hash tag or a number behind it could not be taken for a part of.
fn is_database_prefix(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_~@#%&!./-".contains(&byte);
    let ends = text.bytes().last().is_some_and(|byte| !byte.is_ascii_digit());
    ends && text.len() <= 32 && text.bytes().all(is_plain)
}

impl ColocateConfig {
    pub(super) fn read(reader: &mut Reader) -> ColocateConfig {
        let rule = "a list of rules \"pattern ... -> tag\", as in \"celery* unacked* -> celery\"";
        let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        let names = format!("a list of presets, each of {}", names.join(" "));
        ColocateConfig {
            rules: reader.list("colocate.rules", ColocationRule::parse, rule),
            presets: reader.list("colocate.presets", Preset::by_name, &names),
        }
    }

    /// All rules, of which the first that takes a key counts.
    pub fn all_rules(&self) -> Vec<ColocationRule> {
        let presets = self.presets.iter().flat_map(|preset| preset.rules());
        self.rules.iter().cloned().chain(presets).collect()
    }

    /// The rules for arguments of scripts that are beginnings of keys.
    pub fn all_script_args(&self) -> Vec<ColocationRule> {
        self.presets.iter().flat_map(|preset| preset.script_args()).collect()
    }
}
