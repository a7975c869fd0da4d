//! What is measured: a table of plain records. A new measurement is a row here, and, where it is
//! of a new kind, a variant of `Work` with its arm in measure.rs.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Process,
    Base,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Process => "process",
            Mode::Base => "base",
        })
    }
}

/// How the server is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub mode: Mode,
    pub workers: u32,
    /// Reactor threads; BASE mode has none and ignores it.
    pub reactors: u32,
}

/// What is done to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Closed-loop echo.
    Echo {
        connections: usize,
        size_bytes: usize,
    },
    /// Memory with so many idle connections, and after one 64-byte echo on each.
    Memory { connections: usize },
}

/// A figure that a scenario yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    RequestsPerS,
    P50Us,
    P99Us,
    CpuUsPerRequest,
    /// Memory of the server with no connection.
    EmptyKib,
    IdleKibPerConnection,
    UsedKibPerConnection,
}

impl Metric {
    pub fn title(self) -> &'static str {
        match self {
            Metric::RequestsPerS => "requests/s",
            Metric::P50Us => "p50 us",
            Metric::P99Us => "p99 us",
            Metric::CpuUsPerRequest => "CPU us/request",
            Metric::EmptyKib => "empty server KiB",
            Metric::IdleKibPerConnection => "idle KiB/connection",
            Metric::UsedKibPerConnection => "after an echo KiB/connection",
        }
    }
}

/// The project's aim for one figure, from ARCHITECTURE.md. Shown, never enforced: machines differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    None,
    RatioAtLeast(Metric, f64),
    RatioAtMost(Metric, f64),
    /// Memory is the same everywhere, so these are absolute.
    AtMost(Metric, f64, Metric, f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scenario {
    pub name: &'static str,
    pub shape: Shape,
    pub work: Work,
    pub goal: Goal,
}

impl Scenario {
    /// The figures that its work yields, in the order of the report.
    pub fn metrics(&self) -> &'static [Metric] {
        match self.work {
            Work::Echo { .. } => &[
                Metric::RequestsPerS,
                Metric::P50Us,
                Metric::P99Us,
                Metric::CpuUsPerRequest,
            ],
            Work::Memory { .. } => &[
                Metric::IdleKibPerConnection,
                Metric::UsedKibPerConnection,
                Metric::EmptyKib,
            ],
        }
    }

    pub fn connections(&self) -> usize {
        match self.work {
            Work::Echo { connections, .. } | Work::Memory { connections } => connections,
        }
    }

    /// Whether all words of any of `filters` are in the name; no filter takes everything.
    pub fn matches(&self, filters: &[String]) -> bool {
        filters.is_empty()
            || filters.iter().any(|filter| {
                filter
                    .split_whitespace()
                    .all(|word| self.name.contains(&word.to_lowercase()))
            })
    }
}

const fn process(workers: u32, reactors: u32) -> Shape {
    Shape {
        mode: Mode::Process,
        workers,
        reactors,
    }
}

const fn base(workers: u32) -> Shape {
    Shape {
        mode: Mode::Base,
        workers,
        reactors: 1,
    }
}

const fn echo(connections: usize, size_bytes: usize) -> Work {
    Work::Echo {
        connections,
        size_bytes,
    }
}

const fn row(name: &'static str, shape: Shape, work: Work, goal: Goal) -> Scenario {
    Scenario {
        name,
        shape,
        work,
        goal,
    }
}

const MEMORY: Work = Work::Memory { connections: 9_000 };
const RATE: Metric = Metric::RequestsPerS;
const MEMORY_GOAL: Goal = Goal::AtMost(
    Metric::IdleKibPerConnection,
    0.6,
    Metric::UsedKibPerConnection,
    1.0,
);
const KIB64: usize = 64 * 1024;

#[rustfmt::skip]
pub const SCENARIOS: &[Scenario] = &[
    row("process 2w2r echo 64b 1c",      process(2, 2), echo(1, 64),      Goal::RatioAtMost(Metric::P50Us, 0.8)),
    row("process 2w2r echo 64b 100c",    process(2, 2), echo(100, 64),    Goal::RatioAtLeast(RATE, 2.0)),
    row("process 2w2r echo 64b 10000c",  process(2, 2), echo(10_000, 64), Goal::None),
    row("process 2w2r echo 64kib 20c",   process(2, 2), echo(20, KIB64),  Goal::RatioAtLeast(RATE, 1.8)),
    row("process 1w1r echo 64b 1c",      process(1, 1), echo(1, 64),      Goal::None),
    row("process 1w1r echo 64b 100c",    process(1, 1), echo(100, 64),    Goal::RatioAtLeast(RATE, 2.1)),
    row("process 1w1r echo 64b 10000c",  process(1, 1), echo(10_000, 64), Goal::None),
    row("process 1w1r echo 64kib 20c",   process(1, 1), echo(20, KIB64),  Goal::None),
    row("base 1w echo 64b 1c",           base(1),       echo(1, 64),      Goal::None),
    row("base 1w echo 64b 100c",         base(1),       echo(100, 64),    Goal::RatioAtLeast(RATE, 1.0)),
    row("base 1w echo 64b 10000c",       base(1),       echo(10_000, 64), Goal::None),
    row("base 1w echo 64kib 20c",        base(1),       echo(20, KIB64),  Goal::None),
    row("base 2w echo 64b 1c",           base(2),       echo(1, 64),      Goal::None),
    row("base 2w echo 64b 100c",         base(2),       echo(100, 64),    Goal::RatioAtLeast(RATE, 1.0)),
    row("base 2w echo 64b 10000c",       base(2),       echo(10_000, 64), Goal::None),
    row("base 2w echo 64kib 20c",        base(2),       echo(20, KIB64),  Goal::None),
    row("process 2w2r memory 9000c",     process(2, 2), MEMORY,           MEMORY_GOAL),
    row("process 1w1r memory 9000c",     process(1, 1), MEMORY,           MEMORY_GOAL),
    row("base 1w memory 9000c",          base(1),       MEMORY,           MEMORY_GOAL),
    row("base 2w memory 9000c",          base(2),       MEMORY,           MEMORY_GOAL),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn names(filters: &[&str]) -> Vec<&'static str> {
        let filters: Vec<String> = filters.iter().map(|f| f.to_string()).collect();
        let rows = SCENARIOS.iter().filter(|row| row.matches(&filters));
        rows.map(|row| row.name).collect()
    }

    #[test]
    fn names_are_unique_and_say_what_the_record_says() {
        for (i, row) in SCENARIOS.iter().enumerate() {
            assert!(SCENARIOS[..i].iter().all(|other| other.name != row.name));
            let shape = row.shape;
            assert!(
                row.name
                    .starts_with(&format!("{} {}w", shape.mode, shape.workers))
            );
            assert!(
                row.name.ends_with(&format!(" {}c", row.connections())),
                "{}",
                row.name
            );
        }
    }

    #[test]
    fn filters() {
        assert_eq!(names(&[]).len(), SCENARIOS.len());
        assert_eq!(names(&["memory"]).len(), 4);
        assert_eq!(names(&["base 2w 64KiB"]), ["base 2w echo 64kib 20c"]);
        assert_eq!(names(&["1w1r memory", "base 1w memory"]).len(), 2);
        assert!(names(&["nothing of the kind"]).is_empty());
    }
}
