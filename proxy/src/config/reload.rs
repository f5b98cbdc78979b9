//! A configuration in place of another while the front door runs: what differs, and what of it takes effect.
//!
//! In: the settings in force, and those read anew, which were checked as a whole. Out: the settings in force from now
//! on, and every difference. What a running front door cannot change stays as it was, and the report says so.
//!
//! Not here: who asks for it, and how the workers get it.

use std::collections::BTreeMap;
use std::fmt;

use super::Config;
use super::secret::Secret;

/// Settings that are read once: of sockets that are bound, threads that run, the log that is open, and the names under
/// which keys are stored that are on their way.
const FIXED: [&str; 13] = [
    "listen.addr",
    "listen.backlog",
    "admin.addr",
    "workers.count",
    "limits.scripts_bytes_max",
    "reads.addr",
    "log.level",
    "log.format",
    "databases.mode",
    "databases.count",
    "databases.prefix",
    "colocate.rules",
    "colocate.presets",
];

/// One setting that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name, `section.key`.
    pub key: String,
    /// Its value so far, as TOML; passwords are not shown.
    pub from: String,
    /// Its value in what was read.
    pub to: String,
    /// Whether it takes effect now; if not, it does when the front door is started again.
    pub is_applied: bool,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} becomes {}", self.key, self.from, self.to)?;
        if self.is_applied { Ok(()) } else { f.write_str(" when it is started again") }
    }
}

/// What is in force when `wanted` is put in the place of `current`, and every difference, by name.
pub fn replace(current: &Config, wanted: Config) -> (Config, Vec<Change>) {
    let (before, after) = (flat(current), flat(&wanted));
    let mut changes: Vec<Change> = before
        .iter()
        .filter_map(|(key, from)| {
            let to = after.get(key).filter(|to| *to != from)?;
            let is_applied = !FIXED.contains(&key.as_str());
            Some(Change { key: key.clone(), from: from.clone(), to: to.clone(), is_applied })
        })
        .collect();
    changes.extend(secret("auth.password", &current.auth.password, &wanted.auth.password));
    let at_nodes = (&current.cluster.password, &wanted.cluster.password);
    changes.extend(secret("cluster.password", at_nodes.0, at_nodes.1));
    (keep_fixed(current, wanted), changes)
}

/// A password that differs; that there is one at all shows in the settings themselves.
fn secret(key: &str, from: &Option<Secret>, to: &Option<Secret>) -> Option<Change> {
    let (Some(from), Some(to)) = (from, to) else { return None };
    let (key, is_applied) = (key.to_owned(), true);
    (from != to).then(|| Change { key, from: from.to_string(), to: to.to_string(), is_applied })
}

fn keep_fixed(current: &Config, mut wanted: Config) -> Config {
    wanted.listen.addr = current.listen.addr;
    wanted.listen.backlog = current.listen.backlog;
    wanted.admin.addr = current.admin.addr;
    wanted.workers = current.workers.clone();
    wanted.limits.scripts_bytes_max = current.limits.scripts_bytes_max;
    wanted.reads.addr = current.reads.addr;
    wanted.log = current.log.clone();
    wanted.databases = current.databases.clone();
    wanted.colocate = current.colocate.clone();
    wanted
}

/// Every setting by its name, its value as TOML.
fn flat(config: &Config) -> BTreeMap<String, String> {
    let sections: toml::Table =
        toml::from_str(&config.to_toml_redacted()).expect("what was written as TOML is TOML");
    let mut flat = BTreeMap::new();
    for (section, settings) in &sections {
        for (key, value) in settings.as_table().into_iter().flatten() {
            flat.insert(format!("{section}.{key}"), value.to_string());
        }
    }
    flat
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layer::Overrides;

    fn config(settings: &[(&str, &str)]) -> Config {
        let mut overrides = Overrides::default();
        overrides.set("cluster.seeds", "a:1");
        settings.iter().for_each(|(key, value)| overrides.set(key, *value));
        Config::load(None, [], &overrides).unwrap()
    }

    fn told(from: &[(&str, &str)], to: &[(&str, &str)]) -> Vec<String> {
        replace(&config(from), config(to)).1.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_difference_is_told_and_no_password() {
        assert!(told(&[], &[]).is_empty());
        let from = [("request.timeout_ms", "100"), ("auth.password", "old-one")];
        let to = [("auth.password", "new-one"), ("listen.addr", "127.0.0.1:1")];
        assert_eq!(
            told(&from, &to),
            [
                "listen.addr: \"127.0.0.1:6379\" becomes \"127.0.0.1:1\" when it is started again",
                "request.timeout_ms: 100 becomes 5000",
                "auth.password: (redacted) becomes (redacted)",
            ]
        );
        assert_eq!(told(&[], &to[..1]), ["auth.password: \"\" becomes \"(redacted)\""]);
    }

    #[test]
    fn what_cannot_change_stays_in_force() {
        let other = [
            ("listen.addr", "127.0.0.1:1"),
            ("listen.backlog", "7"),
            ("admin.addr", "127.0.0.1:2"),
            ("workers.count", "3"),
            ("limits.scripts_bytes_max", "9"),
            ("reads.addr", "127.0.0.1:3"),
            ("log.level", "error"),
            ("log.format", "json"),
            ("databases.mode", "prefix"),
            ("databases.count", "4"),
            ("databases.prefix", "base"),
            ("colocate.rules", "a* -> a"),
            ("colocate.presets", "rq"),
        ];
        let current = config(&[("workers.count", "2")]);
        let (in_force, changes) = replace(&current, config(&other));
        assert_eq!(in_force, current);
        let names: Vec<&str> = changes.iter().map(|change| change.key.as_str()).collect();
        let mut fixed = FIXED;
        fixed.sort_unstable();
        assert_eq!(names, fixed);
        assert!(changes.iter().all(|change| !change.is_applied));
    }
}
