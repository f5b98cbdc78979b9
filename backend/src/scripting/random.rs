//! `math.random` and `math.randomseed`: the 48-bit generator of POSIX, so that a seed gives the same numbers everywhere.
//!
//! Source: redis `src/rand.c`; Lua 5.1 `lmathlib.c` math_random.

use std::rc::Rc;

use mlua::{Lua, MultiValue, Result, Table};

use crate::scripting::fault;
use crate::scripting::libraries::arguments::Arguments;
use crate::scripting::machine::Shared;

/// X(n+1) = A X(n) + C modulo 2^48.
#[derive(Clone, Debug)]
pub(super) struct Random48(u64);

const A: u64 = 0x5_DEEC_E66D;
const C: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;
/// What the state is before anybody has given a seed.
const START: u64 = 0x1234_ABCD_330E;
/// The low 16 bits after a seed.
const SEED_LOW: u64 = 0x330E;

/// The greatest number that is drawn. Source: redis `src/rand.h` REDIS_LRAND48_MAX.
const DRAWN_MAX: f64 = 2_147_483_647.0;

impl Default for Random48 {
    fn default() -> Random48 {
        Random48(START)
    }
}

impl Random48 {
    fn seed(&mut self, seed: i64) {
        let seed = u64::from_le_bytes(seed.to_le_bytes()) & 0xFFFF_FFFF;
        self.0 = (seed << 16) | SEED_LOW;
    }

    /// From 0 up to 2^31 - 1.
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(A).wrapping_add(C) & MASK;
        u32::try_from(self.0 >> 17).unwrap_or(0)
    }
}

/// Puts the functions into the table for `math`.
pub(super) fn install(lua: &Lua, shared: &Rc<Shared>, math: &Table) -> Result<()> {
    let drawing = Rc::clone(shared);
    let random = lua.create_function(move |lua, args: MultiValue| draw(lua, &drawing, &args))?;
    math.raw_set("random", random)?;
    let seeding = Rc::clone(shared);
    let seed = lua.create_function(move |lua, args: MultiValue| {
        let seed = Arguments::new(lua, &args).integer(1)?;
        seeding.random.borrow_mut().seed(seed);
        Ok(())
    })?;
    math.raw_set("randomseed", seed)
}

#[expect(clippy::cast_precision_loss, reason = "as C does it, in doubles")]
fn draw(lua: &Lua, shared: &Shared, args: &MultiValue) -> Result<f64> {
    let drawn = f64::from(shared.random.borrow_mut().next()) % DRAWN_MAX / DRAWN_MAX;
    let args_read = Arguments::new(lua, args);
    let int = |index| args_read.integer(index).map(low_int);
    match args.len() {
        0 => Ok(drawn),
        1 => {
            let upper = int(1)?;
            if upper < 1 {
                return Err(fault::argument(lua, 1, "interval is empty"));
            }
            Ok((drawn * upper as f64).floor() + 1.0)
        }
        2 => {
            let (lower, upper) = (int(1)?, int(2)?);
            if lower > upper {
                return Err(fault::argument(lua, 2, "interval is empty"));
            }
            let span = low_int(upper - lower + 1);
            Ok((drawn * span as f64).floor() + lower as f64)
        }
        _ => Err(fault::text(lua, "wrong number of arguments")),
    }
}

/// What is left of a number in C's `int`.
#[expect(clippy::cast_possible_truncation, reason = "C cuts it off")]
fn low_int(number: i64) -> i64 {
    i64::from(number as i32)
}
