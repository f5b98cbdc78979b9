//! Settings read anew: by the running front door, and `reddoor proxy reload`, which asks one to.
//!
//! Invariant: all that can change is put in force, or nothing if there is any mistake.

use std::io::{self, Read};
use std::net::SocketAddr;

use reddoor_proxy::config::Config;
use reddoor_proxy::config::error::ConfigError;
use reddoor_proxy::config::reload::Change;
use reddoor_proxy::front_door::Running;
use tracing::{info, warn};

use crate::args::{DoorArgs, ReloadArgs};
use crate::control::caller::Caller;
use crate::control::finder;
use crate::control::{PATIENCE, Request};
use crate::exit::{Failure, Mistake};
use crate::front_door;
use crate::report;

/// The first line of the answer when the settings are in force.
const DONE: &str = "done";

/// The first line of the answer when they are wrong.
const REFUSED: &str = "refused";

/// The longest answer that is read (bytes): hundreds of settings, each with its longest value.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// Where a front door's settings come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    /// The flags.
    pub(crate) args: &'a DoorArgs,
    /// The nodes, where they are not a setting.
    pub(crate) seeds: Option<&'a str>,
}

impl Source<'_> {
    /// Reads all layers.
    pub(crate) fn read(&self) -> Result<Config, Vec<ConfigError>> {
        front_door::settings(self.args, self.seeds)
    }
}

/// Reads the settings anew and puts them in force. What comes of it is logged, too.
///
/// # Errors
/// Every mistake; what was in force still is.
pub(crate) fn reload(
    running: &Running,
    source: Source<'_>,
) -> Result<Vec<Change>, Vec<ConfigError>> {
    match source.read() {
        Ok(config) => {
            let changes = running.reload(config);
            info!(changes = changes.len(), "settings read anew");
            changes.iter().for_each(|change| info!(setting = %change, "changed"));
            Ok(changes)
        }
        Err(errors) => {
            warn!(
                mistakes = errors.len(),
                "settings read anew are wrong, and none is put in force"
            );
            errors.iter().for_each(|error| warn!(%error, "mistake"));
            Err(errors)
        }
    }
}

/// Answers a caller who asked for it.
///
/// # Errors
/// The caller is gone.
pub(crate) async fn answer(
    mut caller: Caller,
    running: &Running,
    source: Source<'_>,
) -> io::Result<()> {
    let (first, lines) = match reload(running, source) {
        Ok(changes) => (DONE, changes.iter().map(ToString::to_string).collect()),
        Err(errors) => (REFUSED, errors.iter().map(ToString::to_string).collect::<Vec<_>>()),
    };
    let lines = lines.iter().map(|line| format!("{line}\n"));
    caller.tell(&format!("{first}\n{}", lines.collect::<String>())).await
}

/// `reddoor proxy reload`: asks a running front door, and prints what changed.
pub(crate) fn run(args: &ReloadArgs) -> Result<(), Failure> {
    let addr = finder::find(args.listen.as_deref()).map_err(|why| Failure::Refused(vec![why]))?;
    let text = ask(addr).map_err(|error| {
        let line = format!("the front door at {addr} cannot be asked: {error}");
        Failure::Refused(vec![Mistake::Obstacle(line)])
    })?;
    let (first, lines) = text.split_once('\n').unwrap_or_default();
    match first {
        DONE if lines.is_empty() => report::print("nothing to change\n"),
        DONE => report::print(lines),
        REFUSED => {
            let mistakes = lines.lines().map(|line| Mistake::Setting(line.to_owned()));
            return Err(Failure::Refused(mistakes.collect()));
        }
        _ => return Err(anyhow::anyhow!("the front door at {addr} ended in its answer").into()),
    }
    Ok(())
}

fn ask(addr: SocketAddr) -> io::Result<String> {
    let stream = finder::ask(addr, Request::Reload)?;
    // It may be busy with another caller first.
    stream.set_read_timeout(Some(4 * PATIENCE))?;
    let mut text = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}
