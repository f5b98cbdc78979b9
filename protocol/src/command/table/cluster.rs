//! Rows about the cluster.

use crate::command::CommandSpec;
use crate::command::policy::{ReplyPolicy, RequestPolicy};
use crate::command::row::row;

pub(super) const ROWS: &[CommandSpec] = &[
    row("asking", 1, "fast", "connection")
        .routed(RequestPolicy::ClusterOnly, ReplyPolicy::Passthrough)
        .since("3.0.0", "O(1)")
        .about("Lets the next command work on a slot that is on its way to this node"),
    row("cluster", -2, "", "")
        .routed(RequestPolicy::ClusterOnly, ReplyPolicy::Passthrough)
        .since("3.0.0", "by subcommand")
        .about("Container of commands about the cluster"),
    row("cluster|addslots", -3, "admin stale no_async_loading", "")
        .routed(RequestPolicy::ClusterChange, ReplyPolicy::AllOk)
        .since("3.0.0", "O(N)")
        .about("Gives slots without an owner to this node"),
    row("cluster|addslotsrange", -4, "admin stale no_async_loading", "")
        .routed(RequestPolicy::ClusterChange, ReplyPolicy::AllOk)
        .since("7.0.0", "O(N)")
        .about("Gives ranges of slots without an owner to this node"),
    row("cluster|bumpepoch", 2, "admin stale no_async_loading", "")
        .routed(RequestPolicy::ClusterChange, ReplyPolicy::AllOk)
        .tips(&["nondeterministic_output"])
        .since("3.0.0", "O(1)")
        .about("Raises the configuration epoch"),
    row("cluster|count-failure-reports", 3, "admin stale", "")
        .routed(RequestPolicy::ClusterView, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output"])
        .since("3.0.0", "O(N)")
        .about("Counts the nodes that report another as failed"),
    row("cluster|countkeysinslot", 3, "stale", "")
        .routed(RequestPolicy::ClusterSlot, ReplyPolicy::Passthrough)
        .since("3.0.0", "O(1)")
        .about("Counts the keys of a slot on this node"),
    row("cluster|delslots", -3, "admin stale no_async_loading", "")
        .routed(RequestPolicy::ClusterChange, ReplyPolicy::AllOk)
        .since("3.0.0", "O(N)")
        .about("Makes this node forget the owners of slots"),
    row("cluster|delslotsrange", -4, "admin stale no_async_loading", "")
        .routed(RequestPolicy::ClusterChange, ReplyPolicy::AllOk)
        .since("7.0.0", "O(N)")
        .about("Makes this node forget the owners of ranges of slots"),
    row("cluster|failover", -2, "admin stale no_async_loading", "")
        .routed(RequestPolicy::ClusterChange, ReplyPolicy::AllOk)
        .since("3.0.0", "O(1)")
        .about("Makes this replica take over from its primary"),
    row("cluster|flushslots", 2, "admin stale no_async_loading", "")
        .routed(RequestPolicy::ClusterChange, ReplyPolicy::AllOk)
        .since("3.0.0", "O(1)")
        .about("Makes this node forget the owners of all its slots"),
    row("cluster|forget", 3, "admin stale no_async_loading", "")
        .routed(RequestPolicy::ClusterChange, ReplyPolicy::AllOk)
        .since("3.0.0", "O(1)")
        .about("Removes a node from this node's view"),
    row("cluster|getkeysinslot", 4, "stale", "")
        .routed(RequestPolicy::ClusterSlot, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output"])
        .since("3.0.0", "O(log(N))")
        .about("Answers names of keys in a slot on this node"),
    row("cluster|help", 2, "loading stale", "")
        .routed(RequestPolicy::ClusterView, ReplyPolicy::Passthrough)
        .since("5.0.0", "O(1)")
        .about("Lists the subcommands of CLUSTER"),
    row("cluster|info", 2, "stale", "")
        .routed(RequestPolicy::ClusterView, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output"])
        .since("3.0.0", "O(1)")
        .about("Describes the state of the cluster"),
    row("cluster|keyslot", 3, "stale", "")
        .routed(RequestPolicy::ClusterView, ReplyPolicy::Passthrough)
        .since("3.0.0", "O(N)")
        .about("Answers the slot of a key"),
    row("cluster|links", 2, "stale", "")
        .routed(RequestPolicy::ClusterView, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output"])
        .since("7.0.0", "O(N)")
        .about("Describes the links of the cluster bus"),
    row("cluster|meet", -4, "admin stale no_async_loading", "")
        .routed(RequestPolicy::ClusterChange, ReplyPolicy::AllOk)
        .since("3.0.0", "O(1)")
        .about("Introduces this node to another"),
    row("cluster|myid", 2, "stale", "")
        .routed(RequestPolicy::ClusterView, ReplyPolicy::Passthrough)
        .since("3.0.0", "O(1)")
        .about("Answers the ID of this node"),
    row("cluster|nodes", 2, "stale", "")
        .routed(RequestPolicy::ClusterView, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output"])
        .since("3.0.0", "O(N)")
        .about("Answers the nodes, their links and their slots as text"),
    row("cluster|replicas", 3, "admin stale", "")
        .routed(RequestPolicy::ClusterView, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output"])
        .since("5.0.0", "O(1)")
        .about("Answers the replicas of a primary"),
    row("cluster|replicate", 3, "admin stale no_async_loading", "")
        .routed(RequestPolicy::ClusterChange, ReplyPolicy::AllOk)
        .since("3.0.0", "O(1)")
        .about("Makes this node a replica of a primary"),
    row("cluster|reset", -2, "admin noscript stale", "")
        .routed(RequestPolicy::ClusterChange, ReplyPolicy::AllOk)
        .since("3.0.0", "O(N)")
        .about("Makes this node leave its cluster"),
    row("cluster|saveconfig", 2, "admin stale no_async_loading", "")
        .routed(RequestPolicy::ClusterChange, ReplyPolicy::AllOk)
        .since("3.0.0", "O(1)")
        .about("Writes the cluster state to disk"),
    row("cluster|set-config-epoch", 3, "admin stale no_async_loading", "")
        .routed(RequestPolicy::ClusterChange, ReplyPolicy::AllOk)
        .since("3.0.0", "O(1)")
        .about("Sets the configuration epoch of a new node"),
    row("cluster|setslot", -4, "admin stale no_async_loading", "")
        .routed(RequestPolicy::ClusterChange, ReplyPolicy::AllOk)
        .since("3.0.0", "O(1)")
        .about("Changes a slot's owner, or what is going on with it"),
    row("cluster|shards", 2, "stale", "")
        .routed(RequestPolicy::ClusterView, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output"])
        .since("7.0.0", "O(N)")
        .about("Answers the shards with their slots and nodes"),
    row("cluster|slaves", 3, "admin stale", "")
        .routed(RequestPolicy::ClusterView, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output"])
        .since("3.0.0", "O(1)")
        .deprecated("5.0.0", "CLUSTER REPLICAS")
        .about("Old name of CLUSTER REPLICAS"),
    row("cluster|slots", 2, "stale", "")
        .routed(RequestPolicy::ClusterView, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output"])
        .since("3.0.0", "O(N)")
        .deprecated("7.0.0", "CLUSTER SHARDS")
        .about("Answers which nodes serve which slots"),
    row("readonly", 1, "loading stale fast", "connection")
        .routed(RequestPolicy::ClusterOnly, ReplyPolicy::Passthrough)
        .since("3.0.0", "O(1)")
        .about("Allows reads from a replica on this connection"),
    row("readwrite", 1, "loading stale fast", "connection")
        .routed(RequestPolicy::ClusterOnly, ReplyPolicy::Passthrough)
        .since("3.0.0", "O(1)")
        .about("Takes READONLY back"),
];
