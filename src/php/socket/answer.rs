//! What a call of a socket answers: `errCode` and `errMsg`, exceptions, and the fatal error of two
//! coroutines that use one socket for the same at a time.

use super::{ENTRY, EXCEPTION, Socket, state};
use crate::php::class::Entry;
use crate::php::convert::{set_bool, set_bytes, set_long};
use crate::php::coroutine::{self, inspect};
use crate::php::exception;
use crate::php::ffi::*;
use crate::php::method::{Bailout, Frame, Stop, protect};
use std::ffi::CStr;
use std::rc::Rc;
use swoole_core::coroutine::socket::{Failure, Fault, Interest, Phase};
use swoole_core::error::{self, codes, describe};

/// Where the properties `errCode` and `errMsg` of a class stand, the latter behind the former.
#[derive(Clone, Copy, Debug)]
pub struct ErrorSlots {
    pub class: &'static Entry,
    pub first: usize,
}

/// Those of sockets.
pub const OF_SOCKET: ErrorSlots = ErrorSlots {
    class: &ENTRY,
    first: 4,
};

impl ErrorSlots {
    fn slot(self, frame: Frame, index: usize) -> *mut zval {
        // SAFETY: `$this` in a method of the class: the properties declared first stand first, also in
        // objects of subclasses.
        unsafe {
            (&raw mut (*frame.this()).properties_table)
                .cast::<zval>()
                .add(self.first + index)
        }
    }

    /// Sets both. As long as they hold what they usually do, in place; else the engine sees to it.
    pub fn set(self, frame: Frame, code: i32, text: &str) -> Result<(), Bailout> {
        let slot = self.slot(frame, 0);
        // SAFETY: a live zval; an int may be overwritten.
        unsafe {
            if u32::from(type_of(slot)) == IS_LONG {
                (*slot).value.lval = i64::from(code);
            } else {
                let mut value = undef();
                set_long(value.place(), i64::from(code));
                self.update(frame, c"errCode", &mut value)?;
            }
        }
        let slot = self.slot(frame, 1);
        // SAFETY: a live zval, read for the type that says so.
        let is_same = unsafe {
            u32::from(type_of(slot)) == IS_STRING
                && str_bytes((*slot).value.str_) == text.as_bytes()
        };
        if is_same {
            return Ok(());
        }
        let mut value = undef();
        protect(|| set_bytes(value.place(), text.as_bytes()))?;
        let updated = self.update(frame, c"errMsg", &mut value);
        // SAFETY: our own reference; the property has one of its own.
        unsafe { zval_ptr_dtor(value.ptr()) };
        updated
    }

    fn update(self, frame: Frame, name: &CStr, value: &mut Value) -> Result<(), Bailout> {
        // SAFETY: a live object and a static name; a user's `__set` may run, and nothing is owned.
        protect(|| unsafe {
            zend_update_property(
                self.class.get(),
                frame.this(),
                name.as_ptr(),
                name.to_bytes().len(),
                value.ptr(),
            );
        })
    }

    /// A call that succeeded.
    #[inline]
    pub fn clear(self, frame: Frame) -> Result<(), Bailout> {
        error::set_last(0);
        self.set(frame, 0, "")
    }

    /// A call that failed: it returns false.
    pub fn failed(
        self,
        frame: Frame,
        place: Place<'_>,
        failure: impl Into<Failure>,
    ) -> Result<(), Stop> {
        let failure = failure.into();
        self.note(frame, &failure)?;
        set_bool(place, false);
        Ok(())
    }

    /// A fault of a call that has something to return nevertheless.
    pub fn note(self, frame: Frame, failure: &Failure) -> Result<(), Stop> {
        match failure {
            Failure::Fault(Fault::Ended) => return Err(Stop::Exit),
            Failure::Fault(Fault::Outside) => return Err(coroutine::outside()),
            _ => {}
        }
        error::set_last(failure.code());
        self.set(frame, failure.code(), &failure.text())?;
        Ok(())
    }
}

/// See [`ErrorSlots::failed`].
pub fn failed(frame: Frame, place: Place<'_>, failure: impl Into<Failure>) -> Result<(), Stop> {
    OF_SOCKET.failed(frame, place, failure)
}

/// The socket of `$this`; None: it is closed, and the call has answered so.
pub fn open(frame: Frame, place: Place<'_>) -> Result<Option<Rc<Socket>>, Stop> {
    let socket = state(frame)?;
    if socket.link.phase() == Phase::Closed {
        let text = describe(libc::EBADF);
        OF_SOCKET.set(frame, libc::EBADF, &text)?;
        set_bool(place, false);
        return Ok(None);
    }
    Ok(Some(socket))
}

/// Whether the socket may be used by the running coroutine for this.
pub fn check(socket: &Socket, interest: Option<Interest>) -> Result<Result<(), Failure>, Stop> {
    let (reader, writer) = (socket.parking.reader(), socket.parking.writer());
    let bound = match interest {
        None => None,
        Some(Interest::Read) => reader.map(|cid| (cid, "reading")),
        Some(Interest::Write) => writer.map(|cid| (cid, "writing")),
        Some(Interest::ReadWrite) => match (reader, writer) {
            (Some(cid), Some(_)) => Some((cid, "reading or writing")),
            (Some(cid), None) => Some((cid, "reading")),
            (None, writer) => writer.map(|cid| (cid, "writing")),
        },
    };
    if let Some((cid, what)) = bound {
        return Err(is_bound(socket.link.raw_fd(), cid, what));
    }
    Ok(match socket.link.phase() {
        Phase::Open => Ok(()),
        Phase::Closing => Err(Failure::Code(codes::CO_SOCKET_CLOSE_WAIT)),
        Phase::Closed => Err(Failure::Fault(Fault::Os(libc::EBADF))),
    })
}

/// The status of a process that a fatal error ends.
const STATUS_OF_FAULT: i32 = 255;

/// The mistake is in the program, and neither coroutine could go on: it is reported as an error that
/// nobody has caught, with where the other coroutine stands, and the script ends.
#[cold]
fn is_bound(fd: i32, cid: i64, what: &str) -> Stop {
    let me = coroutine::current().unwrap_or(-1);
    let text = format!(
        "Socket#{fd} has already been bound to another coroutine#{cid}, {what} of the same socket in \
         coroutine#{me} at the same time is not allowed"
    );
    error::set_last(codes::CO_HAS_BEEN_BOUND);
    let rule = "-".repeat(67);
    let head = format!("\n [Coroutine-{cid}] Stack trace:\n {rule}\n");
    // SAFETY: the engine copies the text; the exception is taken out of its globals, and the report takes
    // it over. Handlers of the user's may run and bail out: everything here is borrowed.
    let reported = protect(|| unsafe {
        zend_throw_exception_ex(
            exception::ERROR.get(),
            i64::from(codes::CO_HAS_BEEN_BOUND),
            c"%.*s".as_ptr(),
            text.len() as i32,
            text.as_ptr(),
        );
        let thrown = (*eg()).exception;
        (*eg()).exception = std::ptr::null_mut();
        zend_exception_error(thrown, E_ERROR as i32);
        (*eg()).exit_status = STATUS_OF_FAULT;
        php_output_write(head.as_ptr().cast(), head.len());
    });
    let printed = reported.and_then(|()| inspect::print_backtrace(cid, inspect::IGNORE_ARGS, 0));
    match printed {
        Ok(_) => Stop::Exit,
        Err(Bailout) => Stop::Bailout,
    }
}

/// Throws `Swoole\Coroutine\Socket\Exception`.
pub fn thrown(code: i32, text: &str) -> Stop {
    // SAFETY: the class is registered; the engine copies the text.
    let thrown = protect(|| unsafe {
        zend_throw_exception_ex(
            EXCEPTION.get(),
            i64::from(code),
            c"%.*s".as_ptr(),
            text.len() as i32,
            text.as_ptr(),
        );
    });
    match thrown {
        Ok(()) => Stop::Thrown,
        Err(Bailout) => Stop::Bailout,
    }
}

/// A mistake in a call: always shown.
pub fn mistake(text: impl Into<String>) -> Stop {
    error::set_last(codes::PHP_FATAL_ERROR);
    Stop::Warning(text.into())
}

/// A mistake in a call that `swoole.display_errors` may silence.
pub fn remark(text: impl Into<String>) -> Stop {
    error::set_last(codes::PHP_RUNTIME_NOTICE);
    Stop::SoftWarning(text.into())
}

/// A failed system call, with a warning.
pub fn sys_failed(what: impl std::fmt::Display, errno: i32) -> Stop {
    error::set_last(errno);
    Stop::SoftWarning(format!("{what}, Error: {}[{errno}]", describe(errno)))
}
