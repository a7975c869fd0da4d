//! The trampoline around every method and function: the only way from the engine into Rust.
//!
//! Two kinds of jumps must not cross Rust frames that own something: a Rust panic into C, and the
//! engine's bailout (a longjmp on a fatal error) over Rust. So a handler reads its arguments first,
//! while it owns nothing; what may bail out later runs inside [`protect`]; and a bailout that was
//! caught is raised again here, after the handler has returned and everything it owned is dropped.

use super::callback;
use super::convert;
use super::ffi::*;
use std::ffi::{CStr, c_void};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use swoole_core::error::{self, Error};

/// The engine gave up this request (fatal error, memory limit) while `protect` ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Bailout;

/// Which exception to throw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thrown {
    Error,
    TypeError,
    ValueError,
    SwooleException,
    SwooleError,
}

/// Why a handler has no value to return.
#[derive(Debug)]
#[must_use]
pub enum Stop {
    /// An exception is already under way, from reading the arguments.
    Thrown,
    /// `E_WARNING` with this text; the method returns false.
    Warning(String),
    /// The same for a mistake that `swoole.display_errors` may silence.
    SoftWarning(String),
    /// `E_ERROR`: ends the script.
    Fatal(String),
    Throw {
        class: Thrown,
        code: i64,
        message: String,
    },
    /// A `Swoole\Error` that nothing catches: ends the script, as the reference does it where going on
    /// makes no sense.
    Uncaught {
        code: i64,
        message: String,
    },
    /// A run-time failure: remembered as the last error; the method returns false.
    Failed(Error),
    Bailout,
    /// Unwinds the script as `exit()` does.
    Exit,
    /// Ends the process without a return into the script.
    EndProcess(i32),
}

impl Stop {
    pub fn error(message: impl Into<String>) -> Self {
        Stop::Throw {
            class: Thrown::Error,
            code: 0,
            message: message.into(),
        }
    }

    /// A method of an object whose constructor did not run.
    pub fn not_constructed() -> Self {
        Stop::Throw {
            class: Thrown::SwooleError,
            code: i64::from(swoole_core::error::codes::WRONG_OPERATION),
            message: "must call constructor first".to_owned(),
        }
    }

    pub fn exception(code: i64, message: impl Into<String>) -> Self {
        Stop::Throw {
            class: Thrown::SwooleException,
            code,
            message: message.into(),
        }
    }
}

impl From<Bailout> for Stop {
    fn from(_: Bailout) -> Self {
        Stop::Bailout
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

/// A call from PHP: its arguments and `$this`.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    ex: *mut zend_execute_data,
}

/// Zvals that a call frame takes before its arguments.
const FRAME_SLOTS: usize = size_of::<zend_execute_data>().div_ceil(size_of::<zval>());

impl Frame {
    /// # Safety
    /// `ex` is the frame of the running call, which the engine passed to the method's C function.
    #[must_use]
    #[inline]
    pub unsafe fn of(ex: *mut zend_execute_data) -> Self {
        Frame { ex }
    }

    /// The frame as the engine knows it.
    #[must_use]
    pub fn raw(&self) -> *mut zend_execute_data {
        self.ex
    }

    /// The argument at `index` if it is an int.
    #[must_use]
    #[inline]
    pub fn int_arg(&self, index: usize) -> Option<i64> {
        let value = self.arg(index)?;
        // SAFETY: a live argument; the union member is read for the type that says so.
        unsafe { (u32::from(type_of(value)) == IS_LONG).then(|| (*value).value.lval) }
    }

    #[must_use]
    #[inline]
    pub fn num_args(&self) -> u32 {
        // SAFETY: `ex` is the live frame of the running call.
        unsafe { (*self.ex).This.u2.num_args }
    }

    /// The argument at `index`, references resolved; None if not given.
    #[must_use]
    #[inline]
    pub fn arg(&self, index: usize) -> Option<*mut zval> {
        if index >= self.num_args() as usize {
            return None;
        }
        // SAFETY: arguments stand behind the frame, `num_args` of them, all initialised.
        unsafe { Some(deref(self.ex.cast::<zval>().add(FRAME_SLOTS + index))) }
    }

    /// The arguments from `index` on, as they stand in the frame, and how many.
    #[must_use]
    #[inline]
    pub fn args_from(&self, index: usize) -> (*mut zval, u32) {
        let count = (self.num_args() as usize).saturating_sub(index) as u32;
        // SAFETY: arguments stand behind the frame; one past the last is where the frame may end.
        let first = unsafe {
            self.ex
                .cast::<zval>()
                .add(FRAME_SLOTS + index.min(self.num_args() as usize))
        };
        (first, count)
    }

    /// `$this`; null in a function.
    #[must_use]
    #[inline]
    pub fn this(&self) -> *mut zend_object {
        // SAFETY: the live frame; `This` holds an object in a method call.
        unsafe {
            if u32::from(type_of(&raw const (*self.ex).This)) == IS_OBJECT {
                (*self.ex).This.value.obj
            } else {
                std::ptr::null_mut()
            }
        }
    }

    /// The name of the method as it was declared.
    #[must_use]
    pub fn function_name(&self) -> String {
        // SAFETY: the live frame of an internal function, which has a name.
        let bytes = unsafe { str_bytes((*(*self.ex).func).common.function_name) };
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// The class name of `$this`, for messages.
    #[must_use]
    pub fn class_name(&self) -> String {
        let this = self.this();
        if this.is_null() {
            return String::new();
        }
        // SAFETY: a live object has a class with a name.
        let bytes = unsafe { str_bytes((*(*this).ce).name) };
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// Reads the arguments by a `zend_parse_parameters` specification into the given places. May run user
/// code (`__toString`), so only before the handler owns anything.
macro_rules! parse {
    ($frame:expr, $spec:literal $(, $place:expr)* $(,)?) => {
        // SAFETY: each place has the type that its letter in the specification names, and lives
        // through the call.
        if unsafe {
            $crate::php::ffi::zend_parse_parameters(
                $frame.num_args(), $spec.as_ptr() $(, &raw mut $place)*)
        } == 0 { Ok(()) } else { Err($crate::php::method::Stop::Thrown) }
    };
}

/// Where `parse!` puts a callable (`f`), for who only wants its type checked and resolves it itself.
#[must_use]
pub fn callable_places() -> (ManuallyDrop<zend_fcall_info>, zend_fcall_info_cache) {
    // SAFETY: all bytes zero is an empty callable on each PHP version. What is written into the first is
    // lent by the argument, so it is not dropped.
    unsafe { (std::mem::zeroed(), std::mem::zeroed()) }
}

/// Runs `f`, which may enter the engine, and stops a bailout here. `f` must own nothing that needs
/// Drop at a point where the engine may bail out; borrowing is fine.
pub fn protect<R, F: FnOnce() -> R>(f: F) -> Result<R, Bailout> {
    struct Job<F, R> {
        f: Option<F>,
        result: Option<std::thread::Result<R>>,
    }
    unsafe extern "C" fn call<F: FnOnce() -> R, R>(job: *const c_void) -> *const c_void {
        // SAFETY: `job` is the `Job` below, which nothing else touches meanwhile.
        let job = unsafe { &mut *job.cast_mut().cast::<Job<F, R>>() };
        if let Some(f) = job.f.take() {
            job.result = Some(catch_unwind(AssertUnwindSafe(f)));
        }
        std::ptr::null()
    }
    let mut job = Job {
        f: Some(f),
        result: None,
    };
    let mut ignored: *mut c_void = std::ptr::null_mut();
    // SAFETY: reading a word of the engine's globals, to put back what a longjmp leaves stale.
    let executing = unsafe { (*eg()).current_execute_data };
    // SAFETY: `call` gets the job of its own types; the C side runs it inside zend_try and returns
    // whether a bailout ended it; the frames in between (`call`, `f`) own nothing at such a point.
    let bailed_out =
        unsafe { ext_php_rs_zend_try_catch(call::<F, R>, (&raw mut job).cast(), &raw mut ignored) };
    if bailed_out {
        // SAFETY: our caller's frame is still the running one.
        unsafe { (*eg()).current_execute_data = executing };
        return Err(Bailout);
    }
    match job.result {
        Some(Ok(result)) => Ok(result),
        Some(Err(panic)) => std::panic::resume_unwind(panic),
        None => Err(Bailout),
    }
}

/// What [`run`] wraps.
pub type Inner = fn(Frame, Place<'_>) -> Result<(), Stop>;

/// Defines the C function of a method: `trampolines! { name => inner; }`
macro_rules! trampolines {
    ($($name:ident => $inner:path;)*) => { $(
        pub unsafe extern "C" fn $name(
            ex: *mut $crate::php::ffi::zend_execute_data,
            return_value: *mut $crate::php::ffi::zval,
        ) {
            // SAFETY: called by the engine with the frame of this call and a place for the result.
            unsafe { $crate::php::method::run(ex, return_value, $inner) }
        }
    )* };
}

/// Runs a handler and turns its outcome into what PHP sees.
///
/// # Safety
/// `ex` and `return_value` are what the engine passed for this call.
pub unsafe fn run(ex: *mut zend_execute_data, return_value: *mut zval, inner: Inner) {
    let end = {
        let frame = Frame { ex };
        // SAFETY: the engine passes a result that holds null.
        let return_value = unsafe { Place::new(return_value) };
        let result = catch_unwind(AssertUnwindSafe(|| inner(frame, return_value)));
        let stop = match result {
            Ok(Ok(())) => None,
            Ok(Err(stop)) => Some(stop),
            Err(panic) => Some(panicked(panic)),
        };
        match stop {
            None => End::Return,
            Some(stop) => settle(&stop, return_value),
        }
    };
    // From here on nothing is owned: the frame may be left by a longjmp.
    finish(end)
}

/// [`run`] in the frame of the method itself: one call less, which the switches between coroutines would
/// have to return from on another stack.
///
/// # Safety
/// As [`run`].
#[inline(always)]
pub unsafe fn run_lean(
    ex: *mut zend_execute_data,
    return_value: *mut zval,
    inner: impl FnOnce(Frame, Place<'_>) -> Result<(), Stop>,
) {
    // SAFETY: the caller's promise.
    let place = unsafe { Place::new(return_value) };
    match catch_unwind(AssertUnwindSafe(|| inner(Frame { ex }, place))) {
        Ok(Ok(())) => callback::pass_on(),
        Ok(Err(stop)) => finish(settle_owned(stop, place)),
        Err(panic) => finish(settle_owned(panicked(panic), place)),
    }
}

/// The panic hook has printed place and message.
#[cold]
#[inline(never)]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Stop {
    Stop::error(about_panic(&*panic))
}

/// What users are told of a panic.
#[must_use]
pub fn about_panic(panic: &(dyn std::any::Any + Send)) -> String {
    format!(
        "internal error in swoole-rs, please report it: {}",
        panic_text(panic)
    )
}

#[cold]
#[inline(never)]
fn settle_owned(stop: Stop, place: Place<'_>) -> End {
    settle(&stop, place)
}

/// How a trampoline ends.
#[derive(Clone, Copy)]
enum End {
    Return,
    Exit,
    Bailout,
    Process(i32),
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panic")
}

fn settle(stop: &Stop, return_value: Place<'_>) -> End {
    let told = match stop {
        Stop::Thrown => Ok(()),
        Stop::Bailout => Err(Bailout),
        Stop::EndProcess(status) => return End::Process(*status),
        Stop::Exit => return End::Exit,
        Stop::Failed(error) => {
            error::set_last(error.code());
            convert::set_bool(return_value, false);
            Ok(())
        }
        Stop::Warning(message) => {
            convert::set_bool(return_value, false);
            docref(E_WARNING, message)
        }
        Stop::SoftWarning(message) => {
            convert::set_bool(return_value, false);
            if super::ini::display_errors() {
                docref(E_WARNING, message)
            } else {
                Ok(())
            }
        }
        Stop::Fatal(message) => {
            convert::set_bool(return_value, false);
            docref(E_ERROR, message)
        }
        Stop::Throw {
            class,
            code,
            message,
        } => throw(*class, *code, message),
        Stop::Uncaught { code, message } => end_by(*code, message),
    };
    match told {
        Ok(()) => End::Return,
        Err(Bailout) => End::Bailout,
    }
}

fn finish(end: End) {
    match end {
        End::Process(status) => {
            // SAFETY: libc::exit runs C's exit handlers; output was flushed before; no PHP code runs
            // any more, as in the reference, whose children do not return into the script either.
            unsafe { libc::exit(status) }
        }
        // SAFETY: this trampoline was called by the engine inside its own zend_try, and owns nothing.
        End::Bailout => unsafe { ext_php_rs_zend_bailout() },
        End::Exit => callback::throw_exit(),
        End::Return => callback::pass_on(),
    }
}

/// `php_error_docref`: the message is prefixed with the running method's name.
pub fn docref(level: u32, message: &str) -> Result<(), Bailout> {
    protect(|| {
        // SAFETY: `%.*s` takes a length and that many bytes; the engine copies them. A user error
        // handler may run and bail out: nothing is owned here.
        unsafe {
            php_error_docref(
                std::ptr::null(),
                level as i32,
                c"%.*s".as_ptr(),
                message.len() as i32,
                message.as_ptr(),
            );
        }
    })
}

fn throw(class: Thrown, code: i64, message: &str) -> Result<(), Bailout> {
    let format: &CStr = c"%.*s";
    protect(|| {
        // SAFETY: as in `docref`; the class entries are set since startup.
        unsafe {
            if !(*eg()).exception.is_null() {
                return;
            }
            let ce = match class {
                Thrown::Error => zend_ce_error,
                Thrown::TypeError => zend_ce_type_error,
                Thrown::ValueError => zend_ce_value_error,
                Thrown::SwooleException => super::exception::EXCEPTION.get(),
                Thrown::SwooleError => super::exception::ERROR.get(),
            };
            zend_throw_exception_ex(
                ce,
                code,
                format.as_ptr(),
                message.len() as i32,
                message.as_ptr(),
            );
        }
    })
}

/// Throws a `Swoole\Error`, reports it as uncaught and bails out.
fn end_by(code: i64, message: &str) -> Result<(), Bailout> {
    throw(Thrown::SwooleError, code, message)?;
    protect(|| {
        // SAFETY: the engine takes the exception over; nothing is owned here when it bails out.
        unsafe {
            let exception = (*eg()).exception;
            if !exception.is_null() {
                zend_exception_error(exception, E_ERROR as i32);
            }
            ext_php_rs_zend_bailout();
        }
    })
}

pub(crate) use parse;
pub(crate) use trampolines;
