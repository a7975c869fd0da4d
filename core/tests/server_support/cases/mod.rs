//! The tests, by what they are about.

use libtest_mimic::Trial;

use super::daemon::Kind;

mod close;
mod order;

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
    tests.0
}
