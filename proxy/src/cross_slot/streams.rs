//! `XREAD` over streams in several slots: one `XREAD` for each slot, and the answers laid in the client's order.

use reddoor_protocol::encode::{ReplyWriter, Resp, write_header};
use reddoor_protocol::request::Args;
use reddoor_protocol::slot::Slot;

use super::Ask;
use crate::join::elements;
use crate::key_mapping;

/// Splits the request: for each slot the places of its streams among all, and what its owner is asked.
///
/// `first` is the argument of the first key; `count` keys stand there, and as many ids behind them.
pub(super) fn parts(args: Args<'_>, first: usize, count: usize) -> Vec<(Vec<usize>, Ask)> {
    let mut places: Vec<(Slot, usize)> =
        (0..count).map(|place| (key_mapping::slot_of(&args[first + place]), place)).collect();
    places.sort_unstable();
    let parts = places.chunk_by(|a, b| a.0 == b.0).map(|part| {
        let places: Vec<usize> = part.iter().map(|(_, place)| *place).collect();
        let mut words: Vec<&[u8]> = (0..first).map(|arg| &args[arg]).collect();
        words.extend(places.iter().map(|place| &args[first + place]));
        words.extend(places.iter().map(|place| &args[first + count + place]));
        // Each node refuses what is one too many.
        words.extend((first + 2 * count..args.len()).map(|arg| &args[arg]));
        (places, Ask::new(part[0].0, &words))
    });
    parts.collect()
}

/// Joins the answers: the streams that have something new, in the order in which the client named them.
///
/// `None` when an answer has not the shape of one. Costs O(bytes + streams × log streams).
pub(super) fn join(args: Args<'_>, parts: &[(&[usize], &[u8])], resp: Resp) -> Option<Vec<u8>> {
    let count: usize = parts.iter().map(|(places, _)| places.len()).sum();
    let first = args.len().checked_sub(2 * count)?;
    let mut found: Vec<(usize, Vec<&[u8]>)> = Vec::new();
    for (places, answer) in parts {
        if elements::is_null(answer) {
            continue;
        }
        // A node leaves out what has nothing new, and keeps the order.
        let mut places = places.iter();
        for stream in streams_of(answer, resp)? {
            let name = elements::bulk_text(stream.first()?)?;
            let place = places.find(|place| &args[first + **place] == name)?;
            found.push((*place, stream));
        }
    }
    found.sort_unstable_by_key(|(place, _)| *place);
    let mut out = Vec::new();
    if found.is_empty() {
        ReplyWriter::new(&mut out, resp).null_array();
        return Some(out);
    }
    write_header(&mut out, if resp == Resp::V3 { b'%' } else { b'*' }, found.len());
    for (_, stream) in &found {
        if resp == Resp::V2 {
            write_header(&mut out, b'*', stream.len());
        }
        stream.iter().for_each(|element| out.extend_from_slice(element));
    }
    Some(out)
}

/// Name and entries of each stream in an answer: pairs in RESP2, a map in RESP3.
fn streams_of(answer: &[u8], resp: Resp) -> Option<Vec<Vec<&[u8]>>> {
    let elements = elements::of(answer)?;
    if resp == Resp::V3 {
        return Some(elements.chunks(2).map(<[&[u8]]>::to_vec).collect());
    }
    elements.into_iter().map(elements::of).collect()
}
