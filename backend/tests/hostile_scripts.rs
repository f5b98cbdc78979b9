//! Scripts that want out, to stay, or to take everything: the node serves on, and the next script is not harmed.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use reddoor_backend::config::Config;
use tempfile::TempDir;

/// How long anything may take that has to come.
const WAIT_MAX: Duration = Duration::from_secs(90);

struct Node {
    socket: PathBuf,
    _dir: TempDir,
}

impl Node {
    fn start(directives: &str) -> Node {
        let dir = tempfile::tempdir().expect("a directory");
        let socket = dir.path().join("node.sock");
        let mut args = vec!["--unixsocket".to_owned(), socket.display().to_string()];
        args.extend(["--port".to_owned(), "0".to_owned()]);
        args.extend(directives.split_ascii_whitespace().map(str::to_owned));
        let config = Config::from_args(&args).expect("good arguments");
        thread::spawn(move || reddoor_backend::run(config).expect("it serves"));
        let start = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            assert!(start.elapsed() < WAIT_MAX, "the node does not serve");
            thread::yield_now();
        }
        Node { socket, _dir: dir }
    }

    fn client(&self) -> Client {
        let stream = UnixStream::connect(&self.socket).expect("it serves");
        stream.set_read_timeout(Some(WAIT_MAX)).expect("a socket option");
        Client { stream }
    }

    fn eval(&self, script: &str) -> String {
        self.client().eval(script)
    }

    /// Waits until a script keeps the node busy.
    fn wait_until_busy(&self) {
        let start = Instant::now();
        while !self.client().ask(&["PING"]).starts_with("-BUSY") {
            assert!(start.elapsed() < WAIT_MAX, "no script is busy");
            thread::yield_now();
        }
    }
}

struct Client {
    stream: UnixStream,
}

impl Client {
    fn send(&mut self, words: &[&str]) {
        let mut request = format!("*{}\r\n", words.len());
        words.iter().for_each(|word| request.push_str(&format!("${}\r\n{word}\r\n", word.len())));
        self.stream.write_all(request.as_bytes()).expect("it reads");
    }

    /// The first bytes of what comes.
    fn receive(&mut self) -> String {
        let mut buf = [0; 4096];
        let count = self.stream.read(&mut buf).expect("it answers");
        String::from_utf8_lossy(&buf[..count]).trim_end().to_owned()
    }

    fn ask(&mut self, words: &[&str]) -> String {
        self.send(words);
        self.receive()
    }

    fn eval(&mut self, script: &str) -> String {
        self.ask(&["EVAL", script, "0"])
    }
}

#[test]
fn nothing_outside_the_allowed_globals_is_there() {
    let node = Node::start("");
    for name in [
        "os", "io", "debug", "package", "require", "dofile", "loadfile", "print", "newproxy",
        "module", "getfenv", "setfenv", "jit", "ffi", "rawlen", "host", "std",
    ] {
        let reply = node.eval(&format!("return {name}"));
        assert!(reply.contains("nonexistent global variable"), "{name}: {reply}");
        assert_eq!(node.eval(&format!("return tostring(rawget(_G, '{name}'))")), "$3\r\nnil");
    }
}

#[test]
fn shared_tables_cannot_be_changed() {
    let node = Node::start("");
    let tables = [
        "_G",
        "string",
        "table",
        "math",
        "bit",
        "cjson",
        "cmsgpack",
        "struct",
        "redis",
        "coroutine",
        "getmetatable('')",
        "getmetatable(_G)",
        "getmetatable('').__index",
        "_G._G",
    ];
    let ways = [
        "T.x = 1",
        "rawset(T, 'x', 1)",
        "setmetatable(T, {})",
        "table.insert(T, 1)",
        "T[1] = 1",
        "table.remove(T)",
        "table.sort(T)",
        "for k in pairs(T) do T[k] = nil end",
        "local k = next(T) rawset(T, k, nil)",
    ];
    for table in tables {
        for way in ways {
            let script = format!("local T = {table} {way} return 'changed'");
            let reply = node.eval(&script);
            assert!(reply.contains("readonly table"), "{script}: {reply}");
        }
    }
    // What goes through a stand-in does not lead behind it.
    let script = "local _, t = pairs(string) t.rep = 1 return 'changed'";
    assert!(node.eval(script).contains("readonly table"));
    assert_eq!(node.eval("return ('ab'):rep(2)"), "$4\r\nabab");
}

#[test]
fn compiled_code_is_refused() {
    let node = Node::start("");
    for script in [
        "local f = loadstring(string.dump(function() return 1 end)) return f == nil and 'refused'",
        "local s = string.dump(function() return 1 end) local done \
         local f = load(function() if done then return nil end done = true return s end) return f == nil and 'refused'",
        "local s = string.dump(function() return 1 end) local i = 0 \
         local f = load(function() i = i + 1 return s:sub(i, i) end) return f == nil and 'refused'",
        "return loadstring('\\27') == nil and 'refused'",
        "return loadstring('\\27Lua') == nil and 'refused'",
    ] {
        assert_eq!(node.eval(script), "$7\r\nrefused", "{script}");
    }
    assert!(node.eval("\x1bLua").contains("unexpected symbol"));
}

/// Scripts that do not want to end.
const ENDLESS: &[&str] = &[
    "while true do end",
    "while true do pcall(function() while true do end end) end",
    "while true do xpcall(function() while true do end end, function() while true do end end) end",
    "local function f() return pcall(f) or f() end while true do f() end",
    "while true do local co = coroutine.create(function() while true do end end) coroutine.resume(co) end",
    "local f = coroutine.wrap(function() while true do end end) while true do pcall(f) end",
    "while true do pcall(string.rep, 'x', 1e7) end",
    "while true do pcall(string.find, string.rep('a', 5000), string.rep('.-', 30) .. 'b') end",
    "string.find(string.rep('a', 5000), string.rep('.-', 30) .. 'b')",
    "string.gsub(string.rep('a', 100000), '.', function() while true do end end)",
    "table.sort({3, 2, 1, 5}, function() while true do end end)",
    "setmetatable({}, {__index = function() while true do end end}).x()",
    "load(function() while true do end end)",
    "while true do load(function() while true do end end) end",
    "while true do pcall(redis.call, 'PING') end",
    "while true do pcall(error, {}) end",
    "for i = 1, 1/0 do local t = {} t[1] = t end",
];

#[test]
fn every_endless_script_is_killed() {
    let node = Node::start("--busy-reply-threshold 20");
    for script in ENDLESS {
        let mut client = node.client();
        client.send(&["EVAL", script, "0"]);
        node.wait_until_busy();
        let mut other = node.client();
        assert!(other.ask(&["SET", "a", "1"]).starts_with("-BUSY"), "{script}");
        assert_eq!(other.ask(&["SCRIPT", "KILL"]), "+OK", "{script}");
        let reply = client.receive();
        assert!(reply.contains("Script killed by user"), "{script}: {reply}");
        assert_eq!(node.eval("return 1"), ":1", "{script}");
    }
    assert_eq!(node.client().ask(&["GET", "a"]), "$-1");
}

#[test]
fn what_has_written_is_not_killed_and_a_function_not_as_a_script() {
    let node = Node::start("--busy-reply-threshold 20");
    let mut client = node.client();
    // Goes on until it was refused to be killed twice.
    client.send(&[
        "EVAL",
        "redis.call('SET', 'k', 1) repeat local errors = redis.call('INFO', 'errorstats') \
        until errors:find('errorstat_UNKILLABLE:count=2') return 'done'",
        "0",
    ]);
    node.wait_until_busy();
    assert!(node.client().ask(&["SCRIPT", "KILL"]).starts_with("-UNKILLABLE"));
    assert!(node.client().ask(&["FUNCTION", "KILL"]).starts_with("-UNKILLABLE"));
    assert_eq!(client.receive(), "$4\r\ndone");
    let library = "#!lua name=l\nredis.register_function('f', function() while true do end end)";
    assert_eq!(client.ask(&["FUNCTION", "LOAD", library]), "$1\r\nl");
    client.send(&["FCALL", "f", "0"]);
    node.wait_until_busy();
    assert!(node.client().ask(&["PING"]).contains("FUNCTION KILL"));
    assert!(node.client().ask(&["SCRIPT", "KILL"]).starts_with("-BUSY"));
    assert!(node.client().ask(&["FUNCTION", "STATS"]).contains("duration_ms"));
    assert_eq!(node.client().ask(&["FUNCTION", "KILL"]), "+OK");
    assert!(client.receive().contains("killed"));
}

#[test]
fn a_transaction_goes_on_behind_a_slow_script() {
    let node = Node::start("--busy-reply-threshold 20");
    let mut client = node.client();
    for words in
        [&["MULTI"][..], &["SET", "a", "1"], &["EVAL", "while true do end", "0"], &["INCR", "a"]]
    {
        client.ask(words);
    }
    client.send(&["EXEC"]);
    node.wait_until_busy();
    assert_eq!(node.client().ask(&["SCRIPT", "KILL"]), "+OK");
    let reply = client.receive();
    assert!(reply.starts_with("*3\r\n+OK\r\n-ERR") && reply.ends_with(":2"), "{reply}");
    assert_eq!(client.ask(&["GET", "a"]), "$1\r\n2");
}

#[test]
fn a_client_that_leaves_lets_its_script_end() {
    let node = Node::start("--busy-reply-threshold 20");
    let mut client = node.client();
    client.send(&["EVAL", "while true do end", "0"]);
    node.wait_until_busy();
    drop(client);
    assert_eq!(node.client().ask(&["SCRIPT", "KILL"]), "+OK");
    let start = Instant::now();
    while node.client().ask(&["PING"]) != "+PONG" {
        assert!(start.elapsed() < WAIT_MAX, "the script does not end");
    }
}

#[test]
fn too_much_is_an_error() {
    let node = Node::start("--lua-memory-limit 33554432");
    for script in [
        "local s = 'x' while true do s = s .. s end",
        "return #string.rep('x', 1e9)",
        "return #string.rep('x', 2^31 - 1)",
        "local t = {} while true do t[#t + 1] = {} end",
        "local t = {} while true do t[#t + 1] = string.rep('x', 1e6) .. #t end",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "local s = string.rep('x', 1e7) return #s:gsub('x', s)",
        "return table.concat({string.rep('x', 2e7), string.rep('y', 2e7)})",
        "return cjson.encode(string.rep('\\0', 1e7))",
        "local t = {} for i = 1, 1e5 do t = {t} end return cjson.encode(t)",
        "return unpack({}, 1, 1e8)",
        "return unpack({}, -2147483648, 2147483647)",
        "return unpack({1}, 1, 2^31 - 1)",
        "return select('#', string.byte(string.rep('x', 1e6), 1, -1))",
        "local function f() return f() + 1 end return f()",
        "local function f() local ok = pcall(f) return 1 end f() error('x')",
        "local f = function() end for i = 1, 300 do local g = f f = function() return string.gsub('a', 'a', g) end end f() error('x')",
        "local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x.y",
        "return loadstring('return ' .. string.rep('(', 1e5) .. string.rep(')', 1e5))()",
        "return loadstring(string.rep('do ', 1e5) .. string.rep('end ', 1e5))()",
        "return loadstring('local a = ' .. string.rep('{', 1e5))()",
        "return loadstring('return ' .. string.rep('a..', 1e5) .. 'a')()",
        "return string.find(string.rep('a', 2e5), string.rep('a?', 2e5) .. 'b') or error('x')",
        "return string.find(string.rep('(', 40), string.rep('(', 40))",
        "return cjson.decode(string.rep('[', 1e6))",
        "local s, t = string.rep('x', 1e6), {} for i = 1, 1e4 do t[i] = s end return cjson.encode(t)",
        "local s, t = string.rep('x', 1e6), {} for i = 1, 1e4 do t[i] = s end return cmsgpack.pack(t)",
        "cjson.decode_max_depth(1e9) return cjson.decode(string.rep('[', 1e6))",
        "return cmsgpack.unpack(string.rep('\\145', 1e6))",
        "return {cmsgpack.unpack(string.rep('\\1', 1e6))}",
        "return cmsgpack.unpack('\\221\\255\\255\\255\\255')",
        "return {struct.unpack(string.rep('b', 1e5), string.rep('x', 1e5))}",
        "return struct.pack('i2147483647', 1)",
        "return struct.unpack('c2147483647', 'x')",
        "return string.format('%99999d', 1)",
    ] {
        let reply = node.eval(script);
        assert!(reply.starts_with('-'), "{script}: {}", &reply[..reply.len().min(200)]);
        assert_eq!(node.eval("cjson.decode_max_depth(1000) return 1"), ":1", "{script}");
    }
}

/// What calls itself through C, or past what a stack holds: C's, Lua's, or ours.
const NESTED: &[&str] = &[
    "local function f() return pcall(f) end return f()",
    "local function f() return pcall(f) or error('x') end return f()",
    "local function f() return xpcall(f, f) end return f()",
    "local function f() return coroutine.wrap(f)() end return f()",
    "local function f() return coroutine.resume(coroutine.create(f)) end return f()",
    "local function f() return string.gsub('a', 'a', f) end return f()",
    "local function f() for w in string.gmatch('a b', '%a') do f() end end return f()",
    "local function f() table.sort({1, 2, 3}, f) end return f()",
    "local function f() table.foreach({1, 2, 3}, f) end return f()",
    "local function f() return load(f) end return type(f())",
    "local function f() return loadstring('return ...')(f()) end return f()",
    "local m = {} m.__index = function(t, k) return t[k] end return setmetatable({}, m).x",
    "local m = {} m.__newindex = function(t, k, v) t[k] = v end setmetatable({}, m).x = 1",
    "local m = {} m.__call = function(t) return t() + 1 end return setmetatable({}, m)()",
    "local m = {} m.__concat = function(a, b) return a .. b end return setmetatable({}, m) .. 'x'",
    "local m = {} m.__lt = function(a, b) return a < b end local t = setmetatable({}, m) return t < t",
    "local m = {} m.__tostring = function(t) return tostring(t) end return tostring(setmetatable({}, m))",
    "local t = setmetatable({}, {}) for i = 1, 1e5 do t = setmetatable({}, {__index = t}) end return t.x",
    "local function f(n) return n == 0 and 0 or 1 + f(n - 1) end return f(1e6)",
    "local t = {} for i = 1, 1e5 do t = {t} end return t",
    "local t = {} for i = 1, 1e5 do t = {map = {k = t}} end return t",
    "local t = {} t[1], t[2] = t, t return t",
    "local t = {} for i = 1, 60 do t = {t, t} end return t",
    "local t = {} for i = 1, 60 do t = {t, t} end return cjson.encode(t)",
    "local t = {} for i = 1, 60 do t = {t, t} end return cmsgpack.pack(t)",
    "return select('#', pcall(unpack, {}, 1, 7000))",
    "local t = {} for i = 1, 7990 do t[i] = 'element ' .. i end return redis.call('RPUSH', KEYS[1] or 'l', unpack(t))",
    "local t = {} for i = 1, 7900 do t[i] = {} end return cmsgpack.pack(unpack(t))",
];

#[test]
fn what_nests_too_deep_ends() {
    let node = Node::start("--lua-memory-limit 67108864 --busy-reply-threshold 500");
    for script in NESTED {
        let mut client = node.client();
        client.send(&["EVAL", script, "0"]);
        let (ended, at_end) = std::sync::mpsc::channel();
        let reading = thread::spawn(move || {
            let first = client.receive();
            // Whoever waits may have given up.
            let _ = ended.send(());
            first
        });
        // Some may be written for years, or until memory is out, and are killed like any other.
        while at_end.recv_timeout(Duration::from_millis(20)).is_err() {
            node.client().ask(&["SCRIPT", "KILL"]);
        }
        let first = reading.join().expect("it answers");
        assert!(first.starts_with(['-', '*', ':', '$', '%']), "{script}: {first}");
        assert_eq!(node.eval("return 1"), ":1", "{script}");
    }
}

#[test]
fn many_scripts_are_kept() {
    let node = Node::start("");
    let mut client = node.client();
    for number in 0..12_000 {
        assert_eq!(client.eval(&format!("return {number}")), format!(":{number}"));
    }
    // The digest of "return 1".
    let digest = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
    assert_eq!(client.ask(&["EVALSHA", digest, "0"]), ":1");
}

#[test]
fn the_compiler_stands_stress_with_collection() {
    let node = Node::start("");
    let script = "for i = 1, 300 do \
        local source = 'local a' .. i .. ' = \"' .. string.rep(i, 50) .. '\" return function() return a' .. i .. ' end' \
        local f = assert(loadstring(source, string.rep('=name' .. i, 20))) collectgarbage() \
        assert(f()() == string.rep(i, 50)) collectgarbage('step') \
        assert(not loadstring(source .. ' syntax error', 'n' .. i)) end return 'fine'";
    assert_eq!(node.eval(script), "$4\r\nfine");
}

#[test]
fn one_script_leaves_nothing_for_the_next() {
    let node = Node::start("");
    node.eval("KEYS[1] = 'left' ARGV.x = 1 redis.setresp(3) collectgarbage('stop') return 1");
    assert_eq!(node.eval("return {#KEYS, tostring(ARGV.x)}"), "*2\r\n:0\r\n$3\r\nnil");
    assert_eq!(node.eval("return redis.call('GET', 'nosuch') == false and 'false'"), "$5\r\nfalse");
    assert_eq!(node.eval("for i = 1, 100 do local s = string.rep('x', 1e7) end return 1"), ":1");
}
