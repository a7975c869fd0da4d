//! `Swoole\Coroutine\System`: what blocks elsewhere and here only the coroutine that calls it.
//!
//! | file | what |
//! |---|---|
//! | `class` | the table of methods, which `Swoole\Coroutine` has, too |
//! | `files` | whole files, file systems |
//! | `streams` | reading and writing PHP's streams |
//! | `names` | host names, by the system's resolver and by DNS |
//! | `children` | the end of child processes |
//! | `exec` | commands of the shell |
//! | `signals` | signals |
//! | `events` | descriptors |

pub mod children;
pub mod class;
pub mod events;
pub mod exec;
pub mod files;
pub mod names;
pub mod signals;
pub mod streams;

use super::coroutine::co::{Wait, Woken};
use super::coroutine::{engine, outside, waits};
use super::event_loop;
use super::method::Stop;
use std::cell::RefCell;
use std::rc::Rc;
use swoole_core::error::{self, Error, codes};
use swoole_core::reactor::thread_pool;
use swoole_core::sys::Errno;

/// Runs `job` in a thread of the pool while the running coroutine waits for what it gives. If the wait is
/// cut short the job goes on, and what it gives is dropped. `what` names it in messages.
pub fn offload<T: Send + 'static>(
    what: &'static str,
    kind: Wait,
    timeout_ms: Option<u64>,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<Result<T, Woken>, Stop> {
    let co = engine::running().ok_or_else(outside)?;
    event_loop::ready()?;
    let (cid, wait) = (co.cid.get(), co.waits.get() + 1);
    let slot: Rc<RefCell<Option<T>>> = Rc::default();
    let theirs = Rc::clone(&slot);
    let done = move |value| {
        *theirs.borrow_mut() = Some(value);
        waits::wake_from_loop(cid, wait, Woken::Resumed);
    };
    thread_pool::run(job, done).map_err(|e| Error::os("start a thread for", what, &e))?;
    match engine::wait(kind, timeout_ms) {
        Some(Woken::Ended) | None => Err(Stop::Exit),
        Some(woken) => {
            let value = slot.borrow_mut().take();
            // A coroutine that was made to throw goes on before the job has.
            value.map_or(Ok(Err(woken)), |value| Ok(Ok(value)))
        }
    }
}

/// Remembers why a wait was cut short, with `timed_out` for its end in time.
fn remember(woken: Woken, timed_out: i32) {
    match woken {
        Woken::TimedOut => remember_errno(timed_out),
        Woken::Canceled => error::set_last(codes::CO_CANCELED),
        Woken::Resumed | Woken::Ended => {}
    }
}

/// An error that the script may ask for, by `swoole_last_error()` or `swoole_errno()`.
fn remember_errno(errno: i32) {
    error::set_last(errno);
    Errno::set_raw(errno);
}
