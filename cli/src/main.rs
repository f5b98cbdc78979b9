//! The one binary: `reddoor` runs a cluster of bundled nodes and its front door, `reddoor proxy` the front door
//! alone, `reddoor node` one node.
//!
//! | module | what it holds |
//! |---|---|
//! | [`args`] | what can be typed |
//! | [`exit`] | how the process ends |
//! | [`supervisor`] | nodes as processes, and the front door before them |
//! | [`front_door`] | settings, sockets and end of the front door |
//! | [`node`] | one node in this process |
//! | [`ports`] | is this address free? |
//! | [`signals`] | Ctrl-C and SIGTERM |
//! | [`log`] | where log lines go |
//! | [`report`] | what is printed when all runs |

mod args;

mod exit;

mod supervisor;

mod front_door;

mod node;

mod ports;

mod signals;

mod log;

mod report;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return exit::report_usage(&error),
    };
    let result = match &cli.command {
        None => supervisor::run(&cli.start),
        Some(Command::Proxy(args)) => front_door::run(args),
        Some(Command::Node { args }) => node::run(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
