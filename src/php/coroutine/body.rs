//! What runs in a coroutine's context: one callable after the other.

use super::co::Co;
use super::engine;
use super::fiber::Transfer;
use super::{joins, vm, waits};
use crate::php::callback::{self, CallOutcome};
use crate::php::ffi::*;
use crate::php::method::{Bailout, about_panic, protect};
use std::convert::Infallible;
use std::ffi::{c_char, c_int};
use std::panic::catch_unwind;
use swoole_core::reactor::clock;

// SAFETY: declared in Zend/zend_errors.h, PHP 8.2 to 8.5.
unsafe extern "C" {
    fn zend_error(kind: c_int, format: *const c_char, ...);
}

/// The body of each context: takes the coroutine that is to begin, runs it to its end, and waits for the
/// next.
pub unsafe extern "C" fn run(_: *mut Transfer) {
    // One place to land for all coroutines of this context. Nothing is owned while PHP code runs: what a
    // coroutine owns is in its record.
    let ended = catch_unwind(|| {
        let Err(Bailout) = protect(|| -> Infallible {
            loop {
                let co = running();
                begin(co);
                run_and_release(co);
                joins::tell(co);
                engine::close(co);
                tell_creator(co);
                engine::keep(co);
                engine::park(co);
            }
        });
    });
    if let Err(panic) = ended {
        let text = about_panic(&*panic);
        // SAFETY: `%.*s` takes a length and that many bytes. There is no frame of a function that the message
        // could name. It bails out, which goes no further.
        let _ = protect(|| unsafe {
            zend_error(
                E_ERROR as c_int,
                c"%.*s".as_ptr(),
                text.len() as c_int,
                text.as_ptr(),
            );
        });
    }
    // The bailout has left the context in disorder: it ends with its coroutine.
    let co = running();
    vm::after_bailout(co.page.get());
    callback::coroutine_ended(CallOutcome::Bailout);
    give_up(co);
    joins::tell(co);
    engine::close(co);
    tell_creator(co);
    engine::park(co);
    std::process::abort()
}

/// Calls what whoever created the coroutine wants called.
#[inline]
fn tell_creator(co: &Co) {
    if let Some(done) = co.done.take() {
        done();
    }
}

#[inline]
fn running() -> &'static Co {
    match engine::running() {
        Some(co) => co,
        None => std::process::abort(),
    }
}

#[inline]
fn begin(co: &Co) {
    co.waits.set(0);
    co.ended.set(false);
    co.canceled.set(false);
    co.user_context_gone.set(false);
    co.preemptible.set(true);
    co.created_ms.set(clock::tick_ms());
    vm::enter(co.page.get(), co.range());
}

fn run_and_release(co: &Co) {
    let Some(call) = co.call.get() else { return };
    let (args, count) = co.args.get();
    let mut returned = undef();
    callback::call_resolved(call.callable, call.fcc, args, count, &mut returned);
    let mut outcome = callback::take_exception();
    if !co.defers.borrow().is_empty() {
        let later = run_defers(co, returned, outcome);
        outcome = worse(outcome, later);
    }
    release(co, returned);
    outcome = worse(outcome, callback::take_exception());
    // An exit that we threw ourselves, to leave the frames, is no news.
    if outcome != CallOutcome::Returned && !co.ended.get() {
        callback::coroutine_ended(outcome);
    }
}

fn worse(first: CallOutcome, second: CallOutcome) -> CallOutcome {
    if first == CallOutcome::Returned {
        second
    } else {
        first
    }
}

/// `defer()`: the last one first, each with what the coroutine returned. One that throws is the last.
#[cold]
fn run_defers(co: &Co, mut returned: Value, outcome: CallOutcome) -> CallOutcome {
    // After an exit no user code runs.
    if matches!(outcome, CallOutcome::Exit(_)) {
        return CallOutcome::Returned;
    }
    // SAFETY: a value of our own.
    let count = u32::from(u32::from(unsafe { type_of(returned.ptr()) }) != IS_UNDEF);
    loop {
        // No borrow is held while PHP code runs, which may defer more.
        let call = co.defers.borrow_mut().pop();
        let Some(call) = call else {
            return CallOutcome::Returned;
        };
        let mut ignored = undef();
        callback::call_resolved(call.callable, call.fcc, returned.ptr(), count, &mut ignored);
        // SAFETY: a value of our own.
        unsafe { zval_ptr_dtor(ignored.ptr()) };
        call.release();
        let outcome = callback::take_exception();
        if outcome != CallOutcome::Returned {
            return outcome;
        }
    }
}

/// Gives back all that the coroutine holds of the engine's; destructors may run.
#[inline]
fn release(co: &Co, mut returned: Value) {
    vm::end_output(co.ended.get());
    if !co.defers.borrow().is_empty() {
        release_defers(co);
    }
    let context = co.user_context.replace(std::ptr::null_mut());
    if !context.is_null() {
        co.user_context_gone.set(true);
        // SAFETY: a reference of ours.
        unsafe { ext_php_rs_zend_object_release(context) };
    }
    // SAFETY: a value of our own.
    unsafe { zval_ptr_dtor(returned.ptr()) };
    if let Some(call) = co.call.take() {
        call.release();
    }
    end_limit(co);
}

/// `setTimeLimit()` is over; it would keep the event loop going.
#[inline]
fn end_limit(co: &Co) {
    if let Some(timer) = co.limit.take() {
        waits::cancel_timer(timer);
    }
}

#[cold]
fn release_defers(co: &Co) {
    loop {
        let call = co.defers.borrow_mut().pop();
        match call {
            Some(call) => call.release(),
            None => return,
        }
    }
}

/// After a bailout: the engine frees its memory as a whole; only what is ours is put in order.
#[cold]
fn give_up(co: &Co) {
    co.call.set(None);
    co.defers.borrow_mut().clear();
    co.user_context.set(std::ptr::null_mut());
    co.throw.set(std::ptr::null_mut());
    end_limit(co);
}
