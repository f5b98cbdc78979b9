//! Every command of `redis-cli --cluster` against nodes of ours alone and among real servers.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::process::{
    Kind, Node, has_program, has_redis_server, is_in_one_view, start_alone, start_nodes,
    wait_agreement, wait_until,
};

/// Keys that every flow carries along (count).
pub(crate) const KEYS: usize = 300;

pub(crate) fn addr(node: &Node) -> String {
    format!("127.0.0.1:{}", node.port)
}

/// Runs `redis-cli --cluster` with these arguments; its output, which must not be that of a failure.
pub(crate) fn cli(args: &[&str]) -> String {
    let (succeeded, text) = try_cli(args);
    assert!(succeeded, "redis-cli --cluster {args:?}\n{text}");
    text
}

pub(crate) fn try_cli(args: &[&str]) -> (bool, String) {
    let mut command = Command::new("redis-cli");
    command.arg("--cluster").args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("redis-cli");
    // Some repairs want an answer from a person whatever the flags say. Where none is wanted, nobody reads it.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(b"yes\nyes\nyes\n"));
    let output = child.wait_with_output().expect("redis-cli");
    let text = [output.stdout, output.stderr].map(|b| String::from_utf8_lossy(&b).into_owned());
    (output.status.success() && !text[0].contains("[ERR]"), text.concat())
}

/// Asks whichever node serves the key.
fn ask(nodes: &[Node], line: &str) -> String {
    let mut reply = nodes[0].ask(line);
    for _ in 0..5 {
        let Some(target) = reply.strip_prefix("-MOVED ") else { break };
        let port = target.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
        let node =
            nodes.iter().find(|node| Some(node.port) == port).expect("a node of the cluster");
        reply = node.ask(line);
    }
    reply
}

pub(crate) fn fill(nodes: &[Node]) {
    for number in 0..KEYS {
        assert_eq!(ask(nodes, &format!("SET key:{number} value:{number}")), "OK");
    }
}

pub(crate) fn check_keys(nodes: &[Node]) {
    for number in 0..KEYS {
        assert_eq!(ask(nodes, &format!("GET key:{number}")), format!("value:{number}"));
    }
}

pub(crate) fn check_cluster(nodes: &[Node]) {
    wait_until("redis-cli to find nothing wrong", || {
        let (succeeded, text) = try_cli(&["check", &addr(&nodes[0])]);
        succeeded && text.contains("[OK] All 16384 slots covered") && !text.contains("[WARNING]")
    });
}

fn slots_of(nodes: &[Node], node: &Node) -> usize {
    let seen = nodes[0].view_of(node.port).expect("a member");
    seen.slots.iter().map(|range| usize::from(range.end() - range.start()) + 1).sum()
}

/// Makes a cluster out of nodes that know nobody, grows, shrinks and mends it.
fn check_life_of_a_cluster(real: usize, ours: usize) {
    if !has_redis_server() || !has_program("redis-cli") {
        return;
    }
    let mut nodes = start_nodes(real, ours);
    let addrs: Vec<String> = nodes.iter().map(addr).collect();
    let mut create = vec!["create"];
    create.extend(addrs.iter().map(String::as_str));
    create.push("--cluster-yes");
    assert!(cli(&create).contains("[OK] All 16384 slots covered"));
    check_cluster(&nodes);
    wait_agreement(&nodes);
    fill(&nodes);

    // One of ours joins, gets its share, then more than that, then a few of the first one's.
    let newcomer = Node::start(Kind::Ours);
    // A real server would have redis-cli copy its functions first.
    cli(&["add-node", &addr(&newcomer), &addr(nodes.last().expect("one of ours"))]);
    nodes.push(newcomer);
    wait_until("the newcomer to be known", || is_in_one_view(&nodes));
    cli(&["rebalance", &addr(&nodes[0]), "--cluster-use-empty-masters"]);
    check_cluster(&nodes);
    let newcomer = nodes.last().expect("the newcomer");
    let share = 16384 / nodes.len();
    assert!(slots_of(&nodes, newcomer).abs_diff(share) < share / 50, "the share of one");
    let weight = format!("{}=3", newcomer.id());
    let told = cli(&["rebalance", &addr(&nodes[0]), "--cluster-weight", &weight]);
    check_cluster(&nodes);
    assert!(slots_of(&nodes, newcomer) > share * 3 / 2, "{told}");
    let (from, to) = (nodes[0].id(), newcomer.id());
    let before = slots_of(&nodes, newcomer);
    cli(&[
        "reshard",
        &addr(&nodes[0]),
        "--cluster-from",
        &from,
        "--cluster-to",
        &to,
        "--cluster-slots",
        "20",
        "--cluster-yes",
    ]);
    check_cluster(&nodes);
    assert_eq!(slots_of(&nodes, newcomer), before + 20);
    check_keys(&nodes);

    mend(&nodes);
    assert!(cli(&["call", &addr(&nodes[0]), "PING"]).matches("PONG").count() >= nodes.len());
    let told = try_cli(&["set-timeout", &addr(&nodes[0]), "25000"]).1;
    assert!(told.contains("New node timeout set"), "{told}");
    for node in &nodes {
        assert_eq!(node.ask("CONFIG GET cluster-node-timeout"), "[cluster-node-timeout, 25000]");
    }

    // It gives everything back and leaves.
    let nothing = format!("{}=0", nodes.last().expect("the newcomer").id());
    cli(&["rebalance", &addr(&nodes[0]), "--cluster-weight", &nothing]);
    let gone = nodes.pop().expect("the newcomer");
    assert_eq!(slots_of(&nodes, &gone), 0);
    cli(&["del-node", &addr(&nodes[0]), &gone.id()]);
    wait_until("the others to have forgotten it", || is_in_one_view(&nodes));
    assert_eq!(gone.view().nodes.len(), 1);
    check_cluster(&nodes);
    check_keys(&nodes);
}

/// Slots left half way and slots that nobody has.
fn mend(nodes: &[Node]) {
    let (first, last) = (&nodes[0], nodes.last().expect("a node"));
    let own = first.view_of(first.port).expect("itself").slots;
    let [open, lost] = [0, 1].map(|offset| own[0].start() + offset);
    assert_eq!(first.ask(&format!("CLUSTER SETSLOT {open} MIGRATING {}", last.id())), "OK");
    assert!(try_cli(&["check", &addr(first)]).1.contains("[WARNING]"));
    cli(&["fix", &addr(first)]);
    check_cluster(nodes);
    for node in nodes {
        // Those that have heard of it from others have nothing left to forget.
        let reply = node.ask(&format!("CLUSTER DELSLOTS {lost}"));
        assert!(reply == "OK" || reply.contains("already unassigned"), "{reply}");
    }
    assert!(try_cli(&["check", &addr(first)]).1.contains("[ERR]"));
    try_cli(&["fix", &addr(first)]);
    check_cluster(nodes);
}

#[test]
fn redis_cli_makes_grows_mends_and_shrinks_a_cluster_of_ours() {
    check_life_of_a_cluster(0, 3);
}

#[test]
fn redis_cli_makes_grows_mends_and_shrinks_a_mixed_cluster() {
    check_life_of_a_cluster(2, 2);
}

#[test]
fn redis_cli_imports_from_a_redis_without_cluster() {
    if !has_redis_server() || !has_program("redis-cli") {
        return;
    }
    let source = start_alone();
    let nodes = start_nodes(0, 3);
    crate::process::form_cluster(&nodes);
    for number in 0..KEYS {
        assert_eq!(source.ask(&format!("SET key:{number} value:{number}")), "OK");
    }
    cli(&["import", &addr(&nodes[0]), "--cluster-from", &addr(&source), "--cluster-copy"]);
    check_keys(&nodes);
    assert_eq!(source.ask("DBSIZE"), format!(":{KEYS}"));
    // A second time there are keys in the way, unless they are replaced.
    cli(&["import", &addr(&nodes[0]), "--cluster-from", &addr(&source), "--cluster-replace"]);
    check_keys(&nodes);
    assert_eq!(source.ask("DBSIZE"), ":0");
}
