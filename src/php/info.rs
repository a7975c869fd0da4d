//! `php --ri swoole` and phpinfo().

use super::constants::API_LEVEL;
use super::ffi::*;
use std::ffi::{CStr, CString};

/// Rows that are known when the module is built.
const BUILD: &[(&CStr, &str)] = &[
    (c"Project", "swoole-rs"),
    (c"Version", env!("CARGO_PKG_VERSION")),
    (
        c"Build",
        if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        },
    ),
    (c"Architecture", std::env::consts::ARCH),
    (c"Shared memory", "memfd"),
    (c"Event loop", "epoll"),
];

/// Prints the module's table.
pub unsafe extern "C" fn print(module: *mut zend_module_entry) {
    // SAFETY: called by the engine; the table functions copy their arguments, each row has two
    // NUL-terminated strings, and nothing is owned that a bailout could lose but a short string.
    unsafe {
        php_info_print_table_start();
        row(c"Swoole", c"enabled");
        for (name, value) in BUILD {
            if let Ok(value) = CString::new(*value) {
                row(name, &value);
            }
        }
        row(c"API level", API_LEVEL);
        php_info_print_table_end();
        display_ini_entries(module);
    }
}

/// # Safety
/// Inside a table.
unsafe fn row(name: &CStr, value: &CStr) {
    // SAFETY: two strings for two columns.
    unsafe { php_info_print_table_row(2, name.as_ptr(), value.as_ptr()) }
}
