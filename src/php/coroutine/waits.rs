//! What a coroutine waits for in the event loop: time, and descriptors.

use super::co::{Co, Timer, Wait, Woken};
use super::engine;
use std::os::fd::RawFd;
use std::rc::Rc;
use swoole_core::reactor::event_loop::{self, Trigger};
use swoole_core::reactor::poller::Interest;

/// Wakes the coroutine with [`Woken::TimedOut`] in `ms` milliseconds.
pub fn timer(co: &'static Co, ms: u64) -> Option<Timer> {
    let cid = co.cid.get();
    let wait = co.waits.get() + 1;
    let event_loop = event_loop::current().ok()?;
    let wake = move || wake_from_loop(cid, wait, Woken::TimedOut);
    Some(event_loop.after(ms, Box::new(wake)))
}

/// Undoes [`timer`].
pub fn cancel_timer(timer: Timer) {
    if let Some(event_loop) = event_loop::existing() {
        event_loop.cancel(timer);
    }
}

/// For callbacks of the event loop: lets a coroutine go on if it is still in that wait.
pub fn wake_from_loop(cid: i64, wait: u64, woken: Woken) {
    if let Some(co) = engine::find(cid)
        && co.waits.get() == wait
    {
        engine::wake(co, woken);
    }
}

/// Leaves the running coroutine until the descriptor is ready. None: no coroutine runs.
///
/// # Errors
/// The descriptor cannot be waited for: EPERM (a regular file, which is always ready), EBADF, EEXIST (it
/// is watched already).
#[allow(dead_code, reason = "see wait_fd")]
pub fn fd(
    fd: RawFd,
    interest: Interest,
    timeout_ms: Option<u64>,
) -> std::io::Result<Option<Woken>> {
    let Some(co) = engine::running() else {
        return Ok(None);
    };
    let event_loop = event_loop::current()?;
    let (cid, wait) = (co.cid.get(), co.waits.get() + 1);
    let ready = move |_| wake_from_loop(cid, wait, Woken::Resumed);
    let watch = event_loop.watch(fd, interest, Trigger::Edge, Rc::new(ready))?;
    let woken = engine::wait(Wait::Cancellable, timeout_ms);
    // The loop may be another one by now: after a fork, or at the end.
    if let Some(event_loop) = event_loop::existing() {
        event_loop.unwatch(watch);
    }
    Ok(woken)
}
