//! PHP scripts that measure themselves: each prints lines `NAME VALUE UNIT`, where a unit that ends in
//! "/s" is the better the more, and any other the less.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::interrupt::Interrupt;
use crate::server::Program;
use crate::stats::{Pair, figure, median};

/// A script that takes longer is ended.
const SCRIPT_LIMIT: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(10);

/// One line of a script.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub name: String,
    pub value: f64,
    pub unit: String,
}

/// The scripts whose names contain all words of one of the filters; a filter has "php" as a word.
pub fn find(folder: &Path, filters: &[String]) -> Result<Vec<PathBuf>> {
    let mut scripts = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        let is_php = path.extension().is_some_and(|extension| extension == "php");
        if is_php && (filters.is_empty() || filters.iter().any(|f| matches(&path, f))) {
            scripts.push(path);
        }
    }
    scripts.sort();
    Ok(scripts)
}

fn matches(path: &Path, filter: &str) -> bool {
    let name = format!("php {}", title(path));
    filter.split_whitespace().all(|word| name.contains(word))
}

fn title(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// Runs one script with each program in turn, and prints its table. `Ok(false)`: it was not finished.
pub fn compare(
    script: &Path,
    programs: &[&Program],
    rounds: u32,
    interrupt: &Interrupt,
    out: &mut dyn Write,
) -> Result<bool> {
    let mut order: Vec<(String, String)> = Vec::new();
    let mut pairs: BTreeMap<String, Pair> = BTreeMap::new();
    let mut problem = None;
    'rounds: for round in 1..=rounds {
        for (index, program) in programs.iter().enumerate() {
            let figures = match run(program, script, interrupt) {
                Ok(figures) => figures,
                Err(error) => {
                    let side = if index == 0 { "ours" } else { "peer" };
                    problem = Some(format!("{side}, round {round}: {error:#}"));
                    break 'rounds;
                }
            };
            for figure in figures {
                if !pairs.contains_key(&figure.name) {
                    order.push((figure.name.clone(), figure.unit));
                }
                let pair = pairs.entry(figure.name).or_default();
                let side = if index == 0 {
                    &mut pair.ours
                } else {
                    &mut pair.peer
                };
                side.push(figure.value);
            }
        }
    }
    writeln!(out, "\nphp {}", title(script))?;
    for (name, unit) in &order {
        let pair = pairs.get(name).cloned().unwrap_or_default();
        let show = |values: &[f64]| median(values).map_or_else(|| "-".to_owned(), figure);
        write!(out, "  {name:<44} {:>12} {unit}", show(&pair.ours))?;
        if programs.len() > 1 {
            write!(out, "   peer {:>12}", show(&pair.peer))?;
            if let Some(ratio) = pair.ratio() {
                write!(out, "   ratio {ratio:.2}x")?;
            }
        }
        writeln!(out)?;
    }
    if let Some(problem) = &problem {
        writeln!(out, "  not finished: {problem}")?;
    }
    Ok(problem.is_none())
}

fn run(program: &Program, script: &Path, interrupt: &Interrupt) -> Result<Vec<Figure>> {
    let mut child = Command::new(&program.php)
        .args(program.php_arguments()?)
        .args(["-d", "memory_limit=-1", "-d", "error_reporting=8191"])
        .arg(script)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", program.php.display()))?;
    let stdout = child.stdout.take();
    // Read by a thread of its own, so that a full pipe does not stop the script.
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.map_or(Ok(0), |mut pipe| pipe.read_to_string(&mut text))?;
        std::io::Result::Ok(text)
    });
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let stop = interrupt.check();
        if stop.is_err() || start.elapsed() > SCRIPT_LIMIT {
            child.kill()?;
            child.wait()?;
            stop?;
            bail!("{} takes longer than {SCRIPT_LIMIT:?}", script.display());
        }
        std::thread::sleep(LOOK);
    };
    let text = reader
        .join()
        .map_err(|_| anyhow::anyhow!("reading its output"))??;
    if !status.success() {
        bail!("{} ended with {status}: {}", script.display(), text.trim());
    }
    let figures: Vec<Figure> = text.lines().map(parse).collect::<Result<_>>()?;
    if figures.is_empty() {
        bail!("{} printed nothing", script.display());
    }
    Ok(figures)
}

/// `NAME VALUE UNIT`; the name may contain spaces.
fn parse(line: &str) -> Result<Figure> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let (Some(unit), Some(value)) = (words.pop(), words.pop()) else {
        bail!("not a figure: {line}");
    };
    let value: f64 = value
        .parse()
        .with_context(|| format!("not a figure: {line}"))?;
    if words.is_empty() || !value.is_finite() {
        bail!("not a figure: {line}");
    }
    Ok(Figure {
        name: words.join(" "),
        value,
        unit: unit.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_figures() {
        let parsed = parse("table set, 4 processes 1234.5 /s").unwrap();
        assert_eq!(parsed.name, "table set, 4 processes");
        assert_eq!((parsed.value, parsed.unit.as_str()), (1234.5, "/s"));
        for bad in ["", "x", "1 ns", "PHP Warning: what", "x NaN ns"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn filters_are_words() {
        let path = Path::new("benches/php/timer.php");
        assert!(matches(path, "php") && matches(path, "timer") && matches(path, "php timer"));
        assert!(!matches(path, "base") && !matches(path, "php table"));
    }
}
