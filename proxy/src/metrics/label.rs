//! The values labels can take: closed sets, so that no client and no node can make new series.
//!
//! Each set is an enum with its texts beside its variants and an array over all of them.

/// A closed set of label values.
pub(super) trait Label: Copy + 'static {
    /// The name of the label.
    const NAME: &'static str;
    /// Every value, in the order of the cells that count them.
    const VALUES: &'static [Self];

    /// The text of this value.
    fn text(self) -> &'static str;
}

/// Declares a closed label set: variants, the label's name, the text of each value.
macro_rules! label {
    (
        $(#[$doc:meta])*
        $name:ident: $label:literal { $($(#[$variant_doc:meta])* $variant:ident => $text:literal,)+ }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every value, in the order of their indexes.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];
            /// How many values there are.
            pub const COUNT: usize = $name::ALL.len();

            /// The text of this value in the exposition.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }

            /// The position of this value in [`Self::ALL`].
            #[inline]
            pub const fn index(self) -> usize {
                self as usize
            }
        }

        impl Label for $name {
            const NAME: &'static str = $label;
            const VALUES: &'static [$name] = $name::ALL;

            fn text(self) -> &'static str {
                self.as_str()
            }
        }
    };
}

label! {
    /// How a command ended for its client.
    Outcome: "result" {
        /// A reply that is not an error.
        Ok => "ok",
        /// An error reply of a node, passed on.
        Error => "error",
        /// An error reply the front door made itself: refused, timed out, outcome unknown, no node.
        LocalError => "local_error",
    }
}

label! {
    /// A node's answer that sends a command elsewhere, or asks to come back.
    Redirect: "kind" {
        /// The slot lives on another node.
        Moved => "moved",
        /// The key may have moved already: this one command goes to the importing node.
        Ask => "ask",
        /// Some of the keys are under way.
        TryAgain => "tryagain",
        /// The node sees no working cluster.
        ClusterDown => "clusterdown",
        /// The node is reading its data.
        Loading => "loading",
        /// The node became a replica.
        ReadOnly => "readonly",
        /// The node is a replica without its primary.
        MasterDown => "masterdown",
        /// The node runs a script that takes long.
        Busy => "busy",
        /// The node became a replica while the command waited on it.
        Unblocked => "unblocked",
        /// The node does not have the script: it was sent whole.
        NoScript => "noscript",
    }
}

label! {
    /// Why a client's connection ended.
    CloseReason: "reason" {
        /// The client closed it, or it broke.
        ClientLeft => "client_left",
        /// The client said QUIT.
        Quit => "quit",
        /// The client sent bytes that are no requests.
        ProtocolError => "protocol_error",
        /// The client did not read its replies and too many were waiting.
        OutputLimit => "output_limit",
        /// The client sent a request that was too long.
        InputLimit => "input_limit",
        /// The node was lost in the middle of a reply of which the client had a part.
        BrokenReply => "broken_reply",
        /// The client held most when no room was left.
        Overload => "overload",
        /// Another client said CLIENT KILL.
        Killed => "killed",
        /// The front door is stopping.
        Shutdown => "shutdown",
    }
}

label! {
    /// A limit of the configuration, by the last part of its key.
    Limit: "limit" {
        /// Bytes that all clients hold.
        Bytes => "bytes_max",
        /// Commands in flight of all clients of a worker.
        Requests => "requests_max",
        /// Clients connected at once.
        Clients => "clients_max",
        /// Clients accepted in a second: accepting paused.
        Accepts => "accept_per_second",
        /// Connections made to one node in a second: the next one waited.
        Connects => "connects_per_second",
        /// Commands of one address in a second: a client of it was not read for a while.
        AddressCommands => "address_commands_per_second",
        /// Commands of one user in a second: a client of it was not read for a while.
        UserCommands => "user_commands_per_second",
        /// Bytes of one request: its client was cut.
        ClientInput => "client_input_bytes_max",
        /// Bytes of one argument.
        BulkBytes => "bulk_bytes_max",
        /// Arguments of one request.
        Args => "args_max",
        /// Bytes of one inline request.
        InlineBytes => "inline_bytes_max",
        /// Commands of one client in flight: reading from it paused.
        ClientPipeline => "client_pipeline_max",
        /// Bytes of replies a client did not fetch: reading from it paused.
        ClientOutputPause => "client_output_pause_bytes",
        /// Bytes of replies a client did not fetch: it was cut.
        ClientOutput => "client_output_bytes_max",
        /// Bytes of messages a listening client did not fetch: it was cut.
        SubscriberOutput => "subscriber_output_bytes_max",
        /// What clients listen to.
        Subscriptions => "subscriptions_max",
        /// Commands in flight on one node connection.
        LinkInflight => "link_inflight_max",
        /// Bytes waiting to be written to one node connection.
        LinkOutput => "link_output_bytes_max",
        /// Parts of one split command.
        SplitParts => "split_parts_max",
        /// Bytes of the replies joined into one.
        JoinBytes => "join_bytes_max",
        /// Commands held until a node runs them.
        HoldRequests => "hold_requests_max",
        /// Bytes of commands held until a node runs them.
        HoldBytes => "hold_bytes_max",
        /// Bytes of one reply of a node.
        ReplyBytes => "reply_bytes_max",
        /// Redirects and retries of one command.
        Redirects => "redirects_max",
        /// Node connections of single clients.
        PinnedLinks => "pinned_links_max",
        /// Bytes of the prefixes that a client is tracked by.
        TrackingPrefixes => "tracking_prefix_bytes_max",
        /// Bytes from a client behind a command that waits: reading from it paused.
        HeldInput => "held_input_bytes_max",
        /// Bytes of the commands of one transaction.
        TransactionBytes => "transaction_bytes_max",
        /// Commands of one transaction.
        TransactionCommands => "transaction_commands_max",
        /// Bytes of remembered scripts: the oldest was forgotten.
        ScriptsBytes => "scripts_bytes_max",
        /// Commands over several slots that wait for their keys.
        CrossSlotWaits => "cross_slot_waits_max",
    }
}

label! {
    /// What was shed to keep within the budget.
    Shed: "step" {
        /// A client that holds much was not read for a while.
        Reading => "reading",
        /// A command was refused.
        Command => "command",
        /// A new client was turned away.
        Client => "client",
        /// The client that held most was cut.
        Cut => "cut",
    }
}

label! {
    /// What became of a command whose keys lie in several slots.
    CrossSlot: "result" {
        /// Each slot got its part.
        Split => "split",
        /// Its keys were fetched, and it was answered.
        Gathered => "gathered",
        /// As gathered, and its result was to be stored.
        Emulated => "emulated",
        /// It may have waited until there was something to take or to read.
        Waited => "waited",
        /// It was refused.
        Refused => "refused",
    }
}

label! {
    /// Why a command was refused that one Redis would have run.
    Refusal: "reason" {
        /// Its keys lie in several slots.
        CrossSlot => "crossslot",
        /// It was to be part of a transaction that lies in another slot, or needs several nodes.
        Transaction => "transaction",
        /// It was to guard keys of several slots.
        Watch => "watch",
        /// The keys of the script lie in several slots.
        Script => "script",
        /// The script used a key that it was not given, of another slot.
        ScriptKeys => "script_keys",
        /// It reads keys that it does not name.
        UnnamedKeys => "unnamed_keys",
        /// It is about another database than 0.
        Database => "database",
        /// It changes nodes.
        Admin => "admin",
        /// The front door does not serve it.
        Unserved => "unserved",
    }
}

label! {
    /// Who was asked a read that a replica may answer.
    ReadRole: "role" {
        /// The primary.
        Primary => "primary",
        /// A replica.
        Replica => "replica",
    }
}

label! {
    /// Why a read that a replica may answer went to another node than the policy likes best.
    ReadDetour: "reason" {
        /// The client wrote to the slot, and no replica is known to have it.
        OwnWrite => "own_write",
        /// No replica could be asked.
        NoReplica => "no_replica",
        /// A replica's reply was one that an absent key would get, too.
        Missing => "missing",
        /// A replica answered with an error.
        Refused => "refused",
        /// The connection to a replica ended, or the replica fell silent.
        Lost => "lost",
    }
}

label! {
    /// What became of sending a slow read to another node, too.
    Hedge: "result" {
        /// It was sent; the first reply counts.
        Sent => "sent",
        /// The reply of the other node came first.
        Won => "won",
        /// It was not sent: there were too many of them.
        NoBudget => "no_budget",
        /// It was not sent: there was no other node.
        NoNode => "no_node",
    }
}

label! {
    /// Why a replica is not read from.
    LeftOut: "reason" {
        /// It does not answer.
        Silent => "silent",
        /// Its link to the primary is down, or it is no replica.
        LinkDown => "link_down",
        /// It is given a copy of the whole, or does not follow the primary's stream yet.
        Syncing => "syncing",
        /// It is further behind than is allowed.
        Lagging => "lagging",
    }
}

label! {
    /// What set a topology refresh off.
    RefreshReason: "reason" {
        /// There is no topology yet.
        Startup => "startup",
        /// The periodic timer.
        Timer => "timer",
        /// A node answered MOVED.
        Moved => "moved",
        /// A node connection was lost or could not be made.
        LinkLost => "link_lost",
        /// A node answered CLUSTERDOWN.
        ClusterDown => "clusterdown",
        /// A node answered READONLY.
        ReadOnly => "readonly",
        /// A node answered MASTERDOWN.
        MasterDown => "masterdown",
        /// A node left a command without an answer until its deadline.
        Timeout => "timeout",
        /// Commands are held, or a node owes replies.
        Held => "held",
        /// A command met a slot that no known node owns.
        SlotUncovered => "slot_uncovered",
    }
}

label! {
    /// How a topology refresh ended.
    RefreshResult: "result" {
        /// The nodes told of a newer topology, and it was adopted.
        Adopted => "adopted",
        /// The nodes confirmed the topology already known.
        Unchanged => "unchanged",
        /// The nodes told of an older topology only, and it was not believed.
        Stale => "stale",
        /// No node answered.
        Failed => "failed",
    }
}

label! {
    /// What kind of buffer holds bytes.
    Buffer: "buffer" {
        /// Requests received from clients and not yet sent on.
        ClientInput => "client_input",
        /// Replies not yet written to clients.
        ClientOutput => "client_output",
        /// Replies received from nodes and not yet passed on.
        NodeInput => "node_input",
        /// Commands not yet written to nodes.
        NodeOutput => "node_output",
        /// Commands held until a node runs them.
        Held => "held",
    }
}

label! {
    /// Where bytes went, seen from the front door.
    Direction: "direction" {
        /// Received.
        In => "in",
        /// Sent.
        Out => "out",
    }
}

label! {
    /// Who is at the other end of a connection.
    Side: "side" {
        /// A client of the front door.
        Client => "client",
        /// A node of the cluster.
        Node => "node",
    }
}

label! {
    /// How an attempt to connect ended.
    Connect: "result" {
        /// The connection stands.
        Ok => "ok",
        /// It could not be made, or the node refused the handshake.
        Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_points_at_its_own_value() {
        for (index, limit) in Limit::ALL.iter().enumerate() {
            assert_eq!(limit.index(), index);
        }
        assert_eq!(Outcome::COUNT, 3);
    }

    #[test]
    fn texts_are_distinct_label_values() {
        let mut texts: Vec<&str> = Limit::ALL.iter().map(|limit| limit.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), Limit::COUNT);
    }
}
