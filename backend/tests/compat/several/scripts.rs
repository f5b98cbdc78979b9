//! Scripts of several clients for what random ones would not hit.

/// Publish and subscribe, as any protocol version has it.
pub(crate) const PUBSUB: &[&str] = &[
    "1 SUBSCRIBE a b a\n1 PING\n1 PING x\n1 PING x y\n1 GET a\n1 GET a b\n1 nosuch\n1 PSUBSCRIBE h* h*\n1 SSUBSCRIBE s\n\
     2 PUBLISH a hi\n2 PUBLISH hello you\n2 SPUBLISH s x\n2 SPUBLISH a x\n2 PUBLISH s x\n1 UNSUBSCRIBE a\n\
     2 PUBLISH a hi\n1 UNSUBSCRIBE\n1 UNSUBSCRIBE\n1 UNSUBSCRIBE x y\n1 PUNSUBSCRIBE\n1 PUNSUBSCRIBE\n1 PING\n\
     1 PUNSUBSCRIBE h*\n1 SUNSUBSCRIBE\n1 SUNSUBSCRIBE\n1 SUNSUBSCRIBE s\n1 PING\n1 GET a",
    "1 MULTI\n1 SUBSCRIBE a\n1 SSUBSCRIBE b\n1 PSUBSCRIBE *\n1 PUBLISH a hi\n1 GET x\n1 PING\n1 EXEC\n1 PING\n\
     2 PUBLISH a x\n1 MULTI\n1 RESET\n1 PING\n2 PUBLISH a x\n1 UNSUBSCRIBE",
    "1 SUBSCRIBE a\n1 HELLO 3\n1 HELLO 2\n1 HELLO 3 AUTH a b\n1 SELECT 3\n1 MULTI\n1 EXEC\n1 QUIT",
    "1 SUBSCRIBE a\n2 SUBSCRIBE a\n3 PSUBSCRIBE a*\n3 SUBSCRIBE ab\n4 PUBLISH a 1\n4 PUBLISH ab 2\n4 PUBSUB NUMSUB a ab x\n\
     4 PUBSUB NUMPAT\n4 PUBSUB CHANNELS a\n4 PUBSUB CHANNELS *b\n4 PUBSUB SHARDCHANNELS\n5 SSUBSCRIBE a\n\
     4 PUBSUB SHARDCHANNELS\n4 PUBSUB SHARDNUMSUB a b\n4 PUBSUB SHARDCHANNELS x*\n4 PUBSUB NUMSUB\n4 PUBSUB FOO\n\
     4 PUBSUB CHANNELS a b\n4 PUBSUB SHARDCHANNELS a b\n4 PUBSUB NUMPAT x\n4 PUBSUB\n4 SUBSCRIBE\n4 PUBLISH a\n\
     4 SPUBLISH a\n4 CLIENT KILL TYPE pubsub\n4 PUBLISH a 3\n4 PUBSUB NUMPAT",
    "1 CLIENT REPLY OFF\n1 SUBSCRIBE a\n1 PING\n2 PUBLISH a x\n1 UNSUBSCRIBE\n1 CLIENT REPLY ON\n1 CLIENT REPLY SKIP\n\
     1 SUBSCRIBE a\n2 PUBLISH a x\n1 PING\n1 UNSUBSCRIBE\n1 CLIENT REPLY SKIP\n1 GET a\n1 GET a",
    "1 PSUBSCRIBE \\x00* a?c [ab]\n2 PUBLISH abc x\n2 PUBLISH b x\n2 PUBLISH c x\n2 PUBLISH \"\" \"\"\n1 SUBSCRIBE \"\"\n\
     2 PUBLISH \"\" \"\"\n1 UNSUBSCRIBE \"\"",
    // A channel without a byte fits no star.
    "1 PSUBSCRIBE *\n4 PSUBSCRIBE **\n2 SUBSCRIBE \"\" a\n3 PUBLISH \"\" x\n3 PUBLISH a x\n3 PUBSUB CHANNELS *\n3 PUBSUB CHANNELS \"\"",
];

/// A client that listens to itself, which only RESP3 allows outside of transactions.
pub(crate) const PUBSUB_RESP3: &[&str] = &[
    "1 SUBSCRIBE a\n1 PUBLISH a hi\n1 MULTI\n1 PUBLISH a hi\n1 GET x\n1 EXEC\n1 CLIENT REPLY OFF\n1 PUBLISH a hi\n\
     1 SUBSCRIBE b\n2 PUBLISH b x\n1 CLIENT REPLY ON\n1 CLIENT REPLY SKIP\n1 PUBLISH a hi\n1 PING\n1 SET x 1\n1 HELLO 2\n\
     1 GET x\n1 UNSUBSCRIBE b a\n1 GET x",
    "1 SUBSCRIBE a\n1 PSUBSCRIBE a\n1 SSUBSCRIBE a\n1 PUBLISH a 1\n1 SPUBLISH a 2\n1 CLIENT GETNAME\n1 RESET\n1 PUBLISH a 1",
];

/// Clients that wait for keys.
pub(crate) const BLOCKING: &[&str] = &[
    // In the order in which they came, one element each; the rest stays.
    "1 BLPOP a 0\n2 BRPOP a 0\n3 BLPOP b a 0\n4 RPUSH a 1 2 3 4\n4 LRANGE a 0 -1\n4 EXISTS a",
    // Keys in the order in which they became ready, and only after the whole transaction.
    "1 BLPOP a b 0\n4 MULTI\n4 RPUSH b 1\n4 RPUSH a 2\n4 EXEC\n4 LLEN a\n4 LLEN b\n1 BLPOP a 0\n4 MULTI\n4 RPUSH a 1\n\
     4 DEL a\n4 EXEC\n4 MULTI\n4 SET a x\n4 RPUSH b 1\n4 DEL a\n4 RPUSH a 1\n4 EXEC",
    // Moves that make other keys ready.
    "1 BLMOVE a b LEFT RIGHT 0\n2 BLMOVE b c LEFT RIGHT 0\n3 BLPOP c 0\n4 RPUSH a x\n4 KEYS *\n1 BRPOPLPUSH a a 0\n\
     2 BLPOP a 0\n4 RPUSH a x\n4 RPUSH a y z\n4 LRANGE a 0 -1",
    // A target of another type is told when the element has come, which stays.
    "4 SET b x\n1 BLMOVE a b LEFT RIGHT 0\n2 BLPOP a 0\n4 RPUSH a 1\n4 LLEN a\n1 BLPOP b 0\n1 GET b",
    // A key that comes with another type does not count.
    "1 BLPOP a 0\n2 BZPOPMIN a 0\n4 SET a x\n4 DEL a\n4 ZADD a 1 m\n4 DEL a\n4 RPUSH a e\n4 LLEN a",
    // Every way in which a key may come.
    "1 BLPOP a 0\n4 RPUSH x 1\n4 RENAME x a\n1 BLPOP a 0\n4 RPUSH x 1\n4 COPY x a\n1 BLPOP a 0\n4 SELECT 1\n4 RPUSH a 1\n\
     4 MOVE a 0\n1 BLPOP a 0\n4 RPUSH a 1\n4 SWAPDB 0 1\n1 BLPOP a 0\n4 SELECT 0\n4 RPUSH n 3 1 2\n4 SORT n STORE a\n\
     4 LRANGE a 0 -1\n1 BLPOP b 0\n4 LMOVE n b LEFT RIGHT\n1 BLPOP b 0\n4 RPOPLPUSH n b",
    "1 BZPOPMIN a 0\n2 BZPOPMAX a 0\n3 BZMPOP 0 2 b a MIN COUNT 2\n4 ZADD a 1 x 2 y 3 z\n4 ZRANGE a 0 -1\n\
     1 BZPOPMIN b 0\n4 ZADD z 1 m\n4 ZUNIONSTORE b 1 z\n1 BZPOPMIN b 0\n4 ZRANGESTORE b z 0 -1\n1 BZPOPMIN b 0\n\
     4 ZINCRBY b 1 m",
    "1 BLMPOP 0 2 a b LEFT COUNT 2\n2 BLMPOP 0 1 b RIGHT\n4 RPUSH b 1 2 3 4\n4 LRANGE b 0 -1\n1 BLMPOP 0 1 b LEFT COUNT 9",
    // Inside a transaction nobody waits.
    "1 MULTI\n1 BLPOP a 0\n1 BRPOP a 0\n1 BLMOVE a b LEFT LEFT 0\n1 BRPOPLPUSH a b 0\n1 BLMPOP 0 1 a LEFT\n1 BZPOPMIN a 0\n\
     1 BZPOPMAX a 0\n1 BZMPOP 0 1 a MIN\n1 XREAD BLOCK 0 STREAMS a $\n1 WAIT 1 0\n1 EXEC",
    // What a waiting client sends is answered when it goes on.
    "1 BLPOP a 0\n1 PING\n1 RPUSH b 1\n2 BLPOP b 0\n2 PING\n4 RPUSH a 1\n1 BLPOP a 0\n1 BLPOP a 0\n1 PING\n4 RPUSH a 1 2 3",
    // Time's end, in either kind of reply.
    "1< BLPOP a 0.01\n1< BRPOPLPUSH a b 0.01\n1< BLMOVE a b LEFT LEFT 0.001\n1< BZPOPMIN a 0.01\n\
     1< BLMPOP 0.01 1 a LEFT\n1< XREAD BLOCK 10 STREAMS a $\n1< WAIT 1 10\n4 RPUSH a 1\n1 LLEN a\n\
     1 BLPOP b -1\n1 BLPOP b x\n1 BLPOP b inf\n1 BLPOP b nan\n1 BLPOP b 1e400\n1 BLPOP b -0.1\n1 BLPOP b 1e30\n\
     1 XREAD BLOCK -1 STREAMS b 0\n1 XREAD BLOCK x STREAMS b 0\n1 BLPOP a -1",
    // Let go by others.
    "1 BLPOP a 0\n4 CLIENT UNBLOCK @1\n4 CLIENT UNBLOCK @1\n1 BLPOP a 0\n4 CLIENT UNBLOCK @1 ERROR\n1 BLPOP a 0\n1 PING\n\
     4 CLIENT UNBLOCK @1 TIMEOUT\n1 WAIT 1 0\n4 CLIENT UNBLOCK @1 ERROR\n1 WAIT 1 0\n4 CLIENT UNBLOCK @1\n\
     4 CLIENT UNBLOCK @4\n4 RPUSH a 1\n4 LLEN a\n2 BLPOP b 0\n3 BLPOP b 0\n4 CLIENT KILL ID @2\n4 RPUSH b 1 2\n4 LLEN b",
    "1 CLIENT REPLY SKIP\n1 BLPOP a 0\n4 RPUSH a 1\n1 PING\n1 CLIENT REPLY OFF\n1 BLPOP a 0\n4 RPUSH a 1\n1 CLIENT REPLY ON\n\
     1 CLIENT REPLY SKIP\n1 BLPOP a 0.01\n1< PING\n1 PING",
    // Streams, and groups of readers that lose theirs.
    "1 XREAD BLOCK 0 STREAMS s $\n2 XREAD BLOCK 0 COUNT 1 STREAMS t s 0 0\n4 XADD s 1-1 f v\n4 XADD s 2-1 f v\n\
     1 XREAD BLOCK 0 STREAMS s 2-1\n1 PING\n4 XDEL s 1-1\n4 XADD s 3-1 f v\n1 XREAD BLOCK 0 STREAMS s $\n4 DEL s\n\
     4 XADD s 1-1 f v\n4 XADD s 9-9 f v",
    "4 XGROUP CREATE s g $ MKSTREAM\n1 XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n2 XREADGROUP GROUP g d BLOCK 0 STREAMS s >\n\
     4 XADD s 1-1 f v\n4 XADD s 2-1 f v\n1 XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n4 XGROUP DESTROY s g\n\
     4 XGROUP CREATE s g $\n1 XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n4 DEL s\n4 XGROUP CREATE s g $ MKSTREAM\n\
     1 XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n4 SET s x\n4 DEL s\n4 XGROUP CREATE s g $ MKSTREAM\n\
     1 XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n4 FLUSHALL\n4 XGROUP CREATE s g $ MKSTREAM\n\
     1 XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n4 SWAPDB 0 1\n4 SELECT 1\n4 RENAME s t\n\
     4 SELECT 0\n4 XGROUP CREATE s g $ MKSTREAM\n1 XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n4 DEBUG SET-ACTIVE-EXPIRE 0\n4 PEXPIRE s 1\n4 DEBUG SLEEP 0.01\n4 EXISTS s\n4 DEBUG SET-ACTIVE-EXPIRE 1",
    // Watched keys are touched by what is taken for those who waited.
    "1 BLPOP a 0\n2 WATCH a\n4 RPUSH a 1\n2 MULTI\n2 PING\n2 EXEC\n2 WATCH a\n2 MULTI\n2 PING\n1 BLPOP b a 0\n4 RPUSH b 1\n2 EXEC",
];

/// Databases.
pub(crate) const DATABASES: &[&str] = &[
    "1 SELECT 1\n1 SET a one\n2 SET a zero\n2 WATCH a\n3 SELECT 1\n3 WATCH a\n4 SWAPDB 0 1\n2 GET a\n2 MULTI\n2 GET a\n2 EXEC\n\
     3 MULTI\n3 GET a\n3 EXEC\n4 SWAPDB 0 0\n4 SWAPDB 0 16\n4 SWAPDB x 1\n4 SWAPDB 1 x\n4 SELECT 15\n4 SELECT 16\n4 SELECT x\n\
     4 SELECT -1\n4 DBSIZE",
    "1 SET a 1 EX 100\n1 MOVE a 1\n1 MOVE a 1\n1 EXISTS a\n1 SELECT 1\n1 TTL a\n1 MOVE a 1\n1 MOVE a 99\n1 MOVE a x\n1 SELECT 0\n\
     1 SET a 2\n1 MOVE a 1\n1 GET a\n1 COPY a a DB 2\n1 COPY a b DB 1\n1 COPY a a DB 2\n1 COPY a a DB 2 REPLACE\n1 COPY a b DB 99\n\
     2 SELECT 2\n2 GET a\n2 WATCH a nosuch\n1 FLUSHDB ASYNC\n2 MULTI\n2 GET a\n2 EXEC\n2 WATCH nosuch\n1 FLUSHALL SYNC\n2 MULTI\n\
     2 GET a\n2 EXEC\n2 WATCH a\n2 SET a 1\n1 FLUSHALL ASYNC\n2 MULTI\n2 EXEC\n1 FLUSHALL x\n1 FLUSHDB x\n1 FLUSHDB ASYNC SYNC",
];

/// Watched keys that have expired before or meanwhile and are still there, while a listener waits for their end.
pub(crate) const EXPIRED_WATCHED: &[&str] = &[
    "1 DEBUG SET-ACTIVE-EXPIRE 0\n1 CONFIG SET notify-keyspace-events KEA\n9 PSUBSCRIBE *\n1 SET a 1 PX 1\n1 DEBUG SLEEP 0.01\n\
     2 WATCH a\n2 MULTI\n2 PING\n2 EXEC\n1 DBSIZE\n2 WATCH a\n1 GET a\n2 MULTI\n2 PING\n2 EXEC\n1 SET a 1 PX 1\n\
     1 DEBUG SLEEP 0.01\n2 WATCH a\n1 SET a 2\n2 MULTI\n2 PING\n2 EXEC\n2 WATCH a\n1 PEXPIRE a 1\n2 MULTI\n2 PING\n2 EXEC\n\
     1 DEBUG SLEEP 0.01\n1 SET a 1 PX 500\n2 WATCH a\n1 DEBUG SLEEP 0.6\n1 DBSIZE\n2 MULTI\n2 PING\n2 EXEC\n1 DBSIZE\n2 WATCH a\n1 FLUSHDB\n\
     2 MULTI\n2 PING\n2 EXEC\n1 CONFIG SET notify-keyspace-events \"\"\n1 DEBUG SET-ACTIVE-EXPIRE 1",
    "1 DEBUG SET-ACTIVE-EXPIRE 0\n1 SELECT 1\n1 SET a 1 PX 1\n1 SET b 1 PX 1\n1 SET c 1\n2 SET b 1 PX 1\n2 SET d 1\n1 DEBUG SLEEP 0.01\n\
     2 WATCH a\n3 WATCH b\n4 WATCH c\n5 WATCH d\n1 SWAPDB 0 1\n2 MULTI\n2 PING\n2 EXEC\n3 MULTI\n3 PING\n3 EXEC\n\
     4 MULTI\n4 PING\n4 EXEC\n5 MULTI\n5 PING\n5 EXEC\n2 WATCH d\n1 SWAPDB 1 1\n2 MULTI\n2 PING\n2 EXEC\n2 WATCH a\n\
     1 FLUSHALL\n2 MULTI\n2 PING\n2 EXEC\n1 DEBUG SET-ACTIVE-EXPIRE 1",
];

/// Clients that see every command.
pub(crate) const MONITORS: &[&str] = &[
    "1 MONITOR\n1 MONITOR\n1 PING\n1 GET a\n1 SET a 1\n1 PUBLISH a b\n1 MULTI\n1 PING\n1 ECHO x\n1 EXEC\n1 MULTI\n1 GET a\n1 EXEC\n1 MULTI\n\
     1 MONITOR\n1 EXEC\n1 CONFIG GET port\n1 CLIENT GETNAME\n1 nosuch\n1 GET\n2 SET a 1\n2 INCR nosuch x\n2 LPUSH a 1\n2 MULTI\n2 GET a\n2 SET a 2\n\
     2 EXEC\n2 MULTI\n2 DISCARD\n2 EXEC\n2 WATCH a\n2 SELECT 3\n2 ECHO \"a\\x07\\x08\\x00b\\\"c\\\\\\n\\r\\t\\xe9'\"\n2 AUTH x\n2 AUTH a b\n\
     2 HELLO 3 AUTH u p SETNAME n\n2 HELLO 4\n2 MIGRATE h 1 k 0 1 AUTH secret\n2 CLIENT SETNAME x\n2 DEBUG SLEEP 0\n2 BLPOP q 0\n3 RPUSH q 1\n\
     2 SUBSCRIBE c\n3 PUBLISH c x\n3 MONITOR\n3 PING\n4 PING\n1 RESET\n1 GET a\n4 PING\n3 CLIENT REPLY OFF\n4 PING",
    "1 HELLO 3\n1 CLIENT TRACKING on BCAST\n1 MONITOR\n2 SET a 1\n1 SUBSCRIBE x\n2 PUBLISH x 1\n1 PING",
];

/// A listener that hears of its own changes, where replies and messages meet.
pub(crate) const EVENTS_RESP3: &[&str] = &[
    "1 CONFIG SET notify-keyspace-events AKEmn\n1 PSUBSCRIBE __key*\n1 SET a 1\n1 GET nosuch\n1 GETSET a 2\n1 GETSET b 2\n1 GETDEL b\n\
     1 GETEX a EX 100\n1 SET a 1 EX 10 GET\n1 DEL a b\n1 MULTI\n1 SET a 1\n1 GET nosuch\n1 INCR a\n1 EXEC\n\
     1 RENAME a b\n1 COPY b c\n1 SELECT 1\n1 SET x 1\n1 MOVE x 0\n2 BLPOP q 0\n1 RPUSH q 1\n1 BLPOP q 0\n2 RPUSH q 1\n\
     1 CLIENT REPLY OFF\n1 SET a 1\n1 CLIENT REPLY ON\n1 SET p 1 PXAT 1\n1 GET p\n1 CONFIG SET notify-keyspace-events \"\"\n1 SET a 1",
    "1 CONFIG SET notify-keyspace-events Kg$\n1 PSUBSCRIBE *\n1 SET a 1\n1 LPUSH l 1\n1 DEL l a\n1 CONFIG SET notify-keyspace-events E$\n\
     1 SET a 1\n1 DEL a\n1 CONFIG SET notify-keyspace-events A\n1 SET a 1\n1 CONFIG SET notify-keyspace-events \"\"",
];
