//! The dashboard and the alert rules against what a front door really exposes: every metric, label and closed label
//! value they name exists, and promtool finds nothing wrong with the queries, the rules and the exposition itself.

#![allow(clippy::unwrap_used, reason = "what fails in a helper fails its test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use reddoor_protocol::command::CommandId;
use reddoor_proxy::metrics::Metrics;
use reddoor_proxy::metrics::label::Outcome;
use serde_json::Value;

/// Labels that Prometheus adds to every series of a scrape.
const SCRAPE_LABELS: [&str; 2] = ["job", "instance"];

/// A front door's exposition in which everything that appears on use has been used.
fn exposition() -> String {
    let metrics = Metrics::new(1);
    let worker = &metrics.workers()[0];
    worker.command_done(Some(CommandId::of("get")), Outcome::Ok, Duration::from_micros(70));
    worker.node("127.0.0.1:7000").link_connected();
    metrics.exposition().unwrap()
}

/// Labels and their values by the name of the series, `_bucket`, `_sum` and `_count` included.
type Series = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

fn series(exposition: &str) -> Series {
    let mut series = Series::new();
    for line in exposition.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
        let labels = series.entry(name.to_owned()).or_default();
        let Some(inside) = rest.strip_prefix('{') else { continue };
        for pair in inside.split_once('}').unwrap().0.split(',') {
            let (label, value) = pair.split_once('=').unwrap();
            labels.entry(label.to_owned()).or_default().insert(value.trim_matches('"').to_owned());
        }
    }
    series
}

/// One use of a metric in a query: its name and what stands in braces behind it.
#[derive(Debug)]
struct Selector {
    metric: String,
    matchers: String,
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The uses of metrics of the front door and its process in a query.
fn selectors(query: &str) -> Vec<Selector> {
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(start) = rest.find(is_name) {
        rest = &rest[start..];
        let (word, behind) = rest.split_at(rest.find(|c| !is_name(c)).unwrap_or(rest.len()));
        rest = behind;
        if word.starts_with("reddoor_") || word.starts_with("process_") {
            let matchers = behind.strip_prefix('{').and_then(|inside| inside.split_once('}'));
            let matchers = matchers.map_or("", |(matchers, _)| matchers).to_owned();
            found.push(Selector { metric: word.to_owned(), matchers });
        }
        // Label values may look like names of metrics.
        rest = rest.strip_prefix('{').and_then(|i| i.split_once('}')).map_or(rest, |(_, r)| r);
    }
    found
}

/// What is wrong with a use of a metric, if anything.
fn mistakes(selector: &Selector, series: &Series) -> Vec<String> {
    let Some(labels) = series.get(&selector.metric) else {
        return vec![format!("no metric {}", selector.metric)];
    };
    let mut mistakes = Vec::new();
    for matcher in selector.matchers.split(',').filter(|matcher| !matcher.trim().is_empty()) {
        let (label, wanted) = matcher.trim().split_once(['=', '!']).unwrap();
        if SCRAPE_LABELS.contains(&label) {
            continue;
        }
        let Some(values) = labels.get(label) else {
            mistakes.push(format!("no label {label} at {}", selector.metric));
            continue;
        };
        for value in wanted.trim_start_matches(['=', '~']).trim_matches('"').split('|') {
            if !value.starts_with('$') && !values.contains(value) && label != "family" {
                mistakes.push(format!("no {label} {value} at {}", selector.metric));
            }
        }
    }
    mistakes
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards")
}

fn read(path: &str) -> String {
    fs::read_to_string(folder().join(path)).unwrap()
}

fn dashboard() -> Value {
    serde_json::from_str(&read("grafana/reddoor.json")).unwrap()
}

/// Every query of the dashboard's panels, annotations and variables.
fn dashboard_queries() -> Vec<String> {
    fn collect(value: &Value, queries: &mut Vec<String>) {
        // The depth is that of a file of ours.
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match (name.as_str(), value) {
                        ("expr" | "definition", Value::String(query)) => {
                            queries.push(query.clone())
                        }
                        _ => collect(value, queries),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, queries)),
            _ => {}
        }
    }
    let mut queries = Vec::new();
    collect(&dashboard(), &mut queries);
    queries
}

/// Runs promtool with `input`; `None`: there is none, which is an error in CI only.
fn promtool(args: &[&str], folder: &Path, input: &str) -> Option<Result<(), String>> {
    let spawned = Command::new("promtool")
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "promtool is needed in CI: {error}");
            eprintln!(
                "NOT CHECKED: promtool cannot be run ({error}); Debian has it in the package prometheus"
            );
            return None;
        }
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    Some(if output.status.success() { Ok(()) } else { Err(said.concat()) })
}

fn assert_promtool(args: &[&str], folder: &Path, input: &str) {
    if let Some(Err(said)) = promtool(args, folder, input) {
        panic!("promtool {}: {said}", args.join(" "));
    }
}

#[test]
fn every_metric_of_the_dashboard_exists() {
    let series = series(&exposition());
    let queries = dashboard_queries();
    assert!(queries.len() > 30, "only {} queries found", queries.len());
    for query in queries {
        let selectors = selectors(&query);
        assert!(!selectors.is_empty(), "no metric in {query}");
        for selector in selectors {
            assert_eq!(mistakes(&selector, &series), Vec::<String>::new(), "in {query}");
        }
    }
}

#[test]
fn every_metric_of_the_alert_rules_exists() {
    let series = series(&exposition());
    // Texts for people name metrics, too, and shall be right as well.
    let selectors = selectors(&read("prometheus/alerts.yml"));
    assert!(selectors.len() > 20, "only {} metrics found", selectors.len());
    for selector in selectors {
        let plain = Selector { metric: selector.metric.clone(), ..selector };
        assert_eq!(mistakes(&plain, &series), Vec::<String>::new());
    }
}

#[test]
fn every_metric_is_on_the_dashboard_or_in_a_rule() {
    let shown = dashboard_queries().concat() + &read("prometheus/alerts.yml");
    let exposition = exposition();
    let names = exposition.lines().filter_map(|line| line.strip_prefix("# TYPE reddoor_"));
    for name in names.filter_map(|line| line.split(' ').next()) {
        assert!(shown.contains(&format!("reddoor_{name}")), "reddoor_{name} is shown nowhere");
    }
}

#[test]
fn a_metric_or_label_that_does_not_exist_is_found() {
    let series = series(&exposition());
    let found = |query: &str| -> Vec<String> {
        selectors(query).iter().flat_map(|selector| mistakes(selector, &series)).collect()
    };
    assert_eq!(
        found("sum(rate(reddoor_clients_gone_total[5m]))"),
        ["no metric reddoor_clients_gone_total"]
    );
    assert_eq!(found("reddoor_clients{colour=\"red\"}"), ["no label colour at reddoor_clients"]);
    let query = "reddoor_redirects_total{job=\"x\",kind=~\"moved|lost\"} / reddoor_commands_total{result!=\"okay\"}";
    let expected =
        ["no kind lost at reddoor_redirects_total", "no result okay at reddoor_commands_total"];
    assert_eq!(found(query), expected);
    let query = "reddoor_command_duration_seconds_bucket{le=\"+Inf\",family=~\"$family\"}";
    assert_eq!(found(query), [""; 0]);
}

#[test]
fn the_dashboard_can_be_provisioned_anywhere() {
    let dashboard = dashboard();
    assert!(dashboard["id"].is_null());
    assert_eq!(dashboard["uid"], "reddoor-front-door");
    assert!(dashboard.get("__inputs").is_none());
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<i64> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "two panels share an id");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
        assert!(panel["description"].as_str().is_some_and(|text| !text.is_empty()));
    }
}

#[test]
fn every_alert_says_what_it_means_and_what_to_do() {
    let rules = read("prometheus/alerts.yml");
    for rule in rules.split("- alert: ").skip(1) {
        for part in ["severity: ", "summary: ", "description: ", "runbook: "] {
            assert!(rule.contains(part), "no {part}in {rule}");
        }
    }
}

#[test]
fn promtool_accepts_the_exposition() {
    assert_promtool(&["check", "metrics"], &folder(), &exposition());
}

#[test]
fn promtool_accepts_the_rules_and_they_do_what_they_promise() {
    let folder = folder().join("prometheus");
    assert_promtool(&["check", "rules", "alerts.yml"], &folder, "");
    assert_promtool(&["test", "rules", "alerts_test.yml"], &folder, "");
    assert_promtool(&["check", "config", "scrape.yml"], &folder, "");
}

#[test]
fn promtool_can_parse_every_query_of_the_dashboard() {
    let mut rules = String::from("groups:\n  - name: dashboard\n    rules:\n");
    let queries = dashboard_queries();
    let of_panels = queries.iter().filter(|query| !query.starts_with("label_values("));
    for (index, query) in of_panels.enumerate() {
        let query = query.replace("$__rate_interval", "5m").replace('\'', "''");
        rules.push_str(&format!("      - record: query:{index}\n        expr: '{query}'\n"));
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), rules).unwrap();
    assert_promtool(&["check", "rules", file.path().to_str().unwrap()], &folder(), "");
}
