//! From Lua values to JSON.

use mlua::{Lua, MultiValue, Result, Table, Value};

use crate::scripting::fault;
use crate::scripting::libraries::arguments::Arguments;
use crate::scripting::libraries::cjson::{Invalid, Settings};
use crate::scripting::machine::Shared;
use crate::scripting::number;

/// Tables in tables, whatever is set: as many as Lua's stack has room for.
const DEPTH_MAX: i64 = 2600;

pub(super) fn encode(
    lua: &Lua,
    shared: &Shared,
    settings: Settings,
    args: &MultiValue,
) -> Result<mlua::LuaString> {
    let arguments = Arguments::new(lua, args);
    if args.len() != 1 {
        return Err(arguments.fail(1, "expected 1 argument"));
    }
    let mut encoder = Encoder { lua, shared, settings, out: Vec::new(), written: 0 };
    encoder.value(args.front().unwrap_or(&Value::Nil), 0)?;
    lua.create_string(&encoder.out)
}

struct Encoder<'a> {
    lua: &'a Lua,
    shared: &'a Shared,
    settings: Settings,
    out: Vec<u8>,
    /// Values so far.
    written: u64,
}

/// Values that are written between two looks at the clock.
const LOOK_VALUES: u64 = 1024;

impl Encoder<'_> {
    fn value(&mut self, value: &Value, depth: i64) -> Result<()> {
        // A value may stand in a table many times.
        if self.out.len() > self.shared.string_bytes_max() {
            return Err(fault::out_of_memory());
        }
        self.written += 1;
        if self.written.is_multiple_of(LOOK_VALUES) {
            self.shared.look()?;
        }
        match value {
            Value::Nil => self.out.extend_from_slice(b"null"),
            Value::LightUserData(data) if data.0.is_null() => self.out.extend_from_slice(b"null"),
            Value::Boolean(value) => self.out.extend_from_slice(value.to_string().as_bytes()),
            Value::String(text) => self.string(&text.as_bytes()),
            #[expect(clippy::cast_precision_loss, reason = "it is a double in Lua")]
            Value::Integer(number) => self.number(*number as f64)?,
            Value::Number(number) => self.number(*number)?,
            Value::Table(table) => self.table(table, depth + 1)?,
            other => return Err(self.refusal(other, "type not supported")),
        }
        Ok(())
    }

    fn refusal(&self, value: &Value, reason: &str) -> mlua::Error {
        let kind = fault::type_name(Some(value));
        fault::text(self.lua, format!("Cannot serialise {kind}: {reason}"))
    }

    fn number(&mut self, number: f64) -> Result<()> {
        if !number.is_finite() {
            match self.settings.encode_invalid {
                Invalid::Refused => {
                    return Err(self.refusal(&Value::Number(number), "must not be NaN or Inf"));
                }
                Invalid::Null => {
                    self.out.extend_from_slice(b"null");
                    return Ok(());
                }
                Invalid::Written if number.is_nan() => {
                    self.out.extend_from_slice(b"nan");
                    return Ok(());
                }
                Invalid::Written => {}
            }
        }
        self.plain_number(number);
        Ok(())
    }

    fn plain_number(&mut self, number: f64) {
        let digits = usize::try_from(self.settings.precision).unwrap_or(14);
        self.out.extend_from_slice(&number::text(number, digits));
    }

    fn string(&mut self, text: &[u8]) {
        self.out.push(b'"');
        for byte in text {
            match byte {
                b'"' => self.out.extend_from_slice(b"\\\""),
                b'\\' => self.out.extend_from_slice(b"\\\\"),
                b'/' => self.out.extend_from_slice(b"\\/"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                0x08 => self.out.extend_from_slice(b"\\b"),
                0x0c => self.out.extend_from_slice(b"\\f"),
                0..=0x1f | 0x7f => {
                    self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                }
                byte => self.out.push(*byte),
            }
        }
        self.out.push(b'"');
    }

    fn table(&mut self, table: &Table, depth: i64) -> Result<()> {
        if depth > self.settings.encode_depth_max.min(DEPTH_MAX) {
            let text = format!("Cannot serialise, excessive nesting ({depth})");
            return Err(fault::text(self.lua, text));
        }
        match self.array_len(table)? {
            Some(len) if len > 0 => self.array(table, len, depth),
            _ => self.object(table, depth),
        }
    }

    /// The length of what is an array; a table with other keys, or too few values, is none.
    fn array_len(&self, table: &Table) -> Result<Option<i64>> {
        let (mut max, mut count) = (0, 0);
        for pair in table.pairs::<Value, Value>() {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole")]
            let index = match pair?.0 {
                Value::Integer(index) => index,
                Value::Number(number) if number.fract() == 0.0 => number as i64,
                _ => return Ok(None),
            };
            if index < 1 {
                return Ok(None);
            }
            max = max.max(index);
            count += 1;
        }
        let settings = &self.settings;
        let is_sparse = settings.sparse_ratio > 0
            && max > settings.sparse_ratio.saturating_mul(count)
            && max > settings.sparse_safe;
        if is_sparse && !settings.sparse_convert {
            return Err(self.refusal(&Value::Table(table.clone()), "excessively sparse array"));
        }
        Ok((!is_sparse).then_some(max))
    }

    fn array(&mut self, table: &Table, len: i64, depth: i64) -> Result<()> {
        self.out.push(b'[');
        for index in 1..=len {
            if index > 1 {
                self.out.push(b',');
            }
            self.value(&table.raw_get::<Value>(index)?, depth)?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, table: &Table, depth: i64) -> Result<()> {
        self.out.push(b'{');
        let mut is_first = true;
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair?;
            if !is_first {
                self.out.push(b',');
            }
            is_first = false;
            match &key {
                Value::String(text) => self.string(&text.as_bytes()),
                #[expect(clippy::cast_precision_loss, reason = "it is a double in Lua")]
                Value::Integer(number) => self.key(*number as f64)?,
                Value::Number(number) => self.key(*number)?,
                other => {
                    return Err(self.refusal(other, "table key must be a number or string"));
                }
            }
            self.out.push(b':');
            self.value(&value, depth)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn key(&mut self, number: f64) -> Result<()> {
        self.out.push(b'"');
        self.number(number)?;
        self.out.push(b'"');
        Ok(())
    }
}
