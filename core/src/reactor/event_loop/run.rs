//! Running the loop to its end: in a script, or by user code between two turns of a server (`Co\run()` in a
//! callback that stands outside of the loop, such as onWorkerStop).

use super::{EventLoop, HookAt};
use crate::reactor::poller::Ready;
use std::io;
use std::time::Duration;

/// A loop to which nothing happens for so long is idle: see [`HookAt::Idle`].
const IDLE: Duration = Duration::from_secs(1);

impl EventLoop {
    /// Runs until nothing is left to wait for, [`Self::exit`] or [`Self::end`].
    ///
    /// # Errors
    /// The kernel refuses to wait.
    pub fn run(&self) -> io::Result<()> {
        self.exit.set(false);
        self.running.set(true);
        let mut result = Ok(());
        let mut looked = None;
        while result.is_ok() && !self.exit.get() && !self.is_over() && self.has_work() {
            let before = self.calls.get();
            let limit = (looked != Some(before)).then_some(IDLE);
            result = self.turn(limit, |_| {});
            if limit.is_some() && self.calls.get() == before {
                looked = Some(before);
                self.call_hook(HookAt::Idle);
            }
        }
        self.running.set(false);
        result
    }

    /// Something has happened.
    pub(super) fn count_call(&self) {
        self.calls.set(self.calls.get().wrapping_add(1));
    }

    /// Runs what comes to an end (see [`Self::has_work_to_finish`]) between two turns of a server that
    /// turns this loop, until nothing of that is left or [`Self::exit`]. The server's own events are kept
    /// for its next turn.
    ///
    /// # Errors
    /// The kernel refuses to wait.
    pub fn run_between(&self) -> io::Result<()> {
        let exit = self.exit.replace(false);
        let running = self.running.replace(true);
        let outer = self.is_between.replace(true);
        let mut result = Ok(());
        while result.is_ok() && !self.exit.get() && !self.is_over() && self.has_work_to_finish() {
            let mut kept = Vec::new();
            result = self.wait(None, |event| kept.push(*event));
            self.kept.borrow_mut().append(&mut kept);
            self.run_ready();
        }
        self.is_between.set(outer);
        self.running.set(running);
        self.exit.set(exit);
        result
    }

    /// Says whether the loop is being run, as user code sees it; answers what was said before.
    pub fn replace_running(&self, running: bool) -> bool {
        self.running.replace(running)
    }

    pub(super) fn has_kept(&self) -> bool {
        !self.is_between.get() && !self.kept.borrow().is_empty()
    }

    /// What came for the server meanwhile.
    pub(super) fn give_kept(&self, others: &mut impl FnMut(&Ready)) {
        if self.has_kept() {
            self.kept.take().iter().for_each(others);
        }
    }
}
