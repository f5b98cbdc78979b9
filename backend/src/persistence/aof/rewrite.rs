//! A new base, written by a child, and the increment that goes with it.
//!
//! 1. A new increment is begun and named in the manifest; effects go there from now on.
//! 2. The child writes the data of this moment aside.
//! 3. When it is done, the manifest names its file as the base and the new increment; everything else is history.
//!
//! If the child fails, the old base and all increments still make the data: the next rewrite gives them up together.
//! Switched on while the node serves, the file has no base yet, so the increment is named with the first one.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::clock;
use crate::config::settings::disk::AppendSync;
use crate::data::rdb::file::write::write;
use crate::durable::put_in_place;
use crate::execute::Origin;
use crate::node::Node;
use crate::persistence::aof::append::{self, Urgency};
use crate::persistence::aof::{State, commands, directory, parts};
use crate::persistence::child::{self, Work, Working};
use crate::persistence::save::{Steady, facts};
use crate::propagate::Consumer;

/// Rewrites by themselves are tried again at once so often (count), and then after growing pauses.
const FAILURES_UNLIMITED: u64 = 3;

/// Longest such pause, in minutes.
const PAUSE_MAX_MIN: u64 = 60;

/// What the child of this number writes the base under.
pub(in crate::persistence) fn temporary_in(dir: &Path, pid: u32) -> PathBuf {
    dir.join(format!("temp-rewriteaof-bg-{pid}.aof"))
}

impl Node {
    pub(in crate::persistence) fn set_append_state(&mut self, state: State) {
        self.persistence.aof.state = state;
        self.want_effects(Consumer::AppendOnlyFile, state != State::Off);
    }

    /// Switches appending on or off, as the settings have changed. What a transaction switches on begins behind it.
    ///
    /// # Errors
    /// The first rewrite cannot begin. It has been logged.
    pub(crate) fn follow_append_setting(&mut self, origin: Origin<'_>) -> io::Result<()> {
        let (wanted, state) = (self.config.settings().disk.appends, self.persistence.aof.state);
        if wanted && state == State::Off {
            self.start_append(origin)
        } else {
            if !wanted && state != State::Off {
                self.stop_append();
            }
            Ok(())
        }
    }

    /// Begins the file anew, after all data was replaced by another node's. It is tried until it succeeds.
    pub(crate) fn restart_append(&mut self) {
        if self.persistence.aof.state != State::Off {
            self.stop_append();
            if self.start_append(Origin::Replay).is_err() {
                self.set_append_state(State::WaitsForRewrite);
                self.persistence.aof.is_rewrite_scheduled = true;
            }
        }
    }

    fn start_append(&mut self, origin: Origin<'_>) -> io::Result<()> {
        let work = self.persistence.child.as_ref().map(|child| child.work);
        if matches!(work, Some(Work::Rewrite)) {
            child::kill(self);
        }
        self.set_append_state(State::WaitsForRewrite);
        if self.persistence.child.is_some() {
            tracing::info!(
                "AOF was enabled but there is already another background operation. An AOF background was \
                 scheduled to start when possible."
            );
            self.persistence.aof.is_rewrite_scheduled = true;
            return Ok(());
        }
        if origin == Origin::Transaction {
            tracing::info!(
                "AOF was enabled during a transaction. An AOF background was scheduled to start when possible."
            );
            self.persistence.aof.is_rewrite_scheduled = true;
            return Ok(());
        }
        self.rewrite_in_child().inspect_err(|_| self.set_append_state(State::Off))
    }

    fn stop_append(&mut self) {
        self.commit_appended();
        let work = self.persistence.child.as_ref().map(|child| child.work);
        if work == Some(Work::Rewrite) {
            child::kill(self);
        }
        self.set_append_state(State::Off);
        self.drop_first_increment();
        let aof = &mut self.persistence.aof;
        aof.close();
        (aof.bytes_total, aof.is_rewrite_scheduled) = (0, false);
    }

    /// Begins a rewrite. There must be no child.
    ///
    /// # Errors
    /// Nothing has changed. It has been logged.
    pub(crate) fn rewrite_in_child(&mut self) -> io::Result<()> {
        self.persistence.aof.is_rewrite_scheduled = false;
        self.persistence.aof.rewrite.tried_at_s = clock::unix_ms() / 1000;
        let begun = self.begin_rewrite();
        if let Err(error) = &begun {
            tracing::warn!("Can't rewrite append only file in background: {error}");
            let aof = &mut self.persistence.aof;
            aof.rewrite.is_ok = false;
            aof.failures_count += 1;
            aof.is_rewrite_scheduled = aof.state == State::WaitsForRewrite;
        }
        begun
    }

    fn begin_rewrite(&mut self) -> io::Result<()> {
        parts::make_directory(self.config.settings())?;
        if self.persistence.aof.state != State::Off {
            self.begin_increment()?;
        }
        child::begin(self, Work::Rewrite, &[], |node, report| {
            let dir = directory(node.config.settings());
            let path = temporary_in(&dir, std::process::id());
            node.write_base_to(&path, &mut |keys| report.keys(keys))
        })
    }

    /// Begins a new increment; what was appended before is in the one before, and on the disk.
    fn begin_increment(&mut self) -> io::Result<()> {
        self.commit_appended();
        if let Some(error) = &self.persistence.aof.write_error {
            return Err(io::Error::other(error.clone()));
        }
        let settings = self.config.settings();
        let aof = &self.persistence.aof;
        let part = aof.manifest.next_increment(&settings.disk.append_name);
        let file = parts::create_increment(settings, &part)?;
        tracing::info!("Creating AOF incr file {} on background rewrite", part.name);
        if aof.state == State::On {
            let mut manifest = aof.manifest.clone();
            manifest.add_increment(part);
            parts::write_manifest(settings, &manifest)?;
            self.persistence.aof.manifest = manifest;
        } else {
            self.persistence.aof.first_increment = Some(part);
        }
        self.append_to(file, 0);
        Ok(())
    }

    /// Writes a base to a file, and has it on the disk.
    pub(super) fn write_base_to(&self, path: &Path, report: &mut dyn FnMut(u64)) -> io::Result<()> {
        let disk = &self.config.settings().disk;
        let mut file = Steady::create(path, disk.syncs_rewrite_steadily)?;
        if disk.has_preamble {
            write(&self.content(&facts(true)), &mut file, report)?;
        } else {
            let libraries: Vec<_> = self.scripting.libraries.codes().collect();
            if disk.appends_times {
                file.write_all(append::annotation(clock::unix_ms() / 1000).as_bytes())?;
            }
            let pace = self.config.settings().rigs.saving;
            commands::write(&self.databases, &libraries, pace, &mut file, report)?;
        }
        file.close()
    }

    /// The child of a rewrite has ended.
    pub(in crate::persistence) fn end_rewrite(&mut self, child: &Working, is_done: bool) {
        let dir = directory(self.config.settings());
        let temporary = temporary_in(&dir, child.pid.as_raw_pid().cast_unsigned());
        let aof = &mut self.persistence.aof;
        aof.rewrite.took_s = Some(clock::unix_ms() / 1000 - child.began_at_s);
        aof.rewrite.copied_bytes = child.copied_peak;
        let result = if is_done { self.install_base(&temporary) } else { Ok(()) };
        if let Err(error) = &result {
            tracing::warn!("Error trying to put the rewritten AOF in place: {error}");
        }
        let is_done = is_done && result.is_ok();
        let aof = &mut self.persistence.aof;
        aof.rewrite.is_ok = is_done;
        if is_done {
            aof.rewrites_count += 1;
            aof.failures_count = 0;
            tracing::info!("Background AOF rewrite finished successfully");
        } else {
            aof.failures_count += 1;
            // It may not even have been made.
            let _ = fs::remove_file(&temporary);
            if aof.state == State::WaitsForRewrite {
                // What was appended needs the base that failed.
                self.drop_first_increment();
                let aof = &mut self.persistence.aof;
                aof.close();
                aof.is_rewrite_scheduled = true;
            }
        }
    }

    /// Removes the increment that no base will come for.
    fn drop_first_increment(&mut self) {
        let settings = self.config.settings();
        if let Some(part) = self.persistence.aof.first_increment.take() {
            tracing::info!("Removing the temp incr aof file {} in the background", part.name);
            // The next one of this name is begun empty.
            let _ = fs::remove_file(directory(settings).join(part.name));
        }
    }

    fn install_base(&mut self, temporary: &Path) -> io::Result<()> {
        let settings = self.config.settings();
        let disk = &settings.disk;
        let aof = &mut self.persistence.aof;
        let mut manifest = aof.manifest.clone();
        let part = manifest.next_base(&disk.append_name, disk.has_preamble);
        put_in_place(temporary, &directory(settings).join(&part.name))?;
        tracing::info!("Successfully renamed the temporary AOF base file into {}", part.name);
        manifest.set_base(part);
        match (aof.state, aof.first_increment.clone()) {
            (State::WaitsForRewrite, Some(increment)) => {
                // Parts of another time, when the file was on before.
                manifest.retire_all_increments();
                manifest.add_increment(increment);
            }
            (State::On, _) => manifest.retire_increments(),
            // A rewrite on demand while nothing is appended: the base holds it all.
            (State::Off | State::WaitsForRewrite, _) => manifest.retire_all_increments(),
        }
        parts::write_manifest(settings, &manifest)?;
        aof.manifest = manifest;
        aof.first_increment = None;
        let total = aof.manifest.parts().map(|part| parts::bytes_of(settings, part)).sum();
        (aof.bytes_total, aof.bytes_base) = (total, total);
        if aof.state == State::WaitsForRewrite {
            self.set_append_state(State::On);
        }
        self.remove_history();
        Ok(())
    }

    /// Whether the file has grown so much that it is to be rewritten, and by how much, in per cent.
    pub(in crate::persistence) fn growth_to_rewrite(&self) -> Option<u64> {
        let (disk, aof) = (&self.config.settings().disk, &self.persistence.aof);
        let is_due = aof.state == State::On
            && disk.rewrite_percent > 0
            && aof.bytes_total > disk.rewrite_bytes_min;
        if !is_due {
            return None;
        }
        let base = aof.bytes_base.max(1);
        let growth = (aof.bytes_total * 100 / base).saturating_sub(100);
        (growth >= disk.rewrite_percent).then_some(growth)
    }

    /// Whether rewrites fail so often that the next one has to wait: each begins a file. Logged once for each failure.
    pub(in crate::persistence) fn is_rewrite_limited(&mut self, now_s: i64) -> bool {
        let aof = &mut self.persistence.aof;
        let Some(doublings) = aof.failures_count.checked_sub(FAILURES_UNLIMITED) else {
            return false;
        };
        let minutes = 1u64.checked_shl(u32::try_from(doublings).unwrap_or(u32::MAX));
        let minutes = minutes.unwrap_or(PAUSE_MAX_MIN).min(PAUSE_MAX_MIN);
        let is_limited =
            now_s - aof.rewrite.tried_at_s < i64::try_from(minutes * 60).unwrap_or(i64::MAX);
        if is_limited && aof.limit_told_at != aof.failures_count {
            aof.limit_told_at = aof.failures_count;
            tracing::warn!(
                "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in {minutes} \
                 minutes"
            );
        }
        is_limited
    }

    /// Has everything that was appended on the disk, before the node ends.
    pub(in crate::persistence) fn close_append(&mut self) {
        if self.persistence.aof.state == State::Off {
            return;
        }
        tracing::info!("Calling fsync() on the AOF file.");
        self.write_unwritten(Urgency::Now);
        if self.config.settings().disk.append_sync != AppendSync::Always
            && let Some(file) = &self.persistence.aof.file
            && let Err(error) = file.sync_all()
        {
            tracing::warn!("Fail to fsync the AOF file: {error}.");
        }
    }
}
