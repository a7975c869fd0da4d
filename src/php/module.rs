//! The module itself: what PHP reads when it loads the extension.

use super::class::{ClassDef, function_entries, register};
use super::ffi::*;
use super::{
    atomic, client, constants, event, exception, functions, info, ini, iterator, lock, port,
    server, table,
};

/// Parents before children.
static CLASSES: &[&ClassDef] = &[
    &exception::EXCEPTION_CLASS,
    &exception::ERROR_CLASS,
    &iterator::CLASS,
    &port::CLASS,
    &server::CLASS,
    &event::EVENT_CLASS,
    &event::STATUS_INFO_CLASS,
    &atomic::CLASS,
    &atomic::LONG_CLASS,
    &lock::CLASS,
    &table::CLASS,
    &client::CLASS,
    &client::EXCEPTION_CLASS,
];

unsafe extern "C" fn startup(_: i32, module_number: i32) -> i32 {
    for class in CLASSES {
        register(class);
    }
    lock::declare_constants();
    table::declare_constants();
    client::declare_constants();
    constants::register(module_number);
    ini::register(module_number);
    0
}

/// The module's description. PHP keeps it for the life of the process.
#[must_use]
pub fn entry() -> *mut zend_module_entry {
    // SAFETY: a plain C struct; zero means "none" for each optional field, on each PHP version.
    let mut module: Box<zend_module_entry> = Box::new(unsafe { std::mem::zeroed() });
    module.size = size_of::<zend_module_entry>() as u16;
    module.zend_api = ZEND_MODULE_API_NO;
    module.name = c"swoole".as_ptr();
    module.functions = function_entries(functions::FUNCTIONS);
    module.module_startup_func = Some(startup);
    module.info_func = Some(info::print);
    module.version = constants::API_LEVEL.as_ptr();
    // SAFETY: returns a static string that names the ABI; PHP compares it with its own.
    module.build_id = unsafe { ext_php_rs_php_build_id() };
    Box::into_raw(module)
}
