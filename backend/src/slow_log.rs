//! Commands that took long, the latest first.

use std::collections::VecDeque;

use reddoor_protocol::request::Args;

/// Arguments that are remembered of one command (count). Source: redis `src/slowlog.h`.
const ARGS_MAX: usize = 32;

/// Bytes that are remembered of one argument. Source: redis `src/slowlog.h`.
const ARG_BYTES_MAX: usize = 128;

/// The slow log.
#[derive(Debug, Default)]
pub(crate) struct SlowLog {
    entries: VecDeque<Entry>,
    next_id: u64,
}

/// One slow command.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    /// When it ran, in seconds since 1970.
    pub(crate) at_s: i64,
    pub(crate) took_us: u64,
    pub(crate) args: Vec<Vec<u8>>,
    pub(crate) client_addr: String,
    pub(crate) client_name: Vec<u8>,
}

impl SlowLog {
    /// Remembers a command and forgets the oldest beyond `len_max`.
    pub(crate) fn push(
        &mut self,
        args: Args<'_>,
        took_us: u64,
        at_s: i64,
        client: (&str, &[u8]),
        len_max: usize,
    ) {
        let entry = Entry {
            id: self.next_id,
            at_s,
            took_us,
            args: abbreviated(args),
            client_addr: client.0.to_owned(),
            client_name: client.1.to_vec(),
        };
        self.next_id += 1;
        self.entries.push_front(entry);
        self.entries.truncate(len_max);
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

fn abbreviated(args: Args<'_>) -> Vec<Vec<u8>> {
    let count = args.len().min(ARGS_MAX);
    (0..count)
        .map(|index| {
            if index == ARGS_MAX - 1 && args.len() > ARGS_MAX {
                return format!("... ({} more arguments)", args.len() - ARGS_MAX + 1).into_bytes();
            }
            let arg = args.get(index).unwrap_or_default();
            let Some(rest) = arg.len().checked_sub(ARG_BYTES_MAX + 1) else { return arg.to_vec() };
            let mut short = arg[..ARG_BYTES_MAX].to_vec();
            short.extend_from_slice(format!("... ({} more bytes)", rest + 1).as_bytes());
            short
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_requests_are_abbreviated() {
        let long = [b'x'; 200];
        let mut args: Vec<&[u8]> = vec![b"a"; 40];
        args[1] = &long;
        let short = abbreviated(Args::from_slices(&args));
        assert_eq!(short.len(), 32);
        assert!(short[1].ends_with(b"... (72 more bytes)"));
        assert_eq!(short[31], b"... (9 more arguments)");
    }
}
