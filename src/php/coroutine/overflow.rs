//! Code that recurses in the machine stack (functions of PHP that call back, comparisons, destructors,
//! nested data) until the coroutine's, or a native fiber's, is used up. PHP 8.3 and later look for that in
//! most places and throw an `Error`. Everywhere else what is closed below the stack faults, in two steps:
//!
//! 1. The reserve is opened, and the code goes on in it. Where it comes by the engine's look for interrupts,
//!    which is at the start of each function that is user code, it ends with PHP's fatal error, as any other
//!    one: logged, with shutdown functions.
//! 2. Code that does not come by there (nested data alone) arrives at the guard: the script ends with PHP's
//!    message on standard error and status 255. Nothing of it runs on, shutdown functions neither: the fault
//!    may be anywhere, in the middle of the allocator for one.

use super::engine::PhpThread;
use super::fiber::{self, Closed, Context};
use super::{engine, vm};
use crate::php::ffi::*;
use std::cell::Cell;
use std::ffi::{c_char, c_int};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use swoole_core::log;
use swoole_core::sys::stack::RESERVE_BYTES;
use swoole_core::sys::stack_fault::{self, Fault, Line};

type Interrupt = unsafe extern "C" fn(*mut zend_execute_data);

// SAFETY: declared in Zend/zend.h, PHP 8.2 to 8.5.
unsafe extern "C" {
    static mut zend_interrupt_function: Option<Interrupt>;
    fn zend_error_noreturn(kind: c_int, format: *const c_char, ...) -> !;
}

/// Whether this process watches, and what was asked about interrupts before.
static WATCHED: PhpThread<Cell<bool>> = PhpThread::new(Cell::new(false));
static ORIGINAL: PhpThread<Cell<Option<Interrupt>>> = PhpThread::new(Cell::new(None));
/// The context that has used up its stack and runs in the reserve.
static REACHED: AtomicPtr<Context> = AtomicPtr::new(std::ptr::null_mut());
/// It is a coroutine's, and not a native fiber's, whose end we are not told of.
static IS_COROUTINE: AtomicBool = AtomicBool::new(false);

/// From the first coroutine on.
pub fn watch() {
    if WATCHED.get().replace(true) {
        return;
    }
    // Newer PHP throws before it comes so far, and wants the lowest part of a fiber's stack for itself.
    if cfg!(not(stack_limit)) {
        fiber::close_reserves();
    }
    // SAFETY: a word of the engine, of the thread that runs PHP.
    unsafe {
        ORIGINAL.get().set(zend_interrupt_function);
        zend_interrupt_function = Some(interrupted);
    }
    if let Err(error) = stack_fault::watch(explain) {
        log::warning(error);
    }
}

/// Makes the engine call [`interrupted`]. For signal handlers, too.
fn interrupt() {
    // SAFETY: an atomic bool of C's in the engine's globals, which live as long as the process.
    let flag: &AtomicBool = unsafe { &*(&raw const (*eg()).vm_interrupt).cast() };
    flag.store(true, Ordering::Relaxed);
}

/// Something has come back to the running context: another one may have taken its interrupt.
#[inline(always)]
pub fn came_back() {
    let reached = REACHED.load(Ordering::Relaxed);
    if !reached.is_null() && reached == fiber::running() {
        interrupt();
    }
}

/// The coroutine has ended that runs in the running context.
#[inline(always)]
pub fn forget() {
    let reached = REACHED.load(Ordering::Relaxed);
    if !reached.is_null() && reached == fiber::running() {
        REACHED.store(std::ptr::null_mut(), Ordering::Relaxed);
    }
}

/// In a signal handler, in the thread that runs PHP: reads, and sets two words.
fn explain(address: usize, line: &mut Line) -> Fault {
    let Some(closed) = fiber::closed() else {
        return Fault::Foreign;
    };
    let fault = if address.wrapping_sub(closed.reserve) < RESERVE_BYTES {
        REACHED.store(fiber::running(), Ordering::Relaxed);
        IS_COROUTINE.store(closed.is_coroutine, Ordering::Relaxed);
        interrupt();
        Fault::Reserve {
            start: closed.reserve,
            bytes: RESERVE_BYTES,
        }
    } else if (closed.guard..closed.reserve).contains(&address) {
        Fault::End
    } else {
        return Fault::Foreign;
    };
    line.push(b"PHP Fatal error:  ");
    push_reason(line, closed);
    push_place(line);
    line.push(b"\n");
    fault
}

/// Called by the engine between two instructions.
unsafe extern "C" fn interrupted(frame: *mut zend_execute_data) {
    let reached = REACHED.load(Ordering::Relaxed);
    let is_here = !reached.is_null() && reached == fiber::running();
    // Another coroutine is told when it goes on: see `came_back`.
    if is_here || !IS_COROUTINE.load(Ordering::Relaxed) {
        REACHED.store(std::ptr::null_mut(), Ordering::Relaxed);
    }
    if is_here && let Some(closed) = fiber::closed() {
        let mut line = Line::empty();
        push_reason(&mut line, closed);
        let text = line.as_bytes();
        // SAFETY: `%.*s` takes a length and that many bytes. It bails out, over this frame, which owns
        // nothing.
        unsafe {
            zend_error_noreturn(
                E_ERROR as c_int,
                c"%.*s".as_ptr(),
                text.len() as c_int,
                text.as_ptr(),
            )
        }
    }
    if let Some(original) = ORIGINAL.get().get() {
        // SAFETY: the function that we replaced, with the engine's own argument.
        unsafe { original(frame) };
    }
}

fn push_reason(line: &mut Line, closed: Closed) {
    line.push(b"Maximum call stack size of ");
    if closed.is_coroutine {
        line.push_number(closed.bytes.saturating_sub(vm::reserved_bytes()) as u64);
        line.push(b" bytes (stack_size) reached in coroutine ");
        line.push_number(engine::running().map_or(0, |co| co.cid.get().unsigned_abs()));
    } else {
        line.push_number(closed.bytes as u64);
        line.push(b" bytes (fiber.stack_size) reached in a Fiber");
    }
    line.push(b". Infinite recursion?");
}

/// The line of the script that runs.
fn push_place(line: &mut Line) {
    // SAFETY: the engine's chain of frames, which it links a frame into when it is whole; a function that
    // is user code has a file and instructions, one of which its frame points to.
    unsafe {
        let mut frame = (*eg()).current_execute_data;
        while !frame.is_null() {
            let function = (*frame).func;
            if !function.is_null() && u32::from((*function).type_) == ZEND_USER_FUNCTION {
                line.push(b" in ");
                line.push(str_bytes((*function).op_array.filename));
                line.push(b" on line ");
                line.push_number(u64::from((*(*frame).opline).lineno));
                return;
            }
            frame = (*frame).prev_execute_data;
        }
    }
}
