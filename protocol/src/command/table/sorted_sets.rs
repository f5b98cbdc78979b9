//! Rows about sorted sets.

use crate::command::CommandSpec;
use crate::command::policy::{ReplyPolicy, RequestPolicy, TimeoutArg};
use crate::command::reply_keys::ReplyKeys;
use crate::command::row::{key, keys_counted, keys_to, row};

pub(super) const ROWS: &[CommandSpec] = &[
    row("bzmpop", -5, "write blocking", "sortedset")
        .keys(&[keys_counted(2, "RW access delete")])
        .routed(RequestPolicy::Blocking { timeout: TimeoutArg::First }, ReplyPolicy::Passthrough)
        .tells_keys(ReplyKeys::First)
        .since("7.0.0", "O(K) + O(M*log(N))")
        .about("Takes lowest or highest members of the first sorted set that has some, or waits"),
    row("bzpopmax", -3, "write noscript blocking fast", "sortedset")
        .keys(&[keys_to(1, -2, "RW access delete")])
        .routed(RequestPolicy::Blocking { timeout: TimeoutArg::Last }, ReplyPolicy::Passthrough)
        .tells_keys(ReplyKeys::First)
        .since("5.0.0", "O(log(N))")
        .about("Takes the highest member of the first sorted set that has some, or waits"),
    row("bzpopmin", -3, "write noscript blocking fast", "sortedset")
        .keys(&[keys_to(1, -2, "RW access delete")])
        .routed(RequestPolicy::Blocking { timeout: TimeoutArg::Last }, ReplyPolicy::Passthrough)
        .tells_keys(ReplyKeys::First)
        .since("5.0.0", "O(log(N))")
        .about("Takes the lowest member of the first sorted set that has some, or waits"),
    row("zadd", -4, "write denyoom fast", "sortedset")
        .keys(&[key(1, "RW update")])
        .since("1.2.0", "O(log(N)) per member")
        .about("Adds members to a sorted set or changes their scores"),
    row("zcard", 2, "readonly fast", "sortedset")
        .keys(&[key(1, "RO")])
        .since("1.2.0", "O(1)")
        .about("Counts the members of a sorted set"),
    row("zcount", 4, "readonly fast", "sortedset")
        .keys(&[key(1, "RO access")])
        .since("2.0.0", "O(log(N))")
        .about("Counts the members with scores in a range"),
    row("zdiff", -3, "readonly", "sortedset")
        .keys(&[keys_counted(1, "RO access")])
        .since("6.2.0", "O(L + (N-K)log(N))")
        .about("Answers the members of the first sorted set that no other has"),
    row("zdiffstore", -4, "write denyoom", "sortedset")
        .keys(&[key(1, "OW update"), keys_counted(2, "RO access")])
        .since("6.2.0", "O(L + (N-K)log(N))")
        .about("Stores the members of the first sorted set that no other has"),
    row("zincrby", 4, "write denyoom fast", "sortedset")
        .keys(&[key(1, "RW access update")])
        .since("1.2.0", "O(log(N))")
        .about("Adds to the score of a member"),
    row("zinter", -3, "readonly", "sortedset")
        .keys(&[keys_counted(1, "RO access")])
        .since("6.2.0", "O(N*K)+O(M*log(M))")
        .about("Answers the members that all sorted sets have, with scores combined"),
    row("zintercard", -3, "readonly", "sortedset")
        .keys(&[keys_counted(1, "RO access")])
        .since("7.0.0", "O(N*K)")
        .about("Counts the members that all sorted sets have"),
    row("zinterstore", -4, "write denyoom", "sortedset")
        .keys(&[key(1, "OW update"), keys_counted(2, "RO access")])
        .since("2.0.0", "O(N*K)+O(M*log(M))")
        .about("Stores the members that all sorted sets have, with scores combined"),
    row("zlexcount", 4, "readonly fast", "sortedset")
        .keys(&[key(1, "RO access")])
        .since("2.8.9", "O(log(N))")
        .about("Counts the members between two names, where all scores are equal"),
    row("zmpop", -4, "write", "sortedset")
        .keys(&[keys_counted(1, "RW access delete")])
        .tells_keys(ReplyKeys::First)
        .since("7.0.0", "O(K) + O(M*log(N))")
        .about("Takes lowest or highest members of the first sorted set that has some"),
    row("zmscore", -3, "readonly fast", "sortedset")
        .keys(&[key(1, "RO access")])
        .since("6.2.0", "O(N)")
        .about("Answers the scores of several members"),
    row("zpopmax", -2, "write fast", "sortedset")
        .keys(&[key(1, "RW access delete")])
        .since("5.0.0", "O(log(N)*M)")
        .about("Takes the members with the highest scores"),
    row("zpopmin", -2, "write fast", "sortedset")
        .keys(&[key(1, "RW access delete")])
        .since("5.0.0", "O(log(N)*M)")
        .about("Takes the members with the lowest scores"),
    row("zrandmember", -2, "readonly", "sortedset")
        .keys(&[key(1, "RO access")])
        .tips(&["nondeterministic_output"])
        .since("6.2.0", "O(N)")
        .about("Answers random members of a sorted set"),
    row("zrange", -4, "readonly", "sortedset")
        .keys(&[key(1, "RO access")])
        .since("1.2.0", "O(log(N)+M)")
        .about("Answers a range of members by rank, score or name"),
    row("zrangebylex", -4, "readonly", "sortedset")
        .keys(&[key(1, "RO access")])
        .since("2.8.9", "O(log(N)+M)")
        .deprecated("6.2.0", "ZRANGE BYLEX")
        .about("Answers the members between two names, where all scores are equal"),
    row("zrangebyscore", -4, "readonly", "sortedset")
        .keys(&[key(1, "RO access")])
        .since("1.0.5", "O(log(N)+M)")
        .deprecated("6.2.0", "ZRANGE BYSCORE")
        .about("Answers the members with scores in a range, lowest first"),
    row("zrangestore", -5, "write denyoom", "sortedset")
        .keys(&[key(1, "OW update"), key(2, "RO access")])
        .since("6.2.0", "O(log(N)+M)")
        .about("Stores a range of members, by rank, score or name, at another key"),
    row("zrank", 3, "readonly fast", "sortedset")
        .keys(&[key(1, "RO access")])
        .since("2.0.0", "O(log(N))")
        .about("Answers the rank of a member, counted from the lowest score"),
    row("zrem", -3, "write fast", "sortedset")
        .keys(&[key(1, "RW delete")])
        .since("1.2.0", "O(M*log(N))")
        .about("Removes members of a sorted set"),
    row("zremrangebylex", 4, "write", "sortedset")
        .keys(&[key(1, "RW delete")])
        .since("2.8.9", "O(log(N)+M)")
        .about("Removes the members between two names, where all scores are equal"),
    row("zremrangebyrank", 4, "write", "sortedset")
        .keys(&[key(1, "RW delete")])
        .since("2.0.0", "O(log(N)+M)")
        .about("Removes the members with ranks in a range"),
    row("zremrangebyscore", 4, "write", "sortedset")
        .keys(&[key(1, "RW delete")])
        .since("1.2.0", "O(log(N)+M)")
        .about("Removes the members with scores in a range"),
    row("zrevrange", -4, "readonly", "sortedset")
        .keys(&[key(1, "RO access")])
        .since("1.2.0", "O(log(N)+M)")
        .deprecated("6.2.0", "ZRANGE REV")
        .about("Answers the members with ranks in a range, highest score first"),
    row("zrevrangebylex", -4, "readonly", "sortedset")
        .keys(&[key(1, "RO access")])
        .since("2.8.9", "O(log(N)+M)")
        .deprecated("6.2.0", "ZRANGE REV BYLEX")
        .about("Answers the members between two names, last name first"),
    row("zrevrangebyscore", -4, "readonly", "sortedset")
        .keys(&[key(1, "RO access")])
        .since("2.2.0", "O(log(N)+M)")
        .deprecated("6.2.0", "ZRANGE REV BYSCORE")
        .about("Answers the members with scores in a range, highest first"),
    row("zrevrank", 3, "readonly fast", "sortedset")
        .keys(&[key(1, "RO access")])
        .since("2.0.0", "O(log(N))")
        .about("Answers the rank of a member, counted from the highest score"),
    row("zscan", -3, "readonly", "sortedset")
        .keys(&[key(1, "RO access")])
        .tips(&["nondeterministic_output"])
        .since("2.8.0", "O(1), a whole walk O(N)")
        .about("Walks over members and scores of a sorted set, a few per call"),
    row("zscore", 3, "readonly fast", "sortedset")
        .keys(&[key(1, "RO access")])
        .since("1.2.0", "O(1)")
        .about("Answers the score of a member"),
    row("zunion", -3, "readonly", "sortedset")
        .keys(&[keys_counted(1, "RO access")])
        .since("6.2.0", "O(N)+O(M*log(M))")
        .about("Answers the members that any sorted set has, with scores combined"),
    row("zunionstore", -4, "write denyoom", "sortedset")
        .keys(&[key(1, "OW update"), keys_counted(2, "RO access")])
        .since("2.0.0", "O(N)+O(M log(M))")
        .about("Stores the members that any sorted set has, with scores combined"),
];
