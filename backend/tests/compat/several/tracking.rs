//! Scripts of clients that are told which keys have changed; each says for itself which protocol version it speaks.

pub(crate) const SCRIPTS: &[&str] = &[
    // What is understood.
    "1 CLIENT TRACKING\n1 CLIENT TRACKING maybe\n1 CLIENT TRACKING on foo\n1 CLIENT TRACKING maybe foo\n\
     1 CLIENT TRACKING on REDIRECT\n1 CLIENT TRACKING on REDIRECT x\n1 CLIENT TRACKING on REDIRECT 0\n\
     1 CLIENT TRACKING on REDIRECT -1\n1 CLIENT TRACKING on REDIRECT 99999999\n1 CLIENT TRACKING off REDIRECT 99999999\n\
     1 CLIENT TRACKING on PREFIX\n1 CLIENT TRACKING on PREFIX a\n1 CLIENT TRACKING on BCAST OPTIN\n\
     1 CLIENT TRACKING on BCAST OPTOUT\n1 CLIENT TRACKING on OPTIN OPTOUT\n1 CLIENT TRACKING on BCAST PREFIX a PREFIX ab\n\
     1 CLIENT TRACKING on BCAST PREFIX a PREFIX b PREFIX \"\"\n1 CLIENT TRACKING on BCAST PREFIX a PREFIX a\n1 CLIENT CACHING\n1 CLIENT CACHING yes\n\
     1 CLIENT GETREDIR\n1 CLIENT GETREDIR x\n1 CLIENT TRACKINGINFO\n1 CLIENT TRACKING on\n1 CLIENT CACHING yes\n\
     1 CLIENT CACHING no\n1 CLIENT CACHING maybe\n1 CLIENT GETREDIR\n1 CLIENT TRACKINGINFO\n1 CLIENT TRACKING on BCAST\n\
     1 CLIENT TRACKING on OPTIN\n1 CLIENT TRACKINGINFO\n1 CLIENT TRACKING on OPTOUT\n1 CLIENT CACHING no\n1 CLIENT CACHING yes\n\
     1 CLIENT TRACKINGINFO\n1 CLIENT TRACKING on NOLOOP\n1 CLIENT TRACKINGINFO\n1 CLIENT TRACKING off\n1 CLIENT TRACKING off\n\
     1 CLIENT TRACKING on BCAST PREFIX b PREFIX a NOLOOP\n1 CLIENT TRACKINGINFO\n1 CLIENT TRACKING on BCAST PREFIX ab\n\
     1 CLIENT TRACKING on BCAST PREFIX \"\"\n1 CLIENT TRACKING on BCAST PREFIX c\n1 CLIENT TRACKINGINFO\n1 CLIENT TRACKING on\n\
     1 CLIENT TRACKING on BCAST\n1 CLIENT TRACKINGINFO\n1 RESET\n1 CLIENT TRACKINGINFO\n1 HELLO 3\n1 CLIENT TRACKINGINFO\n\
     1 CLIENT TRACKING on REDIRECT @1\n1 CLIENT TRACKING on REDIRECT @1 REDIRECT @1\n\
     1 CLIENT TRACKING on OPTOUT\n1 CLIENT CACHING no\n1 CLIENT TRACKINGINFO\n1 CLIENT TRACKING off\n1 CLIENT CACHING no",
    // Keys that were read, told once; by oneself behind the reply, and behind the whole transaction.
    "1 HELLO 3\n1 CLIENT TRACKING on\n1 GET a\n2 SET a 1\n2 SET a 2\n1 MGET a b\n2 MSET a 1 b 2 c 3\n1 GET a\n1 SET a 5\n1 SET a 6\n\
     1 MULTI\n1 GET a\n1 SET a 1\n1 GET b\n1 SET b 1\n1 PING\n1 EXEC\n1 GET a\n1 MULTI\n1 SET a 1\n1 DISCARD\n1 GETSET a 2\n1 GETEX a EX 100\n\
     2 SET a 1\n1 STRLEN a\n2 DEL a\n1 GET a\n2 DEL a\n2 SET a 1\n1 EXISTS a b c\n2 RENAME a b\n1 GET x\n2 COPY b x\n1 TTL b\n2 EXPIRE b 100\n\
     1 TYPE b\n2 PERSIST b\n2 PERSIST b\n1 SMEMBERS s\n2 SADD s 1\n2 SADD s 1\n1 SCARD s\n2 SADD s 1\n2 SREM s 2\n2 SREM s 1\n\
     1 SINTER s t\n2 SADD t 1\n2 SADD s 1\n1 GET s\n2 DEL s\n1 OBJECT ENCODING t\n2 DEL t\n1 WATCH a\n2 SET a 1\n1 UNWATCH\n\
     1 SORT_RO l BY w_*\n2 RPUSH l 1\n2 SET w_1 1\n1 XREAD STREAMS x 0\n2 DEL x\n2 XADD x 1-1 f v\n1 SELECT 1\n1 GET a\n2 SET a 1\n\
     1 CLIENT TRACKING off\n2 SET a 2\n1 CLIENT TRACKING on\n2 SET a 3",
    // A client in RESP2 that names nobody is told nothing.
    "1 CLIENT TRACKING on\n1 GET a\n2 SET a 1\n1 PING\n1 HELLO 3\n1 GET a\n2 SET a 1\n1 HELLO 2\n1 GET a\n2 SET a 1\n1 PING",
    // Flushes tell everyone, with a null in the version of who tracks.
    "1 HELLO 3\n1 CLIENT TRACKING on\n2 HELLO 3\n2 CLIENT TRACKING on BCAST PREFIX x NOLOOP\n3 SUBSCRIBE c\n4 CLIENT TRACKING on REDIRECT @3\n\
     5 HELLO 3\n6 CLIENT TRACKING on REDIRECT @5\n1 GET a\n4 GET a\n7 FLUSHALL\n7 SET a 1\n1 FLUSHDB\n2 FLUSHDB ASYNC\n1 MULTI\n1 SET b 1\n\
     1 FLUSHALL\n1 GET b\n1 EXEC\n7 SET b 1\n7 SWAPDB 0 1\n7 FLUSHALL foo",
    // Told to another client: in RESP3 always, in RESP2 while it subscribes to anything.
    "3 PING\n1 CLIENT TRACKING on REDIRECT @3\n1 GET a\n2 SET a 1\n3 PING\n3 SUBSCRIBE foo\n1 GET a\n2 SET a 1\n3 UNSUBSCRIBE\n1 GET a\n\
     2 SET a 1\n3 PSUBSCRIBE x*\n1 GET a\n1 SET a 1\n1 CLIENT GETREDIR\n1 MULTI\n1 GET a\n1 SET a 2\n1 EXEC\n3 PUNSUBSCRIBE\n3 HELLO 3\n\
     1 GET a\n2 SET a 1\n1 GET a\n3 SET a 1\n3 MULTI\n3 SET a 2\n3 GET b\n3 EXEC\n1 GET b\n3 MULTI\n3 SET b 2\n3 GET b\n3 EXEC\n\
     1 CLIENT TRACKINGINFO\n1 HELLO 3\n1 GET a\n3 QUIT\n2 SET a 1\n1 CLIENT TRACKINGINFO\n1 GET a\n1 SET a 1\n1 GET a\n2 FLUSHALL\n\
     1 HELLO 2\n1 GET a\n2 SET a 1\n1 CLIENT TRACKINGINFO\n1 CLIENT TRACKING on\n1 CLIENT TRACKINGINFO\n1 CLIENT GETREDIR",
    "1 HELLO 3\n1 CLIENT TRACKING on REDIRECT @1\n1 GET a\n1 SET a 1\n2 SET a 2\n1 GET a\n2 SET a 2\n1 CLIENT TRACKINGINFO",
    "3 SUBSCRIBE __redis__:invalidate\n1 CLIENT TRACKING on BCAST REDIRECT @3\n1 SET a 1\n2 SET b 1\n4 CLIENT TRACKING on REDIRECT @3\n\
     4 GET a\n2 SET a 1\n2 CLIENT KILL ID @3\n2 SET a 2\n1 CLIENT TRACKINGINFO",
    // By choice, which holds for one command or one transaction.
    "1 HELLO 3\n1 CLIENT TRACKING on OPTIN\n1 GET a\n2 SET a 1\n1 CLIENT CACHING yes\n1 GET a\n2 SET a 1\n1 GET a\n2 SET a 1\n\
     1 CLIENT CACHING yes\n1 CLIENT ID x\n1 CLIENT GETNAME\n1 GET a\n2 SET a 1\n1 CLIENT CACHING yes\n1 PING\n1 GET a\n2 SET a 1\n\
     1 CLIENT CACHING yes\n1 nosuch\n1 GET a\n2 SET a 1\n1 CLIENT CACHING yes\n1 MULTI\n1 GET a\n1 GET b\n1 EXEC\n1 GET c\n2 MSET a 1 b 1 c 1\n\
     1 MULTI\n1 CLIENT CACHING yes\n1 GET a\n1 GET b\n1 EXEC\n1 GET c\n2 MSET a 1 b 1 c 1\n1 CLIENT CACHING yes\n1 CLIENT TRACKINGINFO\n\
     1 CLIENT CACHING yes\n1 GET\n1 GET a\n2 SET a 1\n1 CLIENT CACHING yes\n1 CLIENT TRACKING on OPTIN\n1 GET a\n2 SET a 1\n\
     1 CLIENT CACHING yes\n1 MULTI\n1 DISCARD\n1 GET a\n2 SET a 1",
    "1 HELLO 3\n1 CLIENT TRACKING on OPTOUT\n1 GET a\n2 SET a 1\n1 CLIENT CACHING no\n1 GET a\n2 SET a 1\n1 GET a\n2 SET a 1\n\
     1 CLIENT CACHING no\n1 MULTI\n1 GET a\n1 EXEC\n1 GET b\n2 MSET a 1 b 1",
    // Not what one does oneself.
    "1 HELLO 3\n1 CLIENT TRACKING on NOLOOP\n1 GET a\n1 SET a 1\n2 SET a 1\n1 GET a\n2 SET a 1\n3 HELLO 3\n3 CLIENT TRACKING on BCAST NOLOOP\n\
     4 HELLO 3\n4 CLIENT TRACKING on BCAST\n3 SET a 1\n2 SET a 1\n3 MSET a 1 b 1\n4 MSET a 1 b 1\n3 MULTI\n3 SET a 1\n3 SET b 1\n3 EXEC\n\
     1 FLUSHALL\n3 FLUSHALL",
    // By prefix, all keys of a turn at once.
    "1 HELLO 3\n1 CLIENT TRACKING on BCAST PREFIX b PREFIX a\n2 MSET a 1 b 1 abc 1 x 1\n1 MSET b 1 a 2\n1 MULTI\n1 SET a 1\n1 SET b2 1\n1 GET a\n\
     1 EXEC\n1 CLIENT REPLY OFF\n1 SET a 1\n1 CLIENT REPLY ON\n1 CLIENT REPLY SKIP\n1 SET a 1\n1 SET a 2\n1 CLIENT TRACKING on BCAST PREFIX x\n\
     2 SET x 1\n1 GET x\n2 SET x 1\n2 BLPOP aq 0\n1 RPUSH aq 1 2\n2 RENAME a z\n1 CLIENT TRACKING off\n2 SET a 1",
    "1 HELLO 3\n1 CLIENT TRACKING on\n1 CLIENT REPLY OFF\n1 GET a\n1 SET a 1\n1 GET a\n2 SET a 1\n1 CLIENT REPLY ON\n1 GET a\n1 CLIENT REPLY SKIP\n\
     1 SET a 1\n1 GET a\n1 CLIENT REPLY SKIP\n1 GET b\n1 SET b 1",
    // Blocking commands, and events between.
    "1 HELLO 3\n1 CLIENT TRACKING on\n1 LLEN q\n1 BLPOP q 0\n2 RPUSH q 1 2\n1 LLEN q\n3 BLPOP w 0\n2 LMOVE q w LEFT LEFT\n1 LLEN w\n2 BLPOP w 0\n\
     1 RPUSH w 1\n1 CONFIG SET notify-keyspace-events KEA\n1 SUBSCRIBE __keyevent@0__:set __keyevent@0__:del\n1 GET a\n1 SET a 1\n1 GET a\n2 DEL a\n\
     1 SADD s 1\n1 SMEMBERS s\n1 SINTERSTORE s nosuch s\n1 ZADD z 1 m\n1 ZCARD z\n1 ZRANGESTORE z nosuch 0 -1\n1 RPUSH l 1\n1 LLEN l\n\
     1 SORT nosuch STORE l\n1 CONFIG SET notify-keyspace-events \"\"",
    // A script that reads anything has read what its call declares, and nothing else.
    "1 HELLO 3\n1 CLIENT TRACKING on\n1 EVAL \"redis.call('set', 'c{t}', 1)\" 2 a{t} b{t}\n2 MSET a{t} 1 b{t} 1\n\
     1 EVAL \"redis.call('get', 'c{t}')\" 2 a{t} b{t}\n2 MSET a{t} 1 b{t} 1 c{t} 1\n1 EVAL_RO \"redis.call('ping')\" 1 a{t}\n\
     2 SET a{t} 1\n1 EVAL \"redis.call('get', 'a{t}') redis.call('set', 'a{t}', 1) redis.call('get', 'a{t}')\" 1 a{t}\n2 SET a{t} 2",
    // Keys that expire are told of when somebody looks.
    "1 DEBUG SET-ACTIVE-EXPIRE 0\n1 HELLO 3\n1 CLIENT TRACKING on\n2 SET a 1 PX 1\n2 DEBUG SLEEP 0.01\n1 GET a\n2 GET a\n2 SET a 1 PX 20\n\
     1 GET a\n2 DEBUG SLEEP 0.03\n2 GET a\n2 SET a 1 PX 20\n1 GET a\n1 DEBUG SLEEP 0.03\n1 GET a\n2 SET a 1\n3 HELLO 3\n\
     3 CLIENT TRACKING on BCAST NOLOOP\n3 SET a 1 PX 20\n3 DEBUG SLEEP 0.03\n3 GET a\n1 DEBUG SET-ACTIVE-EXPIRE 1",
    // A table that holds one key.
    "1 HELLO 3\n1 CONFIG SET tracking-table-max-keys 1\n1 CLIENT TRACKING on\n1 GET a\n2 PING\n1 GET a\n2 SET a 1\n1 GET a\n1 CONFIG SET tracking-table-max-keys 0\n\
     1 GET b\n1 GET c\n2 MSET a 1 b 1 c 1\n1 CONFIG SET tracking-table-max-keys 1000000",
];
