//! The units of which the tests consist.

/// When a unit is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// With every run: it takes some seconds.
    Always,
    /// When it is asked for.
    Asked,
    /// Not at all: it wants servers of its own.
    Never,
}

/// A file of tests.
#[derive(Debug)]
pub(crate) struct Unit {
    /// As the tests call it.
    pub(crate) name: &'static str,
    /// When nodes take the place of its servers.
    pub(crate) at_nodes: When,
    /// When it finds the front door in the place of a server.
    pub(crate) at_doors: When,
}

const fn unit(name: &'static str, at_nodes: When, at_doors: When) -> Unit {
    Unit { name, at_nodes, at_doors }
}

/// All but those of TLS, which neither nodes nor the front door speak.
pub(crate) const UNITS: &[Unit] = &[
    unit("unit/dump", When::Asked, When::Asked),
    unit("unit/auth", When::Always, When::Never),
    unit("unit/protocol", When::Always, When::Always),
    unit("unit/keyspace", When::Always, When::Always),
    unit("unit/scan", When::Always, When::Asked),
    unit("unit/info", When::Always, When::Never),
    unit("unit/info-command", When::Always, When::Always),
    unit("unit/type/string", When::Always, When::Asked),
    unit("unit/type/incr", When::Always, When::Always),
    unit("unit/type/list", When::Asked, When::Asked),
    unit("unit/type/set", When::Always, When::Always),
    unit("unit/type/zset", When::Always, When::Always),
    unit("unit/type/hash", When::Always, When::Always),
    unit("unit/type/stream", When::Always, When::Asked),
    unit("unit/type/stream-cgroups", When::Always, When::Always),
    unit("unit/sort", When::Always, When::Asked),
    unit("unit/expire", When::Asked, When::Asked),
    unit("unit/other", When::Always, When::Always),
    unit("unit/multi", When::Always, When::Always),
    unit("unit/quit", When::Always, When::Always),
    unit("unit/acl", When::Always, When::Never),
    unit("unit/acl-v2", When::Always, When::Never),
    unit("unit/latency-monitor", When::Asked, When::Asked),
    unit("unit/pubsub", When::Always, When::Always),
    unit("unit/pubsubshard", When::Always, When::Never),
    unit("unit/slowlog", When::Always, When::Asked),
    unit("unit/scripting", When::Asked, When::Always),
    unit("unit/functions", When::Always, When::Always),
    unit("unit/introspection", When::Always, When::Asked),
    unit("unit/introspection-2", When::Always, When::Always),
    unit("unit/limits", When::Always, When::Never),
    unit("unit/bitfield", When::Always, When::Always),
    unit("unit/lazyfree", When::Always, When::Always),
    unit("unit/wait", When::Always, When::Never),
    unit("unit/pause", When::Always, When::Always),
    unit("unit/querybuf", When::Asked, When::Never),
    unit("unit/tracking", When::Always, When::Always),
    unit("unit/networking", When::Always, When::Never),
    unit("unit/violations", When::Always, When::Never),
    unit("unit/replybufsize", When::Asked, When::Asked),
    unit("unit/cluster-scripting", When::Always, When::Never),
    unit("unit/type/list-2", When::Asked, When::Asked),
    unit("unit/type/list-3", When::Asked, When::Asked),
    unit("unit/maxmemory", When::Asked, When::Never),
    unit("unit/obuf-limits", When::Asked, When::Never),
    unit("unit/bitops", When::Asked, When::Always),
    unit("unit/geo", When::Asked, When::Asked),
    unit("unit/memefficiency", When::Asked, When::Never),
    unit("unit/hyperloglog", When::Asked, When::Asked),
    unit("unit/aofrw", When::Asked, When::Never),
    unit("integration/replication", When::Asked, When::Never),
    unit("integration/replication-2", When::Asked, When::Never),
    unit("integration/shutdown", When::Asked, When::Never),
    unit("integration/aof-multi-part", When::Asked, When::Never),
    unit("integration/rdb", When::Asked, When::Never),
    unit("integration/convert-zipmap-hash-on-load", When::Always, When::Never),
    unit("integration/convert-ziplist-hash-on-load", When::Always, When::Never),
    unit("integration/convert-ziplist-zset-on-load", When::Always, When::Never),
    unit("integration/logging", When::Asked, When::Never),
    unit("integration/failover", When::Always, When::Never),
    unit("integration/redis-cli", When::Always, When::Never),
    unit("integration/redis-benchmark", When::Always, When::Never),
    unit("unit/oom-score-adj", When::Always, When::Never),
    unit("unit/shutdown", When::Asked, When::Never),
    unit("unit/cluster/misc", When::Always, When::Never),
    unit("unit/cluster/links", When::Always, When::Never),
    unit("integration/block-repl", When::Asked, When::Never),
    unit("integration/replication-3", When::Asked, When::Never),
    unit("integration/replication-4", When::Asked, When::Never),
    unit("integration/replication-psync", When::Asked, When::Never),
    unit("integration/replication-buffer", When::Asked, When::Never),
    unit("integration/aof", When::Asked, When::Never),
    unit("integration/corrupt-dump", When::Asked, When::Never),
    unit("integration/corrupt-dump-fuzzer", When::Asked, When::Never),
    unit("integration/psync2", When::Asked, When::Never),
    unit("integration/psync2-reg", When::Asked, When::Never),
    unit("integration/psync2-pingoff", When::Asked, When::Never),
    unit("integration/psync2-master-restart", When::Asked, When::Never),
    unit("integration/dismiss-mem", When::Asked, When::Never),
    unit("unit/pendingquerybuf", When::Asked, When::Never),
    unit("unit/cluster", When::Asked, When::Never),
    unit("unit/client-eviction", When::Always, When::Never),
];
