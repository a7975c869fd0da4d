//! `waitEvent()`: a descriptor becomes ready.

use super::{remember, remember_errno};
use crate::php::convert::{set_bool, set_long};
use crate::php::coroutine::co::{Wait, Woken};
use crate::php::coroutine::{engine, methods, outside, waits};
use crate::php::event_loop;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse};
use std::cell::Cell;
use std::os::fd::RawFd;
use std::rc::Rc;
use swoole_core::error::codes;
use swoole_core::reactor::event_loop::{self as core_loop, Trigger};
use swoole_core::reactor::{Interest, Ready};
use swoole_core::sys::socket::Interest as Wanted;
use swoole_core::sys::transfer::{PollEntry, poll_many};

/// `SWOOLE_EVENT_READ`
const READ: i64 = 512;
/// `SWOOLE_EVENT_WRITE`
const WRITE: i64 = 1024;

pub fn do_wait_event(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut socket: *mut zval = std::ptr::null_mut();
    let (mut events, mut timeout_s) = (READ, -1.0_f64);
    parse!(frame, c"z|ld", socket, events, timeout_s)?;
    let fd = event_loop::descriptor(socket)?;
    let happened = match interest_of(events) {
        None => Err(libc::EINVAL),
        Some(interest) if timeout_s == 0.0 => look(fd, interest),
        Some(interest) => wait(fd, interest, methods::timeout_ms(timeout_s))?,
    };
    match happened {
        Ok(events) => set_long(place, events),
        Err(code) => {
            remember_errno(code);
            set_bool(place, false);
        }
    }
    Ok(())
}

fn interest_of(events: i64) -> Option<Interest> {
    match (events & READ != 0, events & WRITE != 0) {
        (true, true) => Some(Interest::READABLE | Interest::WRITABLE),
        (true, false) => Some(Interest::READABLE),
        (false, true) => Some(Interest::WRITABLE),
        (false, false) => None,
    }
}

fn events_of(readable: bool, writable: bool) -> i64 {
    (if readable { READ } else { 0 }) | (if writable { WRITE } else { 0 })
}

/// What is ready at this moment.
fn look(fd: RawFd, interest: Interest) -> Result<i64, i32> {
    let mut entry = PollEntry::new(fd);
    if interest.is_readable() {
        entry.want(Wanted::Read);
    }
    if interest.is_writable() {
        entry.want(Wanted::Write);
    }
    let mut entries = [entry];
    match poll_many(&mut entries, 0) {
        Err(errno) => Err(errno as i32),
        Ok(0) => Err(libc::ETIMEDOUT),
        Ok(_) => {
            let [entry] = entries;
            if entry.is_none() {
                return Err(libc::EBADF);
            }
            let gone = entry.hung_up();
            let readable = interest.is_readable() && (entry.readable() || gone);
            let writable = interest.is_writable() && (entry.writable() || gone);
            Ok(events_of(readable, writable))
        }
    }
}

fn wait(fd: RawFd, interest: Interest, timeout_ms: Option<u64>) -> Result<Result<i64, i32>, Stop> {
    let co = engine::running().ok_or_else(outside)?;
    let event_loop = event_loop::ready()?;
    let (cid, wait) = (co.cid.get(), co.waits.get() + 1);
    let happened = Rc::new(Cell::new(0_i64));
    let theirs = Rc::clone(&happened);
    let ready = move |ready: Ready| {
        let gone = ready.error || (ready.read_closed && ready.write_closed);
        let readable = interest.is_readable() && (ready.readable || ready.read_closed || gone);
        let writable = interest.is_writable() && (ready.writable || ready.write_closed || gone);
        let events = events_of(readable, writable);
        if events != 0 {
            theirs.set(theirs.get() | events);
            waits::wake_from_loop(cid, wait, Woken::Resumed);
        }
    };
    let watch = match event_loop.watch(fd, interest, Trigger::Edge, Rc::new(ready)) {
        Ok(watch) => watch,
        Err(error) => return Ok(Err(error.raw_os_error().unwrap_or(libc::EINVAL))),
    };
    drop(event_loop);
    let woken = engine::wait(Wait::Cancellable, timeout_ms);
    // The loop may be another one by now: after a fork, or at the end.
    if let Some(event_loop) = core_loop::existing() {
        event_loop.unwatch(watch);
    }
    match woken {
        Some(Woken::Ended) | None => Err(Stop::Exit),
        Some(Woken::Resumed) => Ok(Ok(happened.get())),
        Some(woken) => {
            remember(woken, codes::CO_TIMEDOUT);
            Ok(Err(swoole_core::error::last()))
        }
    }
}
