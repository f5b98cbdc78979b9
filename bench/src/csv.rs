//! Reads what `redis-benchmark --csv` prints.
//!
//! In: a header row and one row per command, every field in quotes. Columns are found by their
//! header names, so a version that adds one is read as well.

use anyhow::{Context, Result, bail};

/// The figures of one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figures {
    /// Operations per second.
    pub(crate) ops_per_second: f64,
    /// Median latency, milliseconds.
    pub(crate) p50_ms: f64,
    /// Latency that 99 % of the requests stay under, milliseconds.
    pub(crate) p99_ms: f64,
}

/// Takes the figures of the first command.
///
/// # Errors
/// No header, no row after it, a missing column, or a field that is no number.
pub(crate) fn parse(text: &str) -> Result<Figures> {
    // Warnings go to the same stream in some versions; the table starts at its header.
    let mut lines = text.lines().skip_while(|line| !line.starts_with("\"test\""));
    let header = fields(lines.next().context("no CSV header")?);
    let row = fields(lines.next().context("no CSV row after the header")?);
    if header.len() != row.len() {
        bail!("a CSV row of {} fields under {} headers", row.len(), header.len());
    }
    let number = |name: &str| -> Result<f64> {
        let index =
            header.iter().position(|h| h == name).with_context(|| format!("no column {name}"))?;
        row[index].parse().with_context(|| format!("column {name} is {:?}", row[index]))
    };
    Ok(Figures {
        ops_per_second: number("rps")?,
        p50_ms: number("p50_latency_ms")?,
        p99_ms: number("p99_latency_ms")?,
    })
}

/// Cuts one line of quoted fields. The fields redis-benchmark writes hold no quotes of their own.
fn fields(line: &str) -> Vec<String> {
    line.trim().trim_matches('"').split("\",\"").map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#""test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms""#;

    #[test]
    fn throughput_and_latencies_are_found_by_header() {
        let text = format!(
            "{HEADER}\n\"GET key:__rand_int__\",\"142857.14\",\"0.197\",\"0.056\",\"0.191\",\"0.295\",\"0.391\",\"1.279\"\n"
        );
        let expect = Figures { ops_per_second: 142_857.14, p50_ms: 0.191, p99_ms: 0.391 };
        assert_eq!(parse(&text).unwrap(), expect);
    }

    #[test]
    fn warnings_before_the_table_and_commas_in_the_command_do_no_harm() {
        let text = format!(
            "WARNING: Could not fetch server CONFIG\n{HEADER}\n\"SET a,b 1\",\"10.00\",\"1\",\"1\",\"2.000\",\"1\",\"3.000\",\"1\"\n"
        );
        let expect = Figures { ops_per_second: 10.0, p50_ms: 2.0, p99_ms: 3.0 };
        assert_eq!(parse(&text).unwrap(), expect);
    }

    #[test]
    fn a_table_without_a_row_is_an_error() {
        assert!(parse("").is_err());
        assert!(parse(HEADER).is_err());
        assert!(parse(&format!("{HEADER}\n\"GET\",\"1\"\n")).is_err());
        assert!(
            parse(&format!("{HEADER}\n\"GET\",\"x\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\"")).is_err()
        );
    }
}
