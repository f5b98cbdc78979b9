//! Every directive of the cluster that is seen from outside, set on real servers and on nodes of ours: the same effect.
//!
//! Those that only time shows (`cluster-replica-validity-factor`, `cluster-migration-barrier`,
//! `cluster-allow-replica-migration`) are tested in the simulation, whose clock is not ours to wait for.

use reddoor_tests::port::NodePort;

use crate::commands::{check_script, lines};
use crate::process::{
    Kind, Node, fail_over, form_cluster, form_shards, has_redis_server, start_nodes, wait_until,
};

/// Two clusters of the same shape, of real servers and of ours.
fn twins(count: usize) -> Option<[Vec<Node>; 2]> {
    has_redis_server().then(|| [start_nodes(count, 0), start_nodes(0, count)])
}

/// A reply without names and ports, which differ between any two clusters.
fn known<'a>(clusters: &'a [Vec<Node>; 2]) -> impl Fn(&str) -> String + 'a {
    let mut marks: Vec<(String, String)> = Vec::new();
    for (index, node) in clusters.iter().flat_map(|nodes| nodes.iter().enumerate()) {
        marks.push((node.id(), format!("ID{index}")));
        marks.push((format!(":{}", node.port), format!(":PORT{index}")));
    }
    move |text| {
        let marked =
            marks.iter().fold(text.to_owned(), |text, (mark, name)| text.replace(mark, name));
        without_order(&without_offsets(&marked))
    }
}

/// Shards are told in an order that is each node's own.
fn without_order(text: &str) -> String {
    let Some(shards) = text.strip_prefix("[[slots, ") else { return text.to_owned() };
    let mut shards: Vec<&str> =
        shards.split("[slots, ").map(|s| s.trim_end_matches([']', ',', ' '])).collect();
    shards.sort_unstable();
    shards.join("; ")
}

/// How much was replicated differs with every ping between primary and replica.
fn without_offsets(text: &str) -> String {
    let mut parts = text.split("replication-offset, :");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + "replication-offset, " + part.trim_start_matches(|c: char| c.is_ascii_digit())
    })
}

#[test]
fn clients_are_told_the_names_that_were_asked_for() {
    let Some(clusters) = twins(2) else { return };
    clusters.iter().for_each(|nodes| form_cluster(nodes));
    // Key a lies on the second node.
    let script = lines("CLUSTER SLOTS\nGET a\nGET foo\nMGET a {a}b");
    for hostname in ["", "host.test"] {
        for nodes in &clusters {
            let announced =
                nodes[1].ask(&format!("CONFIG SET cluster-announce-hostname {hostname}"));
            assert_eq!(announced, "OK");
            wait_until("the other to hear of it", || {
                nodes[0].view_of(nodes[1].port).is_some_and(|seen| seen.hostname == hostname)
            });
        }
        for endpoint in ["ip", "hostname", "unknown-endpoint"] {
            for node in clusters.iter().flatten() {
                let set = format!("CONFIG SET cluster-preferred-endpoint-type {endpoint}");
                assert_eq!(node.ask(&set), "OK");
            }
            let known = known(&clusters);
            for (theirs, ours) in clusters[0].iter().zip(&clusters[1]) {
                check_script(theirs, ours, &script, &known);
            }
        }
    }
}

#[test]
fn nodes_are_known_by_the_ports_that_they_announce() {
    let Some(clusters) = twins(2) else { return };
    clusters.iter().for_each(|nodes| form_cluster(nodes));
    for nodes in &clusters {
        let [first, second] = &nodes[..] else { panic!("two nodes") };
        assert_eq!(second.ask("CONFIG SET cluster-announce-port 1234"), "OK");
        wait_until("the announced port to be known", || {
            let moved = first.ask("GET a");
            first.view_of(1234).is_some_and(|seen| seen.is_linked) && moved.ends_with(":1234")
        });
        assert_eq!(second.ask("CONFIG SET cluster-announce-port 0"), "OK");
        wait_until("its own port again", || first.view_of(second.port).is_some());
        // Nobody answers there, so it is missed from the other side only.
        let reservation = NodePort::free();
        let nowhere = reservation.number();
        let announce = format!("CONFIG SET cluster-announce-bus-port {nowhere}");
        assert_eq!(second.ask(&announce), "OK");
        wait_until("the bus to be looked for there", || {
            first
                .view_of(second.port)
                .is_some_and(|seen| seen.bus_port == nowhere && !seen.is_linked)
        });
        assert_eq!(second.ask("CONFIG SET cluster-announce-bus-port 0"), "OK");
        wait_until("the bus to be found again", || {
            first.view_of(second.port).is_some_and(|seen| seen.is_linked)
        });
        assert_eq!(second.ask("CONFIG SET cluster-announce-ip 10.1.2.3"), "OK");
        wait_until("the announced address to be known", || {
            first.view_of(second.port).is_some_and(|seen| seen.ip == "10.1.2.3")
        });
        assert_eq!(second.view_of(second.port).expect("itself").ip, "10.1.2.3");
    }
}

#[test]
fn the_bus_listens_where_it_is_told() {
    let kinds = if has_redis_server() { &[Kind::Real, Kind::Ours][..] } else { &[Kind::Ours] };
    for kind in kinds {
        let reservation = NodePort::free();
        let port = reservation.number();
        let text: &'static str = Box::leak(port.to_string().into_boxed_str());
        let node = Node::start_with(*kind, &["--cluster-port", text]);
        let other = Node::start(Kind::Ours);
        let meet = format!("CLUSTER MEET 127.0.0.1 {} {port}", node.port);
        assert_eq!(other.ask(&meet), "OK");
        wait_until("both to know each other", || {
            let seen = other.view_of(node.port);
            let is_seen = seen.is_some_and(|seen| seen.is_linked && seen.bus_port == port);
            is_seen && node.view_of(other.port).is_some_and(|seen| seen.is_linked)
        });
    }
}

/// What is served while slots have no owner.
#[test]
fn what_is_served_while_the_cluster_is_down_is_what_was_asked_for() {
    let Some(clusters) = twins(1) else { return };
    let [real, ours] = [&clusters[0][0], &clusters[1][0]];
    let script = lines(
        "CLUSTER ADDSLOTSRANGE 0 15999
        GET {06S}
        CONFIG SET cluster-allow-reads-when-down yes
        GET {06S}
        SET {06S} 1
        MULTI
        GET {06S}
        SET {06S} 2
        EXEC
        EVAL_RO x 1 {06S} x
        SSUBSCRIBE {06S}
        SUNSUBSCRIBE {06S}
        SPUBLISH {06S} x
        GET a{15999}
        CONFIG SET cluster-allow-pubsubshard-when-down no
        SPUBLISH {06S} x
        SSUBSCRIBE {06S}
        PUBLISH {06S} x
        CONFIG SET cluster-allow-reads-when-down no
        GET {06S}
        CONFIG SET cluster-require-full-coverage no",
    );
    let script: Vec<String> =
        script.into_iter().filter(|line| !line.starts_with("EVAL_RO")).collect();
    check_script(real, ours, &script, str::to_owned);
    for node in [real, ours] {
        wait_until("the cluster to be well", || {
            node.ask("CLUSTER INFO").starts_with("cluster_state:ok")
        });
    }
    let script = lines(
        "SET {06S} 1
        GET {06S}
        SPUBLISH {06S} x
        GET foo
        GET a",
    );
    check_script(real, ours, &script, str::to_owned);
}

#[test]
fn a_link_that_is_too_full_is_given_up() {
    let kinds = if has_redis_server() { &[Kind::Real, Kind::Ours][..] } else { &[Kind::Ours] };
    for kind in kinds {
        // Nobody is to be missed for standing still.
        let settings =
            ["--cluster-node-timeout", "60000", "--cluster-link-sendbuf-limit", "200000"];
        let nodes = [Node::start_with(*kind, &settings), Node::start_with(Kind::Ours, &settings)];
        form_cluster(&nodes);
        let exceeded = |count: &str| {
            let line = format!("total_cluster_links_buffer_limit_exceeded:{count}");
            nodes[0].ask("CLUSTER INFO").lines().any(|l| l.trim_end() == line)
        };
        assert!(exceeded("0"));
        nodes[1].signal("-STOP");
        let publish = format!("PUBLISH news {}", "x".repeat(50_000));
        wait_until("the link to be given up", || {
            assert_eq!(nodes[0].ask(&publish), ":0");
            !exceeded("0")
        });
        nodes[1].signal("-CONT");
        wait_until("the link to be made again", || {
            nodes[0].view_of(nodes[1].port).is_some_and(|seen| seen.is_linked)
        });
    }
}

#[test]
fn a_replica_that_is_to_stay_one_says_so() {
    let Some(clusters) = twins(3) else { return };
    for nodes in &clusters {
        form_shards(nodes, 2);
        let replica = &nodes[2];
        let flags = |node: &Node| -> String {
            let text = node.ask("CLUSTER NODES");
            let line = text.lines().find(|line| line.starts_with(&replica.id()));
            line.and_then(|line| line.split(' ').nth(2)).unwrap_or_default().to_owned()
        };
        assert_eq!(flags(&nodes[0]), "slave");
        assert_eq!(replica.ask("CONFIG SET cluster-slave-no-failover yes"), "OK");
        wait_until("the others to know", || flags(&nodes[0]) == "slave,nofailover");
        assert_eq!(flags(replica), "myself,slave,nofailover");
        // By hand it takes over all the same.
        fail_over(replica);
    }
}
