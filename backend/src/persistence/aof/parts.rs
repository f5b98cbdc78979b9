//! Files of the directory of parts: begun, made known, given up.
//!
//! Invariant: the manifest on the disk names only files that are there, so a part is made before it is named, and
//! named no more before it is removed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::settings::Settings;
use crate::durable::{put_in_place, sync_directory_of};
use crate::node::Node;
use crate::persistence::aof::manifest::{Manifest, ManifestError, Part};
use crate::persistence::aof::{State, directory};

use thiserror::Error;

/// Why the parts cannot be had.
#[derive(Debug, Error)]
pub(crate) enum PartsError {
    #[error("{path}: {source}")]
    System { path: PathBuf, source: io::Error },
    #[error("Bad file format reading the append only file manifest {path}: {source}")]
    Manifest { path: PathBuf, source: ManifestError },
}

fn manifest_path(settings: &Settings) -> PathBuf {
    directory(settings).join(format!("{}.manifest", settings.disk.append_name))
}

/// Reads the manifest; an empty one if there is none. A single file of a Redis before 7 becomes the base.
pub(in crate::persistence) fn read_manifest(settings: &Settings) -> Result<Manifest, PartsError> {
    let path = manifest_path(settings);
    let manifest = match fs::read(&path) {
        Ok(text) => {
            Manifest::parse(&text).map_err(|source| PartsError::Manifest { path, source })?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Manifest::default(),
        Err(source) => return Err(PartsError::System { path, source }),
    };
    let is_upgrade = match &manifest.base {
        None => manifest.increments.is_empty(),
        // A crash came between the manifest, which is written first, and the file's move.
        Some(base) => {
            base.name == settings.disk.append_name
                && manifest.increments.is_empty()
                && !directory(settings).join(&base.name).exists()
        }
    };
    if is_upgrade { take_over_single_file(settings, manifest) } else { Ok(manifest) }
}

/// Moves the one file that a Redis before 7 had into the directory, as its base.
fn take_over_single_file(
    settings: &Settings,
    mut manifest: Manifest,
) -> Result<Manifest, PartsError> {
    let name = settings.disk.append_name.clone();
    let (old, new) = (settings.dir.join(&name), directory(settings).join(&name));
    if !old.is_file() && !new.is_file() {
        return Ok(manifest);
    }
    if manifest.base.is_none() {
        manifest.set_base(Part { name, seq: 1 });
    }
    let system = |source| PartsError::System { path: new.clone(), source };
    make_directory(settings).map_err(system)?;
    write_manifest(settings, &manifest).map_err(system)?;
    if old.is_file() {
        put_in_place(&old, &new).map_err(system)?;
        tracing::info!(
            "Successfully migrated an old-style AOF configuration ({}) into the AOF directory.",
            settings.disk.append_name
        );
    }
    Ok(manifest)
}

pub(super) fn make_directory(settings: &Settings) -> io::Result<()> {
    let path = directory(settings);
    fs::create_dir_all(&path)?;
    sync_directory_of(&path)
}

/// Puts a manifest in its place.
pub(super) fn write_manifest(settings: &Settings, manifest: &Manifest) -> io::Result<()> {
    let path = manifest_path(settings);
    let temporary =
        directory(settings).join(format!("temp-{}.manifest", settings.disk.append_name));
    let file = File::create(&temporary)?;
    io::Write::write_all(&mut &file, manifest.to_text().as_bytes())?;
    file.sync_all()?;
    put_in_place(&temporary, &path)
}

/// Begins an increment; a file of this name that nobody knows is left from a crash.
pub(super) fn create_increment(settings: &Settings, part: &Part) -> io::Result<File> {
    let path = directory(settings).join(&part.name);
    let file = OpenOptions::new().create(true).append(true).open(&path)?;
    file.set_len(0)?;
    sync_directory_of(&path)?;
    Ok(file)
}

/// Bytes of a part; none if it is not there.
pub(super) fn bytes_of(settings: &Settings, part: &Part) -> u64 {
    fs::metadata(directory(settings).join(&part.name)).map_or(0, |file| file.len())
}

impl Node {
    /// Appends to this file from now on.
    pub(super) fn append_to(&mut self, file: File, file_bytes: u64) {
        let aof = &mut self.persistence.aof;
        aof.file = Some(Arc::new(file));
        aof.file_bytes = file_bytes;
        // A reader begins each part in database 0, but may come from another part.
        aof.selected = None;
    }

    /// After the data was read at the start: opens the last increment, or begins a base and one.
    pub(crate) fn open_append(&mut self) -> io::Result<()> {
        make_directory(self.config.settings())?;
        if self.persistence.aof.manifest.is_empty() {
            self.create_base()?;
        }
        let settings = self.config.settings();
        let manifest = &mut self.persistence.aof.manifest;
        let (file, bytes) = match manifest.increments.last() {
            Some(part) => {
                let path = directory(settings).join(&part.name);
                let file = OpenOptions::new().create(true).append(true).open(path)?;
                let bytes = file.metadata()?.len();
                (file, bytes)
            }
            None => {
                let part = manifest.next_increment(&settings.disk.append_name);
                tracing::info!("Creating AOF incr file {} on server start", part.name);
                let file = create_increment(settings, &part)?;
                manifest.add_increment(part);
                write_manifest(settings, manifest)?;
                (file, 0)
            }
        };
        self.append_to(file, bytes);
        let total = self.persistence.aof.manifest.parts();
        let total = total.map(|part| bytes_of(self.config.settings(), part)).sum();
        self.persistence.aof.bytes_total = total;
        self.persistence.aof.bytes_base = total;
        self.remove_history();
        self.set_append_state(State::On);
        Ok(())
    }

    /// Writes the first base, of what there is.
    fn create_base(&mut self) -> io::Result<()> {
        let settings = self.config.settings();
        let disk = &settings.disk;
        let part = self.persistence.aof.manifest.next_base(&disk.append_name, disk.has_preamble);
        tracing::info!("Creating AOF base file {} on server start", part.name);
        let temporary = directory(settings).join(format!("temp-{}", part.name));
        self.write_base_to(&temporary, &mut |_| {})?;
        put_in_place(&temporary, &directory(settings).join(&part.name))?;
        self.persistence.aof.manifest.set_base(part);
        Ok(())
    }

    /// Removes parts that nobody needs any more. What cannot be removed stays history.
    pub(crate) fn remove_history(&mut self) {
        let settings = self.config.settings();
        let manifest = &mut self.persistence.aof.manifest;
        if manifest.history.is_empty() || settings.disk.keeps_history {
            return;
        }
        manifest.history.retain(|part| {
            tracing::info!("Removing the history file {} in the background", part.name);
            !is_gone(&directory(settings).join(&part.name))
        });
        if let Err(error) = write_manifest(settings, manifest) {
            // It names parts that are gone, which a reader does not look for.
            tracing::warn!("Writing the AOF manifest failed: {error}");
        }
    }
}

fn is_gone(path: &Path) -> bool {
    match fs::remove_file(path) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}
