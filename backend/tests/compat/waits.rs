//! Clients that wait for entries of streams: scripts as [`crate::several`] plays them.

/// For anyone, and for the consumers of a group.
pub(crate) const STREAMS: &[&str] = &[
    "1 XREAD BLOCK 0 STREAMS s $\n2 XADD s 1-1 a b\n1 PING\n1 XREAD COUNT 1 BLOCK 0 STREAMS s t $ 5\n2 XADD t 3-0 a b\n\
     2 XADD t 6-0 a b\n2 XADD s 6-0 a b\n1 XREAD BLOCK 20 STREAMS nosuch 0\n1 <\n1 XREAD BLOCK 0 STREAMS a a 3-0 0-0\n\
     2 XADD a 1-1 f v\n2 XADD a 4-0 f v\n1 XREAD BLOCK 0 STREAMS a b 9 0\n2 MULTI\n2 XADD b 1-1 f v\n2 XADD a 10-0 f v\n2 EXEC",
    // What goes away again before anyone can be told, and what nobody is told of.
    "1 XREAD BLOCK 0 STREAMS m $\n2 MULTI\n2 XADD m 1-1 a b\n2 XDEL m 1-1\n2 EXEC\n1 PING\n1 XREAD BLOCK 0 STREAMS k 7\n\
     2 XADD k 5-0 a b\n2 XSETID k 10-0\n2 XDEL k 5-0\n2 XADD k 11-0 MAXLEN\n2 XADD k MAXLEN 0 11-0 a b\n1 PING",
    // Keys of another type, and entries that come with the whole stream.
    "1 XREAD BLOCK 0 STREAMS w $\n2 SET w x\n2 DEL w\n2 XADD w 1-1 a b\n1 XREAD BLOCK 0 STREAMS v 0\n2 COPY w v\n\
     1 XREAD BLOCK 0 STREAMS u 0\n2 RENAME w u\n1 XREAD BLOCK 0 STREAMS x $\n2 LPUSH x a\n2 DEL x\n2 XGROUP CREATE x g 0 MKSTREAM\n\
     2 XADD x 1-1 a b",
    // Consumers are served in their order; each entry goes to one of them.
    "3 XGROUP CREATE s g $ MKSTREAM\n1 XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n2 XREADGROUP GROUP g d BLOCK 0 STREAMS s >\n\
     4 XREAD BLOCK 0 STREAMS s 0\n3 XADD s 1-1 a b\n3 XADD s 1-2 a b\n3 XINFO GROUPS s\n3 XPENDING s g\n\
     1 XREADGROUP GROUP g c NOACK BLOCK 0 COUNT 1 STREAMS s >\n3 MULTI\n3 XADD s 2-1 a b\n3 XADD s 2-2 a b\n3 EXEC\n3 XPENDING s g\n\
     1 XREADGROUP GROUP g c BLOCK 0 STREAMS s s > 0\n1 XREADGROUP GROUP g c BLOCK 20 STREAMS s >\n1 <\n3 XINFO GROUPS s",
    // The group goes, the stream goes, and everything goes.
    "2 XGROUP CREATE s g $ MKSTREAM\n1 XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n2 XGROUP CREATE s h $\n2 XGROUP DESTROY s h\n\
     2 XGROUP DESTROY s g\n1 PING\n2 XGROUP CREATE s g $\n1 XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n2 DEL s\n1 PING\n\
     2 XGROUP CREATE s g $ MKSTREAM\n1 XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n2 SET s x\n1 PING\n2 DEL s\n\
     2 XGROUP CREATE s g $ MKSTREAM\n1 XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n2 RENAME s t\n1 PING\n\
     1 XREADGROUP GROUP g c BLOCK 0 STREAMS t >\n2 FLUSHALL\n1 PING",
    "2 XGROUP CREATE s g $ MKSTREAM\n1 XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n2 XADD t 1-1 a b\n2 XGROUP CREATE t h 0\n\
     2 RENAME t s\n1 PING\n2 XGROUP CREATE s g $\n1 XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n2 MULTI\n2 DEL s\n2 XADD s 1-1 a b\n\
     2 EXEC\n1 PING\n2 XGROUP CREATE s g $\n1 XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n2 XGROUP SETID s g 5-0\n2 XADD s 3-0 a b\n\
     2 XADD s 6-0 a b\n1 PING\n1 XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n2 EXPIRE s -1\n1 PING",
];
