//! The ini settings that do something here.

use super::ffi::*;
use std::ffi::{CStr, c_char};

const DISPLAY_ERRORS: &CStr = c"swoole.display_errors";

/// Registers the settings; at module startup.
pub fn register(module_number: i32) {
    // SAFETY: all bytes zero is the row that ends the table, and "none" for each optional field.
    let mut entry: zend_ini_entry_def = unsafe { std::mem::zeroed() };
    entry.name = DISPLAY_ERRORS.as_ptr();
    entry.name_length = DISPLAY_ERRORS.to_bytes().len() as u16;
    entry.value = c"1".as_ptr();
    entry.value_length = 1;
    entry.displayer = Some(zend_ini_boolean_displayer_cb);
    entry.modifiable = (INI_ALL) as _;
    // SAFETY: as above; the engine copies the rows, the strings are static.
    unsafe {
        let table = [entry, std::mem::zeroed()];
        zend_register_ini_entries(table.as_ptr(), module_number);
    }
}

/// Changeable everywhere: PHP_INI_USER | PHP_INI_PERDIR | PHP_INI_SYSTEM.
const INI_ALL: u32 = 1 | 2 | 4;

/// Whether warnings about mistakes in calls are shown: the option `display_errors`, else the setting
/// `swoole.display_errors`.
#[must_use]
pub fn display_errors() -> bool {
    if let Some(given) = swoole_core::options::process().display_errors {
        return given;
    }
    let name: *const c_char = DISPLAY_ERRORS.as_ptr();
    // SAFETY: a registered setting; its value is read as a number.
    unsafe { zend_ini_long(name, DISPLAY_ERRORS.to_bytes().len(), 0) != 0 }
}
