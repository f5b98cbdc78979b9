//! Which arguments of a request are channels that it speaks to or begins to listen to.
//!
//! Source: redis `src/db.c` getChannelsFromCommand.

use std::ops::Range;

use crate::command::CommandSpec;
use crate::command::policy::{ChannelKind, RequestPolicy};

impl CommandSpec {
    /// The positions of a request's channels, if commands of this row have any, and what is named there.
    ///
    /// All positions are below `args_count`. Channels that are listened to no more do not count: that needs no leave.
    #[inline]
    pub fn channel_arguments(&self, args_count: usize) -> Option<(ChannelKind, Range<usize>)> {
        match self.request {
            RequestPolicy::Subscribe(kind) => Some((kind, 1..args_count)),
            RequestPolicy::Publish(kind) => Some((kind, 1..args_count.min(2))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::lookup_full;

    #[test]
    fn channels_are_all_names_of_a_subscription_and_the_first_argument_of_a_message() {
        let channels = |name: &[u8], count| lookup_full(name).unwrap().channel_arguments(count);
        assert_eq!(channels(b"subscribe", 4), Some((ChannelKind::Channel, 1..4)));
        assert_eq!(channels(b"psubscribe", 2), Some((ChannelKind::Pattern, 1..2)));
        assert_eq!(channels(b"ssubscribe", 3), Some((ChannelKind::Shard, 1..3)));
        assert_eq!(channels(b"publish", 3), Some((ChannelKind::Channel, 1..2)));
        assert_eq!(channels(b"spublish", 1), Some((ChannelKind::Shard, 1..1)));
        for name in ["unsubscribe", "punsubscribe", "sunsubscribe", "pubsub|channels", "get"] {
            assert_eq!(channels(name.as_bytes(), 3), None, "{name}");
        }
    }
}
