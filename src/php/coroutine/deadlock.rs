//! The report that every coroutine waits for another.

use super::{engine, inspect, options};
use crate::php::callback::{self, Pending};
use crate::php::event_loop;
use crate::php::ffi::*;
use crate::php::method::protect;

/// Backtraces that are printed, and frames of each, unless an option says otherwise.
const DEFAULT_LIMIT: i64 = 32;
const RULE_WIDTH: usize = 64;

/// Prints it, if the loop has ended while coroutines wait.
pub fn report() {
    let count = engine::count();
    if count == 0
        || !options::deadlock_check()
        || callback::pending() != Pending::None
        || event_loop::has_fatal_error()
    {
        return;
    }
    let width = RULE_WIDTH + count.to_string().len();
    let (thick, thin) = ("=".repeat(width), "-".repeat(width));
    print(&format!(
        "\n {thick}\n  [FATAL ERROR]: all coroutines (count: {count}) are asleep - deadlock!\n {thick}\n"
    ));
    if options::number(c"deadlock_check_disable_trace").unwrap_or(0) == 0 {
        let limit = limit(c"deadlock_check_limit");
        let depth = limit_of_frames();
        for cid in engine::cids().into_iter().rev().take(limit) {
            print(&format!("\n  [Coroutine-{cid}]\n {thin}\n"));
            if inspect::print_backtrace(cid, inspect::IGNORE_ARGS, depth).is_err() {
                return callback::note_bailout();
            }
        }
    }
    print(&format!("\n {thick}\n"));
}

fn limit(option: &std::ffi::CStr) -> usize {
    let limit = options::number(option).filter(|limit| *limit > 0);
    usize::try_from(limit.unwrap_or(DEFAULT_LIMIT)).unwrap_or(usize::MAX)
}

fn limit_of_frames() -> i64 {
    i64::try_from(limit(c"deadlock_check_depth")).unwrap_or(i64::MAX)
}

/// Prints, as `echo` does.
pub fn print(text: &str) {
    // SAFETY: the engine copies the bytes; a user's output handler may run and bail out: `text` is
    // borrowed.
    let printed = protect(|| unsafe { php_output_write(text.as_ptr().cast(), text.len()) });
    if printed.is_err() {
        callback::note_bailout();
    }
}
