//! The pipe between a process and its child: each side has an end.

use super::super::convert::{bytes_of, return_bytes, set_bool, set_copy, set_long};
use super::super::ffi::*;
use super::super::method::{Frame, Stop};
use super::super::method::{parse, trampolines};
use super::super::owned::Owned;
use super::{Process, state, sys_warning, warning};
use std::cell::RefCell;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::time::Duration;
use swoole_core::coroutine::socket as coroutine_socket;
use swoole_core::error;
use swoole_core::reactor::event_loop;
use swoole_core::reactor::outbox::Outbox;
use swoole_core::sys::pipe::{self, Kind, Patience};
use swoole_core::sys::socket::{self, Shutdown};
use swoole_core::sys::{Errno, SysError, fd};

trampolines! {
    write => do_write;
    read => do_read;
    close => do_close;
    set_timeout => do_set_timeout;
    set_blocking => do_set_blocking;
    export_socket => do_export_socket;
}

// `Process::PIPE_*`: what close() closes; any other number, 0 among them, is both ends.
const CLOSE_ALL: i64 = 0;
pub const CLOSE_MASTER: i64 = 1;
pub const CLOSE_WORKER: i64 = 2;
pub const CLOSE_READ: i64 = 3;
pub const CLOSE_WRITE: i64 = 4;

/// No call reads more at once: a pipe's buffers hold less.
const MAX_READ_BYTES: usize = 16 << 20;
/// More does not wait to be sent.
const MAX_WAITING_BYTES: usize = 8 << 20;

/// Who uses an end: the process that made the object, or its child.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    #[default]
    Master,
    Worker,
}

/// Both ends of a pipe, as far as they are open in this process.
#[derive(Clone, Debug, Default)]
pub struct Ends {
    /// In the order of [`Side`].
    ends: [Option<End>; 2],
    /// The side of this process.
    pub side: Side,
}

#[derive(Clone, Debug)]
struct End {
    fd: Rc<OwnedFd>,
    /// How long reading and writing may wait; None: without limit.
    limit: Option<Duration>,
}

impl Ends {
    pub fn make(kind: Kind) -> Result<Ends, SysError> {
        let (master, worker) = pipe::pair(kind)?;
        let end = |fd| {
            let fd = Rc::new(fd);
            Some(End { fd, limit: None })
        };
        Ok(Ends {
            ends: [end(master), end(worker)],
            ..Ends::default()
        })
    }

    /// The pipe of a pool's worker: the end that others write to, and the worker's own.
    #[must_use]
    pub fn of_worker(to: Rc<OwnedFd>, own: Rc<OwnedFd>, side: Side) -> Ends {
        let end = |fd| Some(End { fd, limit: None });
        Ends {
            ends: [end(to), end(own)],
            side,
        }
    }

    fn end(&self) -> Option<&End> {
        self.ends[self.side as usize].as_ref()
    }

    /// The end of this process.
    #[must_use]
    pub fn current(&self) -> Option<Rc<OwnedFd>> {
        self.end().map(|end| Rc::clone(&end.fd))
    }

    #[must_use]
    pub fn current_fd(&self) -> Option<RawFd> {
        self.end().map(|end| end.fd.as_raw_fd())
    }
}

/// Closes one end in this process; false if it is closed.
fn close_end(pipe: &RefCell<Ends>, side: Side) -> bool {
    let end = pipe.borrow_mut().ends[side as usize].take();
    let Some(end) = end else {
        return false;
    };
    // A closed descriptor that is still watched would keep the loop waiting for ever. The callback that goes
    // with the watch may own objects whose destructors use this pipe: nothing of it is borrowed.
    if let Some(event_loop) = event_loop::existing()
        && let Some(id) = event_loop.find(end.fd.as_raw_fd())
    {
        event_loop.unwatch(id);
    }
    true
}

fn do_write(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut data: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"S", data)?;
    let data = bytes_of(data);
    if data.is_empty() {
        return Err(warning("the data to send is empty"));
    }
    let process = state(frame)?;
    let end = process.pipe.borrow().end().cloned();
    let Some(end) = end else {
        return Err(warning("no pipe, cannot write into pipe"));
    };
    let runs = || event_loop::existing().is_some_and(|event_loop| event_loop.is_running());
    let waits = process.blocking.get() && !(process.writes_at_once && runs());
    let sent = if waits {
        send_in_time(&process, &end, data)
    } else {
        send_at_once(&process, &end.fd, data)
    };
    let sent = sent.map_err(|e| sys_warning("write() failed", e as i32))?;
    set_long(place, sent as i64);
    Ok(())
}

/// Sends, and waits for room. What the event loop did not come to send goes first.
fn send_in_time(process: &Process, end: &End, data: &[u8]) -> Result<usize, Errno> {
    let patience = Patience::Limited(end.limit);
    let outbox = process.outbox.borrow().clone();
    if let Some(outbox) = outbox.filter(|outbox| outbox.is_of_this_process()) {
        outbox.flush(patience)?;
    }
    pipe::send(&*end.fd, data, patience)
}

/// Sends without waiting: what the pipe does not take, the event loop sends later. Without one, less than
/// all may be sent.
fn send_at_once(process: &Process, fd: &Rc<OwnedFd>, data: &[u8]) -> Result<usize, Errno> {
    let outbox = process.outbox.borrow().clone();
    let outbox = outbox.filter(|outbox| outbox.is_of_this_process());
    let waits = outbox
        .as_ref()
        .is_some_and(|outbox| outbox.flush(Patience::None).is_err());
    let sent = match event_loop::existing() {
        // Behind what waits already.
        Some(_) if waits => 0,
        None if waits => return Err(Errno::EAGAIN),
        _ => match pipe::send(&**fd, data, Patience::None) {
            Err(Errno::EAGAIN) if event_loop::existing().is_some() => 0,
            other => other?,
        },
    };
    let rest = data.get(sent..).unwrap_or_default();
    let Some(event_loop) = event_loop::existing().filter(|_| !rest.is_empty()) else {
        return Ok(sent);
    };
    let outbox = match outbox {
        Some(outbox) => outbox,
        None => {
            let new = Outbox::new(fd, MAX_WAITING_BYTES)?;
            process.outbox.replace(Some(Rc::clone(&new)));
            new
        }
    };
    match outbox.push(&event_loop, rest.to_vec()) {
        Ok(()) => Ok(data.len()),
        // What was sent is never reported as not sent.
        Err(_) if sent > 0 => Ok(sent),
        Err(errno) => Err(errno),
    }
}

fn do_read(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut size = 8192_i64;
    parse!(frame, c"|l", size)?;
    let process = state(frame)?;
    let end = process.pipe.borrow().end().cloned();
    let Some(end) = end else {
        return Err(warning("no pipe, cannot read from pipe"));
    };
    let Some(size) = usize::try_from(size).ok().filter(|size| *size > 0) else {
        return Err(warning(format!(
            "the size to read must be greater than 0, {size} given"
        )));
    };
    let patience = if process.blocking.get() {
        Patience::Limited(end.limit)
    } else {
        Patience::None
    };
    let mut buffer = vec![0; size.min(MAX_READ_BYTES)];
    match pipe::receive(&*end.fd, &mut buffer, patience) {
        Ok(count) => {
            let bytes = buffer.get(..count).unwrap_or_default();
            Ok(return_bytes(place, bytes)?)
        }
        Err(errno) => {
            error::set_last(errno as i32);
            errno.set();
            set_bool(place, false);
            Ok(())
        }
    }
}

fn do_close(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut which = CLOSE_ALL;
    parse!(frame, c"|l", which)?;
    let process = state(frame)?;
    let end = process.pipe.borrow().current();
    let Some(end) = end.filter(|_| !process.is_of_pool) else {
        return Err(warning("no pipe, cannot close the pipe"));
    };
    let half = match which {
        CLOSE_READ => Some(Shutdown::Read),
        CLOSE_WRITE => Some(Shutdown::Write),
        _ => None,
    };
    if half != Some(Shutdown::Read) {
        process.outbox.take();
    }
    let closed = match (half, which) {
        (Some(half), _) => socket::shutdown(&*end, half),
        (None, CLOSE_MASTER) => close_one(&process.pipe, Side::Master),
        (None, CLOSE_WORKER) => close_one(&process.pipe, Side::Worker),
        (None, _) => {
            close_end(&process.pipe, Side::Master);
            close_end(&process.pipe, Side::Worker);
            Ok(())
        }
    };
    closed.map_err(|e| sys_warning("close() failed", e as i32))?;
    set_bool(place, true);
    Ok(())
}

fn close_one(pipe: &RefCell<Ends>, side: Side) -> Result<(), Errno> {
    if close_end(pipe, side) {
        Ok(())
    } else {
        Err(Errno::EBADF)
    }
}

fn do_set_timeout(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut seconds = 0.0_f64;
    parse!(frame, c"d", seconds)?;
    let process = state(frame)?;
    let mut pipe = process.pipe.borrow_mut();
    let side = pipe.side as usize;
    let Some(end) = &mut pipe.ends[side] else {
        return Err(warning("no pipe, cannot setTimeout the pipe"));
    };
    // 0 and less, and what is no number: without limit.
    end.limit =
        (seconds > 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    set_bool(place, true);
    Ok(())
}

fn do_set_blocking(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut blocking = false;
    parse!(frame, c"b", blocking)?;
    let process = state(frame)?;
    let end = process.pipe.borrow().current();
    let Some(end) = end else {
        return Err(warning("no pipe, cannot setBlocking the pipe"));
    };
    process.blocking.set(blocking);
    // Reading and writing here do not depend on it, but who uses the descriptor by its number does.
    set_bool(place, fd::set_nonblocking(&*end, !blocking).is_ok());
    Ok(())
}

fn do_export_socket(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let process = state(frame)?;
    let end = process.pipe.borrow().current();
    let Some(end) = end else {
        return Err(warning("no pipe, cannot export stream"));
    };
    // A child has an end of its own, whatever its parent exported before.
    let side = process.pipe.borrow().side;
    if let Some((of, socket)) = &*process.socket.borrow()
        && *of == side
    {
        set_copy(place, socket.view().ptr());
        return Ok(());
    }
    crate::php::event_loop::ready()?;
    // A copy: either may be closed without the other.
    let copy = fd::dup(&*end).map_err(|error| sys_warning("dup() failed", error.errno))?;
    let kind = socket::get_option(&copy, libc::SOL_SOCKET, libc::SO_TYPE);
    let kind = kind.map_err(|errno| sys_warning("getsockopt() failed", errno as i32))?;
    let kind = coroutine_socket::Kind {
        domain: libc::AF_UNIX,
        kind,
        protocol: 0,
    };
    crate::php::socket::open::export(place, copy, kind)?;
    let made = Owned::new(place.ptr());
    let former = process.socket.replace(Some((side, made)));
    drop(former);
    Ok(())
}
