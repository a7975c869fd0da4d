//! The tables of `Swoole\Coroutine\System`, whose methods `Swoole\Coroutine` has as well.

use super::{children, events, exec, files, names, signals, streams};
use crate::php::class::*;
use crate::php::coroutine::methods;
use crate::php::ffi::*;
use crate::php::method::trampolines;
use crate::php::object;

trampolines! {
    sleep => methods::do_sleep;
    gethostbyname => names::do_gethostbyname;
    dns_lookup => names::do_dns_lookup;
    getaddrinfo => names::do_getaddrinfo;
    exec => exec::do_exec;
    statvfs => files::do_statvfs;
    read_file => files::do_read_file;
    write_file => files::do_write_file;
    wait => children::do_wait;
    wait_pid => children::do_wait_pid;
    wait_signal => signals::do_wait_signal;
    wait_event => events::do_wait_event;
    fread => streams::do_fread;
    fwrite => streams::do_fwrite;
    fgets => streams::do_fgets;
}

const ARRAY_OR_BOOL: Ty = Ty::Mask((1 << IS_ARRAY) | MAY_BE_BOOL);
const ARRAY_OR_INT: Ty = Ty::Mask((1 << IS_ARRAY) | (1 << IS_LONG));
const TIMEOUT: ArgDef = opt(c"timeout", FLOAT, c"-1.0");
const HANDLE: ArgDef = arg(c"handle", Ty::None);
const DNS_LOOKUP_ARGS: &[ArgDef] = &[
    arg(c"domain_name", STRING),
    opt(c"timeout", FLOAT, c"60.0"),
    opt(c"type", INT, c"2"),
];

pub const GETHOSTBYNAME: MethodDef = static_method(
    c"gethostbyname",
    gethostbyname,
    &[
        arg(c"domain_name", STRING),
        opt(c"type", INT, c"2"),
        TIMEOUT,
    ],
    STRING_OR_FALSE,
);
pub const DNS_LOOKUP: MethodDef =
    static_method(c"dnsLookup", dns_lookup, DNS_LOOKUP_ARGS, STRING_OR_FALSE);
pub const EXEC: MethodDef = static_method(
    c"exec",
    exec,
    &[
        arg(c"command", STRING),
        opt(c"get_error_stream", BOOL, c"false"),
    ],
    ARRAY_OR_FALSE,
);
pub const SLEEP: MethodDef = static_method(c"sleep", sleep, &[arg(c"seconds", FLOAT)], BOOL);
pub const GETADDRINFO: MethodDef = static_method(
    c"getaddrinfo",
    getaddrinfo,
    &[
        arg(c"domain", STRING),
        opt(c"family", INT, c"2"),
        opt(c"socktype", INT, c"1"),
        opt(c"protocol", INT, c"6"),
        opt(c"service", NULLABLE_STRING, c"null"),
        TIMEOUT,
    ],
    ARRAY_OR_BOOL,
);
pub const STATVFS: MethodDef =
    static_method(c"statvfs", statvfs, &[arg(c"path", STRING)], ARRAY_OR_FALSE);
pub const READ_FILE: MethodDef = static_method(
    c"readFile",
    read_file,
    &[arg(c"filename", STRING), opt(c"flag", INT, c"0")],
    STRING_OR_FALSE,
);
pub const WRITE_FILE: MethodDef = static_method(
    c"writeFile",
    write_file,
    &[
        arg(c"filename", STRING),
        arg(c"fileContent", STRING),
        opt(c"flags", INT, c"0"),
    ],
    INT_OR_FALSE,
);
pub const WAIT: MethodDef = static_method(c"wait", wait, &[TIMEOUT], ARRAY_OR_FALSE);
pub const WAIT_PID: MethodDef = static_method(
    c"waitPid",
    wait_pid,
    &[arg(c"pid", INT), TIMEOUT],
    ARRAY_OR_FALSE,
);
pub const WAIT_SIGNAL: MethodDef = static_method(
    c"waitSignal",
    wait_signal,
    &[arg(c"signals", ARRAY_OR_INT), TIMEOUT],
    INT_OR_FALSE,
);
pub const WAIT_EVENT: MethodDef = static_method(
    c"waitEvent",
    wait_event,
    &[
        arg(c"socket", MIXED),
        opt(c"events", INT, c"SWOOLE_EVENT_READ"),
        TIMEOUT,
    ],
    INT_OR_FALSE,
);
pub const FREAD: MethodDef = static_method(
    c"fread",
    fread,
    &[HANDLE, opt(c"length", INT, c"0")],
    STRING_OR_FALSE,
);
pub const FWRITE: MethodDef = static_method(
    c"fwrite",
    fwrite,
    &[HANDLE, arg(c"data", STRING), opt(c"length", INT, c"0")],
    INT_OR_FALSE,
);
pub const FGETS: MethodDef = static_method(c"fgets", fgets, &[HANDLE], STRING_OR_FALSE);

/// The registered class.
pub static ENTRY: Entry = Entry::unset();

/// `Swoole\Coroutine\System`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Coroutine\\System",
    parent: None,
    interfaces: &[],
    methods: &[
        GETHOSTBYNAME,
        DNS_LOOKUP,
        EXEC,
        SLEEP,
        GETADDRINFO,
        STATVFS,
        READ_FILE,
        WRITE_FILE,
        WAIT,
        WAIT_PID,
        WAIT_SIGNAL,
        WAIT_EVENT,
        FREAD,
        FWRITE,
        FGETS,
    ],
    properties: &[],
    flags: 0,
    create: Some(object::create_denied),
    aliases: &[],
    entry: &ENTRY,
};

/// As a function, for scripts of old versions.
pub static FUNCTIONS: &[MethodDef] = &[function(
    c"swoole_async_dns_lookup_coro",
    dns_lookup,
    DNS_LOOKUP_ARGS,
    STRING_OR_FALSE,
)];
