//! Becoming a child of user code's making, and its end.
//!
//! A child is forked in the middle of a call: below it on the stack stand the script's frames and, where
//! a callback started it, those of an event loop or a server, all of them the parent's business. So a
//! child never returns: its work done, it runs PHP's own shutdown where it stands and exits.

use super::super::callback::{self, Pending};
use super::super::coroutine;
use super::super::ffi::*;
use super::super::handler;
use super::super::method::{Stop, protect};
use super::super::runtime;
use std::cell::RefCell;
use swoole_core::error::codes;
use swoole_core::log;
use swoole_core::sys::process::{self, Forked};
use swoole_core::sys::{SysError, reaped, signal};

thread_local! {
    /// Shutdown functions that the ancestors had registered when they forked, oldest first.
    static INHERITED: RefCell<Vec<*mut HashTable>> = const { RefCell::new(Vec::new()) };
}

/// For who is about to split the process: not in a coroutine.
pub fn refuse_in_coroutine() -> Result<(), Stop> {
    if coroutine::current().is_none() {
        return Ok(());
    }
    // The child would have the stacks of all coroutines, and none of what they wait for.
    Err(Stop::Uncaught {
        code: i64::from(codes::OPERATION_NOT_SUPPORT),
        message: "must be forked outside the coroutine".to_owned(),
    })
}

/// Splits the process; the child forgets what is its parent's: event loop, coroutines, signal handlers,
/// shutdown functions, output that waits in a buffer. It must end with [`end_here`] or `libc::exit`.
pub fn fork_child() -> Result<Forked, SysError> {
    let forked = fork_with_signals()?;
    if forked == Forked::Child {
        enter_child();
    }
    Ok(forked)
}

/// Signals are held back meanwhile, so that none that the child is sent is taken for one to its parent and
/// forgotten.
fn fork_with_signals() -> Result<Forked, SysError> {
    let _held_back = signal::block_all()?;
    let forked = process::fork_with_threads()?;
    if forked == Forked::Child {
        signal::forget_in_child();
    }
    Ok(forked)
}

/// In a forked process: the coroutines that wait are its parent's.
pub fn forget_coroutines() {
    if coroutine::current().is_none() {
        coroutine::forget_all();
        runtime::forget_coroutines();
    }
}

/// In a process of user code that a server has forked.
pub fn enter_of_server() {
    super::signals::forget();
    tell_engine();
}

fn enter_child() {
    super::signals::forget();
    reaped::forget();
    forget_coroutines();
    log::set_identity(log::Flag::User, 0);
    tell_engine();
    // SAFETY: a setter of the engine's own generator. A fork copies its state: without this all
    // children draw the same numbers.
    unsafe { php_mt_srand(handler::seed()) };
    // Not freed: that could run destructors of the parent's objects.
    let functions = swap_shutdown_functions(std::ptr::null_mut());
    if !functions.is_null() {
        INHERITED.with_borrow_mut(|inherited| inherited.push(functions));
    }
    // A user's output handler may fail: then the child fails in what it does next.
    // SAFETY: empties the output buffers that the parent has open; nothing is owned here.
    let _ = protect(|| unsafe { php_output_clean_all() });
}

/// Some versions of PHP have per-process state of their own to renew.
fn tell_engine() {
    // SAFETY: a NUL-terminated name, looked up in what is loaded.
    let init = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"php_child_init".as_ptr()) };
    if init.is_null() {
        return;
    }
    // SAFETY: PHP declares it `void php_child_init(void)`, for exactly this purpose.
    unsafe {
        let init: unsafe extern "C" fn() = std::mem::transmute(init);
        init();
    }
}

/// Exchanges the table of `register_shutdown_function`.
fn swap_shutdown_functions(new: *mut HashTable) -> *mut HashTable {
    // SAFETY: a word of PHP's globals; it is null or a table that PHP owns, and PHP makes a new one where it
    // is null.
    unsafe {
        let table = &raw mut basic_globals.user_shutdown_function_names;
        table.cast::<*mut HashTable>().replace(new)
    }
}

/// Why a child ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its callback returned or called `exit()`.
    Done,
    /// An uncaught exception or a fatal error.
    Fault,
}

/// Ends this process as a script ends: shutdown functions, destructors, buffered output, then the exit
/// status that PHP has noted. Only the child's own shutdown functions run, for those of its parent are
/// about the parent's end; but after a fault all of them do, since that is how error handlers learn of it.
pub fn end_here(end: End) -> ! {
    let _ = callback::take_pending();
    // Marks the request as broken off, so that the engine does not insist on an orderly state.
    // SAFETY: the bailout goes no further than this `protect`, whose closure owns nothing.
    let _ = protect(|| unsafe { ext_php_rs_zend_bailout() });
    if end == End::Fault {
        for functions in INHERITED.take() {
            let own = swap_shutdown_functions(functions);
            // SAFETY: runs the functions of the table; a bailout in one of them ends here.
            let _ = protect(|| unsafe { php_call_shutdown_functions() });
            swap_shutdown_functions(own);
        }
    }
    // SAFETY: the end of the request, once. The frames above this one are never returned to, so nothing
    // that the engine frees is used again.
    let _ = protect(|| unsafe { php_request_shutdown(std::ptr::null_mut()) });
    let status = callback::exit_status();
    // SAFETY: runs what C's atexit holds and ends the process.
    unsafe { libc::exit(status) }
}

/// Ends this process as a worker of a pool ends: its own shutdown functions run and its output is written,
/// but objects are not destructed, since it has most of them from its parent, whose end this is not. Where
/// user code has not set an exit status, `status` is it. After a fatal error: as [`end_here`].
pub fn leave(status: i32) -> ! {
    if callback::take_pending() == Pending::Bailout {
        end_here(End::Fault);
    }
    // SAFETY: as in `end_here`; what bails out ends there.
    let _ = protect(|| unsafe { php_call_shutdown_functions() });
    // SAFETY: as above; user output handlers may run.
    let _ = protect(|| unsafe { php_output_end_all() });
    let status = match callback::exit_status() {
        0 => status,
        set => set,
    };
    // SAFETY: runs what C's atexit holds and ends the process.
    unsafe { libc::exit(status) }
}
