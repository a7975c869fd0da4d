//! Closing and canceling, and what a socket tells of itself.

use super::Socket;
use super::answer::{OF_SOCKET, failed, open};
use super::bytes::set_address;
use super::open::close_stream;
use crate::php::convert::{set_bool, set_long};
use crate::php::coroutine_client;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse, protect};
use crate::php::object;
use std::rc::Rc;
use swoole_core::coroutine::socket::{Failure, Fault, Interest, Phase};
use swoole_core::error::{self, codes};
use swoole_core::net::Address;

/// `SWOOLE_EVENT_READ` and `SWOOLE_EVENT_WRITE`
const READ: i64 = 512;
const WRITE: i64 = 1024;

pub fn do_check_liveness(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    match socket.link.check_liveness() {
        Ok(()) => {
            set_bool(place, true);
            Ok(OF_SOCKET.clear(frame)?)
        }
        Err(errno) => failed(frame, place, errno),
    }
}

pub fn do_get_bound_cid(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut event = 0_i64;
    parse!(frame, c"l", event)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    let reader = socket.parking.reader().filter(|_| event & READ != 0);
    let writer = socket.parking.writer().filter(|_| event & WRITE != 0);
    set_long(place, reader.or(writer).unwrap_or(0));
    Ok(())
}

pub fn do_cancel(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut event = READ;
    parse!(frame, c"|l", event)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    let interest = if event == READ {
        Interest::Read
    } else {
        Interest::Write
    };
    set_bool(place, socket.parking.cancel(interest));
    Ok(())
}

pub fn do_shutdown(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut how = i64::from(libc::SHUT_RDWR);
    parse!(frame, c"|l", how)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    match socket.link.shutdown(i32::try_from(how).unwrap_or(-1)) {
        Ok(()) => {
            error::set_last(0);
            set_bool(place, true);
            Ok(())
        }
        Err(errno) => failed(frame, place, errno),
    }
}

pub fn do_close(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    // That others waited does not matter here.
    let _ = close(&socket)?;
    set_bool(place, true);
    Ok(())
}

/// Closes a socket. If coroutines wait for it, they are told, and so is the caller.
pub fn close(socket: &Rc<Socket>) -> Result<Result<(), Failure>, Stop> {
    let waiting = socket.parking.reader().is_some() || socket.parking.writer().is_some();
    let descriptor = match (socket.link.phase(), waiting) {
        (Phase::Closed, _) => return Ok(Err(Failure::Fault(Fault::Os(libc::EBADF)))),
        (Phase::Closing, false) => {
            socket.link.finish_close();
            None
        }
        (_, true) => socket.link.start_close(Phase::Closing),
        (Phase::Open, false) => socket.link.start_close(Phase::Closed),
    };
    // Before it closes.
    socket.parking.leave();
    drop(descriptor);
    drop(socket.length_function.take());
    close_stream(socket)?;
    if waiting {
        socket.parking.cancel(Interest::Write);
        socket.parking.cancel(Interest::Read);
        return Ok(Err(Failure::Code(codes::CO_SOCKET_CLOSE_WAIT)));
    }
    coroutine_client::socket_closed(socket)?;
    Ok(Ok(()))
}

pub fn do_is_closed(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    // SAFETY: `$this` in a method of the class.
    let socket = unsafe { object::state::<Socket>(frame.this()) };
    let is_open = socket.is_some_and(|socket| socket.link.phase() != Phase::Closed);
    set_bool(place, !is_open);
    Ok(())
}

pub fn do_getsockname(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    match socket.link.local_address() {
        Ok(address) => return_address(place, &address),
        Err(errno) => failed(frame, place, errno),
    }
}

pub fn do_getpeername(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    match socket.link.peer_address() {
        Ok(address) => return_address(place, &address),
        Err(errno) => failed(frame, place, errno),
    }
}

fn return_address(place: Place<'_>, address: &Address) -> Result<(), Stop> {
    let (host, port) = (address.ip(), address.port());
    Ok(protect(|| set_address(place, c"address", &host, port))?)
}
