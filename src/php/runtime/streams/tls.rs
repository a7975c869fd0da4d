//! Encrypted streams of the openssl extension.

use super::abi::{self, CryptoParam, NetStream, TlsStream};
use super::io::duration;
use super::ops::{Kind, Stream};
use crate::php::coroutine;
use crate::php::ffi::*;
use crate::php::method::{Bailout, Stop, docref, protect};
use crate::php::runtime::at_work::AtWork;
use crate::php::runtime::nonblocking;
use crate::php::runtime::ready::{self, Deadline, Waited, Way};
use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

/// Up to PHP 8.5, what the extension's streams keep is as [`TlsStream`] says.
#[must_use]
pub const fn is_known() -> bool {
    ZEND_MODULE_API_NO < 20_260_000
}

fn tls_of(stream: Stream) -> Option<*mut TlsStream> {
    (stream.kind() == Kind::Tls && !stream.net().is_null()).then(|| stream.net().cast())
}

/// Whether what is read and written is encrypted.
#[must_use]
pub fn is_active(stream: Stream) -> bool {
    // SAFETY: what a stream of this kind keeps.
    tls_of(stream).is_some_and(|tls| unsafe { (*tls).ssl_active != 0 })
}

/// What OpenSSL waits for.
fn wanted(stream: Stream, otherwise: Way) -> Way {
    type Want = unsafe extern "C" fn(*const c_void) -> c_int;
    static WANT: OnceLock<Option<Want>> = OnceLock::new();
    let want = *WANT.get_or_init(|| {
        // SAFETY: looks a name up in what is loaded; the function of this name is OpenSSL's.
        unsafe {
            let found = libc::dlsym(libc::RTLD_DEFAULT, c"SSL_want".as_ptr());
            std::mem::transmute::<*mut c_void, Option<Want>>(found)
        }
    });
    /// `SSL_WRITING`, `SSL_READING`
    const WRITING: c_int = 2;
    const READING: c_int = 3;
    let (Some(want), Some(tls)) = (want, tls_of(stream)) else {
        return otherwise;
    };
    // SAFETY: the stream's session, which lives as long as it does.
    unsafe {
        if (*tls).ssl.is_null() {
            return otherwise;
        }
        match want((*tls).ssl) {
            WRITING => Way::Write,
            READING => Way::Read,
            _ => otherwise,
        }
    }
}

/// Lets PHP's own code try, on a descriptor that does not block.
///
/// # Safety
/// `net` is what a live stream keeps.
unsafe fn attempt<R>(
    net: *mut NetStream,
    f: impl FnOnce() -> Result<R, Bailout>,
) -> Result<(R, c_int), Bailout> {
    // SAFETY: the caller's promise.
    unsafe {
        // It stays so: the extension itself does not rely on the mode of the descriptor.
        nonblocking::set((*net).socket, true);
        (*net).is_blocked = false;
        // The extension looks at it where no call of the kernel has set it.
        nonblocking::clear_errno();
        let result = f();
        let errno = nonblocking::errno();
        (*net).is_blocked = true;
        Ok((result?, errno))
    }
}

/// Reads or writes with `f`, PHP's own code.
pub fn transfer(
    stream: Stream,
    work: &AtWork,
    way: Way,
    f: impl Fn() -> Result<isize, Bailout>,
) -> Result<isize, Stop> {
    let net = stream.net();
    // SAFETY: what the live stream keeps.
    let (fd, time) = unsafe { ((*net).socket, duration((*net).timeout)) };
    let deadline = Deadline::after(time);
    loop {
        // SAFETY: as above.
        let (result, errno) = unsafe { attempt(net, &f)? };
        if result > 0 || errno != libc::EAGAIN || stream.is_at_end() {
            return Ok(result);
        }
        let waited = work.waiting(|| {
            if wanted(stream, way) == way {
                ready::wait(fd, way, deadline.left_ms())
            } else {
                nap(deadline)
            }
        });
        match waited? {
            Waited::Ready => {}
            Waited::TimedOut => {
                // SAFETY: the stream lives: it is closed only after whoever waits for it has left.
                unsafe { (*net).timeout_event = true };
                return Ok(-1);
            }
            Waited::Canceled => return Ok(-1),
            Waited::Closed => {
                // SAFETY: as above.
                unsafe { (*stream.raw()).set_eof(1) };
                return Ok(-1);
            }
        }
    }
}

/// Where one coroutine reads and another one writes, both may have to wait for the same, and only one can
/// wait for the descriptor: that is left to whose direction it is, and the other looks again after a while. It
/// is rare: the keys are changing.
const NAP_MS: u64 = 10;

fn nap(deadline: Deadline) -> Result<Waited, Stop> {
    let left_ms = deadline.left_ms();
    let is_last = left_ms.is_some_and(|ms| ms <= NAP_MS);
    let nap_ms = left_ms.map_or(NAP_MS, |ms| ms.min(NAP_MS));
    Ok(match coroutine::suspend(Some(nap_ms)) {
        coroutine::Woken::TimedOut if is_last => Waited::TimedOut,
        coroutine::Woken::TimedOut => Waited::Ready,
        // Who closes the stream cuts the wait short.
        coroutine::Woken::Resumed => Waited::Closed,
        coroutine::Woken::Canceled => Waited::Canceled,
        coroutine::Woken::Ended => return Err(Stop::Exit),
    })
}

/// `stream_socket_enable_crypto()`, and what `ssl://` does when it is connected.
pub fn handshake(stream: Stream, value: c_int, param: *mut CryptoParam) -> Result<c_int, Stop> {
    let Some(tls) = tls_of(stream) else {
        return Ok(stream.original_set_option(abi::OPTION_CRYPTO_API, value, param.cast())?);
    };
    let net = stream.net();
    // SAFETY: what a stream of this kind keeps.
    let (fd, time) = unsafe {
        let is_client = (*tls).is_client != 0;
        let time = if is_client {
            (*tls).connect_timeout
        } else {
            (*tls).plain.timeout
        };
        ((*net).socket, duration(time))
    };
    let deadline = Deadline::after(time);
    loop {
        // SAFETY: as above.
        let (done, _) = unsafe {
            attempt(net, || {
                stream.original_set_option(abi::OPTION_CRYPTO_API, value, param.cast())
            })?
        };
        // SAFETY: what this option comes with. 0: the peer is to send, or to take, more.
        if done != abi::OPTION_OK || unsafe { (*param).returncode } != 0 {
            return Ok(done);
        }
        match ready::wait(fd, wanted(stream, Way::Read), deadline.left_ms())? {
            Waited::Ready => continue,
            Waited::TimedOut => docref(E_WARNING, "SSL: Handshake timed out")?,
            Waited::Canceled | Waited::Closed => {}
        }
        // SAFETY: as above.
        unsafe { (*param).returncode = -1 };
        return Ok(done);
    }
}

/// What `ssl://` does when it is connected; false: it failed, with a warning.
pub fn after_connect(stream: Stream) -> Result<bool, Stop> {
    let Some(tls) = tls_of(stream) else {
        return Ok(true);
    };
    // SAFETY: what a stream of this kind keeps.
    let (wanted, method) = unsafe { ((*tls).enable_on_connect != 0, (*tls).method) };
    if !wanted {
        return Ok(true);
    }
    // SAFETY: a live stream; the second call comes back to `handshake`.
    let done = protect(|| unsafe {
        abi::php_stream_xport_crypto_setup(stream.raw(), method, std::ptr::null_mut()) >= 0
            && abi::php_stream_xport_crypto_enable(stream.raw(), 1) >= 0
    })?;
    if !done {
        docref(E_WARNING, "Failed to enable crypto")?;
    }
    Ok(done)
}

/// Looking ahead in an encrypted stream would block on a descriptor that blocks.
pub fn before_peek(stream: Stream) {
    if is_active(stream) {
        // SAFETY: what the live stream keeps.
        unsafe { nonblocking::set((*stream.net()).socket, true) };
    }
}
