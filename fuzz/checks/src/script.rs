//! Sources of scripts: whatever runs ends with one reply, and does nothing to the script behind it.

use reddoor_backend::fuzz;
use reddoor_protocol::frame::ReplyLimits;
use reddoor_protocol::value;

/// Of what lies around a script, what it must not have changed.
const LOOK: &[u8] = b"for k in next, _G do if type(k) ~= 'string' then return k end end \
    return {#KEYS, #ARGV, ('x'):rep(2), tostring(1), select('#', 1, 2), math.floor(1.5), type(redis.call), \
    cjson.encode({1}), tostring(rawget(_G, 'x')), pcall(function() return 1 end)}";

/// Takes the source of a script.
pub fn check(data: &[u8]) {
    if let Some(reply) = fuzz::script(data, &[b"arg"]) {
        let parsed = value::parse(&reply, &ReplyLimits::default()).expect("a reply");
        let (_, len) = parsed.expect("a whole reply");
        assert_eq!(len, reply.len(), "one reply");
    }
    let seen = fuzz::script(LOOK, &[]).expect("it compiles");
    let expect = "*11\r\n:0\r\n:0\r\n$2\r\nxx\r\n$1\r\n1\r\n:2\r\n:1\r\n$8\r\nfunction\r\n$3\r\n[1]\r\n\
        $3\r\nnil\r\n:1\r\n:1\r\n";
    assert_eq!(String::from_utf8_lossy(&seen), expect);
}
