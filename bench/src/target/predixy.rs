//! predixy before a Redis Cluster. No distribution packages it; it is measured where it is found.
//!
//! Spec: <https://github.com/joyieldInc/predixy>, folder conf

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::find;
use crate::process::Server;
use crate::target::Started;

/// predixy on PATH.
pub(crate) fn find(given: Option<&Path>) -> Result<PathBuf> {
    find::given_or(given, || find::on_path("predixy"), "build it from source, then --predixy PATH")
}

/// One worker thread.
pub(crate) fn start(program: &Path, port: u16, nodes: &[u16], folder: &Path) -> Started {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("predixy.conf"), config(port, nodes))?;
    let server = Server::start("predixy", program, &["predixy.conf"], folder)?;
    Ok((server, find::version(program, "--version")))
}

fn config(port: u16, nodes: &[u16]) -> String {
    let seeds: String = nodes.iter().map(|node| format!("        + 127.0.0.1:{node}\n")).collect();
    format!(
        "Bind 127.0.0.1:{port}
WorkerThreads 1
ClusterServerPool {{
    RefreshInterval 1
    Servers {{
{seeds}    }}
}}
"
    )
}
