//! The preemptive scheduler: a coroutine that runs for long gives way to others, between two
//! instructions of PHP code.

use super::co::{Wait, Woken};
use super::engine::{self, PhpThread};
use super::waits::wake_from_loop;
use super::{ini, options};
use crate::php::callback::{self, Pending};
use crate::php::ffi::*;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use swoole_core::reactor::event_loop;
use swoole_core::sys::thread::HelperThread;
use swoole_core::sys::{forks, signal};

/// A coroutine may run so long at a stretch.
const SLICE: Duration = Duration::from_millis(10);

type Interrupt = unsafe extern "C" fn(*mut zend_execute_data);

// SAFETY: declared in Zend/zend.h, PHP 8.2 to 8.5.
unsafe extern "C" {
    static mut zend_interrupt_function: Option<Interrupt>;
}

struct Ticker {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

struct State {
    ticker: RefCell<Option<Ticker>>,
    on: Cell<bool>,
    original: Cell<Option<Interrupt>>,
    /// The process that has the thread (see [`forks::incarnation`]).
    born_in: Cell<u64>,
}

static STATE: PhpThread<State> = PhpThread::new(State {
    ticker: RefCell::new(None),
    on: Cell::new(false),
    original: Cell::new(None),
    born_in: Cell::new(0),
});

/// Whether it is at work.
#[inline]
pub fn is_on() -> bool {
    STATE.get().on.get()
}

/// In a process made by fork the thread is the parent's: it does not tick here, and is not here to be waited
/// for.
fn forget_parents() {
    let state = STATE.get();
    if !state.on.get() || state.born_in.get() == forks::incarnation() {
        return;
    }
    state.on.set(false);
    // SAFETY: a word of the engine, of the thread that runs PHP.
    unsafe { zend_interrupt_function = state.original.take() };
    std::mem::forget(state.ticker.take());
}

/// In a process that goes on with what its parent had begun (a daemon).
pub fn renew() {
    if is_on() {
        start();
    }
}

/// Begins, if the user wants it (`enable_preemptive_scheduler`).
pub fn start() {
    forget_parents();
    if is_on() || !(options::preemptive() || ini::enable_preemptive_scheduler()) {
        return;
    }
    let state = STATE.get();
    // SAFETY: an atomic bool of C's in the engine's globals, which live as long as the process.
    let flag: &'static AtomicBool = unsafe { &*(&raw const (*eg()).vm_interrupt).cast() };
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    // It takes no lock, so processes may be forked meanwhile.
    let helper = HelperThread::announce();
    let tick = move || {
        let _helper = helper;
        while !seen.load(Ordering::Relaxed) {
            flag.store(true, Ordering::Relaxed);
            std::thread::park_timeout(SLICE / 2);
        }
    };
    // Signals are for the main thread.
    let mask = signal::block_all();
    let spawned = std::thread::Builder::new()
        .name("swoole-tick".to_owned())
        .spawn(tick);
    drop(mask);
    // Without a thread nothing is interrupted, as if it had not been asked for.
    if let Ok(thread) = spawned {
        // SAFETY: a word of the engine, of the thread that runs PHP. A tick that came already is for the function
        // that is there now, as any interrupt of PHP's own would be.
        unsafe {
            state.original.set(zend_interrupt_function);
            zend_interrupt_function = Some(interrupted);
        }
        *state.ticker.borrow_mut() = Some(Ticker { stop, thread });
        state.born_in.set(forks::incarnation());
        state.on.set(true);
    }
}

/// Ends, with the loop.
pub fn stop() {
    forget_parents();
    let state = STATE.get();
    if !state.on.replace(false) {
        return;
    }
    // SAFETY: as in `start`.
    unsafe { zend_interrupt_function = state.original.take() };
    let ticker = state.ticker.borrow_mut().take();
    if let Some(ticker) = ticker {
        ticker.stop.store(true, Ordering::Relaxed);
        ticker.thread.thread().unpark();
        // It does not panic; and if it had, it has ended.
        let _ = ticker.thread.join();
    }
}

/// Called by the engine between two instructions.
unsafe extern "C" fn interrupted(frame: *mut zend_execute_data) {
    let original = STATE.get().original.get();
    forget_parents();
    if is_on() {
        give_way();
    }
    if let Some(original) = original {
        // SAFETY: the function that we replaced, with the engine's own argument.
        unsafe { original(frame) };
    }
}

fn give_way() {
    let Some(co) = engine::running() else { return };
    let is_over = co.since.get().is_some_and(|since| since.elapsed() > SLICE);
    if !is_over || !co.preemptible.get() || callback::pending() != Pending::None {
        return;
    }
    let Some(event_loop) = event_loop::existing() else {
        return;
    };
    let (cid, wait) = (co.cid.get(), co.waits.get() + 1);
    event_loop.defer(Box::new(move || {
        wake_from_loop(cid, wait, Woken::Resumed);
    }));
    drop(event_loop);
    engine::wait(Wait::Uncancellable, None);
}
