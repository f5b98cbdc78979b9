//! What runs a script: an interpreter with the packages that `tests/frameworks/install` puts there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use reddoor_tests::redis_server::require;

/// An interpreter with its packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// Python with `requirements.txt`.
    Python,
    /// Python with `requirements-redis5.txt`.
    PythonRedis5,
    /// Node with `package.json`.
    Node,
    /// Ruby with what Debian has.
    Ruby,
}

/// Scripts and lists of packages.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("frameworks")
}

/// Where an environment of Python lies.
fn python(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/frameworks").join(name)
}

impl Program {
    /// Whether exactly the packages are there that the lists ask for. Says so aloud when they are not.
    ///
    /// # Panics
    /// They are not and the environment has `CI`.
    pub(crate) fn is_installed(self) -> bool {
        match self {
            Program::Python => has_packages(
                "the Python packages of tests/frameworks (tests/frameworks/install installs them)",
                "requirements.txt",
                &python("python").join("installed.txt"),
            ),
            Program::PythonRedis5 => has_packages(
                "the Python packages of tests/frameworks (tests/frameworks/install --all installs them)",
                "requirements-redis5.txt",
                &python("python-redis5").join("installed.txt"),
            ),
            Program::Node => has_packages(
                "the npm packages of tests/frameworks (tests/frameworks/install installs them)",
                "package.json",
                &scripts().join("node_modules/installed.json"),
            ),
            Program::Ruby => {
                let mut ruby = Command::new("ruby");
                ruby.args(["-e", "require 'sidekiq'"]).stderr(Stdio::null());
                let is_there = ruby.status().is_ok_and(|status| status.success());
                require("Ruby with sidekiq (apt-get install ruby-sidekiq)", is_there)
            }
        }
    }

    /// A command that runs a script with these arguments.
    pub(crate) fn command(self, script: &str, args: &[&str]) -> Command {
        let mut command = match self {
            Program::Python => Command::new(python("python").join("bin/python")),
            Program::PythonRedis5 => Command::new(python("python-redis5").join("bin/python")),
            Program::Node => Command::new("node"),
            Program::Ruby => Command::new("ruby"),
        };
        command.arg(scripts().join(script)).args(args);
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1");
        command
    }
}

/// Whether what was installed is what a list says today.
fn has_packages(what: &str, list: &str, installed: &Path) -> bool {
    let wanted = fs::read(scripts().join(list)).ok();
    require(what, wanted.is_some() && wanted == fs::read(installed).ok())
}
