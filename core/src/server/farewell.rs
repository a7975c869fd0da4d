//! The last time of a process that takes no more work.

use std::rc::Rc;
use std::time::Duration;

use super::context::Context;
use super::entry::Incarnation;
use super::posts::To;
use super::server_loop::{ServerLoop, between_turns};
use crate::error::Error;
use crate::log;
use crate::reactor::clock;

/// How long a process that was told to stop waits for the rest of messages it has begun to take, in
/// milliseconds: their sender may be dead.
pub(super) const REST_MS: u64 = 1_000;
/// How long it sleeps at a time while it waits for that.
pub(super) const REST_SLEEP: Duration = Duration::from_millis(10);

impl Context {
    /// Whether a worker that was told to stop has messages of others to serve before it makes room for its
    /// successor, which could not: those that it has taken out early, and the rest of what it has begun.
    pub(super) fn has_rest(&self) -> bool {
        if self.end_status.get().is_some() || !(self.incoming.has_early() || self.is_open()) {
            return false;
        }
        let now = clock::monotonic_ms();
        let rest_by_ms = self.incoming.rest_by_ms.get().unwrap_or(now + REST_MS);
        self.incoming.rest_by_ms.set(Some(rest_by_ms));
        now < rest_by_ms
    }

    /// Serves that, and what suspended user code waits for; answers whether there was some.
    pub(super) fn serve_rest(&self) -> bool {
        let mut busy = self.serve_replies() || self.serve_early();
        let own = self.worker_id().map(|id| To::Worker(id as usize));
        if self.end_status.get().is_none()
            && self.is_open()
            && let Some(message) = self.take_message(own.as_slice())
        {
            self.serve_arrived(message);
            busy = true;
        }
        busy
    }

    /// Serves one message that was taken out early; answers whether there was one.
    fn serve_early(&self) -> bool {
        if self.end_status.get().is_some() || self.is_full() {
            return false;
        }
        let early = self.incoming.next_early();
        early.map(|message| self.serve_arrived(message)).is_some()
    }

    /// Serves what a process that has made room for its successor still gets or has; answers whether there was
    /// some.
    pub(super) fn serve_last(&self) -> bool {
        self.serve_replies() || self.serve_early()
    }

    /// Whether messages of others are left that only this process can serve or send.
    pub(super) fn has_last(&self) -> bool {
        self.mail.has_backlog() || self.incoming.has_early()
    }
}

/// Whether there is anything that user code may want to be told of before the end.
fn has_work(context: &Context, server_loop: &ServerLoop) -> bool {
    context.in_hand.suspended() > 0
        || context.has_last()
        || server_loop.has_work(context.settings())
}

fn has_work_to_finish(context: &Context, server_loop: &ServerLoop) -> bool {
    context.in_hand.suspended() > 0
        || context.has_last()
        || server_loop.has_work_to_finish(context.settings())
}

/// Has user code's own events come to an end, within `max_wait_time`. Messages are taken no more, but for
/// what suspended user code waits for.
pub(super) fn farewell(
    context: &Rc<Context>,
    who: Incarnation,
    server_loop: &ServerLoop,
) -> Result<(), Error> {
    let limit_ms = context.settings().max_wait_time_ms;
    let end_by_ms = (limit_ms > 0).then(|| clock::monotonic_ms() + limit_ms);
    let bell = &context.shared.worker_bells[who.lane()];
    while context.end_status.get().is_none() && has_work(context, server_loop) {
        context.note(between_turns(|| {
            context.handler.on_worker_exit(who.worker_id)
        }));
        if context.end_status.get().is_some() || !has_work_to_finish(context, server_loop) {
            break;
        }
        let left_ms = end_by_ms.map(|end| end.saturating_sub(clock::monotonic_ms()));
        if left_ms == Some(0) {
            log::warning(format_args!(
                "worker {} ends after max_wait_time ({limit_ms} ms) although its event loop still has work: end it in onWorkerExit",
                who.worker_id
            ));
            break;
        }
        bell.prepare_sleep();
        let left_ms = if context.serve_last() {
            Some(0)
        } else {
            left_ms
        };
        server_loop.wait(left_ms.map(Duration::from_millis), |_| {})?;
        bell.awake();
        server_loop.run_ready();
        server_loop.take_signals();
        context.note_end(server_loop);
    }
    Ok(())
}
