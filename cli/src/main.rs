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
//! | [`daemon`] | one node in the background |
//! | [`activation`] | sockets that a service manager has opened |
//! | [`ports`] | is this address free? |
//! | [`attendant`] | what is asked of a front door while it runs |
//! | [`reload`] | settings read anew |
//! | [`take_over`] | one front door in the place of another |
//! | [`doctor`] | what a running front door has seen that a cluster would refuse |
//! | [`control`] | where a running front door is found and asked |
//! | [`signals`] | Ctrl-C, SIGTERM and SIGHUP |
//! | [`log`] | where log lines go |
//! | [`report`] | what is printed when all runs |

mod args;

mod exit;

mod supervisor;

mod front_door;

mod node;

mod daemon;

mod activation;

mod ports;

mod attendant;

mod reload;

mod take_over;

mod doctor;

mod control;

mod signals;

mod log;

mod report;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command, ProxyAction, typed};

fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(typed()) {
        Ok(cli) => cli,
        Err(error) => return exit::report_usage(&error),
    };
    let result = match &cli.command {
        None => supervisor::run(&cli.start),
        Some(Command::Proxy(args)) => match &args.action {
            None => front_door::run(args),
            Some(ProxyAction::Reload(args)) => reload::run(args),
        },
        Some(Command::Node { args }) => node::run(args),
        Some(Command::Doctor(args)) => doctor::run(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
