//! `socket_accept()`, `socket_connect()`, `socket_bind()`, `socket_shutdown()`.

use super::call::{Call, required};
use super::on_socket;
use crate::php::convert::{bytes_of, set_bool};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse};
use crate::php::socket::connect::address_of;
use crate::php::socket::{Socket, new_object};
use std::time::Duration;
use swoole_core::coroutine::socket::{Failure, Fault, Interest};
use swoole_core::sys::Errno;
use swoole_core::sys::socket::{self as calls, Shutdown};

/// A connection that was there is gone again before it was accepted: so long is waited for the next one
/// where nothing is to be waited for.
const A_MOMENT: Duration = Duration::from_millis(1);

pub fn do_accept(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut socket: *mut zval = std::ptr::null_mut();
    parse!(frame, c"o", socket)?;
    let Some(call) = Call::of(socket, place)? else {
        return Ok(());
    };
    let mut limit = match call.begin(Interest::Read)? {
        Ok(limit) => limit,
        Err(failure) => return call.fail(place, failure),
    };
    if call.is_nonblocking {
        limit = Some(A_MOMENT);
        if !is_ready(&call, libc::POLLIN) {
            return call.fail(place, Errno::EAGAIN);
        }
    }
    match call.socket.link.accept(&call.socket.park(), limit) {
        Ok(link) => Ok(new_object(place, Socket::new(link))?),
        Err(Failure::Fault(Fault::TimedOut)) if call.is_nonblocking => {
            call.fail(place, Errno::EAGAIN)
        }
        Err(failure) => call.fail(place, failure),
    }
}

/// Whether a call has an answer: a connection, or an error.
fn is_ready(call: &Call, events: i16) -> bool {
    let mut polled = libc::pollfd {
        fd: call.socket.link.raw_fd(),
        events,
        revents: 0,
    };
    // SAFETY: one entry, which lives through the call; it does not wait.
    unsafe { libc::poll(&raw mut polled, 1, 0) > 0 }
}

pub fn do_connect(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    required(frame, 2)?;
    let mut socket: *mut zval = std::ptr::null_mut();
    let mut host: *mut zend_string = std::ptr::null_mut();
    let (mut port, mut no_port) = (0_i64, true);
    parse!(frame, c"oS|l!", socket, host, port, no_port)?;
    let Some(call) = Call::of(socket, place)? else {
        return Ok(());
    };
    if !call.is_nonblocking {
        return on_socket(frame, place, c"oS|z", 2, "connect");
    }
    let address = match address_of(&call.socket, bytes_of(host), port) {
        Ok(address) => address,
        Err(failure) => return call.fail(place, failure),
    };
    let fd = call.socket.link.descriptor();
    let connected = fd.and_then(|fd| match calls::connect(&*fd, address.as_sys()) {
        // On this machine it is mostly done by now.
        Err(Errno::EINPROGRESS) if is_ready(&call, libc::POLLOUT) => match calls::take_error(&*fd)?
        {
            0 => Ok(()),
            errno => Err(Errno::from_raw(errno)),
        },
        connected => connected,
    });
    match connected {
        Ok(()) => {
            set_bool(place, true);
            Ok(())
        }
        Err(errno) => call.fail(place, errno),
    }
}

pub fn do_bind(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    required(frame, 2)?;
    let mut socket: *mut zval = std::ptr::null_mut();
    let mut host: *mut zend_string = std::ptr::null_mut();
    let mut port = 0_i64;
    parse!(frame, c"oS|l", socket, host, port)?;
    let Some(call) = Call::of(socket, place)? else {
        return Ok(());
    };
    let address = match address_of(&call.socket, bytes_of(host), port) {
        Ok(address) => address,
        Err(failure) => return call.fail(place, failure),
    };
    // Not the socket's own way to bind, which removes the file of a unix socket when it closes: PHP
    // leaves that to the script.
    let bound = call.socket.link.descriptor().and_then(|fd| {
        if call.socket.link.kind().domain != libc::AF_UNIX {
            calls::set_option(&*fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
        }
        calls::bind(&*fd, address.as_sys())
    });
    match bound {
        Ok(()) => {
            set_bool(place, true);
            Ok(())
        }
        Err(errno) => call.fail(place, errno),
    }
}

pub fn do_shutdown(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut socket: *mut zval = std::ptr::null_mut();
    let mut mode = i64::from(libc::SHUT_RDWR);
    parse!(frame, c"o|l", socket, mode)?;
    let how = match i32::try_from(mode) {
        Ok(libc::SHUT_RD) => Some(Shutdown::Read),
        Ok(libc::SHUT_WR) => Some(Shutdown::Write),
        Ok(libc::SHUT_RDWR) => Some(Shutdown::Both),
        _ => None,
    };
    let Some(call) = Call::of(socket, place)? else {
        return Ok(());
    };
    let shut = call.socket.link.descriptor().and_then(|fd| {
        let how = how.ok_or(Errno::EINVAL)?;
        calls::shutdown(&*fd, how)
    });
    match shut {
        Ok(()) => {
            set_bool(place, true);
            Ok(())
        }
        Err(errno) => call.fail(place, errno),
    }
}
