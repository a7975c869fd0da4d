//! Settings and connecting of `Swoole\Coroutine\Client`.

use super::{Client, ENTRY, ERRORS, Link, state};
use crate::php::client::socket_type;
use crate::php::client_connect::Settings;
use crate::php::convert::{bytes_of, set_bool};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse, protect};
use crate::php::owned::Owned;
use crate::php::properties;
use crate::php::socket::answer::mistake;
use crate::php::socket::{self, Socket, close, secure, settings};
use std::rc::Rc;
use swoole_core::coroutine::socket::{self as core, Failure, Fault, Kind};
use swoole_core::error::describe;

pub fn do_set(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut array: *mut zval = std::ptr::null_mut();
    parse!(frame, c"a", array)?;
    // SAFETY: an argument of the running call, an array.
    let table = unsafe { (*array).value.arr };
    // SAFETY: as above.
    if unsafe { zend_array_count(table) } == 0 {
        set_bool(place, false);
        return Ok(());
    }
    protect(|| properties::merge_array(&ENTRY, frame.this(), c"setting", table))?;
    let done = match state(frame)?.socket() {
        Some(socket) => settings::set_all(&socket, array)?,
        None => true,
    };
    set_bool(place, done);
    Ok(())
}

/// A property as the engine converts it to an int.
fn kind_of(frame: Frame) -> Result<i64, Stop> {
    let value = properties::get(&ENTRY, frame.this(), c"type");
    if value.is_null() {
        return Ok(0);
    }
    // SAFETY: a live zval; nothing is owned.
    Ok(protect(|| unsafe { zval_get_long_func(value, false) })?)
}

/// A new socket for `$this`, with its settings. None: there is none, and the call has answered so.
pub fn new_socket(
    frame: Frame,
    place: Place<'_>,
    state: &Client,
    port: i64,
) -> Result<Option<Rc<Socket>>, Stop> {
    if state.link.borrow().is_some() {
        ERRORS.failed(frame, place, Fault::Os(libc::EISCONN))?;
        return Ok(None);
    }
    let kind = kind_of(frame)?;
    let sock_type = socket_type(kind).ok_or_else(Stop::not_constructed)?;
    if sock_type.is_tcp() && u16::try_from(port).is_err() {
        return Err(mistake("The port is invalid"));
    }
    let link = match core::Socket::new(Kind::of(sock_type)) {
        Ok(link) => link,
        Err(errno) => {
            ERRORS.set(frame, errno as i32, &describe(errno as i32))?;
            let what = "new Socket() failed";
            return Err(socket::answer::sys_failed(what, errno as i32));
        }
    };
    let socket = Socket::new(link);
    if kind & secure::FLAG != 0 {
        secure::enable(&socket)?;
    }
    attach(frame, state, &socket)?;
    let setting = properties::get(&ENTRY, frame.this(), c"setting");
    // SAFETY: null, or a live zval.
    if !setting.is_null() && u32::from(unsafe { type_of(setting) }) == IS_ARRAY {
        // Kept while it is read: a length function is looked up by the engine.
        let setting = Owned::new(setting);
        settings::set_all(&socket, setting.view().ptr())?;
    }
    Ok(Some(socket))
}

/// The settings of `$this` that are those of TLS.
pub fn set_tls(frame: Frame, socket: &Socket) -> Result<(), Stop> {
    let setting = properties::get(&ENTRY, frame.this(), c"setting");
    // SAFETY: null, or a live zval.
    if !setting.is_null() && u32::from(unsafe { type_of(setting) }) == IS_ARRAY {
        let settings = Settings::from_value(setting);
        // A warning has said what is wrong with them; the handshake does without.
        let _ = secure::set(socket, &settings)?;
    }
    Ok(())
}

fn attach(frame: Frame, state: &Client, socket: &Rc<Socket>) -> Result<(), Stop> {
    let mut object = undef();
    socket::new_object(object.place(), Rc::clone(socket))?;
    let kept = Rc::new(Owned::new(object.ptr()));
    let fd = i64::from(socket.link.raw_fd());
    let shown = protect(|| {
        properties::set_int(&ENTRY, frame.this(), c"fd", fd);
        properties::set(&ENTRY, frame.this(), c"socket", &mut object);
    });
    // SAFETY: the maker's reference; the property and `kept` have theirs.
    unsafe { zval_ptr_dtor(object.ptr()) };
    shown?;
    socket.client.set(frame.this());
    state.link.replace(Some(Link {
        socket: Rc::clone(socket),
        object: kept,
    }));
    Ok(())
}

pub fn do_connect(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut host: *mut zend_string = std::ptr::null_mut();
    let (mut port, mut timeout_s, mut sock_flag) = (0_i64, 0.0_f64, 0_i64);
    parse!(frame, c"S|ldl", host, port, timeout_s, sock_flag)?;
    let host = bytes_of(host);
    if host.is_empty() {
        return Err(mistake("The host is empty"));
    }
    let state = state(frame)?;
    let Some(socket) = new_socket(frame, place, &state, port)? else {
        return Ok(());
    };
    socket.link.set_timeouts(|t| t.connect = timeout_s);
    match socket::connect::connect(&socket, host, port, 0.0)? {
        Ok(()) => {
            socket.link.set_timeouts(|t| {
                t.read = timeout_s;
                t.write = timeout_s;
            });
            protect(|| properties::set_flag(&ENTRY, frame.this(), c"connected", true))?;
            set_bool(place, true);
            Ok(())
        }
        Err(failure) => refused(frame, place, &socket, failure),
    }
}

/// A connection that did not come about is given up.
fn refused(
    frame: Frame,
    place: Place<'_>,
    socket: &Rc<Socket>,
    failure: Failure,
) -> Result<(), Stop> {
    let answered = ERRORS.failed(frame, place, failure);
    // That somebody closed it meanwhile does not matter.
    let _ = close::close(socket)?;
    answered
}
