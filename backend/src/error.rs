//! Why a node could not start, and how the system's own reasons are told.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// What ended a node that should have served.
#[derive(Debug, Error)]
pub enum RunError {
    /// The working directory of the settings cannot be entered.
    #[error("cannot enter directory {dir}")]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file that the settings name cannot be opened or written.
    #[error("cannot open {purpose} {file}")]
    File {
        /// What it is for, such as `log file`.
        purpose: &'static str,
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// An address is taken, or cannot be had.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address or the unix socket's path.
        addr: String,
        /// The system's reason.
        source: io::Error,
    },
    /// Neither a TCP port nor a unix socket is configured.
    #[error("configured to listen nowhere")]
    NoListener,
    /// The runtime or its signal handlers could not be set up.
    #[error("cannot set up the event loop")]
    Runtime(#[source] io::Error),
    /// The file of users cannot be read or has mistakes; carries all of them.
    #[error("cannot load users: {0}")]
    Users(String),
    /// What was kept on disk cannot be read; carries why.
    #[error("cannot load data: {0}")]
    Load(String),
    /// The cluster part of the node could not start; carries its own words.
    #[error("cluster: {0}")]
    Cluster(String),
}

/// What the system says of a failure, in its words alone, as replies have them.
pub(crate) fn system_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
