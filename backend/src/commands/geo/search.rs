//! Members near a place, sent or stored.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::sorted_set_of;
use crate::commands::geo::order::sort_first;
use crate::commands::geo::request::{Form, Order, Request};
use crate::commands::geo::{write_distance, write_place};
use crate::commands::results::Answered;
use crate::commands::sorted_sets::store;
use crate::data::geo::Place;
use crate::data::geo::area::Area;
use crate::data::sorted_set::range::{ScoreBound, ScoreRange};
use crate::data::sorted_set::{Direction, SortedSet};
use crate::execute::Call;

pub(super) fn geosearch(call: &mut Call<'_>) -> Result<(), ReplyError> {
    search(call, Form::Search)
}

pub(super) fn geosearchstore(call: &mut Call<'_>) -> Result<(), ReplyError> {
    search(call, Form::SearchAndStore)
}

pub(super) fn georadius(call: &mut Call<'_>) -> Result<(), ReplyError> {
    search(call, Form::AroundPlace { may_store: true })
}

pub(super) fn georadius_ro(call: &mut Call<'_>) -> Result<(), ReplyError> {
    search(call, Form::AroundPlace { may_store: false })
}

pub(super) fn georadiusbymember(call: &mut Call<'_>) -> Result<(), ReplyError> {
    search(call, Form::AroundMember { may_store: true })
}

pub(super) fn georadiusbymember_ro(call: &mut Call<'_>) -> Result<(), ReplyError> {
    search(call, Form::AroundMember { may_store: false })
}

/// A member that was found.
#[derive(Clone, Debug)]
struct Found {
    name: Vec<u8>,
    score: f64,
    place: Place,
    /// From the center, in meters.
    distance: f64,
}

fn search(call: &mut Call<'_>, form: Form) -> Result<(), ReplyError> {
    let source = call.arg(form.source());
    if let Some(record) = call.node.read(call.at(), source) {
        sorted_set_of(record)?;
    }
    let record = call.node.databases[call.client.db].record(source);
    let set = record.and_then(|record| record.value.as_sorted_set());
    let request = Request::parse(call, form, set)?;
    let mut found = match set.zip(request.area) {
        Some((set, area)) => find(set, &area, request.count.filter(|_| request.is_any)),
        None => Vec::new(),
    };
    let count = request.count.map_or(found.len(), |count| count.min(found.len()));
    match request.order {
        Some(Order::NearestFirst) => {
            sort_first(&mut found, count, |a, b| a.distance.partial_cmp(&b.distance));
        }
        Some(Order::FarthestFirst) => {
            sort_first(&mut found, count, |a, b| b.distance.partial_cmp(&a.distance));
        }
        None => {}
    }
    found.truncate(count);
    let unit = request.area.map_or(1.0, |area| area.unit);
    match request.target {
        Some(target) => {
            let event = match form {
                Form::SearchAndStore => "geosearchstore",
                _ => "georadiusstore",
            };
            let score = |found: &Found| match request.stores_distances {
                true => found.distance / unit,
                false => found.score,
            };
            let members = found.into_iter().map(|found| {
                let score = score(&found);
                (found.name, score)
            });
            let limits = call.node.config.settings().sorted_set_limits;
            let set = SortedSet::from_members(members.collect(), &limits);
            store(call, target, set, event, Answered::AfterEvents);
        }
        None => reply(call, &request, &found, unit),
    }
    Ok(())
}

/// All members in an area, cell by cell, or the first so many.
fn find(set: &SortedSet, area: &Area, limit: Option<usize>) -> Vec<Found> {
    let limit = limit.unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for cell in area.cells() {
        let (min, max) = cell.scores();
        let range = ScoreRange {
            min: ScoreBound { score: min, is_exclusive: false },
            max: ScoreBound { score: max, is_exclusive: true },
        };
        for (name, score) in set.walk(set.ranks_by_score(&range), Direction::Forward) {
            if found.len() >= limit {
                return found;
            }
            let place = Place::from_score(score);
            if let Some(distance) = area.distance_within(place) {
                found.push(Found { name: name.to_vec(), score, place, distance });
            }
        }
    }
    found
}

fn reply(call: &mut Call<'_>, request: &Request<'_>, found: &[Found], unit: f64) {
    let reply = &mut call.reply;
    let details = [request.with_distance, request.with_score, request.with_place];
    let details = details.into_iter().filter(|is_wanted| *is_wanted).count();
    reply.array(found.len());
    for member in found {
        if details > 0 {
            reply.array(1 + details);
        }
        reply.bulk(&member.name);
        if request.with_distance {
            write_distance(reply, member.distance / unit);
        }
        if request.with_score {
            #[expect(clippy::cast_possible_truncation, reason = "as a Redis casts it")]
            reply.integer(member.score as i64);
        }
        if request.with_place {
            write_place(reply, member.place);
        }
    }
}
