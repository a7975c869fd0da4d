//! Short names of classes and functions (`Co`, `go()`), which `swoole.use_shortname` lets be left out.

use super::channel;
use super::class::{Entry, function_entries};
use super::coroutine;
use super::coroutine_client;
use super::coroutine_system;
use super::ffi::*;
use super::socket;
use std::ffi::CStr;

static CLASSES: &[(&CStr, &Entry)] = &[
    (c"Co", coroutine::class::ENTRY),
    (c"Co\\Context", &coroutine::class::CONTEXT),
    (c"Co\\Iterator", &coroutine::class::ITERATOR),
    (c"Co\\System", &coroutine_system::class::ENTRY),
    (c"Co\\Scheduler", coroutine::scheduler::ENTRY),
    (c"Co\\Channel", &channel::ENTRY),
    (c"Co\\Client", &coroutine_client::ENTRY),
    (c"Co\\Socket", &socket::ENTRY),
    (c"Co\\Socket\\Exception", &socket::EXCEPTION),
    (c"Chan", &channel::ENTRY),
];

/// Registers them; at module startup, behind the classes.
pub fn register() {
    for (name, entry) in CLASSES {
        // SAFETY: module startup; the class is registered; the name is static.
        unsafe {
            zend_register_class_alias_ex(name.as_ptr(), name.to_bytes().len(), entry.get(), true);
        }
    }
    let functions = function_entries(coroutine::class::SHORT_FUNCTIONS);
    // SAFETY: module startup; a static table that ends with an all-zero row. A function that is there
    // already stays, with the engine's warning.
    unsafe {
        zend_register_functions(
            std::ptr::null_mut(),
            functions,
            std::ptr::null_mut(),
            MODULE_PERSISTENT as i32,
        );
    }
}
