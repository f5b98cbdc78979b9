//! Plans: any request gets one, and the parts of a split say what the request said.

use reddoor_protocol::request::{Args, Limits, RequestDecoder};
use reddoor_protocol::slot::Slot;
use reddoor_proxy::fuzz;

/// Plans every request of one client's bytes.
pub fn check(data: &[u8]) {
    let mut decoder = RequestDecoder::default();
    let mut rest = data;
    while let Ok(Some(len)) = decoder.decode(rest, &Limits::default()) {
        let args = decoder.args(rest);
        if !args.is_empty() {
            check_parts(args, &fuzz::plan_parts(args));
        }
        rest = &rest[len..];
    }
}

/// Each part is a request of the same command for its slot; together they carry every argument once.
fn check_parts(args: Args<'_>, parts: &[fuzz::Part]) {
    if parts.is_empty() {
        return;
    }
    assert!(parts.is_sorted_by(|a, b| a.slot < b.slot), "a slot has one part");
    let mut carried = Vec::new();
    for part in parts {
        let mut decoder = RequestDecoder::default();
        let len = decoder.decode(&part.request, &Limits::default());
        assert_eq!(len, Ok(Some(part.request.len())));
        let own = decoder.args(&part.request);
        assert_eq!(own[0], args[0]);
        assert!((1..own.len()).step_by(part.step).all(|key| Slot::of_key(&own[key]) == part.slot));
        carried.extend(own.iter().skip(1).map(<[u8]>::to_vec));
    }
    let mut wanted: Vec<Vec<u8>> = args.iter().skip(1).map(<[u8]>::to_vec).collect();
    carried.sort();
    wanted.sort();
    assert_eq!(carried, wanted);
}
