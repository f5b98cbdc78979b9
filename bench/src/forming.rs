//! Makes a cluster of nodes that run and know nobody, by the commands that any tool uses.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::process::wait_until;
use crate::resp::{Client, Reply};

/// Slots of a Redis Cluster.
pub(crate) const SLOTS_COUNT: usize = 16_384;

/// How long nodes may take to agree.
const AGREE_TIMEOUT: Duration = Duration::from_secs(120);

/// Shares the slots among the primaries, gives each replica the primary at its place, counted round, and waits until
/// all agree. There is at least one primary.
///
/// # Errors
/// A node answers wrongly, or they do not agree in time.
pub(crate) fn form(primaries: &[u16], replicas: &[u16]) -> Result<()> {
    let all = [primaries, replicas].concat();
    for (place, port) in primaries.iter().enumerate() {
        let first = place * SLOTS_COUNT / primaries.len();
        let last = (place + 1) * SLOTS_COUNT / primaries.len() - 1;
        let mut node = Client::connect(*port)?;
        node.expect(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()])?;
    }
    for (place, port) in all.iter().enumerate() {
        let mut node = Client::connect(*port)?;
        node.expect(&["CLUSTER", "SET-CONFIG-EPOCH", &(place + 1).to_string()])?;
        if place > 0 {
            node.expect(&["CLUSTER", "MEET", "127.0.0.1", &primaries[0].to_string()])?;
        }
    }
    wait_agreed(&all, all.len())?;
    for (place, port) in replicas.iter().enumerate() {
        let id = id_of(primaries[place % primaries.len()])?;
        Client::connect(*port)?.expect(&["CLUSTER", "REPLICATE", &id])?;
    }
    wait_agreed(&all, primaries.len())
}

/// Makes a single cluster node the owner of all slots.
///
/// # Errors
/// It refuses.
pub(crate) fn own_all_slots(port: u16) -> Result<()> {
    let last = (SLOTS_COUNT - 1).to_string();
    Client::connect(port)?.expect(&["CLUSTER", "ADDSLOTSRANGE", "0", &last]).map(drop)
}

/// The name by which nodes know the one at this port.
///
/// # Errors
/// It does not tell it.
pub(crate) fn id_of(port: u16) -> Result<String> {
    text(&mut Client::connect(port)?, &["CLUSTER", "MYID"])
}

/// Waits until each of these nodes knows them all and nobody down, finds every slot served and so many of them
/// primaries, and has a link to its primary if it is a replica.
///
/// # Errors
/// A node is gone, or it takes too long.
pub(crate) fn wait_agreed(ports: &[u16], primaries: usize) -> Result<()> {
    let has_agreed = wait_until(AGREE_TIMEOUT, || {
        ports.iter().try_fold(true, |agreed, port| {
            Ok(agreed && is_content(&mut Client::connect(*port)?, ports.len(), primaries)?)
        })
    })?;
    if !has_agreed {
        bail!("{} nodes did not agree in {} s", ports.len(), AGREE_TIMEOUT.as_secs());
    }
    Ok(())
}

fn is_content(node: &mut Client, nodes: usize, primaries: usize) -> Result<bool> {
    let view = text(node, &["CLUSTER", "NODES"])?;
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<Vec<String>> = view.lines().map(words).collect();
    let flags = |line: &Vec<String>| line.get(2).cloned().unwrap_or_default();
    let are_well = lines.iter().all(|line| {
        let is_linked = line.get(7).is_some_and(|word| word == "connected");
        is_linked && !flags(line).contains("fail") && !flags(line).contains("handshake")
    });
    let is_ok = text(node, &["CLUSTER", "INFO"])?.contains("cluster_state:ok");
    let has_link = !text(node, &["INFO", "replication"])?.contains("master_link_status:down");
    let found = lines.iter().filter(|line| flags(line).contains("master")).count();
    Ok(is_ok && has_link && are_well && lines.len() == nodes && found == primaries)
}

/// A reply that is text.
///
/// # Errors
/// It is something else, or none.
pub(crate) fn text(node: &mut Client, command: &[&str]) -> Result<String> {
    match node.expect(command)? {
        Reply::Bulk(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
        other => bail!("{command:?} answered {other:?}"),
    }
}
