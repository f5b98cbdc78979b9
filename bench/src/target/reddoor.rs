//! The program this repository builds: its front door and its node.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::find;
use crate::forming;
use crate::process::Server;
use crate::target::Started;

/// The binary built beside this program.
pub(crate) fn find(given: Option<&Path>) -> Result<PathBuf> {
    find::given_or(given, find::reddoor, "cargo build --release -p reddoor, or --reddoor PATH")
}

/// Another build, to compare with; nobody looks for one that was not asked for.
pub(crate) fn find_before(given: Option<&Path>) -> Result<PathBuf> {
    find::given_or(given, || None, "--before PATH")
}

/// The front door alone, with one worker and no admin port.
pub(crate) fn start_proxy(program: &Path, port: u16, nodes: &[u16], folder: &Path) -> Started {
    let seeds: Vec<_> = nodes.iter().map(|node| format!("127.0.0.1:{node}")).collect();
    let seeds = seeds.join(",");
    let listen = format!("127.0.0.1:{port}");
    let args = ["proxy", "--cluster", &seeds, "--listen", &listen, "--workers", "1", "--admin", ""];
    Ok((Server::start("reddoor proxy", program, &args, folder)?, version(program)))
}

/// One node, not in cluster mode.
pub(crate) fn start_node(program: &Path, port: u16, folder: &Path) -> Started {
    Ok((node(program, port, folder, &[])?, version(program)))
}

/// One node in cluster mode that owns all slots.
pub(crate) fn start_cluster_of_one(program: &Path, port: u16, folder: &Path) -> Started {
    let mut server = node(program, port, folder, &["--cluster-enabled", "yes"])?;
    server.wait_until_serving(port, &["PING"])?;
    forming::own_all_slots(port)?;
    Ok((server, version(program)))
}

/// One node on a port of this machine, with further directives.
pub(super) fn node(
    program: &Path,
    port: u16,
    folder: &Path,
    directives: &[&str],
) -> Result<Server> {
    let port = port.to_string();
    let dir = folder.to_string_lossy();
    let mut args = vec!["node", "--port", &port, "--dir", &dir, "--save", ""];
    args.extend_from_slice(directives);
    Server::start("reddoor node", program, &args, folder)
}

fn version(program: &Path) -> String {
    find::version(program, "--version")
}
