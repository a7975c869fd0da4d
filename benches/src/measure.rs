//! One measurement: one scenario against one server.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::interrupt::Interrupt;
use crate::load::{Load, LoadConfig, LoadReport};
use crate::proctree::{self, Member};
use crate::scenario::{Metric, Scenario, Work};
use crate::server::{Program, Server};

/// From this share of all CPUs on, other programs may have bent the figures.
const FOREIGN_BUSY: f64 = 0.05;
const DRAIN_LIMIT: Duration = Duration::from_secs(20);
const ACCEPT_LIMIT: Duration = Duration::from_secs(20);
const MEMORY_SIZE_BYTES: usize = 64;
/// Memory counts as settled after so many equal looks, so far apart.
const SETTLED_LOOKS: usize = 4;
const LOOK_PAUSE: Duration = Duration::from_millis(100);
const SETTLE_LIMIT: Duration = Duration::from_secs(10);
const COUNT_PAUSE: Duration = Duration::from_millis(20);
/// Memory may move by so much between two looks and still count as settled.
const SETTLED_WITHIN_BYTES: u64 = 16 * 1024;

/// The figures of one measurement, and what may have bent them.
#[derive(Clone, Debug)]
pub struct Sample {
    pub figures: Vec<(Metric, f64)>,
    /// Share of one CPU that the load generator took; near 1 it may be what limits the rate.
    pub generator_share: Option<f64>,
    /// Share of all CPUs that neither the server nor the generator took, while both were busy.
    pub foreign_share: Option<f64>,
    /// False if the server had to be killed at the end.
    pub stopped_gracefully: bool,
}

impl Sample {
    /// Whether other programs took so much of the CPUs that the figures may be bent.
    pub fn is_disturbed(&self) -> bool {
        self.foreign_share
            .is_some_and(|share| share >= FOREIGN_BUSY)
    }
}

/// Starts the server, measures, stops the server.
pub fn measure(
    scenario: &Scenario,
    program: &Program,
    duration: Duration,
    interrupt: &Interrupt,
) -> Result<Sample> {
    let mut server = Server::start(program, scenario.shape, interrupt)?;
    let outcome = match scenario.work {
        Work::Echo {
            connections,
            size_bytes,
        } => {
            let config = config(&server, connections, size_bytes);
            echo(&server, &config, duration, interrupt)
        }
        Work::Memory { connections } => {
            let config = config(&server, connections, MEMORY_SIZE_BYTES);
            memory(&server, &config, interrupt)
        }
    };
    let mut sample = outcome.with_context(|| format!("the server wrote: {}", server.said()))?;
    sample.stopped_gracefully = server.stop()?;
    Ok(sample)
}

fn config(server: &Server, connections: usize, size_bytes: usize) -> LoadConfig {
    LoadConfig {
        addr: server.addr,
        connections,
        size_bytes,
        pipeline: 1,
    }
}

/// CPU times at one moment, in seconds.
struct CpuTimes {
    at: Instant,
    server: f64,
    generator: f64,
    machine: f64,
}

impl CpuTimes {
    fn now(server: &Server) -> Result<CpuTimes> {
        Ok(CpuTimes {
            at: Instant::now(),
            server: proctree::cpu_s(&server.members()?),
            generator: proctree::own_cpu_s()?,
            machine: proctree::machine_busy_s()?,
        })
    }
}

fn echo(
    server: &Server,
    config: &LoadConfig,
    duration: Duration,
    interrupt: &Interrupt,
) -> Result<Sample> {
    let mut load = Load::connect(config, interrupt)?;
    let warm_up_ms = if config.connections < 1000 { 500 } else { 1500 };
    load.run(Duration::from_millis(warm_up_ms))?;
    let before = CpuTimes::now(server)?;
    let report = load.run(duration)?;
    let after = CpuTimes::now(server)?;
    load.drain(DRAIN_LIMIT)?;
    check(&load.report(report.elapsed))?;
    if report.requests == 0 {
        bail!("no request was answered in {} s", duration.as_secs_f64());
    }
    let server_s = after.server - before.server;
    let generator_s = after.generator - before.generator;
    let wall_s = (after.at - before.at).as_secs_f64();
    let cpus = thread::available_parallelism().map_or(1, |n| n.get()) as f64;
    let foreign_s = after.machine - before.machine - server_s - generator_s;
    Ok(Sample {
        figures: vec![
            (Metric::RequestsPerS, report.requests_per_s()),
            (Metric::P50Us, report.p50_us),
            (Metric::P99Us, report.p99_us),
            (
                Metric::CpuUsPerRequest,
                server_s * 1e6 / report.requests as f64,
            ),
        ],
        generator_share: Some(generator_s / wall_s),
        foreign_share: Some((foreign_s / wall_s / cpus).max(0.0)),
        stopped_gracefully: true,
    })
}

fn memory(server: &Server, config: &LoadConfig, interrupt: &Interrupt) -> Result<Sample> {
    let empty = settled(server, interrupt)?;
    let mut load = Load::connect(config, interrupt)?;
    wait_for_fds(server, empty.fds + config.connections, interrupt)?;
    let idle = settled(server, interrupt)?;
    let report = load.once_each(DRAIN_LIMIT)?;
    check(&report)?;
    let used = settled(server, interrupt)?;
    let per_connection = |look: &Look| {
        let growth = look.pss_bytes as f64 - empty.pss_bytes as f64;
        growth / 1024.0 / config.connections as f64
    };
    Ok(Sample {
        figures: vec![
            (Metric::IdleKibPerConnection, per_connection(&idle)),
            (Metric::UsedKibPerConnection, per_connection(&used)),
            (Metric::EmptyKib, empty.pss_bytes as f64 / 1024.0),
        ],
        generator_share: None,
        foreign_share: None,
        stopped_gracefully: true,
    })
}

fn check(report: &LoadReport) -> Result<()> {
    match &report.first_error {
        None => Ok(()),
        Some(first) => bail!("{} connections failed; {first}", report.errors),
    }
}

struct Look {
    pss_bytes: u64,
    fds: usize,
}

fn look(members: &[Member]) -> Result<Look> {
    Ok(Look {
        pss_bytes: proctree::pss_bytes(members)?,
        fds: proctree::fd_count(members)?,
    })
}

/// The server's memory once it no longer moves, or after a limit.
fn settled(server: &Server, interrupt: &Interrupt) -> Result<Look> {
    let deadline = Instant::now() + SETTLE_LIMIT;
    let mut last = look(&server.members()?)?;
    let mut equal = 0;
    while equal < SETTLED_LOOKS && Instant::now() < deadline {
        interrupt.check()?;
        thread::sleep(LOOK_PAUSE);
        let next = look(&server.members()?)?;
        let still =
            next.fds == last.fds && next.pss_bytes.abs_diff(last.pss_bytes) <= SETTLED_WITHIN_BYTES;
        equal = if still { equal + 1 } else { 0 };
        last = next;
    }
    Ok(last)
}

/// The kernel finishes handshakes before the server takes the connections: waits until it has.
fn wait_for_fds(server: &Server, wanted: usize, interrupt: &Interrupt) -> Result<()> {
    let deadline = Instant::now() + ACCEPT_LIMIT;
    loop {
        interrupt.check()?;
        let fds = proctree::fd_count(&server.members()?).context("counting connections")?;
        if fds >= wanted {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!(
                "the server holds {fds} descriptors after {} s, not {wanted}",
                ACCEPT_LIMIT.as_secs()
            );
        }
        thread::sleep(COUNT_PAUSE);
    }
}
