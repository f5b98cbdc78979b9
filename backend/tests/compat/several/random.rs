//! Random scripts of several clients: some that wait for keys, one that never does, one that listens.

/// Keys of all types, so that the wrong one is met as well.
const KEYS: &[&str] = &["a", "b", "c", "s"];

/// Commands that may wait. `K` is a key.
const WAITING: &[&str] = &[
    "BLPOP K 0",
    "BLPOP K K 0",
    "BRPOP K K K 0",
    "BLMOVE K K LEFT RIGHT 0",
    "BLMOVE K K RIGHT RIGHT 0",
    "BRPOPLPUSH K K 0",
    "BLMPOP 0 2 K K LEFT COUNT 2",
    "BLMPOP 0 1 K RIGHT",
    "BZPOPMIN K K 0",
    "BZPOPMAX K 0",
    "BZMPOP 0 2 K K MAX COUNT 2",
    "XREAD BLOCK 0 STREAMS K $",
    "XREAD BLOCK 0 COUNT 1 STREAMS K K $ 0",
    "XREADGROUP GROUP g c BLOCK 0 STREAMS K >",
    "XREADGROUP GROUP g d BLOCK 0 COUNT 1 NOACK STREAMS K K > >",
    "WAIT 1 0",
];

/// Commands that do not. `N` is a number that grows. None makes several keys ready at once in an order that a Redis
/// leaves to its hash function, as `SWAPDB` does.
const GOING: &[&str] = &[
    "RPUSH K x",
    "RPUSH K x y z",
    "LPUSH K v",
    "LPUSHX K w",
    "LMOVE K K LEFT LEFT",
    "RPOPLPUSH K K",
    "LPOP K",
    "ZADD K 1 m",
    "ZADD K 1 m 2 n 3 o",
    "ZUNIONSTORE K 2 K K",
    "ZPOPMIN K",
    "SORT K BY nosort STORE K",
    "XADD K N-0 f v",
    "XADD K N-0 f v",
    "XGROUP CREATE K g $ MKSTREAM",
    "XGROUP DESTROY K g",
    "SADD K m",
    "SET K v",
    "DEL K",
    "DEL K",
    "DEL K K",
    "RENAME K K",
    "RENAMENX K K",
    "COPY K K REPLACE",
    "MOVE K 1",
    "SELECT 0",
    "SELECT 1",
    "FLUSHDB",
    "WATCH K",
    "MULTI",
    "MULTI",
    "EXEC",
    "EXEC",
    "EXEC",
    "DISCARD",
    "CLIENT UNBLOCK @1",
    "CLIENT UNBLOCK @2 ERROR",
    "CLIENT UNBLOCK @3 TIMEOUT",
    "CLIENT UNBLOCK @4",
    "PUBLISH channel N",
    "TYPE K",
    "LRANGE K 0 -1",
];

/// The client that never waits, except in a transaction, where nobody does.
const DRIVER: usize = 5;

/// A script of so many lines from a seed.
pub(crate) fn script(seed: u64, lines: usize) -> String {
    let mut random = Random(seed);
    let mut script = String::from(
        "0 CONFIG SET notify-keyspace-events AKE\n0 PSUBSCRIBE *\n1 PING\n2 PING\n3 PING\n4 PING",
    );
    for number in 0..lines {
        let is_driver = random.below(3) > 0;
        let client = if is_driver { DRIVER } else { 1 + random.below(4) };
        let forms = if !is_driver && random.below(4) > 0 { WAITING } else { GOING };
        script.push_str(&format!("\n{client}"));
        for word in forms[random.below(forms.len())].split(' ') {
            script.push(' ');
            match word {
                "K" => script.push_str(KEYS[random.below(KEYS.len())]),
                "N-0" => script.push_str(&format!("{}-0", number + 1)),
                "N" => script.push_str(&number.to_string()),
                word => script.push_str(word),
            }
        }
    }
    script
}

/// Numbers from a seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below a bound, which is not zero.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).expect("below a usize")
    }
}
