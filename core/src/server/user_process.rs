//! A process of user code (`addProcess()`): the manager starts it again when it ends.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Release;

use super::entry::{self, Incarnation};
use super::handler::{EventHandler, Outcome};
use super::shared::Shared;
use crate::error::Error;
use crate::log;
use crate::sys::signal::{self, Signal};

/// Runs it until it ends; answers the exit status of its process.
pub(super) fn run(
    shared: &Arc<Shared>,
    handler: &Rc<dyn EventHandler>,
    who: Incarnation,
) -> Result<i32, Error> {
    // SIGRTMIN would end it, or interrupt what user code waits for, unless that handles it; the log's file is
    // opened again without it.
    for ignored in [Signal::INT, Signal::rtmin()] {
        signal::ignore(ignored)?;
    }
    log::follow(&shared.global.log_requests);
    // The others are its own: by default SIGTERM ends it at once, as it ends any script.
    signal::forget_in_child();
    entry::drop_privileges(shared)?;
    let context = entry::enter(shared, handler, who, None)?;
    let slot = who.worker_id as usize;
    let index = (slot - shared.core_workers()) as u32;
    let outcome = handler.run_user_process(who.worker_id, index);
    let record = &shared.workers[slot];
    record.retired_epoch.store(who.epoch, Release);
    Ok(match outcome {
        Outcome::EndProcess { status } => {
            context.note(outcome);
            context.keep_fault();
            status
        }
        Outcome::Done | Outcome::Suspended => 0,
    })
}
