//! `DEBUG` subcommands that end the process, some to begin anew.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::thread;
use std::time::Duration;

use reddoor_protocol::reply_error::ReplyError;
use rustix::process::Signal;

use crate::commands::argument::integer;
use crate::config::rewrite::Extent;
use crate::config::settings::disk::ShutdownMode;
use crate::crash;
use crate::execute::Call;

/// The process ends by SIGABRT, with a core dump where the system makes one.
pub(super) fn abort(call: &mut Call<'_>) -> Result<(), ReplyError> {
    tracing::error!("DEBUG {} called", String::from_utf8_lossy(call.arg(1)).to_uppercase());
    crash::end_by(Signal::ABORT)
}

/// The process ends by SIGSEGV, as by a broken pointer.
pub(super) fn segfault(_: &mut Call<'_>) -> Result<(), ReplyError> {
    crash::end_by(Signal::SEGV)
}

/// `DEBUG RESTART [milliseconds]`: writes settings and data first.
pub(super) fn restart(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let delay = delay(call)?;
    if let Some(file) = call.node.config.file()
        && let Err(error) = call.node.config.rewrite(file, Extent::Changed, &call.node.acl.lines())
    {
        tracing::warn!("Can't restart: configuration rewrite process failed: {error}");
        return Err(FAILED);
    }
    if !call.node.prepare_for_shutdown(ShutdownMode::default()) {
        tracing::warn!("Can't restart: error preparing for shutdown");
        return Err(FAILED);
    }
    begin_anew(delay)
}

/// `DEBUG CRASH-AND-RECOVER [milliseconds]`: whatever was not written is lost.
pub(super) fn crash_and_recover(call: &mut Call<'_>) -> Result<(), ReplyError> {
    begin_anew(delay(call)?)
}

const FAILED: ReplyError =
    ReplyError::from_static("ERR failed to restart the server. Check server logs.");

fn delay(call: &Call<'_>) -> Result<Duration, ReplyError> {
    let ms = call.args.get(2).map_or(Ok(0), integer)?;
    Ok(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
}

/// Puts a new process with the same arguments in the place of this one, under its number.
fn begin_anew(delay: Duration) -> Result<(), ReplyError> {
    thread::sleep(delay);
    let executable = env::current_exe().map_err(|error| {
        tracing::warn!("Can't restart: this process has no executable I can name: {error}");
        FAILED
    })?;
    let mut args = env::args_os();
    let mut command = Command::new(executable);
    if let Some(name) = args.next() {
        command.arg0(name);
    }
    // Comes back only if it fails; all that this process has open closes with it.
    let error = command.args(args).exec();
    tracing::warn!("Can't restart: {error}");
    Err(FAILED)
}
