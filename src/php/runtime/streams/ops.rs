//! Operations of ours, each beside those of PHP that stand behind them.

use super::abi::{self, NetStream};
use super::{io, xport};
use crate::php::callback;
use crate::php::coroutine;
use crate::php::coroutine::engine::PhpThread;
use crate::php::ffi::*;
use crate::php::method::{Bailout, Stop, protect};
use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Operations of ours. PHP knows the first field, by its address.
#[repr(C)]
#[derive(Debug)]
pub struct Hooked {
    ops: php_stream_ops,
    original: *const php_stream_ops,
    pub kind: Kind,
}

/// What the operations are those of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `tcp://`
    Tcp,
    /// `tcp://` of the openssl extension, which may be encrypted, `ssl://`, `tls://`
    Tls,
    /// `udp://`
    Udp,
    /// `unix://`, `udg://`, pairs
    Local,
}

static ALL: PhpThread<RefCell<Vec<&'static Hooked>>> = PhpThread::new(RefCell::new(Vec::new()));

/// Gives a stream of PHP's own sockets operations of ours. One of another kind is left alone.
///
/// # Safety
/// A live stream.
pub unsafe fn hook(stream: *mut php_stream) {
    // SAFETY: the caller's promise.
    let original = unsafe { (*stream).ops };
    if let Some(hooked) = hooked_for(original) {
        // SAFETY: as above; the operations live as long as the process.
        unsafe { (*stream).ops = &raw const hooked.ops };
    }
}

fn hooked_for(original: *const php_stream_ops) -> Option<&'static Hooked> {
    let mut all = ALL.get().borrow_mut();
    let known = all.iter().find(|hooked| hooked.original == original);
    if let Some(known) = known {
        return Some(known);
    }
    // SAFETY: the operations of a stream live as long as the process, as their label does.
    let (label, mut ops) = unsafe { (CStr::from_ptr((*original).label), std::ptr::read(original)) };
    let kind = match label.to_bytes() {
        b"tcp_socket" => Kind::Tcp,
        b"tcp_socket/ssl" if super::tls::is_known() => Kind::Tls,
        b"udp_socket" => Kind::Udp,
        b"unix_socket" | b"udg_socket" | b"generic_socket" => Kind::Local,
        _ => return None,
    };
    ops.read = Some(read);
    ops.write = Some(write);
    ops.close = Some(close);
    ops.set_option = Some(set_option);
    let hooked: &'static Hooked = Box::leak(Box::new(Hooked {
        ops,
        original,
        kind,
    }));
    all.push(hooked);
    Some(hooked)
}

/// A stream with operations of ours, in one of them.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    stream: *mut php_stream,
    hooked: &'static Hooked,
}

impl Stream {
    /// # Safety
    /// A live stream with operations of ours, for as long as the answer is used.
    unsafe fn of(stream: *mut php_stream) -> Stream {
        // SAFETY: the caller's promise: the operations are the first field of a `Hooked` that is never
        // freed.
        let hooked = unsafe { &*(*stream).ops.cast::<Hooked>() };
        Stream { stream, hooked }
    }

    pub fn kind(self) -> Kind {
        self.hooked.kind
    }

    pub fn raw(self) -> *mut php_stream {
        self.stream
    }

    /// What PHP's own operations keep; null once it is closed.
    pub fn net(self) -> *mut NetStream {
        // SAFETY: a live stream of PHP's own sockets (see `hooked_for`), which all keep this.
        unsafe { (*self.stream).abstract_.cast() }
    }

    /// Whether an operation that would block is to wait in the event loop: in a coroutine, with a socket
    /// that blocks.
    pub fn waits(self) -> bool {
        if coroutine::current().is_none() {
            return false;
        }
        // SAFETY: null, or what the stream keeps.
        let net = unsafe { self.net().as_ref() };
        net.is_some_and(|net| net.socket >= 0 && net.is_blocked)
    }

    pub fn is_at_end(self) -> bool {
        // SAFETY: a live stream.
        unsafe { php_stream::eof_raw(self.stream) != 0 }
    }

    /// PHP's own operations.
    fn original(self) -> &'static php_stream_ops {
        // SAFETY: they live as long as the process.
        unsafe { &*self.hooked.original }
    }

    pub fn original_read(self, buf: *mut c_char, count: usize) -> Result<isize, Bailout> {
        match self.original().read {
            // SAFETY: what PHP passed to ours.
            Some(read) => protect(|| unsafe { read(self.stream, buf, count) }),
            None => Ok(-1),
        }
    }

    pub fn original_write(self, buf: *const c_char, count: usize) -> Result<isize, Bailout> {
        match self.original().write {
            // SAFETY: what PHP passed to ours.
            Some(write) => protect(|| unsafe { write(self.stream, buf, count) }),
            None => Ok(-1),
        }
    }

    pub fn original_close(self, close_handle: c_int) -> Result<c_int, Bailout> {
        match self.original().close {
            // SAFETY: what PHP passed to ours.
            Some(close) => protect(|| unsafe { close(self.stream, close_handle) }),
            None => Ok(0),
        }
    }

    pub fn original_set_option(
        self,
        option: c_int,
        value: c_int,
        param: *mut c_void,
    ) -> Result<c_int, Bailout> {
        self.set_option_of(self.original(), option, value, param)
    }

    /// `set_option` of some operations, on this stream.
    pub fn set_option_of(
        self,
        ops: &php_stream_ops,
        option: c_int,
        value: c_int,
        param: *mut c_void,
    ) -> Result<c_int, Bailout> {
        match ops.set_option {
            Some(set_option) => {
                // SAFETY: what PHP passed to ours.
                protect(|| unsafe { set_option(self.stream, option, value, param) })
            }
            None => Ok(abi::OPTION_ERR),
        }
    }

    /// Runs `f` while the stream has PHP's own operations, by whose address PHP's code knows what kind of
    /// socket to make. For a stream that no user code knows of yet.
    pub fn as_original<R>(self, f: impl FnOnce() -> Result<R, Bailout>) -> Result<R, Bailout> {
        // SAFETY: a live stream; both operations live as long as the process.
        unsafe {
            let ours = (*self.stream).ops;
            (*self.stream).ops = self.hooked.original;
            let result = f();
            (*self.stream).ops = ours;
            result
        }
    }
}

/// Between PHP's C code and ours: a panic and a bailout stop here, the bailout to go on when nothing is
/// owned any more.
pub fn enter<R: Copy>(failed: R, f: impl FnOnce() -> Result<R, Stop>) -> R {
    let result = catch_unwind(AssertUnwindSafe(f));
    let bailout = match result {
        Ok(Ok(result)) => {
            callback::pass_on();
            return result;
        }
        Ok(Err(stop)) => matches!(stop, Stop::Bailout),
        // The panic hook has printed place and message.
        Err(panic) => {
            drop(panic);
            false
        }
    };
    if bailout {
        // SAFETY: called by PHP's C code, inside the engine's zend_try; nothing is owned here.
        unsafe { ext_php_rs_zend_bailout() }
    }
    // `Stop::Exit` has thrown already: see `engine::wait`.
    callback::pass_on();
    failed
}

unsafe extern "C" fn read(stream: *mut php_stream, buf: *mut c_char, count: usize) -> isize {
    // SAFETY: called by PHP, on a stream whose operations are ours.
    enter(-1, || io::read(unsafe { Stream::of(stream) }, buf, count))
}

unsafe extern "C" fn write(stream: *mut php_stream, buf: *const c_char, count: usize) -> isize {
    // SAFETY: as above.
    enter(-1, || io::write(unsafe { Stream::of(stream) }, buf, count))
}

unsafe extern "C" fn close(stream: *mut php_stream, close_handle: c_int) -> c_int {
    // SAFETY: as above.
    enter(0, || io::close(unsafe { Stream::of(stream) }, close_handle))
}

unsafe extern "C" fn set_option(
    stream: *mut php_stream,
    option: c_int,
    value: c_int,
    param: *mut c_void,
) -> c_int {
    enter(abi::OPTION_ERR, || {
        // SAFETY: as above.
        xport::set_option(unsafe { Stream::of(stream) }, option, value, param)
    })
}
