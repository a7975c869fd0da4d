//! `Process::signal()`: user code's signal handlers, called by the event loop.

use super::super::callback::{self, Callback};
use super::super::convert::{set_bool, set_long};
use super::super::ffi::*;
use super::super::method::{Frame, Stop};
use super::super::method::{parse, trampolines};
use super::super::server_state::release_value;
use super::{sys_warning, warning};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use swoole_core::error::{self, codes};
use swoole_core::reactor::event_loop;
use swoole_core::server::{self, Role};
use swoole_core::sys::signal::{self, Signal};

trampolines! {
    signal => do_signal;
}

/// `SIG_IGN` as a number.
pub const IGNORE: i32 = 1;
/// Signals are numbered below this.
const LIMIT: i64 = 128;

thread_local! {
    /// The callables, each with a reference of ours; None: the signal is ignored.
    static CALLBACKS: RefCell<HashMap<i32, Option<Callback>>> = RefCell::default();
}

/// In a forked child: the handlers were the parent's. The callables are left alone: releasing them could
/// run destructors of the parent's objects.
pub fn forget() {
    CALLBACKS.with_borrow_mut(HashMap::clear);
}

fn do_signal(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut number = 0_i64;
    let mut callback: *mut zval = std::ptr::null_mut();
    parse!(frame, c"l|z", number, callback)?;
    if !(0..LIMIT).contains(&number) {
        return Err(warning(format!("invalid signal number [{number}]")));
    }
    let refused = || {
        sys_warning(
            format_args!("a handler of signal [{number}] cannot be set"),
            libc::EINVAL,
        )
    };
    let signal = Signal::new(number as i32).ok_or_else(refused)?;
    let event_loop = event_loop::current()
        .map_err(|why| Stop::error(format!("cannot make the event loop: {why}")))?;
    if event_loop.is_own_signal(signal) && is_of_role(signal) {
        return Err(warning(format!(
            "signal [{number}] processor has been registered by the system"
        )));
    }
    event_loop.keep_alive_for_signals(false);
    // SAFETY: null (not given), or an argument of the running call.
    let is_null = callback.is_null() || u32::from(unsafe { type_of(callback) }) == IS_NULL;
    if is_null {
        if !CALLBACKS.with_borrow(|known| known.contains_key(&signal.number())) {
            error::set_last(codes::PHP_RUNTIME_NOTICE);
            return Err(Stop::SoftWarning(format!(
                "unable to find the callback of signal [{number}]"
            )));
        }
        remove(&event_loop, signal)?;
    } else if frame.int_arg(1) == Some(i64::from(IGNORE)) {
        remove(&event_loop, signal)?;
        signal::ignore(signal).map_err(|_| refused())?;
        CALLBACKS.with_borrow_mut(|known| known.insert(signal.number(), None));
    } else {
        let callback = Callback::resolve(callback)?;
        event_loop
            .on_signal(signal, Some(Rc::new(call)))
            .map_err(|_| refused())?;
        store(signal, callback)?;
    }
    set_bool(place, true);
    Ok(())
}

/// Whether this process of a server does its duty by this signal. (All its processes catch the same ones,
/// but not each of them has a use for each.)
fn is_of_role(signal: Signal) -> bool {
    let is_worker =
        server::current().is_some_and(|context| matches!(context.role(), Role::Worker { .. }));
    match signal {
        Signal::INT => false,
        Signal::USR1 | Signal::USR2 | Signal::CHLD => !is_worker,
        _ => true,
    }
}

fn store(signal: Signal, callback: Callback) -> Result<(), Stop> {
    let mut value = callback.value();
    // SAFETY: the callable of the running call; this reference is the table's.
    unsafe { try_addref(value.ptr()) };
    let former = CALLBACKS.with_borrow_mut(|known| known.insert(signal.number(), Some(callback)));
    release(former)
}

/// The signal gets its former meaning back.
fn remove(event_loop: &event_loop::EventLoop, signal: Signal) -> Result<(), Stop> {
    let former = CALLBACKS.with_borrow_mut(|known| known.remove(&signal.number()));
    match former {
        Some(None) => {
            // Cannot fail: it could be ignored.
            let _ = signal::restore_default(signal);
        }
        _ => {
            // Cannot fail: nothing is caught anew.
            let _ = event_loop.on_signal(signal, None);
        }
    }
    release(former)
}

fn release(former: Option<Option<Callback>>) -> Result<(), Stop> {
    match former.flatten() {
        Some(former) => release_value(former.value()),
        None => Ok(()),
    }
}

/// The one place where signal handlers are called. The handler may remove itself, so the call holds a
/// reference of its own.
fn call(signal: Signal) {
    let callback = CALLBACKS.with_borrow(|known| known.get(&signal.number()).copied().flatten());
    let Some(callback) = callback else { return };
    let mut held = callback.value();
    // SAFETY: the table holds a reference, so the callable lives.
    unsafe { try_addref(held.ptr()) };
    // How it ended is noted: the loop sees to it.
    let _ = callback::call(&callback, |[number]: &mut [Value; 1]| {
        set_long(number.place(), i64::from(signal.number()));
    });
    // A bailout in a destructor ends the process at the next turn, as one in the handler does.
    let _ = release_value(held);
}
