//! `Swoole\Coroutine`: what goes on, without changing it.

use super::class;
use super::co::Co;
use super::engine;
use crate::php::convert::{set_bool, set_long, set_new_array, set_null, set_object};
use crate::php::ffi::*;
use crate::php::method::{Bailout, Frame, Stop, docref, parse, protect, run_lean};
use std::ffi::c_int;
use swoole_core::error::{self, codes};
use swoole_core::reactor::clock::monotonic_ms;
use swoole_core::reactor::event_loop;

/// `DEBUG_BACKTRACE_PROVIDE_OBJECT` and `DEBUG_BACKTRACE_IGNORE_ARGS`.
pub const PROVIDE_OBJECT: i64 = 1;
pub const IGNORE_ARGS: i64 = 2;

// SAFETY: declared in Zend/zend_builtin_functions.h and Zend/zend_exceptions.h, PHP 8.2 to 8.5.
unsafe extern "C" {
    fn zend_fetch_debug_backtrace(
        return_value: *mut zval,
        skip_last: c_int,
        options: c_int,
        limit: c_int,
    );
    fn zend_trace_to_string(trace: *mut HashTable, include_main: bool) -> *mut zend_string;
}

/// The coroutine that a method's argument names: 0 is the running one.
fn named(cid: i64) -> Option<&'static Co> {
    if cid == 0 {
        engine::running()
    } else {
        engine::find(cid)
    }
}

fn not_found() {
    error::set_last(codes::CO_NOT_EXISTS);
}

pub unsafe extern "C" fn get_cid(_: *mut zend_execute_data, return_value: *mut zval) {
    // SAFETY: called by the engine with a place for the result.
    let place = unsafe { Place::new(return_value) };
    set_long(place, super::current().unwrap_or(-1));
}

pub fn do_get_pcid(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut cid = 0_i64;
    parse!(frame, c"|l", cid)?;
    match named(cid) {
        Some(co) => set_long(place, co.parent.get()),
        None => set_bool(place, false),
    }
    Ok(())
}

pub unsafe extern "C" fn exists(ex: *mut zend_execute_data, return_value: *mut zval) {
    // SAFETY: called by the engine with the frame of this call and a place for the result.
    unsafe { run_lean(ex, return_value, do_exists) }
}

fn do_exists(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut cid = 0_i64;
    match (frame.num_args(), frame.int_arg(0)) {
        (1, Some(given)) => cid = given,
        _ => parse!(frame, c"l", cid)?,
    }
    set_bool(place, engine::find(cid).is_some());
    Ok(())
}

pub fn do_get_context(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut cid = 0_i64;
    parse!(frame, c"|l", cid)?;
    set_null(place);
    let Some(co) = named(cid) else {
        not_found();
        return Ok(());
    };
    if co.user_context_gone.get() {
        return Ok(docref(
            E_WARNING,
            "The context of coroutine has been destroyed",
        )?);
    }
    if co.user_context.get().is_null() {
        let mut made = undef();
        // SAFETY: a class of ours; the new object's reference goes to the record.
        protect(|| unsafe { object_init_ex(made.ptr(), class::CONTEXT.get()) })?;
        // SAFETY: an object was just made.
        co.user_context.set(unsafe { made.value.obj });
    }
    let object = co.user_context.get();
    // SAFETY: the record keeps the object; the result is one more reference.
    unsafe { (*object).gc.refcount += 1 };
    set_object(place, object);
    Ok(())
}

pub fn do_get_elapsed(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut cid = 0_i64;
    parse!(frame, c"|l", cid)?;
    let elapsed_ms = |co: &'static Co| monotonic_ms().saturating_sub(co.created_ms.get()) as i64;
    set_long(place, named(cid).map_or(-1, elapsed_ms));
    Ok(())
}

pub fn do_get_stack_usage(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut cid = 0_i64;
    parse!(frame, c"|l", cid)?;
    let Some(co) = named(cid) else {
        not_found();
        set_bool(place, false);
        return Ok(());
    };
    let is_running = engine::running().is_some_and(|running| std::ptr::eq(running, co));
    let mut bytes = 0;
    // SAFETY: the VM stack of a coroutine that lives is a list of pages that ends with null.
    unsafe {
        let mut page = if is_running {
            (*eg()).vm_stack
        } else {
            co.stack.get()
        };
        while !page.is_null() {
            bytes += (*page).end as usize - (*page).top as usize;
            page = (*page).prev;
        }
    }
    set_long(place, bytes as i64);
    Ok(())
}

pub fn do_stats(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let event_loop = event_loop::existing();
    let signals = event_loop
        .as_ref()
        .map_or(0, |event_loop| event_loop.handled_signals().len());
    let events = event_loop.map_or(0, |event_loop| event_loop.watched());
    let numbers = [
        ("event_num", events),
        ("signal_listener_num", signals),
        ("aio_task_num", 0),
        ("aio_worker_num", 0),
        ("aio_queue_size", 0),
        ("c_stack_size", engine::stack_bytes()),
        ("coroutine_num", engine::count()),
        ("coroutine_peak_num", engine::peak()),
    ];
    protect(|| {
        set_new_array(place, numbers.len() + 1);
        for (key, number) in numbers {
            add(place, key, number as i64);
        }
        add(place, "coroutine_last_cid", engine::last_cid());
    })?;
    Ok(())
}

fn add(place: Place<'_>, key: &str, number: i64) {
    // SAFETY: `place` holds an array of our own; the engine copies the key.
    unsafe { add_assoc_long_ex(place.ptr(), key.as_ptr().cast(), key.len(), number) };
}

pub fn do_list(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let mut cids = engine::cids();
    // The newest first, as the reference has it while they are few.
    cids.reverse();
    let mut list = undef();
    protect(|| {
        set_new_array(list.place(), cids.len());
        for cid in &cids {
            // SAFETY: an array of our own.
            unsafe { add_next_index_long(list.ptr(), *cid) };
        }
        // SAFETY: a class of ours, whose constructor is its parent's: it takes the array.
        unsafe {
            object_init_ex(place.ptr(), class::ITERATOR.get());
            let object = (*place.ptr()).value.obj;
            zend_call_known_function(
                (*(*object).ce).constructor,
                object,
                (*object).ce,
                std::ptr::null_mut(),
                1,
                list.ptr(),
                std::ptr::null_mut(),
            );
            zval_ptr_dtor(list.ptr());
        }
    })?;
    Ok(())
}

/// Whose frames a backtrace shows.
enum Whose {
    Running,
    /// It has this frame.
    Other(*mut zend_execute_data),
    Nobody,
}

fn whose(cid: i64) -> Whose {
    if cid == 0 || Some(cid) == super::current() {
        return Whose::Running;
    }
    match engine::find(cid) {
        Some(co) => Whose::Other(co.frame.get()),
        None => Whose::Nobody,
    }
}

/// Runs `f` as if `frame` were the running one.
pub fn as_if<R>(frame: *mut zend_execute_data, f: impl FnOnce() -> R) -> Result<R, Bailout> {
    // SAFETY: a frame of a coroutine that waits, which stays as it is meanwhile; put back below, and by
    // `protect` itself after a bailout.
    unsafe {
        let running = (*eg()).current_execute_data;
        protect(|| {
            (*eg()).current_execute_data = frame;
            let result = f();
            (*eg()).current_execute_data = running;
            result
        })
    }
}

fn clamp(number: i64) -> c_int {
    c_int::try_from(number).unwrap_or(if number < 0 { c_int::MIN } else { c_int::MAX })
}

pub fn do_get_back_trace(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut cid, mut options, mut limit) = (0_i64, PROVIDE_OBJECT, 0_i64);
    parse!(frame, c"|lll", cid, options, limit)?;
    let (options, limit) = (clamp(options), clamp(limit));
    // SAFETY: writes an array to `place`.
    let fetch = || unsafe { zend_fetch_debug_backtrace(place.ptr(), 0, options, limit) };
    match whose(cid) {
        Whose::Running => protect(fetch)?,
        Whose::Other(frame) => as_if(frame, fetch)?,
        Whose::Nobody => {
            not_found();
            set_bool(place, false);
        }
    }
    Ok(())
}

pub fn do_print_back_trace(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut cid, mut options, mut limit) = (0_i64, 0_i64, 0_i64);
    parse!(frame, c"|lll", cid, options, limit)?;
    set_null(place);
    if !print_backtrace(cid, options, limit)? {
        not_found();
    }
    Ok(())
}

/// Prints a coroutine's backtrace; false: there is no such coroutine.
pub fn print_backtrace(cid: i64, options: i64, limit: i64) -> Result<bool, Bailout> {
    let (options, limit) = (clamp(options), clamp(limit));
    match whose(cid) {
        Whose::Running => protect(|| print_here(1, options, limit))?,
        Whose::Other(frame) => as_if(frame, || print_here(0, options, limit))?,
        Whose::Nobody => return Ok(false),
    }
    Ok(true)
}

/// Inside [`protect`].
fn print_here(skip_last: c_int, options: c_int, limit: c_int) {
    let mut trace = undef();
    // SAFETY: the engine makes the array and the string for us; both are given back.
    unsafe {
        zend_fetch_debug_backtrace(trace.ptr(), skip_last, options, limit);
        let text = zend_trace_to_string(trace.value.arr, false);
        let bytes = str_bytes(text);
        php_output_write(bytes.as_ptr().cast(), bytes.len());
        ext_php_rs_zend_string_release(text);
        zval_ptr_dtor(trace.ptr());
    }
}
