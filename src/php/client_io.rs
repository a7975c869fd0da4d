//! Sending and receiving of `Swoole\Client`.

use super::async_client::output;
use super::callback;
use super::client::{
    self, CLIENT, Link, connected, failed, mistake, remark, set_code, transfer_code,
};
use super::client_connect;
use super::convert::{bytes_of, return_bytes, set_bool, set_long};
use super::ffi::*;
use super::method::parse;
use super::method::{Frame, Stop};
use super::properties;
use super::string_buffer::StringBuffer;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;
use swoole_core::error::{self, codes, describe};
use swoole_core::log;
use swoole_core::net::client::{ClientError, Package};
use swoole_core::protocol::Malformed;
use swoole_core::protocol::framing::Rule;
use swoole_core::sys::transfer::Room;

/// `recv()` without a size.
const DEFAULT_RECV_BYTES: i64 = 65_535;

pub fn do_send(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut data: *mut zend_string = std::ptr::null_mut();
    let mut flags = 0_i64;
    parse!(frame, c"S|l", data, flags)?;
    let data = bytes_of(data);
    if data.is_empty() {
        return Err(mistake("data to send is empty"));
    }
    let link = connected(frame)?;
    error::set_last(0);
    let session = client::state(frame)?.session.borrow().clone();
    if let Some(session) = session {
        return output::send(frame, place, &session, data);
    }
    let sent = link.socket.borrow_mut().send(data, flags as i32);
    let sent = sent.map_err(|error| {
        let fd = link.socket.borrow().raw_fd();
        let what = format!("failed to send({fd}) {} bytes", data.len());
        failed(frame, transfer_code(&error), &what)
    })?;
    set_long(place, sent as i64);
    Ok(())
}

pub fn do_sendto(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut host, mut data): (*mut zend_string, *mut zend_string) =
        (std::ptr::null_mut(), std::ptr::null_mut());
    let mut port = 0_i64;
    parse!(frame, c"SlS", host, port, data)?;
    let (host, data) = (bytes_of(host), bytes_of(data));
    if data.is_empty() {
        return Err(remark("data to send is empty"));
    }
    let state = client::state(frame)?;
    let link = state.link.borrow().clone();
    let link = match link {
        Some(link) => link,
        None => {
            let (sock_type, _) = client_connect::kind_of(frame)?;
            client_connect::check_port(sock_type, port)?;
            let mut socket = client_connect::new_socket(frame, sock_type)?;
            if !sock_type.is_stream() {
                let started = socket.start_datagrams();
                started.map_err(|error| failed(frame, error.code(), "Client_create() failed"))?;
            }
            client_connect::attach(&state, socket, None)
        }
    };
    let host = String::from_utf8_lossy(host);
    let sent = link.socket.borrow_mut().send_to(&host, port, data);
    if let Err(error) = &sent {
        let code = transfer_code(error);
        error::set_last(code);
        set_code(frame, code)?;
        if code == codes::OPERATION_NOT_SUPPORT {
            log::warning("only supports SWOOLE_SOCK_(UDP/UDP6/UNIX_DGRAM)");
        }
    }
    set_bool(place, sent.is_ok());
    Ok(())
}

pub fn do_sendfile(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    let (mut offset, mut length) = (0_i64, 0_i64);
    parse!(frame, c"S|ll", name, offset, length)?;
    let name = bytes_of(name);
    if name.is_empty() {
        return Err(mistake("file to send is empty"));
    }
    let link = connected(frame)?;
    if !link.socket.borrow().sock_type().is_stream() {
        return Err(remark("dgram socket cannot use sendfile"));
    }
    error::set_last(0);
    let path = Path::new(OsStr::from_bytes(name));
    let session = client::state(frame)?.session.borrow().clone();
    let sent = match session {
        Some(session) => output::send_file(frame, &session, path, offset, length),
        None => link.socket.borrow_mut().send_file(path, offset, length),
    };
    if let Err(error) = sent {
        let code = transfer_code(&error);
        error::set_last(code);
        set_code(frame, code)?;
        return Err(Stop::Warning(format!(
            "sendfile() failed. Error: {} [{code}]",
            describe(code)
        )));
    }
    set_bool(place, true);
    Ok(())
}

pub fn do_recv(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut size, mut flags) = (DEFAULT_RECV_BYTES, 0_i64);
    parse!(frame, c"|ll", size, flags)?;
    let mut flags = flags as i32;
    // What `true` was for, before there were flags.
    if flags == 1 {
        flags = libc::MSG_WAITALL;
    }
    let link = connected(frame)?;
    error::set_last(0);
    let rule = link.socket.borrow().framing().rule;
    if rule == Rule::Raw {
        recv_bytes(frame, place, &link, size, flags)
    } else {
        recv_package(frame, place, &link)
    }
}

fn recv_bytes(
    frame: Frame,
    place: Place<'_>,
    link: &Rc<Link>,
    size: i64,
    flags: i32,
) -> Result<(), Stop> {
    let Ok(mut size) = usize::try_from(size) else {
        return Err(mistake(format!(
            "the size to receive is {size}, it must be 1 or more"
        )));
    };
    if flags & libc::MSG_WAITALL == 0 {
        size = size.min(DEFAULT_RECV_BYTES as usize);
    }
    if size == 0 {
        return Ok(return_bytes(place, b"")?);
    }
    let mut string = StringBuffer::new(size)?;
    let mut room = Room::new(string.memory());
    let result = link.socket.borrow_mut().recv(&mut room, flags);
    let len = room.len();
    match result {
        // SAFETY: the room says that it is filled so far.
        Ok(_) => Ok(unsafe { string.finish(place, len) }?),
        Err(error) => Err(failed(frame, transfer_code(&error), "recv() failed")),
    }
}

fn recv_package(frame: Frame, place: Place<'_>, link: &Rc<Link>) -> Result<(), Stop> {
    let deadline = link.socket.borrow().read_deadline();
    let mut next = link.socket.borrow_mut().next_package(None);
    loop {
        match next {
            Ok(Package::Whole { len }) => {
                let returned = {
                    let socket = link.socket.borrow();
                    return_bytes(place, &socket.buffered()[..len])
                };
                link.socket.borrow_mut().consume(len);
                return Ok(returned?);
            }
            Ok(Package::Begun { len }) => {
                let mut string = StringBuffer::new(len)?;
                let mut room = Room::new(string.memory());
                let whole = link
                    .socket
                    .borrow_mut()
                    .rest_of_package(&mut room, deadline);
                let filled = room.len();
                return match whole {
                    // SAFETY: the room says that it is filled so far.
                    Ok(true) => Ok(unsafe { string.finish(place, filled) }?),
                    Ok(false) => Ok(return_bytes(place, b"")?),
                    Err(error) => Err(failed(frame, transfer_code(&error), "recv() failed")),
                };
            }
            Ok(Package::End) => return Ok(return_bytes(place, b"")?),
            Ok(Package::Ask) => {
                let length = ask(frame, link)?;
                let answered = link.socket.borrow_mut().measured(length, deadline);
                next = match answered {
                    Ok(Some(package)) => Ok(package),
                    Ok(None) => link.socket.borrow_mut().next_package(Some(deadline)),
                    Err(error) => Err(error),
                };
            }
            Err(ClientError::Malformed(malformed)) => return refuse(frame, place, &malformed),
            Err(error) => return Err(failed(frame, transfer_code(&error), "recv() failed")),
        }
    }
}

/// Bytes that are no package: the script should close the connection.
fn refuse(frame: Frame, place: Place<'_>, malformed: &Malformed) -> Result<(), Stop> {
    set_code(frame, malformed.code())?;
    if let Malformed::NoMark { .. } = malformed {
        return Err(remark("no package eof"));
    }
    error::set_last(malformed.code());
    if let Malformed::TooLong { len, .. } = malformed {
        log::warning(format!("Package is too big. package_length={len}"));
    }
    Ok(return_bytes(place, b"")?)
}

/// Calls the length function with what has come.
fn ask(frame: Frame, link: &Rc<Link>) -> Result<i64, Stop> {
    let state = client::state(frame)?;
    let head = link.socket.borrow().buffered().to_vec();
    let mut function = undef();
    let set = length_function(frame.this());
    if !set.is_null() {
        super::convert::set_copy(function.place(), set);
    }
    let length = callback::call_for_int(function.ptr(), &head);
    // SAFETY: our own reference.
    super::method::protect(|| unsafe { zval_ptr_dtor(function.ptr()) })?;
    let length = length?;
    if !state.has(link) {
        return Err(mistake("client is not connected to server"));
    }
    Ok(length)
}

/// The setting `package_length_func`; null if there is none. The object has it, so that cycles through
/// it are found.
pub fn length_function(object: *mut zend_object) -> *mut zval {
    let setting = properties::get(&CLIENT, object, c"setting");
    // SAFETY: null, or a live zval; its array is read for the type that says so.
    unsafe {
        if setting.is_null() || u32::from(type_of(setting)) != IS_ARRAY {
            return std::ptr::null_mut();
        }
        let (name, array) = (c"package_length_func", (*setting).value.arr);
        zend_hash_str_find(array, name.as_ptr(), name.to_bytes().len())
    }
}
