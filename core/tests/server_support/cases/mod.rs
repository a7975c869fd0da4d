//! The tests, by what they are about.

use libtest_mimic::Trial;

use super::daemon::Kind;

mod close;
mod faults;
mod framing;
mod limits;
mod manager;
mod order;
mod sending;
mod task_faults;
mod tasks;

/// Kinds with workers that a manager replaces.
const MANAGED: &[Kind] = &[Kind::Process, Kind::Base];
const ALL: &[Kind] = &[Kind::Process, Kind::Base, Kind::Single];
const PROCESS: &[Kind] = &[Kind::Process];
const BASE: &[Kind] = &[Kind::Base];

#[derive(Debug, Default)]
pub struct Tests(Vec<Trial>);

impl Tests {
    /// A test of each of these kinds of server.
    fn add(&mut self, kinds: &[Kind], name: &str, test: fn(Kind)) {
        for kind in kinds {
            let kind = *kind;
            let name = format!("{}::{name}", kind.name());
            self.0.push(Trial::test(name, move || {
                test(kind);
                Ok(())
            }));
        }
    }
}

pub fn all() -> Vec<Trial> {
    let mut tests = Tests::default();
    order::add(&mut tests);
    close::add(&mut tests);
    sending::add(&mut tests);
    limits::add(&mut tests);
    manager::add(&mut tests);
    faults::add(&mut tests);
    framing::add(&mut tests);
    tasks::add(&mut tests);
    task_faults::add(&mut tests);
    tests.0
}

/// How often a long test does its thing: as the variable says, or the long count for a soak.
fn env_count(variable: &str, short: usize, long: usize) -> usize {
    let given = std::env::var(variable).ok().and_then(|v| v.parse().ok());
    given.unwrap_or(match std::env::var_os("SWOOLE_SOAK") {
        Some(_) => long,
        None => short,
    })
}
