//! How the front door treats a row: where a request goes, and how the replies of its parts become one.
//!
//! A row names a policy; the crates match on it, without a catch-all arm. No function pointers here.
//!
//! Spec: the names follow `REQUEST_POLICY` and `RESPONSE_POLICY` of <https://valkey.io/topics/command-tips/>
//! where those have one. The tips a row carries are what a Redis says about itself; the policy is what the
//! front door does, and where the two differ the row says why.

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestPolicy {
    /// The front door answers by itself.
    Local,
    /// To the owner of its keys' slot; keys of several slots are refused. A request that names no key
    /// (a script without keys) goes to any primary.
    OneSlot,
    /// One part per slot. A part is the command's name and, for each of its keys, `step` arguments
    /// (count): the key and what belongs to it. The arguments of the last key may be too few (`MSET a 1 b`);
    /// then no part may be sent.
    SplitByKey {
        /// Arguments per key, the key included.
        step: u8,
    },
    /// To any one primary: it names no key, and the answer is good for the whole cluster.
    AnyPrimary,
    /// To the primary of every shard.
    AllPrimaries,
    /// To every node, replicas too.
    AllNodes,
    /// One shard after the other, with a cursor that remembers the shard.
    Scan,
    /// To the primary of every shard, on a connection where it may wait for replicas without holding up others.
    WaitReplicas,
    /// As [`RequestPolicy::OneSlot`]; without keys it goes to the owner of the slot in which what it runs would
    /// lie, so that one script meets one node.
    Script(ScriptArg),
    /// As [`RequestPolicy::OneSlot`], on a connection of the client's own: it may wait.
    Blocking {
        /// Which argument says how long.
        timeout: TimeoutArg,
    },
    /// As [`RequestPolicy::Blocking`] when the option stands among the arguments, else as
    /// [`RequestPolicy::OneSlot`]. Behind the option stands how long, in milliseconds.
    BlockingIf {
        /// The option in upper case.
        option: &'static str,
    },
    /// The client listens to channels of this kind from now on. With shard channels the keys tell the slot.
    Subscribe(ChannelKind),
    /// It no longer does.
    Unsubscribe(ChannelKind),
    /// Sends a message to the listeners of a channel; a shard channel is a key that tells the slot.
    Publish(ChannelKind),
    /// Opens, closes or guards a transaction.
    Transaction(TransactionStep),
    /// A stream of what every node executes.
    Monitor,
    /// Changes or stops nodes: refused unless the operator allows it, then as [`RequestPolicy::AllNodes`].
    Admin,
    /// Changes settings: those that only tune how data is kept and what is told of it where the operator allows that,
    /// and all of them where [`RequestPolicy::Admin`] is allowed. To every node, but for the front door's own.
    Settings,
    /// As [`RequestPolicy::Admin`], to where the word behind the name belongs; see [`super::debug`].
    Debug,
    /// For clients that know of the cluster. A plain client is told that cluster support is off.
    ClusterOnly,
    /// Tells of the cluster: to any one primary where the operator shows the cluster to clients, else as
    /// [`RequestPolicy::ClusterOnly`].
    ClusterView,
    /// Tells of a slot, whose number stands behind the name: to its owner where the operator shows the cluster
    /// to clients, else as [`RequestPolicy::ClusterOnly`].
    ClusterSlot,
    /// Changes the cluster: as [`RequestPolicy::Admin`] where the operator allows that or shows the cluster to
    /// clients, else as [`RequestPolicy::ClusterOnly`].
    ClusterChange,
    /// Between nodes; never from a client.
    NodeLink,
}

/// What a client can listen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    /// One channel of the whole cluster.
    Channel,
    /// All channels of the whole cluster whose names fit a pattern.
    Pattern,
    /// One channel of the shard that owns the slot of its name.
    Shard,
}

/// Which argument says how long a command may wait, in seconds with a fraction; 0 is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutArg {
    /// The one behind the name.
    First,
    /// The last.
    Last,
}

/// What the argument behind the name of a script command holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptArg {
    /// The script, which the node keeps.
    Source,
    /// The digest of a script that the node may have.
    Digest {
        /// The command that does the same with the script in the place of its digest.
        by_source: &'static str,
    },
    /// The name of a function.
    Function,
}

/// What a command does to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionStep {
    /// Opens one.
    Multi,
    /// Runs it.
    Exec,
    /// Drops it.
    Discard,
    /// Guards keys for the next one.
    Watch,
    /// Guards none any more.
    Unwatch,
}

/// How the replies of the parts become the client's one reply.
///
/// Whatever the policy, a part that fails makes the whole reply an error, [`ReplyPolicy::OneOk`] excepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyPolicy {
    /// There is one part; its reply is the reply.
    Passthrough,
    /// All parts say the same; the first reply stands for all. Tip: `all_succeeded`.
    AllOk,
    /// As [`ReplyPolicy::AllOk`], but where the parts do not say the same they stand one behind the other, each under
    /// the address of its node.
    AllOkTexts,
    /// One part that succeeds is enough; if none does, the first error. Tip: `one_succeeded`.
    OneOk,
    /// The integers are added. Tip: `agg_sum`.
    Sum,
    /// The smallest integer. Tip: `agg_min`.
    Min,
    /// Arrays of 0 and 1 of one length: an element is 1 where it is in all parts. Tip: `agg_logical_and`.
    LogicalAnd,
    /// Arrays with one element per key: each element goes to its key's place in the client's request.
    ByKey,
    /// Arrays behind one another, in any order.
    Concat,
    /// Arrays in any order, of which each element stands once in the reply.
    Union,
    /// Arrays of names, each with an integer behind it; the same names in all parts. The integers are added.
    SumByName,
    /// Figures by name, perhaps in groups by name: integers are added, of other figures the greatest counts.
    SumFields,
    /// Texts for people: one behind the other, each under the address of its node, unless all say the same.
    Texts,
    /// Rows of name, time, last and greatest figure: of two rows of a name the later one with the greater of the
    /// two greatest.
    LatestByName,
    /// Rows of second and figure, the oldest first: of a second the greatest figure.
    History,
    /// Rows whose second element is their time, the newest first, as many as one node would give.
    NewestFirst,
    /// A map that names what runs just now, or null for it: a part in which something runs stands for all.
    Running,
    /// Wants code of its own, chosen by the command. Tip: `special`.
    Special,
}

impl ReplyPolicy {
    /// Whether only commands have it that change nothing.
    pub const fn only_tells(self) -> bool {
        match self {
            ReplyPolicy::Min
            | ReplyPolicy::LogicalAnd
            | ReplyPolicy::Concat
            | ReplyPolicy::Union
            | ReplyPolicy::SumByName
            | ReplyPolicy::SumFields
            | ReplyPolicy::Texts
            | ReplyPolicy::LatestByName
            | ReplyPolicy::History
            | ReplyPolicy::NewestFirst
            | ReplyPolicy::Running => true,
            ReplyPolicy::Passthrough
            | ReplyPolicy::AllOk
            | ReplyPolicy::AllOkTexts
            | ReplyPolicy::OneOk
            | ReplyPolicy::Sum
            | ReplyPolicy::ByKey
            | ReplyPolicy::Special => false,
        }
    }
}
