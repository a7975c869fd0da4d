//! A call's socket, and how calls fail: they return false, and the socket and the process remember why.

use crate::php::convert::{set_bool, set_bytes, set_long};
use crate::php::coroutine;
use crate::php::coroutine::engine::PhpThread;
use crate::php::ffi::*;
use crate::php::method::{Bailout, Frame, Stop, Thrown, protect};
use crate::php::object;
use crate::php::socket::answer::check;
use crate::php::socket::{ENTRY, Socket};
use std::cell::Cell;
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::time::Duration;
use swoole_core::coroutine::socket::{Failure, Fault, Interest, Phase};
use swoole_core::error::{self, codes, describe};
use swoole_core::sys::Errno;

/// `socket_last_error()`: that of the last call that failed.
static LAST: PhpThread<Cell<i32>> = PhpThread::new(Cell::new(0));

/// What PHP's sockets say of a name that nobody knows: -10000 and `HOST_NOT_FOUND`.
const UNKNOWN_HOST: i32 = -10_001;

/// Where the properties stand that are declared behind the descriptor and its kind.
const ERROR_CODE_SLOT: usize = 4;
const NONBLOCK_SLOT: usize = 6;

pub fn last_error() -> i32 {
    LAST.get().get()
}

pub fn forget_error() {
    LAST.get().set(0);
}

/// A call that is for no single socket has failed.
pub fn remember_last(errno: i32) {
    LAST.get().set(errno);
    error::set_last(errno);
}

/// Whether a value is a socket of ours.
pub fn is_ours(value: *mut zval) -> bool {
    // SAFETY: a live value; the union member is read for the type that says so.
    unsafe {
        if u32::from(type_of(value)) != IS_OBJECT {
            return false;
        }
        let (class, ours) = ((*(*value).value.obj).ce, ENTRY.get());
        std::ptr::eq(class, ours) || instanceof_function_slow(class, ours)
    }
}

/// What is wrong with the arguments, in PHP's words.
pub fn refused(message: impl Into<String>) -> Stop {
    Stop::Throw {
        class: Thrown::ValueError,
        code: 0,
        message: message.into(),
    }
}

/// Refuses a call with fewer arguments.
pub fn required(frame: Frame, count: u32) -> Result<(), Stop> {
    let given = frame.num_args();
    if given >= count {
        return Ok(());
    }
    // SAFETY: the live frame of an internal function.
    let most = unsafe { (*(*frame.raw()).func).common.num_args };
    let amount = if most > count { "at least" } else { "exactly" };
    let text = format!(
        "Too few arguments to function swoole_{}(), {given} passed and {amount} {count} expected",
        frame.function_name()
    );
    // SAFETY: the engine copies the text.
    protect(|| unsafe {
        zend_argument_count_error(c"%.*s".as_ptr(), text.len() as i32, text.as_ptr());
    })?;
    Err(Stop::Thrown)
}

/// A slot of a socket's properties.
fn slot(object: *mut zend_object, index: usize) -> *mut zval {
    // SAFETY: an object of the class or a subclass: the properties declared first stand first.
    unsafe {
        (&raw mut (*object).properties_table)
            .cast::<zval>()
            .add(index)
    }
}

/// The socket that a call is for.
pub struct Call {
    object: *mut zend_object,
    pub socket: Rc<Socket>,
    /// `socket_set_nonblock()`
    pub is_nonblocking: bool,
}

impl Call {
    /// `argument`: the first one of the call, which [`is_ours`] held for. None: it is closed, and the call
    /// has answered so.
    pub fn of(argument: *mut zval, place: Place<'_>) -> Result<Option<Call>, Stop> {
        // SAFETY: a live object of the class, which the argument keeps through the call.
        let (object, socket, is_nonblocking) = unsafe {
            let object = (*deref(argument)).value.obj;
            let nonblock = deref(slot(object, NONBLOCK_SLOT));
            let is_nonblocking = u32::from(type_of(nonblock)) == IS_TRUE;
            (object, object::state::<Socket>(object), is_nonblocking)
        };
        let socket = socket.ok_or_else(Stop::not_constructed)?;
        if socket.link.phase() == Phase::Closed {
            fail(object, place, &Fault::Os(libc::EBADF).into())?;
            return Ok(None);
        }
        Ok(Some(Call {
            object,
            socket,
            is_nonblocking,
        }))
    }

    /// Makes a call until it has an answer; with `once`, one time.
    pub fn attempt<R>(
        &self,
        interest: Interest,
        once: bool,
        mut call: impl FnMut(BorrowedFd<'_>) -> Result<R, Errno>,
    ) -> Result<Result<R, Failure>, Stop> {
        if once {
            let fd = self.socket.link.descriptor();
            let result = fd.and_then(|fd| call(fd.as_fd()));
            return Ok(result.map_err(Failure::from));
        }
        let limit = match self.begin(interest)? {
            Ok(limit) => limit,
            Err(failure) => return Ok(Err(failure)),
        };
        let park = self.socket.park();
        let mut operation = match self.socket.link.begin(&park, limit) {
            Ok(operation) => operation,
            Err(errno) => return Ok(Err(errno.into())),
        };
        Ok(operation.run(interest, call).map_err(Failure::from))
    }

    /// Whether it may be waited for, and how long.
    pub fn begin(&self, interest: Interest) -> Result<Result<Option<Duration>, Failure>, Stop> {
        let checked = check(&self.socket, Some(interest))?;
        Ok(checked.map(|()| self.socket.link.limit(0.0, interest)))
    }

    /// The call returns false.
    pub fn fail(&self, place: Place<'_>, failure: impl Into<Failure>) -> Result<(), Stop> {
        fail(self.object, place, &failure.into())
    }
}

fn fail(object: *mut zend_object, place: Place<'_>, failure: &Failure) -> Result<(), Stop> {
    match failure {
        Failure::Fault(Fault::Ended) => return Err(Stop::Exit),
        Failure::Fault(Fault::Outside) => return Err(coroutine::outside()),
        _ => {}
    }
    remember(object, failure.code())?;
    set_bool(place, false);
    Ok(())
}

/// After a method of a socket has failed: it or the process knows why.
pub fn note_failure(socket: *mut zval) -> Result<(), Stop> {
    // SAFETY: `is_ours` held for it; the union member is read for the type that says so.
    let (object, own) = unsafe {
        let object = (*deref(socket)).value.obj;
        let code = deref(slot(object, ERROR_CODE_SLOT));
        let is_int = u32::from(type_of(code)) == IS_LONG;
        (object, if is_int { (*code).value.lval } else { 0 })
    };
    match error::last() {
        // Nothing is known of a mistake in the arguments but the warning about it.
        codes::PHP_FATAL_ERROR | codes::PHP_RUNTIME_NOTICE => Ok(()),
        0 => Ok(remember(object, i32::try_from(own).unwrap_or(0))?),
        code => Ok(remember(object, code)?),
    }
}

/// As PHP's sockets number errors.
fn php_code(code: i32) -> i32 {
    match code {
        codes::DNSLOOKUP_RESOLVE_FAILED | codes::BAD_HOST_ADDR => UNKNOWN_HOST,
        codes::BAD_PORT => libc::EINVAL,
        codes::NAME_TOO_LONG => libc::ENAMETOOLONG,
        code => code,
    }
}

fn remember(object: *mut zend_object, code: i32) -> Result<(), Bailout> {
    if code == 0 {
        return Ok(());
    }
    let code = php_code(code);
    LAST.get().set(code);
    error::set_last(code);
    let mut value = undef();
    set_long(value.place(), i64::from(code));
    update(object, c"errCode", &mut value)?;
    let text = describe(code);
    protect(|| set_bytes(value.place(), text.as_bytes()))?;
    let updated = update(object, c"errMsg", &mut value);
    // SAFETY: our own reference; the property has one of its own.
    unsafe { zval_ptr_dtor(value.ptr()) };
    updated
}

fn update(object: *mut zend_object, name: &CStr, value: &mut Value) -> Result<(), Bailout> {
    // SAFETY: a live object and a static name; a user's `__set` may run, and nothing is owned that a
    // bailout would lose.
    protect(|| unsafe {
        zend_update_property(
            ENTRY.get(),
            object,
            name.as_ptr(),
            name.to_bytes().len(),
            value.ptr(),
        );
    })
}
