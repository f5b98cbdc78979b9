//! `reddoor` without a command: a cluster of nodes as processes of this same binary, and the front door before it.
//!
//! 1. Everything is checked that can be: settings, the directory, every port. All mistakes are told at once.
//! 2. The nodes are started and waited for.
//! 3. A new cluster is formed; one that the directory remembers finds itself. Either way all nodes must agree.
//! 4. The front door opens, and what runs is printed.
//! 5. Nodes that die are started again, until a signal asks to stop: first the front door drains, then the nodes
//!    are asked to stop, then killed.
//!
//! Whatever ends steps 2 to 5 early, no process that was started here outlives this one.

mod checks;

mod layout;

mod data_dir;

mod nodes;

mod backoff;

mod form;

mod client;

use std::net::SocketAddr;

use anyhow::{Result, anyhow};
use reddoor_protocol::topology::Topology;
use reddoor_proxy::drain::Departure;
use reddoor_proxy::front_door::FrontDoor;
use tracing::info;

use checks::{Draft, Ground};
use data_dir::{DataDir, Memory};
use nodes::{Nodes, Wishes};

use crate::args::{DoorArgs, StartArgs};
use crate::attendant::{Attendant, TakenOver};
use crate::exit::Failure;
use crate::front_door::{self, Drained};
use crate::log;
use crate::reload::Source;
use crate::report;
use crate::signals::StopSignals;

/// Runs cluster and front door until asked to stop.
pub(crate) fn run(args: &StartArgs) -> Result<(), Failure> {
    let draft = Draft::read(args);
    if args.door.starts_nothing() {
        front_door::show(&args.door, &draft.settle()?);
        return Ok(());
    }
    let Ground { config, dir, memory } = draft.take_ground()?;
    let wishes = Wishes { level: config.log.level, changes: config.admin.commands };
    log::start(&log::directives(front_door::log_wish(&args.door, &config)), config.log.format)?;
    // Bound before the nodes start: whoever comes later finds the port taken, and early clients wait in line.
    let door = front_door::bind(config, None)?;
    let runtime = front_door::runtime()?;
    let result = runtime.block_on(supervise(door, &dir, memory, wishes, &args.door));
    // A drain that was interrupted still runs, and nobody waits for it.
    runtime.shutdown_background();
    Ok(result?)
}

/// Steps 2 to 5.
async fn supervise(
    door: FrontDoor,
    dir: &DataDir,
    memory: Memory,
    wishes: Wishes,
    args: &DoorArgs,
) -> Result<()> {
    let mut signals = StopSignals::listen()?;
    dir.remember(&memory)?;
    dir.prepare_nodes(&memory)?;
    let mut nodes = Nodes::start(&memory.layout, dir, wishes)?;
    let addrs: Vec<SocketAddr> = nodes.addrs().collect();
    let gathered = tokio::select! {
        biased;
        () = signals.recv() => None,
        error = nodes.first_death() => Some(Err(error)),
        topology = gather(dir, memory, &addrs) => Some(topology),
    };
    let result = match gathered {
        // Nobody has been let in yet.
        None => Ok(Drained::InTime),
        Some(Err(error)) => Err(error),
        Some(Ok(topology)) => {
            let house = House { args, topology: &topology, dir };
            serve(door, &mut nodes, house, &mut signals).await
        }
    };
    match result {
        // Dropping the nodes kills them.
        Ok(Drained::Interrupted) => drop(nodes),
        Ok(Drained::InTime) | Err(_) => nodes.stop(&mut signals).await,
    }
    info!("stopped");
    result.map(drop)
}

/// Step 3: one cluster out of nodes that were just started.
async fn gather(dir: &DataDir, mut memory: Memory, addrs: &[SocketAddr]) -> Result<Topology> {
    form::wait_until_up(addrs).await?;
    if !memory.is_formed {
        form::form(memory.layout.shape, addrs).await?;
    }
    let mut topology = form::wait_until_agreed(addrs).await?;
    if !memory.is_formed {
        form::replicate(memory.layout.shape, addrs, &topology).await?;
        topology = form::wait_until_agreed(addrs).await?;
        memory.is_formed = true;
        dir.remember(&memory)?;
    }
    Ok(topology)
}

/// What the front door stands before, and what it was started with.
#[derive(Clone, Copy, Debug)]
struct House<'a> {
    args: &'a DoorArgs,
    topology: &'a Topology,
    dir: &'a DataDir,
}

/// Steps 4 and 5, up to the moment when nodes may stop.
async fn serve(
    door: FrontDoor,
    nodes: &mut Nodes,
    house: House<'_>,
    signals: &mut StopSignals,
) -> Result<Drained> {
    let endpoints = front_door::endpoints(&door);
    let seeds = checks::seeds(nodes.addrs());
    let running = front_door::start(door)?;
    let source = Source { args: house.args, seeds: Some(&seeds) };
    let mut attendant = Attendant::with_nodes(endpoints.listen, source)?;
    report::print(&report::house(&endpoints, house.topology, house.dir.path()));
    let result = tokio::select! {
        () = signals.recv() => Ok(()),
        error = front_door::breakdown(&running) => Err(error),
        never = nodes.keep_running() => match never {},
        TakenOver = attendant.attend(&running) => Err(anyhow!("taken over from its own nodes")),
    };
    drop(attendant);
    let drained = front_door::stop(running, Departure::Stop, signals).await;
    result.map(|()| drained)
}
