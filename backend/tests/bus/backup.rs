//! `redis-cli --cluster` with replicas, and its backup of a cluster, which copies as a replica does.

use std::path::Path;
use std::process::Command;

use reddoor_protocol::topology::Role;

use crate::process::{
    Kind, Node, has_program, has_redis_server, is_in_one_view, start_nodes, wait_agreement,
    wait_until,
};
use crate::tools::{KEYS, addr, check_cluster, check_keys, cli, fill};

/// The ports of the replicas that a node is known to have.
fn replicas_of(nodes: &[Node], primary: &Node) -> Vec<u16> {
    let id = primary.id();
    let view = nodes[0].view();
    let is_its = |node: &&reddoor_protocol::topology::NodeInfo| {
        node.role == Role::Replica && node.primary.is_some_and(|of| of.as_str() == id)
    };
    view.nodes.iter().filter(is_its).map(|node| node.port).collect()
}

/// Makes three primaries with a replica each, gives one of them a second one, and keeps all of it in files.
fn check_replicas_and_backup(real: usize, ours: usize) {
    if !has_redis_server() || !has_program("redis-cli") || !has_program("redis-check-rdb") {
        return;
    }
    let mut nodes = start_nodes(real, ours);
    let addrs: Vec<String> = nodes.iter().map(addr).collect();
    let mut create = vec!["create"];
    create.extend(addrs.iter().map(String::as_str));
    create.extend(["--cluster-replicas", "1", "--cluster-yes"]);
    assert!(cli(&create).contains("[OK] All 16384 slots covered"));
    check_cluster(&nodes);
    wait_agreement(&nodes);
    let (primaries, replicas): (Vec<&Node>, Vec<&Node>) =
        nodes.iter().partition(|node| node.ask("ROLE").starts_with("[master"));
    assert_eq!((primaries.len(), replicas.len()), (3, 3));
    primaries.iter().for_each(|node| assert_eq!(replicas_of(&nodes, node).len(), 1));
    wait_until("the replicas to have copied", || replicas.iter().all(|node| node.is_in_step()));
    fill(&nodes);

    let (entry, primary_id) = (addr(&nodes[nodes.len() - 1]), primaries[0].id());
    let primary_port = primaries[0].port;
    let newcomer = Node::start(Kind::Ours);
    let newcomer_addr = addr(&newcomer);
    cli(&[
        "add-node",
        &newcomer_addr,
        &entry,
        "--cluster-slave",
        "--cluster-master-id",
        &primary_id,
    ]);
    nodes.push(newcomer);
    wait_until("the newcomer to be known", || is_in_one_view(&nodes));
    let newcomer = nodes.last().expect("the newcomer");
    wait_until("it to have copied", || newcomer.is_in_step());
    let primary = nodes.iter().find(|node| node.port == primary_port).expect("it is still there");
    wait_until("all to know whose replica it is", || {
        replicas_of(&nodes, primary).contains(&newcomer.port)
    });
    check_cluster(&nodes);

    check_backup(&nodes);
    // Being copied has changed nothing.
    check_keys(&nodes);
    wait_until("those that copied to be gone", || {
        primary.ask("INFO replication").contains("connected_slaves:2")
    });
}

fn check_backup(nodes: &[Node]) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let told = cli(&["backup", &addr(&nodes[0]), dir.path().to_str().expect("text")]);
    assert!(told.contains("[OK] Backup created into"), "{told}");
    let shape =
        std::fs::read_to_string(dir.path().join("nodes.json")).expect("the cluster's shape");
    nodes.iter().for_each(|node| assert!(shape.contains(&node.id()), "{shape}"));
    let files =
        std::fs::read_dir(dir.path()).expect("the backup").flatten().map(|entry| entry.path());
    let copies: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|end| end == "rdb")).collect();
    assert_eq!(copies.len(), 3, "a file for each primary: {copies:?}");
    assert_eq!(copies.iter().map(|path| keys_in(path)).sum::<usize>(), KEYS);
}

/// Keys that Redis's own checker finds in a file (count).
fn keys_in(path: &Path) -> usize {
    let output = Command::new("redis-check-rdb").arg(path).output().expect("redis-check-rdb");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("RDB looks OK"), "{text}");
    let count =
        text.lines().find_map(|line| line.strip_prefix("[info] ")?.strip_suffix(" keys read"));
    count.and_then(|count| count.parse().ok()).expect("a number of keys")
}

#[test]
fn redis_cli_gives_replicas_and_backs_up_a_cluster_of_ours() {
    check_replicas_and_backup(0, 6);
}

#[test]
fn redis_cli_gives_replicas_and_backs_up_a_mixed_cluster() {
    check_replicas_and_backup(3, 3);
}

#[test]
fn redis_cli_copies_a_node_into_a_file() {
    if !has_program("redis-cli") || !has_program("redis-check-rdb") {
        return;
    }
    let node = Node::start_with(Kind::Ours, &["--cluster-enabled", "no"]);
    for number in 0..KEYS {
        assert_eq!(node.ask(&format!("RPUSH list:{number} a {number}")), ":2");
    }
    let file = node.dir.join("copy.rdb");
    let mut copy = Command::new("redis-cli");
    let output = copy.args(["-p", &node.port.to_string(), "--rdb"]).arg(&file).output();
    let output = output.expect("redis-cli");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(keys_in(&file), KEYS);
}
