//! `socket_write()`, `socket_send()`, `socket_sendto()`.

use super::call::{Call, refused, required};
use crate::php::convert::{bytes_of, set_long};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse};
use crate::php::socket::connect::address_of;
use swoole_core::coroutine::socket::Interest;
use swoole_core::sys::transfer as calls;

/// The part of the data that is to be sent.
fn part(data: *const zend_string, length: i64, what: &str) -> Result<&'static [u8], Stop> {
    let Ok(length) = usize::try_from(length) else {
        return Err(refused(format!(
            "{what} must be greater than or equal to 0"
        )));
    };
    // The argument keeps the string as long as the call runs.
    let data = bytes_of(data);
    Ok(&data[..length.min(data.len())])
}

/// Sends all to a stream, unless it must not wait; a datagram whole.
fn send(call: &Call, place: Place<'_>, data: &[u8], flags: i32) -> Result<(), Stop> {
    let once = call.is_nonblocking || flags & libc::MSG_DONTWAIT != 0;
    let flags = flags | libc::MSG_DONTWAIT;
    let mut sent = 0;
    loop {
        let result = call.attempt(Interest::Write, once, |fd| {
            calls::send(fd, &data[sent..], flags)
        })?;
        match result {
            Ok(more) => sent += more,
            Err(failure) if sent == 0 || failure.is_end() => return call.fail(place, failure),
            // So far it went; the next call will tell.
            Err(_) => break,
        }
        if once || sent >= data.len() {
            break;
        }
    }
    set_long(place, sent as i64);
    Ok(())
}

pub fn do_write(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    required(frame, 2)?;
    let mut socket: *mut zval = std::ptr::null_mut();
    let mut data: *mut zend_string = std::ptr::null_mut();
    let (mut length, mut no_length) = (0_i64, true);
    parse!(frame, c"oS|l!", socket, data, length, no_length)?;
    let data = if no_length {
        bytes_of(data)
    } else {
        part(data, length, "socket_write(): Argument #3 ($length)")?
    };
    match Call::of(socket, place)? {
        Some(call) => send(&call, place, data, 0),
        None => Ok(()),
    }
}

pub fn do_send(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    required(frame, 4)?;
    let mut socket: *mut zval = std::ptr::null_mut();
    let mut data: *mut zend_string = std::ptr::null_mut();
    let (mut length, mut flags) = (0_i64, 0_i64);
    parse!(frame, c"oSll", socket, data, length, flags)?;
    let data = match length {
        // All of it: with the hook of the reference, programs say so.
        0 => bytes_of(data),
        length => part(data, length, "socket_send(): Argument #3 ($length)")?,
    };
    match Call::of(socket, place)? {
        Some(call) => send(&call, place, data, flags as i32),
        None => Ok(()),
    }
}

pub fn do_sendto(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    required(frame, 5)?;
    let mut socket: *mut zval = std::ptr::null_mut();
    let (mut data, mut host): (*mut zend_string, *mut zend_string) =
        (std::ptr::null_mut(), std::ptr::null_mut());
    let (mut length, mut flags, mut port, mut no_port) = (0_i64, 0_i64, 0_i64, true);
    parse!(
        frame,
        c"oSllS|l!",
        socket,
        data,
        length,
        flags,
        host,
        port,
        no_port
    )?;
    let data = part(data, length, "socket_sendto(): Argument #3 ($length)")?;
    let Some(call) = Call::of(socket, place)? else {
        return Ok(());
    };
    let family = match call.socket.link.kind().domain {
        libc::AF_INET => "AF_INET",
        libc::AF_INET6 => "AF_INET6",
        _ => "",
    };
    if no_port && !family.is_empty() {
        return Err(refused(format!(
            "socket_sendto(): Argument #6 ($port) cannot be null when the socket type is {family}"
        )));
    }
    let address = match address_of(&call.socket, bytes_of(host), port) {
        Ok(address) => address,
        Err(failure) => return call.fail(place, failure),
    };
    let flags = flags as i32;
    let once = call.is_nonblocking || flags & libc::MSG_DONTWAIT != 0;
    let sent = call.attempt(Interest::Write, once, |fd| {
        calls::send_to(fd, data, address.as_sys(), flags | libc::MSG_DONTWAIT)
    })?;
    match sent {
        Ok(sent) => {
            set_long(place, sent as i64);
            Ok(())
        }
        Err(failure) => call.fail(place, failure),
    }
}
