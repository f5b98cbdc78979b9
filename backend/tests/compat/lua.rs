//! Random Lua programs: the `redis` table, conversions, libraries, patterns, errors.
//!
//! A program is a form with its places filled: `$n` a number, `$s` a string, `$v` any value, nested by chance,
//! and so on, as [`Programs::fill`] has it.

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "0.1",
    "-0.5",
    "1e10",
    "1e15",
    "1e17",
    "2^31",
    "2^32",
    "2^53",
    "-2^31",
    "-2^63",
    "2^63",
    "3.99",
    "1/0",
    "-1/0",
    "255",
    "256",
    "65535",
    "65536",
    "-32",
    "-33",
    "-128",
    "-129",
    "127",
    "128",
    "1e-7",
    "123456.789",
    "1e100",
    "-0",
];

const STRINGS: &[&str] = &[
    "''",
    "'a'",
    "'abc'",
    "'hello world'",
    r"'\0\1\2'",
    r"'\255\254'",
    r#"'a/b"c\\'"#,
    r"'\n\t\r\b\f\127'",
    "'1'",
    "' 10 '",
    "'0x10'",
    "'x=1, y=2'",
    "'[1,2]'",
    "string.rep('z',32)",
    "string.rep('z',256)",
];

const CONSTANTS: &[&str] = &["true", "false", "nil", "cjson.null"];

const PATTERNS: &[&str] = &[
    "'a'",
    "'.'",
    "'%a+'",
    "'(%w+)'",
    "'(%w+)=(%w+)'",
    "'^h'",
    "'o$'",
    "'.-l'",
    "'[a-c]'",
    "'[^a-z]'",
    "'()l()'",
    "'%f[%w]%w+'",
    "'%b()'",
    "'l*'",
    "'(l)(%1)'",
    "'[]]'",
    "'[%a'",
    "'%'",
    "'('",
    "')'",
    "'(a'",
    "'%1'",
    "'x?'",
    "'%s*$'",
    "''",
    "'[a-]'",
    "'[%]]'",
    "'%z'",
    "'.+.+'",
    "'%d-,'",
    "'[%w_]+'",
];

const TEXTS: &[&str] = &[
    "'hello world'",
    "'x=1, y=2'",
    "'(a(b)c)'",
    "''",
    "'abc'",
    "'aXbXc'",
    "'THE (quick) fox'",
    r"'a\0b'",
    "'  x  '",
];

const JSON: &[&str] = &[
    "1",
    "-1",
    "1.5e3",
    r#""a""#,
    r#""\\u0041""#,
    r#""\\ud83d\\ude00""#,
    r#""\\ud800""#,
    r#""\\x""#,
    "[1,2",
    "[1,2]",
    r#"{"a":1}"#,
    r#"{"a"}"#,
    r#"{"a":}"#,
    "{a:1}",
    r#"{"a":1,}"#,
    "[]",
    "{}",
    "null",
    "true",
    "fals",
    "nan",
    "inf",
    "0x1F",
    "01",
    "-",
    "+1",
    "[[[]]]",
    r#""abc"#,
    "",
    "   ",
    " 1 2",
    "[1 2]",
    r#"{"a":1 "b":2}"#,
    "{1:2}",
    r#"{"a":[1,{"b":null}]}"#,
    "1e400",
    "-inf",
    "]",
    "}",
    ",",
    ":",
];

/// What `gsub` puts in place of a match.
const REPLACEMENTS: &[&str] = &[
    "'<%0>'",
    "'%1'",
    "'%2'",
    "'%%'",
    "'x%'",
    "''",
    "7",
    "{a='A',hello=1}",
    "function(a,b) return b end",
    "function(a) if a=='l' then return false end return '['..a..']' end",
    "string.upper",
    "true",
    "{l={}}",
];

// Not `string.rep`: a count that is cut to C's int may ask a Redis for gigabytes.
const FUNCTIONS: &[&str] = &[
    "error",
    "redis.call",
    "redis.pcall",
    "tonumber",
    "table.concat",
    "cjson.encode",
    "struct.pack",
    "setmetatable",
    "rawset",
    "unpack",
    "select",
    "string.byte",
    "string.sub",
    "ipairs",
    "next",
    "math.floor",
    "math.fmod",
    "bit.bor",
    "redis.sha1hex",
    "redis.status_reply",
    "cjson.decode",
    "cmsgpack.unpack",
    "loadstring",
    "rawget",
    "table.insert",
    "table.remove",
    "assert",
    "type",
    "redis.setresp",
    "redis.log",
    "string.char",
    "string.find",
    "string.gsub",
    "load",
    "redis.error_reply",
    "cmsgpack.pack",
    "struct.size",
    "math.ldexp",
];

const FORMATS: &[&str] = &[
    "%d %s",
    "%5.2f|%g",
    "%x %X",
    "%q",
    "%s %s",
    "%c",
    "%i %u",
    "%e",
    "%10s|%-5s",
    "%.3s",
    "%g %G",
    "%5d",
    "%y",
    "%",
];

/// Replies that are written as tables.
const REPLIES: &[&str] = &[
    "{ok='fine'}",
    "{err='bad'}",
    "{err='A b'}",
    "{double=$n}",
    "{map={a=1}}",
    "{set={x=true}}",
    "{big_number='123'}",
    "{verbatim_string={string='x',format='txt'}}",
    "{verbatim_string={string='x',format='a'}}",
    "redis.status_reply($s)",
    "redis.error_reply($s)",
    "{double='x'}",
    "{big_number=1}",
    "{map=1}",
];

const COMMANDS: &[&str] = &[
    "'zrange','z',0,-1,'withscores'",
    "'hgetall','h'",
    "'lrange','l',0,-1",
    "'smembers','st'",
    "'zscore','z','a'",
    "'get','nosuch'",
    "'hget','h','x'",
    "'lpop','nosuch',2",
    "'zpopmin','z'",
    "'type','z'",
    "'exists','z'",
    "'incrbyfloat','fl','1.5'",
    "'ping'",
    "'echo','x'",
    "'config','get','maxmemory'",
    "'xrange','nosuch','-','+'",
    "'geopos','nosuch','x'",
    "'time','x'",
    "'dbsize'",
    "'object','encoding','z'",
    "'client','getname'",
    "'get'",
    "'nosuch','a'",
    "'blpop','nosuch',0",
    "'incr','h'",
    "'set','n',$n",
    "'set','n',$s",
    "'set','n',$v",
    "'subscribe','a'",
];

const FIELDS: &[&str] = &[
    "b", "B", "h", "H", "l", "L", "i", "I", "i3", "I7", "i8", "f", "d", "s", "c0", "c3", "x", ">",
    "<", "!", "!4", "!2", "=", " ", "T", "i33", "z", "Bc0",
];

const PACKED: &[&str] = &[
    r"\0", r"\1", r"\127", r"\128", r"\130", r"\144", r"\146", r"\160", r"\163", r"\192", r"\193",
    r"\194", r"\196", r"\202", r"\203", r"\204", r"\205", r"\206", r"\207", r"\208", r"\209",
    r"\210", r"\211", r"\217", r"\218", r"\220", r"\222", r"\224", r"\255",
];

const BITS: &[&str] = &[
    "band", "bor", "bxor", "lshift", "rshift", "arshift", "rol", "ror", "tobit", "bnot", "bswap",
    "tohex",
];

const FORMS: &[&str] = &[
    "return cjson.encode($v)",
    "local t=cjson.decode('$j') return {type(t), cjson.encode({t})}",
    "return cmsgpack.pack($v,$v)",
    "return cjson.encode({cmsgpack.unpack(cmsgpack.pack($v,$v))})",
    "return {cmsgpack.unpack('$m$m$m$m')}",
    r"return {cmsgpack.unpack_one('\1\2\163abc\146\1\2',$n)}",
    r"return {cmsgpack.unpack_limit('\1\2\163abc\146\1\2',$n,$n)}",
    "return struct.pack('$f$f$f',$n,$n,$s)",
    "return struct.pack('$f$f',$s,$n)",
    r"return cjson.encode({pcall(struct.unpack,'$f$f$f','\1\2\3\4\5\250\251\0\255abcdefgh\0',$n)})",
    "return struct.size('$f$f$f')",
    "return bit.$b($n,$n)",
    "return {string.find($t,$p,$n)}",
    "return {string.match($t,$p)}",
    "local r,n = string.gsub($t,$p,$r) return {r,n}",
    "local r,n = string.gsub($t,$p,$r,$n) return {r,n}",
    "local t={} for a,b in string.gmatch($t,$p) do t[#t+1]=a t[#t+1]=b or '-' if #t>50 then break end end return t",
    "return string.format('$o',$n,$s)",
    "return $v",
    "return {$v,$y,{$v}}",
    "redis.call('set','n',$n) return redis.call('get','n')",
    "return $n + 0 .. ''",
    "return $s + 0 .. ''",
    "return {pcall($c,$v,$n)}",
    "return {pcall($c,$s,$s)}",
    "local a,b = pcall($c,$v) return {tostring(a), type(b)}",
    // A table without `err` as an error ends a redis-server.
    "$c($s,$v)",
    "math.randomseed($n) return {tostring(math.random()),math.random(10),math.random(-5,5)}",
    "redis.setresp(2) return redis.call($k)",
    "redis.setresp(3) return redis.call($k)",
    "return redis.pcall($k)",
    "local r = redis.pcall($k) return type(r)",
    "return nosuch$b",
    "x$b = 1",
    "local x = $v return x.y.z",
    "error({err=$s})",
    "return {KEYS[1], ARGV[1], #KEYS, #ARGV}",
];

/// Makes programs.
pub(crate) struct Programs {
    state: u64,
}

impl Programs {
    pub(crate) fn new(seed: u64) -> Programs {
        Programs { state: seed }
    }

    /// A call of the next program.
    pub(crate) fn next(&mut self) -> Vec<Vec<u8>> {
        let form = self.pick(FORMS);
        let program = self.fill(form, 0);
        let name = self.pick(&["EVAL", "EVAL", "EVAL", "EVAL_RO"]);
        [name, &program, "1", "key", "arg"].map(|word| word.as_bytes().to_vec()).to_vec()
    }

    /// The generator splitmix64.
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).expect("below a usize")
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn fill(&mut self, form: &str, depth: usize) -> String {
        let mut parts = form.split('$');
        let mut program = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (place, rest) = part.split_at(part.len().min(1));
            program.push_str(&self.place(place, depth));
            program.push_str(rest);
        }
        program
    }

    fn place(&mut self, place: &str, depth: usize) -> String {
        let choices = match place {
            "n" => NUMBERS,
            "s" => STRINGS,
            "p" => PATTERNS,
            "t" => TEXTS,
            "j" => JSON,
            "r" => REPLACEMENTS,
            "c" => FUNCTIONS,
            "o" => FORMATS,
            "k" => COMMANDS,
            "f" => FIELDS,
            "m" => PACKED,
            "b" => BITS,
            "y" => REPLIES,
            "v" => return self.value(depth),
            other => panic!("no such place: ${other}"),
        };
        let choice = self.pick(choices);
        if matches!(place, "y" | "k") { self.fill(choice, depth) } else { choice.to_owned() }
    }

    fn value(&mut self, depth: usize) -> String {
        let form = match self.below(if depth > 3 { 6 } else { 9 }) {
            0..3 => "$n",
            3 | 4 => "$s",
            5 => return self.pick(CONSTANTS).to_owned(),
            6 => "{$v,$v,$v}",
            7 => "{a=$v}",
            _ => "{[$n]=$v}",
        };
        // No key of a table is without an end.
        let form = form.replace(
            "[$n]",
            self.pick(&["[1]", "[2]", "[12]", "[100]", "[0]", "[-1]", "[1.5]", "['k']"]),
        );
        self.fill(&form, depth + 1)
    }
}
