//! One section of `INFO`, added over the nodes.
//!
//! Integers and seconds are added; of ratios the greatest counts; sizes for people are made anew from their sums;
//! texts stand where all nodes say the same, or for the one that says other than `ok`. A value of several fields
//! (`keys=1,expires=0`) is added field by field.

use std::fmt::Write;

/// Ends of names whose values are ratios, or the most of something.
const GREATEST: [&str; 14] = [
    "_ratio",
    "_perc",
    "_peak",
    "_per_sec",
    "_usec",
    "_in_progress",
    "_scheduled",
    "_enabled",
    "_time_sec",
    "_saves",
    "current_save_keys_total",
    // Scripts and functions are loaded on every primary.
    "number_of_cached_scripts",
    "number_of_functions",
    "number_of_libraries",
];

/// Ends of names of moments, of which the one that all nodes have reached counts.
const LEAST: [&str; 1] = ["_save_time"];

/// Appends the fields of a section as the sums of what these nodes say, apart from those that stand there already.
pub(super) fn write(text: &mut String, section: &str, nodes: &[&str], taken: &[&str]) {
    let nodes: Vec<Vec<(&str, &str)>> = nodes.iter().map(|node| fields(node, section)).collect();
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in nodes.iter().flatten() {
        if !names.contains(name) && !taken.contains(name) {
            names.push(name);
        }
    }
    for name in names {
        let name_of_sum = name.strip_suffix("_human").unwrap_or(name);
        let values = nodes.iter().filter_map(|fields| value(fields, name_of_sum));
        let Some(sum) = sum(name, &values.collect::<Vec<_>>()) else { continue };
        // Writing to a String cannot fail.
        let _ = write!(text, "{name}:{sum}\r\n");
    }
}

/// The fields of a section in one node's text.
fn fields<'a>(text: &'a str, section: &str) -> Vec<(&'a str, &'a str)> {
    let is_heading = |line: &&str| {
        line.strip_prefix("# ").is_some_and(|name| name.eq_ignore_ascii_case(section))
    };
    text.lines()
        .skip_while(|line| !is_heading(line))
        .skip(1)
        .take_while(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(':'))
        .collect()
}

fn value<'a>(fields: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
}

fn sum(name: &str, values: &[&str]) -> Option<String> {
    let first = *values.first()?;
    if first.contains('=') {
        return Some(sum_parts(name, values));
    }
    let is_greatest = GREATEST.iter().any(|end| name.ends_with(end));
    let is_least = LEAST.iter().any(|end| name.ends_with(end));
    if let Some(numbers) = parse_all::<i64>(values) {
        let sum = || numbers.iter().fold(0_i64, |sum, number| sum.saturating_add(*number));
        let number = match (is_greatest, is_least) {
            (true, _) => numbers.iter().copied().max()?,
            (_, true) => numbers.iter().copied().min()?,
            _ => sum(),
        };
        return Some(if name.ends_with("_human") { human(number) } else { number.to_string() });
    }
    if let Some(numbers) = parse_all::<f64>(values) {
        let greatest = numbers.iter().copied().fold(f64::MIN, f64::max);
        let is_seconds = name.starts_with("used_cpu_");
        let number = if is_seconds { numbers.iter().sum() } else { greatest };
        return Some(if is_seconds { format!("{number:.6}") } else { format!("{number:.2}") });
    }
    if name.ends_with("_perc") {
        return values.iter().max_by_key(|value| percent(value)).map(|value| (*value).to_owned());
    }
    if name.ends_with("_status") {
        return values
            .iter()
            .find(|value| **value != "ok")
            .or(Some(&first))
            .map(|v| (*v).to_owned());
    }
    values.iter().all(|value| *value == first).then(|| first.to_owned())
}

fn parse_all<T: std::str::FromStr>(values: &[&str]) -> Option<Vec<T>> {
    values.iter().map(|value| value.parse().ok()).collect()
}

/// Hundredths of a percent, to compare by.
fn percent(value: &str) -> i64 {
    value.trim_end_matches('%').replace('.', "").parse().unwrap_or(0)
}

/// Adds `a=1,b=2` field by field; an average is weighed by what it is an average of, and of percentiles the greatest
/// counts.
fn sum_parts(name: &str, values: &[&str]) -> String {
    if name.starts_with("latency_percentiles_") {
        return greatest_parts(values);
    }
    let mut sums: Vec<(&str, f64)> = Vec::new();
    for value in values {
        let parts: Vec<(&str, f64)> = value
            .split(',')
            .filter_map(|part| part.split_once('='))
            .filter_map(|(name, number)| Some((name, number.parse().ok()?)))
            .collect();
        let of = |name: &str| parts.iter().find(|(other, _)| *other == name).map_or(0.0, |p| p.1);
        for (name, number) in &parts {
            let weighed = number * weight_of(name).map_or(1.0, of);
            match sums.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum += weighed,
                None => sums.push((name, weighed)),
            }
        }
    }
    let of = |name: &str| sums.iter().find(|(other, _)| *other == name).map_or(0.0, |sum| sum.1);
    let parts = sums.iter().map(|(name, sum)| match weight_of(name) {
        None => format!("{name}={sum}"),
        Some(weight) if of(weight) == 0.0 => format!("{name}=0"),
        Some(weight) if *name == "avg_ttl" => format!("{name}={:.0}", sum / of(weight)),
        Some(weight) => format!("{name}={:.2}", sum / of(weight)),
    });
    parts.collect::<Vec<_>>().join(",")
}

/// Of `p50=1.003,p99=2.007` the greatest of each field, as it came.
fn greatest_parts(values: &[&str]) -> String {
    let mut greatest: Vec<(&str, &str)> = Vec::new();
    let number = |text: &str| text.parse::<f64>().unwrap_or(0.0);
    for (name, text) in values.iter().flat_map(|v| v.split(',')).filter_map(|p| p.split_once('=')) {
        match greatest.iter_mut().find(|(known, _)| *known == name) {
            Some((_, most)) if number(text) > number(most) => *most = text,
            Some(_) => {}
            None => greatest.push((name, text)),
        }
    }
    let parts = greatest.iter().map(|(name, text)| format!("{name}={text}"));
    parts.collect::<Vec<_>>().join(",")
}

/// What an average is an average of.
fn weight_of(name: &str) -> Option<&'static str> {
    match name {
        "avg_ttl" => Some("expires"),
        "usec_per_call" => Some("calls"),
        _ => None,
    }
}

/// A size as Redis shows it to people.
fn human(bytes: i64) -> String {
    const UNITS: [(&str, i64); 4] =
        [("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)];
    match UNITS.iter().find(|(_, size)| bytes >= *size) {
        #[expect(clippy::cast_precision_loss, reason = "two digits behind the point are shown")]
        Some((unit, size)) => format!("{:.2}{unit}", bytes as f64 / *size as f64),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(section: &str, nodes: &[&str], expect: &str) {
        let mut text = String::new();
        write(&mut text, section, nodes, &["own"]);
        assert_eq!(text.replace("\r\n", " ").trim_end(), expect);
    }

    #[test]
    fn keys_are_added_and_averages_weighed() {
        check(
            "Keyspace",
            &[
                "# Keyspace\r\ndb0:keys=3,expires=1,avg_ttl=100\r\n",
                "# Keyspace\r\n",
                "# Keyspace\r\ndb0:keys=4,expires=3,avg_ttl=500\r\n",
            ],
            "db0:keys=7,expires=4,avg_ttl=400",
        );
        check(
            "Commandstats",
            &[
                "# Commandstats\r\ncmdstat_get:calls=1,usec=4,usec_per_call=4.00\r\n",
                "# Commandstats\r\ncmdstat_get:calls=3,usec=4,usec_per_call=1.33\r\n",
            ],
            "cmdstat_get:calls=4,usec=8,usec_per_call=2.00",
        );
    }

    #[test]
    fn each_kind_of_value_is_joined_in_its_way() {
        check(
            "Memory",
            &[
                "# Memory\r\nused_memory:1024\r\nused_memory_human:1.00K\r\nown:1\r\nfragmentation_ratio:1.50\r\n\
                 policy:noeviction\r\nrole:x\r\n\r\n# Other\r\nused_memory:9\r\n",
                "# Memory\r\nused_memory:512\r\nused_memory_human:512B\r\nown:1\r\nfragmentation_ratio:1.20\r\n\
                 policy:noeviction\r\nrole:y\r\n",
            ],
            "used_memory:1536 used_memory_human:1.50K fragmentation_ratio:1.50 policy:noeviction",
        );
        check("CPU", &["# CPU\r\nused_cpu_sys:0.5\r\n"; 2], "used_cpu_sys:1.000000");
    }
}
