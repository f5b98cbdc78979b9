//! `MEMORY DOCTOR`: what stands out in the use of memory, in words.
//!
//! Source: redis `src/object.c` getMemoryDoctorReport, for the thresholds.

use crate::commands::memory_use::MemoryUse;

/// Below this nothing is worth a word (bytes).
const USED_MIN: usize = 5 * 1024 * 1024;

/// How much more the most in use may be than what is in use now, as a factor.
const PEAK_FACTOR: f64 = 1.5;

/// How much more the system may have given than is in use, as a factor.
const FRAGMENTATION_FACTOR: f64 = 1.4;

/// What that may be in bytes whatever the factor is.
const FRAGMENTATION_BYTES: isize = 10 << 20;

/// What a client may take on average (bytes).
const CLIENT_BYTES: usize = 200 * 1024;

/// The report. `clients` is how many there are.
pub(super) fn report(memory: &MemoryUse, clients: usize) -> String {
    if memory.used < USED_MIN {
        return "Hardly any memory is in use, so there is nothing to say about it.\n".to_owned();
    }
    let mut found = Vec::new();
    if memory.peak_percent() < 100.0 / PEAK_FACTOR {
        found.push(
            "Peak: more than half as much again was in use once. The system may have been given back little of it; \
             a restart gives back the rest.",
        );
    }
    if memory.fragmentation() > FRAGMENTATION_FACTOR
        && memory.fragmentation_bytes() > FRAGMENTATION_BYTES
    {
        found.push(
            "Fragmentation: the system has given much more than is in use, in pieces between what is. Values that grow \
             and shrink leave such pieces; a restart, or a failover to a replica, puts an end to them.",
        );
    }
    if memory.clients.checked_div(clients).unwrap_or(0) > CLIENT_BYTES {
        found.push(
            "Clients: they hold much for what they have not read. Look at omem in CLIENT LIST, and limit it with \
             client-output-buffer-limit or maxmemory-clients.",
        );
    }
    if memory.replicas > USED_MIN {
        found.push(
            "Replicas: much waits to be sent to them. They, or the network between, are slower than the writes.",
        );
    }
    if found.is_empty() {
        return "Nothing about the use of memory stands out.\n".to_owned();
    }
    found.iter().map(|line| format!("- {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(used: usize) -> MemoryUse {
        MemoryUse {
            used,
            peak: used,
            at_start: 1 << 20,
            resident: used,
            backlog: 0,
            replicas: 0,
            clients: 0,
            links: 0,
            append: 0,
            scripts: 0,
            functions: 0,
            tables: Vec::new(),
            keys: 0,
        }
    }

    #[test]
    fn each_finding_has_its_line() {
        let whole = memory(100 << 20);
        assert_eq!(report(&whole, 1).lines().count(), 1);
        let all = MemoryUse {
            peak: 200 << 20,
            resident: 150 << 20,
            clients: 1 << 20,
            replicas: 6 << 20,
            ..whole
        };
        let text = report(&all, 1);
        let starts = ["- Peak:", "- Fragmentation:", "- Clients:", "- Replicas:"];
        assert!(text.lines().zip(starts).all(|(line, start)| line.starts_with(start)), "{text}");
        assert_eq!(text.lines().count(), 4);
        assert!(report(&memory(1 << 20), 0).starts_with("Hardly"));
    }
}
