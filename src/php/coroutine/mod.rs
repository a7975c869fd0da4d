//! Coroutines: `Swoole\Coroutine`, its scheduler, and what the rest of this room needs of them.
//!
//! | file | what |
//! |---|---|
//! | `fiber` | the switch of contexts and where their stacks come from |
//! | `vm` | the engine's state that belongs to each coroutine |
//! | `co` | the record of a coroutine |
//! | `engine` | creating, waiting, resuming |
//! | `body` | what runs in a context |
//! | `waits`, `joins` | what a coroutine waits for |
//! | `end`, `deadlock` | what becomes of coroutines when the loop or the script ends |
//! | `overflow` | what becomes of a script that needs more stack than a coroutine has |
//! | the others | classes and functions |

pub mod autoload;
pub mod body;
pub mod class;
pub mod co;
pub mod deadlock;
pub mod end;
pub mod engine;
pub mod exit;
pub mod fiber;
pub mod ini;
pub mod inspect;
pub mod joins;
pub mod lock;
pub mod methods;
pub mod options;
pub mod overflow;
pub mod preempt;
pub mod scheduler;
pub mod switch;
pub mod vm;
pub mod waits;

use crate::php::callback::Callback;
use crate::php::event_loop;
use crate::php::ffi::*;
use crate::php::method::Stop;
use co::{Call, State, Wait};
use engine::PhpThread;
use std::cell::Cell;
use std::os::fd::RawFd;
use swoole_core::error::codes;
use swoole_core::reactor::poller::Interest;
use swoole_core::sys::forks;

pub use co::Woken;

/// The number of the coroutine that runs; None: the main context does.
#[must_use]
#[inline]
pub fn current() -> Option<i64> {
    engine::running().map(|co| co.cid.get())
}

/// [`current`], for methods that work in a coroutine alone.
#[allow(dead_code, reason = "for classes to come")]
pub fn required() -> Result<i64, Stop> {
    current().ok_or_else(outside)
}

/// How methods that work in a coroutine alone end a script elsewhere.
pub fn outside() -> Stop {
    Stop::Uncaught {
        code: i64::from(codes::CO_OUT_OF_COROUTINE),
        message: "API must be called in the coroutine".to_owned(),
    }
}

/// Leaves the running coroutine until [`resume`] or `Coroutine::cancel()`, or until the time is over.
///
/// Rust frames stay on its stack meanwhile: hold no borrow of a `RefCell` and no lock. With
/// [`Woken::Ended`] the script is being left: return [`Stop::Exit`] at once; so it is outside of a
/// coroutine, which is for the caller to exclude (see [`required`]).
#[allow(dead_code, reason = "for classes to come")]
pub fn suspend(timeout_ms: Option<u64>) -> Woken {
    engine::wait(Wait::Cancellable, timeout_ms).unwrap_or(Woken::Ended)
}

/// [`suspend`] that `Coroutine::cancel()` refuses to end.
#[allow(dead_code, reason = "for classes to come")]
pub fn suspend_uncancellable(timeout_ms: Option<u64>) -> Woken {
    engine::wait(Wait::Uncancellable, timeout_ms).unwrap_or(Woken::Ended)
}

/// Lets a coroutine that waits in one of the above go on, from the event loop or from another coroutine:
/// it runs until it waits again or ends. False: it does not wait.
#[allow(dead_code, reason = "for classes to come")]
pub fn resume(cid: i64) -> bool {
    engine::find(cid).is_some_and(|co| engine::wake(co, Woken::Resumed))
}

/// For callbacks of the event loop: ends the next wait of the running coroutine, if it is still in that one.
#[must_use]
pub fn waker() -> Box<dyn FnOnce()> {
    let (cid, wait) = engine::running().map_or((0, 0), |co| (co.cid.get(), co.waits.get() + 1));
    Box::new(move || waits::wake_from_loop(cid, wait, Woken::Resumed))
}

/// Whether there is a coroutine of this number, and it waits.
#[must_use]
#[allow(dead_code, reason = "for classes to come")]
pub fn is_waiting(cid: i64) -> bool {
    engine::find(cid).is_some_and(|co| co.state.get() == State::Waiting)
}

/// Leaves the running coroutine until the descriptor is ready.
///
/// # Errors
/// As [`waits::fd`].
#[allow(dead_code, reason = "for classes to come")]
pub fn wait_fd(fd: RawFd, interest: Interest, timeout_ms: Option<u64>) -> std::io::Result<Woken> {
    Ok(waits::fd(fd, interest, timeout_ms)?.unwrap_or(Woken::Ended))
}

/// Has `done` called when a coroutine that waits has ended, in whatever way.
pub fn on_end(cid: i64, done: Box<dyn FnOnce()>) {
    if let Some(co) = engine::find(cid) {
        co.done.set(Some(done));
    }
}

/// How many coroutines have not ended.
#[must_use]
pub fn count() -> usize {
    engine::count()
}

/// Whether there are as many coroutines as there may be.
#[must_use]
pub fn is_full() -> bool {
    engine::is_full()
}

/// Runs a callback in a new coroutine until it first waits or ends. The arguments stay the caller's: the
/// engine has copied them when this returns.
#[allow(dead_code, reason = "for callbacks in coroutines")]
pub fn spawn(callback: &Callback, args: &[Value]) -> Result<i64, Stop> {
    let call = Call {
        callable: callback.value(),
        fcc: callback.resolved(),
    };
    engine::create(&call, args.as_ptr().cast_mut().cast(), args.len() as u32)
}

/// In which process (see [`forks::generation`]) coroutines are at work; 0: in none.
static ACTIVE: PhpThread<Cell<u64>> = PhpThread::new(Cell::new(0));

/// Before the first coroutine of a loop: there is a loop that will resume it.
#[inline]
pub fn activate() -> Result<(), Stop> {
    let here = forks::generation() + 1;
    if ACTIVE.get().get() == here {
        return Ok(());
    }
    event_loop::ready()?;
    end::watch_script()?;
    overflow::watch();
    preempt::start();
    ACTIVE.get().set(here);
    Ok(())
}

/// In a child, outside of coroutines: forgets its parent's.
pub fn forget_all() {
    engine::forget_all();
    autoload::forget();
}

/// Whether the loop runs for coroutines, too.
#[must_use]
pub fn is_active() -> bool {
    ACTIVE.get().get() == forks::generation() + 1
}

/// What user code ran between two turns of a server has come to its end. Without coroutines nothing of theirs
/// stays at work: the manager, for one, forks.
pub fn rest() {
    if is_active() && count() == 0 {
        ACTIVE.get().set(0);
        preempt::stop();
    }
}

/// The loop of a script has come to its end: says so if coroutines still wait for something, unless it
/// was cut short.
pub fn loop_ended(is_cut_short: bool) {
    if is_active() {
        ACTIVE.get().set(0);
        preempt::stop();
        if !is_cut_short {
            deadlock::report();
        }
    }
}
