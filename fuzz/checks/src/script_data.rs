//! Bytes that scripts read with cjson, cmsgpack and struct: what was read can be written, and what was
//! written is read.

use reddoor_backend::fuzz;

/// The first byte says which library reads the rest. `what` was read, written, read again and written again; the two
/// writings are given back.
const PROGRAMS: [&[u8]; 3] = [
    b"local ok, v = pcall(cjson.decode, ARGV[1]) if not ok then return {} end \
      local fine, once = pcall(cjson.encode, v) if not fine then return {} end \
      return {once, cjson.encode(cjson.decode(once))}",
    b"local values = {pcall(cmsgpack.unpack, ARGV[1])} if not values[1] then return {} end \
      local fine, once = pcall(cmsgpack.pack, unpack(values, 2, 20)) if not fine then return {} end \
      return {once, cmsgpack.pack(cmsgpack.unpack(once))}",
    b"local values = {pcall(struct.unpack, ARGV[1], ARGV[2])} if not values[1] then return {} end \
      local fine, once = pcall(struct.pack, ARGV[1], unpack(values, 2, #values - 1)) if not fine then return {} end \
      values = {struct.unpack(ARGV[1], once)} \
      return {once, struct.pack(ARGV[1], unpack(values, 1, #values - 1))}",
];

/// Takes a byte that picks the library, and what that reads; for struct the format up to a zero byte, then the data.
pub fn check(data: &[u8]) {
    let Some((which, rest)) = data.split_first() else { return };
    let program = PROGRAMS[usize::from(*which) % PROGRAMS.len()];
    let (format, packed) = rest.split_at(rest.iter().position(|b| *b == 0).unwrap_or(rest.len()));
    let args: &[&[u8]] = match which % 3 {
        2 => &[format, packed.get(1..).unwrap_or_default()],
        _ => &[rest],
    };
    let reply = fuzz::script(program, args).expect("it compiles");
    let text = || reply.escape_ascii().to_string();
    assert!(reply.starts_with(b"*"), "what was written is read: {}", text());
    // Of MessagePack what is nil in a map or at the end of an array is lost, and members of an object may come in
    // another order: then it is enough that it was read.
    let is_the_same = match which % 3 {
        0 => !rest.contains(&b'{'),
        1 => false,
        _ => true,
    };
    if let Some(bulks) = reply.strip_prefix(b"*2\r\n").filter(|_| is_the_same) {
        let (once, twice) = bulks.split_at(bulks.len() / 2);
        assert_eq!(once, twice, "{}", text());
    }
}
