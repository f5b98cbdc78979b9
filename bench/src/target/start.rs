//! Starts targets, and what must stand behind them, once each.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::find;
use crate::port::Ports;
use crate::process::Server;
use crate::target::backing::Backing;
use crate::target::{
    Programs, Running, Started, Target, envoy, predixy, reddoor, redis, twemproxy,
};

/// Starts targets in one folder.
///
/// Invariant: what stands behind a front door lives as long as this does.
#[derive(Debug)]
pub(crate) struct Starter {
    folder: PathBuf,
    programs: Programs,
    redis_server: PathBuf,
    ports: Ports,
    backing: Backing,
    warned: HashSet<PathBuf>,
}

impl Starter {
    /// # Errors
    /// No redis-server: nothing can be measured without it.
    pub(crate) fn new(folder: &Path, programs: Programs) -> Result<Self> {
        let redis_server = find::on_path("redis-server")
            .context("redis-server is not on PATH (Debian package redis-server)")?;
        Ok(Self {
            folder: folder.to_owned(),
            programs,
            redis_server,
            ports: Ports::new(),
            backing: Backing::default(),
            warned: HashSet::new(),
        })
    }

    /// Starts a target and waits until it serves.
    ///
    /// # Errors
    /// Its program is not found, does not start, or does not serve in time.
    pub(crate) fn start(&mut self, target: Target) -> Result<Running> {
        let port = self.ports.take()?;
        let (mut server, version) = self.launch(target, port)?;
        // A write shows that the way to a node stands, not just the port.
        server.wait_until_serving(port, &["SET", "serving", "1"])?;
        Ok(Running { target, port, version, filled: Vec::new(), server })
    }

    /// Starts a redis-server or a bundled node in the folder that the last one of its kind had, with further
    /// directives. The port, and the server, which may still be reading its files.
    ///
    /// # Errors
    /// Its program is not found or does not start.
    pub(crate) fn start_again(
        &mut self,
        target: Target,
        directives: &[&str],
    ) -> Result<(u16, Server)> {
        self.start_in(target, target.name(), directives)
    }

    /// As [`Starter::start_again`], in a folder of this name.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn start_in(
        &mut self,
        target: Target,
        folder: &str,
        directives: &[&str],
    ) -> Result<(u16, Server)> {
        let port = self.ports.take()?;
        Ok((port, self.start_at(target, port, folder, directives)?))
    }

    /// As [`Starter::start_in`], at this port.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn start_at(
        &mut self,
        target: Target,
        port: u16,
        folder: &str,
        directives: &[&str],
    ) -> Result<Server> {
        let folder = self.folder.join(folder);
        if target == Target::Redis {
            redis::start(&self.redis_server, port, &folder, directives)
        } else {
            reddoor::node(&self.reddoor()?, port, &folder, directives)
        }
    }

    fn launch(&mut self, target: Target, port: u16) -> Started {
        let folder = self.folder.join(target.name());
        match target {
            Target::Redis => redis::start_plain(&self.redis_server, port, &folder),
            Target::RedisCluster => redis::start_cluster_of_one(&self.redis_server, port, &folder),
            Target::Twemproxy => {
                let program = twemproxy::find(self.programs.twemproxy.as_deref())?;
                let nodes = self.plain()?;
                twemproxy::start(&program, port, self.ports.take()?, &nodes, &folder)
            }
            Target::Envoy => {
                let program = envoy::find(self.programs.envoy.as_deref())?;
                envoy::start(&program, port, &self.cluster()?, &folder)
            }
            Target::Predixy => {
                let program = predixy::find(self.programs.predixy.as_deref())?;
                predixy::start(&program, port, &self.cluster()?, &folder)
            }
            Target::Reddoor => {
                let program = self.reddoor()?;
                reddoor::start_proxy(&program, port, &self.cluster()?, &folder)
            }
            Target::ReddoorBefore => {
                let program = reddoor::find_before(self.programs.before.as_deref())?;
                reddoor::start_proxy(&program, port, &self.cluster()?, &folder)
            }
            Target::Node => reddoor::start_node(&self.reddoor()?, port, &folder),
            Target::NodeCluster => reddoor::start_cluster_of_one(&self.reddoor()?, port, &folder),
        }
    }

    fn plain(&mut self) -> Result<Vec<u16>> {
        self.backing.plain(&self.redis_server, &mut self.ports, &self.folder)
    }

    fn cluster(&mut self) -> Result<Vec<u16>> {
        self.backing.cluster(&self.redis_server, &mut self.ports, &self.folder)
    }

    fn reddoor(&mut self) -> Result<PathBuf> {
        let program = reddoor::find(self.programs.reddoor.as_deref())?;
        let is_debug = program.parent().is_some_and(|folder| folder.ends_with("debug"));
        if is_debug && self.warned.insert(program.clone()) {
            eprintln!(
                "warning: {} looks like a debug build; its figures say nothing",
                program.display()
            );
        }
        Ok(program)
    }
}
