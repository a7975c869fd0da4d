//! `Swoole\Coroutine`: creating coroutines, waiting, waking, canceling.

use super::class;
use super::co::{Call, Co, State, Wait, Woken};
use super::engine;
use super::inspect;
use super::joins::{self, Joined};
use super::{outside, waits};
use crate::php::class::Entry;
use crate::php::convert::{for_each, set_bool, set_long, set_null};
use crate::php::event_loop;
use crate::php::ffi::*;
use crate::php::method::{Bailout, Frame, Stop, parse, protect, run_lean};
use std::mem::ManuallyDrop;
use swoole_core::error::{self, codes};

/// The callable among the arguments at `index`, with those behind it.
#[inline]
pub fn callable_at(frame: Frame, index: usize) -> Result<(Call, *mut zval, u32), Stop> {
    // SAFETY: all bytes zero is an empty cache on each PHP version.
    let mut fcc: zend_fcall_info_cache = unsafe { std::mem::zeroed() };
    let value = frame.arg(index).ok_or(Stop::Thrown)?;
    // SAFETY: an argument of the running call. The callable was checked when the arguments were parsed,
    // or is a closure: nothing is loaded or called.
    let found = unsafe {
        zend_is_callable_ex(
            value,
            std::ptr::null_mut(),
            0,
            std::ptr::null_mut(),
            &raw mut fcc,
            std::ptr::null_mut(),
        )
    };
    if !found {
        return Err(Stop::Thrown);
    }
    // SAFETY: a resolved handler is live. A trampoline (`__call`) is made anew for each call, so it is
    // given back and looked up then.
    unsafe {
        if (*fcc.function_handler).common.fn_flags & ZEND_ACC_CALL_VIA_TRAMPOLINE != 0 {
            zend_release_fcall_info_cache(&raw mut fcc);
            fcc = std::mem::zeroed();
        }
        let callable = std::ptr::read(value.cast());
        let (args, count) = frame.args_from(index + 1);
        Ok((Call { callable, fcc }, args, count))
    }
}

/// The closure among the arguments at `index`, without asking the engine what it can be.
#[inline(always)]
fn closure_at(frame: Frame, index: usize) -> Option<Call> {
    let value = frame.arg(index)?;
    // SAFETY: a live argument; an object has a class and handlers. A closure's handler fills the places
    // with what lives as long as the closure. All bytes zero is an empty cache on each PHP version.
    unsafe {
        if u32::from(type_of(value)) != IS_OBJECT {
            return None;
        }
        let object = (*value).value.obj;
        if (*object).ce != zend_ce_closure {
            return None;
        }
        let mut fcc: zend_fcall_info_cache = std::mem::zeroed();
        let found = ((*(*object).handlers).get_closure?)(
            object,
            &raw mut fcc.calling_scope,
            &raw mut fcc.function_handler,
            &raw mut fcc.object,
            true,
        );
        if found != 0 || fcc.function_handler.is_null() {
            return None;
        }
        fcc.called_scope = fcc.calling_scope;
        let callable = std::ptr::read(value.cast());
        Some(Call { callable, fcc })
    }
}

/// The arguments of a function that takes a callable first.
#[inline(always)]
pub fn callable(frame: Frame) -> Result<(Call, *mut zval, u32), Stop> {
    if let Some(call) = closure_at(frame, 0) {
        let (args, count) = frame.args_from(1);
        return Ok((call, args, count));
    }
    check_callable(frame)?;
    callable_at(frame, 0)
}

/// Gives the engine's own errors for what is not one.
#[cold]
fn check_callable(frame: Frame) -> Result<(), Stop> {
    // SAFETY: all bytes zero is empty on each PHP version; only filled to check the type.
    let (mut fci, mut fcc): (ManuallyDrop<zend_fcall_info>, zend_fcall_info_cache) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    let mut params: *mut zval = std::ptr::null_mut();
    let mut count = 0_i32;
    parse!(frame, c"f*", fci, fcc, params, count)
}

pub unsafe extern "C" fn create(ex: *mut zend_execute_data, return_value: *mut zval) {
    // SAFETY: called by the engine with the frame of this call and a place for the result.
    unsafe { run_lean(ex, return_value, do_create) }
}

#[inline(always)]
fn do_create(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (call, args, count) = callable(frame)?;
    // SAFETY: a word of the engine's globals.
    if unsafe { (*eg()).flags } & event_loop::EG_FLAGS_IN_SHUTDOWN != 0 && is_in_destructor() {
        return Err(too_late());
    }
    set_long(place, engine::create(&call, args, count)?);
    Ok(())
}

#[cold]
fn too_late() -> Stop {
    Stop::Fatal("can not use coroutine in __destruct after php_request_shutdown".to_owned())
}

/// Whether the caller of the running method is a destructor.
fn is_in_destructor() -> bool {
    // SAFETY: the running frame is this method's; frames and functions live while they run.
    unsafe {
        let caller = (*(*eg()).current_execute_data).prev_execute_data;
        if caller.is_null() || (*caller).func.is_null() {
            return false;
        }
        let name = (*(*caller).func).common.function_name;
        !name.is_null() && str_bytes(name) == b"__destruct"
    }
}

pub fn do_defer(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (call, _, _) = callable(frame)?;
    let co = engine::running().ok_or_else(outside)?;
    call.keep();
    co.defers.borrow_mut().push(call);
    set_null(place);
    Ok(())
}

pub unsafe extern "C" fn yield_now(ex: *mut zend_execute_data, return_value: *mut zval) {
    // SAFETY: called by the engine with the frame of this call and a place for the result.
    unsafe { run_lean(ex, return_value, do_yield) }
}

#[inline(always)]
fn do_yield(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    if frame.num_args() != 0 {
        parse!(frame, c"")?;
    }
    let co = engine::running().ok_or_else(outside)?;
    if co.ended.get() {
        return Err(Stop::Exit);
    }
    match engine::leave(co, Wait::ByUser) {
        Woken::Resumed => {
            set_bool(place, true);
            Ok(())
        }
        other => answer(other, place),
    }
}

/// What a method that has waited returns: true, or false with the reason as the last error.
#[inline(never)]
pub fn answer(woken: Woken, place: Place<'_>) -> Result<(), Stop> {
    let reason = match woken {
        Woken::Resumed => 0,
        Woken::TimedOut => codes::CO_TIMEDOUT,
        Woken::Canceled => codes::CO_CANCELED,
        Woken::Ended => return Err(Stop::Exit),
    };
    if reason != 0 {
        error::set_last(reason);
    }
    set_bool(place, reason == 0);
    Ok(())
}

pub unsafe extern "C" fn resume(ex: *mut zend_execute_data, return_value: *mut zval) {
    // SAFETY: called by the engine with the frame of this call and a place for the result.
    unsafe { run_lean(ex, return_value, do_resume) }
}

#[inline(always)]
fn do_resume(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let cid = match (frame.num_args(), frame.int_arg(0)) {
        (1, Some(cid)) => cid,
        _ => cid_of(frame)?,
    };
    match engine::find(cid) {
        Some(co) if co.waits_for_user() => {
            engine::wake(co, Woken::Resumed);
            set_bool(place, true);
            Ok(())
        }
        _ => Err(not_to_be_resumed()),
    }
}

#[cold]
fn cid_of(frame: Frame) -> Result<i64, Stop> {
    let mut cid = 0_i64;
    parse!(frame, c"l", cid)?;
    Ok(cid)
}

#[cold]
fn not_to_be_resumed() -> Stop {
    Stop::Warning(
        "can not resume the coroutine which is in IO operation or non-existent".to_owned(),
    )
}

/// The least that a timer waits, in seconds.
const MIN_SLEEP_S: f64 = 0.001;

pub fn do_sleep(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut seconds = 0.0_f64;
    parse!(frame, c"d", seconds)?;
    // Not a number neither.
    if seconds.is_nan() || seconds < MIN_SLEEP_S {
        return Err(Stop::Warning(format!(
            "Timer must be greater than or equal to {MIN_SLEEP_S}"
        )));
    }
    let woken = engine::wait(Wait::Cancellable, timeout_ms(seconds)).ok_or_else(outside)?;
    let woken = match woken {
        Woken::TimedOut => Woken::Resumed,
        other => other,
    };
    answer(woken, place)
}

/// A timeout as methods take it, in seconds: 0 and less are without limit.
#[must_use]
pub fn timeout_ms(seconds: f64) -> Option<u64> {
    // A number too large for the clock is without limit, too; the cast of one that is not saturates.
    let ms = seconds * 1000.0;
    (seconds > 0.0 && ms < 1e15).then(|| (ms.round() as u64).max(1))
}

pub fn do_cancel(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut cid, mut throws) = (0_i64, false);
    parse!(frame, c"l|b", cid, throws)?;
    let Some(co) = engine::find(cid) else {
        error::set_last(codes::CO_NOT_EXISTS);
        set_bool(place, false);
        return Ok(());
    };
    if throws {
        let done = interrupt(co, &class::CANCELED)?;
        set_bool(place, done);
        return Ok(());
    }
    let can = co.can_cancel();
    if !can {
        error::set_last(codes::CO_CANNOT_CANCEL);
    }
    set_bool(place, can && engine::wake(co, Woken::Canceled));
    Ok(())
}

/// Makes a coroutine that waits throw an exception of `class`, where it waits. One whose wait cannot be
/// cut short throws when it is over.
fn interrupt(co: &'static Co, class: &'static Entry) -> Result<bool, Bailout> {
    if co.state.get() != State::Waiting {
        error::set_last(codes::CO_CANNOT_CANCEL);
        return Ok(false);
    }
    let mut made = undef();
    // SAFETY: an exception class of ours; made in the frame where it is going to be thrown, which it
    // takes its place from.
    inspect::as_if(co.frame.get(), || unsafe {
        object_init_ex(made.ptr(), class.get());
    })?;
    // SAFETY: an object was just made; its reference goes over.
    if !engine::make_throw(co, unsafe { made.value.obj }) {
        error::set_last(codes::CO_CANCELED);
        return Ok(false);
    }
    if co.can_cancel() {
        engine::wake(co, Woken::Canceled);
    }
    Ok(true)
}

pub fn do_set_time_limit(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut seconds = 0.0_f64;
    parse!(frame, c"d", seconds)?;
    let co = engine::running().ok_or_else(outside)?;
    let Some(ms) = timeout_ms(seconds) else {
        set_bool(place, false);
        return Ok(());
    };
    let cid = co.cid.get();
    let event_loop = event_loop::ready()?;
    let interrupt = move || {
        if let Some(co) = engine::find(cid) {
            co.limit.set(None);
            if interrupt(co, &class::TIMEOUT).is_err() {
                crate::php::callback::note_bailout();
            }
        }
    };
    let timer = event_loop.after(ms, Box::new(interrupt));
    if let Some(former) = co.limit.replace(Some(timer)) {
        waits::cancel_timer(former);
    }
    set_bool(place, true);
    Ok(())
}

pub fn do_is_canceled(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let co = engine::running().ok_or_else(outside)?;
    set_bool(place, co.canceled.get());
    Ok(())
}

pub fn do_join(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut array: *mut HashTable = std::ptr::null_mut();
    let mut timeout_s = -1.0_f64;
    parse!(frame, c"h|d", array, timeout_s)?;
    let me = engine::running().ok_or_else(outside)?;
    let mut cids: Vec<i64> = Vec::new();
    // SAFETY: an element of the argument; it may be an object, whose conversion warns.
    protect(|| {
        for_each(array, |_, value| {
            // SAFETY: as above.
            cids.push(unsafe { zval_get_long_func(value, false) });
        })
    })?;
    set_bool(place, false);
    if cids.contains(&me.cid.get()) {
        error::set_last(codes::WRONG_OPERATION);
        return Err(Stop::Warning("can not join self".to_owned()));
    }
    let joined = joins::join(me, &cids, timeout_ms(timeout_s));
    drop(cids);
    match joined {
        Joined::All => set_bool(place, true),
        Joined::Nobody => error::set_last(codes::INVALID_PARAMS),
        Joined::Taken => error::set_last(codes::WRONG_OPERATION),
        Joined::Woken(woken) => return answer(woken, place),
    }
    Ok(())
}

pub fn do_enable_scheduler(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    set_preemptible(frame, place, true)
}

pub fn do_disable_scheduler(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    set_preemptible(frame, place, false)
}

fn set_preemptible(frame: Frame, place: Place<'_>, preemptible: bool) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let changed =
        engine::running().is_some_and(|co| co.preemptible.replace(preemptible) != preemptible);
    set_bool(place, changed);
    Ok(())
}
