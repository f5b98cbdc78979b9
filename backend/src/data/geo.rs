//! Places on the earth as numbers of 52 bits, and how far they are apart.
//!
//! The world is halved again and again, in turn by longitude and latitude; one bit says which half. Places near each
//! other mostly share their first bits, so a cell of the world is a range of scores in a sorted set.
//!
//! Source: redis `src/geohash.c` and `src/geohash_helper.c`, for the bounds, the radius and the order of operations,
//! which show in the last digits.

pub(crate) mod area;

/// Bits of each coordinate in a score: 52 bits in all are exact in a double.
pub(crate) const STEP_MAX: u32 = 26;

const LONGITUDE_MAX: f64 = 180.0;

/// Beyond this latitude the projection is not defined. Source: EPSG:3857.
const LATITUDE_MAX: f64 = 85.05112878;

/// The earth's radius in meters: the quadratic mean of WGS-84.
const EARTH_RADIUS: f64 = 6372797.560856;

/// A place, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) longitude: f64,
    pub(crate) latitude: f64,
}

impl Place {
    /// Whether it lies where places can be stored.
    pub(crate) fn is_valid(self) -> bool {
        (-LONGITUDE_MAX..=LONGITUDE_MAX).contains(&self.longitude)
            && (-LATITUDE_MAX..=LATITUDE_MAX).contains(&self.latitude)
    }

    /// The score under which it is stored: 52 bits, and at the upper bounds one more than a score can hold.
    pub(crate) fn to_bits(self) -> u64 {
        Cell::of(self, STEP_MAX, LATITUDE_MAX).bits()
    }

    /// As [`Place::to_bits`], as it is read again.
    #[cfg(test)]
    #[expect(clippy::cast_precision_loss, reason = "as documented")]
    pub(crate) fn to_score(self) -> f64 {
        self.to_bits() as f64
    }

    /// The place that a score means: the middle of its cell.
    pub(crate) fn from_score(score: f64) -> Place {
        let area = Cell::from_bits(bits_of_score(score)).bounds();
        let middle = |min: f64, max: f64, limit: f64| ((min + max) / 2.0).min(limit).max(-limit);
        Place {
            longitude: middle(area.west, area.east, LONGITUDE_MAX),
            latitude: middle(area.south, area.north, LATITUDE_MAX),
        }
    }

    /// The eleven letters by which others know a place; for these latitudes go from -90 to 90.
    ///
    /// 52 bits are 10 letters and a bit more; the last letter is always `0`.
    pub(crate) fn to_letters(self) -> [u8; 11] {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = Cell::of(self, STEP_MAX, 90.0).bits();
        let mut letters = [b'0'; 11];
        for (index, letter) in letters.iter_mut().take(10).enumerate() {
            let five_bits = (bits >> (52 - (index + 1) * 5)) & 31;
            *letter = ALPHABET[usize::try_from(five_bits).unwrap_or(0)];
        }
        letters
    }

    /// How far another place is, in meters, on a sphere (haversine).
    pub(crate) fn distance(self, other: Place) -> f64 {
        let radians =
            |place: Place| (place.longitude.to_radians_of_c(), place.latitude.to_radians_of_c());
        let ((x, y), (other_x, other_y)) = (radians(self), radians(other));
        let (u, v) = (((other_y - y) / 2.0).sin(), ((other_x - x) / 2.0).sin());
        2.0 * EARTH_RADIUS * (u * u + y.cos() * other_y.cos() * v * v).sqrt().asin()
    }
}

/// Degrees and radians by one factor, so that results are rounded as in a Redis.
trait Angle {
    fn to_radians_of_c(self) -> f64;
    fn to_degrees_of_c(self) -> f64;
}

/// Radians of one degree.
const DEGREE: f64 = std::f64::consts::PI / 180.0;

impl Angle for f64 {
    fn to_radians_of_c(self) -> f64 {
        self * DEGREE
    }

    fn to_degrees_of_c(self) -> f64 {
        self / DEGREE
    }
}

/// The bits of a score, whatever it is: fractions are cut off, and the rest wraps as x86-64 does it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as described")]
fn bits_of_score(score: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    // Out of bounds the processor answers with the smallest number.
    let signed = |number: f64| if number >= HALF { i64::MIN } else { number as i64 };
    if score < HALF { signed(score) as u64 } else { signed(score - HALF) as u64 ^ 1 << 63 }
}

/// A part of the world: one of 2^step columns and 2^step rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    step: u32,
    column: u32,
    row: u32,
}

/// What a cell covers, in degrees.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Cell {
    /// The cell in which a place lies. On the upper bounds the number is one more than there are, as in a Redis.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 2^26")]
    fn of(place: Place, step: u32, latitude_max: f64) -> Cell {
        let count = f64::from(1u32 << step);
        let part = |value: f64, max: f64| ((value + max) / (max + max) * count) as u32;
        Cell {
            step,
            column: part(place.longitude, LONGITUDE_MAX),
            row: part(place.latitude, latitude_max),
        }
    }

    /// The smallest cell with these bits.
    fn from_bits(bits: u64) -> Cell {
        Cell { step: STEP_MAX, column: gather(bits >> 1), row: gather(bits) }
    }

    /// Bits of column and row in turn.
    fn bits(self) -> u64 {
        spread(self.row) | spread(self.column) << 1
    }

    /// The scores of the places in it: the first one, and the first one behind.
    #[expect(clippy::cast_precision_loss, reason = "52 bits, and one more at the upper bounds")]
    pub(crate) fn scores(self) -> (f64, f64) {
        let shift = 2 * (STEP_MAX - self.step);
        ((self.bits() << shift) as f64, ((self.bits() + 1) << shift) as f64)
    }

    /// The cell so many columns and rows away, around the world.
    fn neighbor(self, columns: i32, rows: i32) -> Cell {
        let mask = (1u32 << self.step) - 1;
        let moved = |from: u32, by: i32| match by {
            0 => from,
            by => from.wrapping_add_signed(by) & mask,
        };
        Cell { column: moved(self.column, columns), row: moved(self.row, rows), ..self }
    }

    fn bounds(self) -> Bounds {
        let count = f64::from(1u32 << self.step);
        let at = |index: u32, max: f64| -max + (f64::from(index) / count) * (max + max);
        Bounds {
            west: at(self.column, LONGITUDE_MAX),
            east: at(self.column.wrapping_add(1), LONGITUDE_MAX),
            south: at(self.row, LATITUDE_MAX),
            north: at(self.row.wrapping_add(1), LATITUDE_MAX),
        }
    }
}

/// Puts a zero between any two bits.
///
/// Source: <https://graphics.stanford.edu/~seander/bithacks.html#InterleaveBMN>
fn spread(number: u32) -> u64 {
    let masks = [0x0000_ffff_0000_ffff, 0x00ff_00ff_00ff_00ff, 0x0f0f_0f0f_0f0f_0f0f];
    let mut bits = u64::from(number);
    for (mask, shift) in masks.into_iter().zip([16, 8, 4]) {
        bits = (bits | bits << shift) & mask;
    }
    bits = (bits | bits << 2) & 0x3333_3333_3333_3333;
    (bits | bits << 1) & 0x5555_5555_5555_5555
}

/// Takes every other bit, from the lowest on.
#[expect(clippy::cast_possible_truncation, reason = "32 bits are left")]
fn gather(bits: u64) -> u32 {
    let mut bits = bits & 0x5555_5555_5555_5555;
    bits = (bits | bits >> 1) & 0x3333_3333_3333_3333;
    bits = (bits | bits >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits >> 4) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits >> 8) & 0x0000_ffff_0000_ffff;
    (bits | bits >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_spread_and_gather() {
        for number in [0, 1, 2, 0x3ff_ffff, 0x400_0000, 0x1234_5678, u32::MAX] {
            assert_eq!(gather(spread(number)), number);
        }
        assert_eq!(spread(0b1011), 0b100_0101);
    }

    #[test]
    fn known_places_have_known_scores() {
        let palermo = Place { longitude: 13.361389, latitude: 38.115556 };
        let catania = Place { longitude: 15.087269, latitude: 37.502669 };
        assert_eq!(palermo.to_score(), 3_479_099_956_230_698.0);
        let [from, to] = [palermo, catania].map(|place| Place::from_score(place.to_score()));
        assert_eq!(format!("{:.4}", from.distance(to)), "166274.1516");
        assert_eq!(&from.to_letters(), b"sqc8b49rny0");
    }

    #[test]
    fn any_score_is_a_place() {
        for score in [0.0, -1.0, 0.5, 1e15, 1e19, 1e30, -1e30, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Place::from_score(score).is_valid(), "{score}");
        }
    }
}
