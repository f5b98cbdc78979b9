//! Network namespaces: a node with an address of its own, at a cable that can be cut.
//!
//! All of a test's are at one bridge, to which this machine is connected, too. Needs root and `ip`.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::guard;

/// The bridge of this process: its name, and the first three numbers of every address at it. `None` where there cannot
/// be one.
static BRIDGE: LazyLock<Option<(String, String)>> = LazyLock::new(build_bridge);

/// See the module.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    /// The end of its cable that is at the bridge.
    cable: String,
    ip: String,
}

impl Namespace {
    /// Makes one; `None`, said aloud, on a machine that does not allow it.
    ///
    /// # Panics
    /// There are more than 250.
    pub fn create() -> Option<Namespace> {
        static NEXT: AtomicU8 = AtomicU8::new(2);
        let Some((bridge, net)) = &*BRIDGE else {
            eprintln!("PASSED OVER: no network namespaces on this machine, so nothing was cut off");
            return None;
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!((2..250).contains(&number), "too many namespaces");
        let name = format!("{bridge}n{number}");
        let (cable, ip) = (format!("{bridge}c{number}"), format!("{net}.{number}"));
        guard::undo_at_end(&format!("ip netns del {name} 2>/dev/null"));
        for line in [
            format!("netns add {name}"),
            format!("link add {cable} type veth peer name eth0 netns {name}"),
            format!("link set {cable} master {bridge} up"),
            format!("-n {name} addr add {ip}/24 dev eth0"),
            format!("-n {name} link set eth0 up"),
            format!("-n {name} link set lo up"),
        ] {
            assert!(ip_succeeds(&line), "ip {line}");
        }
        Some(Namespace { name, cable, ip })
    }

    /// Its address.
    pub fn ip(&self) -> &str {
        &self.ip
    }

    /// A command that runs what another one would, inside.
    pub fn command(&self, inner: &Command) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(inner.get_program());
        command.args(inner.get_args());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::null());
        command
    }

    /// Pulls the cable: what is sent either way is lost, and no connection ends.
    ///
    /// # Panics
    /// It cannot be pulled.
    pub fn cut(&self) {
        assert!(ip_succeeds(&format!("link set {} down", self.cable)), "a cable to be pulled");
    }

    /// Puts it in again.
    ///
    /// # Panics
    /// It cannot be put in.
    pub fn join(&self) {
        assert!(ip_succeeds(&format!("link set {} up", self.cable)), "a cable to be put in");
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Who runs inside keeps it alive; its cable goes at once.
        ip_succeeds(&format!("netns del {}", self.name));
    }
}

fn build_bridge() -> Option<(String, String)> {
    let id = std::process::id();
    let (name, net) = (format!("rd{}", id % 100_000), format!("10.211.{}", id % 250));
    let is_built = ip_succeeds(&format!("link add {name} type bridge"));
    guard::undo_at_end(&format!("ip link del {name} 2>/dev/null"));
    let is_up = is_built
        && ip_succeeds(&format!("addr add {net}.1/24 dev {name}"))
        && ip_succeeds(&format!("link set {name} up"))
        && ip_succeeds(&format!("netns add {name}n0"))
        && ip_succeeds(&format!("netns del {name}n0"));
    is_up.then_some((name, net))
}

fn ip_succeeds(line: &str) -> bool {
    let mut command = Command::new("ip");
    command.args(line.split(' ').map(OsStr::new)).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
