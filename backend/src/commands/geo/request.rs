//! What a search is asked for.
//!
//! Two generations of commands say the same in different words: `GEORADIUS` has its circle in fixed places and
//! writes where `STORE` says, `GEOSEARCH` has everything as options and writes if it is called `GEOSEARCHSTORE`.
//! Source: redis `src/geo.c` georadiusGeneric, for the order of checks.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is};
use crate::commands::geo::{place, place_of, unit};
use crate::data::geo::Place;
use crate::data::geo::area::{Area, Shape};
use crate::data::sorted_set::SortedSet;
use crate::execute::Call;

/// Which command it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `GEORADIUS`, or its read-only twin.
    AroundPlace { may_store: bool },
    /// `GEORADIUSBYMEMBER`, or its read-only twin.
    AroundMember { may_store: bool },
    /// `GEOSEARCH`
    Search,
    /// `GEOSEARCHSTORE`
    SearchAndStore,
}

impl Form {
    /// The index of the argument that names the key searched.
    pub(super) fn source(self) -> usize {
        if self == Form::SearchAndStore { 2 } else { 1 }
    }

    fn is_search(self) -> bool {
        matches!(self, Form::Search | Form::SearchAndStore)
    }

    fn has_store_option(self) -> bool {
        let (Form::AroundPlace { may_store } | Form::AroundMember { may_store }) = self else {
            return false;
        };
        may_store
    }

    /// The index of the first option.
    fn options(self) -> usize {
        match self {
            Form::AroundPlace { .. } => 6,
            Form::AroundMember { .. } => 5,
            Form::Search => 2,
            Form::SearchAndStore => 3,
        }
    }
}

/// In which order members are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    NearestFirst,
    FarthestFirst,
}

/// A search.
#[derive(Clone, Debug)]
pub(super) struct Request<'a> {
    /// `None` if there is nothing to search.
    pub(super) area: Option<Area>,
    /// Most members wanted; `None` for all.
    pub(super) count: Option<usize>,
    /// Whether any of them will do, so that the search may end early.
    pub(super) is_any: bool,
    /// `None` for the order in which they are found.
    pub(super) order: Option<Order>,
    pub(super) with_distance: bool,
    pub(super) with_score: bool,
    pub(super) with_place: bool,
    /// The key to be written, if any.
    pub(super) target: Option<&'a [u8]>,
    /// Whether distances are written for scores.
    pub(super) stores_distances: bool,
}

/// Options under way.
struct Parsed<'a> {
    request: Request<'a>,
    center: Option<Place>,
    /// Whether a center was given, even if it is not known for want of a key.
    has_center: bool,
    is_from_member: bool,
    shape: Option<(Shape, f64)>,
}

impl<'a> Request<'a> {
    /// Reads all arguments; `set` is what is searched, if it is there.
    pub(super) fn parse(
        call: &Call<'a>,
        form: Form,
        set: Option<&SortedSet>,
    ) -> Result<Request<'a>, ReplyError> {
        let mut parsed = Parsed::with_fixed(call, form, set)?;
        let mut index = form.options();
        while index < call.args.len() {
            index += parsed.option(call, form, set, index)?;
        }
        parsed.finish(call, form)
    }
}

impl<'a> Parsed<'a> {
    /// Reads what stands in fixed places.
    fn with_fixed(
        call: &Call<'a>,
        form: Form,
        set: Option<&SortedSet>,
    ) -> Result<Parsed<'a>, ReplyError> {
        let center = match (form, set) {
            (Form::AroundPlace { .. }, _) => Some(place(call.arg(2), call.arg(3))?),
            (Form::AroundMember { .. }, Some(set)) => Some(member(set, call.arg(2))?),
            _ => None,
        };
        let shape = match center {
            Some(_) => Some(circle(call, form.options() - 2)?),
            None => None,
        };
        let request = Request {
            area: None,
            count: None,
            is_any: false,
            order: None,
            with_distance: false,
            with_score: false,
            with_place: false,
            target: (form == Form::SearchAndStore).then(|| call.arg(1)),
            stores_distances: false,
        };
        Ok(Parsed { request, center, has_center: false, is_from_member: false, shape })
    }

    /// Reads the option at an index, and gives back how many arguments it took.
    fn option(
        &mut self,
        call: &Call<'a>,
        form: Form,
        set: Option<&SortedSet>,
        index: usize,
    ) -> Result<usize, ReplyError> {
        let (word, behind) = (call.arg(index), call.args.len() - index - 1);
        let request = &mut self.request;
        match () {
            () if is(word, "WITHDIST") => request.with_distance = true,
            () if is(word, "WITHHASH") => request.with_score = true,
            () if is(word, "WITHCOORD") => request.with_place = true,
            () if is(word, "ANY") => request.is_any = true,
            () if is(word, "ASC") => request.order = Some(Order::NearestFirst),
            () if is(word, "DESC") => request.order = Some(Order::FarthestFirst),
            () if is(word, "COUNT") && behind >= 1 => {
                let count = usize::try_from(integer(call.arg(index + 1))?).ok();
                let count = count.filter(|count| *count > 0);
                request.count = Some(count.ok_or(ReplyError::new("ERR COUNT must be > 0"))?);
                return Ok(2);
            }
            () if form.has_store_option() && behind >= 1 && is(word, "STORE") => {
                (request.target, request.stores_distances) = (Some(call.arg(index + 1)), false);
                return Ok(2);
            }
            () if form.has_store_option() && behind >= 1 && is(word, "STOREDIST") => {
                (request.target, request.stores_distances) = (Some(call.arg(index + 1)), true);
                return Ok(2);
            }
            () if form == Form::SearchAndStore && is(word, "STOREDIST") => {
                request.stores_distances = true;
            }
            () if form.is_search() => return self.search_option(call, set, index),
            () => return Err(ReplyError::SYNTAX),
        }
        Ok(1)
    }

    /// As [`Parsed::option`], for those that only `GEOSEARCH` and its like have.
    fn search_option(
        &mut self,
        call: &Call<'a>,
        set: Option<&SortedSet>,
        index: usize,
    ) -> Result<usize, ReplyError> {
        let (word, behind) = (call.arg(index), call.args.len() - index - 1);
        let is_box = matches!(self.shape, Some((Shape::Box { .. }, _)));
        let is_circle = matches!(self.shape, Some((Shape::Circle { .. }, _)));
        let is_from_place = self.has_center && !self.is_from_member;
        if is(word, "FROMMEMBER") && behind >= 1 && !is_from_place {
            (self.has_center, self.is_from_member) = (true, true);
            if let Some(set) = set {
                self.center = Some(member(set, call.arg(index + 1))?);
            }
            Ok(2)
        } else if is(word, "FROMLONLAT") && behind >= 2 && !self.is_from_member {
            self.center = Some(place(call.arg(index + 1), call.arg(index + 2))?);
            self.has_center = true;
            Ok(3)
        } else if is(word, "BYRADIUS") && behind >= 2 && !is_box {
            self.shape = Some(circle(call, index + 1)?);
            Ok(3)
        } else if is(word, "BYBOX") && behind >= 3 && !is_circle {
            self.shape = Some(rectangle(call, index + 1)?);
            Ok(4)
        } else {
            Err(ReplyError::SYNTAX)
        }
    }

    /// Checks what belongs together.
    fn finish(self, call: &Call<'_>, form: Form) -> Result<Request<'a>, ReplyError> {
        let mut request = self.request;
        let has_details = request.with_distance || request.with_score || request.with_place;
        if request.target.is_some() && has_details {
            let name = match form {
                Form::SearchAndStore => "GEOSEARCHSTORE",
                _ => "STORE option in GEORADIUS",
            };
            return Err(ReplyError::new(format!(
                "ERR {name} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        let name = String::from_utf8_lossy(call.arg(0));
        if form.is_search() && !self.has_center {
            return Err(ReplyError::new(format!(
                "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {name}"
            )));
        }
        if form.is_search() && self.shape.is_none() {
            return Err(ReplyError::new(format!(
                "ERR exactly one of BYRADIUS and BYBOX can be specified for {name}"
            )));
        }
        if request.is_any && request.count.is_none() {
            return Err(ReplyError::new("ERR the ANY argument requires COUNT argument"));
        }
        // The nearest ones are meant where some of all are asked for.
        if request.count.is_some() && request.order.is_none() && !request.is_any {
            request.order = Some(Order::NearestFirst);
        }
        let area = self.center.zip(self.shape);
        request.area = area.map(|(center, (shape, unit))| Area { center, shape, unit });
        Ok(request)
    }
}

fn member(set: &SortedSet, name: &[u8]) -> Result<Place, ReplyError> {
    place_of(set, name).ok_or(ReplyError::new("ERR could not decode requested zset member"))
}

/// Reads radius and unit.
fn circle(call: &Call<'_>, index: usize) -> Result<(Shape, f64), ReplyError> {
    let radius = length(call.arg(index), "ERR need numeric radius")?;
    if radius < 0.0 {
        return Err(ReplyError::new("ERR radius cannot be negative"));
    }
    Ok((Shape::Circle { radius }, unit(call.arg(index + 1))?))
}

/// Reads width, height and unit.
fn rectangle(call: &Call<'_>, index: usize) -> Result<(Shape, f64), ReplyError> {
    let width = length(call.arg(index), "ERR need numeric width")?;
    let height = length(call.arg(index + 1), "ERR need numeric height")?;
    if width < 0.0 || height < 0.0 {
        return Err(ReplyError::new("ERR height or width cannot be negative"));
    }
    Ok((Shape::Box { width, height }, unit(call.arg(index + 2))?))
}

fn length(arg: &[u8], error: &'static str) -> Result<f64, ReplyError> {
    crate::commands::argument::float(arg).map_err(|_| ReplyError::new(error))
}
