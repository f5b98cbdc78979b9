//! Sorted sets: two families, since ranges of names mean something only between members of one score, and what is
//! picked at random must not stand in a transaction, whose replies are compared as they are.

use super::Family;
use crate::grammar::Arg::{
    self, Either, Float, Key, Many, Number, OneOf, Pattern, Perhaps, Small, Value, Word,
};

/// Any scores, no ranges of names, no transactions.
pub(crate) const FAMILY: Family =
    Family { name: "sorted_sets", settings: LOW_LIMITS, commands: COMMANDS };

/// One score, ranges of names, transactions.
pub(crate) const BY_NAME: Family =
    Family { name: "sorted_sets_by_name", settings: LOW_LIMITS, commands: BY_NAME_COMMANDS };

const LOW_LIMITS: &[(&str, &str)] =
    &[("zset-max-listpack-entries", "8"), ("zset-max-listpack-value", "20")];

const SCORE: Arg = Either(&[
    &[OneOf(&["0", "1", "-1", "2", "3", "1.5", "10", "100", "-0"])],
    &[OneOf(&["0", "1", "2", "3", "4", "5", "6", "7"])],
    &[OneOf(&["inf", "-inf", "+inf", "3e17", "0.1", "1e18", "4611686018427387904", "5e18"])],
    &[Float],
]);

const MEMBER: Arg = Either(&[
    &[OneOf(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"])],
    &[OneOf(&["a", "aa", "ab", "1", "01", "-1", "1234567", "twenty bytes exactly"])],
    &[OneOf(&["", "a", "b", "c", "d", "e"])],
    &[Value],
]);

const MEMBERS: Arg = Many(4, &[MEMBER]);
const PAIRS: Arg = Many(4, &[SCORE, MEMBER]);

const ADD_OPTIONS: Arg = Many(3, &[OneOf(&["NX", "XX", "GT", "LT", "CH", "ch", "INCR", "incr"])]);

const SCORE_BOUND: Arg = Either(&[
    &[SCORE],
    &[OneOf(&["(1", "(2", "(0", "-inf", "+inf", "(-inf", "(inf", "(", "", " 1", "1e400", "(x"])],
]);

const NAME_BOUND: Arg = Either(&[
    &[OneOf(&["-", "+", "[a", "[b", "(b", "(c", "[f", "(j", "[k", "[", "(", "[aa", "(1"])],
    &[OneOf(&["-", "+", "a", "", "[zzz", "+x", "-x"])],
]);

const WITH_SCORES: Arg = Perhaps(&[OneOf(&["WITHSCORES", "withscores", "WITHSCORES", "foo"])]);
const LIMIT: Arg = Perhaps(&[Word("LIMIT"), Small, Small]);
const REV: Arg = Perhaps(&[OneOf(&["REV", "rev"])]);

/// A number of keys that mostly fits, and the keys.
const KEYS: Arg = Either(&[
    &[Word("1"), Key],
    &[Word("2"), Key, Key],
    &[Word("2"), Key, Key],
    &[Word("3"), Key, Key, Key],
    &[OneOf(&["0", "-1", "4", "x", "1"]), Key, Key],
]);

const COMBINE_OPTIONS: Arg = Many(
    3,
    &[Either(&[
        &[OneOf(&["WITHSCORES", "withscores", "AGGREGATE"])],
        &[Word("WEIGHTS"), SCORE, SCORE],
        &[Word("weights"), SCORE],
        &[Word("WEIGHTS"), SCORE, SCORE, SCORE],
        &[Word("AGGREGATE"), OneOf(&["SUM", "min", "MAX", "foo"])],
    ])],
);

const COUNT: Arg = Perhaps(&[OneOf(&["0", "1", "2", "5", "100", "-1", "x"])]);

const COMMANDS: &[&[Arg]] = &[
    &[Word("ZADD"), Key, SCORE, MEMBER, PAIRS],
    &[Word("ZADD"), Key, SCORE, MEMBER, PAIRS],
    &[Word("ZADD"), Key, SCORE, MEMBER, PAIRS],
    &[Word("ZADD"), Key, SCORE, MEMBER, PAIRS],
    &[Word("ZADD"), Key, ADD_OPTIONS, SCORE, MEMBER, PAIRS],
    &[Word("ZADD"), Key, ADD_OPTIONS, SCORE, MEMBER],
    &[Word("ZADD"), Key, ADD_OPTIONS, SCORE, MEMBER],
    &[Word("ZADD"), Key, ADD_OPTIONS, PAIRS],
    &[Word("ZINCRBY"), Key, SCORE, MEMBER],
    &[Word("ZINCRBY"), Key, SCORE, MEMBER],
    &[Word("ZREM"), Key, MEMBER, MEMBERS],
    &[Word("ZREM"), Key, MEMBER],
    &[Word("ZCARD"), Key],
    &[Word("ZSCORE"), Key, MEMBER],
    &[Word("ZMSCORE"), Key, MEMBER, MEMBERS],
    &[Word("ZRANK"), Key, MEMBER],
    &[Word("ZREVRANK"), Key, MEMBER],
    &[Word("ZCOUNT"), Key, SCORE_BOUND, SCORE_BOUND],
    &[Word("ZRANGE"), Key, Small, Small, WITH_SCORES],
    &[Word("ZRANGE"), Key, Word("0"), Word("-1"), Word("WITHSCORES")],
    &[Word("ZRANGE"), Key, Small, Small, REV, WITH_SCORES, LIMIT],
    &[Word("ZRANGE"), Key, SCORE_BOUND, SCORE_BOUND, Word("BYSCORE"), LIMIT, REV, WITH_SCORES],
    &[Word("ZRANGE"), Key, SCORE_BOUND, SCORE_BOUND, WITH_SCORES, REV, Word("byscore"), LIMIT],
    &[Word("ZREVRANGE"), Key, Small, Small, WITH_SCORES],
    &[Word("ZREVRANGE"), Key, Small, Small, REV],
    &[Word("ZRANGEBYSCORE"), Key, SCORE_BOUND, SCORE_BOUND, WITH_SCORES, LIMIT],
    &[Word("ZREVRANGEBYSCORE"), Key, SCORE_BOUND, SCORE_BOUND, LIMIT, WITH_SCORES],
    &[Word("ZRANGESTORE"), Key, Key, Small, Small, REV],
    &[Word("ZRANGESTORE"), Key, Key, SCORE_BOUND, SCORE_BOUND, Word("BYSCORE"), REV, LIMIT],
    &[Word("ZRANGESTORE"), Key, Key, Word("0"), Word("-1"), WITH_SCORES],
    &[Word("ZREMRANGEBYRANK"), Key, Small, Small],
    &[Word("ZREMRANGEBYSCORE"), Key, SCORE_BOUND, SCORE_BOUND],
    &[Word("ZPOPMIN"), Key, COUNT],
    &[Word("ZPOPMAX"), Key, COUNT],
    &[Word("ZMPOP"), KEYS, OneOf(&["MIN", "max", "foo"]), Perhaps(&[Word("COUNT"), Small])],
    &[Word("ZMPOP"), KEYS, OneOf(&["MIN", "MAX"]), Many(2, &[Word("count"), Small])],
    &[Word("SADD"), Key, MEMBER, MEMBERS],
    &[Word("SADD"), Key, OneOf(&["1", "2", "3"]), Many(2, &[OneOf(&["4", "5", "1234567"])])],
    &[Word("ZRANDMEMBER"), Key],
    &[Word("ZRANDMEMBER"), Key, OneOf(&["0", "1", "-3", "5", "100", "x"]), WITH_SCORES],
    &[Word("ZRANDMEMBER"), Key, OneOf(&["-9223372036854775808", "9223372036854775807"])],
    &[
        Word("ZRANDMEMBER"),
        Key,
        OneOf(&["9223372036854775807", "4611686018427387904", "4611686018427387903"]),
        Word("WITHSCORES"),
    ],
    &[Word("ZUNION"), KEYS, COMBINE_OPTIONS],
    &[Word("ZINTER"), KEYS, COMBINE_OPTIONS],
    &[Word("ZDIFF"), KEYS, COMBINE_OPTIONS],
    &[Word("ZDIFF"), KEYS, WITH_SCORES],
    &[Word("ZUNIONSTORE"), Key, KEYS, COMBINE_OPTIONS],
    &[Word("ZUNIONSTORE"), Key, KEYS],
    &[Word("ZINTERSTORE"), Key, KEYS, COMBINE_OPTIONS],
    &[Word("ZDIFFSTORE"), Key, KEYS],
    &[Word("ZDIFFSTORE"), Key, KEYS, COMBINE_OPTIONS],
    &[Word("ZINTERCARD"), KEYS, Many(2, &[OneOf(&["LIMIT", "limit"]), Small])],
    &[Word("ZINTERCARD"), KEYS, WITH_SCORES],
    &[Word("ZSCAN"), Key, Word("0"), Word("COUNT"), Word("1000")],
    &[Word("ZSCAN"), Key, Word("0"), Word("COUNT"), Word("1000"), Word("MATCH"), Pattern],
    &[Word("ZSCAN"), Key, Number, OneOf(&["TYPE", "COUNT", "foo"]), OneOf(&["zset", "0", "-1"])],
    &[Word("SET"), Key, Value],
    &[Word("GET"), Key],
    &[Word("DEL"), Key],
    &[Word("DEL"), Key],
    &[Word("DEL"), Key, Key],
    &[Word("RENAME"), Key, Key],
    &[Word("COPY"), Key, Key, Perhaps(&[Word("REPLACE")])],
    &[Word("EXPIRE"), Key, OneOf(&["1000", "100000"])],
    &[Word("TTL"), Key],
    &[Word("TYPE"), Key],
    &[Word("OBJECT"), Word("ENCODING"), Key],
    &[Word("OBJECT"), Word("ENCODING"), Key],
];

const BY_NAME_COMMANDS: &[&[Arg]] = &[
    &[Word("ZADD"), Key, Word("0"), MEMBER, Many(4, &[Word("0"), MEMBER])],
    &[Word("ZADD"), Key, Word("0"), MEMBER, Many(4, &[Word("0"), MEMBER])],
    &[Word("ZADD"), Key, Word("0"), MEMBER],
    &[Word("ZREM"), Key, MEMBER],
    &[Word("ZRANGEBYLEX"), Key, NAME_BOUND, NAME_BOUND, LIMIT],
    &[Word("ZRANGEBYLEX"), Key, NAME_BOUND, NAME_BOUND, WITH_SCORES],
    &[Word("ZREVRANGEBYLEX"), Key, NAME_BOUND, NAME_BOUND, LIMIT],
    &[Word("ZRANGE"), Key, NAME_BOUND, NAME_BOUND, Word("BYLEX"), REV, LIMIT, WITH_SCORES],
    &[Word("ZRANGE"), Key, NAME_BOUND, NAME_BOUND, REV, Word("bylex"), Perhaps(&[Word("BYSCORE")])],
    &[Word("ZRANGESTORE"), Key, Key, NAME_BOUND, NAME_BOUND, Word("BYLEX"), REV, LIMIT],
    &[Word("ZLEXCOUNT"), Key, NAME_BOUND, NAME_BOUND],
    &[Word("ZREMRANGEBYLEX"), Key, NAME_BOUND, NAME_BOUND],
    &[Word("ZRANK"), Key, MEMBER],
    &[Word("SET"), Key, Value],
    &[Word("DEL"), Key],
    &[Word("DEL"), Key, Key],
    &[Word("OBJECT"), Word("ENCODING"), Key],
    // Whoever watches a key is told of each change and of nothing else.
    &[Word("ZADD"), Key, ADD_OPTIONS, Word("0"), MEMBER],
    &[Word("ZINCRBY"), Key, Word("0"), MEMBER],
    &[Word("ZREMRANGEBYRANK"), Key, Small, Small],
    &[Word("ZREMRANGEBYSCORE"), Key, SCORE_BOUND, SCORE_BOUND],
    &[Word("ZPOPMIN"), Key, COUNT],
    &[Word("ZMPOP"), KEYS, OneOf(&["MIN", "max", "foo"]), Perhaps(&[Word("COUNT"), Small])],
    &[Word("ZUNIONSTORE"), Key, KEYS],
    &[Word("ZINTERSTORE"), Key, KEYS],
    &[Word("ZDIFFSTORE"), Key, KEYS],
    &[Word("WATCH"), Key],
    &[Word("WATCH"), Key, Key],
    &[Word("MULTI")],
    &[Word("EXEC")],
    &[Word("EXEC")],
    &[Word("EXEC")],
];
