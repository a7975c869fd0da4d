//! Reading, writing, closing.

use super::abi::{self, NetStream};
use super::ops::Stream;
use super::tls;
use crate::php::ffi::*;
use crate::php::method::{Stop, docref};
use crate::php::runtime::ready::{self, Deadline, Waited, Way};
use std::ffi::{c_char, c_int, c_void};
use std::io::Error;
use std::os::fd::RawFd;
use std::time::Duration;

/// PHP's own code waits for no time with this, and yet tells by `timeout_event` that it would have
/// waited: with a timeout of 0 it would not.
const NO_TIME: libc::timeval = libc::timeval {
    tv_sec: 0,
    tv_usec: 1,
};

/// A timeout of PHP's; None: without limit.
#[must_use]
pub fn duration(time: libc::timeval) -> Option<Duration> {
    if time.tv_sec < 0 {
        return None;
    }
    let seconds = Duration::from_secs(time.tv_sec.unsigned_abs());
    Some(seconds + Duration::from_micros(time.tv_usec.unsigned_abs()))
}

/// Runs `f` while PHP's own code has no time to wait; None: it would have waited.
///
/// # Safety
/// `net` is what a live stream keeps.
unsafe fn without_waiting(
    net: *mut NetStream,
    f: impl FnOnce() -> Result<isize, Stop>,
) -> Result<(isize, bool), Stop> {
    // SAFETY: the caller's promise.
    unsafe {
        let timeout = (*net).timeout;
        (*net).timeout = NO_TIME;
        (*net).timeout_event = false;
        let result = f();
        (*net).timeout = timeout;
        Ok((result?, (*net).timeout_event))
    }
}

pub fn read(stream: Stream, buf: *mut c_char, count: usize) -> Result<isize, Stop> {
    let net = stream.net();
    if !stream.waits() {
        return Ok(stream.original_read(buf, count)?);
    }
    if tls::is_active(stream) {
        return tls::transfer(stream, Way::Read, || stream.original_read(buf, count));
    }
    // SAFETY: what the live stream keeps.
    let (fd, timeout) = unsafe { ((*net).socket, (*net).timeout) };
    let time = duration(timeout);
    if time == Some(Duration::ZERO) {
        return Ok(stream.original_read(buf, count)?);
    }
    let deadline = Deadline::after(time);
    loop {
        // SAFETY: PHP's buffer, of `count` bytes; the stream lives (see below).
        if let Some(read) = unsafe { take_what_is_there(stream, fd, buf, count) } {
            return Ok(read);
        }
        // SAFETY: as above.
        let (result, would_wait) =
            unsafe { without_waiting(net, || Ok(stream.original_read(buf, count)?))? };
        if !would_wait {
            return Ok(result);
        }
        let waited = ready::wait(fd, Way::Read, deadline.left_ms())?;
        // SAFETY: the stream lives: it is closed only after whoever waits for it has left.
        unsafe { (*net).timeout_event = waited == Waited::TimedOut };
        match waited {
            Waited::Ready => {}
            Waited::TimedOut => return Ok(result),
            Waited::Canceled => return Ok(-1),
            Waited::Closed => return Ok(closed(stream)),
        }
    }
}

/// What PHP's own code does where there is something to read, in one call of the kernel; None: there is
/// not, or somebody wants to be notified.
///
/// # Safety
/// A live stream, and a buffer of `count` bytes.
unsafe fn take_what_is_there(
    stream: Stream,
    fd: RawFd,
    buf: *mut c_char,
    count: usize,
) -> Option<isize> {
    // SAFETY: the caller's promise. A context starts with its notifier.
    unsafe {
        let context = (*stream.raw()).ctx.as_ref();
        let context: *const *const c_void = context.map_or(std::ptr::null(), |ctx| ctx.ptr.cast());
        if count == 0 || (!context.is_null() && !(*context).is_null()) {
            return None;
        }
        let read = libc::recv(fd, buf.cast(), count, libc::MSG_DONTWAIT);
        if read <= 0 {
            return None;
        }
        (*stream.net()).timeout_event = false;
        Some(read)
    }
}

/// Somebody closes the stream that another coroutine is in: to that one it is at its end.
fn closed(stream: Stream) -> isize {
    // SAFETY: the stream lives until who was told has left it.
    unsafe {
        (*stream.net()).timeout_event = false;
        (*stream.raw()).set_eof(1);
    }
    -1
}

pub fn write(stream: Stream, buf: *const c_char, count: usize) -> Result<isize, Stop> {
    if !stream.waits() || count == 0 {
        return Ok(stream.original_write(buf, count)?);
    }
    if tls::is_active(stream) {
        return tls::transfer(stream, Way::Write, || stream.original_write(buf, count));
    }
    let net = stream.net();
    // SAFETY: what the live stream keeps.
    let (fd, time) = unsafe { ((*net).socket, duration((*net).timeout)) };
    let deadline = Deadline::after(time);
    loop {
        let (result, would_wait, errno) = try_write(stream, buf, count)?;
        if result > 0 {
            return Ok(result);
        }
        if !would_wait {
            return complain(stream, count, errno, result);
        }
        let waited = ready::wait(fd, Way::Write, deadline.left_ms())?;
        // SAFETY: the stream lives: it is closed only after whoever waits for it has left.
        unsafe { (*net).timeout_event = waited == Waited::TimedOut };
        match waited {
            Waited::Ready => {}
            Waited::TimedOut => return complain(stream, count, libc::EAGAIN, -1),
            Waited::Canceled => return complain(stream, count, libc::ECANCELED, -1),
            Waited::Closed => return Ok(closed(stream)),
        }
    }
}

/// PHP's own code, which says nothing: what it returned, whether it would have waited, and its errno.
fn try_write(stream: Stream, buf: *const c_char, count: usize) -> Result<(isize, bool, i32), Stop> {
    let raw = stream.raw();
    // SAFETY: a live stream, and what it keeps.
    unsafe {
        let flags = (*raw).flags;
        (*raw).flags = flags | abi::FLAG_SUPPRESS_ERRORS;
        let mut errno = 0;
        let written = without_waiting(stream.net(), || {
            let written = stream.original_write(buf, count);
            errno = Error::last_os_error().raw_os_error().unwrap_or(0);
            Ok(written?)
        });
        (*raw).flags =
            ((*raw).flags & !abi::FLAG_SUPPRESS_ERRORS) | (flags & abi::FLAG_SUPPRESS_ERRORS);
        let (result, would_wait) = written?;
        Ok((result, would_wait, errno))
    }
}

/// The notice of PHP's own code.
fn complain(stream: Stream, count: usize, errno: i32, result: isize) -> Result<isize, Stop> {
    // SAFETY: a live stream.
    if unsafe { (*stream.raw()).flags } & abi::FLAG_SUPPRESS_ERRORS == 0 {
        let text = swoole_core::error::describe(errno);
        docref(
            E_NOTICE,
            &format!("Send of {count} bytes failed with errno={errno} {text}"),
        )?;
    }
    Ok(result)
}

pub fn close(stream: Stream, close_handle: c_int) -> Result<c_int, Stop> {
    let net = stream.net();
    if !net.is_null() && close_handle != 0 {
        // SAFETY: what the live stream keeps.
        let fd = unsafe { (*net).socket };
        if fd >= 0 {
            ready::closing(fd);
        }
    }
    Ok(stream.original_close(close_handle)?)
}
