//! Starting the child, and leaving it.

use super::super::callback::{self, CallOutcome, Callback, Spawned};
use super::super::convert::{set_bool, set_long, set_object};
use super::super::event_loop;
use super::super::ffi::*;
use super::super::method::{Frame, Stop, docref, protect};
use super::super::method::{parse, trampolines};
use super::super::object;
use super::super::properties;
use super::child::{self, End};
use super::pipe::Side;
use super::{PROCESS, Process, state, warning};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use swoole_core::error::{self, codes};
use swoole_core::sys::process::{Forked, getpid};
use swoole_core::sys::user_process::{redirect, send_signal};

trampolines! {
    start => do_start;
    exit => do_exit;
}

fn do_start(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let process = state(frame)?;
    let pid = process.pid.get();
    if pid != 0 && send_signal(pid, 0).is_ok() {
        return Err(warning("process has already been started"));
    }
    child::refuse_in_coroutine()?;
    let this = frame.this();
    // Before the fork: what cannot be called is the parent's mistake, and no child is needed to tell.
    let callback = Callback::resolve(properties::get(&PROCESS, this, c"callback"))?;
    let forked = child::fork_child().map_err(|failed| {
        error::set_last(failed.errno);
        Stop::Warning(format!("fork() failed, {failed}"))
    })?;
    match forked {
        Forked::Parent(pid) => {
            process.pid.set(pid.as_raw());
            protect(|| properties::set_int(&PROCESS, this, c"pid", i64::from(pid.as_raw())))?;
            set_long(place, i64::from(pid.as_raw()));
            Ok(())
        }
        Forked::Child => run_child(&process, this, &callback),
    }
}

/// The whole life of a process that a server has forked for this object.
pub fn run_in_server(this: *mut zend_object, worker_id: u32) -> CallOutcome {
    match begin_in_server(this, worker_id) {
        Ok((process, callback)) => match call(&process, this, &callback) {
            // What it has put into the event loop goes on.
            End::Done => match event_loop::wait() {
                Ok(()) | Err(Stop::Exit) => CallOutcome::Returned,
                Err(_) => CallOutcome::Bailout,
            },
            End::Fault => CallOutcome::Bailout,
        },
        Err(_) => CallOutcome::Exit(1),
    }
}

fn begin_in_server(
    this: *mut zend_object,
    worker_id: u32,
) -> Result<(Rc<Process>, Callback), Stop> {
    child::enter_of_server();
    // SAFETY: the server keeps the object, which is of the class.
    let process = unsafe { object::state::<Process>(this) }.ok_or_else(Stop::not_constructed)?;
    let callback = Callback::resolve(properties::get(&PROCESS, this, c"callback"))?;
    protect(|| properties::set_int(&PROCESS, this, c"id", i64::from(worker_id)))?;
    enter(&process, this)?;
    Ok((process, callback))
}

/// The whole life of the child.
fn run_child(process: &Rc<Process>, this: *mut zend_object, callback: &Callback) -> ! {
    let end = match enter(process, this) {
        Ok(()) => call(process, this, callback),
        // A user's error handler ended the script.
        Err(_) => End::Fault,
    };
    child::end_here(end)
}

/// Makes this process the child that `process` stands for.
fn enter(process: &Process, this: *mut zend_object) -> Result<(), Stop> {
    process.pid.set(getpid().as_raw());
    process.pipe.borrow_mut().side = Side::Worker;
    let end = process.pipe.borrow().current();
    if process.redirect
        && let Some(end) = &end
    {
        for stream in 0..=2 {
            if let Err(errno) = redirect(end.as_raw_fd(), stream) {
                let why = error::describe(errno as i32);
                docref(
                    E_WARNING,
                    &format!("dup2() failed, Error: {why}[{}]", errno as i32),
                )?;
            }
        }
    }
    protect(|| {
        properties::set_int(&PROCESS, this, c"pid", i64::from(process.pid.get()));
        if let Some(end) = &end {
            properties::set_int(&PROCESS, this, c"pipe", i64::from(end.as_raw_fd()));
        }
    })?;
    Ok(())
}

/// Runs the callback, and with coroutines the event loop after it. (Without, PHP's shutdown runs the
/// loop, if the callback has put something there.)
fn call(process: &Process, this: *mut zend_object, callback: &Callback) -> End {
    let mut held = callback.value();
    // SAFETY: the callable lives in the object's property; the callback may change that meanwhile. The
    // process ends without giving this reference back.
    unsafe { try_addref(held.ptr()) };
    match run_callback(process.coroutine.get(), this, callback) {
        CallOutcome::Returned => {}
        CallOutcome::Exit(_) => return End::Done,
        CallOutcome::Exception | CallOutcome::Bailout => return End::Fault,
    }
    if !process.coroutine.get() {
        return End::Done;
    }
    match event_loop::wait() {
        Ok(()) | Err(Stop::Exit) => End::Done,
        Err(_) => End::Fault,
    }
}

/// The one place where a process's callback is called.
fn run_callback(in_coroutine: bool, this: *mut zend_object, callback: &Callback) -> CallOutcome {
    let fill = |[process]: &mut [Value; 1]| set_object(process.place(), this);
    if !in_coroutine {
        return callback::call(callback, fill);
    }
    match callback::spawn(callback, fill) {
        Spawned::Ended(outcome) => outcome,
        Spawned::Suspended(_) => CallOutcome::Returned,
    }
}

/// Exit codes of a process.
const CODES: std::ops::RangeInclusive<i64> = 0..=255;

fn do_exit(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut code = 0_i64;
    parse!(frame, c"|l", code)?;
    let process = state(frame)?;
    if process.pid.get() != getpid().as_raw() {
        return Err(warning("not current process"));
    }
    let status = if CODES.contains(&code) {
        code as i32
    } else {
        error::set_last(codes::PHP_FATAL_ERROR);
        docref(E_WARNING, "exit ret_code range is [>0 and <255] ")?;
        1
    };
    set_bool(place, true);
    // SAFETY: flushes PHP's output buffers; user output handlers may run.
    protect(|| unsafe { php_output_end_all() })?;
    Err(Stop::EndProcess(status))
}
