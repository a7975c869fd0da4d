//! `Process::signal()`: user code's signal handlers, called by the event loop.

use super::super::convert::{set_bool, set_long};
use super::super::coroutine_system::children;
use super::super::event_loop;
use super::super::ffi::*;
use super::super::method::{Frame, Stop};
use super::super::method::{parse, trampolines};
use super::super::owned::OwnedCallback;
use super::{sys_warning, warning};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use swoole_core::error::{self, codes};
use swoole_core::options;
use swoole_core::reactor::EventLoop;
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
    /// The handlers; None: the signal is ignored.
    static HANDLERS: RefCell<HashMap<i32, Option<Rc<OwnedCallback>>>> = RefCell::default();
}

/// In a forked child: the handlers were the parent's. The callables are left alone: releasing them could
/// run destructors of the parent's objects.
pub fn forget() {
    std::mem::forget(HANDLERS.take());
}

/// Lets everything go while PHP is still there.
pub fn request_shutdown() {
    drop(HANDLERS.take());
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
    let event_loop = event_loop::ready()?;
    if event_loop.is_own_signal(signal) && is_of_role(signal) {
        return Err(warning(format!(
            "signal [{number}] processor has been registered by the system"
        )));
    }
    event_loop.keep_alive_for_signals(options::process().wait_signal);
    // SAFETY: null (not given), or an argument of the running call.
    let is_null = callback.is_null() || u32::from(unsafe { type_of(callback) }) == IS_NULL;
    if is_null {
        let known = HANDLERS.with_borrow_mut(|handlers| handlers.remove(&signal.number()));
        let Some(former) = known else {
            error::set_last(codes::PHP_RUNTIME_NOTICE);
            return Err(Stop::SoftWarning(format!(
                "unable to find the callback of signal [{number}]"
            )));
        };
        reset(&event_loop, signal, former.is_some());
    } else if frame.int_arg(1) == Some(i64::from(IGNORE)) {
        let former = HANDLERS.with_borrow_mut(|handlers| handlers.insert(signal.number(), None));
        reset(&event_loop, signal, former.flatten().is_some());
        signal::ignore(signal).map_err(|_| refused())?;
    } else {
        let callback = Rc::new(OwnedCallback::new(callback)?);
        event_loop
            .on_signal(signal, Some(Rc::new(call)))
            .map_err(|_| refused())?;
        let new = Some(callback);
        let former = HANDLERS.with_borrow_mut(|handlers| handlers.insert(signal.number(), new));
        // Outside of the borrow: a destructor may run.
        drop(former);
    }
    set_bool(place, true);
    Ok(())
}

/// Whether user code has a handler of this signal, or of any.
#[must_use]
pub fn has_handler(signal: Option<Signal>) -> bool {
    HANDLERS.with_borrow(|handlers| match signal {
        Some(signal) => matches!(handlers.get(&signal.number()), Some(Some(_))),
        None => handlers.values().any(Option::is_some),
    })
}

/// Whether this process of a server does its duty by this signal. (All its processes catch the same ones,
/// but not each of them has a use for each.)
pub fn is_of_role(signal: Signal) -> bool {
    let is_worker = server::current().is_some_and(|context| {
        matches!(
            context.role(),
            Role::Worker { .. } | Role::TaskWorker { .. } | Role::UserProcess { .. }
        )
    });
    match signal {
        Signal::INT => false,
        Signal::USR1 | Signal::USR2 | Signal::CHLD => !is_worker,
        _ => true,
    }
}

/// The signal gets its former meaning back, if it was caught, else its default one.
fn reset(event_loop: &EventLoop, signal: Signal, was_caught: bool) {
    // Neither can fail: the signal could be caught, or ignored.
    if was_caught {
        let _ = event_loop.on_signal(signal, None);
    } else {
        let _ = signal::restore_default(signal);
    }
    if signal == Signal::CHLD {
        children::listen_again();
    }
}

/// The one place where signal handlers are called. A handler may remove itself, so it is kept alive here.
fn call(signal: Signal) {
    if signal == Signal::CHLD {
        children::look();
    }
    let handler =
        HANDLERS.with_borrow(|handlers| handlers.get(&signal.number()).cloned().flatten());
    let Some(handler) = handler else { return };
    let mut number = undef();
    set_long(number.place(), i64::from(signal.number()));
    // How it ended, the loop is told.
    event_loop::call(handler.callback(), &[number]);
}
