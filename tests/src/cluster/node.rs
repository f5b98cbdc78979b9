//! One node of a cluster: a process that can be killed, started again and asked.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use reddoor_protocol::topology::{Topology, nodes_text};
use rustix::process::Signal;

use super::Kind;
use crate::binary;
use crate::client::{Client, words};
use crate::namespace::Namespace;
use crate::port::{BUS_OFFSET, NodePort};
use crate::process::Process;
use crate::relay::Relay;
use crate::wait::wait_until;

/// After this a failover by hand that has not come about was given up.
const FAILOVER_GIVEN_UP: Duration = Duration::from_secs(10);

/// How nodes are started.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// After how long nodes hold a silent node for failed, in milliseconds.
    pub node_timeout_ms: u32,
    /// Whether clients and replicas meet each node over a [`Relay`].
    pub has_relays: bool,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup { node_timeout_ms: 10_000, has_relays: false }
    }
}

/// One node.
#[derive(Debug)]
pub struct Node {
    kind: Kind,
    dir: PathBuf,
    port: NodePort,
    setup: Setup,
    relay: Option<Relay>,
    process: Process,
    /// Where it lives, if it has a network of its own. Goes when the process has gone.
    namespace: Option<Namespace>,
}

impl Node {
    /// Starts one with a directory of its own below `dir`.
    pub(super) fn start(kind: Kind, dir: &Path, index: usize, setup: Setup) -> Node {
        Node::start_in(kind, dir, index, setup, None)
    }

    /// As [`Node::start`], in a network of its own.
    pub(super) fn start_in(
        kind: Kind,
        dir: &Path,
        index: usize,
        setup: Setup,
        namespace: Option<Namespace>,
    ) -> Node {
        let dir = dir.join(format!("node-{index}"));
        std::fs::create_dir_all(&dir).expect("a directory for a node");
        let port = NodePort::free();
        let relay = setup.has_relays.then(|| Relay::start(port.number()));
        let process = run(kind, &dir, port.number(), setup, relay.as_ref(), namespace.as_ref());
        Node { kind, dir, port, setup, relay, process, namespace }
    }

    /// Where it lives.
    pub fn host(&self) -> &str {
        self.namespace.as_ref().map_or(LOOPBACK, Namespace::ip)
    }

    /// Its network.
    ///
    /// # Panics
    /// It has none of its own.
    pub fn namespace(&self) -> &Namespace {
        self.namespace.as_ref().expect("a node in a namespace")
    }

    /// Who it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it keeps its data.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its client port.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Its address for clients.
    pub fn addr(&self) -> String {
        let port = self.relay.as_ref().map_or(self.port(), Relay::port);
        format!("{}:{port}", self.host())
    }

    /// What stands before it.
    ///
    /// # Panics
    /// Nothing does.
    pub fn relay(&self) -> &Relay {
        self.relay.as_ref().expect("a node behind a relay")
    }

    /// A new connection to it.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect((self.host(), self.port()))
    }

    /// One request of words parted by spaces, on a connection of its own.
    #[track_caller]
    pub fn ask(&self, line: &str) -> String {
        self.client().ask(line)
    }

    /// Has this replica take its primary's place.
    ///
    /// A failover by hand is given up when votes do not come in five seconds, as on a busy machine. Then it is asked
    /// for again.
    ///
    /// # Panics
    /// It refuses, or does not take it.
    #[track_caller]
    pub fn fail_over(&self) {
        let mut asked_at = Instant::now();
        assert_eq!(self.ask("CLUSTER FAILOVER"), "OK");
        wait_until("the roles to change", || {
            if asked_at.elapsed() > FAILOVER_GIVEN_UP {
                asked_at = Instant::now();
                self.ask("CLUSTER FAILOVER");
            }
            self.ask("ROLE").starts_with("[master")
        });
    }

    /// The name by which nodes know it.
    pub fn id(&self) -> String {
        self.ask("CLUSTER MYID")
    }

    /// Its view of the cluster.
    ///
    /// # Panics
    /// It has none.
    pub fn topology(&self) -> Topology {
        let reply = self.client().call(&words("CLUSTER NODES"));
        let text = reply.as_str().unwrap_or_else(|| panic!("CLUSTER NODES: {reply:?}"));
        nodes_text::parse(text).expect("a view that can be read")
    }

    /// Whether it knows a command, which is called with as many words as it takes, and they should make no sense to
    /// it. A test over a node that does not has nothing to see there, and says so aloud.
    pub fn serves(&self, command: &str) -> bool {
        let info = self.ask(&format!("COMMAND INFO {command}"));
        let arity = info.split_once(':').and_then(|(_, rest)| rest.split(',').next());
        let arity: isize = arity.and_then(|arity| arity.trim().parse().ok()).unwrap_or(1);
        let words = " x".repeat(arity.unsigned_abs().saturating_sub(1));
        let is_known = !self.ask(&format!("{command}{words}")).contains("unknown command");
        if !is_known {
            eprintln!("PASSED OVER: the node at {} does not know {command}", self.addr());
        }
        is_known
    }

    pub(super) fn wait_answers(&self) {
        wait_until("a node to answer", || {
            Client::try_connect((self.host(), self.port()))
                .and_then(|mut client| client.try_ask("PING"))
                .is_ok_and(|reply| reply == "PONG")
        });
    }

    /// Kills it, as a machine that loses power would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again with the same directory and port.
    pub fn restart(&mut self) {
        self.process.kill();
        let (relay, namespace) = (self.relay.as_ref(), self.namespace.as_ref());
        self.process = run(self.kind, &self.dir, self.port.number(), self.setup, relay, namespace);
    }

    /// From now on holds a silent node for failed after this time, in milliseconds.
    ///
    /// # Panics
    /// It refuses.
    #[track_caller]
    pub fn set_node_timeout(&self, milliseconds: u32) {
        assert_eq!(self.ask(&format!("CONFIG SET cluster-node-timeout {milliseconds}")), "OK");
    }

    /// Makes it hang: its connections stay open and nothing is answered.
    pub fn pause(&self) {
        self.process.signal(Signal::STOP);
    }

    /// Ends what [`Node::pause`] began.
    pub fn resume(&self) {
        self.process.signal(Signal::CONT);
    }
}

/// Where nodes live that have no network of their own.
const LOOPBACK: &str = "127.0.0.1";

fn run(
    kind: Kind,
    dir: &Path,
    port: u16,
    setup: Setup,
    relay: Option<&Relay>,
    namespace: Option<&Namespace>,
) -> Process {
    let mut command = match kind {
        Kind::Real => Command::new("redis-server"),
        Kind::Bundled => {
            let mut command = binary::command();
            command.arg("node");
            command
        }
    };
    let host = namespace.map_or(LOOPBACK, Namespace::ip);
    command.args(["--port", &port.to_string(), "--bind", host, "--dir"]).arg(dir);
    let timeout = setup.node_timeout_ms.to_string();
    command.args(["--cluster-enabled", "yes", "--cluster-node-timeout", &timeout]);
    if let Some(relay) = relay {
        command.args(["--cluster-announce-port", &relay.port().to_string()]);
        command.args(["--cluster-announce-bus-port", &(port + BUS_OFFSET).to_string()]);
        command.args(["--cluster-announce-ip", "127.0.0.1"]);
    }
    command.args(["--enable-debug-command", "yes", "--save", "", "--appendonly", "no"]);
    if kind == Kind::Real {
        command.args(["--repl-diskless-sync-delay", "0"]);
    }
    if let Some(namespace) = namespace {
        command.args(["--protected-mode", "no"]);
        command = namespace.command(&command);
    }
    Process::start(&format!("node-{port}"), dir, &mut command)
}
