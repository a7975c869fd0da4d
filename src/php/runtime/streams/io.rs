//! Reading, writing, closing.

use super::abi::{self, NetStream};
use super::ops::Stream;
use super::tls;
use crate::php::ffi::*;
use crate::php::method::{Stop, docref};
use crate::php::runtime::at_work::{self, AtWork, Room};
use crate::php::runtime::nonblocking::{self, errno};
use crate::php::runtime::ready::{self, Deadline, Waited, Way};
use std::ffi::{c_char, c_int, c_void};
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

/// What PHP's own code has done when it had no time to wait.
struct Tried {
    result: isize,
    would_wait: bool,
}

/// Runs `f`, PHP's own code, with no time to wait.
///
/// # Safety
/// `net` is what a live stream keeps.
unsafe fn without_waiting(
    net: *mut NetStream,
    f: impl FnOnce() -> Result<isize, Stop>,
) -> Result<Tried, Stop> {
    // SAFETY: the caller's promise.
    unsafe {
        let timeout = (*net).timeout;
        (*net).timeout = NO_TIME;
        (*net).timeout_event = false;
        let result = f();
        (*net).timeout = timeout;
        Ok(Tried {
            result: result?,
            would_wait: (*net).timeout_event,
        })
    }
}

/// The descriptor of a stream that is not closed.
fn fd_of(stream: Stream) -> Option<RawFd> {
    // SAFETY: null, or what the stream keeps.
    unsafe { stream.net().as_ref() }.map(|net| net.socket)
}

pub fn read(stream: Stream, buf: *mut c_char, count: usize) -> Result<isize, Stop> {
    let net = stream.net();
    at_work::refuse(stream.raw(), Way::Read, || fd_of(stream))?;
    if !stream.waits() {
        return Ok(stream.original_read(buf, count)?);
    }
    let Some(work) = AtWork::begin(stream.raw(), Some(Way::Read)) else {
        return Ok(closed(stream));
    };
    // SAFETY: what PHP passed.
    let room = unsafe { Room::of(stream.raw(), buf, count) };
    if tls::is_active(stream) {
        return tls::transfer(stream, &work, Way::Read, || match room.now() {
            Some((buf, count)) => stream.original_read(buf, count),
            None => Ok(0),
        });
    }
    // SAFETY: what the live stream keeps.
    let (fd, timeout) = unsafe { ((*net).socket, (*net).timeout) };
    let time = duration(timeout);
    if time == Some(Duration::ZERO) {
        return Ok(stream.original_read(buf, count)?);
    }
    let deadline = Deadline::after(time);
    loop {
        let Some((buf, count)) = room.now() else {
            return Ok(0);
        };
        // SAFETY: PHP's buffer, of `count` bytes; the stream lives (see below).
        match unsafe { take_what_is_there(stream, fd, buf, count) } {
            There::Bytes(read) => return Ok(read),
            There::Nothing => {}
            There::Unknown => {
                // SAFETY: as above.
                let read =
                    unsafe { without_waiting(net, || Ok(stream.original_read(buf, count)?))? };
                if !read.would_wait {
                    return Ok(read.result);
                }
            }
        }
        let waited = work.waiting(|| ready::wait(fd, Way::Read, deadline.left_ms()))?;
        // SAFETY: the stream lives: it is closed only after whoever waits for it has left.
        unsafe { (*net).timeout_event = waited == Waited::TimedOut };
        match waited {
            Waited::Ready => {}
            Waited::TimedOut => {
                let Some((buf, count)) = room.now() else {
                    return Ok(0);
                };
                // SAFETY: as above. PHP's own finds nothing, either, and says so in its way.
                let read =
                    unsafe { without_waiting(net, || Ok(stream.original_read(buf, count)?))? };
                return Ok(read.result);
            }
            Waited::Canceled => return Ok(-1),
            Waited::Closed => return Ok(closed(stream)),
        }
    }
}

/// What a look at a socket has found.
enum There {
    Bytes(isize),
    /// PHP's own code would wait.
    Nothing,
    /// It is for PHP's own code.
    Unknown,
}

/// What PHP's own code does where there is something to read, in one call of the kernel, unless somebody
/// wants to be notified.
///
/// # Safety
/// A live stream, and a buffer of `count` bytes.
unsafe fn take_what_is_there(stream: Stream, fd: RawFd, buf: *mut c_char, count: usize) -> There {
    // SAFETY: the caller's promise. A context starts with its notifier.
    unsafe {
        let context = (*stream.raw()).ctx.as_ref();
        let context: *const *const c_void = context.map_or(std::ptr::null(), |ctx| ctx.ptr.cast());
        if count == 0 || (!context.is_null() && !(*context).is_null()) {
            return There::Unknown;
        }
        let read = libc::recv(fd, buf.cast(), count, libc::MSG_DONTWAIT);
        if read > 0 {
            (*stream.net()).timeout_event = false;
            There::Bytes(read)
        } else if read < 0 && errno() == libc::EAGAIN && !has_read_some(stream) {
            There::Nothing
        } else {
            There::Unknown
        }
    }
}

/// Whether PHP has read something already for the call that this is for, so that its own code would not
/// wait: since PHP 8.4.
fn has_read_some(stream: Stream) -> bool {
    #[cfg(stream_knows_buffered)]
    // SAFETY: a live stream.
    return unsafe { php_stream::has_buffered_data_raw(stream.raw()) != 0 };
    #[cfg(not(stream_knows_buffered))]
    {
        let _ = stream;
        false
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
    let is_encrypted = tls::is_active(stream);
    if is_encrypted {
        // A record that is written in part is for its own writer to go on with.
        at_work::refuse(stream.raw(), Way::Write, || fd_of(stream))?;
    }
    let Some(work) = AtWork::begin(stream.raw(), Some(Way::Write)) else {
        return Ok(closed(stream));
    };
    if is_encrypted {
        return tls::transfer(stream, &work, Way::Write, || {
            stream.original_write(buf, count)
        });
    }
    let net = stream.net();
    // SAFETY: what the live stream keeps.
    let (fd, time) = unsafe { ((*net).socket, duration((*net).timeout)) };
    let deadline = Deadline::after(time);
    loop {
        let (tried, errno) = try_write(stream, buf, count)?;
        if tried.result > 0 {
            return Ok(tried.result);
        }
        if !tried.would_wait {
            return complain(stream, count, errno, tried.result);
        }
        let waited = work.waiting(|| ready::wait(fd, Way::Write, deadline.left_ms()))?;
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

/// PHP's own code, which says nothing, and its errno.
fn try_write(stream: Stream, buf: *const c_char, count: usize) -> Result<(Tried, i32), Stop> {
    let raw = stream.raw();
    // SAFETY: a live stream, and what it keeps.
    unsafe {
        let flags = (*raw).flags;
        (*raw).flags = flags | abi::FLAG_SUPPRESS_ERRORS;
        let mut errno = 0;
        let written = without_waiting(stream.net(), || {
            let written = stream.original_write(buf, count);
            errno = nonblocking::errno();
            Ok(written?)
        });
        (*raw).flags =
            ((*raw).flags & !abi::FLAG_SUPPRESS_ERRORS) | (flags & abi::FLAG_SUPPRESS_ERRORS);
        Ok((written?, errno))
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
    if let Some(fd) = fd_of(stream) {
        at_work::closing(stream.raw(), || {
            if fd >= 0 {
                ready::closing(fd);
            }
        });
    }
    Ok(stream.original_close(close_handle)?)
}
