//! A redis-server and a node, both on unix sockets.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::RwLock;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{env, fs};

use reddoor_backend::config::Config;
use tempfile::TempDir;

use crate::wire::Client;

/// Held while a process is started. Until it is another program it has all sockets of this one, so that nobody sees one
/// of them close; who looks whether one does takes it for reading.
pub(crate) static STARTING: RwLock<()> = RwLock::new(());

/// How long a server may take to begin.
const START_MAX: Duration = Duration::from_secs(90);

/// Both servers; they end with this value.
pub(crate) struct Pair {
    pub(crate) redis: PathBuf,
    pub(crate) node: PathBuf,
    /// A file of each server's own, which they may have been started with.
    pub(crate) files: [PathBuf; 2],
    child: Child,
    thread: Option<JoinHandle<()>>,
    _dir: TempDir,
}

impl Pair {
    /// Starts both; `None` where there is no redis-server to compare with.
    ///
    /// # Panics
    /// Without a redis-server under CI, and when one of them does not start.
    pub(crate) fn start() -> Option<Pair> {
        Pair::start_with("", |_| Vec::new())
    }

    /// As [`Pair::start`], each with a file of this text and with arguments that may name it.
    pub(crate) fn start_with(text: &str, own: fn(&str) -> Vec<String>) -> Option<Pair> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (redis, node) = (dir.path().join("redis.sock"), dir.path().join("node.sock"));
        let files = ["redis.file", "node.file"].map(|name| dir.path().join(name));
        files.iter().for_each(|file| fs::write(file, text).expect("written"));
        let own = files.each_ref().map(|file| own(&file.display().to_string()));
        let starting = STARTING.write().expect("no panic while it is held");
        let child = Command::new("redis-server")
            .args(&own[0])
            .args(arguments(&redis))
            .arg("--dir")
            .arg(dir.path())
            .stdout(Stdio::null())
            .spawn();
        drop(starting);
        let Ok(child) = child else {
            assert!(env::var_os("CI").is_none(), "no redis-server on PATH, and CI is set");
            eprintln!("SKIPPED: there is no redis-server on PATH to compare with");
            return None;
        };
        let config = Config::from_args(&[own[1].clone(), arguments(&node)].concat())
            .expect("the arguments are right");
        let thread = thread::spawn(move || reddoor_backend::run(config).expect("the node serves"));
        let pair = Pair { redis, node, files, child, thread: Some(thread), _dir: dir };
        [&pair.redis, &pair.node].into_iter().for_each(|path| wait_for(path));
        Some(pair)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        Client::connect(&self.node).send(&[b"SHUTDOWN".to_vec(), b"NOSAVE".to_vec()]);
        if let Some(thread) = self.thread.take() {
            // A panic of the node has been printed; this value may be dropped by one already.
            let _ = thread.join();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Small limits, so that random scripts meet them without moving gigabytes.
fn arguments(socket: &Path) -> Vec<String> {
    let mut args = vec!["--unixsocket".to_owned(), socket.display().to_string()];
    let directives = "--port 0 --enable-debug-command yes --proto-max-bulk-len 1mb";
    args.extend(directives.split(' ').map(str::to_owned));
    args.extend(["--save".to_owned(), String::new()]);
    args
}

fn wait_for(path: &Path) {
    let start = Instant::now();
    while std::os::unix::net::UnixStream::connect(path).is_err() {
        assert!(start.elapsed() < START_MAX, "{} does not serve", path.display());
        thread::yield_now();
    }
}
