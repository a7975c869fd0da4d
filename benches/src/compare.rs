//! Runs the scenarios, both sides in turn, and prints the tables.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::interrupt::Interrupt;
use crate::limits;
use crate::measure::{Sample, measure};
use crate::proctree::machine_busy_s;
use crate::report::{Outcome, render};
use crate::scenario::{SCENARIOS, Scenario};
use crate::scripts;
use crate::server::Program;

/// From this share of one CPU on, the generator may be what limits the rate.
const GENERATOR_BUSY: f64 = 0.95;
/// The machine counts as quiet if it idles but for this share over one look.
const QUIET: f64 = 0.05;
const QUIET_LOOK: Duration = Duration::from_millis(200);
/// Rounds of one scenario that are measured again because other programs took too much CPU.
const REPEATS_MAX: u32 = 3;

#[derive(Clone, Debug, PartialEq)]
pub struct CompareArgs {
    pub ours: PathBuf,
    pub peer: Option<PathBuf>,
    pub php: PathBuf,
    pub script: PathBuf,
    /// Where the scripts are that measure themselves.
    pub scripts: PathBuf,
    pub variant: String,
    pub filters: Vec<String>,
    pub rounds: u32,
    pub seconds: f64,
    /// How long, per scenario, to wait for other programs to leave the CPUs alone.
    pub patience_s: u64,
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
    let php_scripts = scripts::find(&args.scripts, &args.filters)?;
    if scenarios.is_empty() && php_scripts.is_empty() {
        bail!("no scenario matches the filter; `swoole-bench list` names them");
    }
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
    if !outcomes.is_empty() {
        write!(out, "\n{}", render(&outcomes, with_peer))?;
    }
    let sides: Vec<&Program> = programs.iter().map(|(_, program)| program).collect();
    for script in &php_scripts {
        if interrupt.is_set() || Instant::now() > deadline {
            complete = false;
            break;
        }
        let mut patience = Duration::from_secs(args.patience_s);
        wait_for_quiet(&mut patience, interrupt)?;
        complete &= scripts::compare(script, &sides, args.rounds, interrupt, out)?;
    }
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
    limits::allow_connections(scenario.connections())?;
    let duration = Duration::from_secs_f64(args.seconds);
    let mut repeats_left = REPEATS_MAX;
    let mut patience = Duration::from_secs(args.patience_s);
    let mut round = 1;
    while round <= args.rounds {
        wait_for_quiet(&mut patience, interrupt)?;
        let mut samples = Vec::new();
        for (side, program) in programs {
            interrupt.check()?;
            if Instant::now() > deadline {
                bail!("the time limit of {} s is over", args.limit_s);
            }
            let sample = measure(&scenario, program, duration, interrupt)
                .with_context(|| format!("{}, round {round}", side.name()))?;
            progress(&scenario, *side, round, &sample);
            samples.push((*side, sample));
        }
        let disturbed = samples.iter().any(|(_, sample)| sample.is_disturbed());
        if disturbed && repeats_left > 0 {
            repeats_left -= 1;
            continue;
        }
        // Only rounds that both sides finished count: ratios pair neighbours.
        for (side, sample) in samples {
            note(outcome, side, round, &sample);
            for (metric, value) in sample.figures {
                let pair = outcome.pairs.entry(metric).or_default();
                match side {
                    Side::Ours => pair.ours.push(value),
                    Side::Peer => pair.peer.push(value),
                }
            }
        }
        round += 1;
    }
    Ok(())
}

/// Returns when the machine idles, or when `patience`, of which the wait is taken, is used up.
fn wait_for_quiet(patience: &mut Duration, interrupt: &Interrupt) -> Result<()> {
    let cpus = std::thread::available_parallelism().map_or(1, |n| n.get()) as f64;
    while *patience > Duration::ZERO {
        interrupt.check()?;
        let (start, busy_s) = (Instant::now(), machine_busy_s()?);
        std::thread::sleep(QUIET_LOOK);
        let busy_s = machine_busy_s()? - busy_s;
        if busy_s / cpus / start.elapsed().as_secs_f64() < QUIET {
            return Ok(());
        }
        *patience = patience.saturating_sub(start.elapsed());
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
    let share = |title: &str, share: Option<f64>| {
        share.map_or_else(String::new, |s| format!(", {title} {:.0}%", s * 100.0))
    };
    // Nobody reading along is no reason to stop.
    let _ = writeln!(
        std::io::stderr(),
        "{}, round {round}, {}: {}{}{}",
        scenario.name,
        side.name(),
        figures.join(", "),
        share("generator", sample.generator_share),
        share("other programs", sample.foreign_share),
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
    if let Some(share) = sample.foreign_share.filter(|_| sample.is_disturbed()) {
        let percent = share * 100.0;
        remark(format!("other programs used {percent:.0}% of the CPUs"));
    }
    if !sample.stopped_gracefully {
        remark("did not end on SIGTERM and was killed".into());
    }
}
