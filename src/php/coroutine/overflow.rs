//! Code that recurses in the machine stack (functions of PHP that call back, comparisons, destructors,
//! nested data) until the coroutine's is used up. PHP 8.3 and later look for that in most places and
//! throw an `Error`; everywhere else the guard below the stack faults, and the script ends with PHP's
//! message on standard error and status 255. Nothing of it runs on, shutdown functions neither: the
//! fault may be anywhere, in the middle of the allocator for one.

use super::{engine, vm};
use crate::php::ffi::*;
use swoole_core::log;
use swoole_core::sys::stack::GUARD_BYTES;
use swoole_core::sys::stack_fault::{self, Line};

/// From the first coroutine on.
pub fn watch() {
    if let Err(error) = stack_fault::watch(explain) {
        log::warning(error);
    }
}

/// In a signal handler, in the thread that runs PHP: reads, and nothing else.
fn explain(address: usize, line: &mut Line) -> bool {
    let Some(co) = engine::running() else {
        return false;
    };
    let range = co.range();
    let bottom = range.bottom as usize;
    if !(bottom.wrapping_sub(GUARD_BYTES)..bottom).contains(&address) {
        return false;
    }
    line.push(b"PHP Fatal error:  Maximum call stack size of ");
    let whole = range.top as usize - bottom;
    line.push_number(whole.saturating_sub(vm::reserved_bytes()) as u64);
    line.push(b" bytes (stack_size) reached in coroutine ");
    line.push_number(co.cid.get().unsigned_abs());
    line.push(b". Infinite recursion?");
    push_place(line);
    line.push(b"\n");
    true
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
