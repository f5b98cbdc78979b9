//! twemproxy (Debian package nutcracker) before plain redis-servers.
//!
//! Spec: <https://github.com/twitter/twemproxy#configuration>

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::find;
use crate::process::Server;
use crate::target::Started;

/// nutcracker, usually in /usr/sbin.
pub(crate) fn find(given: Option<&Path>) -> Result<PathBuf> {
    find::given_or(given, || find::on_path("nutcracker"), "Debian package nutcracker")
}

/// One thread, one connection per server, buffers of the default size.
///
/// `stats_port` is free as well: the program insists on a port for its statistics.
pub(crate) fn start(
    program: &Path,
    port: u16,
    stats_port: u16,
    nodes: &[u16],
    folder: &Path,
) -> Started {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("nutcracker.yml"), config(port, nodes))?;
    let stats_port = stats_port.to_string();
    let args = ["-c", "nutcracker.yml", "-a", "127.0.0.1", "-s", &stats_port];
    let server = Server::start("twemproxy", program, &args, folder)?;
    Ok((server, find::version(program, "--version")))
}

fn config(port: u16, nodes: &[u16]) -> String {
    let servers: String = nodes.iter().map(|node| format!("    - 127.0.0.1:{node}:1\n")).collect();
    format!(
        "bench:
  listen: 127.0.0.1:{port}
  redis: true
  hash: fnv1a_64
  distribution: ketama
  preconnect: true
  backlog: 1024
  servers:
{servers}"
    )
}
