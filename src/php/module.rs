//! The module itself: what PHP reads when it loads the extension.

use super::class::{ClassDef, MethodDef, function_entries, register};
use super::ffi::*;
use super::{
    async_client, async_io, atomic, channel, client, client_select, constants, coroutine,
    coroutine_client, coroutine_system, event, event_loop, exception, functions, info, ini,
    iterator, library, lock, name_resolver, port, process, process_pool, runtime, server,
    server_event, short_names, socket, table, task, timer,
};

/// Parents before children.
static CLASSES: &[&ClassDef] = &[
    &exception::EXCEPTION_CLASS,
    &exception::ERROR_CLASS,
    &iterator::CLASS,
    &port::CLASS,
    &server::CLASS,
    &server_event::EVENT_CLASS,
    &server_event::STATUS_INFO_CLASS,
    &task::objects::TASK_CLASS,
    &task::objects::TASK_RESULT_CLASS,
    &task::objects::PIPE_MESSAGE_CLASS,
    &event::CLASS,
    &timer::CLASS,
    &timer::ITERATOR_CLASS,
    &atomic::CLASS,
    &atomic::LONG_CLASS,
    &lock::CLASS,
    &table::CLASS,
    &process::CLASS,
    &process_pool::CLASS,
    &client::CLASS,
    &client::EXCEPTION_CLASS,
    &async_client::CLASS,
    &async_client::legacy::CLASS,
    &socket::CLASS,
    &socket::EXCEPTION_CLASS,
    &coroutine_client::CLASS,
    &name_resolver::CONTEXT_CLASS,
    &coroutine::class::CLASS,
    &coroutine::class::CONTEXT_CLASS,
    &coroutine::class::ITERATOR_CLASS,
    &coroutine::class::CANCELED_CLASS,
    &coroutine::class::TIMEOUT_CLASS,
    &coroutine::exit::CLASS,
    &coroutine::scheduler::CLASS,
    &coroutine_system::class::CLASS,
    &coroutine::lock::CLASS,
    &channel::CLASS,
    &runtime::CLASS,
];

/// The functions, beside the classes that they belong to.
static FUNCTIONS: &[&[MethodDef]] = &[
    functions::FUNCTIONS,
    functions::decode::FUNCTIONS,
    functions::engine::FUNCTIONS,
    functions::mime::FUNCTIONS,
    functions::settings::FUNCTIONS,
    functions::system::FUNCTIONS,
    name_resolver::FUNCTIONS,
    event::FUNCTIONS,
    timer::FUNCTIONS,
    coroutine::class::FUNCTIONS,
    coroutine_system::class::FUNCTIONS,
    async_io::FUNCTIONS,
    client_select::FUNCTIONS,
    socket::FUNCTIONS,
];

unsafe extern "C" fn startup(_: i32, module_number: i32) -> i32 {
    ini::register(module_number);
    for class in CLASSES {
        register(class);
    }
    if ini::use_shortname() {
        short_names::register();
    }
    coroutine::exit::register();
    coroutine::autoload::register();
    runtime::register(module_number);
    lock::declare_constants();
    table::declare_constants();
    process::declare_constants(module_number);
    client::declare_constants();
    coroutine_client::declare_constants();
    socket::constants::register(module_number);
    constants::register(module_number);
    library::startup();
    0
}

unsafe extern "C" fn shutdown(_: i32, _: i32) -> i32 {
    library::shutdown();
    0
}

/// The start of a request: all modules have started.
unsafe extern "C" fn request_startup(_: i32, _: i32) -> i32 {
    // A panic must not cross into PHP.
    let _ = std::panic::catch_unwind(runtime::request_startup);
    0
}

/// The end of the script, while values of PHP may still be released.
unsafe extern "C" fn request_shutdown(_: i32, _: i32) -> i32 {
    // A panic must not cross into PHP; what it leaves goes with the process.
    let _ = std::panic::catch_unwind(|| {
        coroutine::end::request_shutdown();
        event_loop::request_shutdown();
        task::waits::request_shutdown();
        timer::request_shutdown();
        process::request_shutdown();
        name_resolver::request_shutdown();
        runtime::request_shutdown();
    });
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
    module.functions = function_entries(&FUNCTIONS.concat());
    module.module_startup_func = Some(startup);
    module.module_shutdown_func = Some(shutdown);
    module.request_startup_func = Some(request_startup);
    module.request_shutdown_func = Some(request_shutdown);
    module.info_func = Some(info::print);
    module.version = constants::API_LEVEL.as_ptr();
    // SAFETY: returns a static string that names the ABI; PHP compares it with its own.
    module.build_id = unsafe { ext_php_rs_php_build_id() };
    Box::into_raw(module)
}
