//! What the user is told on stdout when everything runs. Texts are built here, pure, and printed by one function.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use reddoor_protocol::topology::{NodeInfo, Role, Topology};

/// Where the front door is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Endpoints {
    /// Where clients connect.
    pub(crate) listen: SocketAddr,
    /// Where clients connect whose reads go elsewhere, if anywhere.
    pub(crate) reads: Option<SocketAddr>,
    /// Where metrics and health are served, if anywhere.
    pub(crate) admin: Option<SocketAddr>,
}

/// Prints to stdout. That nobody reads it is no reason to stop.
pub(crate) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A front door that stands alone.
pub(crate) fn door(endpoints: &Endpoints) -> String {
    let mut text = heading(endpoints);
    line(&mut text, "stop", &stop_words());
    text
}

/// A cluster with its front door.
pub(crate) fn house(endpoints: &Endpoints, topology: &Topology, dir: &Path) -> String {
    let mut text = heading(endpoints);
    let mut name = "nodes";
    for node in &topology.nodes {
        line(&mut text, name, &format!("{}:{}  {}", node.ip, node.port, describe(node, topology)));
        name = "";
    }
    let kept = "saved when asked to stop, and by the nodes' save points";
    line(&mut text, "data", &format!("{}  {kept}", dir.display()));
    line(&mut text, "stop", &format!("{}; every process listed here ends", stop_words()));
    text
}

fn heading(endpoints: &Endpoints) -> String {
    let mut text = format!("reddoor {} is ready\n\n", env!("CARGO_PKG_VERSION"));
    let listen = reachable(endpoints.listen);
    let host = match listen.ip() {
        ip if ip == IpAddr::from(Ipv4Addr::LOCALHOST) => String::new(),
        ip => format!("-h {ip} "),
    };
    let hint = format!("{}  try: redis-cli {host}-p {} PING", endpoints.listen, listen.port());
    line(&mut text, "endpoint", &hint);
    if let Some(reads) = endpoints.reads {
        line(&mut text, "reads", &format!("{reads}  for clients that read from replicas"));
    }
    match endpoints.admin {
        Some(admin) => {
            line(
                &mut text,
                "admin",
                &format!("{admin}  try: curl http://{}/metrics", reachable(admin)),
            );
        }
        None => line(&mut text, "admin", "none"),
    }
    text
}

/// An address as somebody on this machine would type it: "any address" is not one to connect to.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}

fn describe(node: &NodeInfo, topology: &Topology) -> String {
    let ranges: Vec<String> =
        node.slots.iter().map(|range| format!("{}-{}", range.start(), range.end())).collect();
    match (node.role, node.primary.and_then(|id| topology.node(&id))) {
        (Role::Replica, Some(primary)) => format!("replica of {}:{}", primary.ip, primary.port),
        (Role::Replica, None) => "replica".to_owned(),
        (Role::Primary, _) if ranges.is_empty() => "member without slots".to_owned(),
        (Role::Primary, _) => format!("primary, slots {}", ranges.join(" ")),
    }
}

fn stop_words() -> String {
    format!("Ctrl-C or kill {}", std::process::id())
}

fn line(text: &mut String, name: &str, value: &str) {
    writeln!(text, "  {name:<10}{value}").expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use reddoor_protocol::topology::nodes_text;

    use super::*;

    const NODES: &str = "\
        07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:7000@17000 master - 0 0 1 connected 0-5 9-9\n\
        67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 127.0.0.1:7001@17001 master - 0 0 2 connected\n\
        e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 127.0.0.1:7002@17002 slave 07c37dfeb235213a872192d90877d0cd55635b91 0 0 1 connected\n";

    #[test]
    fn everything_that_was_started_is_listed() {
        let topology = nodes_text::parse(NODES).unwrap();
        let endpoints = Endpoints {
            listen: "127.0.0.1:6379".parse().unwrap(),
            reads: None,
            admin: Some("127.0.0.1:9379".parse().unwrap()),
        };
        let text = house(&endpoints, &topology, Path::new("/data"));
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(lines[2], "endpoint  127.0.0.1:6379  try: redis-cli -p 6379 PING");
        assert_eq!(lines[3], "admin     127.0.0.1:9379  try: curl http://127.0.0.1:9379/metrics");
        assert_eq!(lines[4], "nodes     127.0.0.1:7000  primary, slots 0-5 9-9");
        assert_eq!(lines[5], "127.0.0.1:7001  member without slots");
        assert_eq!(lines[6], "127.0.0.1:7002  replica of 127.0.0.1:7000");
        assert_eq!(
            lines[7],
            "data      /data  saved when asked to stop, and by the nodes' save points"
        );
        assert!(lines[8].starts_with("stop      Ctrl-C or kill "));
    }

    #[test]
    fn any_address_is_not_one_to_connect_to() {
        for (listen, hint) in [
            ("0.0.0.0:7", "redis-cli -p 7 PING"),
            ("[::]:7", "redis-cli -h ::1 -p 7 PING"),
            ("192.0.2.1:7", "redis-cli -h 192.0.2.1 -p 7 PING"),
        ] {
            let reads = Some("127.0.0.1:8".parse().unwrap());
            let text = door(&Endpoints { listen: listen.parse().unwrap(), reads, admin: None });
            assert!(text.contains("  reads     127.0.0.1:8  "), "{text}");
            assert!(text.contains(hint), "{text}");
        }
    }
}
