//! Two coroutines that want the same of the same socket: a mistake that ends the script.

use super::ready::Way;
use crate::php::coroutine::{deadlock, inspect};
use crate::php::exception::ERROR;
use crate::php::ffi::*;
use crate::php::method::{Stop, protect};
use std::os::fd::RawFd;
use swoole_core::error::{self, codes};

const RULE_WIDTH: usize = 67;

/// What the second one wants, in words of the reference.
#[must_use]
pub fn doing(way: Way) -> &'static str {
    match way {
        Way::Read => "reading",
        Way::Write => "writing",
        Way::Urgent => "reading or writing",
    }
}

/// Ends the script with the reference's words, and shows where the first one waits.
pub fn error(fd: RawFd, other: i64, doing: &str, cid: i64) -> Stop {
    let text = format!(
        "Socket#{fd} has already been bound to another coroutine#{other}, {doing} of the same socket in \
         coroutine#{cid} at the same time is not allowed"
    );
    ended_by(&text, other)
}

/// [`error`] for other things than sockets, in words of their own.
pub fn ended_by(text: &str, other: i64) -> Stop {
    error::set_last(codes::CO_HAS_BEEN_BOUND);
    let told = protect(|| {
        // SAFETY: a class of ours; the engine copies the text, and takes the exception over. It is shown
        // as one that nobody caught, but nobody can catch it.
        unsafe {
            let exception = zend_throw_exception_ex(
                ERROR.get(),
                i64::from(codes::CO_HAS_BEEN_BOUND),
                c"%.*s".as_ptr(),
                text.len() as i32,
                text.as_ptr(),
            );
            (*eg()).exception = std::ptr::null_mut();
            zend_exception_error(exception, E_ERROR as i32);
            (*eg()).exit_status = 255;
        }
    });
    if told.is_ok() {
        let rule = "-".repeat(RULE_WIDTH);
        deadlock::print(&format!("\n [Coroutine-{other}] Stack trace:\n {rule}\n"));
        // The script ends here in any case.
        let _ = inspect::print_backtrace(other, 0, 0);
    }
    Stop::Bailout
}
