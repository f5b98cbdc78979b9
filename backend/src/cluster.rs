//! Slot ownership and the cluster bus.
//!
//! | module | what it holds |
//! |---|---|
//! | [`member`] | one node as this node knows it |
//! | [`message`] | the wire format of the bus |
//! | [`core`] | the protocol: a pure state machine |
//! | [`nodes_conf`] | the file that survives a restart |
//! | [`route`] | may this node run a request? |
//! | [`bus`] | sockets |
//! | [`copy`] | the seam to replication: what the core is told of it, and what it asks for |

pub(crate) mod member;

pub(crate) mod message;

pub(crate) mod core;

pub(crate) mod nodes_conf;

pub(crate) mod route;

pub(crate) mod bus;

mod copy;

use std::io;
use std::path::Path;
use std::time::Duration;

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::replies::Endpoint;

use self::bus::Lines;
use self::core::{Core, CoreSettings};
use self::member::Member;
use self::nodes_conf::{NodesFile, Sync};
use self::route::RouteSettings;
use crate::config::settings::Settings;
use crate::data::random::Random;
use crate::error::RunError;
use crate::execute::{Presence, RouteQuery};

pub(crate) use self::bus::start;

/// This node's part in its cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// What is known and decided.
    pub(crate) core: Core,
    /// The links.
    pub(crate) lines: Lines,
    file: NodesFile,
    route: RouteSettings,
}

impl Cluster {
    /// Reads what the nodes file remembers, or begins alone.
    ///
    /// # Errors
    /// The file is damaged, another node has it, or it cannot be written.
    pub(crate) fn load(settings: &Settings) -> Result<Cluster, RunError> {
        let path = Path::new(&settings.cluster_config_file);
        let failed = |error: &dyn std::fmt::Display| RunError::Cluster(error.to_string());
        let (file, remembered) = NodesFile::open(path).map_err(|error| failed(&error))?;
        let (random, now_ms) = (Random::default(), bus::now_ms());
        let core = match remembered {
            None => Core::new(core_settings(settings), random, now_ms),
            Some(remembered) => {
                let core = Core::restore(core_settings(settings), random, remembered, now_ms);
                core.ok_or_else(|| {
                    failed(&format_args!("{}: no line is this node's", path.display()))
                })?
            }
        };
        tracing::info!("Node configuration loaded, I'm {}", core.myself().id);
        let route = route_settings(settings);
        let mut cluster = Cluster { core, lines: Lines::default(), file, route };
        cluster.save_now().map_err(|error| failed(&error))?;
        Ok(cluster)
    }

    /// Takes over settings that were changed while the node runs.
    pub(crate) fn settings_changed(&mut self, settings: &Settings) {
        self.core.configure(core_settings(settings));
        self.route = route_settings(settings);
    }

    /// Whether this node may run a request.
    ///
    /// # Errors
    /// `CROSSSLOT`, `MOVED`, `ASK`, `TRYAGAIN` or `CLUSTERDOWN`.
    #[inline]
    pub(crate) fn route(
        &self,
        query: &RouteQuery,
        presence: impl FnOnce() -> Presence,
    ) -> Result<(), ReplyError> {
        route::route(&self.core, &self.route, query, presence)
    }

    /// Whether a slot is this node's, the cluster is well and no slot is on its way: then [`Cluster::route`] has leave for
    /// any request with one key.
    #[inline]
    pub(crate) fn serves_at_rest(&self, slot: Slot, now_ms: u64) -> bool {
        let core = &self.core;
        core.owner(slot).is_some_and(Member::is_myself)
            && core.migrating().is_empty()
            && core.importing().is_empty()
            && core.is_ok_at(now_ms)
    }

    /// Takes note of slots of which keys were read at the start. What nobody owns becomes this node's; what another
    /// node owns is held as an import, so that whoever looks after the cluster finds it.
    ///
    /// Source: redis `src/cluster.c` verifyClusterConfigWithData.
    pub(crate) fn adopt_loaded(&mut self, slots: impl Iterator<Item = Slot>) {
        if self.core.myself().primary.is_some() {
            return;
        }
        for slot in
            slots.filter(|slot| self.core.importing_from(*slot).is_none()).collect::<Vec<_>>()
        {
            match self.core.owner(slot).map(|owner| (owner.id, owner.is_myself())) {
                Some((_, true)) => {}
                Some((owner, false)) => {
                    tracing::warn!(
                        "I have keys for slot {slot}, but the slot is assigned to another node. Setting it to \
                         importing state."
                    );
                    self.core.set_importing(slot, owner);
                }
                None => {
                    tracing::warn!(
                        "I have keys for unassigned slot {slot}. Taking responsibility for it."
                    );
                    self.core.add_slots(bus::now_ms(), &[slot]);
                }
            }
        }
        self.wake();
    }

    /// Whether a client may go on waiting for keys of a slot.
    ///
    /// # Errors
    /// `CLUSTERDOWN` or `MOVED`.
    pub(crate) fn may_wait(&self, slot: Slot) -> Result<(), ReplyError> {
        route::may_wait(&self.core, &self.route, slot)
    }

    /// Whether the channels of a slot are this node's to serve, as its owner or a replica of that.
    pub(crate) fn serves_channels_of(&self, slot: Slot) -> bool {
        let Some(owner) = self.core.owner(slot) else { return false };
        owner.is_myself() || self.core.myself().primary == Some(owner.id)
    }

    /// Tells a publication to other nodes: to all, or to those of this shard.
    pub(crate) fn publish(&mut self, is_sharded: bool, channel: &[u8], text: &[u8]) {
        self.core.publish(is_sharded, channel, text);
        self.lines.wake();
    }

    /// Links with other nodes that are connected (count), each counted once for each direction.
    pub(crate) fn links_count(&self) -> usize {
        self.core.links().filter(|(_, link)| link.is_up).count()
    }

    /// Which of a node's names clients are given first.
    pub(crate) fn endpoint(&self) -> Endpoint {
        self.route.endpoint
    }

    /// Has the bus do what a command has changed in the core, at the end of this turn.
    pub(crate) fn wake(&self) {
        self.lines.wake();
    }

    /// Writes the nodes file.
    ///
    /// # Errors
    /// The file on disk is the old one, whole.
    pub(crate) fn save_now(&mut self) -> io::Result<()> {
        self.file.save(&self.core, Sync::Now)
    }

    /// Writes the nodes file as part of the node's work.
    fn save(&mut self, sync: Sync) {
        let saved = self.file.save(&self.core, sync);
        saved.unwrap_or_else(|error| give_up(&error));
    }

    /// Syncs what was saved and not synced.
    fn sync(&mut self) {
        self.file.sync().unwrap_or_else(|error| give_up(&error));
    }

    /// Writes the nodes file for the last time.
    pub(crate) fn save_before_exit(&mut self) {
        if let Err(error) = self.save_now() {
            tracing::warn!("cannot write the cluster config file: {error}");
        }
    }
}

/// What other nodes were told must be remembered, so a node that cannot write does not go on.
fn give_up(error: &io::Error) -> ! {
    tracing::error!("Fatal: can't update cluster config file: {error}");
    std::process::exit(1);
}

/// The port of the bus: as set, or the client port + 10000.
pub(crate) fn bus_port(settings: &Settings) -> u16 {
    match settings.cluster_port {
        0 => settings.port.saturating_add(10_000),
        port => port,
    }
}

fn core_settings(settings: &Settings) -> CoreSettings {
    let announced = |announced: u16, real: u16| if announced != 0 { announced } else { real };
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    CoreSettings {
        node_timeout_ms: millis(settings.cluster_node_timeout),
        requires_full_coverage: settings.cluster_requires_full_coverage,
        announce_ip: settings.cluster_announce_ip.clone(),
        hostname: settings.cluster_announce_hostname.clone(),
        port: announced(settings.cluster_announce_port, settings.port),
        bus_port: announced(settings.cluster_announce_bus_port, bus_port(settings)),
        validity_factor: settings.cluster_validity_factor,
        replication_ping_ms: millis(settings.replication.ping_period),
        stays_replica: settings.cluster_stays_replica,
        may_migrate: settings.cluster_may_migrate,
        migration_barrier: settings.cluster_migration_barrier,
    }
}

fn route_settings(settings: &Settings) -> RouteSettings {
    RouteSettings {
        allows_reads_when_down: settings.cluster_allows_reads_when_down,
        allows_pubsub_when_down: settings.cluster_allows_pubsub_when_down,
        endpoint: match settings.cluster_preferred_endpoint.as_str() {
            "hostname" => Endpoint::Hostname,
            "unknown-endpoint" => Endpoint::Unknown,
            _ => Endpoint::Ip,
        },
    }
}
