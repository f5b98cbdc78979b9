//! Rows about publish and subscribe.

use crate::command::CommandSpec;
use crate::command::policy::{ChannelKind, ReplyPolicy, RequestPolicy};
use crate::command::row::{key, keys_to, row};

pub(super) const ROWS: &[CommandSpec] = &[
    row("psubscribe", -2, "pubsub noscript loading stale", "")
        .routed(RequestPolicy::Subscribe(ChannelKind::Pattern), ReplyPolicy::Passthrough)
        .since("2.0.0", "O(N)")
        .about("Listens to all channels whose names fit patterns"),
    row("publish", 3, "pubsub loading stale fast", "")
        .routed(RequestPolicy::Publish(ChannelKind::Channel), ReplyPolicy::Passthrough)
        .since("2.0.0", "O(N+M)")
        .about("Sends a message to the listeners of a channel"),
    row("pubsub", -2, "", "")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("2.8.0", "by subcommand")
        .about("Container of commands that look at subscriptions"),
    row("pubsub|channels", -2, "pubsub loading stale", "")
        .routed(RequestPolicy::AllNodes, ReplyPolicy::Union)
        .since("2.8.0", "O(N)")
        .about("Answers the channels that somebody listens to"),
    row("pubsub|help", 2, "loading stale", "")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("6.2.0", "O(1)")
        .about("Lists the subcommands of PUBSUB"),
    row("pubsub|numpat", 2, "pubsub loading stale", "")
        .routed(RequestPolicy::AllNodes, ReplyPolicy::Sum)
        .since("2.8.0", "O(1)")
        .about("Counts the patterns that are listened to"),
    row("pubsub|numsub", -2, "pubsub loading stale", "")
        .routed(RequestPolicy::AllNodes, ReplyPolicy::SumByName)
        .since("2.8.0", "O(N)")
        .about("Counts the listeners of channels"),
    row("pubsub|shardchannels", -2, "pubsub loading stale", "")
        .routed(RequestPolicy::AllNodes, ReplyPolicy::Union)
        .since("7.0.0", "O(N)")
        .about("Answers the shard channels that somebody listens to"),
    row("pubsub|shardnumsub", -2, "pubsub loading stale", "")
        .routed(RequestPolicy::AllNodes, ReplyPolicy::SumByName)
        .since("7.0.0", "O(N)")
        .about("Counts the listeners of shard channels"),
    row("punsubscribe", -1, "pubsub noscript loading stale", "")
        .routed(RequestPolicy::Unsubscribe(ChannelKind::Pattern), ReplyPolicy::Passthrough)
        .since("2.0.0", "O(N+M)")
        .about("Stops listening to patterns"),
    row("spublish", 3, "pubsub loading stale fast", "")
        .keys(&[key(1, "not_key")])
        .routed(RequestPolicy::Publish(ChannelKind::Shard), ReplyPolicy::Passthrough)
        .since("7.0.0", "O(N)")
        .about("Sends a message to the listeners of a shard channel"),
    row("ssubscribe", -2, "pubsub noscript loading stale", "")
        .keys(&[keys_to(1, -1, "not_key")])
        .routed(RequestPolicy::Subscribe(ChannelKind::Shard), ReplyPolicy::Passthrough)
        .since("7.0.0", "O(N)")
        .about("Listens to shard channels"),
    row("subscribe", -2, "pubsub noscript loading stale", "")
        .routed(RequestPolicy::Subscribe(ChannelKind::Channel), ReplyPolicy::Passthrough)
        .since("2.0.0", "O(N)")
        .about("Listens to channels"),
    row("sunsubscribe", -1, "pubsub noscript loading stale", "")
        .keys(&[keys_to(1, -1, "not_key")])
        .routed(RequestPolicy::Unsubscribe(ChannelKind::Shard), ReplyPolicy::Passthrough)
        .since("7.0.0", "O(N)")
        .about("Stops listening to shard channels"),
    row("unsubscribe", -1, "pubsub noscript loading stale", "")
        .routed(RequestPolicy::Unsubscribe(ChannelKind::Channel), ReplyPolicy::Passthrough)
        .since("2.0.0", "O(N)")
        .about("Stops listening to channels"),
];
