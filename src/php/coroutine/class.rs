//! `Swoole\Coroutine` and its small classes, as tables.

use super::inspect::{exists, get_cid};
use super::methods::{create, resume, yield_now};
use super::{inspect, methods, options, scheduler};
use crate::php::class::*;
use crate::php::coroutine_system::class as system;
use crate::php::ffi::*;
use crate::php::method::trampolines;
use crate::php::object;

trampolines! {
    defer => methods::do_defer;
    set => options::do_set;
    get_options => options::do_get_options;
    cancel => methods::do_cancel;
    join => methods::do_join;
    is_canceled => methods::do_is_canceled;
    set_time_limit => methods::do_set_time_limit;
    stats => inspect::do_stats;
    get_pcid => inspect::do_get_pcid;
    get_context => inspect::do_get_context;
    get_back_trace => inspect::do_get_back_trace;
    print_back_trace => inspect::do_print_back_trace;
    get_elapsed => inspect::do_get_elapsed;
    get_stack_usage => inspect::do_get_stack_usage;
    list => inspect::do_list;
    enable_scheduler => methods::do_enable_scheduler;
    disable_scheduler => methods::do_disable_scheduler;
    run => scheduler::do_run;
}

static COROUTINE: Entry = Entry::unset();
/// The registered `Swoole\Coroutine\Context`.
pub static CONTEXT: Entry = Entry::unset();
/// The registered `Swoole\Coroutine\Iterator`.
pub static ITERATOR: Entry = Entry::unset();
/// The registered `Swoole\Coroutine\CanceledException`.
pub static CANCELED: Entry = Entry::unset();
/// The registered `Swoole\Coroutine\TimeoutException`.
pub static TIMEOUT: Entry = Entry::unset();
/// The registered `Swoole\Coroutine`.
pub static ENTRY: &Entry = &COROUTINE;

const FUNC: ArgDef = arg(c"func", CALLABLE);
const CREATE: &[ArgDef] = &[FUNC, rest(c"param")];
const CALLBACK: &[ArgDef] = &[arg(c"callback", CALLABLE)];
const CID: &[ArgDef] = &[arg(c"cid", INT)];
const OPTIONAL_CID: &[ArgDef] = &[opt(c"cid", INT, c"0")];
const NULLABLE_CONTEXT: Ty = Ty::Class(c"Swoole\\Coroutine\\Context", NULL);
const LIST: Ty = Ty::Class(c"Swoole\\Coroutine\\Iterator", 0);
const TIMEOUT_ARG: ArgDef = opt(c"timeout", FLOAT, c"-1.0");

const fn rest(name: &'static std::ffi::CStr) -> ArgDef {
    ArgDef {
        variadic: true,
        ..arg(name, MIXED)
    }
}

/// `Swoole\Coroutine`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Coroutine",
    parent: None,
    interfaces: &[],
    methods: &[
        static_method(c"create", create, CREATE, INT_OR_FALSE),
        static_method(c"defer", defer, CALLBACK, VOID),
        static_method(c"set", set, &[arg(c"options", ARRAY)], VOID),
        static_method(c"getOptions", get_options, &[], scheduler::NULLABLE_ARRAY),
        static_method(c"exists", exists, CID, BOOL),
        static_method(c"yield", yield_now, &[], BOOL),
        static_method(
            c"cancel",
            cancel,
            &[arg(c"cid", INT), opt(c"throw_exception", BOOL, c"false")],
            BOOL,
        ),
        static_method(
            c"join",
            join,
            &[arg(c"cid_array", ARRAY), TIMEOUT_ARG],
            BOOL,
        ),
        static_method(c"isCanceled", is_canceled, &[], BOOL),
        static_method(
            c"setTimeLimit",
            set_time_limit,
            &[arg(c"timeout", FLOAT)],
            BOOL,
        ),
        static_method(c"suspend", yield_now, &[], BOOL),
        static_method(c"resume", resume, CID, BOOL),
        static_method(c"stats", stats, &[], ARRAY),
        static_method(c"getCid", get_cid, &[], INT),
        static_method(c"getuid", get_cid, &[], INT),
        static_method(c"getPcid", get_pcid, OPTIONAL_CID, INT_OR_FALSE),
        static_method(c"getContext", get_context, OPTIONAL_CID, NULLABLE_CONTEXT),
        static_method(
            c"getBackTrace",
            get_back_trace,
            &[
                opt(c"cid", INT, c"0"),
                opt(c"options", INT, c"DEBUG_BACKTRACE_PROVIDE_OBJECT"),
                opt(c"limit", INT, c"0"),
            ],
            ARRAY_OR_FALSE,
        ),
        static_method(
            c"printBackTrace",
            print_back_trace,
            &[
                opt(c"cid", INT, c"0"),
                opt(c"options", INT, c"0"),
                opt(c"limit", INT, c"0"),
            ],
            VOID,
        ),
        static_method(c"getElapsed", get_elapsed, OPTIONAL_CID, INT),
        static_method(
            c"getStackUsage",
            get_stack_usage,
            OPTIONAL_CID,
            INT_OR_FALSE,
        ),
        static_method(c"list", list, &[], LIST),
        static_method(c"listCoroutines", list, &[], LIST),
        static_method(c"enableScheduler", enable_scheduler, &[], BOOL),
        static_method(c"disableScheduler", disable_scheduler, &[], BOOL),
        system::GETHOSTBYNAME,
        system::DNS_LOOKUP,
        system::EXEC,
        system::SLEEP,
        system::GETADDRINFO,
        system::STATVFS,
        system::READ_FILE,
        system::WRITE_FILE,
        system::WAIT,
        system::WAIT_PID,
        system::WAIT_SIGNAL,
        system::WAIT_EVENT,
        system::FREAD,
        system::FWRITE,
        system::FGETS,
    ],
    properties: &[],
    flags: 0,
    create: Some(object::create_denied),
    aliases: &[],
    entry: &COROUTINE,
};

// SAFETY: set by the SPL, which is always there, before any module starts.
unsafe extern "C" {
    static spl_ce_ArrayObject: *mut zend_class_entry;
}

const fn small(
    name: &'static std::ffi::CStr,
    parent: ClassRef,
    flags: u32,
    entry: &'static Entry,
) -> ClassDef {
    ClassDef {
        name,
        parent: Some(parent),
        interfaces: &[],
        methods: &[],
        properties: &[],
        flags,
        create: None,
        aliases: &[],
        entry,
    }
}

// SAFETY: see above.
fn array_object() -> *mut zend_class_entry {
    // SAFETY: see above.
    unsafe { spl_ce_ArrayObject }
}

fn array_iterator() -> *mut zend_class_entry {
    // SAFETY: see above.
    unsafe { spl_ce_ArrayIterator }
}

fn exception() -> *mut zend_class_entry {
    // SAFETY: the engine's class, set before any module starts.
    unsafe { zend_ce_exception }
}

/// `Swoole\Coroutine\Context`: what a coroutine keeps for itself.
pub static CONTEXT_CLASS: ClassDef =
    small(c"Swoole\\Coroutine\\Context", array_object, 0, &CONTEXT);
/// `Swoole\Coroutine\Iterator`: the numbers of all coroutines.
pub static ITERATOR_CLASS: ClassDef =
    small(c"Swoole\\Coroutine\\Iterator", array_iterator, 0, &ITERATOR);
/// `Swoole\Coroutine\CanceledException`.
pub static CANCELED_CLASS: ClassDef = small(
    c"Swoole\\Coroutine\\CanceledException",
    exception,
    ZEND_ACC_FINAL,
    &CANCELED,
);
/// `Swoole\Coroutine\TimeoutException`.
pub static TIMEOUT_CLASS: ClassDef = small(
    c"Swoole\\Coroutine\\TimeoutException",
    exception,
    ZEND_ACC_FINAL,
    &TIMEOUT,
);

/// The functions that are always there.
pub static FUNCTIONS: &[MethodDef] = &[
    function(
        c"swoole_coroutine_create",
        create,
        &[FUNC, rest(c"params")],
        INT_OR_FALSE,
    ),
    function(c"swoole_coroutine_defer", defer, CALLBACK, VOID),
    function(c"Swoole\\Coroutine\\run", run, RUN, Ty::None),
    function(c"Swoole\\Coroutine\\go", create, RUN, Ty::None),
    function(
        c"Swoole\\Coroutine\\defer",
        defer,
        &[arg(c"fn", CALLABLE)],
        Ty::None,
    ),
];

/// Those with short names.
pub static SHORT_FUNCTIONS: &[MethodDef] = &[
    function(c"go", create, &[FUNC], INT_OR_FALSE),
    function(c"defer", defer, CALLBACK, VOID),
    function(c"Co\\run", run, RUN, Ty::None),
    function(c"Co\\go", create, RUN, Ty::None),
    function(c"Co\\defer", defer, &[arg(c"fn", CALLABLE)], Ty::None),
];

const RUN: &[ArgDef] = &[arg(c"fn", CALLABLE), rest(c"args")];
