//! `Swoole\Runtime`: PHP's own functions and streams that let other coroutines run instead of blocking.
//!
//! | file | what |
//! |---|---|
//! | `flags` | which are on |
//! | `take_over` | how functions of the engine are taken over |
//! | `ready`, `bound` | waiting for descriptors, one coroutine for each direction |
//! | `at_work` | who is inside of an operation of a stream |
//! | `nonblocking` | descriptors of PHP's |
//! | `curl` | `curl_exec()` |
//! | `names` | `gethostbyname()` and its family |
//! | `process` | `proc_open()` and its family |
//! | `select` | `stream_select()` |
//! | `sleep` | `sleep()` and its family |
//! | `sockets` | PHP's sockets extension |
//! | `streams` | streams of sockets |
//! | `files` | files, pipes and terminals |

pub mod at_work;
pub mod bound;
pub mod curl;
pub mod files;
pub mod flags;
pub mod names;
pub mod nonblocking;
pub mod process;
pub mod ready;
pub mod select;
pub mod sleep;
pub mod sockets;
pub mod streams;
pub mod take_over;

use crate::php::class::*;
use crate::php::convert::{set_bool, set_long};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse, trampolines};

trampolines! {
    enable_coroutine => do_enable_coroutine;
    get_hook_flags => do_get_hook_flags;
    set_hook_flags => do_set_hook_flags;
}

static RUNTIME: Entry = Entry::unset();

/// `Swoole\Runtime`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Runtime",
    parent: None,
    interfaces: &[],
    methods: &[
        static_method(
            c"enableCoroutine",
            enable_coroutine,
            &[opt(c"flags", INT, c"SWOOLE_HOOK_ALL")],
            BOOL,
        ),
        static_method(c"getHookFlags", get_hook_flags, &[], INT),
        static_method(c"setHookFlags", set_hook_flags, &[arg(c"flags", INT)], BOOL),
    ],
    properties: &[],
    flags: 0,
    create: Some(crate::php::object::create_denied),
    aliases: &[],
    entry: &RUNTIME,
};

/// At module startup.
pub fn register(module_number: i32) {
    files::open::register();
    process::register(module_number);
}

/// Takes over what there is to take over, once for the process: all modules have started, and no code of
/// the user has been compiled. At the start of a request.
pub fn request_startup() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        sleep::take_over();
        select::take_over();
        sockets::take_over();
        streams::pair::take_over();
        files::stdio::take_over();
        process::take_over();
        curl::take_over();
        names::take_over();
        streams::factory::take_over();
    });
}

/// In a child, outside of coroutines: forgets what its parent's coroutines wait for.
pub fn forget_coroutines() {
    at_work::forget();
    ready::forget();
    curl::forget_coroutines();
}

/// At the end of a request.
pub fn request_shutdown() {
    curl::request_shutdown();
}

fn do_enable_coroutine(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut flags = flags::ALL;
    parse!(frame, c"|l", flags)?;
    set(flags, place)
}

fn do_set_hook_flags(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut flags = 0_i64;
    parse!(frame, c"l", flags)?;
    set(flags, place)
}

fn set(flags: i64, place: Place<'_>) -> Result<(), Stop> {
    if !crate::php::event_loop::is_cli() {
        return Err(Stop::Fatal("must be used in PHP CLI mode".to_owned()));
    }
    // The reference keeps 32 bits.
    crate::php::coroutine::options::set_hook_flags(flags & 0xffff_ffff)?;
    set_bool(place, true);
    Ok(())
}

fn do_get_hook_flags(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    set_long(place, flags::get());
    Ok(())
}
