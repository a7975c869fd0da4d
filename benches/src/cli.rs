//! The command line.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use lexopt::Arg::{Long, Short, Value};
use lexopt::ValueExt;

use crate::compare::CompareArgs;
use crate::load::LoadConfig;

pub const USAGE: &str = "\
swoole-bench: load generator and side-by-side measurements

swoole-bench load [OPTIONS]     closed-loop echo load on a running server, every byte verified
  --addr ADDRESS:PORT           default 127.0.0.1:9501; only 127.0.0.0/8
  --connections N               default 100
  --size BYTES                  of one message, like 64, 64k or 1m; default 64
  --pipeline N                  requests under way per connection; default 1
  --seconds S                   default 5, after half a second to warm up

swoole-bench compare --ours FILE [OPTIONS]    starts PHP servers with an extension and measures
  --ours FILE                   the swoole.so to measure
  --peer FILE                   another swoole.so to measure in turn with it
  --php PROGRAM                 default php
  --filter WORDS                only scenarios whose names contain all the words; may be repeated
  --variant plain|default       plain (default) sets enable_coroutine to false
  --rounds N                    default 3
  --seconds S                   of one echo measurement; default 3
  --patience S                  waits so long per scenario for a quiet machine; default 30
  --limit S                     begins no further round after so long; default 3600
  --script FILE                 the PHP server; default benches/echo.php
  --scripts FOLDER              scripts that measure themselves; default benches/php

swoole-bench list               the names of the scenarios
";

/// The scripts of `benches/php`.
pub const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/php");

const SECONDS_MAX: f64 = 3600.0;
const ROUNDS_MAX: u32 = 100;

#[derive(Debug, PartialEq)]
pub enum Command {
    Help,
    List,
    Load {
        config: LoadConfig,
        seconds: f64,
    },
    Compare(CompareArgs),
    /// For the program's own use: run a command that ends when `parent` does.
    GuardedExec {
        parent: i32,
        command: Vec<OsString>,
    },
}

/// Reads the arguments, the first of which is the program's name.
pub fn parse<I>(arguments: I) -> Result<Command>
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let mut parser = lexopt::Parser::from_iter(arguments);
    match parser.next()? {
        None | Some(Long("help") | Short('h')) => Ok(Command::Help),
        Some(Value(word)) => match word.to_str() {
            Some("help") => Ok(Command::Help),
            Some("list") => Ok(Command::List),
            Some("load") => load(parser),
            Some("compare") => compare(parser),
            Some("guarded-exec") => guarded_exec(&mut parser),
            _ => bail!("unknown command {word:?}; try --help"),
        },
        Some(other) => Err(other.unexpected().into()),
    }
}

fn load(mut parser: lexopt::Parser) -> Result<Command> {
    let mut config = LoadConfig {
        addr: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9501),
        connections: 100,
        size_bytes: 64,
        pipeline: 1,
    };
    let mut load_seconds = 5.0;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("addr") => config.addr = parser.value()?.parse()?,
            Long("connections") => config.connections = parser.value()?.parse()?,
            Long("size") => config.size_bytes = size(&parser.value()?.string()?)?,
            Long("pipeline") => config.pipeline = parser.value()?.parse()?,
            Long("seconds") => load_seconds = seconds(&parser.value()?.string()?)?,
            Long("help") | Short('h') => return Ok(Command::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Load {
        config,
        seconds: load_seconds,
    })
}

fn compare(mut parser: lexopt::Parser) -> Result<Command> {
    let mut ours = None;
    let mut args = CompareArgs {
        ours: PathBuf::new(),
        peer: None,
        php: "php".into(),
        script: concat!(env!("CARGO_MANIFEST_DIR"), "/echo.php").into(),
        scripts: SCRIPTS.into(),
        variant: "plain".into(),
        filters: Vec::new(),
        rounds: 3,
        seconds: 3.0,
        patience_s: 30,
        limit_s: 3600,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("ours") => ours = Some(PathBuf::from(parser.value()?)),
            Long("peer") => args.peer = Some(parser.value()?.into()),
            Long("php") => args.php = parser.value()?.into(),
            Long("script") => args.script = parser.value()?.into(),
            Long("scripts") => args.scripts = parser.value()?.into(),
            Long("variant") => args.variant = parser.value()?.string()?,
            Long("filter") => args.filters.push(parser.value()?.string()?),
            Long("rounds") => args.rounds = parser.value()?.parse()?,
            Long("seconds") => args.seconds = seconds(&parser.value()?.string()?)?,
            Long("patience") => args.patience_s = parser.value()?.parse()?,
            Long("limit") => args.limit_s = parser.value()?.parse()?,
            Long("help") | Short('h') => return Ok(Command::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    args.ours = ours.context("compare needs --ours FILE; try --help")?;
    if !["plain", "default"].contains(&args.variant.as_str()) {
        bail!("--variant is plain or default, not {}", args.variant);
    }
    if args.rounds == 0 || args.rounds > ROUNDS_MAX {
        bail!("--rounds is 1 to {ROUNDS_MAX}, not {}", args.rounds);
    }
    Ok(Command::Compare(args))
}

fn guarded_exec(parser: &mut lexopt::Parser) -> Result<Command> {
    let parent = parser.value()?.parse()?;
    let command = parser.raw_args()?.collect();
    Ok(Command::GuardedExec { parent, command })
}

/// A size in bytes: digits, and k or m (also kb, kib, mb, mib) for 1024 or 1024 x 1024.
fn size(text: &str) -> Result<usize> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &lower[digits.len()..] {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1024,
        "m" | "mb" | "mib" => 1024 * 1024,
        unit => bail!("unknown unit {unit} in the size {text}: use k or m"),
    };
    let number: usize = digits.parse().with_context(|| format!("the size {text}"))?;
    match number.checked_mul(factor) {
        Some(bytes @ 1..=0x4000_0000) => Ok(bytes),
        _ => bail!("a size is 1 byte to 1024m, not {text}"),
    }
}

fn seconds(text: &str) -> Result<f64> {
    let value: f64 = text.parse().with_context(|| format!("seconds: {text}"))?;
    if !(value > 0.0 && value <= SECONDS_MAX) {
        bail!("--seconds is more than 0 and at most {SECONDS_MAX}, not {text}");
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Result<Command> {
        parse(std::iter::once("swoole-bench").chain(line.split_whitespace()))
    }

    #[test]
    fn load_with_all_options() {
        let line = "load --addr 127.0.0.2:80 --connections 7 --size 64k --seconds 0.5 --pipeline 3";
        let Command::Load { config, seconds } = command(line).unwrap() else {
            panic!("not a load");
        };
        assert_eq!(config.addr.to_string(), "127.0.0.2:80");
        assert_eq!((config.connections, config.pipeline), (7, 3));
        assert_eq!((config.size_bytes, seconds), (65_536, 0.5));
    }

    #[test]
    fn compare_defaults_and_filters() {
        let line = "compare --ours a.so --filter=base --filter memory --variant default";
        let Command::Compare(args) = command(line).unwrap() else {
            panic!("not a comparison");
        };
        assert_eq!(args.ours, PathBuf::from("a.so"));
        assert_eq!((args.peer, args.rounds, args.seconds), (None, 3, 3.0));
        assert_eq!(args.filters, ["base", "memory"]);
        assert_eq!(args.variant, "default");
        assert!(args.script.ends_with("echo.php"));
    }

    #[test]
    fn the_guard_takes_the_rest_as_it_is() {
        let expected = Command::GuardedExec {
            parent: 12,
            command: ["php", "-n", "--ri", "x"].map(OsString::from).to_vec(),
        };
        assert_eq!(command("guarded-exec 12 php -n --ri x").unwrap(), expected);
    }

    #[test]
    fn refused() {
        for line in [
            "walk",
            "compare",
            "compare --ours a --rounds 0",
            "compare --ours a --variant fast",
            "load --seconds 0",
            "load --seconds NaN",
            "load --size 0",
            "load --size 5q",
            "load --size 99999999999999999999",
            "load --size 2048m",
            "load --addr localhost",
            "load --connections -1",
            "load --nothing",
        ] {
            assert!(command(line).is_err(), "{line}");
        }
    }

    #[test]
    fn sizes() {
        let sizes = ["64", "64b", "64K", "1MiB"].map(|text| size(text).unwrap());
        assert_eq!(sizes, [64, 64, 65_536, 1_048_576]);
    }
}
