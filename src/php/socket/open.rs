//! Making sockets: new ones, accepted ones, pairs, and those of PHP's streams.

use super::answer::{check, failed, open, sys_failed, thrown};
use super::connect::literal_address;
use super::{Socket, attach, new_object};
use crate::php::convert::{bytes_of, set_bool, set_new_array};
use crate::php::event_loop;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse, protect};
use crate::php::object;
use crate::php::owned::Owned;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use swoole_core::coroutine::socket::{self as core, Interest, Kind, timeout_of};
use swoole_core::error;
use swoole_core::sys::{fd, socket as calls};

/// `SW_BACKLOG`
const DEFAULT_BACKLOG: i32 = 512;

/// socket(2) takes ints.
fn int(number: i64) -> i32 {
    number as i32
}

pub fn do_construct(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    let (mut domain, mut kind, mut protocol) = (0_i64, 0_i64, 0_i64);
    parse!(frame, c"ll|l", domain, kind, protocol)?;
    // SAFETY: `$this` in a method of the class.
    if unsafe { object::state::<Socket>(frame.this()) }.is_some() {
        return Err(Stop::error(format!(
            "Constructor of {} can only be called once",
            frame.class_name()
        )));
    }
    event_loop::ready()?;
    let kind = Kind {
        domain: int(domain),
        kind: int(kind),
        protocol: int(protocol),
    };
    let link = core::Socket::new(kind).map_err(|errno| {
        let (errno, reason) = (errno as i32, error::describe(errno as i32));
        let text = format!("new Socket() failed. Error: {reason} [{errno}]");
        thrown(errno, &text)
    })?;
    attach(frame.this(), Socket::new(link));
    Ok(())
}

pub fn do_bind(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut host: *mut zend_string = std::ptr::null_mut();
    let mut port = 0_i64;
    parse!(frame, c"S|l", host, port)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    if let Err(failure) = check(&socket, None)? {
        return failed(frame, place, failure);
    }
    error::set_last(0);
    match bind(&socket, bytes_of(host), port) {
        Ok(()) => {
            set_bool(place, true);
            Ok(())
        }
        Err(failure) => failed(frame, place, failure),
    }
}

/// Binds to an address of this machine, which is no name.
pub fn bind(socket: &Socket, host: &[u8], port: i64) -> Result<(), core::Failure> {
    let address = literal_address(socket, host, port)?;
    Ok(socket.link.bind(&address)?)
}

pub fn do_listen(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut backlog = i64::from(DEFAULT_BACKLOG);
    parse!(frame, c"|l", backlog)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    if let Err(failure) = check(&socket, None)? {
        return failed(frame, place, failure);
    }
    let backlog = match i32::try_from(backlog) {
        Ok(backlog) if backlog > 0 => backlog,
        Ok(_) => DEFAULT_BACKLOG,
        Err(_) => i32::MAX,
    };
    match socket.link.listen(backlog) {
        Ok(()) => {
            set_bool(place, true);
            Ok(())
        }
        Err(errno) => failed(frame, place, errno),
    }
}

pub fn do_accept(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut timeout_s = 0.0_f64;
    if frame.num_args() > 0 {
        parse!(frame, c"|d", timeout_s)?;
    }
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    if let Err(failure) = check(&socket, Some(Interest::Read))? {
        return failed(frame, place, failure);
    }
    let limit = timeout_of(timeout_s, timeout_of(socket.link.timeouts().read, None));
    match socket.link.accept(&socket.park(), limit) {
        Ok(link) => {
            let made = Socket::new(link);
            let function = socket.length_function.borrow().clone();
            made.length_function.replace(function);
            Ok(new_object(place, made)?)
        }
        Err(failure) => failed(frame, place, failure),
    }
}

pub fn do_pair(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut domain, mut kind, mut protocol) = (0_i64, 0_i64, 0_i64);
    parse!(frame, c"lll", domain, kind, protocol)?;
    let kind = Kind {
        domain: int(domain),
        kind: int(kind),
        protocol: int(protocol),
    };
    let pair = calls::pair(kind.domain, kind.kind, kind.protocol);
    let (one, other) = pair.map_err(|errno| sys_failed("failed to create socket", errno as i32))?;
    event_loop::ready()?;
    protect(|| set_new_array(place, 2))?;
    for fd in [one, other] {
        let mut object = undef();
        export(object.place(), fd, kind)?;
        // SAFETY: an array of our own, which takes the object's reference over.
        protect(|| unsafe {
            zend_hash_next_index_insert((*place.ptr()).value.arr, object.ptr());
        })?;
    }
    Ok(())
}

/// Writes an object for a socket that was made elsewhere.
pub fn export(place: Place<'_>, fd: OwnedFd, kind: Kind) -> Result<(), Stop> {
    let link = core::Socket::adopt(fd, kind);
    let link = link.map_err(|errno| sys_failed("new Socket() failed", errno as i32))?;
    Ok(new_object(place, Socket::new(link))?)
}

const PHP_STREAM_AS_SOCKETD: i32 = 2;
const PHP_STREAM_OPTION_READ_BUFFER: i32 = 2;
const PHP_STREAM_BUFFER_NONE: i32 = 0;

pub fn do_import(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut stream: *mut zval = std::ptr::null_mut();
    parse!(frame, c"r", stream)?;
    let mut number: i32 = -1;
    // SAFETY: a live resource; what is no stream throws. The cast asks for a descriptor, which it writes
    // as an int, or warns. User code may run, and nothing is owned.
    let found = protect(|| unsafe {
        let (le_stream, le_pstream) = (php_file_le_stream(), php_file_le_pstream());
        let found = zend_fetch_resource2_ex(stream, c"stream".as_ptr(), le_stream, le_pstream);
        if found.is_null() {
            return None;
        }
        let found: *mut php_stream = found.cast();
        let place = (&raw mut number).cast();
        Some((_php_stream_cast(found, PHP_STREAM_AS_SOCKETD, place, 1) == 0).then_some(found))
    })?;
    let Some(found) = found else {
        return Err(Stop::Thrown);
    };
    let Some(found) = found else {
        set_bool(place, false);
        return Ok(());
    };
    // A copy, so that it can be waited for whoever waits for the stream, and neither closes the other's.
    let fd = fd::dup_raw(number).map_err(|error| sys_failed("dup() failed", error.errno))?;
    let ask = |name, what: &str| {
        let answer = calls::get_option(&fd, libc::SOL_SOCKET, name);
        let text = format!("getsockopt(SOL_SOCKET, {what}) failed");
        answer.map_err(|errno| sys_failed(text, errno as i32))
    };
    let kind = Kind {
        domain: ask(libc::SO_DOMAIN, "SO_DOMAIN")?,
        kind: ask(libc::SO_TYPE, "SO_TYPE")?,
        protocol: 0,
    };
    event_loop::ready()?;
    let link = core::Socket::adopt(fd, kind);
    let link = link.map_err(|errno| sys_failed("fcntl() failed", errno as i32))?;
    // SAFETY: the stream of a live resource. From now on nothing that it reads stays in its buffer.
    protect(|| unsafe {
        let (option, value) = (PHP_STREAM_OPTION_READ_BUFFER, PHP_STREAM_BUFFER_NONE);
        _php_stream_set_option(found, option, value, std::ptr::null_mut());
    })?;
    let socket = Socket::new(link);
    socket.stream.replace(Some(Owned::new(stream)));
    Ok(new_object(place, socket)?)
}

/// Closes the stream that a socket was imported from.
pub fn close_stream(socket: &Rc<Socket>) -> Result<(), Stop> {
    let stream = socket.stream.take();
    let Some(stream) = stream else {
        return Ok(());
    };
    let mut value = stream.view();
    // SAFETY: a live resource that `stream` keeps. User code may run; what is owned is so outside.
    protect(|| unsafe {
        let resource = value.value.res;
        if !resource.is_null() && u32::from(type_of(value.ptr())) == IS_RESOURCE {
            zend_list_close(resource);
        }
    })?;
    Ok(())
}
