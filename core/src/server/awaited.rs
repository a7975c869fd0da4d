//! Results of tasks that this very process waits for, in coroutines or in a call that blocks.

use std::time::{Duration, Instant};

use super::context::Context;
use super::incoming::{Arrived, COROUTINE, NONBLOCK, SERVE_BATCH};
use crate::ipc::message::Kind;
use crate::sys::socket::{Interest, poll_one};

/// How long to sleep at most before looking again, in milliseconds.
const RECHECK_MS: u64 = 1_000;

/// A result and its flags; `None`: there will be none.
pub type TaskOutcome = Option<(Vec<u8>, u16)>;

impl Context {
    /// Whether something is there that this process waits for.
    #[inline]
    pub(super) fn has_replies(&self) -> bool {
        let (Some(posts), Some(replies)) = (&self.shared.posts, self.incoming.replies) else {
            return false;
        };
        self.incoming.has_early_replies() || !posts.intakes.is_empty(posts.index(replies))
    }

    /// Serves what suspended user code waits for, a batch at most, in a process that takes no more work, or
    /// none now. Answers whether there was some.
    pub(super) fn serve_replies(&self) -> bool {
        self.mail.flush();
        let mut served = 0;
        while served < SERVE_BATCH && self.end_status.get().is_none() && self.has_replies() {
            let early = self.incoming.next_early_reply();
            let sources = self.incoming.replies.as_slice();
            let Some(reply) = early.or_else(|| self.take_message(sources)) else {
                break;
            };
            self.serve_arrived(reply);
            served += 1;
        }
        served > 0
    }

    /// Waits for the results of tasks, in a process without a coroutine to wait in. `take` gets the place in
    /// `ids` and the result; `None` is a task whose task worker died. Ends when all are there, or after
    /// `timeout` (`None`: without limit).
    pub fn wait_results(
        &self,
        ids: &[u64],
        timeout: Option<Duration>,
        mut take: impl FnMut(usize, TaskOutcome),
    ) {
        let start = Instant::now();
        let bell = self.shared.producer_bell(self.lane);
        // The first result of a task counts: it may have more, or die after it.
        let mut done = vec![false; ids.len()];
        let mut missing = ids.len();
        while missing > 0 {
            bell.prepare_sleep();
            self.mail.flush();
            self.take_in_posts();
            while let Some((place, result)) = self.take_result(ids) {
                if !std::mem::replace(&mut done[place], true) {
                    take(place, result);
                    missing -= 1;
                }
            }
            let left = timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
            let ended = missing == 0 || left == Some(Duration::ZERO);
            if !ended {
                if let Some(local) = &self.local {
                    local.take_in(&self.shared);
                }
                let left_ms = left.map_or(RECHECK_MS, |left| left.as_millis() as u64 + 1);
                // A failed wait is a short one.
                let _ = poll_one(bell.bell(), Interest::Read, left_ms.min(RECHECK_MS) as i32);
                super::start::clear_bell(bell);
            }
            bell.awake();
            if ended {
                break;
            }
        }
        // User code may have called this where the event loop was about to sleep, and others take the process
        // for awake now: it looks once more.
        bell.force();
    }

    fn take_result(&self, ids: &[u64]) -> Option<(usize, TaskOutcome)> {
        let own = self.mail.epoch_bits();
        let place_of = |a: &Arrived| {
            let is_own = a.header.asker_epoch == own && a.header.port & (COROUTINE | NONBLOCK) == 0;
            ids.iter()
                .position(|id| is_own && *id == a.header.session_id)
        };
        let (place, found) = self.incoming.find_early_reply(place_of)?;
        let result = (found.kind == Kind::Finish).then_some((found.data, found.header.port));
        Some((place, result))
    }
}
