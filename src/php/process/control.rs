//! What acts on processes as such, this one or others.

use super::super::convert::{Item, for_each, return_array, return_list, set_bool, set_long};
use super::super::coroutine::preempt;
use super::super::event_loop;
use super::super::ffi::*;
use super::super::method::{Frame, Stop, protect};
use super::super::method::{parse, trampolines};
use super::{state, sys_warning, warning};
use std::ffi::{CStr, CString};
use std::time::Duration;
use swoole_core::error::{self, codes};
use swoole_core::log;
use swoole_core::reactor::thread_pool;
use swoole_core::sys::process::cpu_count;
use swoole_core::sys::{Errno, forks, user_process};

trampolines! {
    wait => do_wait;
    alarm => do_alarm;
    kill => do_kill;
    daemon => do_daemon;
    set_affinity => do_set_affinity;
    get_affinity => do_get_affinity;
    set_priority => do_set_priority;
    get_priority => do_get_priority;
    exec => do_exec;
}

/// An errno that the script may ask for, by `swoole_last_error()` or `swoole_errno()`.
fn remember(errno: Errno) {
    error::set_last(errno as i32);
    errno.set();
}

fn do_wait(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut blocking = true;
    parse!(frame, c"|b", blocking)?;
    match user_process::wait_child(blocking) {
        Ok((pid, status)) => Ok(return_array(
            place,
            &[
                ("pid", Item::Long(i64::from(pid.as_raw()))),
                ("code", Item::Long(i64::from(status.code))),
                ("signal", Item::Long(i64::from(status.signal))),
            ],
        )?),
        Err(errno) => {
            remember(errno);
            set_bool(place, false);
            Ok(())
        }
    }
}

fn do_alarm(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut microseconds, mut kind) = (0_i64, i64::from(libc::ITIMER_REAL));
    parse!(frame, c"l|l", microseconds, kind)?;
    // 0 and less stop it.
    let interval = Duration::from_micros(microseconds.try_into().unwrap_or(0));
    let kind = i32::try_from(kind).unwrap_or(-1);
    user_process::set_interval_timer(kind, interval)
        .map_err(|errno| sys_warning("setitimer() failed", errno as i32))?;
    set_bool(place, true);
    Ok(())
}

fn do_kill(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut pid, mut signal) = (0_i64, i64::from(libc::SIGTERM));
    parse!(frame, c"l|l", pid, signal)?;
    // A number that is cut to 32 bits may be -1, and that is everybody.
    let sent = match (i32::try_from(pid), i32::try_from(signal)) {
        (Ok(pid), Ok(signal)) => user_process::send_signal(pid, signal),
        (Err(_), _) => Err(Errno::ESRCH),
        (_, Err(_)) => Err(Errno::EINVAL),
    };
    match sent {
        Ok(()) => set_bool(place, true),
        // Signal 0 asks whether there is such a process.
        Err(Errno::ESRCH) if signal == 0 => {
            remember(Errno::ESRCH);
            set_bool(place, false);
        }
        Err(errno) => {
            errno.set();
            return Err(sys_warning(
                format_args!("kill({pid}, {signal}) failed"),
                errno as i32,
            ));
        }
    }
    Ok(())
}

fn do_daemon(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut keep_folder, mut keep_stdio) = (true, true);
    let mut pipes: *mut zval = std::ptr::null_mut();
    parse!(frame, c"|bba", keep_folder, keep_stdio, pipes)?;
    if !pipes.is_null() {
        replace_stdio(pipes)?;
    }
    // Their threads do not go on.
    let given_up = thread_pool::settle();
    if given_up > 0 {
        log::warning(format_args!(
            "Process::daemon(): {given_up} operations of files or names do not come to their end and are given up"
        ));
    }
    if let Err(failure) = user_process::daemon(!keep_folder, !keep_stdio) {
        log::warning(format_args!("{failure}"));
        error::set_last(failure.errno);
        set_bool(place, false);
        return Ok(());
    }
    // The caller's process is over: event loop and timers go on here.
    forks::take_over();
    preempt::renew();
    set_bool(place, true);
    Ok(())
}

/// Puts up to three descriptors in the place of standard input, output and error; null leaves one.
fn replace_stdio(pipes: *mut zval) -> Result<(), Stop> {
    let mut wanted: Vec<Option<*mut zval>> = Vec::new();
    // SAFETY: an argument of the running call, an array, which it keeps.
    let array = unsafe { (*deref(pipes)).value.arr };
    for_each(array, |_, value| {
        // SAFETY: a live value of the array.
        let value = unsafe { deref(value) };
        // SAFETY: as above.
        let is_null = u32::from(unsafe { type_of(value) }) == IS_NULL;
        wanted.push((!is_null).then_some(value));
    });
    for (number, value) in wanted.iter().take(3).enumerate() {
        let Some(value) = value else { continue };
        let fd = event_loop::descriptor(*value)?;
        if let Err(errno) = user_process::redirect(fd, number as i32) {
            super::queue::log_failure(&format!("dup2({fd}, {number})"), errno as i32);
        }
    }
    Ok(())
}

fn do_set_affinity(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut cpus: *mut zval = std::ptr::null_mut();
    parse!(frame, c"a", cpus)?;
    let mut ids: Vec<i64> = Vec::new();
    // SAFETY: an argument of the running call, an array.
    let array = unsafe { (*deref(cpus)).value.arr };
    for_each(array, |_, value| {
        // SAFETY: a live value. Numbers are read as they are; others are converted without user code.
        ids.push(unsafe {
            let value = deref(value);
            match u32::from(type_of(value)) {
                IS_LONG => (*value).value.lval,
                IS_OBJECT | IS_ARRAY => -1,
                _ => zval_get_long_func(value, false),
            }
        });
    });
    let count = cpu_count();
    if ids.is_empty() {
        error::set_last(codes::INVALID_PARAMS);
        set_bool(place, false);
        return Ok(());
    }
    if ids.len() > count {
        return Err(warning("More than the number of CPU"));
    }
    let mut wanted = Vec::with_capacity(ids.len());
    for id in ids {
        match usize::try_from(id) {
            Ok(cpu) if cpu < count => wanted.push(cpu),
            _ => return Err(warning(format!("invalid cpu id [{id}]"))),
        }
    }
    user_process::set_affinity(&wanted)
        .map_err(|errno| sys_warning("sched_setaffinity() failed", errno as i32))?;
    set_bool(place, true);
    Ok(())
}

fn do_get_affinity(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let cpus = user_process::affinity()
        .map_err(|errno| sys_warning("sched_getaffinity() failed", errno as i32))?;
    let cpus: Vec<u64> = cpus.into_iter().map(|cpu| cpu as u64).collect();
    Ok(return_list(place, &cpus)?)
}

/// Whose priority: `$who`, or the process of the object.
fn who(frame: Frame, which: i64, who: i64, is_null: bool) -> Result<u32, Stop> {
    if !is_null {
        // The kernel refuses numbers that name nobody.
        return Ok(u32::try_from(who).unwrap_or(u32::MAX));
    }
    if which != i64::from(libc::PRIO_PROCESS as i32) {
        let stop = warning("$who parameter must not be null");
        error::set_last(codes::INVALID_PARAMS);
        return Err(stop);
    }
    Ok(state(frame)?.pid.get().unsigned_abs())
}

fn do_set_priority(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut which, mut priority, mut given, mut is_null) = (0_i64, 0_i64, 0_i64, true);
    parse!(frame, c"ll|l!", which, priority, given, is_null)?;
    is_null |= frame.num_args() < 3;
    let who = who(frame, which, given, is_null)?;
    let which = i32::try_from(which).unwrap_or(-1);
    let priority = priority.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
    let done = user_process::set_priority(which, who, priority);
    if let Err(errno) = done {
        remember(errno);
    }
    set_bool(place, done.is_ok());
    Ok(())
}

fn do_get_priority(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut which, mut given, mut is_null) = (0_i64, 0_i64, true);
    parse!(frame, c"l|l!", which, given, is_null)?;
    is_null |= frame.num_args() < 2;
    let who = who(frame, which, given, is_null)?;
    match user_process::priority(i32::try_from(which).unwrap_or(-1), who) {
        Ok(priority) => set_long(place, i64::from(priority)),
        Err(errno) => {
            remember(errno);
            set_bool(place, false);
        }
    }
    Ok(())
}

fn do_exec(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    let mut file: *mut zend_string = std::ptr::null_mut();
    let mut arguments: *mut zval = std::ptr::null_mut();
    parse!(frame, c"Sa", file, arguments)?;
    let file = super::super::convert::bytes_of(file).to_vec();
    if file.is_empty() {
        return Err(warning("exec file name is empty"));
    }
    let nul = |what: &str| warning(format!("{what} contains a NUL byte"));
    let path = CString::new(file).map_err(|_| nul("exec file name"))?;
    // SAFETY: an argument of the running call, an array, which it keeps.
    let array = unsafe { (*deref(arguments)).value.arr };
    let mut values: Vec<*mut zval> = Vec::new();
    for_each(array, |_, value| values.push(value));
    let mut given: Vec<CString> = vec![path.clone()];
    for value in values {
        let bytes = text_of(value)?;
        given.push(CString::new(bytes).map_err(|_| nul("an argument of exec()"))?);
    }
    let given: Vec<&CStr> = given.iter().map(CString::as_c_str).collect();
    let errno = user_process::exec(&path, &given);
    let path = path.to_string_lossy();
    Err(sys_warning(
        format_args!("execv({path}) failed"),
        errno as i32,
    ))
}

/// A value as PHP makes it a string.
fn text_of(value: *mut zval) -> Result<Vec<u8>, Stop> {
    // SAFETY: a live value of an array that the running call keeps; `__toString` may run, and nothing is
    // owned. The string is ours to release, once it is copied.
    let string = protect(|| unsafe { zval_get_string_func(deref(value)) })?;
    // SAFETY: as above.
    let bytes = unsafe { str_bytes(string) }.to_vec();
    // SAFETY: as above.
    protect(|| unsafe { ext_php_rs_zend_string_release(string) })?;
    // SAFETY: reading a word of the engine's globals.
    if !unsafe { (*eg()).exception }.is_null() {
        return Err(Stop::Thrown);
    }
    Ok(bytes)
}
