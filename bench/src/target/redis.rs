//! redis-server, plain or in cluster mode, keeping nothing on disk.

use std::path::Path;

use crate::find;
use crate::forming;
use crate::process::Server;
use crate::target::Started;

/// Starts a redis-server on a port of this machine, with further directives.
pub(crate) fn start(
    program: &Path,
    port: u16,
    folder: &Path,
    directives: &[&str],
) -> anyhow::Result<Server> {
    let port = port.to_string();
    let mut args = vec!["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    args.extend_from_slice(directives);
    Server::start("redis-server", program, &args, folder)
}

/// One node as most people run it.
pub(crate) fn start_plain(program: &Path, port: u16, folder: &Path) -> Started {
    Ok((start(program, port, folder, &[])?, find::version(program, "--version")))
}

/// One node in cluster mode that owns all slots.
pub(crate) fn start_cluster_of_one(program: &Path, port: u16, folder: &Path) -> Started {
    let mut server = start(program, port, folder, &["--cluster-enabled", "yes"])?;
    server.wait_until_serving(port, &["PING"])?;
    forming::own_all_slots(port)?;
    Ok((server, find::version(program, "--version")))
}
