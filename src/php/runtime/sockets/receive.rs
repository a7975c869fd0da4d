//! `socket_read()`, `socket_recv()`, `socket_recvfrom()`.

use super::call::{Call, refused, required};
use crate::php::convert::{set_bool, set_bytes, set_long, set_null};
use crate::php::ffi::*;
use crate::php::method::{Bailout, Frame, Stop, parse, protect};
use crate::php::socket::bytes::assign;
use crate::php::string_buffer::StringBuffer;
use std::os::fd::BorrowedFd;
use swoole_core::coroutine::socket::{Failure, Fault, Interest};
use swoole_core::sys::Errno;
use swoole_core::sys::transfer::{self as calls, Room, SCRATCH_BYTES, with_scratch};

/// `PHP_NORMAL_READ` and `PHP_BINARY_READ`
const NORMAL_READ: i64 = 1;
const BINARY_READ: i64 = 2;

/// Calls with these do not wait for what others wait for.
const AT_ONCE: i32 = libc::MSG_DONTWAIT | libc::MSG_OOB | libc::MSG_ERRQUEUE;

/// A length of at least 1.
fn length_of(length: i64) -> Option<usize> {
    usize::try_from(length).ok().filter(|length| *length > 0)
}

/// Receives once into a string; what `receive` answers.
fn into_string<R>(
    call: &Call,
    place: Place<'_>,
    length: usize,
    once: bool,
    mut receive: impl FnMut(BorrowedFd<'_>, &mut Room<'_>) -> Result<R, Errno>,
) -> Result<Result<R, Failure>, Stop> {
    let got = call.attempt(Interest::Read, once, |fd| {
        if length <= SCRATCH_BYTES {
            return with_scratch(|scratch| {
                let mut room = Room::of(&mut scratch[..length]);
                let answer = receive(fd, &mut room)?;
                Ok(protect(|| set_bytes(place, room.filled())).map(|()| answer))
            });
        }
        let mut string = match StringBuffer::new(length) {
            Ok(string) => string,
            Err(bailout) => return Ok(Err(bailout)),
        };
        let mut room = Room::new(string.memory());
        let answer = receive(fd, &mut room)?;
        let filled = room.len();
        // SAFETY: the room says that it is filled so far.
        Ok(unsafe { string.finish(place, filled) }.map(|()| answer))
    })?;
    match got {
        Ok(received) => Ok(Ok(received?)),
        Err(failure) => Ok(Err(failure)),
    }
}

/// What methods of the socket have read ahead comes first.
fn take_buffered(call: &Call, place: Place<'_>, length: usize) -> Result<Option<usize>, Bailout> {
    let bytes = call.socket.link.buffered_bytes().min(length);
    if bytes == 0 {
        return Ok(None);
    }
    call.socket
        .link
        .take(bytes, |bytes| protect(|| set_bytes(place, bytes)))?;
    Ok(Some(bytes))
}

/// recv(2)
fn receive(
    call: &Call,
    place: Place<'_>,
    length: usize,
    flags: i32,
) -> Result<Result<usize, Failure>, Stop> {
    if flags & (libc::MSG_PEEK | AT_ONCE) == 0
        && let Some(bytes) = take_buffered(call, place, length)?
    {
        return Ok(Ok(bytes));
    }
    let once = call.is_nonblocking || flags & AT_ONCE != 0;
    let is_whole = flags & libc::MSG_WAITALL != 0 && flags & libc::MSG_PEEK == 0;
    if is_whole && !once && !call.socket.link.kind().is_datagram() {
        return receive_all(call, place, length, flags);
    }
    into_string(call, place, length, once, |fd, room| {
        calls::recv(fd, room, flags | libc::MSG_DONTWAIT)
    })
}

/// Receives more bytes to the end of a list; 0: the peer sends no more.
fn receive_more(
    call: &Call,
    bytes: &mut Vec<u8>,
    most: usize,
    flags: i32,
) -> Result<Result<usize, Failure>, Stop> {
    call.attempt(Interest::Read, call.is_nonblocking, |fd| {
        with_scratch(|scratch| {
            let mut room = Room::of(&mut scratch[..most.min(SCRATCH_BYTES)]);
            let got = calls::recv(fd, &mut room, flags | libc::MSG_DONTWAIT)?;
            bytes.extend_from_slice(room.filled());
            Ok(got)
        })
    })
}

/// With `MSG_WAITALL`: as many bytes as were asked for, fewer only at the end or after a fault.
fn receive_all(
    call: &Call,
    place: Place<'_>,
    length: usize,
    flags: i32,
) -> Result<Result<usize, Failure>, Stop> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let most = length - bytes.len();
        match receive_more(call, &mut bytes, most, flags & !libc::MSG_WAITALL)? {
            Ok(0) => break,
            Ok(_) => {}
            Err(failure) if bytes.is_empty() || failure.is_end() => return Ok(Err(failure)),
            Err(_) => break,
        }
    }
    protect(|| set_bytes(place, &bytes))?;
    Ok(Ok(bytes.len()))
}

pub fn do_read(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    required(frame, 2)?;
    let mut socket: *mut zval = std::ptr::null_mut();
    let (mut length, mut mode) = (0_i64, BINARY_READ);
    parse!(frame, c"ol|l", socket, length, mode)?;
    if mode != NORMAL_READ && mode != BINARY_READ {
        return Err(refused(
            "socket_read(): Argument #3 ($mode) must be either PHP_BINARY_READ or PHP_NORMAL_READ",
        ));
    }
    let Some(length) = length_of(length) else {
        set_bool(place, false);
        return Ok(());
    };
    let Some(call) = Call::of(socket, place)? else {
        return Ok(());
    };
    let received = if mode == NORMAL_READ {
        read_line(&call, place, length)?
    } else {
        receive(&call, place, length, 0)?
    };
    match received {
        Ok(_) => Ok(()),
        Err(failure) => call.fail(place, failure),
    }
}

/// Reads to the end of a line, which a `\n` or a `\r` is, and no further.
fn read_line(call: &Call, place: Place<'_>, length: usize) -> Result<Result<usize, Failure>, Stop> {
    let mut line = Vec::new();
    while line.len() < length {
        let (from, most) = (line.len(), length - line.len());
        let peeked = receive_more(call, &mut line, most, libc::MSG_PEEK)?;
        let is_end_of_line = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let end = line[from..].iter().position(is_end_of_line);
        let wanted = end.map_or(line.len() - from, |at| at + 1);
        line.truncate(from);
        let failure = match peeked {
            Ok(0) => Failure::from(Fault::Os(libc::ECONNRESET)),
            Ok(_) => match receive_more(call, &mut line, wanted, 0)? {
                Ok(got) if got < wanted => continue,
                Ok(_) if end.is_some() => break,
                Ok(_) => continue,
                Err(failure) => failure,
            },
            Err(failure) => failure,
        };
        if line.is_empty() || failure.is_end() {
            return Ok(Err(failure));
        }
        // What has come of the line is not lost.
        break;
    }
    protect(|| set_bytes(place, &line))?;
    Ok(Ok(line.len()))
}

/// Moves a value into a variable by reference.
fn give(argument: *mut zval, value: Value) -> Result<(), Bailout> {
    protect(|| {
        assign(argument, |place| {
            // SAFETY: the variable takes the value's reference over.
            unsafe { std::ptr::write(place.ptr().cast(), value) }
        });
    })
}

pub fn do_recv(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    required(frame, 4)?;
    let (mut socket, mut variable): (*mut zval, *mut zval) =
        (std::ptr::null_mut(), std::ptr::null_mut());
    let (mut length, mut flags) = (0_i64, 0_i64);
    parse!(frame, c"ozll", socket, variable, length, flags)?;
    let Some(length) = length_of(length) else {
        set_bool(place, false);
        return Ok(());
    };
    let Some(call) = Call::of(socket, place)? else {
        return Ok(());
    };
    let mut data = undef();
    let received = receive(&call, data.place(), length, flags as i32)?;
    if !matches!(received, Ok(1..)) {
        // SAFETY: an empty string, or nothing.
        unsafe { zval_ptr_dtor(data.ptr()) };
        set_null(data.place());
    }
    give(variable, data)?;
    match received {
        Ok(bytes) => {
            set_long(place, bytes as i64);
            Ok(())
        }
        Err(failure) => call.fail(place, failure),
    }
}

pub fn do_recvfrom(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    required(frame, 5)?;
    let mut variables: [*mut zval; 4] = [std::ptr::null_mut(); 4];
    let [mut socket, mut data_variable, mut host, mut port] = variables;
    let (mut length, mut flags) = (0_i64, 0_i64);
    parse!(
        frame,
        c"ozllz|z",
        socket,
        data_variable,
        length,
        flags,
        host,
        port
    )?;
    variables = [socket, data_variable, host, port];
    let Some(length) = length_of(length) else {
        set_bool(place, false);
        return Ok(());
    };
    let Some(call) = Call::of(socket, place)? else {
        return Ok(());
    };
    let flags = flags as i32;
    let once = call.is_nonblocking || flags & AT_ONCE != 0;
    let mut data = undef();
    let received = into_string(&call, data.place(), length, once, |fd, room| {
        calls::recv_from(fd, room, flags | libc::MSG_DONTWAIT)
    })?;
    let (bytes, from) = match received {
        Ok(received) => received,
        Err(failure) => return call.fail(place, failure),
    };
    give(variables[1], data)?;
    let from = call.socket.link.typed(from);
    let ip = from.ip();
    let mut text = undef();
    protect(|| set_bytes(text.place(), ip.as_bytes()))?;
    give(variables[2], text)?;
    if !variables[3].is_null() && call.socket.link.kind().domain != libc::AF_UNIX {
        let mut number = undef();
        set_long(number.place(), i64::from(from.port()));
        give(variables[3], number)?;
    }
    set_long(place, bytes as i64);
    Ok(())
}
