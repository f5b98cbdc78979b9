//! The checks before a start: flags, what the directory remembers, settings, ports. Nothing runs yet.
//!
//! Invariants: all mistakes that can be found are found in one go; a refused start leaves no trace, not even the
//! directory it would have made.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use reddoor_proxy::config::Config;

use super::data_dir::{self, DataDir, Memory, NODES_CONF};
use super::layout::{self, Layout, NODE_PORT_MAX, REPLICAS_MAX, SHARDS_MAX, Shape};
use super::nodes;
use crate::args::StartArgs;
use crate::exit::{Failure, Mistake, refuse_if_any};
use crate::front_door::{self, Hint};
use crate::ports;

/// What was asked for, as far as it could be understood.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    args: &'a StartArgs,
    /// `None`: there is a mistake in it.
    config: Option<Config>,
    dir: PathBuf,
    wishes: Wishes,
    remembered: Option<Memory>,
    mistakes: Vec<Mistake>,
}

/// Everything a start needs, and nobody else has.
#[derive(Debug)]
pub(crate) struct Ground {
    /// The front door's settings, the nodes as its seeds.
    pub(crate) config: Config,
    /// The directory, locked.
    pub(crate) dir: DataDir,
    /// The cluster to start: a new one, or the one that the directory remembers.
    pub(crate) memory: Memory,
}

/// What the flags say of the cluster; `None` for what they leave open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wishes {
    shards: Option<u16>,
    replicas: Option<u16>,
    node_port_base: Option<u16>,
}

impl<'a> Draft<'a> {
    /// Reads flags, settings and what the directory remembers. Touches nothing.
    pub(crate) fn read(args: &'a StartArgs) -> Draft<'a> {
        let mut mistakes = Vec::new();
        let dir = args.dir.clone().unwrap_or_else(|| PathBuf::from(data_dir::DEFAULT));
        let wishes = Wishes::read(args, &mut mistakes);
        // A cluster that was never formed holds nothing worth keeping, so no wish contradicts it.
        let remembered = data_dir::recall(&dir).unwrap_or_else(|mistake| {
            mistakes.push(mistake);
            None
        });
        if let Some(Memory { layout, is_formed: true }) = &remembered {
            mistakes.extend(wishes.contradictions(layout, &dir));
        }
        let config = read_config(args, &mut mistakes);
        Draft { args, config, dir, wishes, remembered, mistakes }
    }

    /// The settings, for who only wants to see them.
    pub(crate) fn settle(self) -> Result<Config, Failure> {
        refuse_if_any(self.mistakes)?;
        // Settings that cannot be read are among the mistakes.
        self.config.ok_or(Failure::Refused(Vec::new()))
    }

    /// Takes the directory and makes sure of the ports.
    pub(crate) fn take_ground(mut self) -> Result<Ground, Failure> {
        if let Some(config) = &self.config {
            self.mistakes.extend(front_door::taken_ports(config));
        }
        let dir = self.ok_or_note(DataDir::open(&self.dir).and_then(|dir| self.recheck(dir)));
        // Who has the directory has its ports too, and saying so again would help nobody.
        let memory = dir.as_ref().and_then(|_| self.choose_memory());
        if let (Some(dir), Some(memory)) = (&dir, &memory) {
            self.mistakes.extend(strangers(dir, memory, self.remembered.as_ref()));
        }
        if let (Some(_), Some(memory)) = (&self.config, &memory) {
            // Read once more, now that the seeds are known.
            self.config = load(self.args, &memory.layout.ports, &mut self.mistakes);
        }
        match (self.config, dir, memory) {
            (Some(config), Some(dir), Some(memory)) if self.mistakes.is_empty() => {
                Ok(Ground { config, dir, memory })
            }
            (_, dir, _) => {
                if let Some(dir) = dir {
                    dir.abandon();
                }
                Err(Failure::Refused(self.mistakes))
            }
        }
    }

    /// What was read before the directory was taken may have been the last moment of another reddoor.
    fn recheck(&self, dir: DataDir) -> Result<DataDir, Mistake> {
        match data_dir::recall(dir.path()) {
            Ok(now) if now != self.remembered => {
                let path = dir.path().display();
                let line = format!("{path} changed while it was looked at; start again");
                Err(Mistake::Obstacle(line))
            }
            // What cannot be read has been told already.
            Ok(_) | Err(_) => Ok(dir),
        }
    }

    /// The cluster to start, with ports that are free.
    fn choose_memory(&mut self) -> Option<Memory> {
        let doors: Vec<u16> = self.config.iter().flat_map(door_ports).collect();
        let is_free = |port| !doors.contains(&port) && ports::is_free(nodes::addr_of(port));
        let checked = match &self.remembered {
            Some(memory @ Memory { is_formed: true, .. }) => {
                let hint = "the nodes of this directory keep their ports";
                layout::require_free(&memory.layout.ports, hint, is_free).map(|()| memory.clone())
            }
            Some(_) | None => {
                let shape = self.wishes.shape();
                layout::choose_ports(self.wishes.node_port_base, shape.nodes_count(), is_free)
                    .map(|ports| Memory { layout: Layout { shape, ports }, is_formed: false })
            }
        };
        checked.map_err(|taken| self.mistakes.extend(taken)).ok()
    }

    fn ok_or_note<T>(&mut self, result: Result<T, Mistake>) -> Option<T> {
        result.map_err(|mistake| self.mistakes.push(mistake)).ok()
    }
}

impl Wishes {
    fn read(args: &StartArgs, mistakes: &mut Vec<Mistake>) -> Wishes {
        let mut number = |flag: &str, text: &Option<String>, range: RangeInclusive<u16>| {
            let text = text.as_ref()?;
            let number = text.parse().ok().filter(|number| range.contains(number));
            if number.is_none() {
                let (min, max) = (range.start(), range.end());
                let line = format!("{flag} {text}: expected a number, {min} to {max}");
                mistakes.push(Mistake::Setting(line));
            }
            number
        };
        Wishes {
            shards: number("--shards", &args.shards, 1..=SHARDS_MAX),
            replicas: number("--replicas", &args.replicas, 0..=REPLICAS_MAX),
            node_port_base: number("--node-port-base", &args.node_port_base, 1..=NODE_PORT_MAX),
        }
    }

    fn shape(self) -> Shape {
        let default = Shape::default();
        Shape {
            shards: self.shards.unwrap_or(default.shards),
            replicas: self.replicas.unwrap_or(default.replicas),
        }
    }

    /// What the flags ask of a cluster that already is otherwise.
    fn contradictions(self, layout: &Layout, dir: &Path) -> Vec<Mistake> {
        let first_port = layout.ports.first().copied().unwrap_or_default();
        let facts = [
            ("--shards", self.shards, layout.shape.shards, "shards"),
            ("--replicas", self.replicas, layout.shape.replicas, "replicas of each shard"),
            ("--node-port-base", self.node_port_base, first_port, "as its first node port"),
        ];
        let wrong = facts.into_iter().filter_map(|(flag, wish, fact, noun)| {
            let wish = wish.filter(|wish| *wish != fact)?;
            Some(Mistake::Setting(format!(
                "{flag} {wish}: the cluster in {} has {fact} {noun}; leave the flag out, or give another --dir",
                dir.display()
            )))
        });
        wrong.collect()
    }
}

/// The front door's settings. Seeds are not known yet; that they come from here and nowhere else is checked.
fn read_config(args: &StartArgs, mistakes: &mut Vec<Mistake>) -> Option<Config> {
    if front_door::names_a_cluster(&args.door) {
        mistakes.push(Mistake::Setting(
            "cluster.seeds names nodes that run already, but reddoor without a command starts nodes of its own; \
             `reddoor proxy` is the front door alone"
                .to_owned(),
        ));
    }
    load(args, &[layout::NODE_PORT_BASE], mistakes)
}

fn load(args: &StartArgs, node_ports: &[u16], mistakes: &mut Vec<Mistake>) -> Option<Config> {
    let seeds = seeds(node_ports.iter().map(|&port| nodes::addr_of(port)));
    front_door::settings(&args.door, Some(&seeds))
        .map_err(|errors| {
            mistakes.extend(errors.iter().map(|error| front_door::mistake(error, Hint::None)));
        })
        .ok()
}

/// The nodes, as `cluster.seeds` takes them.
pub(super) fn seeds(addrs: impl Iterator<Item = SocketAddr>) -> String {
    addrs.map(|addr| addr.to_string()).collect::<Vec<_>>().join(",")
}

/// Node directories that are not as this program left them.
fn strangers(dir: &DataDir, memory: &Memory, remembered: Option<&Memory>) -> Vec<Mistake> {
    let has_conf = |port: u16| dir.node_dir(port).join(NODES_CONF).exists();
    let was_ours = |port: &u16| remembered.is_some_and(|memory| memory.layout.ports.contains(port));
    let ports = memory.layout.ports.iter();
    let problem = |port: &u16| -> Option<&str> {
        match (memory.is_formed, has_conf(*port)) {
            (true, false) => Some("is missing, and the cluster cannot be found again without it"),
            (false, true) if !was_ours(port) => {
                Some("belongs to a node that was not started from here; give another --dir")
            }
            _ => None,
        }
    };
    ports
        .filter_map(|port| {
            let file = dir.node_dir(*port).join(NODES_CONF);
            Some(Mistake::Obstacle(format!("{} {}", file.display(), problem(port)?)))
        })
        .collect()
}

fn door_ports(config: &Config) -> impl Iterator<Item = u16> {
    let addrs: [Option<SocketAddr>; 2] = [Some(config.listen.addr), config.admin.addr];
    addrs.into_iter().flatten().map(|addr| addr.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn every_wrong_number_is_named_with_its_range() {
        let args = StartArgs {
            shards: some("0"),
            replicas: some("many"),
            node_port_base: some("60000"),
            ..StartArgs::default()
        };
        let mut mistakes = Vec::new();
        assert_eq!(Wishes::read(&args, &mut mistakes), Wishes::default());
        let lines: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
        assert_eq!(
            lines,
            [
                "--shards 0: expected a number, 1 to 100",
                "--replicas many: expected a number, 0 to 5",
                "--node-port-base 60000: expected a number, 1 to 55535",
            ]
        );
    }

    #[test]
    fn flags_may_repeat_what_the_directory_holds_but_not_contradict_it() {
        let shape = Shape { shards: 1, replicas: 1 };
        let layout = Layout { shape, ports: vec![7005, 7006] };
        let dir = Path::new("d");
        let same = Wishes { shards: Some(1), replicas: Some(1), node_port_base: Some(7005) };
        assert_eq!(same.contradictions(&layout, dir), []);
        assert_eq!(Wishes::default().contradictions(&layout, dir), []);
        let other = Wishes { shards: Some(3), node_port_base: Some(7000), ..same };
        let lines: Vec<String> =
            other.contradictions(&layout, dir).iter().map(Mistake::to_string).collect();
        assert_eq!(
            lines,
            [
                "--shards 3: the cluster in d has 1 shards; leave the flag out, or give another --dir",
                "--node-port-base 7000: the cluster in d has 7005 as its first node port; \
                 leave the flag out, or give another --dir",
            ]
        );
    }

    #[test]
    fn a_directory_whose_nodes_are_strangers_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temp.path()).unwrap();
        let shape = Shape { shards: 1, replicas: 0 };
        let layout = Layout { shape, ports: vec![7000] };
        let [new, formed] =
            [false, true].map(|is_formed| Memory { layout: layout.clone(), is_formed });
        assert_eq!(strangers(&dir, &new, None), []);
        assert_eq!(strangers(&dir, &formed, Some(&formed)).len(), 1);
        std::fs::create_dir(dir.node_dir(7000)).unwrap();
        std::fs::write(dir.node_dir(7000).join(NODES_CONF), "").unwrap();
        assert_eq!(strangers(&dir, &new, None).len(), 1);
        assert_eq!(strangers(&dir, &new, Some(&new)), []);
        assert_eq!(strangers(&dir, &formed, Some(&formed)), []);
    }
}
