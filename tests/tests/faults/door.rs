//! What stands before the cluster: the front door, or Envoy in its place, to be compared with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use reddoor_tests::client::Client;
use reddoor_tests::cluster::Cluster;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::guard;
use reddoor_tests::port;
use reddoor_tests::process::Process;
use reddoor_tests::wait::wait_until;

/// Names Envoy's program; where it is set, Envoy stands before the cluster.
const ENVOY_VARIABLE: &str = "FAULTS_ENVOY";

/// What the front door is told: its defaults, where tests at large let nodes be slow and silent, but for the time that a
/// request has. A machine that is busy with other things may need more of it for a failover, which is measured here.
const SETTINGS: [(&str, &str); 5] = [
    ("cluster.connect_timeout_ms", "1000"),
    ("health.silence_ms", "200"),
    ("health.unconfirmed_ms", "3000"),
    ("workers.count", "2"),
    ("shutdown.drain_ms", "500"),
];

/// One of the two.
#[derive(Debug)]
pub(crate) enum Door {
    /// `reddoor proxy`.
    Reddoor(FrontDoor),
    /// `redis_proxy`, with redirects followed and otherwise its defaults.
    Envoy(Process, SocketAddr),
}

impl Door {
    /// Starts the one that is asked for, at this address or, for `None`, at a free one.
    pub(crate) fn start(cluster: &Cluster, addr: Option<SocketAddr>) -> Door {
        let door = match std::env::var_os(ENVOY_VARIABLE) {
            Some(program) => start_envoy(program.into(), cluster, addr),
            None => {
                let listen = addr.map_or("127.0.0.1:0".to_owned(), |addr| addr.to_string());
                let door = FrontDoor::start_at(&listen, &cluster.seeds(), &SETTINGS);
                door.wait_ready();
                Door::Reddoor(door)
            }
        };
        wait_until("the door to serve", || {
            let pong = Client::try_connect(door.addr()).and_then(|mut c| c.try_ask("GET ready"));
            pong.is_ok_and(|reply| !reply.starts_with('-'))
        });
        door
    }

    /// Starts another in its place, as an operator does who has a new version: Envoy stops and starts.
    pub(crate) fn succeed(&mut self, cluster: &Cluster) -> Door {
        if let Door::Reddoor(door) = self {
            return Door::Reddoor(door.successor(&cluster.seeds(), &SETTINGS));
        }
        self.end();
        Door::start(cluster, Some(self.addr()))
    }

    /// Where clients connect.
    pub(crate) fn addr(&self) -> SocketAddr {
        match self {
            Door::Reddoor(door) => door.addr,
            Door::Envoy(_, addr) => *addr,
        }
    }

    /// Whether it serves what the front door does: transactions, waits and channels.
    pub(crate) fn serves_all(&self) -> bool {
        matches!(self, Door::Reddoor(_))
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn end(&mut self) {
        let (Door::Reddoor(FrontDoor { process, .. }) | Door::Envoy(process, _)) = self;
        process.signal(rustix::process::Signal::TERM);
        process.wait_end();
    }
}

fn start_envoy(program: PathBuf, cluster: &Cluster, addr: Option<SocketAddr>) -> Door {
    let dir = guard::temp_dir("envoy");
    let addr = addr.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], port::deserted())));
    let seeds = cluster.nodes.iter().map(|node| {
        let addr: SocketAddr = node.addr().parse().expect("an address of this machine");
        format!("      - lb_endpoints: [{{ endpoint: {{ address: {} }} }}]\n", socket(addr))
    });
    let config = ENVOY_CONFIG.replace("$LISTEN", &socket(addr)) + &seeds.collect::<String>();
    std::fs::write(dir.join("envoy.yaml"), config).expect("a file for Envoy");
    let mut command = Command::new(program);
    command.args(["-c", "envoy.yaml", "--concurrency", "2", "--disable-hot-restart"]);
    Door::Envoy(Process::start("envoy", &dir, &mut command), addr)
}

fn socket(addr: SocketAddr) -> String {
    format!("{{ socket_address: {{ address: {}, port_value: {} }} }}", addr.ip(), addr.port())
}

const ENVOY_CONFIG: &str = r#"static_resources:
  listeners:
  - address: $LISTEN
    filter_chains:
    - filters:
      - name: envoy.filters.network.redis_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.redis_proxy.v3.RedisProxy
          stat_prefix: door
          settings: { op_timeout: 5s, enable_redirection: true }
          prefix_routes: { catch_all_route: { cluster: nodes } }
  clusters:
  - name: nodes
    connect_timeout: 1s
    lb_policy: CLUSTER_PROVIDED
    cluster_type:
      name: envoy.clusters.redis
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.clusters.redis.v3.RedisClusterConfig
    load_assignment:
      cluster_name: nodes
      endpoints:
"#;
