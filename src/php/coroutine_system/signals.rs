//! `waitSignal()`.

use super::{remember, remember_errno};
use crate::php::convert::{for_each, set_bool, set_long};
use crate::php::coroutine::co::{Wait, Woken};
use crate::php::coroutine::{engine, methods, outside, waits};
use crate::php::event_loop;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse, protect};
use crate::php::process::signals as user_signals;
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::rc::Rc;
use swoole_core::error::{self, codes};
use swoole_core::reactor::EventLoop;
use swoole_core::reactor::event_loop as core_loop;
use swoole_core::sys::forks;
use swoole_core::sys::signal::Signal;

/// A coroutine that waits for one of several signals.
struct Waiter {
    born_in: u64,
    cid: i64,
    wait: u64,
    signals: Vec<Signal>,
    came: Cell<Option<Signal>>,
}

thread_local! {
    static WAITERS: ManuallyDrop<RefCell<Vec<Rc<Waiter>>>> =
        const { ManuallyDrop::new(RefCell::new(Vec::new())) };
}

fn waiters() -> Vec<Rc<Waiter>> {
    let here = forks::generation();
    WAITERS.with(|waiters| {
        let mut waiters = waiters.borrow_mut();
        // Those of a parent wait in the parent.
        waiters.retain(|waiter| waiter.born_in == here);
        waiters.clone()
    })
}

fn is_awaited(signal: Signal) -> bool {
    waiters().iter().any(|w| w.signals.contains(&signal))
}

fn signals_of(value: *mut zval) -> Result<Vec<i64>, Stop> {
    let mut numbers = Vec::new();
    // SAFETY: callers pass an argument of the running call; the member is read for the type that says so.
    // The conversion of an element may warn, and so run user code.
    protect(|| unsafe {
        let value = deref(value);
        if u32::from(type_of(value)) == IS_ARRAY {
            for_each((*value).value.arr, |_, item| {
                numbers.push(zval_get_long_func(deref(item), false));
            });
        } else {
            numbers.push(zval_get_long_func(value, false));
        }
    })?;
    Ok(numbers)
}

fn invalid() -> Stop {
    remember_errno(libc::EINVAL);
    Stop::Warning("Invalid signal in the given list".to_owned())
}

fn busy() -> Stop {
    remember_errno(libc::EBUSY);
    Stop::Warning("Unable to wait signal, async signal listener has been registered".to_owned())
}

pub fn do_wait_signal(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut value: *mut zval = std::ptr::null_mut();
    let mut timeout_s = -1.0_f64;
    parse!(frame, c"z|d", value, timeout_s)?;
    let co = engine::running().ok_or_else(outside)?;
    let numbers = signals_of(value)?;
    if user_signals::has_handler(None) {
        return Err(busy());
    }
    let event_loop = event_loop::ready()?;
    let mut signals = Vec::new();
    for number in numbers {
        let signal = i32::try_from(number).ok().and_then(Signal::new);
        let signal = signal.filter(|signal| *signal != Signal::CHLD);
        signals.push(signal.ok_or_else(invalid)?);
    }
    let is_own = |signal: &&Signal| event_loop.is_own_signal(**signal);
    if signals
        .iter()
        .filter(is_own)
        .any(|signal| user_signals::is_of_role(*signal))
    {
        return Err(busy());
    }
    listen(&event_loop, &signals)?;
    let waiter = Rc::new(Waiter {
        born_in: forks::generation(),
        cid: co.cid.get(),
        wait: co.waits.get() + 1,
        signals,
        came: Cell::new(None),
    });
    WAITERS.with(|waiters| waiters.borrow_mut().push(Rc::clone(&waiter)));
    let hold = event_loop.hold();
    drop(event_loop);
    let woken = engine::wait(Wait::Cancellable, methods::timeout_ms(timeout_s));
    drop(hold);
    WAITERS.with(|waiters| waiters.borrow_mut().retain(|w| !Rc::ptr_eq(w, &waiter)));
    stop_listening(&waiter.signals);
    match (waiter.came.get(), woken) {
        (_, Some(Woken::Ended) | None) => return Err(Stop::Exit),
        (Some(signal), _) => set_long(place, i64::from(signal.number())),
        (None, Some(woken)) => {
            remember(woken, codes::CO_TIMEDOUT);
            swoole_core::sys::Errno::set_raw(error::last());
            set_bool(place, false);
        }
    }
    Ok(())
}

fn listen(event_loop: &EventLoop, signals: &[Signal]) -> Result<(), Stop> {
    // Who waits keeps the loop alive, not the handler.
    event_loop.keep_alive_for_signals(false);
    for (index, signal) in signals.iter().enumerate() {
        if event_loop.on_signal(*signal, Some(Rc::new(came))).is_err() {
            stop_listening(&signals[..index]);
            return Err(invalid());
        }
    }
    Ok(())
}

fn stop_listening(signals: &[Signal]) {
    let Some(event_loop) = core_loop::existing() else {
        return;
    };
    for signal in signals {
        if !is_awaited(*signal) && !user_signals::has_handler(Some(*signal)) {
            // Cannot fail: it was caught.
            let _ = event_loop.on_signal(*signal, None);
        }
    }
}

fn came(signal: Signal) {
    for waiter in waiters() {
        if waiter.signals.contains(&signal) && waiter.came.get().is_none() {
            waiter.came.set(Some(signal));
            waits::wake_from_loop(waiter.cid, waiter.wait, Woken::Resumed);
        }
    }
}
