//! Searches: a shape around a place, and the cells of the world that cover it.

use crate::data::geo::{Angle as _, Bounds, Cell, EARTH_RADIUS, LATITUDE_MAX, Place, STEP_MAX};

/// What is searched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) center: Place,
    pub(crate) shape: Shape,
    /// Meters of the unit in which lengths are given.
    pub(crate) unit: f64,
}

/// A shape with lengths in its area's unit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Circle { radius: f64 },
    Box { width: f64, height: f64 },
}

/// Half the way around the earth in the projection of maps, in meters: no search is wider.
const WIDEST: f64 = 20_037_726.37;

/// Neighbors in the order in which they are searched: first columns to the east, then rows to the north.
const NEIGHBORS: [(i32, i32); 8] =
    [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

impl Area {
    /// How far a place is from the center, in meters, if it lies within. A distance that rounding has made no number
    /// counts as within.
    pub(crate) fn distance_within(&self, place: Place) -> Option<f64> {
        let distance = self.center.distance(place);
        let is_outside = match self.shape {
            Shape::Circle { radius } => distance > radius * self.unit,
            Shape::Box { width, height } => {
                let beside = Place { longitude: self.center.longitude, ..place };
                let above = Place { latitude: self.center.latitude, ..place };
                place.distance(beside) > width * self.unit / 2.0
                    || place.distance(above) > height * self.unit / 2.0
            }
        };
        (!is_outside).then_some(distance)
    }

    /// The cells that cover it, in the order in which they are searched: its own, then those around it.
    pub(crate) fn cells(&self) -> Vec<Cell> {
        let frame = self.frame();
        let mut step = self.step();
        let mut own = Cell::of(self.center, step, LATITUDE_MAX);
        if step > 1 && !is_covered(&frame, own) {
            step -= 1;
            own = Cell::of(self.center, step, LATITUDE_MAX);
        }
        let bounds = own.bounds();
        let is_needed = |(columns, rows): (i32, i32)| {
            step < 2
                || !(rows < 0 && bounds.south < frame.south
                    || rows > 0 && bounds.north > frame.north
                    || columns < 0 && bounds.west < frame.west
                    || columns > 0 && bounds.east > frame.east)
        };
        let around = NEIGHBORS.into_iter().filter(|at| is_needed(*at));
        let mut cells = vec![own];
        cells.extend(around.map(|(columns, rows)| own.neighbor(columns, rows)));
        // Around the world, two neighbors in a row may be one.
        cells.dedup();
        cells
    }

    /// The part of the world in which it lies; seen from the pole, its sides are bent.
    fn frame(&self) -> Bounds {
        let (width, height) = match self.shape {
            Shape::Circle { radius } => (self.unit * radius, self.unit * radius),
            Shape::Box { width, height } => (self.unit * (width / 2.0), self.unit * (height / 2.0)),
        };
        let Place { longitude, latitude } = self.center;
        let rows = (height / EARTH_RADIUS).to_degrees_of_c();
        let widest_at = if latitude < 0.0 { latitude - rows } else { latitude + rows };
        let columns = (width / EARTH_RADIUS / widest_at.to_radians_of_c().cos()).to_degrees_of_c();
        Bounds {
            west: longitude - columns,
            east: longitude + columns,
            south: latitude - rows,
            north: latitude + rows,
        }
    }

    /// How often the world is to be halved so that nine cells cover the area, mostly.
    fn step(&self) -> u32 {
        let radius = match self.shape {
            Shape::Circle { radius } => radius,
            Shape::Box { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
        };
        let mut meters = radius * self.unit;
        if meters == 0.0 {
            return STEP_MAX;
        }
        let mut step = 1i32;
        while meters < WIDEST {
            meters *= 2.0;
            step += 1;
        }
        // So that the area lies within neighbors even if the center lies at the side of its cell.
        step -= 2;
        // Cells become narrow towards the poles.
        let latitude = self.center.latitude.abs();
        step -= i32::from(latitude > 66.0) + i32::from(latitude > 80.0);
        u32::try_from(step.max(1)).unwrap_or(1).min(STEP_MAX)
    }
}

/// Whether the cells beside this one reach to the sides of a frame.
fn is_covered(frame: &Bounds, own: Cell) -> bool {
    let beside = |columns, rows| own.neighbor(columns, rows).bounds();
    !(beside(0, 1).north < frame.north
        || beside(0, -1).south > frame.south
        || beside(1, 0).east < frame.east
        || beside(-1, 0).west > frame.west)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circle(radius: f64) -> Area {
        let center = Place { longitude: 15.0, latitude: 37.0 };
        Area { center, shape: Shape::Circle { radius }, unit: 1000.0 }
    }

    #[test]
    fn cells_cover_what_lies_within() {
        for radius in [0.0, 0.5, 30.0, 500.0, 3000.0, 20_000.0] {
            let area = circle(radius);
            let cells = area.cells();
            for number in 0..2000u32 {
                let angle = f64::from(number);
                let place = Place {
                    longitude: 15.0 + angle.sin() * radius / 130.0,
                    latitude: (37.0 + angle.cos() * radius / 130.0).clamp(-85.0, 85.0),
                };
                let score = place.to_score();
                let is_found = cells
                    .iter()
                    .map(|cell| cell.scores())
                    .any(|(from, to)| (from..to).contains(&score));
                assert!(is_found || area.distance_within(place).is_none() || !place.is_valid());
            }
        }
    }

    #[test]
    fn a_box_is_measured_along_its_sides() {
        let shape = Shape::Box { width: 400.0, height: 100.0 };
        let area = Area { shape, ..circle(0.0) };
        let at = |longitude, latitude| area.distance_within(Place { longitude, latitude });
        assert!(at(17.0, 37.0).is_some() && at(15.0, 37.4).is_some());
        assert!(at(17.4, 37.0).is_none() && at(15.0, 37.6).is_none());
    }
}
