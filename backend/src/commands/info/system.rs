//! What the system says about itself and this process, and sizes written for people.

use std::fs;

/// A size for people, as a Redis writes it: `1.50M`.
pub(super) fn human(bytes: usize) -> String {
    const UNITS: [&str; 5] = ["K", "M", "G", "T", "P"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    #[expect(clippy::cast_precision_loss, reason = "two digits for people")]
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.2}{}", UNITS[unit])
}

pub(super) fn total_memory_bytes() -> usize {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = info.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = field.and_then(|field| field.split_ascii_whitespace().next()?.parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}

/// Time that was spent computing, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct CpuTimes {
    pub(super) user: f64,
    pub(super) system: f64,
    /// Of children that have ended.
    pub(super) user_of_children: f64,
    pub(super) system_of_children: f64,
}

/// The times of a process or a thread, of which the system tells in this file; zeros where it does not.
pub(super) fn cpu_times(file: &str) -> CpuTimes {
    /// What the kernel counts these fields in, whatever its own tick is: 100 per second.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(file).unwrap_or_default();
    // The second field is a name in brackets that may hold anything; user time is the 12th behind it.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut times = fields
        .split_ascii_whitespace()
        .skip(11)
        .map(|field| field.parse::<u32>().map_or(0.0, |ticks| f64::from(ticks) / TICKS_PER_SECOND));
    let mut next = || times.next().unwrap_or(0.0);
    let (user, system) = (next(), next());
    CpuTimes { user, system, user_of_children: next(), system_of_children: next() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_for_people() {
        assert_eq!(human(1023), "1023B");
        assert_eq!(human(990_448), "967.23K");
        assert_eq!(human(25_276_514_304), "23.54G");
    }

    #[test]
    fn the_system_tells_memory_and_time() {
        assert!(total_memory_bytes() > 0);
        assert!(cpu_times("/proc/self/stat").user >= 0.0);
    }
}
