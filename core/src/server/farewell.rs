//! The last time of a process that takes no more work.

use std::rc::Rc;
use std::time::Duration;

use super::context::Context;
use super::entry::Incarnation;
use super::server_loop::{ServerLoop, between_turns};
use crate::error::Error;
use crate::log;
use crate::reactor::clock;

/// Whether there is anything that user code may want to be told of before the end.
fn has_work(context: &Context, server_loop: &ServerLoop) -> bool {
    context.in_hand.suspended() > 0
        || context.mail.has_backlog()
        || server_loop.has_work(context.settings())
}

fn has_work_to_finish(context: &Context, server_loop: &ServerLoop) -> bool {
    context.in_hand.suspended() > 0
        || context.mail.has_backlog()
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
        let left_ms = if context.serve_replies() {
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
