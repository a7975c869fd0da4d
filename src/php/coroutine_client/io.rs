//! Sending and receiving of `Swoole\Coroutine\Client`.

use super::connect::new_socket;
use super::{ERRORS, connected, state};
use crate::php::convert::{bytes_of, return_bytes, set_bool, set_bytes, set_long};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse, protect};
use crate::php::socket::Socket;
use crate::php::socket::answer::{check, mistake};
use crate::php::socket::bytes::{self, Received, assign};
use crate::php::socket::packages::receive_package;
use std::rc::Rc;
use swoole_core::coroutine::socket::{Failure, Fault, Interest};
use swoole_core::error::codes;

/// `SW_PHP_CLIENT_BUFFER_SIZE`
const MAX_BYTES: usize = 65_535;

pub fn do_send(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut data: *mut zend_string = std::ptr::null_mut();
    let mut timeout_s = 0.0_f64;
    parse!(frame, c"S|d", data, timeout_s)?;
    let data = bytes_of(data);
    if data.is_empty() {
        return Err(mistake("data to send is empty"));
    }
    let Some(socket) = connected(frame, place)? else {
        return Ok(());
    };
    if let Err(failure) = check(&socket, Some(Interest::Write))? {
        return ERRORS.failed(frame, place, failure);
    }
    let limit = socket.link.limit(timeout_s, Interest::Write);
    let park = socket.park();
    let (sent, result) = match socket.link.begin(&park, limit) {
        Ok(mut operation) => operation.send_all(data),
        Err(fault) => (0, Err(fault)),
    };
    match result {
        Ok(()) => {}
        Err(fault) if sent == 0 => return ERRORS.failed(frame, place, fault),
        Err(fault) => ERRORS.note(frame, &fault.into())?,
    }
    set_long(place, sent as i64);
    Ok(())
}

/// The socket of `$this`, or a new one for datagrams. None: there is none, and the call has answered so.
fn for_datagrams(frame: Frame, place: Place<'_>) -> Result<Option<Rc<Socket>>, Stop> {
    let state = state(frame)?;
    match state.socket() {
        Some(socket) => Ok(Some(socket)),
        None => new_socket(frame, place, &state, 0),
    }
}

pub fn do_sendto(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut host, mut data): (*mut zend_string, *mut zend_string) =
        (std::ptr::null_mut(), std::ptr::null_mut());
    let mut port = 0_i64;
    parse!(frame, c"SlS", host, port, data)?;
    let data = bytes_of(data);
    if data.is_empty() {
        set_bool(place, false);
        return Ok(());
    }
    let Some(socket) = for_datagrams(frame, place)? else {
        return Ok(());
    };
    let is_tcp = socket.link.sock_type().is_some_and(|kind| kind.is_tcp());
    if is_tcp && u16::try_from(port).is_err() {
        return Err(mistake("The port is invalid"));
    }
    match bytes::send_to(&socket, bytes_of(host), port, data)? {
        Ok(_) => {
            set_bool(place, true);
            Ok(())
        }
        Err(failure) => ERRORS.failed(frame, place, failure),
    }
}

pub fn do_recvfrom(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut length = 0_i64;
    let (mut host, mut port): (*mut zval, *mut zval) = (std::ptr::null_mut(), std::ptr::null_mut());
    parse!(frame, c"lz|z", length, host, port)?;
    let Some(length) = usize::try_from(length).ok().filter(|length| *length > 0) else {
        set_bool(place, false);
        return Ok(());
    };
    let Some(socket) = for_datagrams(frame, place)? else {
        return Ok(());
    };
    let from = match bytes::receive_from(&socket, place, length, 0.0)? {
        Ok((_, from)) => from,
        Err(failure) => return ERRORS.failed(frame, place, failure),
    };
    let (address, number) = (from.ip(), i64::from(from.port()));
    let assigned = protect(|| {
        assign(host, |place| set_bytes(place, address.as_bytes()));
        if !port.is_null() {
            assign(port, |place| set_long(place, number));
        }
    });
    if assigned.is_err() {
        // SAFETY: the string that was just made.
        unsafe { zval_ptr_dtor(place.ptr()) };
        set_bool(place, false);
    }
    Ok(assigned?)
}

pub fn do_sendfile(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    let (mut offset, mut length) = (0_i64, 0_i64);
    parse!(frame, c"S|ll", name, offset, length)?;
    let name = bytes_of(name);
    if name.is_empty() {
        return Err(mistake("file to send is empty"));
    }
    let Some(socket) = connected(frame, place)? else {
        return Ok(());
    };
    if !socket.link.sock_type().is_some_and(|kind| kind.is_stream()) {
        let failure = Failure::explained(libc::EINVAL, "dgram socket cannot use sendfile");
        return ERRORS.failed(frame, place, failure);
    }
    match bytes::send_file(&socket, name, offset, length)? {
        Ok(()) => {
            set_bool(place, true);
            Ok(())
        }
        Err(failure) => ERRORS.failed(frame, place, failure),
    }
}

pub fn do_recv(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut timeout_s = 0.0_f64;
    if frame.num_args() > 0 {
        parse!(frame, c"|d", timeout_s)?;
    }
    let Some(socket) = connected(frame, place)? else {
        return Ok(());
    };
    if let Err(failure) = check(&socket, Some(Interest::Read))? {
        return ERRORS.failed(frame, place, failure);
    }
    let received = if socket.link.rules().has_packages() {
        receive_package(&socket, place, timeout_s)?
    } else {
        let limit = socket.link.limit(timeout_s, Interest::Read);
        bytes::receive(&socket, place, MAX_BYTES, limit)?
    };
    match received {
        Ok(_) => Ok(()),
        // What follows makes no sense, as if there was nothing.
        Err(failure) if failure.code() == codes::PACKAGE_LENGTH_NOT_FOUND => {
            Ok(return_bytes(place, b"")?)
        }
        Err(failure) => ERRORS.failed(frame, place, failure),
    }
}

pub fn do_peek(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut length = MAX_BYTES as i64;
    parse!(frame, c"|l", length)?;
    let Some(socket) = connected(frame, place)? else {
        return Ok(());
    };
    let Ok(length) = usize::try_from(length) else {
        return ERRORS.failed(frame, place, Fault::Os(libc::EINVAL));
    };
    let received: Received = bytes::peek(&socket, place, length);
    match received? {
        Ok(_) => Ok(()),
        Err(failure) => ERRORS.failed(frame, place, failure),
    }
}
