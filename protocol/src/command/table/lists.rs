//! Rows about lists.

use crate::command::CommandSpec;
use crate::command::policy::{ReplyPolicy, RequestPolicy, TimeoutArg};
use crate::command::reply_keys::ReplyKeys;
use crate::command::row::{key, keys_counted, keys_to, row};

pub(super) const ROWS: &[CommandSpec] = &[
    row("blmove", 6, "write denyoom noscript blocking", "list")
        .keys(&[key(1, "RW access delete"), key(2, "RW insert")])
        .routed(RequestPolicy::Blocking { timeout: TimeoutArg::Last }, ReplyPolicy::Passthrough)
        .since("6.2.0", "O(1)")
        .about("Moves an element from one list to another, waiting for one to come"),
    row("blmpop", -5, "write blocking", "list")
        .keys(&[keys_counted(2, "RW access delete")])
        .routed(RequestPolicy::Blocking { timeout: TimeoutArg::First }, ReplyPolicy::Passthrough)
        .tells_keys(ReplyKeys::First)
        .since("7.0.0", "O(N+M)")
        .about("Takes elements from the first list that has some, or waits for one"),
    row("blpop", -3, "write noscript blocking", "list")
        .keys(&[keys_to(1, -2, "RW access delete")])
        .routed(RequestPolicy::Blocking { timeout: TimeoutArg::Last }, ReplyPolicy::Passthrough)
        .tells_keys(ReplyKeys::First)
        .since("2.0.0", "O(N)")
        .about("Takes the first element of the first list that has some, or waits for one"),
    row("brpop", -3, "write noscript blocking", "list")
        .keys(&[keys_to(1, -2, "RW access delete")])
        .routed(RequestPolicy::Blocking { timeout: TimeoutArg::Last }, ReplyPolicy::Passthrough)
        .tells_keys(ReplyKeys::First)
        .since("2.0.0", "O(N)")
        .about("Takes the last element of the first list that has some, or waits for one"),
    row("brpoplpush", 4, "write denyoom noscript blocking", "list")
        .keys(&[key(1, "RW access delete"), key(2, "RW insert")])
        .routed(RequestPolicy::Blocking { timeout: TimeoutArg::Last }, ReplyPolicy::Passthrough)
        .since("2.2.0", "O(1)")
        .deprecated("6.2.0", "BLMOVE RIGHT LEFT")
        .about("Moves the last element of a list to the head of another, waiting for one to come"),
    row("lindex", 3, "readonly", "list")
        .keys(&[key(1, "RO access")])
        .since("1.0.0", "O(N)")
        .about("Answers the element of a list at an index"),
    row("linsert", 5, "write denyoom", "list")
        .keys(&[key(1, "RW insert")])
        .since("2.2.0", "O(N)")
        .about("Puts an element before or behind another one of a list"),
    row("llen", 2, "readonly fast", "list")
        .keys(&[key(1, "RO")])
        .since("1.0.0", "O(1)")
        .about("Counts the elements of a list"),
    row("lmove", 5, "write denyoom", "list")
        .keys(&[key(1, "RW access delete"), key(2, "RW insert")])
        .since("6.2.0", "O(1)")
        .about("Moves an element from one end of a list to an end of another"),
    row("lmpop", -4, "write", "list")
        .keys(&[keys_counted(1, "RW access delete")])
        .tells_keys(ReplyKeys::First)
        .since("7.0.0", "O(N+M)")
        .about("Takes elements from the first list that has some"),
    row("lpop", -2, "write fast", "list")
        .keys(&[key(1, "RW access delete")])
        .since("1.0.0", "O(N)")
        .about("Takes elements from the head of a list"),
    row("lpos", -3, "readonly", "list")
        .keys(&[key(1, "RO access")])
        .since("6.0.6", "O(N)")
        .about("Finds where an element stands in a list"),
    row("lpush", -3, "write denyoom fast", "list")
        .keys(&[key(1, "RW insert")])
        .since("1.0.0", "O(1) per element")
        .about("Puts elements before the head of a list, which is made if absent"),
    row("lpushx", -3, "write denyoom fast", "list")
        .keys(&[key(1, "RW insert")])
        .since("2.2.0", "O(1) per element")
        .about("Puts elements before the head of a list if the list exists"),
    row("lrange", 4, "readonly", "list")
        .keys(&[key(1, "RO access")])
        .since("1.0.0", "O(S+N)")
        .about("Answers the elements of a list between two indexes"),
    row("lrem", 4, "write", "list")
        .keys(&[key(1, "RW delete")])
        .since("1.0.0", "O(N+M)")
        .about("Removes elements of a list that equal a value"),
    row("lset", 4, "write denyoom", "list")
        .keys(&[key(1, "RW update")])
        .since("1.0.0", "O(N)")
        .about("Replaces the element of a list at an index"),
    row("ltrim", 4, "write", "list")
        .keys(&[key(1, "RW delete")])
        .since("1.0.0", "O(N)")
        .about("Keeps only the elements of a list between two indexes"),
    row("rpop", -2, "write fast", "list")
        .keys(&[key(1, "RW access delete")])
        .since("1.0.0", "O(N)")
        .about("Takes elements from the tail of a list"),
    row("rpoplpush", 3, "write denyoom", "list")
        .keys(&[key(1, "RW access delete"), key(2, "RW insert")])
        .since("1.2.0", "O(1)")
        .deprecated("6.2.0", "LMOVE RIGHT LEFT")
        .about("Moves the last element of a list to the head of another"),
    row("rpush", -3, "write denyoom fast", "list")
        .keys(&[key(1, "RW insert")])
        .since("1.0.0", "O(1) per element")
        .about("Puts elements behind the tail of a list, which is made if absent"),
    row("rpushx", -3, "write denyoom fast", "list")
        .keys(&[key(1, "RW insert")])
        .since("2.2.0", "O(1) per element")
        .about("Puts elements behind the tail of a list if the list exists"),
];
