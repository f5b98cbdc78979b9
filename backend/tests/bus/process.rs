//! Nodes as processes: started on free ports in directories of their own, killed when dropped.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reddoor_backend::config::Config;
use reddoor_protocol::topology::{NodeInfo, Topology, nodes_text};
use reddoor_tests::port::NodePort;
pub(crate) use reddoor_tests::redis_server::{
    has_tool as has_program, is_installed as has_redis_server,
};
use reddoor_tests::role::serve_if_asked;

use crate::client::Client;

/// How long anything may take before a test gives up. No test gets faster or slower by it.
const PATIENCE: Duration = Duration::from_secs(90);

/// Time between two looks at a condition.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// After how long nodes hold a silent node for failed: none is missed that is only slow, as on a busy machine.
const NODE_TIMEOUT_MS: &str = "10000";

/// The same where a node is about to die, and the others are to miss it soon.
const NODE_TIMEOUT_OF_DEATH_MS: &str = "2000";

/// After this a failover by hand that has not come about was given up.
const FAILOVER_GIVEN_UP: Duration = Duration::from_secs(10);

/// Tells the process of this test binary that it is to be a node, and with which arguments, one a line.
const NODE_ARGS: &str = "REDDOOR_BUS_TEST_NODE_ARGS";

/// Whose node it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Real,
    Ours,
}

/// Becomes a node for ever if the environment says so.
pub(crate) fn run_if_asked() {
    serve_if_asked(NODE_ARGS, |args| {
        reddoor_backend::run(Config::from_args(args).expect("arguments of a node"))
    });
}

/// One node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    /// Where it keeps its nodes file.
    pub(crate) dir: PathBuf,
    settings: Vec<&'static str>,
    child: Child,
    reservation: NodePort,
    /// Removed after everything else.
    _temp: Option<tempfile::TempDir>,
}

impl Node {
    /// Starts a node and waits until it answers.
    pub(crate) fn start(kind: Kind) -> Node {
        Node::start_with(kind, &[])
    }

    /// As [`Node::start`], with settings of its own.
    pub(crate) fn start_with(kind: Kind, settings: &[&'static str]) -> Node {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let reservation = NodePort::free();
        let port = reservation.number();
        let dir = temp.path().to_owned();
        let child = spawn(kind, port, &dir, settings);
        let settings = settings.to_vec();
        let node = Node { kind, port, dir, settings, child, reservation, _temp: Some(temp) };
        node.wait_answers();
        node
    }

    /// Kills it as a machine that loses power would, and starts it with the same port and directory.
    pub(crate) fn restart_as(&mut self, kind: Kind) {
        self.kill();
        self.kind = kind;
        self.child = spawn(kind, self.port, &self.dir, &self.settings);
        self.wait_answers();
    }

    /// Kills it and starts it with the same directory at another port.
    pub(crate) fn move_away(&mut self) {
        self.kill();
        self.reservation = NodePort::free();
        self.port = self.reservation.number();
        self.child = spawn(self.kind, self.port, &self.dir, &self.settings);
        self.wait_answers();
    }

    /// Has it stand still, or go on.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{name} to a node");
    }

    /// Whether it is a replica that is linked to its primary and has copied it.
    pub(crate) fn is_in_step(&self) -> bool {
        self.ask("INFO replication").contains("master_link_status:up")
    }

    pub(crate) fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// A node with the same directory, started by hand; gives back what it printed before it ended.
    pub(crate) fn start_second(&self, port: u16) -> String {
        let mut child = spawn(self.kind, port, &self.dir, &self.settings);
        wait_for("a node that cannot start to end", || child.try_wait().ok().flatten());
        std::fs::read_to_string(log_path(&self.dir, port)).expect("its log")
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.port).expect("a node that listens")
    }

    /// One request of words, on a connection of its own.
    pub(crate) fn ask(&self, line: &str) -> String {
        self.client().ask(line)
    }

    pub(crate) fn id(&self) -> String {
        self.ask("CLUSTER MYID")
    }

    pub(crate) fn view(&self) -> Topology {
        nodes_text::parse(&self.ask("CLUSTER NODES")).expect("a view that can be read")
    }

    /// What this node says of the node at a port.
    pub(crate) fn view_of(&self, port: u16) -> Option<NodeInfo> {
        self.view().nodes.into_iter().find(|node| node.port == port)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(log_path(&self.dir, self.port)).unwrap_or_default()
    }

    fn wait_answers(&self) {
        wait_for(&format!("{:?} node {} to answer", self.kind, self.port), || {
            let mut client = Client::connect(self.port).ok()?;
            (client.ask("PING") == "PONG").then_some(())
        });
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- log of the {:?} node {}\n{}", self.kind, self.port, self.log());
        }
    }
}

/// `count` nodes of each kind, the real ones first.
pub(crate) fn start_nodes(real: usize, ours: usize) -> Vec<Node> {
    let kinds = std::iter::repeat_n(Kind::Real, real).chain(std::iter::repeat_n(Kind::Ours, ours));
    kinds.map(Node::start).collect()
}

/// Deals all slots out evenly, gives every node an epoch, and has all meet the first one.
pub(crate) fn form_cluster(nodes: &[Node]) {
    let (slots, count) = (16384, nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        let (first, last) = (slots * index / count, slots * (index + 1) / count - 1);
        assert_eq!(node.ask(&format!("CLUSTER ADDSLOTSRANGE {first} {last}")), "OK");
        assert_eq!(node.ask(&format!("CLUSTER SET-CONFIG-EPOCH {}", index + 1)), "OK");
        if index > 0 {
            let seed = nodes[0].port;
            assert_eq!(node.ask(&format!("CLUSTER MEET 127.0.0.1 {seed}")), "OK");
        }
    }
    wait_agreement(nodes);
}

/// Makes a cluster of the first `primaries` nodes; the others replicate them in turn, and have copied them.
pub(crate) fn form_shards(nodes: &[Node], primaries: usize) {
    form_cluster(&nodes[..primaries]);
    let replicas = &nodes[primaries..];
    for node in replicas {
        assert_eq!(node.ask(&format!("CLUSTER MEET 127.0.0.1 {}", nodes[0].port)), "OK");
    }
    wait_agreement(nodes);
    for (index, node) in replicas.iter().enumerate() {
        let primary = nodes[index % primaries].id();
        assert_eq!(node.ask(&format!("CLUSTER REPLICATE {primary}")), "OK");
    }
    wait_until("the replicas to have copied", || replicas.iter().all(Node::is_in_step));
    wait_agreement(nodes);
}

/// A node is about to die, and these are to miss it soon.
pub(crate) fn expect_death(nodes: &[Node]) {
    for node in nodes {
        let shorten = format!("CONFIG SET cluster-node-timeout {NODE_TIMEOUT_OF_DEATH_MS}");
        assert_eq!(node.ask(&shorten), "OK");
    }
}

/// Has a replica take its primary's place. What is given up because votes do not come in five seconds, as on a busy
/// machine, is asked for again.
pub(crate) fn fail_over(replica: &Node) {
    let mut asked_at = Instant::now();
    wait_until("the failover to be accepted", || replica.ask("CLUSTER FAILOVER") == "OK");
    wait_until("the replica to take over", || {
        if asked_at.elapsed() > FAILOVER_GIVEN_UP {
            asked_at = Instant::now();
            replica.ask("CLUSTER FAILOVER");
        }
        replica.ask("ROLE").starts_with("[master")
    });
}

/// Whether all nodes know exactly each other.
pub(crate) fn is_in_one_view(nodes: &[Node]) -> bool {
    agree(nodes)
}

/// A real server that is no cluster's.
pub(crate) fn start_alone() -> Node {
    Node::start_with(Kind::Real, &["--cluster-enabled", "no"])
}

/// Waits until all nodes know each other, are connected, well, and agree on every claim.
pub(crate) fn wait_agreement(nodes: &[Node]) {
    wait_until("all nodes to agree", || agree(nodes));
}

fn agree(nodes: &[Node]) -> bool {
    let views: Vec<_> = nodes.iter().map(|node| claims(&node.view())).collect();
    let first = &views[0];
    first.len() == nodes.len()
        && first.values().all(|(_, is_well, _, _)| *is_well)
        && views.iter().all(|view| view == first)
        && nodes.iter().all(|node| node.ask("CLUSTER INFO").starts_with("cluster_state:ok"))
}

type Claim = (String, bool, u64, Vec<std::ops::RangeInclusive<u16>>);

fn claims(view: &Topology) -> BTreeMap<String, Claim> {
    let claim = |node: &NodeInfo| {
        let addr = format!("{}:{}@{},{}", node.ip, node.port, node.bus_port, node.hostname);
        let is_well = node.is_linked && node.health == Default::default() && !node.is_unusable;
        (node.id.to_string(), (addr, is_well, node.config_epoch, node.slots.clone()))
    };
    view.nodes.iter().map(claim).collect()
}

/// Asks again and again until there is an answer.
pub(crate) fn wait_for<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// As [`wait_for`], for a condition.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, || holds().then_some(()));
}

fn spawn(kind: Kind, port: u16, dir: &Path, settings: &[&str]) -> Child {
    let port_text = port.to_string();
    let args = ["--port", &port_text, "--bind", "127.0.0.1", "--cluster-enabled", "yes"];
    let more = ["--cluster-node-timeout", NODE_TIMEOUT_MS, "--save", "", "--appendonly", "no"];
    let dir_text = dir.to_str().expect("a directory whose name is text");
    let args: Vec<&str> = args
        .into_iter()
        .chain(more)
        .chain(["--dir", dir_text])
        .chain(settings.iter().copied())
        .collect();
    let mut command = match kind {
        Kind::Real => {
            let mut command = Command::new("redis-server");
            command.args(&args);
            command
        }
        Kind::Ours => {
            let this = std::env::current_exe().expect("this test binary");
            let mut command = Command::new(this);
            command
                .args(["node_process", "--exact", "--nocapture"])
                .env(NODE_ARGS, args.join("\n"));
            command
        }
    };
    let log = File::options().create(true).append(true).open(log_path(dir, port)).expect("a log");
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a second handle")).stderr(log);
    command.spawn().expect("a node process")
}

fn log_path(dir: &Path, port: u16) -> PathBuf {
    dir.join(format!("{port}.log"))
}
