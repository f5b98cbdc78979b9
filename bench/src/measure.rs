//! One measured run: a scenario on a target.
//!
//! The processor time of the target's process is read right before redis-benchmark starts and right
//! after it ended; the difference divided by the operations it did is the figure compared. Opening
//! and closing the client connections is inside the interval, for every target alike.

use std::cell::Cell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::csv::{self, Figures};
use crate::find;
use crate::guard;
use crate::process::run_to_end;
use crate::resp::{Client, Reply, encode};
use crate::scenario::{Dataset, Load, SMALL, Scenario, Work};
use crate::target::Running;
use crate::usage::{CpuClock, resident_bytes};

/// The slowest rate a run may have, operations per second, before it is given up.
const RATE_MIN: u64 = 1_000;
/// Time for redis-benchmark to start and to open its connections.
const CONNECT_TIME: Duration = Duration::from_secs(20);
/// Part of the operations that a warm-up runs.
const WARM_UP_DIVISOR: u64 = 5;
/// Bytes of commands sent before their replies are read; the replies fit in the socket's buffers.
const FILL_CHUNK_BYTES: usize = 64 * 1024;

/// What one run gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// What redis-benchmark said; `None` where only memory is measured.
    pub(crate) figures: Option<Figures>,
    /// Processor time of the target's process per operation, microseconds.
    pub(crate) cpu_us_per_op: Option<f64>,
    /// The most resident memory seen during the run, bytes.
    pub(crate) resident_bytes: u64,
}

/// Runs scenarios on targets.
#[derive(Debug)]
pub(crate) struct Meter {
    redis_benchmark: PathBuf,
    folder: PathBuf,
    clock: CpuClock,
    ops: u64,
}

impl Meter {
    /// `ops` is the base that scenarios scale from.
    ///
    /// # Errors
    /// No redis-benchmark.
    pub(crate) fn new(folder: &Path, ops: u64) -> Result<Self> {
        let redis_benchmark = find::on_path("redis-benchmark")
            .context("redis-benchmark is not on PATH (Debian package redis-tools)")?;
        Ok(Self { redis_benchmark, folder: folder.to_owned(), clock: CpuClock::detect(), ops })
    }

    /// Where processor time is read from.
    pub(crate) fn clock(&self) -> CpuClock {
        self.clock
    }

    /// Fills in the data a scenario needs, checks one reply, and runs a part of the load unmeasured.
    ///
    /// # Errors
    /// The target answers wrongly or not at all.
    pub(crate) fn prepare(&self, scenario: &Scenario, running: &mut Running) -> Result<()> {
        match &scenario.work {
            Work::Hold => fill_once(running, &SMALL),
            Work::Send(load) => {
                if let Some(dataset) = load.dataset {
                    fill_once(running, dataset)?;
                }
                if let Some((commands, count)) = load.setup {
                    set_up(running, load, commands, count)?;
                }
                let reply = Client::connect(running.port)?.call(&load.example())?;
                if !load.accepts(&reply) {
                    bail!("the reply to {} is {}", load.example()[0], shorten(&reply));
                }
                let ops = load.ops(self.ops / WARM_UP_DIVISOR, scenario.clients);
                self.run_load(scenario, load, ops, running).map(drop)
            }
        }
    }

    /// Measures one run.
    ///
    /// # Errors
    /// The target or redis-benchmark failed; the message says how.
    pub(crate) fn run(&self, scenario: &Scenario, running: &Running) -> Result<Sample> {
        match &scenario.work {
            Work::Hold => hold(scenario.clients, running),
            Work::Send(load) => {
                let ops = load.ops(self.ops, scenario.clients);
                self.run_load(scenario, load, ops, running)
            }
        }
    }

    fn run_load(
        &self,
        scenario: &Scenario,
        load: &Load,
        ops: u64,
        running: &Running,
    ) -> Result<Sample> {
        let pid = running.pid();
        let resident = Cell::new(resident_bytes(pid)?);
        let before = self.clock.read(pid)?;
        let text = self.benchmark(&arguments(scenario, load, ops, running.port), ops, || {
            // A target that ended meanwhile is noticed by the reading that follows.
            resident.set(resident.get().max(resident_bytes(pid).unwrap_or(0)));
        })?;
        let spent = self.clock.read(pid)?.saturating_sub(before);
        Ok(Sample {
            figures: Some(csv::parse(&text)?),
            cpu_us_per_op: Some(spent.as_secs_f64() * 1e6 / ops as f64),
            resident_bytes: resident.get(),
        })
    }

    /// Runs redis-benchmark and gives back what it printed.
    ///
    /// # Errors
    /// It does not end well, or not in time for so many operations.
    pub(crate) fn benchmark(
        &self,
        args: &[String],
        ops: u64,
        watch: impl FnMut(),
    ) -> Result<String> {
        // Files, not pipes: nobody has to read them while it runs.
        let (out, err) = (self.folder.join("benchmark.out"), self.folder.join("benchmark.err"));
        let child = guard::command(&self.redis_benchmark)
            .args(args)
            .stdin(Stdio::null())
            .stdout(File::create(&out)?)
            .stderr(File::create(&err)?)
            .spawn()
            .context("cannot start redis-benchmark")?;
        let timeout = CONNECT_TIME + Duration::from_secs(ops / RATE_MIN);
        let status = run_to_end(child, timeout, watch).context("redis-benchmark")?;
        let text = fs::read_to_string(&out)?;
        if !status.success() {
            let complaint = fs::read_to_string(&err)? + &text;
            let line = complaint.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("");
            bail!("redis-benchmark ended with {status}: {line}");
        }
        Ok(text)
    }
}

/// The version of the load generator, for the report.
pub(crate) fn load_generator_version() -> String {
    Command::new("redis-benchmark")
        .arg("--version")
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

fn arguments(scenario: &Scenario, load: &Load, ops: u64, port: u16) -> Vec<String> {
    let options = [
        ("-h", "127.0.0.1".to_owned()),
        ("-p", port.to_string()),
        ("-c", scenario.clients.to_string()),
        ("-n", ops.to_string()),
        ("-P", load.pipeline.to_string()),
        ("-r", load.keys_count().to_string()),
    ];
    let options = options.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]);
    options.chain(["--csv".to_owned()]).chain(load.template()).collect()
}

/// Connects the clients, lets each read one key, and looks at memory while all are connected.
fn hold(clients: u32, running: &Running) -> Result<Sample> {
    let key = format!("{}{:012}", SMALL.prefix, 0);
    let mut held = Vec::new();
    for _ in 0..clients {
        let mut client = Client::connect(running.port)?;
        client.expect(&["GET", key.as_str()])?;
        held.push(client);
    }
    let resident_bytes = resident_bytes(running.pid())?;
    drop(held);
    Ok(Sample { figures: None, cpu_us_per_op: None, resident_bytes })
}

/// Stores every key of a data set through the target, unless that was done before.
fn fill_once(running: &mut Running, dataset: &Dataset) -> Result<()> {
    if running.filled.contains(&dataset.prefix) {
        return Ok(());
    }
    let value = "v".repeat(dataset.value_bytes);
    let mut client = Client::connect(running.port)?;
    let (mut requests, mut pending) = (Vec::new(), 0);
    for number in 0..dataset.keys_count {
        let key = format!("{}{number:012}", dataset.prefix);
        encode(&mut requests, &["SET", &key, &value]);
        pending += 1;
        if requests.len() >= FILL_CHUNK_BYTES || number + 1 == dataset.keys_count {
            client.send(&requests)?;
            for _ in 0..pending {
                match client.receive()? {
                    Reply::Simple(_) => {}
                    other => bail!("the reply to SET is {}", shorten(&other)),
                }
            }
            requests.clear();
            pending = 0;
        }
    }
    running.filled.push(dataset.prefix);
    Ok(())
}

/// Clears the key of a scenario and sends what is to be in it.
fn set_up(running: &Running, load: &Load, commands: &[&[&str]], count: u32) -> Result<()> {
    let mut client = Client::connect(running.port)?;
    for (index, command) in commands.iter().enumerate() {
        let command = load.filled_in(command);
        if index == 0 {
            client.call(&["DEL".to_owned(), command[1].clone()])?;
        }
        for _ in 0..count {
            if let Reply::Error(error) = client.call(&command)? {
                bail!("the reply to {} is {error}", command[0]);
            }
        }
    }
    Ok(())
}

/// A reply for an error message; values can be long.
fn shorten(reply: &Reply) -> String {
    format!("{reply:?}").chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::SCENARIOS;

    #[test]
    fn redis_benchmark_is_given_options_first_and_then_the_command() {
        let scenario = SCENARIOS.iter().find(|s| s.name == "get-p16").unwrap();
        let Work::Send(load) = &scenario.work else { panic!("get-p16 sends GET") };
        let line = arguments(scenario, load, 8_000, 7001).join(" ");
        assert_eq!(
            line,
            "-h 127.0.0.1 -p 7001 -c 50 -n 8000 -P 16 -r 100000 --csv GET key:__rand_int__"
        );
    }
}
