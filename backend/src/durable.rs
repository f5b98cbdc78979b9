//! Files that are still there after a crash: a name is only as safe as its directory is synced.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Puts a file, which has been synced, in its place.
///
/// # Errors
/// It may be in its place or not, and what was there before is whole.
pub(crate) fn put_in_place(aside: &Path, place: &Path) -> io::Result<()> {
    fs::rename(aside, place)?;
    sync_directory_of(place)
}

/// Makes the names in a file's directory survive.
///
/// # Errors
/// The system does not sync it.
pub(crate) fn sync_directory_of(path: &Path) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir)?.sync_all()
}
