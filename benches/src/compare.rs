//! Runs the scenarios, both sides in turn, and prints the tables.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::interrupt::Interrupt;
use crate::limits;
use crate::measure::{Sample, measure};
use crate::report::{Outcome, render};
use crate::scenario::{SCENARIOS, Scenario};
use crate::server::Program;

/// From this share of one CPU on, the generator may be what limits the rate.
const GENERATOR_BUSY: f64 = 0.95;
/// From this share of all CPUs on, other programs may have bent the figures.
const FOREIGN_BUSY: f64 = 0.05;

#[derive(Clone, Debug, PartialEq)]
pub struct CompareArgs {
    pub ours: PathBuf,
    pub peer: Option<PathBuf>,
    pub php: PathBuf,
    pub script: PathBuf,
    pub variant: String,
    pub filters: Vec<String>,
    pub rounds: u32,
    pub seconds: f64,
    /// After so long no further round is begun.
    pub limit_s: u64,
}

/// Which extension a round is for.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Ours,
    Peer,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Side::Ours => "ours",
            Side::Peer => "peer",
        }
    }
}

/// `Ok(true)` if all that was asked for was measured.
pub fn run(args: &CompareArgs, interrupt: &Interrupt, out: &mut dyn Write) -> Result<bool> {
    let scenarios: Vec<&Scenario> = SCENARIOS
        .iter()
        .filter(|row| row.matches(&args.filters))
        .collect();
    let most = scenarios.iter().map(|row| row.connections()).max();
    let Some(most) = most else {
        bail!("no scenario matches the filter; `swoole-bench list` names them");
    };
    limits::allow_connections(most)?;
    let programs = programs(args)?;
    for (side, program) in &programs {
        let extension = program.extension.display();
        let description = program.describe()?;
        writeln!(out, "{}: {extension} ({description})", side.name())?;
    }
    writeln!(out, "{}", machine(args))?;

    let deadline = Instant::now() + Duration::from_secs(args.limit_s);
    let mut outcomes = Vec::new();
    let mut complete = true;
    for scenario in scenarios {
        let mut outcome = Outcome::new(scenario);
        if let Err(error) = rounds(args, &programs, deadline, interrupt, &mut outcome) {
            outcome.remarks.push(format!("not finished: {error:#}"));
            complete = false;
        }
        outcomes.push(outcome);
        if interrupt.is_set() {
            break;
        }
    }
    let with_peer = args.peer.is_some();
    write!(out, "\n{}", render(&outcomes, with_peer))?;
    if with_peer {
        writeln!(
            out,
            "ratio: ours / peer, the median of {} rounds",
            args.rounds
        )?;
    }
    Ok(complete)
}

fn programs(args: &CompareArgs) -> Result<Vec<(Side, Program)>> {
    let program = |extension: &Path| -> Result<Program> {
        let extension = extension.canonicalize();
        Ok(Program {
            php: args.php.clone(),
            extension: extension.context("looking for the extension")?,
            script: args.script.clone(),
            variant: args.variant.clone(),
        })
    };
    let mut programs = vec![(
        Side::Ours,
        program(&args.ours).context(args.ours.display().to_string())?,
    )];
    if let Some(peer) = &args.peer {
        programs.push((
            Side::Peer,
            program(peer).context(peer.display().to_string())?,
        ));
    }
    Ok(programs)
}

fn machine(args: &CompareArgs) -> String {
    let cpus = std::thread::available_parallelism().map_or(1, |n| n.get());
    let model = procfs_cpu_model().unwrap_or_else(|| "unknown CPU".into());
    format!(
        "{cpus} x {model}, shared with the load generator; {} rounds of {} s; variant {}",
        args.rounds, args.seconds, args.variant
    )
}

fn procfs_cpu_model() -> Option<String> {
    use procfs::{CpuInfo, Current};
    CpuInfo::current().ok()?.model_name(0).map(str::to_owned)
}

/// All rounds of one scenario: ours, peer, ours, peer, ...
fn rounds(
    args: &CompareArgs,
    programs: &[(Side, Program)],
    deadline: Instant,
    interrupt: &Interrupt,
    outcome: &mut Outcome,
) -> Result<()> {
    let scenario = outcome.scenario;
    let duration = Duration::from_secs_f64(args.seconds);
    for round in 1..=args.rounds {
        let mut samples = Vec::new();
        for (side, program) in programs {
            interrupt.check()?;
            if Instant::now() > deadline {
                bail!("the time limit of {} s is over", args.limit_s);
            }
            let sample = measure(&scenario, program, duration, interrupt)
                .with_context(|| format!("{}, round {round}", side.name()))?;
            progress(&scenario, *side, round, &sample);
            note(outcome, *side, round, &sample);
            samples.push((*side, sample));
        }
        // Only rounds that both sides finished count: ratios pair neighbours.
        for (side, sample) in samples {
            for (metric, value) in sample.figures {
                let pair = outcome.pairs.entry(metric).or_default();
                match side {
                    Side::Ours => pair.ours.push(value),
                    Side::Peer => pair.peer.push(value),
                }
            }
        }
    }
    Ok(())
}

/// A line on standard error, as a whole run takes minutes.
fn progress(scenario: &Scenario, side: Side, round: u32, sample: &Sample) {
    let figures: Vec<String> = sample
        .figures
        .iter()
        .map(|(metric, value)| format!("{} {value:.2}", metric.title()))
        .collect();
    // Nobody reading along is no reason to stop.
    let _ = writeln!(
        std::io::stderr(),
        "{}, round {round}, {}: {}",
        scenario.name,
        side.name(),
        figures.join(", ")
    );
}

fn note(outcome: &mut Outcome, side: Side, round: u32, sample: &Sample) {
    let mut remark = |text: String| {
        let text = format!("{}, round {round}: {text}", side.name());
        outcome.remarks.push(text);
    };
    if let Some(share) = sample.generator_share.filter(|s| *s >= GENERATOR_BUSY) {
        let percent = share * 100.0;
        remark(format!(
            "the load generator used {percent:.0}% of a CPU and may be the limit"
        ));
    }
    if let Some(share) = sample.foreign_share.filter(|s| *s >= FOREIGN_BUSY) {
        let percent = share * 100.0;
        remark(format!("other programs used {percent:.0}% of the CPUs"));
    }
    if !sample.stopped_gracefully {
        remark("did not end on SIGTERM and was killed".into());
    }
}
