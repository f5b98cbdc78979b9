//! What the figures were taken on.

use std::{fs, thread};

/// Facts a reader needs to compare figures with others.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    /// Processors this program may use.
    pub(crate) cores_count: usize,
    pub(crate) memory_mb: u64,
    pub(crate) kernel: String,
    /// Runnable processes over the last minute, before this program began.
    pub(crate) load_average: String,
}

impl Machine {
    /// Reads them from /proc; what is not there is "unknown" or zero.
    pub(crate) fn read() -> Self {
        let line = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self {
            processor: field(&line("/proc/cpuinfo"), "model name"),
            cores_count: thread::available_parallelism().map_or(0, usize::from),
            memory_mb: field(&line("/proc/meminfo"), "MemTotal")
                .trim_end_matches(" kB")
                .parse::<u64>()
                .map_or(0, |kibibytes| kibibytes * 1024 / 1_000_000),
            kernel: line("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_average: line("/proc/loadavg").split(' ').next().unwrap_or("").to_owned(),
        }
    }
}

/// The value of the first line `name : value`.
fn field(text: &str, name: &str) -> String {
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    });
    value.unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_name() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nmodel name\t: other\n";
        assert_eq!(field(text, "model name"), "Some CPU @ 3 GHz");
        assert_eq!(field(text, "model"), "unknown");
    }
}
