//! The one place that calls PHP code.
//!
//! A callback ends in one of four ways: it returns, it throws, it calls `exit()`, or the engine bails
//! out (fatal error, memory limit). The last three end the process, and PHP's own shutdown (shutdown
//! functions, destructors, output) runs once the server has unwound: until then the end is *pending*,
//! and no PHP code runs any more.

use super::convert;
use super::coroutine;
use super::coroutine::engine::PhpThread;
use super::ffi::*;
use super::method::{Bailout, Stop, docref, protect};
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::mem::ManuallyDrop;
use swoole_core::server::FaultPlace;

/// How the process is about to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    None,
    /// `exit()` or an uncaught exception: the script unwinds.
    Exit,
    /// A fatal error: bailout.
    Bailout,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum CallOutcome {
    Returned,
    /// Reported to the user already, with its trace.
    Exception,
    Exit(i32),
    Bailout,
}

/// Asked at every step: a thread-local would be a function call away.
static PENDING: PhpThread<Cell<Pending>> = PhpThread::new(Cell::new(Pending::None));

thread_local! {
    static FAULT: RefCell<Option<FaultPlace>> = const { RefCell::new(None) };
}

/// The exit status of a process that an uncaught exception or a fatal error ends.
const STATUS_OF_FAULT: i32 = 255;

/// How the process is about to end, if it is.
#[must_use]
#[inline]
pub fn pending() -> Pending {
    PENDING.get().get()
}

/// Hands the pending end over to the outermost trampoline.
#[must_use]
pub fn take_pending() -> Pending {
    PENDING.get().replace(Pending::None)
}

/// Where the callback failed that ends the process.
#[must_use]
pub fn fault_place() -> Option<FaultPlace> {
    FAULT.with_borrow(Clone::clone)
}

/// Makes the running script unwind as `exit()` does: no `catch` or `finally` runs.
pub fn throw_exit() {
    // SAFETY: called at the end of a trampoline, with its frame as the running one; the engine owns
    // the exception object from here on. One that is under way is left alone.
    unsafe {
        if (*eg()).exception.is_null() {
            zend_throw_exception_internal(zend_create_unwind_exit());
        }
    }
}

/// Hands the pending end over to the code that called a trampoline, which is leaving it: the next
/// callback or coroutine further out notes it again.
pub fn pass_on() {
    match pending() {
        Pending::None => {}
        Pending::Bailout => {
            PENDING.get().set(Pending::None);
            // SAFETY: at the end of a trampoline, which the engine called inside its own zend_try, and
            // which owns nothing.
            unsafe { ext_php_rs_zend_bailout() }
        }
        Pending::Exit => {
            // SAFETY: reading a word of the engine's globals.
            if unsafe { (*eg()).exception }.is_null() {
                PENDING.get().set(Pending::None);
                throw_exit();
            }
        }
    }
}

/// A PHP callable with what the engine resolved it to.
///
/// A plain view: whoever stores one keeps a reference to `value` for as long (see `server_state`).
#[derive(Clone, Copy)]
pub struct Callback {
    value: Value,
    /// `function_handler` is null if it must be looked up at each call (`__call`).
    fcc: zend_fcall_info_cache,
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Callback")
    }
}

impl Callback {
    /// Looks a callable up; may load a class. The error is the reference's warning.
    pub fn resolve(value: *mut zval) -> Result<Callback, Stop> {
        // SAFETY: an argument of the running call.
        let value = unsafe { deref(value) };
        // SAFETY: as above.
        if u32::from(unsafe { type_of(value) }) == IS_NULL {
            return Err(Stop::Warning("illegal callback function".to_owned()));
        }
        // SAFETY: all bytes zero is an empty cache on each PHP version.
        let mut fcc: zend_fcall_info_cache = unsafe { std::mem::zeroed() };
        let mut name: *mut zend_string = std::ptr::null_mut();
        // SAFETY: the places live through the call; autoloaders may run, and nothing is owned.
        let callable = protect(|| unsafe {
            zend_is_callable_ex(
                value,
                std::ptr::null_mut(),
                0,
                &raw mut name,
                &raw mut fcc,
                std::ptr::null_mut(),
            )
        })?;
        let shown = if name.is_null() {
            String::new()
        } else {
            // SAFETY: the engine made the name for us; it is copied, then given back.
            unsafe {
                let shown = String::from_utf8_lossy(str_bytes(name)).into_owned();
                ext_php_rs_zend_string_release(name);
                shown
            }
        };
        // SAFETY: reading a word of the engine's globals.
        if !unsafe { (*eg()).exception }.is_null() {
            return Err(Stop::Thrown);
        }
        if !callable || fcc.function_handler.is_null() {
            return Err(Stop::Warning(format!("function '{shown}' is not callable")));
        }
        // SAFETY: a resolved handler is live. A trampoline (`__call`) is made anew for each call, so
        // it is given back and looked up each time.
        unsafe {
            if (*fcc.function_handler).common.fn_flags & ZEND_ACC_CALL_VIA_TRAMPOLINE != 0 {
                zend_release_fcall_info_cache(&raw mut fcc);
                fcc = std::mem::zeroed();
            }
            Ok(Callback {
                value: std::ptr::read(value.cast()),
                fcc,
            })
        }
    }

    /// A callable that reading the arguments has looked up already (specification `f`, which gives back
    /// a trampoline's cache: then it is looked up at each call).
    pub fn of_argument(value: *mut zval, fcc: zend_fcall_info_cache) -> Callback {
        // SAFETY: an argument of the running call; its bits are copied.
        let value = unsafe { std::ptr::read(deref(value).cast()) };
        Callback { value, fcc }
    }

    /// The object that the call goes to, if it goes to one.
    #[must_use]
    pub fn object(&self) -> Option<*mut zend_object> {
        (!self.fcc.object.is_null()).then_some(self.fcc.object)
    }

    /// What the engine resolved it to.
    #[must_use]
    pub fn resolved(&self) -> zend_fcall_info_cache {
        self.fcc
    }

    /// The callable as the user gave it.
    #[must_use]
    pub fn value(&self) -> Value {
        self.value
    }
}

/// Calls a callback with arguments that `fill` writes; they are released after the call, but the
/// first, which is the server's own object. `fill` may allocate in the engine, and owns nothing then.
pub fn call<const N: usize>(
    callback: &Callback,
    fill: impl FnOnce(&mut [Value; N]),
) -> CallOutcome {
    if pending() != Pending::None {
        return CallOutcome::Exit(exit_status());
    }
    let mut args = [undef(); N];
    let result = protect(|| {
        fill(&mut args);
        invoke(callback, &mut args)
    });
    match result {
        Ok(CallOutcome::Returned) => CallOutcome::Returned,
        Ok(outcome) => end(Pending::Exit, outcome),
        Err(Bailout) => end(Pending::Bailout, CallOutcome::Bailout),
    }
}

/// Calls a callback with arguments that stay the caller's.
pub fn call_borrowed(callback: &Callback, args: &[Value]) -> CallOutcome {
    if pending() != Pending::None {
        return CallOutcome::Exit(exit_status());
    }
    match protect(|| enter(callback, args.as_ptr().cast_mut(), args.len())) {
        Ok(CallOutcome::Returned) => CallOutcome::Returned,
        Ok(outcome) => end(Pending::Exit, outcome),
        Err(Bailout) => end(Pending::Bailout, CallOutcome::Bailout),
    }
}

/// [`call_borrowed`] with what the callback returns, which is the caller's.
pub fn call_returning(callback: &Callback, args: &[Value]) -> (CallOutcome, Value) {
    let mut result = undef();
    if pending() != Pending::None {
        return (CallOutcome::Exit(exit_status()), result);
    }
    let called = protect(|| {
        let (first, count) = (args.as_ptr().cast_mut().cast(), args.len() as u32);
        call_resolved(callback.value, callback.fcc, first, count, &mut result);
        take_exception()
    });
    let called = match called {
        Ok(CallOutcome::Returned) => CallOutcome::Returned,
        Ok(outcome) => end(Pending::Exit, outcome),
        Err(Bailout) => end(Pending::Bailout, CallOutcome::Bailout),
    };
    (called, result)
}

/// Ends an exception that user code has left outside of a call, as one that nobody has caught.
pub fn settle_exception() -> CallOutcome {
    match protect(take_exception) {
        Ok(CallOutcome::Returned) => CallOutcome::Returned,
        Ok(outcome) => end(Pending::Exit, outcome),
        Err(Bailout) => end(Pending::Bailout, CallOutcome::Bailout),
    }
}

/// What became of a callback in a coroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Spawned {
    Ended(CallOutcome),
    /// The coroutine of this number waits for something.
    Suspended(i64),
}

/// [`call`] in a new coroutine: user code may go on when this has returned.
pub fn spawn<const N: usize>(callback: &Callback, fill: impl FnOnce(&mut [Value; N])) -> Spawned {
    if pending() != Pending::None {
        return Spawned::Ended(CallOutcome::Exit(exit_status()));
    }
    let mut args = [undef(); N];
    if protect(|| fill(&mut args)).is_err() {
        return Spawned::Ended(end(Pending::Bailout, CallOutcome::Bailout));
    }
    let spawned = spawn_borrowed(callback, &args);
    let released = protect(|| {
        for arg in args.iter_mut().skip(1) {
            // SAFETY: the references are ours, and given back once.
            unsafe { zval_ptr_dtor(arg.ptr()) };
        }
    });
    match released {
        Ok(()) => spawned,
        Err(Bailout) => Spawned::Ended(end(Pending::Bailout, CallOutcome::Bailout)),
    }
}

/// [`call_borrowed`] in a new coroutine.
pub fn spawn_borrowed(callback: &Callback, args: &[Value]) -> Spawned {
    match coroutine::spawn(callback, args) {
        Ok(_) if pending() != Pending::None => Spawned::Ended(CallOutcome::Exit(exit_status())),
        Ok(cid) if coroutine::is_waiting(cid) => Spawned::Suspended(cid),
        Ok(_) => Spawned::Ended(CallOutcome::Returned),
        Err(stop) => {
            // As many as there may be (max_coroutine), or no memory for another: better without one than
            // not at all.
            if let Stop::Warning(text) = stop
                && docref(
                    E_WARNING,
                    &format!("{text}: a callback runs outside of a coroutine"),
                )
                .is_err()
            {
                return Spawned::Ended(end(Pending::Bailout, CallOutcome::Bailout));
            }
            Spawned::Ended(call_borrowed(callback, args))
        }
    }
}

/// A bailout was caught outside of a call, in a destructor.
pub fn note_bailout() {
    super::event_loop::check(end(Pending::Bailout, CallOutcome::Bailout));
}

fn end(how: Pending, outcome: CallOutcome) -> CallOutcome {
    // A bailout further in outweighs the exit that it is seen as further out.
    if pending() != Pending::Bailout {
        PENDING.get().set(how);
    }
    // Some fatal errors (memory limit, on newer PHP) unwind as exit() does, not by a bailout.
    let failed = !matches!(outcome, CallOutcome::Exit(_))
        || (exit_status() == STATUS_OF_FAULT && last_error_is_fatal());
    if failed && fault_place().is_none() {
        FAULT.set(last_error());
    }
    outcome
}

fn invoke<const N: usize>(callback: &Callback, args: &mut [Value; N]) -> CallOutcome {
    let outcome = enter(callback, args.as_mut_ptr(), N);
    for arg in args.iter_mut().skip(1) {
        // SAFETY: the references are ours, and given back once.
        unsafe { zval_ptr_dtor(arg.ptr()) };
    }
    outcome
}

/// The call itself; inside [`protect`].
fn enter(callback: &Callback, args: *mut Value, count: usize) -> CallOutcome {
    let mut result = undef();
    call_resolved(
        callback.value,
        callback.fcc,
        args.cast(),
        count as u32,
        &mut result,
    );
    // SAFETY: a value of our own.
    unsafe { zval_ptr_dtor(result.ptr()) };
    take_exception()
}

/// Calls; the result is the caller's, and an exception is left under way. Inside [`protect`].
#[inline]
pub fn call_resolved(
    callable: Value,
    mut fcc: zend_fcall_info_cache,
    args: *mut zval,
    count: u32,
    result: &mut Value,
) {
    // SAFETY: all bytes zero is valid for each PHP version's struct; then the fields are set. The
    // arguments, the result and the cache live through the call. The engine copies the arguments.
    unsafe {
        // Not dropped: the callable in it is only lent.
        let mut fci: ManuallyDrop<zend_fcall_info> = std::mem::zeroed();
        fci.size = size_of::<zend_fcall_info>();
        std::ptr::write((&raw mut fci.function_name).cast(), callable);
        fci.retval = result.ptr();
        fci.params = args;
        fci.param_count = count;
        fci.object = fcc.object;
        let cache = if fcc.function_handler.is_null() {
            std::ptr::null_mut()
        } else {
            &raw mut fcc
        };
        zend_call_function(&raw mut *fci, cache);
    }
}

/// Calls a callback with arguments that stay the caller's, and tells whether it returned anything but false.
pub fn ask(callback: &Callback, args: &[Value]) -> Result<bool, CallOutcome> {
    if pending() != Pending::None {
        return Err(CallOutcome::Exit(exit_status()));
    }
    let result = protect(|| {
        let mut result = undef();
        call_resolved(
            callback.value,
            callback.fcc,
            args.as_ptr().cast_mut().cast(),
            args.len() as u32,
            &mut result,
        );
        // SAFETY: a value of our own.
        let answer = unsafe {
            let answer = u32::from(type_of(result.ptr())) != IS_FALSE;
            zval_ptr_dtor(result.ptr());
            answer
        };
        (answer, take_exception())
    });
    match result {
        Ok((answer, CallOutcome::Returned)) => Ok(answer),
        Ok((_, outcome)) => Err(end(Pending::Exit, outcome)),
        Err(Bailout) => Err(end(Pending::Bailout, CallOutcome::Bailout)),
    }
}

/// Ends an exception that is under way, and reports one that nobody has caught. Inside [`protect`].
pub fn take_exception() -> CallOutcome {
    // SAFETY: the engine's globals; the exception is owned by them until it is taken out.
    unsafe {
        let exception = (*eg()).exception;
        if exception.is_null() {
            return CallOutcome::Returned;
        }
        (*eg()).exception = std::ptr::null_mut();
        if zend_is_unwind_exit(exception) || zend_is_graceful_exit(exception) {
            ext_php_rs_zend_object_release(exception);
            return CallOutcome::Exit(exit_status());
        }
        // "PHP Fatal error: Uncaught ..." with the trace; takes over the exception.
        zend_exception_error(exception, E_ERROR as i32);
        (*eg()).exit_status = STATUS_OF_FAULT;
        CallOutcome::Exception
    }
}

/// A coroutine has ended by what ends the process.
pub fn coroutine_ended(outcome: CallOutcome) {
    let how = match outcome {
        CallOutcome::Returned => return,
        CallOutcome::Bailout => Pending::Bailout,
        CallOutcome::Exception | CallOutcome::Exit(_) => Pending::Exit,
    };
    super::event_loop::check(end(how, outcome));
}

/// At the end of the request.
pub fn forget_end() {
    PENDING.get().set(Pending::None);
    FAULT.set(None);
}

/// The status that the process would end with now.
#[must_use]
pub fn exit_status() -> i32 {
    // SAFETY: reading a word of the engine's globals.
    unsafe { (*eg()).exit_status }
}

fn last_error_is_fatal() -> bool {
    // SAFETY: reading a word of the engine's globals.
    let kind = unsafe { (*ext_php_rs_process_globals()).last_error_type };
    kind.cast_unsigned() & E_FATAL_ERRORS != 0
}

fn last_error() -> Option<FaultPlace> {
    // SAFETY: the engine's globals; both strings are null or live, and are copied here.
    unsafe {
        let globals = ext_php_rs_process_globals();
        let text = |string: *mut zend_string| {
            if string.is_null() {
                String::new()
            } else {
                let text = String::from_utf8_lossy(str_bytes(string)).into_owned();
                text.lines().next().unwrap_or_default().to_owned()
            }
        };
        if (*globals).last_error_message.is_null() {
            return None;
        }
        let (message, file) = (
            text((*globals).last_error_message),
            text((*globals).last_error_file),
        );
        let line = u32::try_from((*globals).last_error_lineno).unwrap_or(0);
        // "Uncaught ..." says so itself; the log names the place.
        let message = match message.strip_suffix(&format!(" in {file}:{line}")) {
            Some(message) => message.to_owned(),
            None => message,
        };
        Some(FaultPlace {
            message,
            file,
            line,
        })
    }
}

/// Calls a global PHP function with one string, for `swoole_set_process_name`. None: no such function.
pub fn call_function(name: &[u8], argument: &[u8]) -> Result<Option<bool>, Bailout> {
    protect(|| {
        // SAFETY: the function table is live; all zvals are ours and released; nothing else is owned.
        unsafe {
            let table = (*eg()).function_table;
            if zend_hash_str_find(table, name.as_ptr().cast(), name.len()).is_null() {
                return None;
            }
            let (mut function, mut arg, mut result) = (undef(), undef(), undef());
            convert::set_bytes(function.place(), name);
            convert::set_bytes(arg.place(), argument);
            _call_user_function_impl(
                std::ptr::null_mut(),
                function.ptr(),
                result.ptr(),
                1,
                arg.ptr(),
                std::ptr::null_mut(),
            );
            let yes = u32::from(type_of(result.ptr())) == IS_TRUE;
            zval_ptr_dtor(function.ptr());
            zval_ptr_dtor(arg.ptr());
            zval_ptr_dtor(result.ptr());
            Some(yes)
        }
    })
}

/// Calls any callable with one string and reads the int that it returns. An exception, or an exit, is
/// left for the code around: [`Stop::Thrown`].
pub fn call_for_int(callable: *mut zval, argument: &[u8]) -> Result<i64, Stop> {
    let returned = protect(|| {
        // SAFETY: callers keep the callable alive; all other zvals are ours and released; nothing else
        // is owned. The engine says by the exception whether the call came to its end.
        unsafe {
            let (mut arg, mut result) = (undef(), undef());
            convert::set_bytes(arg.place(), argument);
            _call_user_function_impl(
                std::ptr::null_mut(),
                callable,
                result.ptr(),
                1,
                arg.ptr(),
                std::ptr::null_mut(),
            );
            zval_ptr_dtor(arg.ptr());
            if !(*eg()).exception.is_null() {
                zval_ptr_dtor(result.ptr());
                return None;
            }
            let value = match u32::from(type_of(result.ptr())) {
                IS_LONG => result.value.lval,
                // A callable that cannot be called.
                IS_UNDEF => -1,
                _ => zval_get_long_func(result.ptr(), false),
            };
            zval_ptr_dtor(result.ptr());
            (*eg()).exception.is_null().then_some(value)
        }
    })?;
    returned.ok_or(Stop::Thrown)
}

/// Calls a callback with one string and reads the int that it returns, with nobody around who would catch.
pub fn ask_for_int(callback: &Callback, argument: &[u8]) -> Result<i64, CallOutcome> {
    if pending() != Pending::None {
        return Err(CallOutcome::Exit(exit_status()));
    }
    let mut callable = callback.value();
    match call_for_int(callable.ptr(), argument) {
        Ok(value) => Ok(value),
        Err(Stop::Bailout) => Err(end(Pending::Bailout, CallOutcome::Bailout)),
        Err(_) => match protect(take_exception) {
            // It had none: it has said nothing.
            Ok(CallOutcome::Returned) => Ok(-1),
            Ok(outcome) => Err(end(Pending::Exit, outcome)),
            Err(Bailout) => Err(end(Pending::Bailout, CallOutcome::Bailout)),
        },
    }
}

/// Calls a method of an object, for a function that the script has just called: an exception goes on to
/// the script. The caller owns the result. `args` stay the caller's.
pub fn call_method(object: Value, name: &'static CStr, args: &mut [Value]) -> Result<Value, Stop> {
    if pending() != Pending::None {
        return Err(Stop::Thrown);
    }
    let mut result = undef();
    protect(|| {
        let (mut object, mut method) = (object, undef());
        convert::set_bytes(method.place(), name.to_bytes());
        // SAFETY: the object lives, as the caller says; the arguments and the result live through the
        // call; the name is ours and released. If the engine bails out it frees it itself.
        unsafe {
            _call_user_function_impl(
                object.ptr(),
                method.ptr(),
                result.ptr(),
                args.len() as u32,
                args.as_mut_ptr().cast(),
                std::ptr::null_mut(),
            );
            zval_ptr_dtor(method.ptr());
        }
    })?;
    // SAFETY: reading a word of the engine's globals; the result is ours.
    unsafe {
        if !(*eg()).exception.is_null() {
            zval_ptr_dtor(result.ptr());
            return Err(Stop::Thrown);
        }
    }
    Ok(result)
}
