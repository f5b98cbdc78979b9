//! `LATENCY`: what held the node up, and how long commands take.

mod doctor;

mod graph;

use reddoor_protocol::command::{self, CommandId, lookup_full};
use reddoor_protocol::reply_error::ReplyError;

use crate::clock;
use crate::execute::Call;
use crate::latency::Event;

pub(super) fn latest(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let events = call.node.latency.events();
    call.reply.array(events.len());
    for event in events {
        let last = event.samples.back().expect("an event has samples");
        call.reply.array(4);
        call.reply.bulk(event.name.as_bytes());
        call.reply.integer(last.at_s);
        call.reply.integer(number(last.took_ms));
        call.reply.integer(number(event.longest_ms));
    }
    Ok(())
}

pub(super) fn history(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let event = call.node.latency.event(call.arg(2));
    let samples = event.into_iter().flat_map(|event| &event.samples);
    call.reply.array(samples.clone().count());
    for sample in samples {
        call.reply.array(2);
        call.reply.integer(sample.at_s);
        call.reply.integer(number(sample.took_ms));
    }
    Ok(())
}

pub(super) fn reset(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let names: Vec<&[u8]> = call.args.iter().skip(2).collect();
    let is_named = |event: &Event| names.is_empty() || names.contains(&event.name.as_bytes());
    let count = call.node.latency.forget(is_named);
    call.reply.integer(number(count as u64));
    Ok(())
}

pub(super) fn graph(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let name = call.arg(2);
    let event = call.node.latency.event(name).ok_or_else(|| {
        let name = String::from_utf8_lossy(name);
        ReplyError::new(format!("ERR No samples available for event '{name}'"))
    })?;
    let text = graph::drawn(event, clock::unix_ms() / 1000);
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

pub(super) fn doctor(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let settings = call.node.config.settings();
    let text = doctor::report(call.node.latency.events(), settings, clock::unix_ms() / 1000);
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// `LATENCY HISTOGRAM [command …]`: a container stands for its subcommands, too.
pub(super) fn histogram(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let stats = &call.node.stats;
    let ids: Vec<CommandId> = if call.args.len() == 2 {
        command::all().iter().map(|spec| spec.id()).collect()
    } else {
        let named = call.args.iter().skip(2).filter_map(lookup_full);
        named
            .flat_map(|spec| [spec].into_iter().chain(spec.subcommands()))
            .map(|s| s.id())
            .collect()
    };
    let found = || ids.iter().filter_map(|id| Some((id, stats.histogram(*id)?)));
    call.reply.map(found().count());
    for (id, histogram) in found() {
        let bounds = histogram.doublings();
        call.reply.bulk(command::spec(*id).name.as_bytes());
        call.reply.map(2);
        call.reply.bulk(b"calls");
        call.reply.integer(number(histogram.calls()));
        call.reply.bulk(b"histogram_usec");
        call.reply.map(bounds.len());
        for (us, calls) in bounds {
            call.reply.integer(number(us));
            call.reply.integer(number(calls));
        }
    }
    Ok(())
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
