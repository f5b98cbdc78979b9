//! `cjson`: JSON texts and Lua values.
//!
//! Source: lua-cjson 2.1.0, <https://kyne.au/~mark/software/lua-cjson-manual.html>

mod decode;

mod encode;

use std::cell::Cell;
use std::rc::Rc;

use mlua::{Lua, MultiValue, Result, Table, Value};

use crate::scripting::libraries::arguments::Arguments;
use crate::scripting::machine::Shared;

/// What scripts may set.
#[derive(Clone, Copy)]
struct Settings {
    sparse_convert: bool,
    /// An array with fewer than one value in so many places is sparse; 0: none is.
    sparse_ratio: i64,
    /// Arrays up to this length never are.
    sparse_safe: i64,
    encode_depth_max: i64,
    decode_depth_max: i64,
    /// Significant digits.
    precision: i64,
    encode_invalid: Invalid,
    decode_invalid: bool,
    keep_buffer: bool,
}

/// What becomes of numbers that JSON does not have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Invalid {
    Refused,
    Written,
    Null,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_depth_max: 1000,
            decode_depth_max: 1000,
            precision: 14,
            encode_invalid: Invalid::Refused,
            decode_invalid: true,
            keep_buffer: true,
        }
    }
}

type SharedSettings = Rc<Cell<Settings>>;

pub(super) fn table(lua: &Lua, shared: &Rc<Shared>) -> Result<Table> {
    let settings = SharedSettings::default();
    let cjson = lua.create_table()?;
    let encoding = Rc::clone(&settings);
    let limits = Rc::clone(shared);
    let encode = lua.create_function(move |lua, args: MultiValue| {
        encode::encode(lua, &limits, encoding.get(), &args)
    })?;
    cjson.raw_set("encode", encode)?;
    let decoding = Rc::clone(&settings);
    let decode = lua
        .create_function(move |lua, args: MultiValue| decode::decode(lua, decoding.get(), &args))?;
    cjson.raw_set("decode", decode)?;
    let again = Rc::clone(shared);
    let new = lua.create_function(move |lua, _: MultiValue| table(lua, &again))?;
    cjson.raw_set("new", new)?;
    cjson.raw_set("null", Value::NULL)?;
    cjson.raw_set("_NAME", "cjson")?;
    cjson.raw_set("_VERSION", "2.1.0")?;
    for (name, set) in SETTERS {
        let settings = Rc::clone(&settings);
        let function = lua.create_function(move |lua, args: MultiValue| {
            let mut changed = settings.get();
            let told = set(lua, &args, &mut changed)?;
            settings.set(changed);
            Ok(told)
        })?;
        cjson.raw_set(name, function)?;
    }
    Ok(cjson)
}

/// Changes settings by the arguments there are; what they are now.
type Setter = fn(&Lua, &MultiValue, &mut Settings) -> Result<MultiValue>;

const SETTERS: [(&str, Setter); 7] = [
    ("encode_sparse_array", |lua, args, settings| {
        let arguments = Options::new(lua, args, 3)?;
        let words = ["off", "on"];
        let convert = arguments.choice(1, usize::from(settings.sparse_convert), &words)?;
        settings.sparse_convert = convert == 1;
        settings.sparse_ratio = arguments.whole(2, settings.sparse_ratio, 0, i32::MAX)?;
        settings.sparse_safe = arguments.whole(3, settings.sparse_safe, 0, i32::MAX)?;
        Ok(MultiValue::from_vec(vec![
            Value::Boolean(settings.sparse_convert),
            Value::Integer(settings.sparse_ratio),
            Value::Integer(settings.sparse_safe),
        ]))
    }),
    ("encode_max_depth", |lua, args, settings| {
        let arguments = Options::new(lua, args, 1)?;
        settings.encode_depth_max = arguments.whole(1, settings.encode_depth_max, 1, i32::MAX)?;
        Ok(one(Value::Integer(settings.encode_depth_max)))
    }),
    ("decode_max_depth", |lua, args, settings| {
        let arguments = Options::new(lua, args, 1)?;
        settings.decode_depth_max = arguments.whole(1, settings.decode_depth_max, 1, i32::MAX)?;
        Ok(one(Value::Integer(settings.decode_depth_max)))
    }),
    ("encode_number_precision", |lua, args, settings| {
        let arguments = Options::new(lua, args, 1)?;
        settings.precision = arguments.whole(1, settings.precision, 1, 14)?;
        Ok(one(Value::Integer(settings.precision)))
    }),
    ("encode_keep_buffer", |lua, args, settings| {
        let arguments = Options::new(lua, args, 1)?;
        let keeps = arguments.choice(1, usize::from(settings.keep_buffer), &["off", "on"])?;
        settings.keep_buffer = keeps == 1;
        Ok(one(Value::Boolean(settings.keep_buffer)))
    }),
    ("encode_invalid_numbers", |lua, args, settings| {
        let arguments = Options::new(lua, args, 1)?;
        let all = [Invalid::Refused, Invalid::Written, Invalid::Null];
        let now = all.iter().position(|one| *one == settings.encode_invalid).unwrap_or(0);
        let chosen = arguments.choice(1, now, &["off", "on", "null"])?;
        settings.encode_invalid = all[chosen];
        Ok(one(match chosen {
            2 => Value::String(lua.create_string("null")?),
            chosen => Value::Boolean(chosen == 1),
        }))
    }),
    ("decode_invalid_numbers", |lua, args, settings| {
        let arguments = Options::new(lua, args, 1)?;
        let takes = arguments.choice(1, usize::from(settings.decode_invalid), &["off", "on"])?;
        settings.decode_invalid = takes == 1;
        Ok(one(Value::Boolean(settings.decode_invalid)))
    }),
];

fn one(value: Value) -> MultiValue {
    MultiValue::from_vec(vec![value])
}

/// The arguments of a setter, each of which may be left out.
struct Options<'a> {
    arguments: Arguments<'a>,
}

impl<'a> Options<'a> {
    fn new(lua: &'a Lua, args: &'a MultiValue, count_max: usize) -> Result<Options<'a>> {
        let arguments = Arguments::new(lua, args);
        if args.len() > count_max {
            return Err(arguments.fail(count_max + 1, "found too many arguments"));
        }
        Ok(Options { arguments })
    }

    fn whole(&self, index: usize, now: i64, min: i32, max: i32) -> Result<i64> {
        if self.arguments.is_none(index) {
            return Ok(now);
        }
        let value = self.arguments.integer(index)?;
        if !(i64::from(min)..=i64::from(max)).contains(&value) {
            let reason = format!("expected integer between {min} and {max}");
            return Err(self.arguments.fail(index, reason));
        }
        Ok(value)
    }

    /// A boolean, or one of these words.
    fn choice(&self, index: usize, now: usize, words: &[&str]) -> Result<usize> {
        match self.arguments.value(index) {
            None | Some(Value::Nil) => Ok(now),
            Some(Value::Boolean(is_on)) => Ok(usize::from(*is_on)),
            _ => {
                let given = self.arguments.bytes(index)?;
                words.iter().position(|word| word.as_bytes() == &*given).ok_or_else(|| {
                    let reason = [b"invalid option '", &*given, b"'"].concat();
                    self.arguments.fail(index, reason)
                })
            }
        }
    }
}
