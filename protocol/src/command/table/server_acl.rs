//! Rows about users and their rights.

use crate::command::CommandSpec;
use crate::command::policy::{ReplyPolicy, RequestPolicy};
use crate::command::row::row;

pub(super) const ROWS: &[CommandSpec] = &[
    row("acl", -2, "", "")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("6.0.0", "by subcommand")
        .about("Container of commands about users and their rights"),
    row("acl|cat", -2, "noscript loading stale", "")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("6.0.0", "O(1)")
        .about("Answers the command categories, or the commands of one"),
    row("acl|deluser", -3, "admin noscript loading stale", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("6.0.0", "O(1)")
        .about("Removes users and closes their connections"),
    row("acl|dryrun", -4, "admin noscript loading stale", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("7.0.0", "O(1)")
        .about("Tells whether a user could run a command, without running it"),
    row("acl|genpass", -2, "noscript loading stale", "")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("6.0.0", "O(1)")
        .about("Makes up a password"),
    row("acl|getuser", 3, "admin noscript loading stale", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("6.0.0", "O(N)")
        .about("Describes the rules of a user"),
    row("acl|help", 2, "loading stale", "")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("6.0.0", "O(1)")
        .about("Lists the subcommands of ACL"),
    row("acl|list", 2, "admin noscript loading stale", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("6.0.0", "O(N)")
        .about("Answers all users with their rules"),
    row("acl|load", 2, "admin noscript loading stale", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("6.0.0", "O(N)")
        .about("Reads the users from the ACL file again"),
    row("acl|log", -2, "admin noscript loading stale", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("6.0.0", "O(N)")
        .about("Shows what was refused lately"),
    row("acl|save", 2, "admin noscript loading stale", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("6.0.0", "O(N)")
        .about("Writes the users to the ACL file"),
    row("acl|setuser", -3, "admin noscript loading stale", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("6.0.0", "O(N)")
        .about("Makes a user or changes its rules"),
    row("acl|users", 2, "admin noscript loading stale", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("6.0.0", "O(N)")
        .about("Answers the names of all users"),
    row("acl|whoami", 2, "noscript loading stale", "")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("6.0.0", "O(1)")
        .about("Answers the user of this connection"),
];
