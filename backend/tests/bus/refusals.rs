//! What `CLUSTER` refuses in a cluster with replicas, and where there is none, in the words of a Redis.

use crate::commands::{check_script, lines};
use crate::process::{
    Kind, Node, expect_death, form_shards, has_redis_server, start_nodes, wait_until,
};

/// The script with the names of a cluster's nodes in the place of `$0`, `$1`, ….
fn for_nodes(script: &str, nodes: &[Node]) -> Vec<String> {
    let ids: Vec<String> = nodes.iter().map(Node::id).collect();
    let name = |line: &String| {
        ids.iter()
            .enumerate()
            .fold(line.clone(), |line, (index, id)| line.replace(&format!("${index}"), id))
    };
    lines(script).iter().map(name).collect()
}

/// Asks a node of each cluster the same.
fn compare(clusters: &[Vec<Node>; 2], index: usize, script: &str) {
    let scripts = [0, 1].map(|which| for_nodes(script, &clusters[which]));
    let nodes = [&clusters[0][index], &clusters[1][index]];
    let mut clients = nodes.map(Node::client);
    for (real, ours) in scripts[0].iter().zip(&scripts[1]) {
        let replies = [clients[0].ask(real), clients[1].ask(ours)];
        let [expected, reply] =
            [0, 1].map(|which| without_names(&replies[which], &clusters[which]));
        assert_eq!(reply, expected, "{ours} to node {index}");
    }
}

fn without_names(text: &str, nodes: &[Node]) -> String {
    nodes.iter().enumerate().fold(text.to_owned(), |text, (index, node)| {
        text.replace(&node.id(), &format!("ID{index}"))
            .replace(&node.port.to_string(), &format!("PORT{index}"))
    })
}

/// For each kind two primaries, and a replica of the first, with a key in slot 0.
fn two_shards_of_each_kind() -> [Vec<Node>; 2] {
    [start_nodes(3, 0), start_nodes(0, 3)].map(|nodes| {
        form_shards(&nodes, 2);
        assert_eq!(nodes[0].ask("SET {06S} 1"), "OK");
        nodes
    })
}

#[test]
fn a_replica_and_its_primary_refuse_as_a_redis_does() {
    if !has_redis_server() {
        return;
    }
    let clusters = two_shards_of_each_kind();
    compare(
        &clusters,
        2,
        "CLUSTER FORGET $0
        CLUSTER FORGET $2
        CLUSTER REPLICATE $2
        CLUSTER REPLICATE $0 x
        CLUSTER REPLICAS $2
        CLUSTER SLAVES $2
        CLUSTER COUNT-FAILURE-REPORTS $0
        CLUSTER SETSLOT 0 MIGRATING $1
        CLUSTER SETSLOT 0 STABLE
        CLUSTER ADDSLOTS 0
        CLUSTER DELSLOTS 0 0
        CLUSTER SET-CONFIG-EPOCH 9
        CLUSTER FAILOVER FORCE TAKEOVER
        CLUSTER FAILOVER SOON
        CLUSTER RESET HARDER
        CLUSTER FLUSHSLOTS
        CLUSTER COUNTKEYSINSLOT 0
        CLUSTER GETKEYSINSLOT 0 10
        CLUSTER KEYSLOT {06S}
        GET {06S}
        READONLY
        GET {06S}
        SET {06S} 2
        MULTI
        GET {06S}
        SET {06S} 2
        EXEC
        READWRITE
        GET {06S}",
    );
    compare(
        &clusters,
        0,
        "CLUSTER FAILOVER
        CLUSTER FAILOVER TAKEOVER
        CLUSTER REPLICATE $1
        CLUSTER REPLICATE $2
        CLUSTER RESET
        CLUSTER FLUSHSLOTS
        CLUSTER SETSLOT 0 MIGRATING $2
        CLUSTER SETSLOT 0 MIGRATING $0
        CLUSTER SETSLOT 0 NODE $2
        CLUSTER SETSLOT 0 NODE $1
        CLUSTER SETSLOT 16383 IMPORTING $2
        CLUSTER SETSLOT 16383 IMPORTING $0
        CLUSTER SETSLOT 0 IMPORTING $1
        CLUSTER SETSLOT 16383 MIGRATING $1
        CLUSTER SET-CONFIG-EPOCH 9
        CLUSTER FORGET $0
        CLUSTER LINKS x
        CLUSTER MYID x
        CLUSTER SHARDS x",
    );
    for nodes in &clusters {
        // A replica whose primary is out of reach takes over by force only.
        expect_death(nodes);
        nodes[0].signal("-STOP");
        wait_until("the primary to be missed", || {
            nodes[2].ask("CLUSTER FAILOVER").starts_with("-ERR Master is down or failed")
        });
        nodes[0].signal("-CONT");
    }
}

#[test]
fn a_node_of_no_cluster_refuses_as_a_redis_does() {
    if !has_redis_server() {
        return;
    }
    let settings = ["--cluster-enabled", "no"];
    let [real, ours] = [Kind::Real, Kind::Ours].map(|kind| Node::start_with(kind, &settings));
    let script = lines(
        "CLUSTER
        CLUSTER NOSUCH
        CLUSTER INFO
        CLUSTER NODES
        CLUSTER SLOTS
        CLUSTER SHARDS
        CLUSTER MYID
        CLUSTER LINKS
        CLUSTER KEYSLOT a
        CLUSTER MEET 127.0.0.1 7000
        CLUSTER FAILOVER
        CLUSTER RESET
        CLUSTER ADDSLOTS x
        CLUSTER COUNTKEYSINSLOT 0
        ASKING
        READONLY
        READWRITE
        CONFIG GET cluster-allow-pubsubshard-when-down
        CONFIG GET cluster-allow-reads-when-down
        CONFIG GET cluster-allow-replica-migration
        CONFIG GET cluster-announce-bus-port
        CONFIG GET cluster-announce-hostname
        CONFIG GET cluster-announce-ip
        CONFIG GET cluster-announce-port
        CONFIG GET cluster-announce-tls-port
        CONFIG GET cluster-config-file
        CONFIG GET cluster-enabled
        CONFIG GET cluster-link-sendbuf-limit
        CONFIG GET cluster-migration-barrier
        CONFIG GET cluster-node-timeout
        CONFIG GET cluster-port
        CONFIG GET cluster-preferred-endpoint-type
        CONFIG GET cluster-replica-no-failover
        CONFIG GET cluster-replica-validity-factor
        CONFIG GET cluster-require-full-coverage
        CONFIG GET cluster-slave-no-failover
        CONFIG GET cluster-slave-validity-factor
        CONFIG SET cluster-enabled yes
        CONFIG SET cluster-port 7
        CONFIG SET cluster-config-file x
        CONFIG SET cluster-node-timeout -1
        CONFIG SET cluster-node-timeout x
        CONFIG SET cluster-migration-barrier -1
        CONFIG SET cluster-replica-validity-factor -1
        CONFIG SET cluster-slave-validity-factor 3
        CONFIG GET cluster-replica-validity-factor
        CONFIG SET cluster-preferred-endpoint-type name
        CONFIG SET cluster-preferred-endpoint-type HOSTNAME
        CONFIG GET cluster-preferred-endpoint-type
        CONFIG SET cluster-announce-hostname bad_name
        CONFIG SET cluster-announce-port 65536
        CONFIG SET cluster-announce-bus-port -1
        CONFIG SET cluster-announce-tls-port 70000
        CONFIG SET cluster-link-sendbuf-limit -1
        CONFIG SET cluster-link-sendbuf-limit 1mb
        CONFIG GET cluster-link-sendbuf-limit
        CONFIG SET cluster-require-full-coverage maybe
        CONFIG SET cluster-allow-reads-when-down maybe
        CONFIG SET cluster-allow-pubsubshard-when-down maybe
        CONFIG SET cluster-allow-replica-migration maybe
        CONFIG SET cluster-replica-no-failover maybe",
    );
    check_script(&real, &ours, &script, str::to_owned);
}

/// A command that its user may not run is refused before anybody looks where its keys lie.
#[test]
fn rights_come_before_slots() {
    if !has_redis_server() {
        return;
    }
    let clusters = two_shards_of_each_kind();
    compare(
        &clusters,
        0,
        "ACL SETUSER u on nopass +@all -set ~{06S}* ~foo &s*
        AUTH u x
        GET {06S}
        GET foo
        GET bar
        SET {06S} 1
        SET bar 1
        MGET {06S}1 bar
        MGET {06S} foo
        SSUBSCRIBE bar
        SPUBLISH sbar x
        CLUSTER KEYSLOT a
        MULTI
        GET {06S}
        GET bar
        EXEC
        SORT {06S} BY x*
        AUTH default x
        ACL DELUSER u",
    );
}
