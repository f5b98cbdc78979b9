//! Nodes become one cluster, and the wait until all of them agree that they are.
//!
//! A new cluster is formed in these steps:
//! 1. Every primary is told its slots (`CLUSTER ADDSLOTSRANGE`).
//! 2. Every node is given an epoch of its own (`CLUSTER SET-CONFIG-EPOCH`), so that no two claims ever tie.
//! 3. The first node meets all others (`CLUSTER MEET`); gossip introduces those to each other.
//! 4. All nodes agree: each sees all of them, linked and well, the same roles, the same owner for every slot, and
//!    `cluster_state:ok`.
//! 5. Every replica is told its primary (`CLUSTER REPLICATE`), copies it, and all agree on that, too.
//!
//! A cluster that was formed before remembers all this in its nodes' `nodes.conf` and only needs to agree.
//!
//! Spec: <https://valkey.io/topics/cluster-spec/#node-handshake>

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reddoor_protocol::topology::{Health, NodeId, Topology, nodes_text};
use tokio::time::{Instant, sleep};
use tracing::{debug, info};

use super::client::{CallError, NodeClient};
use super::layout::{Purpose, Shape};

/// How long a node may take until it listens. Loading its data is not counted: then it already answers.
const LISTEN_MAX: Duration = Duration::from_secs(30);
/// How long all nodes may take to agree. Gossip needs seconds; a loaded machine needs patience.
const AGREE_MAX: Duration = Duration::from_secs(60);
/// The pause between two looks at a node.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Waits until every node answers `PING`, however long those take that are loading their data.
pub(crate) async fn wait_until_up(addrs: &[SocketAddr]) -> Result<()> {
    let deadline = Instant::now() + LISTEN_MAX;
    for &addr in addrs {
        while let Err(error) = ping(addr).await {
            let is_loading =
                matches!(&error, CallError::Refused { error, .. } if error.starts_with("LOADING"));
            if !is_loading && Instant::now() >= deadline {
                let waited = LISTEN_MAX.as_secs();
                return Err(error)
                    .with_context(|| format!("node {addr} is not up after {waited} s"));
            }
            sleep(LOOK_EVERY).await;
        }
    }
    Ok(())
}

async fn ping(addr: SocketAddr) -> Result<(), CallError> {
    NodeClient::connect(addr).await?.call(&["PING"]).await.map(drop)
}

/// Makes one cluster of nodes that know nothing yet: steps 1 to 3.
pub(crate) async fn form(shape: Shape, addrs: &[SocketAddr]) -> Result<()> {
    info!(nodes = addrs.len(), "forming a new cluster");
    let mut clients = Vec::new();
    for &addr in addrs {
        clients.push(NodeClient::connect(addr).await?);
    }
    for (index, client) in clients.iter_mut().enumerate() {
        if let Purpose::Primary { slots } = shape.purpose(index) {
            let (first, last) = (slots.start().to_string(), slots.end().to_string());
            client.call(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]).await?;
        }
    }
    for (index, client) in clients.iter_mut().enumerate() {
        client.call(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()]).await?;
    }
    if let Some((first, _)) = clients.split_first_mut() {
        for addr in &addrs[1..] {
            let (ip, port) = (addr.ip().to_string(), addr.port().to_string());
            first.call(&["CLUSTER", "MEET", &ip, &port]).await?;
        }
    }
    Ok(())
}

/// Has the replicas of a new cluster copy their primaries: step 5, after all nodes agree.
pub(crate) async fn replicate(shape: Shape, addrs: &[SocketAddr], agreed: &Topology) -> Result<()> {
    for (index, &addr) in addrs.iter().enumerate() {
        if let Purpose::Replica { of } = shape.purpose(index) {
            let primary = agreed.nodes.get(of).context("a shard without a primary")?;
            let mut client = NodeClient::connect(addr).await?;
            client.call(&["CLUSTER", "REPLICATE", primary.id.as_str()]).await?;
        }
    }
    Ok(())
}

/// Waits until all nodes agree (step 4) and tells what on, the nodes in the order of `addrs`.
pub(crate) async fn wait_until_agreed(addrs: &[SocketAddr]) -> Result<Topology> {
    let deadline = Instant::now() + AGREE_MAX;
    loop {
        match look(addrs).await {
            Ok(topology) => return Ok(topology),
            Err(why) if Instant::now() >= deadline => {
                let waited = AGREE_MAX.as_secs();
                return Err(why)
                    .with_context(|| format!("the nodes do not agree after {waited} s"));
            }
            Err(why) => debug!("not yet: {why:#}"),
        }
        sleep(LOOK_EVERY).await;
    }
}

/// One look at all nodes: what they agree on, or the first thing that is still missing.
async fn look(addrs: &[SocketAddr]) -> Result<Topology> {
    let mut views = Vec::new();
    for &addr in addrs {
        let mut client = NodeClient::connect(addr).await?;
        let info = client.call_for_text(&["CLUSTER", "INFO"]).await?;
        if !info.lines().any(|line| line == "cluster_state:ok") {
            bail!("node {addr} does not say cluster_state:ok");
        }
        let link = client.call_for_text(&["INFO", "replication"]).await?;
        if link.lines().any(|line| line == "master_link_status:down") {
            bail!("node {addr} has not copied its primary yet");
        }
        let text = client.call_for_text(&["CLUSTER", "NODES"]).await?;
        views.push(nodes_text::parse(&text).with_context(|| format!("node {addr}"))?);
    }
    agreement(addrs, views)
}

/// What the views, one for each address, agree on. Pure.
fn agreement(addrs: &[SocketAddr], views: Vec<Topology>) -> Result<Topology> {
    for (addr, view) in addrs.iter().zip(&views) {
        let well = view.nodes.iter().filter(|n| {
            !n.is_unusable && n.health == Health::Online && (n.is_linked || n.is_myself)
        });
        let well = well.count();
        if well != addrs.len() || view.nodes.len() != addrs.len() {
            let (known, expected) = (view.nodes.len(), addrs.len());
            bail!("node {addr} reaches {well} and knows {known} of {expected} nodes");
        }
    }
    if let Some((addr, _)) =
        addrs.iter().zip(&views).find(|(_, view)| claims(view) != claims(&views[0]))
    {
        bail!("nodes {} and {addr} see different roles or owners of slots", addrs[0]);
    }
    // Each node described by itself, in the order of the layout.
    let own = views.into_iter().zip(addrs).map(|(view, addr)| {
        let mut myself = view.nodes.into_iter().find(|node| node.is_myself)?;
        // A node that nobody has met by address yet does not know its own.
        myself.ip = addr.ip().to_string();
        Some(myself)
    });
    let nodes = own.collect::<Option<_>>().context("a node does not list itself")?;
    Ok(Topology { nodes })
}

/// A node, whose replica it is, and its slots.
type Claim<'a> = (NodeId, Option<NodeId>, &'a [std::ops::RangeInclusive<u16>]);

/// Who follows whom and claims which slots, comparable between views.
fn claims(view: &Topology) -> Vec<Claim<'_>> {
    let mut claims: Vec<_> =
        view.nodes.iter().map(|node| (node.id, node.primary, node.slots.as_slice())).collect();
    claims.sort_unstable_by_key(|(id, ..)| *id);
    claims
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "07c37dfeb235213a872192d90877d0cd55635b91";
    const B: &str = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1";

    /// The views of nodes on ports 1 and 2, as text with `$A` and `$B` for their ids.
    fn check(first: &str, second: &str, expect: &str) {
        let addrs = [1, 2].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let view = |text: &str| nodes_text::parse(&text.replace("$A", A).replace("$B", B)).unwrap();
        let result = agreement(&addrs, vec![view(first), view(second)]);
        let text = match result {
            Ok(topology) => {
                let ports: Vec<u16> = topology.nodes.iter().map(|node| node.port).collect();
                assert_eq!(topology.nodes[0].ip, "127.0.0.1");
                format!("agreed on {ports:?}")
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(text, expect);
    }

    #[test]
    fn nodes_agree_when_each_sees_all_well_with_the_same_slots() {
        check(
            "$A :1@1 myself,master - 0 0 1 connected 0-16383\n$B h:2@2 master - 0 0 2 connected",
            "$B h:2@2 myself,master - 0 0 2 connected\n$A h:1@1 master - 0 0 1 connected 0-16383",
            "agreed on [1, 2]",
        );
    }

    #[test]
    fn what_is_missing_is_said() {
        let alone = "$A :1@1 myself,master - 0 0 1 connected 0-16383\n";
        let good = "$A h:1@1 master - 0 0 1 connected 0-16383\n\
                    $B h:2@2 myself,master - 0 0 2 connected";
        check(alone, good, "node 127.0.0.1:1 reaches 1 and knows 1 of 2 nodes");
        for other in [
            "$B h:2@2 handshake - 0 0 0 connected",
            "$B h:2@2 master,fail? - 0 0 2 connected",
            "$B h:2@2 master - 0 0 2 disconnected",
        ] {
            let expect = "node 127.0.0.1:1 reaches 1 and knows 2 of 2 nodes";
            check(&format!("{alone}{other}"), good, expect);
        }
        check(
            "$A :1@1 myself,master - 0 0 1 connected\n$B h:2@2 master - 0 0 2 connected",
            good,
            "nodes 127.0.0.1:1 and 127.0.0.1:2 see different roles or owners of slots",
        );
    }
}
