//! The switch of machine stacks in a few instructions of our own: what the engine's does besides (copying
//! a message through memory, saving the words that control floating point, a call more to return from)
//! takes longer than all the rest. Contexts that wait in it are entered by it alone; the engine's own
//! switch to and from native fibers goes on beside it.
//!
//! The control words of floating point stay as they are, for all: nothing in PHP changes them.

use super::fiber::{Body, Context};
use crate::php::ffi::*;
use std::ffi::c_void;

/// Whether there is one for this machine.
pub const IS_BUILT: bool = cfg!(target_arch = "x86_64");

// SAFETY: declared in Zend/zend_observer.h, PHP 8.2 to 8.5.
unsafe extern "C" {
    fn zend_observer_fiber_switch_notify(from: *mut Context, to: *mut Context);
}

/// The first frame of a context that [`to`] may enter: it runs `body`, which never returns.
///
/// # Safety
/// The stack below `top`, which is aligned to 16 bytes, is unused.
pub unsafe fn prepare(top: *mut u8, body: Body) -> *mut c_void {
    let words: *mut usize = top.cast();
    // SAFETY: the caller's promise. Where a return address would stand there is none: traces end here.
    // A function is entered with the stack 8 bytes off 16, as after a call.
    unsafe {
        words.sub(1).write(0);
        words.sub(2).write(body as usize);
        words.sub(2).cast()
    }
}

/// Goes to another context, until something comes back to this one. Keeps of the engine's globals what
/// `zend_fiber_switch_context` keeps.
///
/// # Safety
/// `context` was made by [`prepare`] or waits here, and its memory outlives the switch.
#[inline(always)]
pub unsafe fn to(context: *mut Context) {
    // SAFETY: words of the engine's globals, put back when this context runs again; `context` by the
    // caller's promise. The running context lives.
    unsafe {
        let eg = eg();
        let from: *mut Context = (*eg).current_fiber_context.cast();
        zend_observer_fiber_switch_notify(from, context);
        let vm_stack = (*eg).vm_stack;
        let vm_stack_top = (*eg).vm_stack_top;
        let vm_stack_end = (*eg).vm_stack_end;
        let vm_stack_page_size = (*eg).vm_stack_page_size;
        let current_execute_data = (*eg).current_execute_data;
        let error_reporting = (*eg).error_reporting;
        let jit_trace_num = (*eg).jit_trace_num;
        let bailout = (*eg).bailout;
        let active_fiber = (*eg).active_fiber;
        #[cfg(stack_limit)]
        let (stack_base, stack_limit) = ((*eg).stack_base, (*eg).stack_limit);
        (*eg).current_fiber_context = context.cast();
        swap(&raw mut (*from).handle, (*context).handle);
        (*eg).current_fiber_context = from.cast();
        (*eg).vm_stack = vm_stack;
        (*eg).vm_stack_top = vm_stack_top;
        (*eg).vm_stack_end = vm_stack_end;
        (*eg).vm_stack_page_size = vm_stack_page_size;
        (*eg).current_execute_data = current_execute_data;
        (*eg).error_reporting = error_reporting;
        (*eg).jit_trace_num = jit_trace_num;
        (*eg).bailout = bailout;
        (*eg).active_fiber = active_fiber;
        #[cfg(stack_limit)]
        {
            (*eg).stack_base = stack_base;
            (*eg).stack_limit = stack_limit;
        }
    }
}

/// Leaves this stack for the one that waits at `to`; `place` gets where this one waits.
///
/// # Safety
/// `to` came from here or from [`prepare`], and nothing has entered it since.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn swap(place: *mut *mut c_void, to: *mut c_void) {
    // SAFETY: rbp and rbx, which must not be named as changed, stand on the stack that is left; all other
    // registers are named. The compiler keeps nothing below the stack pointer here.
    unsafe {
        std::arch::asm!(
            "push rbp",
            "push rbx",
            "lea rax, [rip + 2f]",
            "push rax",
            "mov [rdi], rsp",
            "mov rsp, rsi",
            "pop rax",
            "jmp rax",
            "2:",
            "pop rbx",
            "pop rbp",
            inout("rdi") place => _,
            inout("rsi") to => _,
            out("r12") _,
            out("r13") _,
            out("r14") _,
            out("r15") _,
            clobber_abi("sysv64"),
        );
    }
}

/// # Safety
/// None: it is never chosen, see [`IS_BUILT`].
#[cfg(not(target_arch = "x86_64"))]
// SAFETY: as said above.
unsafe fn swap(_: *mut *mut c_void, _: *mut c_void) {
    std::process::abort()
}
