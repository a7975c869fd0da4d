//! Receiving packages, lines, and bytes by way of the socket's buffer.

use super::Socket;
use super::answer::{OF_SOCKET, check, failed, open};
use super::bytes::length_and_timeout;
use super::parking::Park;
use crate::php::callback;
use crate::php::convert::{return_bytes, set_bytes};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse, protect};
use crate::php::string_buffer::StringBuffer;
use std::rc::Rc;
use swoole_core::coroutine::socket::{Failure, Fault, Interest, Operation, Package};
use swoole_core::error::codes;
use swoole_core::log;
use swoole_core::sys::transfer::Room;

pub fn do_recv_packet(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut timeout_s = 0.0_f64;
    parse!(frame, c"|d", timeout_s)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    if let Err(failure) = check(&socket, Some(Interest::Read))? {
        return failed(frame, place, failure);
    }
    match receive_package(&socket, place, timeout_s)? {
        Ok(_) => Ok(OF_SOCKET.clear(frame)?),
        Err(failure) if failure.code() == codes::PACKAGE_LENGTH_NOT_FOUND => {
            OF_SOCKET.note(frame, &failure)?;
            Ok(return_bytes(place, b"")?)
        }
        Err(failure) => failed(frame, place, failure),
    }
}

/// Receives a package as a PHP string, empty at the end of the stream.
pub fn receive_package(
    socket: &Rc<Socket>,
    place: Place<'_>,
    timeout_s: f64,
) -> Result<Result<usize, Failure>, Stop> {
    let limit = socket.link.limit(timeout_s, Interest::Read);
    let park = socket.park();
    let mut operation = match socket.link.begin(&park, limit) {
        Ok(operation) => operation,
        Err(errno) => return Ok(Err(errno.into())),
    };
    let mut next = socket.link.next_package(&mut operation);
    loop {
        match next {
            Ok(Package::Whole { len }) => {
                socket
                    .link
                    .take(len, |bytes| protect(|| set_bytes(place, bytes)))?;
                return Ok(Ok(len));
            }
            Ok(Package::Begun { len }) => {
                return receive_rest(socket, place, &mut operation, len);
            }
            Ok(Package::End) => {
                socket.link.forget_buffered();
                return_bytes(place, b"")?;
                return Ok(Ok(0));
            }
            Ok(Package::Ask) => {
                let length = ask(socket)?;
                next = match socket.link.measured(&mut operation, length) {
                    Ok(Some(package)) => Ok(package),
                    Ok(None) => socket.link.next_package(&mut operation),
                    Err(failure) => Err(failure),
                };
            }
            Err(failure) => return Ok(Err(refused(socket, failure))),
        }
    }
}

/// What is no package is forgotten: nothing that follows can be read.
fn refused(socket: &Socket, failure: Failure) -> Failure {
    let is_malformed = matches!(
        failure.code(),
        codes::PACKAGE_LENGTH_NOT_FOUND
            | codes::PACKAGE_LENGTH_TOO_LARGE
            | codes::PACKAGE_MALFORMED_DATA
    );
    if is_malformed {
        socket.link.forget_buffered();
    }
    if failure.code() == codes::PACKAGE_LENGTH_TOO_LARGE {
        let peer = match socket.link.peer_address() {
            Ok(address) => format!(" from {address}"),
            Err(_) => String::new(),
        };
        log::warning(format!("a packet{peer} was refused: {}", failure.text()));
    }
    failure
}

fn receive_rest(
    socket: &Socket,
    place: Place<'_>,
    operation: &mut Operation<'_, Park<'_>>,
    len: usize,
) -> Result<Result<usize, Failure>, Stop> {
    let mut string = StringBuffer::new(len)?;
    let mut room = Room::new(string.memory());
    let whole = socket.link.rest_of_package(operation, &mut room);
    let filled = room.len();
    match whole {
        Ok(true) => {
            // SAFETY: the room says that it is filled so far.
            unsafe { string.finish(place, filled) }?;
            Ok(Ok(filled))
        }
        Ok(false) => {
            return_bytes(place, b"")?;
            Ok(Ok(0))
        }
        Err(fault) => Ok(Err(fault.into())),
    }
}

/// Calls the length function with what has come.
fn ask(socket: &Socket) -> Result<i64, Stop> {
    let function = socket.length_function.borrow().clone();
    let Some(function) = function else {
        return Ok(-1);
    };
    let head = socket.link.buffered();
    let mut callable = function.callback().value();
    callback::call_for_int(callable.ptr(), &head)
}

pub fn do_recv_line(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    buffered(frame, place, receive_line)
}

pub fn do_recv_with_buffer(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    buffered(frame, place, receive_buffered)
}

/// How many bytes of the buffer to return, and the fault that kept more from coming.
type Ready = (usize, Option<Fault>);
type Way = fn(&Socket, &mut Operation<'_, Park<'_>>, usize) -> Result<Ready, Fault>;

fn buffered(frame: Frame, place: Place<'_>, way: Way) -> Result<(), Stop> {
    let (length, timeout_s) = length_and_timeout(frame)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    if let Err(failure) = check(&socket, Some(Interest::Read))? {
        return failed(frame, place, failure);
    }
    let limit = socket.link.limit(timeout_s, Interest::Read);
    let park = socket.park();
    let ready = match socket.link.begin(&park, limit) {
        Ok(mut operation) => way(&socket, &mut operation, length),
        Err(fault) => Err(fault),
    };
    let (bytes, fault) = match ready {
        Ok(ready) => ready,
        Err(fault) => return failed(frame, place, fault),
    };
    match fault {
        Some(fault) => OF_SOCKET.note(frame, &fault.into())?,
        None => OF_SOCKET.clear(frame)?,
    }
    let taken = socket
        .link
        .take(bytes, |bytes| protect(|| set_bytes(place, bytes)));
    Ok(taken?)
}

/// Up to a line's end, which belongs to it, or `length`, or the end of the stream.
fn receive_line(
    socket: &Socket,
    operation: &mut Operation<'_, Park<'_>>,
    length: usize,
) -> Result<Ready, Fault> {
    loop {
        if let Some(end) = socket.link.line_end(length) {
            return Ok((end, None));
        }
        if !socket.link.fill(operation)? {
            return Ok((socket.link.buffered_bytes(), None));
        }
    }
}

/// From the buffer if it has enough, else with what comes next.
fn receive_buffered(
    socket: &Socket,
    operation: &mut Operation<'_, Park<'_>>,
    length: usize,
) -> Result<Ready, Fault> {
    let had = socket.link.buffered_bytes();
    if had >= length {
        return Ok((length, None));
    }
    match socket.link.fill(operation) {
        Ok(_) => Ok((socket.link.buffered_bytes().min(length), None)),
        Err(fault @ (Fault::Ended | Fault::Outside)) => Err(fault),
        Err(fault) if had == 0 => Err(fault),
        Err(fault) => Ok((had, Some(fault))),
    }
}
