//! From JSON to Lua values.

use mlua::{Lua, MultiValue, Result, Value};
use reddoor_protocol::double::read_double;

use crate::scripting::fault;
use crate::scripting::libraries::arguments::Arguments;
use crate::scripting::libraries::cjson::Settings;

/// Structures in structures, whatever is set: as many as Lua's stack has room for.
const DEPTH_MAX: i64 = 2600;

pub(super) fn decode(lua: &Lua, settings: Settings, args: &MultiValue) -> Result<Value> {
    let arguments = Arguments::new(lua, args);
    if args.len() != 1 {
        return Err(arguments.fail(1, "expected 1 argument"));
    }
    let text = arguments.bytes(1)?;
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return Err(fault::text(lua, "JSON parser does not support UTF-16 or UTF-32"));
    }
    let mut parser = Parser { lua, settings, text: &text, at: 0, depth: 0 };
    let token = parser.next();
    let value = parser.value(token)?;
    let end = parser.next();
    if !matches!(end.kind, Kind::End) {
        return Err(parser.expected("the end", &end));
    }
    Ok(value)
}

struct Parser<'a> {
    lua: &'a Lua,
    settings: Settings,
    text: &'a [u8],
    at: usize,
    depth: i64,
}

struct Token {
    kind: Kind,
    at: usize,
}

enum Kind {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    String(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Wrong(&'static str),
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Kind::ObjectBegin => "T_OBJ_BEGIN",
            Kind::ObjectEnd => "T_OBJ_END",
            Kind::ArrayBegin => "T_ARR_BEGIN",
            Kind::ArrayEnd => "T_ARR_END",
            Kind::String(_) => "T_STRING",
            Kind::Number(_) => "T_NUMBER",
            Kind::Boolean(_) => "T_BOOLEAN",
            Kind::Null => "T_NULL",
            Kind::Colon => "T_COLON",
            Kind::Comma => "T_COMMA",
            Kind::End => "T_END",
            Kind::Wrong(what) => what,
        }
    }
}

impl Parser<'_> {
    /// The byte at a place; a zero byte behind the end.
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or_default()
    }

    fn starts_with(&self, word: &str) -> bool {
        self.text[self.at..].starts_with(word.as_bytes())
    }

    fn expected(&self, what: &str, found: &Token) -> mlua::Error {
        let (name, at) = (found.kind.name(), found.at + 1);
        fault::text(self.lua, format!("Expected {what} but found {name} at character {at}"))
    }

    fn next(&mut self) -> Token {
        while matches!(self.byte(self.at), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        let at = self.at;
        let (kind, len) = match self.byte(at) {
            0 => (Kind::End, 0),
            b'{' => (Kind::ObjectBegin, 1),
            b'}' => (Kind::ObjectEnd, 1),
            b'[' => (Kind::ArrayBegin, 1),
            b']' => (Kind::ArrayEnd, 1),
            b':' => (Kind::Colon, 1),
            b',' => (Kind::Comma, 1),
            b'"' => return self.string(at),
            b'-' | b'0'..=b'9' => {
                if !self.settings.decode_invalid && self.is_invalid_number() {
                    (Kind::Wrong("invalid number"), 0)
                } else {
                    self.number()
                }
            }
            b't' if self.starts_with("true") => (Kind::Boolean(true), 4),
            b'f' if self.starts_with("false") => (Kind::Boolean(false), 5),
            b'n' if self.starts_with("null") => (Kind::Null, 4),
            b'+' | b'i' | b'I' | b'n' | b'N'
                if self.settings.decode_invalid && self.is_invalid_number() =>
            {
                self.number()
            }
            _ => (Kind::Wrong("invalid token"), 0),
        };
        self.at += len;
        Token { kind, at }
    }

    fn number(&self) -> (Kind, usize) {
        let read = read_double(&self.text[self.at..]);
        match read.len {
            0 => (Kind::Wrong("invalid number"), 0),
            len => (Kind::Number(read.number), len),
        }
    }

    /// Whether what begins here is a number that JSON does not have.
    fn is_invalid_number(&self) -> bool {
        let mut at = self.at;
        match self.byte(at) {
            b'+' => return true,
            b'-' => at += 1,
            _ => {}
        }
        match self.byte(at) {
            b'0' => matches!(self.byte(at + 1), b'x' | b'X' | b'0'..=b'9'),
            byte if byte <= b'9' => false,
            _ => self.text.get(at..at + 3).is_some_and(|word| {
                word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"nan")
            }),
        }
    }

    fn string(&mut self, start: usize) -> Token {
        let mut text = Vec::new();
        self.at += 1;
        loop {
            let kind = match self.byte(self.at) {
                b'"' => {
                    self.at += 1;
                    return Token { kind: Kind::String(text), at: start };
                }
                0 => Kind::Wrong("unexpected end of string"),
                b'\\' => match self.escape(&mut text) {
                    Ok(()) => continue,
                    Err(what) => Kind::Wrong(what),
                },
                byte => {
                    text.push(byte);
                    self.at += 1;
                    continue;
                }
            };
            return Token { kind, at: self.at };
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> std::result::Result<(), &'static str> {
        let byte = match self.byte(self.at + 1) {
            byte @ (b'"' | b'\\' | b'/') => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode(text).ok_or("invalid unicode escape code"),
            _ => return Err("invalid escape code"),
        };
        text.push(byte);
        self.at += 2;
        Ok(())
    }

    fn unicode(&mut self, text: &mut Vec<u8>) -> Option<()> {
        let mut code = self.four_digits(self.at + 2)?;
        let mut len = 6;
        if code & 0xF800 == 0xD800 {
            let follows = self.byte(self.at + 6) == b'\\' && self.byte(self.at + 7) == b'u';
            if code & 0x400 != 0 || !follows {
                return None;
            }
            let low = self.four_digits(self.at + 8)?;
            if low & 0xFC00 != 0xDC00 {
                return None;
            }
            code = ((code & 0x3FF) << 10 | (low & 0x3FF)) + 0x10000;
            len = 12;
        }
        let code = char::from_u32(code)?;
        text.extend_from_slice(code.encode_utf8(&mut [0; 4]).as_bytes());
        self.at += len;
        Some(())
    }

    fn four_digits(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 4)?;
        digits.iter().try_fold(0, |code, digit| {
            char::from(*digit).to_digit(16).map(|digit| code << 4 | digit)
        })
    }

    fn value(&mut self, token: Token) -> Result<Value> {
        match token.kind {
            Kind::String(text) => Ok(Value::String(self.lua.create_string(text)?)),
            Kind::Number(number) => Ok(Value::Number(number)),
            Kind::Boolean(value) => Ok(Value::Boolean(value)),
            Kind::Null => Ok(Value::NULL),
            Kind::ObjectBegin => self.object(),
            Kind::ArrayBegin => self.array(),
            _ => Err(self.expected("value", &token)),
        }
    }

    fn descend(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > self.settings.decode_depth_max.min(DEPTH_MAX) {
            let (depth, at) = (self.depth, self.at);
            let text = format!("Found too many nested data structures ({depth}) at character {at}");
            return Err(fault::text(self.lua, text));
        }
        Ok(())
    }

    fn object(&mut self) -> Result<Value> {
        self.descend()?;
        let table = self.lua.create_table()?;
        let mut token = self.next();
        if matches!(token.kind, Kind::ObjectEnd) {
            self.depth -= 1;
            return Ok(Value::Table(table));
        }
        loop {
            let Kind::String(key) = token.kind else {
                return Err(self.expected("object key string", &token));
            };
            let key = self.lua.create_string(key)?;
            token = self.next();
            if !matches!(token.kind, Kind::Colon) {
                return Err(self.expected("colon", &token));
            }
            token = self.next();
            table.raw_set(key, self.value(token)?)?;
            token = self.next();
            match token.kind {
                Kind::ObjectEnd => {
                    self.depth -= 1;
                    return Ok(Value::Table(table));
                }
                Kind::Comma => token = self.next(),
                _ => return Err(self.expected("comma or object end", &token)),
            }
        }
    }

    fn array(&mut self) -> Result<Value> {
        self.descend()?;
        let table = self.lua.create_table()?;
        let mut token = self.next();
        if matches!(token.kind, Kind::ArrayEnd) {
            self.depth -= 1;
            return Ok(Value::Table(table));
        }
        for index in 1.. {
            table.raw_set(index, self.value(token)?)?;
            token = self.next();
            match token.kind {
                Kind::ArrayEnd => break,
                Kind::Comma => token = self.next(),
                _ => return Err(self.expected("comma or array end", &token)),
            }
        }
        self.depth -= 1;
        Ok(Value::Table(table))
    }
}
