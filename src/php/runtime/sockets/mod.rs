//! `SWOOLE_HOOK_SOCKETS`: the functions of PHP's sockets extension, on `Swoole\Coroutine\Socket`.
//!
//! With the hook, what makes a socket in a coroutine makes one of ours. Whatever is then called with it is
//! ours too, and with a `Socket` of PHP's it is PHP's own: so both kinds may be used side by side, and
//! wherever a socket of ours gets to.
//!
//! | file | what |
//! |---|---|
//! | `call` | a call's socket, and how calls fail |
//! | `receive`, `send` | what moves bytes |
//! | `select` | `socket_select()` |
//! | `ends` | accepting, connecting, binding, shutting down |
//! | `parent` | what `instanceof` says |
//!
//! The rest is written in PHP: `SwooleRs\Library\Sockets`.

mod call;
mod ends;
pub mod parent;
mod receive;
mod select;
mod send;

use super::flags::{Hook, applies};
use super::take_over::Taken;
use crate::php::convert::set_long;
use crate::php::coroutine;
use crate::php::ffi::*;
use crate::php::library::functions::forward;
use crate::php::method::{Frame, Stop, run};
use call::{forget_error, is_ours, last_error, note_failure, remember_last, required};
use swoole_core::error;

/// Where the methods stand that are written in PHP.
const CLASS: &str = "SwooleRs\\Library\\Sockets";

/// A call for a socket of ours.
fn with_ours(frame: Frame) -> bool {
    frame.arg(0).is_some_and(is_ours)
}

/// A call that makes a socket.
fn makes_one(_: Frame) -> bool {
    applies(Hook::Sockets)
}

/// A call about several sockets, one of which is ours; in a coroutine, which it may suspend.
fn has_ours(frame: Frame) -> bool {
    coroutine::current().is_some() && select::concerns(frame)
}

/// A call about the error of a socket, or about the last one of all.
fn about_errors(frame: Frame) -> bool {
    with_ours(frame) || (applies(Hook::Sockets) && frame.num_args() == 0)
}

macro_rules! hooks {
    ($($taken:ident = $name:literal, $handler:ident, $when:ident => $body:expr;)*) => {
        $(
            static $taken: Taken = Taken::new($name, $handler);

            unsafe extern "C" fn $handler(ex: *mut zend_execute_data, return_value: *mut zval) {
                // SAFETY: called by the engine with the frame of this call.
                let frame = unsafe { Frame::of(ex) };
                if $when(frame) {
                    // SAFETY: as above, and with a place for the result.
                    unsafe { run(ex, return_value, $body) }
                } else {
                    // SAFETY: as above.
                    unsafe { $taken.call_original(ex, return_value) }
                }
            }
        )*

        static ALL: &[&Taken] = &[$(&$taken),*];
    };
}

hooks! {
    CREATE = c"socket_create", create, makes_one
        => |frame, place| make(&CREATE, frame, place, c"lll", "create");
    CREATE_LISTEN = c"socket_create_listen", create_listen, makes_one
        => |frame, place| make(&CREATE_LISTEN, frame, place, c"l|l", "createListen");
    CREATE_PAIR = c"socket_create_pair", create_pair, makes_one
        => |frame, place| make(&CREATE_PAIR, frame, place, c"lllz", "createPair");
    IMPORT = c"socket_import_stream", import, makes_one
        => |frame, place| make(&IMPORT, frame, place, c"r", "importStream");
    ACCEPT = c"socket_accept", accept, with_ours => ends::do_accept;
    CONNECT = c"socket_connect", connect, with_ours => ends::do_connect;
    BIND = c"socket_bind", bind, with_ours => ends::do_bind;
    SHUTDOWN = c"socket_shutdown", shutdown, with_ours => ends::do_shutdown;
    LISTEN = c"socket_listen", listen, with_ours
        => |frame, place| on_socket(frame, place, c"o|l", 1, "listen");
    READ = c"socket_read", read, with_ours => receive::do_read;
    RECV = c"socket_recv", recv, with_ours => receive::do_recv;
    RECVFROM = c"socket_recvfrom", recvfrom, with_ours => receive::do_recvfrom;
    WRITE = c"socket_write", write, with_ours => send::do_write;
    SEND = c"socket_send", send, with_ours => send::do_send;
    SENDTO = c"socket_sendto", sendto, with_ours => send::do_sendto;
    SET_BLOCK = c"socket_set_block", set_block, with_ours
        => |frame, place| on_socket(frame, place, c"o", 1, "setBlock");
    SET_NONBLOCK = c"socket_set_nonblock", set_nonblock, with_ours
        => |frame, place| on_socket(frame, place, c"o", 1, "setNonblock");
    SET_OPTION = c"socket_set_option", set_option, with_ours => do_set_option;
    SETOPT = c"socket_setopt", setopt, with_ours => do_set_option;
    GET_OPTION = c"socket_get_option", get_option, with_ours => do_get_option;
    GETOPT = c"socket_getopt", getopt, with_ours => do_get_option;
    GETSOCKNAME = c"socket_getsockname", getsockname, with_ours
        => |frame, place| on_socket(frame, place, c"oz|z", 2, "getSockName");
    GETPEERNAME = c"socket_getpeername", getpeername, with_ours
        => |frame, place| on_socket(frame, place, c"oz|z", 2, "getPeerName");
    CLOSE = c"socket_close", close, with_ours
        => |frame, place| on_socket(frame, place, c"o", 1, "close");
    SELECT = c"socket_select", select_ours, has_ours => do_select;
    LAST_ERROR = c"socket_last_error", get_last_error, about_errors => do_last_error;
    CLEAR_ERROR = c"socket_clear_error", clear_error, about_errors => do_clear_error;
}

pub fn take_over() {
    for function in ALL {
        function.take();
    }
    parent::take_over();
}

/// Makes a socket. What ours cannot make, PHP refuses in its own words.
fn make(
    taken: &'static Taken,
    frame: Frame,
    place: Place<'_>,
    spec: &'static std::ffi::CStr,
    method: &str,
) -> Result<(), Stop> {
    error::set_last(0);
    forward(frame, place, spec, CLASS, method)?;
    // SAFETY: the result of the method.
    match unsafe { u32::from(type_of(place.ptr())) } {
        IS_FALSE => remember_last(error::last()),
        // SAFETY: a word of the engine's globals: an exception may be under way.
        IS_NULL if unsafe { (*eg()).exception.is_null() } => {
            return refuse(taken, frame, place);
        }
        _ => {}
    }
    Ok(())
}

/// PHP's own call, which fails as ours has.
fn refuse(taken: &'static Taken, frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    // What it says counts from now on.
    forget_error();
    taken.original(frame, place)
}

/// Runs a method of the library for the socket that is the first argument.
fn on_socket(
    frame: Frame,
    place: Place<'_>,
    spec: &'static std::ffi::CStr,
    count: u32,
    method: &str,
) -> Result<(), Stop> {
    required(frame, count)?;
    error::set_last(0);
    forward(frame, place, spec, CLASS, method)?;
    // SAFETY: the result of the method.
    if unsafe { u32::from(type_of(place.ptr())) } == IS_FALSE
        && let Some(socket) = frame.arg(0)
    {
        note_failure(socket)?;
    }
    Ok(())
}

fn do_select(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    match select::do_select(frame, place)? {
        Some(()) => Ok(()),
        None => SELECT.original(frame, place),
    }
}

fn do_set_option(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    on_socket(frame, place, c"ollz", 4, "setOption")
}

fn do_get_option(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    on_socket(frame, place, c"oll", 3, "getOption")
}

fn do_last_error(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    if frame.num_args() > 0 {
        return on_socket(frame, place, c"o", 1, "lastError");
    }
    match last_error() {
        // There may be one of a call with a socket of PHP's.
        0 => LAST_ERROR.original(frame, place),
        code => {
            set_long(place, i64::from(code));
            Ok(())
        }
    }
}

fn do_clear_error(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    if frame.num_args() > 0 {
        return on_socket(frame, place, c"o", 1, "clearError");
    }
    forget_error();
    CLEAR_ERROR.original(frame, place)
}
