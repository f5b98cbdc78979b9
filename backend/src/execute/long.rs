//! What is remembered of a command that took long: an entry of the slow log, a sample of the latency monitor.

use std::time::Duration;

use reddoor_protocol::command::flags::CommandFlags;
use reddoor_protocol::request::Args;

use super::{Call, Origin};
use crate::redact;

/// Remembers a command as far as the settings take it for long.
#[cold]
pub(super) fn note_long(call: &mut Call<'_>, took: Duration) {
    note_if_slow(call, took);
    let event = match call.origin {
        Origin::ReadyKey(_) => "command-unblocking",
        _ if call.spec.flags.contains(CommandFlags::FAST) => "fast-command",
        _ => "command",
    };
    call.node.note_latency(event, took);
}

fn note_if_slow(call: &mut Call<'_>, took: Duration) {
    let settings = call.node.config.settings();
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let Ok(threshold_us) = u64::try_from(settings.slow_log_slower_than_us) else { return };
    if took_us < threshold_us || call.spec.flags.contains(CommandFlags::SKIP_SLOWLOG) {
        return;
    }
    let client = (&*call.client.addr, call.client.name.as_slice());
    let len_max = settings.slow_log_len_max;
    let args = redact::shown(call.spec, call.args);
    call.node.slow_log.push(Args::from_slices(&args), took_us, call.now_ms / 1000, client, len_max);
}
