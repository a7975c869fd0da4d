//! What PHP asks a socket's stream for: accepting, datagrams, whether the peer is still there.

use super::abi::{self, CryptoParam, XportParam, op};
use super::connect;
use super::io::duration;
use super::ops::Stream;
use super::tls;
use crate::php::ffi::*;
use crate::php::method::{Bailout, Stop, docref, protect};
use crate::php::runtime::at_work::{self, AtWork};
use crate::php::runtime::nonblocking;
use crate::php::runtime::ready::{self, Deadline, Waited, Way};
use std::ffi::{c_int, c_void};
use std::os::fd::RawFd;

pub fn set_option(
    stream: Stream,
    option: c_int,
    value: c_int,
    param: *mut c_void,
) -> Result<c_int, Stop> {
    match option {
        abi::OPTION_XPORT_API => transport(stream, value, param.cast()),
        abi::OPTION_CRYPTO_API if stream.waits() => {
            let crypto: *mut CryptoParam = param.cast();
            // SAFETY: what this option comes with.
            let begins = unsafe { (*crypto).op == abi::CRYPTO_ENABLE && (*crypto).activate != 0 };
            if begins && tls::is_known() && !tls::is_active(stream) {
                return tls::handshake(stream, value, crypto);
            }
            Ok(stream.original_set_option(option, value, param)?)
        }
        // PHP's own waits for the timeout if there is nothing to tell; here nobody waits to be told.
        abi::OPTION_CHECK_LIVENESS if stream.waits() => {
            tls::before_peek(stream);
            Ok(stream.original_set_option(option, 0, param)?)
        }
        _ => Ok(stream.original_set_option(option, value, param)?),
    }
}

fn transport(stream: Stream, value: c_int, param: *mut XportParam) -> Result<c_int, Stop> {
    // SAFETY: what this option comes with.
    match unsafe { (*param).op } {
        op::CONNECT if crate::php::coroutine::current().is_some() => {
            connect::connect(stream, param)
        }
        op::BIND | op::CONNECT | op::CONNECT_ASYNC => Ok(stream.as_original(|| {
            stream.original_set_option(abi::OPTION_XPORT_API, value, param.cast())
        })?),
        op::ACCEPT if stream.waits() => accept(stream, param),
        op::RECV if stream.waits() => receive(stream, param),
        op::SEND if stream.waits() => send(stream, param),
        _ => Ok(stream.original_set_option(abi::OPTION_XPORT_API, value, param.cast())?),
    }
}

fn fd_of(stream: Stream) -> RawFd {
    // SAFETY: what the live stream keeps (see `waits`).
    unsafe { (*stream.net()).socket }
}

/// Takes a connection. The new stream gets the operations of this one, which are ours.
fn accept(stream: Stream, param: *mut XportParam) -> Result<c_int, Stop> {
    let fd = fd_of(stream);
    // SAFETY: PHP's request; null: without limit.
    let given = unsafe { (*param).inputs.timeout };
    // SAFETY: as above.
    let time = unsafe { given.as_ref() }.and_then(|time| duration(*time));
    let deadline = Deadline::after(time);
    let mut no_time = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    loop {
        if nonblocking::poll(fd, libc::POLLIN) != 0 {
            // SAFETY: PHP's request; the timeout is put back.
            unsafe { (*param).inputs.timeout = &raw mut no_time };
            // Another process may take the connection away: then accept(2) must not wait for the next.
            let done = nonblocking::during(fd, || {
                stream.original_set_option(abi::OPTION_XPORT_API, 0, param.cast())
            });
            // SAFETY: as above.
            unsafe { (*param).inputs.timeout = given };
            let done = done?;
            // SAFETY: as above.
            let outputs = unsafe { &mut (*param).outputs };
            if outputs.returncode == 0 || !is_transient(outputs.error_code) {
                return Ok(done);
            }
            drop_text(outputs)?;
        }
        let errno = match ready::wait(fd, Way::Read, deadline.left_ms())? {
            Waited::Ready => continue,
            Waited::TimedOut => libc::ETIMEDOUT,
            Waited::Canceled | Waited::Closed => libc::ECANCELED,
        };
        return fail(param, errno);
    }
}

/// Whether accept(2) may succeed when it is tried again.
fn is_transient(errno: c_int) -> bool {
    matches!(
        errno,
        libc::EAGAIN | libc::ETIMEDOUT | libc::EINTR | libc::ECONNABORTED
    )
}

fn drop_text(outputs: &mut abi::XportOutputs) -> Result<(), Bailout> {
    let text = std::mem::replace(&mut outputs.error_text, std::ptr::null_mut());
    if !text.is_null() {
        // SAFETY: PHP's text, ours to release.
        protect(|| unsafe { ext_php_rs_zend_string_release(text) })?;
    }
    Ok(())
}

fn fail(param: *mut XportParam, errno: c_int) -> Result<c_int, Stop> {
    // SAFETY: PHP's request; the engine copies the text, which PHP releases.
    unsafe {
        let outputs = &mut (*param).outputs;
        outputs.returncode = -1;
        outputs.error_code = errno;
        outputs.client = std::ptr::null_mut();
        if (*param).wants_error_text() && outputs.error_text.is_null() {
            let text = swoole_core::error::describe(errno);
            let made =
                protect(|| ext_php_rs_zend_string_init(text.as_ptr().cast(), text.len(), false));
            outputs.error_text = made?;
        }
    }
    Ok(abi::OPTION_OK)
}

/// `stream_socket_recvfrom()`: without a timeout, as PHP's own.
fn receive(stream: Stream, param: *mut XportParam) -> Result<c_int, Stop> {
    let fd = fd_of(stream);
    at_work::refuse(stream.raw(), Way::Read, || Some(fd))?;
    let Some(work) = AtWork::begin(stream.raw(), Some(Way::Read)) else {
        return Ok(abi::OPTION_ERR);
    };
    loop {
        let (done, errno) = nonblocking::during(fd, || {
            let done = stream.original_set_option(abi::OPTION_XPORT_API, 0, param.cast());
            (done, nonblocking::errno())
        });
        let done = done?;
        // SAFETY: PHP's request.
        let outputs = unsafe { &mut (*param).outputs };
        if outputs.returncode >= 0 || errno != libc::EAGAIN {
            return Ok(done);
        }
        // What there is of an address is that of nobody.
        let (text, address) = (outputs.textaddr, outputs.addr);
        (outputs.textaddr, outputs.addr) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: PHP's own, ours to release; null or counted.
        protect(|| unsafe {
            if !text.is_null() {
                ext_php_rs_zend_string_release(text);
            }
            if !address.is_null() {
                _efree(address.cast());
            }
        })?;
        match work.waiting(|| ready::wait(fd, Way::Read, None))? {
            Waited::Ready => {}
            Waited::TimedOut | Waited::Canceled | Waited::Closed => return Ok(done),
        }
    }
}

/// `STREAM_OOB`
const OUT_OF_BAND: c_int = 1;

/// `stream_socket_sendto()`: all of it, as a socket that blocks takes it.
fn send(stream: Stream, param: *mut XportParam) -> Result<c_int, Stop> {
    let fd = fd_of(stream);
    // SAFETY: PHP's request.
    let (inputs, outputs) = unsafe { (&(*param).inputs, &mut (*param).outputs) };
    let mut flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    if inputs.flags & OUT_OF_BAND != 0 {
        flags |= libc::MSG_OOB;
    }
    let mut sent = 0;
    let errno = loop {
        // SAFETY: the bytes and the address of PHP's request, within their lengths.
        let n = unsafe {
            libc::sendto(
                fd,
                inputs.buf.add(sent).cast(),
                inputs.buflen - sent,
                flags,
                inputs.addr,
                inputs.addrlen,
            )
        };
        if n >= 0 {
            sent += n.unsigned_abs();
            if sent >= inputs.buflen || n == 0 {
                break 0;
            }
            continue;
        }
        match nonblocking::errno() {
            libc::EINTR => {}
            libc::EAGAIN => match ready::wait(fd, Way::Write, None)? {
                Waited::Ready => {}
                Waited::TimedOut | Waited::Canceled | Waited::Closed => break libc::ECANCELED,
            },
            errno => break errno,
        }
    };
    if errno == 0 || sent > 0 {
        outputs.returncode = c_int::try_from(sent).unwrap_or(c_int::MAX);
    } else {
        outputs.returncode = -1;
        // With the end of line that PHP's own has.
        docref(
            E_WARNING,
            &format!("{}\n", swoole_core::error::describe(errno)),
        )?;
    }
    Ok(abi::OPTION_OK)
}
