//! The configuration as a whole: layers, mistakes, and the files in `config/`.

use std::fs;
use std::path::PathBuf;

use super::databases::DatabasesMode;
use super::layer::DEFAULTS;
use super::*;
use crate::metrics::label::Limit;

/// The folder with the sample of each deployment.
fn samples() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../config"))
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn overrides(pairs: &[(&str, &str)]) -> Overrides {
    let mut overrides = Overrides::default();
    pairs.iter().for_each(|(key, value)| overrides.set(key, *value));
    overrides
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}

/// The mistakes of a file, each as its line without the file's path.
fn mistakes(text: &str) -> Vec<String> {
    let file = file(text);
    let prefix = format!("{}, ", file.path().display());
    let errors = Config::load(Some(file.path()), [], &Overrides::default()).unwrap_err();
    errors.iter().map(|error| error.to_string().replace(&prefix, "")).collect()
}

/// Every `section.key` of the defaults, with the comment lines above it.
fn documented_settings() -> Vec<(String, String)> {
    let (mut section, mut comment, mut settings) = ("", String::new(), Vec::new());
    for line in DEFAULTS.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some(text) = line.strip_prefix('#') {
            comment.push_str(text);
        } else if let Some((key, _)) = line.split_once(" = ") {
            settings.push((format!("{section}.{key}"), std::mem::take(&mut comment)));
        } else {
            comment.clear();
        }
    }
    settings
}

#[test]
fn the_defaults_are_what_the_file_says() {
    let config = Config::default();
    assert_eq!(config.listen.addr.to_string(), "127.0.0.1:6379");
    assert_eq!(config.admin.addr.unwrap().to_string(), "127.0.0.1:9379");
    let written: toml::Table = toml::from_str(DEFAULTS).unwrap();
    let mut read: toml::Table = toml::from_str(&config.to_toml_redacted()).unwrap();
    // One per core, counted when it is read.
    read.insert("workers".to_owned(), written["workers"].clone());
    for section in ["cluster", "auth"] {
        let section = read[section].as_table_mut().unwrap();
        section.insert("password_file".to_owned(), "".into());
    }
    assert_eq!(written, read);
}

#[test]
fn the_defaults_lack_nothing_but_seeds() {
    let errors = Config::load(None, [], &Overrides::default()).unwrap_err();
    let lines: Vec<String> = errors.iter().map(ConfigError::to_string).collect();
    assert_eq!(lines, ["default: cluster.seeds = []: expected at least one node, as host:port"]);
    let config = Config::load(None, [], &overrides(&[("cluster.seeds", "a:1")])).unwrap();
    assert_eq!(Config { cluster: Config::default().cluster, ..config }, Config::default());
}

#[test]
fn every_default_is_explained_with_the_range_that_is_enforced() {
    for (key, comment) in documented_settings() {
        assert!(!comment.is_empty(), "{key} has no comment");
        if key.ends_with("_file") {
            continue;
        }
        // Neither a number, an address nor a word of any list.
        let errors = Config::load(None, [], &overrides(&[(&key, "=")])).unwrap_err();
        let expected = errors.iter().find_map(|error| match error {
            ConfigError::Invalid { key: wrong, expected, .. } if *wrong == key => Some(expected),
            _ => None,
        });
        let Some(expected) = expected else { continue };
        let range = expected.rsplit_once(", ").map_or(expected.as_str(), |(_, range)| range);
        if range.contains(" to ") {
            assert!(comment.contains(&format!(": {range}")), "{key}: {range} not in:{comment}");
        } else if let Some(words) = expected.strip_prefix("one of ") {
            assert!(comment.contains(words), "{key}: {words} not in:{comment}");
        }
    }
}

#[test]
fn a_profile_gives_way_to_what_is_set_by_itself() {
    let load = |settings: &[(&str, &str)]| {
        let settings = [&[("cluster.seeds", "a:1")], settings].concat();
        Config::load(None, [], &overrides(&settings)).unwrap()
    };
    let drop_in = load(&[("profile.name", "drop-in")]);
    assert_eq!(drop_in.databases.mode, DatabasesMode::Prefix);
    assert_eq!(drop_in.cross_slot.writes, CrossSlotWrites::Emulate);
    let mixed = load(&[("profile.name", "drop-in"), ("databases.mode", "off")]);
    assert_eq!(mixed.databases.mode, DatabasesMode::Off);
    assert_eq!(mixed.transactions.cross_slot, CrossSlot::PerSlot);
    let file = file(
        "profile.name = \"strict\"\ncluster.seeds = [\"a:1\"]\ncross_slot.reads = \"gather\"\n",
    );
    let strict = Config::load(Some(file.path()), [], &Overrides::default()).unwrap();
    assert_eq!(strict.cross_slot.reads, CrossSlotReads::Gather);
    assert_eq!(load(&[("profile.name", "strict")]).cross_slot.reads, CrossSlotReads::Reject);
    let plain = load(&[]);
    assert_eq!(plain.databases, Config::default().databases);
}

#[test]
fn every_sample_loads() {
    let mut loaded = 0;
    for entry in fs::read_dir(samples()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml")
            || path.ends_with("reddoor.toml")
        {
            continue;
        }
        let result = Config::load(Some(&path), [], &Overrides::default());
        assert!(result.is_ok(), "{}: {:?}", path.display(), result);
        loaded += 1;
    }
    assert!(loaded > 0, "no sample found");
}

#[test]
fn a_limit_that_is_counted_is_a_setting() {
    let settings = documented_settings();
    for limit in Limit::ALL {
        let suffix = format!(".{}", limit.as_str());
        assert!(settings.iter().any(|(key, _)| key.ends_with(&suffix)), "{}", limit.as_str());
    }
}

#[test]
fn flags_beat_the_environment_beats_the_file_beats_the_defaults() {
    let file = file(
        "[cluster]\nseeds = ['file:1']\nrefresh_nodes = 2\n[workers]\ncount = 2\n[log]\nlevel = 'warn'",
    );
    let variables = variables(&[("REDDOOR_WORKERS__COUNT", "3"), ("REDDOOR_LOG__LEVEL", "error")]);
    let flags = overrides(&[("log.level", "trace")]);
    let config = Config::load(Some(file.path()), variables, &flags).unwrap();
    assert_eq!(config.log.level, LogLevel::Trace);
    assert_eq!(config.workers.count, 3);
    assert_eq!(config.cluster.refresh_nodes, 2);
    assert_eq!(config.request, Config::default().request);
}

#[test]
fn seeds_from_the_environment_are_parted_by_commas() {
    let variables = variables(&[("REDDOOR_CLUSTER__SEEDS", "a:1, [::1]:2")]);
    let config = Config::load(None, variables, &Overrides::default()).unwrap();
    let seeds: Vec<String> = config.cluster.seeds.iter().map(ToString::to_string).collect();
    assert_eq!(seeds, ["a:1", "[::1]:2"]);
}

#[test]
fn all_mistakes_are_reported_at_once_with_their_lines() {
    let text = "[listen]\naddr = 'localhost'\nbacklog = 0\ncolour = 1\n\n[cluster]\nseeds = ['a:1', 'b']\n\
                [requests]\ntimeout_ms = 1\n[log]\nlevel = 'loud'\n";
    assert_eq!(
        mistakes(text),
        [
            "line 4: listen.colour: no such setting, expected in section listen one of accept_burst, \
             accept_per_second, addr, backlog, clients_max, tcp_keepalive_seconds",
            "line 9: requests.timeout_ms: no such setting, expected a section, one of admin, auth, cluster, colocate, \
             compat, cross_slot, databases, failover, health, limits, \
             listen, log, profile, rates, reads, request, shutdown, transactions, workers",
            "line 2: listen.addr = \"localhost\": expected IP:port, such as 127.0.0.1:6379",
            "line 3: listen.backlog = 0: expected connections, 1 to 65535",
            "line 7: cluster.seeds = [\"a:1\", \"b\"]: expected a list of host:port, such as redis-0.example.net:6379",
            "line 11: log.level = \"loud\": expected one of off, error, warn, info, debug, trace",
        ]
    );
}

#[test]
fn settings_that_contradict_each_other_are_reported() {
    let text = "[cluster]\nseeds = ['a:1']\nrefresh_interval_ms = 500\nrefresh_min_gap_ms = 501\n\
                [limits]\nclient_output_bytes_max = 1_048_576\nclient_input_bytes_max = 1_048_576\n\
                 [reads]\nlag_max_ms = 199\n";
    assert_eq!(
        mistakes(text),
        [
            "line 4: cluster.refresh_min_gap_ms = 501: expected at most cluster.refresh_interval_ms: 500",
            "line 9: reads.lag_max_ms = 199: expected at least twice reads.check_interval_ms: 100",
            "line 6: limits.client_output_bytes_max = 1048576: expected at least limits.reply_bytes_max: \
             1073741824",
            "line 7: limits.client_input_bytes_max = 1048576: expected at least limits.bulk_bytes_max: \
             536870912",
        ]
    );
}

#[test]
fn a_wrong_read_policy_is_one_mistake_each() {
    let text = "[cluster]\nseeds = ['a:1']\n[reads]\nfrom = 'slave'\ncommands = ['lrange=primary', 'nope=any']\n\
                zones = 'a'\nyour_writes = 'maybe'\n";
    assert_eq!(
        mistakes(text),
        [
            "line 4: reads.from = \"slave\": expected one of primary, prefer_replica, replica, any, nearest",
            "line 5: reads.commands = [\"lrange=primary\", \"nope=any\"]: expected a list of command=policy or \
             @category=policy, such as lrange=primary",
            "line 6: reads.zones = \"a\": expected a list of hosts=zone, such as 10.1.*=zone-a",
            "line 7: reads.your_writes = \"maybe\": expected one of true, false",
        ]
    );
}

#[test]
fn a_setting_that_is_wrong_by_itself_contradicts_no_other() {
    let text = "[cluster]\nseeds = ['a:1']\nrefresh_interval_ms = 0\nrefresh_min_gap_ms = 101\n";
    assert_eq!(
        mistakes(text),
        ["line 3: cluster.refresh_interval_ms = 0: expected milliseconds, 100 to 3600000"]
    );
}

#[test]
fn a_setting_in_the_place_of_a_section_is_one_mistake() {
    let lines = mistakes("listen = 3\n[cluster]\nseeds = 'a:1'\n[nothing]\n");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("line 1: listen: no such setting, expected in section listen"));
    assert!(lines[1].starts_with("line 4: nothing: no such setting, expected a section, one of"));
}

#[test]
fn what_is_not_toml_is_named_with_its_line_and_not_shown() {
    let lines = mistakes("[auth]\npassword = \"hunter2\n");
    assert!(lines[0].starts_with("line 2: expected TOML: "), "{lines:?}");
    assert!(
        lines.iter().all(|line| !line.contains("hunter2") && !line.contains('\n')),
        "{lines:?}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_one_line() {
    let missing = samples().join("no-such.toml");
    let errors = Config::load(Some(&missing), [], &Overrides::default()).unwrap_err();
    let line = errors[0].to_string();
    assert!(line.contains("no-such.toml: expected a readable file: "), "{line}");
}

#[test]
fn variables_of_the_container_platform_are_left_alone() {
    let mut variables = variables(&[
        ("REDDOOR_PORT", "tcp://10.0.0.1:6379"),
        ("REDDOOR_SERVICE_HOST", "10.0.0.1"),
        ("REDDOOR___X", "1"),
        ("REDDOOR_A__B__C", "1"),
        ("REDDOORS__KEY", "1"),
        ("REDDOOR_CLUSTER__SEEDS", "a:1"),
    ]);
    assert!(Config::load(None, variables.clone(), &Overrides::default()).is_ok());
    variables.push(("REDDOOR_CLUSTER__SEED".into(), "a:1".into()));
    let errors = Config::load(None, variables, &Overrides::default()).unwrap_err();
    let line = errors[0].to_string();
    assert!(
        line.starts_with("environment REDDOOR_CLUSTER__SEED: cluster.seed: no such setting"),
        "{line}"
    );
}

#[test]
fn a_password_comes_from_a_file_without_its_line_end() {
    let secret = file("open sesame\n");
    let variables = variables(&[
        ("REDDOOR_CLUSTER__SEEDS", "a:1"),
        ("REDDOOR_CLUSTER__PASSWORD_FILE", secret.path().to_str().unwrap()),
        ("REDDOOR_AUTH__PASSWORD", "hunter2"),
    ]);
    let config = Config::load(None, variables, &Overrides::default()).unwrap();
    assert_eq!(config.cluster.password.as_ref().unwrap().expose(), "open sesame");
    let shown = format!("{config:?} {}", config.to_toml_redacted());
    assert!(!shown.contains("sesame") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_password_given_twice_or_not_readable_is_a_mistake_that_hides_it() {
    let secret = file("open sesame");
    let path = secret.path().to_str().unwrap();
    let text = format!(
        "[cluster]\nseeds = 'a:1'\npassword = 'hunter2'\npassword_file = '{path}'\n\
         [auth]\npassword_file = '/no/such/file'\n"
    );
    let lines = mistakes(&text);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].ends_with("expected nothing, since cluster.password is set too"), "{lines:?}");
    assert!(lines[1].contains("expected a readable file with a password: "), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains("hunter2") && !line.contains("sesame")));
    assert_eq!(mistakes("[cluster]\nseeds='a:1'\npassword = 42\n").len(), 1);
}

#[test]
fn what_is_printed_is_read_back_as_the_same() {
    let sample = samples().join("shared.toml");
    let config = Config::load(Some(&sample), [], &Overrides::default()).unwrap();
    let printed = file(&config.to_toml_redacted());
    let again = Config::load(Some(printed.path()), [], &Overrides::default()).unwrap();
    assert_eq!(again, config);
}

#[test]
fn there_is_always_a_worker() {
    let written: toml::Table = toml::from_str(DEFAULTS).unwrap();
    assert_eq!(written["workers"]["count"].as_integer(), Some(0));
    assert!(Config::default().workers.count >= 1);
}
