//! Geo: members of sorted sets whose scores are places.

mod order;

mod request;

mod search;

use reddoor_protocol::encode::{ReplyWriter, Resp};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use crate::commands::argument::{float, is, sorted_set_of};
use crate::commands::sorted_sets::add_from;
use crate::data::geo::Place;
use crate::data::sorted_set::SortedSet;
use crate::execute::{Call, Handler};

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("geoadd", geoadd),
    ("geopos", geopos),
    ("geodist", geodist),
    ("geohash", geohash),
    ("geosearch", search::geosearch),
    ("geosearchstore", search::geosearchstore),
    ("georadius", search::georadius),
    ("georadius_ro", search::georadius_ro),
    ("georadiusbymember", search::georadiusbymember),
    ("georadiusbymember_ro", search::georadiusbymember_ro),
];

/// Reads longitude and latitude.
fn place(longitude: &[u8], latitude: &[u8]) -> Result<Place, ReplyError> {
    let place = Place { longitude: float(longitude)?, latitude: float(latitude)? };
    if !place.is_valid() {
        let Place { longitude, latitude } = place;
        return Err(ReplyError::new(format!(
            "ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"
        )));
    }
    Ok(place)
}

/// Reads a unit of length: how many meters it is.
fn unit(arg: &[u8]) -> Result<f64, ReplyError> {
    let units = [("M", 1.0), ("KM", 1000.0), ("FT", 0.3048), ("MI", 1609.34)];
    let found = units.into_iter().find(|(name, _)| is(arg, name)).map(|(_, meters)| meters);
    found.ok_or(ReplyError::new("ERR unsupported unit provided. please use M, KM, FT, MI"))
}

/// Writes longitude and latitude.
fn write_place(reply: &mut ReplyWriter<'_>, place: Place) {
    reply.array(2);
    write_coordinate(reply, place.longitude);
    write_coordinate(reply, place.latitude);
}

/// Writes degrees with at most 17 digits behind the point.
fn write_coordinate(reply: &mut ReplyWriter<'_>, degrees: f64) {
    let text = format!("{degrees:.17}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let text = if text == "-0" { "0" } else { text };
    match reply.resp() {
        Resp::V2 => reply.bulk(text.as_bytes()),
        Resp::V3 => reply.raw(format!(",{text}\r\n").as_bytes()),
    }
}

/// Writes a distance with four digits behind the point.
fn write_distance(reply: &mut ReplyWriter<'_>, distance: f64) {
    reply.bulk(format!("{distance:.4}").as_bytes());
}

/// `GEOADD` is `ZADD` with places for scores.
fn geoadd(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let args = call.args;
    let is_option = |word: &&[u8]| ["NX", "XX", "CH"].iter().any(|option| is(word, option));
    let options = args.iter().skip(2).take_while(is_option).count();
    let has = |option| args.iter().skip(2).take(options).any(|word| is(word, option));
    let given: Vec<&[u8]> = args.iter().skip(2 + options).collect();
    if !given.len().is_multiple_of(3) || has("NX") && has("XX") {
        return Err(ReplyError::SYNTAX);
    }
    let mut scores = Vec::with_capacity(given.len() / 3);
    for member in given.chunks_exact(3) {
        scores.push(place(member[0], member[1])?.to_bits().to_string());
    }
    let mut words: Vec<&[u8]> = args.iter().take(2 + options).collect();
    for (score, member) in scores.iter().zip(given.chunks_exact(3)) {
        words.extend([score.as_bytes(), member[2]]);
    }
    let changes = call.node.changes;
    let added = add_from(call, Args::from_slices(&words), false);
    if call.node.changes != changes {
        words[0] = b"zadd";
        call.propagate_as(&words);
    }
    added
}

fn geopos(call: &mut Call<'_>) -> Result<(), ReplyError> {
    for_each_place(call, |reply, place| match place {
        Some(place) => write_place(reply, place),
        None => reply.null_array(),
    })
}

fn geohash(call: &mut Call<'_>) -> Result<(), ReplyError> {
    for_each_place(call, |reply, place| match place {
        Some(place) => reply.bulk(&place.to_letters()),
        None => reply.null(),
    })
}

/// Answers with one element for each member that is named.
fn for_each_place(
    call: &mut Call<'_>,
    write: impl Fn(&mut ReplyWriter<'_>, Option<Place>),
) -> Result<(), ReplyError> {
    let args = call.args;
    let set = call.node.read(call.at(), call.arg(1)).map(sorted_set_of).transpose()?;
    call.reply.array(args.len() - 2);
    for name in args.iter().skip(2) {
        write(&mut call.reply, set.as_ref().and_then(|set| place_of(set, name)));
    }
    Ok(())
}

/// The place of a member.
fn place_of(set: &SortedSet, name: &[u8]) -> Option<Place> {
    set.score(name).map(Place::from_score)
}

fn geodist(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let unit = match call.args.len() {
        4 => 1.0,
        5 => unit(call.arg(4))?,
        _ => return Err(ReplyError::SYNTAX),
    };
    let (from, to) = (call.arg(2), call.arg(3));
    let set = call.node.read(call.at(), call.arg(1)).map(sorted_set_of).transpose()?;
    let places = set.and_then(|set| place_of(set, from).zip(place_of(set, to)));
    match places {
        Some((from, to)) => write_distance(&mut call.reply, from.distance(to) / unit),
        None => call.reply.null(),
    }
    Ok(())
}
