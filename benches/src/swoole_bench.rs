//! swoole-bench: see README.md in this folder, and `swoole-bench --help`.
#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use swoole_bench::cli::{self, Command, USAGE};
use swoole_bench::interrupt::Interrupt;
use swoole_bench::load::{Load, LoadConfig};
use swoole_bench::scenario::SCENARIOS;
use swoole_bench::stats::{figure, thousands};
use swoole_bench::{compare, limits, scripts, server};

const WARM_UP: Duration = Duration::from_millis(500);
const DRAIN_LIMIT: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // With standard error gone there is nobody left to tell.
            let _ = writeln!(std::io::stderr(), "swoole-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `Ok(false)` if the command ran but what it found is a failure.
fn run() -> Result<bool> {
    let command = cli::parse(std::env::args_os())?;
    let mut out = std::io::stdout().lock();
    match command {
        Command::Help => write!(out, "{USAGE}")?,
        Command::List => {
            for scenario in SCENARIOS {
                writeln!(out, "{}", scenario.name)?;
            }
            for script in scripts::find(cli::SCRIPTS.as_ref(), &[])? {
                let name = script.file_stem().unwrap_or_default();
                writeln!(out, "php {}", name.to_string_lossy())?;
            }
        }
        Command::Load { config, seconds } => return load(&config, seconds, &mut out),
        Command::Compare(args) => {
            return compare::run(&args, &Interrupt::install()?, &mut out);
        }
        Command::GuardedExec { parent, command } => {
            bail!(server::guarded_exec(parent, &command));
        }
    }
    Ok(true)
}

fn load(config: &LoadConfig, seconds: f64, out: &mut dyn Write) -> Result<bool> {
    limits::allow_connections(config.connections)?;
    let mut load = Load::connect(config, &Interrupt::install()?)?;
    load.run(WARM_UP)?;
    let report = load.run(Duration::from_secs_f64(seconds))?;
    load.drain(DRAIN_LIMIT)?;
    let after = load.report(report.elapsed);
    writeln!(
        out,
        "{} requests in {:.2} s: {} requests/s, p50 {} us, p99 {} us, {} errors",
        thousands(report.requests as f64),
        report.elapsed.as_secs_f64(),
        thousands(report.requests_per_s()),
        figure(report.p50_us),
        figure(report.p99_us),
        after.errors
    )?;
    if let Some(first) = &after.first_error {
        writeln!(out, "first error: {first}")?;
    }
    Ok(after.errors == 0 && report.requests > 0)
}
