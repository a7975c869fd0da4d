//! Sending and receiving bytes, datagrams and files.

use super::Socket;
use super::answer::{OF_SOCKET, check, failed, mistake, open};
use super::connect;
use super::parking::Park;
use crate::php::convert::{bytes_of, set_bool, set_bytes, set_long, set_new_array};
use crate::php::ffi::*;
use crate::php::method::{Bailout, Frame, Stop, parse, protect};
use crate::php::string_buffer::StringBuffer;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;
use swoole_core::coroutine::socket::{Failure, Fault, Interest, Operation};
use swoole_core::net::Address;
use swoole_core::sys::transfer::{self as calls, Room, SCRATCH_BYTES, with_scratch};

/// What is received without a length.
pub const DEFAULT_BYTES: i64 = 65_536;

/// The two arguments of calls that receive.
pub fn length_and_timeout(frame: Frame) -> Result<(usize, f64), Stop> {
    let (mut length, mut timeout_s) = (DEFAULT_BYTES, 0.0_f64);
    if frame.num_args() > 0 {
        parse!(frame, c"|ld", length, timeout_s)?;
    }
    Ok((length_of(length), timeout_s))
}

/// 0 and less are the default.
pub fn length_of(length: i64) -> usize {
    let length = if length <= 0 { DEFAULT_BYTES } else { length };
    usize::try_from(length).unwrap_or(usize::MAX)
}

/// What was received, as a PHP string in `place`.
pub type Received = Result<Result<usize, Failure>, Bailout>;

/// Receives up to `length` bytes; 0: the peer sends no more, or an empty datagram. Who waits holds no
/// memory for it.
pub fn receive(
    socket: &Socket,
    place: Place<'_>,
    length: usize,
    limit: Option<Duration>,
) -> Received {
    let buffered = socket.link.buffered_bytes();
    if buffered > 0 {
        let bytes = buffered.min(length);
        socket
            .link
            .take(bytes, |bytes| protect(|| set_bytes(place, bytes)))?;
        return Ok(Ok(bytes));
    }
    let park = socket.park();
    let mut operation = match socket.link.begin(&park, limit) {
        Ok(operation) => operation,
        Err(errno) => return Ok(Err(errno.into())),
    };
    if length > SCRATCH_BYTES || (socket.is_busy.get() && length > SCRATCH_BYTES / 2) {
        return receive_much(socket, place, length, &mut operation);
    }
    let got = operation.transfer(Interest::Read, |wire| {
        with_scratch(|scratch| {
            let mut room = Room::of(&mut scratch[..length]);
            let got = wire.recv(&mut room)?;
            // The scratch memory is free for others when this returns.
            Ok((got, protect(|| set_bytes(place, room.filled()))))
        })
    });
    match got {
        Ok((got, made)) => {
            made?;
            operation.received(got, length);
            socket.is_busy.set(got > SCRATCH_BYTES / 2);
            Ok(Ok(got))
        }
        Err(fault) => Ok(Err(fault.into())),
    }
}

/// Straight into a string, once there is something.
fn receive_much(
    socket: &Socket,
    place: Place<'_>,
    length: usize,
    operation: &mut Operation<'_, Park<'_>>,
) -> Received {
    let got = operation.transfer(Interest::Read, |wire| {
        let mut string = match StringBuffer::new(length) {
            Ok(string) => string,
            Err(bailout) => return Ok(Err(bailout)),
        };
        let mut room = Room::new(string.memory());
        let got = wire.recv(&mut room)?;
        let filled = room.len();
        // SAFETY: the room says that it is filled so far.
        Ok(unsafe { string.finish(place, filled) }.map(|()| got))
    });
    match got {
        Ok(got) => {
            let got = got?;
            operation.received(got, length);
            socket.is_busy.set(got > SCRATCH_BYTES / 2);
            Ok(Ok(got))
        }
        Err(fault) => Ok(Err(fault.into())),
    }
}

/// What a call that received into `place` answers.
pub fn answer(frame: Frame, place: Place<'_>, received: Received) -> Result<(), Stop> {
    match received? {
        Ok(_) => Ok(OF_SOCKET.clear(frame)?),
        Err(failure) => failed(frame, place, failure),
    }
}

pub fn do_recv(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (length, timeout_s) = length_and_timeout(frame)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    if let Err(failure) = check(&socket, Some(Interest::Read))? {
        return failed(frame, place, failure);
    }
    let limit = socket.link.limit(timeout_s, Interest::Read);
    answer(frame, place, receive(&socket, place, length, limit))
}

pub fn do_peek(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut length = DEFAULT_BYTES;
    parse!(frame, c"|l", length)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    answer(frame, place, peek(&socket, place, length_of(length)))
}

/// What was not received yet, which stays there.
pub fn peek(socket: &Socket, place: Place<'_>, length: usize) -> Received {
    let buffered = socket.link.buffered_bytes().min(length);
    if buffered > 0 {
        socket
            .link
            .look(buffered, |bytes| protect(|| set_bytes(place, bytes)))?;
        return Ok(Ok(buffered));
    }
    let mut string = StringBuffer::new(length.min(SCRATCH_BYTES))?;
    let mut room = Room::new(string.memory());
    let got = socket.link.peek(&mut room);
    let filled = room.len();
    match got {
        Ok(got) => {
            // SAFETY: the room says that it is filled so far.
            unsafe { string.finish(place, filled) }?;
            Ok(Ok(got))
        }
        Err(errno) => Ok(Err(errno.into())),
    }
}

pub fn do_recv_all(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (length, timeout_s) = length_and_timeout(frame)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    if let Err(failure) = check(&socket, Some(Interest::Read))? {
        return failed(frame, place, failure);
    }
    let limit = socket.link.limit(timeout_s, Interest::Read);
    let park = socket.park();
    let mut operation = match socket.link.begin(&park, limit) {
        Ok(operation) => operation,
        Err(errno) => return failed(frame, place, errno),
    };
    let mut head = Vec::new();
    socket
        .link
        .take(length, |bytes| head.extend_from_slice(bytes));
    if head.is_empty() {
        match first_part(&mut operation, place, length) {
            Ok(First::Whole(made)) => {
                made?;
                return Ok(OF_SOCKET.clear(frame)?);
            }
            Ok(First::Part(part)) => head = part,
            Err(fault) => return failed(frame, place, fault),
        }
    }
    let mut string = StringBuffer::new(length)?;
    let mut room = Room::new(string.memory());
    room.put(&head);
    drop(head);
    let whole = operation.recv_all(&mut room);
    let filled = room.len();
    match whole {
        Err(fault @ (Fault::Ended | Fault::Outside)) => return failed(frame, place, fault),
        Err(fault) => OF_SOCKET.note(frame, &fault.into())?,
        Ok(_) => OF_SOCKET.clear(frame)?,
    }
    // SAFETY: the room says that it is filled so far.
    Ok(unsafe { string.finish(place, filled) }?)
}

/// What came first of what is to be received to an end.
enum First {
    /// All there is to come, made a string.
    Whole(Result<(), Bailout>),
    Part(Vec<u8>),
}

/// Only what has begun to come is given memory.
fn first_part(
    operation: &mut Operation<'_, Park<'_>>,
    place: Place<'_>,
    length: usize,
) -> Result<First, Fault> {
    operation.transfer(Interest::Read, |wire| {
        with_scratch(|scratch| {
            let mut room = Room::of(&mut scratch[..length.min(SCRATCH_BYTES)]);
            let got = wire.recv(&mut room)?;
            Ok(if got == 0 || got == length {
                First::Whole(protect(|| set_bytes(place, room.filled())))
            } else {
                First::Part(room.filled().to_vec())
            })
        })
    })
}

/// The two arguments of calls that send.
fn data_and_timeout<'a>(frame: Frame) -> Result<(&'a [u8], f64), Stop> {
    let mut data: *mut zend_string = std::ptr::null_mut();
    let mut timeout_s = 0.0_f64;
    parse!(frame, c"S|d", data, timeout_s)?;
    Ok((bytes_of(data), timeout_s))
}

pub fn do_send(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    send(frame, place, false)
}

pub fn do_send_all(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    send(frame, place, true)
}

fn send(frame: Frame, place: Place<'_>, all: bool) -> Result<(), Stop> {
    let (data, timeout_s) = data_and_timeout(frame)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    if let Err(failure) = check(&socket, Some(Interest::Write))? {
        return failed(frame, place, failure);
    }
    let limit = socket.link.limit(timeout_s, Interest::Write);
    let park = socket.park();
    let mut operation = match socket.link.begin(&park, limit) {
        Ok(operation) => operation,
        Err(errno) => return failed(frame, place, errno),
    };
    let (sent, result) = if all && !data.is_empty() {
        operation.send_all(data)
    } else {
        match operation.send(data) {
            Ok(sent) => (sent, Ok(())),
            Err(fault) => (0, Err(fault)),
        }
    };
    sent_so_far(frame, place, sent, result)
}

/// What a call that sends answers: how much, even if it was not all.
pub fn sent_so_far(
    frame: Frame,
    place: Place<'_>,
    sent: usize,
    result: Result<(), Fault>,
) -> Result<(), Stop> {
    match result {
        Ok(()) => OF_SOCKET.clear(frame)?,
        Err(fault) if sent == 0 => return failed(frame, place, fault),
        Err(fault) => OF_SOCKET.note(frame, &fault.into())?,
    }
    set_long(place, sent as i64);
    Ok(())
}

pub fn do_send_file(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    let (mut offset, mut length) = (0_i64, 0_i64);
    parse!(frame, c"S|ll", name, offset, length)?;
    let name = bytes_of(name);
    if name.is_empty() {
        return Err(mistake("file to send is empty"));
    }
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    match send_file(&socket, name, offset, length)? {
        Ok(()) => {
            set_bool(place, true);
            Ok(())
        }
        Err(failure) => failed(frame, place, failure),
    }
}

/// Sends a file, or a part of it.
pub fn send_file(
    socket: &Socket,
    name: &[u8],
    offset: i64,
    length: i64,
) -> Result<Result<(), Failure>, Stop> {
    if let Err(failure) = check(socket, Some(Interest::Write))? {
        return Ok(Err(failure));
    }
    let path = Path::new(OsStr::from_bytes(name));
    let park = socket.park();
    Ok(socket.link.send_file(&park, path, offset, length))
}

pub fn do_sendto(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut host, mut data): (*mut zend_string, *mut zend_string) =
        (std::ptr::null_mut(), std::ptr::null_mut());
    let mut port = 0_i64;
    parse!(frame, c"SlS", host, port, data)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    match send_to(&socket, bytes_of(host), port, bytes_of(data))? {
        Ok(sent) => sent_so_far(frame, place, sent, Ok(())),
        Err(failure) => failed(frame, place, failure),
    }
}

/// Sends one datagram.
pub fn send_to(
    socket: &Socket,
    host: &[u8],
    port: i64,
    data: &[u8],
) -> Result<Result<usize, Failure>, Stop> {
    if let Err(failure) = check(socket, Some(Interest::Write))? {
        return Ok(Err(failure));
    }
    if !socket.link.kind().is_datagram() {
        return Ok(Err(Fault::Os(libc::EPROTONOSUPPORT).into()));
    }
    let address = match connect::address_of(socket, host, port) {
        Ok(address) => address,
        Err(failure) => return Ok(Err(failure)),
    };
    let park = socket.park();
    let limit = socket.link.limit(0.0, Interest::Write);
    let operation = socket.link.begin(&park, limit);
    Ok(operation.map_err(Failure::from).and_then(|mut operation| {
        let sent = operation.send_to(data, address.as_sys());
        sent.map_err(Failure::from)
    }))
}

/// Receives one datagram of up to `length` bytes as a PHP string, and where it came from.
pub fn receive_from(
    socket: &Socket,
    place: Place<'_>,
    length: usize,
    timeout_s: f64,
) -> Result<Result<(usize, Address), Failure>, Stop> {
    if let Err(failure) = check(socket, Some(Interest::Read))? {
        return Ok(Err(failure));
    }
    let limit = socket.link.limit(timeout_s, Interest::Read);
    let park = socket.park();
    let mut operation = match socket.link.begin(&park, limit) {
        Ok(operation) => operation,
        Err(errno) => return Ok(Err(errno.into())),
    };
    let got = operation.run(Interest::Read, |fd| {
        let receive = |room: &mut Room<'_>| calls::recv_from(fd, room, libc::MSG_DONTWAIT);
        if length <= SCRATCH_BYTES {
            return with_scratch(|scratch| {
                let mut room = Room::of(&mut scratch[..length]);
                let (got, from) = receive(&mut room)?;
                let made = protect(|| set_bytes(place, room.filled()));
                Ok(made.map(|()| (got, from)))
            });
        }
        let mut string = match StringBuffer::new(length) {
            Ok(string) => string,
            Err(bailout) => return Ok(Err(bailout)),
        };
        let mut room = Room::new(string.memory());
        let (got, from) = receive(&mut room)?;
        let filled = room.len();
        // SAFETY: the room says that it is filled so far.
        Ok(unsafe { string.finish(place, filled) }.map(|()| (got, from)))
    });
    Ok(match got {
        Ok(received) => {
            let (got, from) = received?;
            Ok((got, socket.link.typed(from)))
        }
        Err(fault) => Err(fault.into()),
    })
}

pub fn do_recvfrom(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut peer: *mut zval = std::ptr::null_mut();
    let mut timeout_s = 0.0_f64;
    parse!(frame, c"z|d", peer, timeout_s)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    match receive_from(&socket, place, SCRATCH_BYTES, timeout_s)? {
        Ok((0, _)) => {}
        Ok((_, from)) => {
            let made = assign_peer(peer, &from);
            if made.is_err() {
                // SAFETY: the string that was just made.
                unsafe { zval_ptr_dtor(place.ptr()) };
                set_bool(place, false);
                made?;
            }
        }
        Err(failure) => return failed(frame, place, failure),
    }
    Ok(OF_SOCKET.clear(frame)?)
}

/// Gives the argument by reference a new value that `f` writes; inside [`protect`].
pub fn assign(argument: *mut zval, f: impl FnOnce(Place<'_>)) {
    // SAFETY: a live argument; its former value is released after the new one is in place.
    unsafe {
        let place = deref(argument);
        let mut made = undef();
        f(made.place());
        let mut former: Value = std::ptr::read(place.cast());
        std::ptr::write(place.cast(), made);
        zval_ptr_dtor(former.ptr());
    }
}

fn assign_peer(argument: *mut zval, from: &Address) -> Result<(), Bailout> {
    let (host, port) = (from.ip(), from.port());
    protect(|| {
        assign(argument, |place| {
            set_address(place, c"address", &host, port)
        })
    })
}

/// An array of host and port; inside [`protect`].
pub fn set_address(place: Place<'_>, host_key: &std::ffi::CStr, host: &str, port: u16) {
    set_new_array(place, 2);
    let key = host_key.to_bytes();
    // SAFETY: `place` holds an array of our own; the engine copies keys and bytes.
    unsafe {
        let (text, len) = (host.as_ptr().cast(), host.len());
        add_assoc_stringl_ex(place.ptr(), key.as_ptr().cast(), key.len(), text, len);
        add_assoc_long_ex(place.ptr(), c"port".as_ptr(), 4, i64::from(port));
    }
}
