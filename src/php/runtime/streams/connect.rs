//! Connecting.

use super::abi::{self, NetStream, XportParam, op};
use super::bind;
use super::io::duration;
use super::lookup::{self, Looked};
use super::ops::{Kind, Stream};
use super::tls;
use crate::php::ffi::*;
use crate::php::method::{Bailout, Stop, docref, protect};
use crate::php::runtime::nonblocking;
use crate::php::runtime::ready::{self, Deadline, Waited, Way};
use std::ffi::{CString, c_int};
use std::net::SocketAddr;

/// Why there is no connection.
struct Failure {
    errno: c_int,
    text: String,
    /// Other addresses of the host are not tried any more.
    is_final: bool,
}

impl Failure {
    fn errno(errno: c_int) -> Self {
        Failure {
            errno,
            text: swoole_core::error::describe(errno).into_owned(),
            is_final: matches!(errno, libc::ECANCELED | libc::ETIMEDOUT),
        }
    }
}

/// Connects as PHP's own code does, address by address, and waits in the event loop.
pub fn connect(stream: Stream, param: *mut XportParam) -> Result<c_int, Stop> {
    // SAFETY: PHP's request, alive through the call.
    let name = unsafe { bytes_of_name(param) };
    let target = match stream.kind() {
        Kind::Local => None,
        Kind::Tcp | Kind::Tls | Kind::Udp => split(&name),
    };
    let Some((host, port)) = target else {
        // A path, which is connected to at once or not at all, or an address that PHP refuses.
        return as_php_does(stream, param);
    };
    // SAFETY: as above; null: without limit.
    let time = unsafe {
        (*param)
            .inputs
            .timeout
            .as_ref()
            .and_then(|time| duration(*time))
    };
    let deadline = Deadline::after(time);
    let socktype = if stream.kind() == Kind::Udp {
        libc::SOCK_DGRAM
    } else {
        libc::SOCK_STREAM
    };
    let mut failure = match lookup::addresses(&host, socktype, deadline.left_ms())? {
        Looked::Up(addresses) => match try_each(stream, param, &addresses, &port, deadline)? {
            None => return Ok(abi::OPTION_OK),
            Some(failure) => failure,
        },
        Looked::TimedOut => Failure::errno(libc::ETIMEDOUT),
        Looked::Canceled => Failure::errno(libc::ECANCELED),
        Looked::Failed(error) => unknown_host(&host, &error.text())?,
    };
    cut(&mut failure.text, MAX_TEXT_BYTES);
    fail(param, &failure)?;
    Ok(abi::OPTION_OK)
}

const MAX_TEXT_BYTES: usize = 1024;

/// Keeps at most so many bytes, and whole characters.
fn cut(text: &mut String, max_bytes: usize) {
    let mut end = max_bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

/// # Safety
/// PHP's request.
unsafe fn bytes_of_name(param: *mut XportParam) -> Vec<u8> {
    // SAFETY: the caller's promise: `name` is of `namelen` bytes.
    unsafe {
        let inputs = &(*param).inputs;
        if inputs.name.is_null() {
            return Vec::new();
        }
        std::slice::from_raw_parts(inputs.name.cast::<u8>(), inputs.namelen).to_vec()
    }
}

/// Host and port; None: not in a form that PHP takes.
fn split(name: &[u8]) -> Option<(String, String)> {
    let name = std::str::from_utf8(name).ok()?;
    let (host, port) = match name.strip_prefix('[') {
        Some(rest) => rest.split_once("]:")?,
        None => name.split_once(':')?,
    };
    let digits: String = port.chars().take_while(char::is_ascii_digit).collect();
    let is_whole = digits.len() == port.len() && !digits.is_empty() && !host.is_empty();
    is_whole.then(|| (host.to_owned(), digits))
}

fn as_php_does(stream: Stream, param: *mut XportParam) -> Result<c_int, Stop> {
    Ok(
        stream
            .as_original(|| stream.original_set_option(abi::OPTION_XPORT_API, 0, param.cast()))?,
    )
}

/// None: connected. Whatever the outcome, `param` is as PHP made it, but for its outputs.
fn try_each(
    stream: Stream,
    param: *mut XportParam,
    addresses: &[SocketAddr],
    port: &str,
    deadline: Deadline,
) -> Result<Option<Failure>, Stop> {
    let mut last = None;
    for address in addresses {
        let name = match address {
            SocketAddr::V4(v4) => format!("{}:{port}", v4.ip()),
            SocketAddr::V6(v6) if v6.scope_id() == 0 => format!("[{}]:{port}", v6.ip()),
            SocketAddr::V6(v6) => format!("[{}%{}]:{port}", v6.ip(), v6.scope_id()),
        };
        let Ok(name) = CString::new(name) else {
            continue;
        };
        let began = begin(stream, param, &name);
        drop(name);
        match began? {
            Began::Connected => return finish(stream, param).map(|()| None),
            Began::Failed(failure) => last = Some(failure),
            Began::Waits => {
                let errno = wait(stream, deadline)?;
                if errno == 0 {
                    return finish(stream, param).map(|()| None);
                }
                abandon(stream.net());
                let failure = Failure::errno(errno);
                if failure.is_final {
                    return Ok(Some(failure));
                }
                last = Some(failure);
            }
        }
    }
    Ok(last.or_else(|| Some(Failure::errno(libc::EADDRNOTAVAIL))))
}

enum Began {
    Connected,
    Waits,
    Failed(Failure),
}

/// Lets PHP's own code make the socket and begin to connect it.
fn begin(stream: Stream, param: *mut XportParam, name: &CString) -> Result<Began, Stop> {
    // SAFETY: PHP's request; what is changed here is put back.
    unsafe {
        let (given_op, given_name, given_len) =
            ((*param).op, (*param).inputs.name, (*param).inputs.namelen);
        // Datagram sockets are connected at once.
        (*param).op = if stream.kind() == Kind::Udp {
            op::CONNECT
        } else {
            op::CONNECT_ASYNC
        };
        (*param).inputs.name = name.as_ptr().cast_mut();
        (*param).inputs.namelen = name.as_bytes().len();
        let make = || {
            if stream.kind() == Kind::Tls {
                // Encryption comes when the connection is there.
                stream.set_option_of(
                    &abi::php_stream_socket_ops,
                    abi::OPTION_XPORT_API,
                    0,
                    param.cast(),
                )
            } else {
                stream.original_set_option(abi::OPTION_XPORT_API, 0, param.cast())
            }
        };
        let done = bind::with_address(stream, || stream.as_original(make));
        (*param).op = given_op;
        (*param).inputs.name = given_name;
        (*param).inputs.namelen = given_len;
        done?;
        Ok(match (*param).outputs.returncode {
            0 => Began::Connected,
            1 => Began::Waits,
            _ => Began::Failed(take_failure(param)?),
        })
    }
}

/// Takes PHP's words out of its answer, where those of a later address are to go.
///
/// # Safety
/// PHP's request, answered.
unsafe fn take_failure(param: *mut XportParam) -> Result<Failure, Bailout> {
    // SAFETY: the caller's promise; the text is null or ours.
    unsafe {
        let outputs = &mut (*param).outputs;
        let mut failure = Failure {
            errno: outputs.error_code,
            text: String::new(),
            is_final: false,
        };
        if !outputs.error_text.is_null() {
            failure.text = String::from_utf8_lossy(str_bytes(outputs.error_text)).into_owned();
            let text = std::mem::replace(&mut outputs.error_text, std::ptr::null_mut());
            protect(|| ext_php_rs_zend_string_release(text))?;
        }
        Ok(failure)
    }
}

/// An errno; 0: connected.
fn wait(stream: Stream, deadline: Deadline) -> Result<c_int, Stop> {
    // SAFETY: what the live stream keeps.
    let fd = unsafe { (*stream.net()).socket };
    Ok(match ready::wait(fd, Way::Write, deadline.left_ms())? {
        Waited::Ready => nonblocking::take_error(fd),
        Waited::TimedOut => libc::ETIMEDOUT,
        Waited::Canceled | Waited::Closed => libc::ECANCELED,
    })
}

fn abandon(net: *mut NetStream) {
    // SAFETY: what the live stream keeps: a socket of its own, which nobody else knows of yet.
    unsafe {
        ready::closing((*net).socket);
        libc::close((*net).socket);
        (*net).socket = -1;
    }
}

/// The connection is there: as PHP's own code leaves it.
fn finish(stream: Stream, param: *mut XportParam) -> Result<(), Stop> {
    let net = stream.net();
    // SAFETY: what the live stream keeps, and PHP's request.
    unsafe {
        nonblocking::set((*net).socket, false);
        (*param).outputs.returncode = 0;
        (*param).outputs.error_code = 0;
    }
    if stream.kind() == Kind::Tls && !tls::after_connect(stream)? {
        // SAFETY: PHP's request.
        unsafe { (*param).outputs.returncode = -1 };
    }
    Ok(())
}

fn unknown_host(host: &str, why: &str) -> Result<Failure, Bailout> {
    let text = format!("php_network_getaddresses: getaddrinfo for {host} failed: {why}");
    docref(E_WARNING, &text)?;
    Ok(Failure {
        errno: 0,
        text,
        is_final: true,
    })
}

fn fail(param: *mut XportParam, failure: &Failure) -> Result<(), Bailout> {
    // SAFETY: PHP's request; the engine copies the text, and PHP releases it.
    unsafe {
        let outputs = &mut (*param).outputs;
        outputs.returncode = -1;
        outputs.error_code = failure.errno;
        if (*param).wants_error_text() && outputs.error_text.is_null() && !failure.text.is_empty() {
            outputs.error_text = protect(|| {
                ext_php_rs_zend_string_init(failure.text.as_ptr().cast(), failure.text.len(), false)
            })?;
        }
    }
    Ok(())
}
