//! The ini settings that do something here.

use super::ffi::*;
use std::ffi::{CStr, c_char};

/// One setting, a bool.
struct Row {
    name: &'static CStr,
    default: &'static CStr,
    modifiable: u32,
}

/// Changeable everywhere: PHP_INI_USER | PHP_INI_PERDIR | PHP_INI_SYSTEM.
const INI_ALL: u32 = 1 | 2 | 4;
/// Set in php.ini or on the command line.
const INI_SYSTEM: u32 = 4;

const DISPLAY_ERRORS: &CStr = c"swoole.display_errors";
const USE_SHORTNAME: &CStr = c"swoole.use_shortname";
/// Whether the library is there: its classes and functions.
pub const ENABLE_LIBRARY: &CStr = c"swoole.enable_library";

static ROWS: &[Row] = &[
    Row {
        name: DISPLAY_ERRORS,
        default: c"1",
        modifiable: INI_ALL,
    },
    Row {
        name: ENABLE_LIBRARY,
        default: c"1",
        modifiable: INI_ALL,
    },
    Row {
        name: USE_SHORTNAME,
        default: c"1",
        modifiable: INI_SYSTEM,
    },
    Row {
        name: c"swoole.enable_preemptive_scheduler",
        default: c"0",
        modifiable: INI_ALL,
    },
    Row {
        name: c"swoole.enable_fiber_mock",
        default: c"0",
        modifiable: INI_ALL,
    },
];

/// Registers the settings; at module startup, before anything asks for one.
pub fn register(module_number: i32) {
    let mut table: Vec<zend_ini_entry_def> = Vec::with_capacity(ROWS.len() + 1);
    for row in ROWS {
        // SAFETY: all bytes zero is "none" for each optional field.
        let mut entry: zend_ini_entry_def = unsafe { std::mem::zeroed() };
        entry.name = row.name.as_ptr();
        entry.name_length = row.name.to_bytes().len() as u16;
        entry.value = row.default.as_ptr();
        entry.value_length = row.default.to_bytes().len() as u32;
        entry.displayer = Some(zend_ini_boolean_displayer_cb);
        entry.modifiable = (row.modifiable) as _;
        table.push(entry);
    }
    // SAFETY: an all-zero row ends the table; the engine copies the rows, the strings are static.
    unsafe {
        table.push(std::mem::zeroed());
        zend_register_ini_entries(table.as_ptr(), module_number);
    }
}

/// Whether a setting of ours is on.
#[must_use]
pub fn is_on(name: &CStr) -> bool {
    let (text, len): (*const c_char, usize) = (name.as_ptr(), name.to_bytes().len());
    // SAFETY: a registered setting; the engine gives its string or null.
    unsafe {
        let value = zend_ini_string_ex(text, len, 0, std::ptr::null_mut());
        if value.is_null() {
            return false;
        }
        match CStr::from_ptr(value).to_bytes() {
            word if [&b"on"[..], b"yes", b"true"]
                .iter()
                .any(|on| word.eq_ignore_ascii_case(on)) =>
            {
                true
            }
            _ => zend_ini_long(text, len, 0) != 0,
        }
    }
}

/// Whether warnings about mistakes in calls are shown: the option `display_errors`, else the setting
/// `swoole.display_errors`.
#[must_use]
pub fn display_errors() -> bool {
    if let Some(given) = swoole_core::options::process().display_errors {
        return given;
    }
    is_on(DISPLAY_ERRORS)
}

/// Whether classes and functions have their short names, too (`swoole.use_shortname`).
#[must_use]
pub fn use_shortname() -> bool {
    is_on(USE_SHORTNAME)
}
