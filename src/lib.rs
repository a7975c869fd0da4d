//! Module entry of the `swoole` PHP extension: a drop-in for PHP's Swoole.

#[cfg(not(test))]
mod php;

/// The one symbol that PHP looks for.
#[cfg(not(test))]
#[unsafe(no_mangle)]
pub extern "C" fn get_module() -> *mut php::ffi::zend_module_entry {
    php::module::entry()
}
