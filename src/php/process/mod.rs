//! `Swoole\Process`: a child process with a pipe and a message queue. The table, the constructor and the
//! object's state; the methods are in the files beside this one.

pub mod child;
mod control;
mod numbers;
mod pipe;
mod queue;
pub mod signals;
mod start;
pub mod worker;

use pipe::Ends;
pub use start::run_in_server;

use super::class::{self, *};
use super::convert::{Key, for_each, set_copy, set_null, to_raw};
use super::ffi::*;
use super::functions::swoole_set_process_name;
use super::method::{Frame, Stop, protect};
use super::method::{parse, trampolines};
use super::object::{self, Stateful};
use super::owned::Owned;
use super::properties;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::OnceLock;
use swoole_core::error::{self, codes};
use swoole_core::options::Raw;
use swoole_core::reactor::outbox::Outbox;
use swoole_core::server::{self, Role};
use swoole_core::sys::pipe::Kind;

trampolines! {
    construct => do_construct;
    destruct => do_destruct;
    set => do_set;
}

/// The registered class, the scope of its private property.
pub static PROCESS: Entry = Entry::unset();

/// `$pipe_type`: a stream; any other above 0 is datagrams.
const STREAM: i64 = 1;
const DATAGRAM: i64 = 2;

const SOCKET_OR_FALSE: Ty = Ty::Class(c"Swoole\\Coroutine\\Socket", FALSE);
const NULLABLE_INT: Ty = Ty::Mask((1 << IS_LONG) | NULL);
const INT_OR_BOOL: Ty = Ty::Mask((1 << IS_LONG) | MAY_BE_BOOL);
const STRING_OR_FALSE: Ty = Ty::Mask((1 << IS_STRING) | FALSE);
const WHO: ArgDef = opt(c"who", NULLABLE_INT, c"NULL");

static METHODS: &[MethodDef] = &[
    method(
        c"__construct",
        construct,
        &[
            arg(c"callback", CALLABLE),
            opt(c"redirect_stdin_and_stdout", BOOL, c"false"),
            opt(c"pipe_type", INT, c"2"),
            opt(c"enable_coroutine", BOOL, c"false"),
        ],
        Ty::None,
    ),
    method(c"__destruct", destruct, &[], Ty::None),
    static_method(
        c"wait",
        control::wait,
        &[opt(c"blocking", BOOL, c"true")],
        ARRAY_OR_FALSE,
    ),
    static_method(
        c"signal",
        signals::signal,
        &[
            arg(c"signal_no", INT),
            opt(c"callback", NULLABLE_CALLABLE, c"null"),
        ],
        BOOL,
    ),
    static_method(
        c"alarm",
        control::alarm,
        &[arg(c"usec", INT), opt(c"type", INT, c"0")],
        BOOL,
    ),
    static_method(
        c"kill",
        control::kill,
        &[arg(c"pid", INT), opt(c"signal_no", INT, c"15")],
        BOOL,
    ),
    static_method(
        c"daemon",
        control::daemon,
        &[
            opt(c"nochdir", BOOL, c"true"),
            opt(c"noclose", BOOL, c"true"),
            opt(c"pipes", ARRAY, c"[]"),
        ],
        BOOL,
    ),
    static_method(
        c"setAffinity",
        control::set_affinity,
        &[arg(c"cpu_settings", ARRAY)],
        BOOL,
    ),
    static_method(c"getAffinity", control::get_affinity, &[], ARRAY),
    method(
        c"setPriority",
        control::set_priority,
        &[arg(c"which", INT), arg(c"priority", INT), WHO],
        BOOL,
    ),
    method(
        c"getPriority",
        control::get_priority,
        &[arg(c"which", INT), WHO],
        INT_OR_FALSE,
    ),
    method(c"set", set, &[arg(c"settings", ARRAY)], VOID),
    method(
        c"setTimeout",
        pipe::set_timeout,
        &[arg(c"seconds", FLOAT)],
        BOOL,
    ),
    method(
        c"setBlocking",
        pipe::set_blocking,
        &[arg(c"blocking", BOOL)],
        BOOL,
    ),
    method(
        c"useQueue",
        queue::use_queue,
        &[
            opt(c"key", INT, c"0"),
            opt(c"mode", INT, c"2"),
            opt(c"capacity", INT, c"-1"),
        ],
        BOOL,
    ),
    method(c"statQueue", queue::stat_queue, &[], ARRAY_OR_FALSE),
    method(c"freeQueue", queue::free_queue, &[], BOOL),
    method(c"start", start::start, &[], INT_OR_BOOL),
    method(c"write", pipe::write, &[arg(c"data", STRING)], INT_OR_FALSE),
    method(c"close", pipe::close, &[opt(c"which", INT, c"0")], BOOL),
    method(
        c"read",
        pipe::read,
        &[opt(c"size", INT, c"8192")],
        STRING_OR_FALSE,
    ),
    method(c"push", queue::push, &[arg(c"data", STRING)], BOOL),
    method(
        c"pop",
        queue::pop,
        &[opt(c"size", INT, c"65536")],
        STRING_OR_FALSE,
    ),
    method(c"exit", start::exit, &[opt(c"exit_code", INT, c"0")], VOID),
    method(
        c"exec",
        control::exec,
        &[arg(c"exec_file", STRING), arg(c"args", ARRAY)],
        BOOL,
    ),
    method(c"exportSocket", pipe::export_socket, &[], SOCKET_OR_FALSE),
    method(
        c"name",
        swoole_set_process_name,
        &[arg(c"process_name", STRING)],
        BOOL,
    ),
];

/// `Swoole\Process`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Process",
    parent: None,
    interfaces: &[],
    methods: METHODS,
    properties: &[
        public(c"pipe", Default::Null),
        public(c"msgQueueId", Default::Null),
        public(c"msgQueueKey", Default::Null),
        public(c"pid", Default::Null),
        public(c"id", Default::Null),
        private(c"callback"),
    ],
    flags: ZEND_ACC_NOT_SERIALIZABLE,
    create: Some(object::create_stateful::<Process>),
    aliases: &[c"swoole_process"],
    entry: &PROCESS,
};

/// At module startup, after the class.
pub fn declare_constants(module_number: i32) {
    class::declare_constants(
        &PROCESS,
        &[
            (c"IPC_NOWAIT", queue::NO_WAIT),
            (c"PIPE_MASTER", pipe::CLOSE_MASTER),
            (c"PIPE_WORKER", pipe::CLOSE_WORKER),
            (c"PIPE_READ", pipe::CLOSE_READ),
            (c"PIPE_WRITE", pipe::CLOSE_WRITE),
            (c"PIPE_TYPE_NONE", 0),
            (c"PIPE_TYPE_STREAM", STREAM),
            (c"PIPE_TYPE_DGRAM", DATAGRAM),
        ],
    );
    numbers::register(module_number);
}

/// Lets go what is not an object's while PHP is still there.
pub fn request_shutdown() {
    signals::request_shutdown();
}

/// What an object stands for.
#[derive(Debug)]
pub struct Process {
    id: i64,
    /// The process, once it was started (or this one, if it is the child); 0 before.
    pid: Cell<i32>,
    /// The child's standard streams are the pipe.
    redirect: bool,
    /// Whether the callback runs in a coroutine, and the event loop after it.
    coroutine: Cell<bool>,
    /// Whether reading and writing wait.
    blocking: Cell<bool>,
    /// A worker of a pool: the pipe is the pool's to close.
    is_of_pool: bool,
    /// Writing does not wait while the event loop runs, whatever reading does.
    writes_at_once: bool,
    pipe: RefCell<Ends>,
    outbox: RefCell<Option<Rc<Outbox>>>,
    queue: RefCell<Option<queue::Queue>>,
    /// What `exportSocket()` made of the pipe.
    socket: RefCell<Option<(pipe::Side, Owned)>>,
}

impl Stateful for Process {
    fn handlers() -> &'static OnceLock<zend_object_handlers> {
        static HANDLERS: OnceLock<zend_object_handlers> = OnceLock::new();
        &HANDLERS
    }
}

/// The number of a process; `None`: its constructor has not run.
#[must_use]
pub fn id_of(object: *mut zend_object) -> Option<i64> {
    // SAFETY: callers pass a live object of the class.
    unsafe { object::peek_state::<Process>(object) }.map(|process| process.id)
}

/// The state of `$this`.
fn state(frame: Frame) -> Result<Rc<Process>, Stop> {
    // SAFETY: `$this` in a method of the class.
    unsafe { object::state::<Process>(frame.this()) }.ok_or_else(Stop::not_constructed)
}

/// `php_error_docref` with the code that the reference leaves for mistakes of the caller.
fn warning(text: impl Into<String>) -> Stop {
    error::set_last(codes::PHP_FATAL_ERROR);
    Stop::Warning(text.into())
}

/// A failed system call: the warning may be silenced by `swoole.display_errors`.
fn sys_warning(what: impl std::fmt::Display, errno: i32) -> Stop {
    error::set_last(errno);
    let why = error::describe(errno);
    Stop::SoftWarning(format!("{what}, Error: {why}[{errno}]"))
}

/// What PHP takes for true in a setting.
#[must_use]
pub fn is_true(value: &Raw) -> bool {
    match value {
        Raw::Null => false,
        Raw::Bool(on) => *on,
        Raw::Int(number) => *number != 0,
        Raw::Float(number) => *number != 0.0,
        Raw::Str(text) => !matches!(text.as_slice(), b"" | b"0"),
        Raw::List(items) => !items.is_empty(),
        Raw::Map(items) => !items.is_empty(),
        Raw::Callable | Raw::Other(_) => true,
    }
}

/// Numbers of processes, in the order they are made.
fn next_id() -> i64 {
    thread_local! {
        static NEXT: Cell<i64> = const { Cell::new(1) };
    }
    NEXT.replace(NEXT.get() + 1)
}

/// What the constructor was given.
struct Wanted {
    redirect: bool,
    pipe_type: i64,
    coroutine: bool,
}

fn do_construct(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    refuse_construction(frame)?;
    let wanted = read_wanted(frame)?;
    let kind = match wanted.pipe_type {
        ..=0 => None,
        STREAM => Some(Kind::Stream),
        _ => Some(Kind::Datagram),
    };
    let pipe = match kind {
        Some(kind) => Ends::make(kind).map_err(|failed| {
            Stop::exception(
                i64::from(failed.errno),
                format!("failed to create unix socket: {failed}"),
            )
        })?,
        None => Ends::default(),
    };
    let fd = pipe.current_fd();
    let process = Rc::new(Process {
        id: next_id(),
        pid: Cell::new(0),
        redirect: wanted.redirect,
        coroutine: Cell::new(wanted.coroutine),
        blocking: Cell::new(true),
        is_of_pool: false,
        writes_at_once: false,
        pipe: RefCell::new(pipe),
        outbox: RefCell::default(),
        queue: RefCell::default(),
        socket: RefCell::default(),
    });
    let id = process.id;
    let this = frame.this();
    // SAFETY: `$this` in a method of the class.
    unsafe { object::set_state(this, process) };
    let callback = frame.arg(0);
    protect(|| {
        if let Some(fd) = fd {
            properties::set_int(&PROCESS, this, c"pipe", i64::from(fd));
        }
        properties::set_int(&PROCESS, this, c"id", id);
        if let Some(callback) = callback {
            let mut copy = undef();
            set_copy(copy.place(), callback);
            properties::set_new_object(&PROCESS, this, c"callback", &mut copy);
        }
    })?;
    Ok(())
}

fn refuse_construction(frame: Frame) -> Result<(), Stop> {
    // SAFETY: `$this` in a method of the class.
    if unsafe { object::peek_state::<Process>(frame.this()) }.is_some() {
        let name = frame.class_name();
        return Err(Stop::error(format!(
            "Constructor of {name} can only be called once"
        )));
    }
    if !super::server_setup::in_cli() {
        let name = frame.class_name();
        return Err(Stop::error(format!(
            "{name} can only be used in PHP CLI mode"
        )));
    }
    // It has threads, and its children would hold the server's ports.
    if server::current().is_some_and(|context| context.role() == Role::Master) {
        let name = frame.class_name();
        return Err(Stop::error(format!(
            "{name} can't be used in master process"
        )));
    }
    Ok(())
}

/// Reads the arguments. Owns nothing: user code may run.
fn read_wanted(frame: Frame) -> Result<Wanted, Stop> {
    // SAFETY: all bytes zero is an empty description of a call on each PHP version.
    let mut fci: std::mem::ManuallyDrop<zend_fcall_info> = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut fcc: zend_fcall_info_cache = unsafe { std::mem::zeroed() };
    let (mut redirect, mut coroutine) = (false, false);
    let mut pipe_type = DATAGRAM;
    parse!(frame, c"f|blb", fci, fcc, redirect, pipe_type, coroutine)?;
    // SAFETY: a resolved cache; what it may hold (a trampoline of `__call`) is given back, for the
    // callable is looked up again at the start.
    unsafe { zend_release_fcall_info_cache(&raw mut fcc) };
    if redirect {
        pipe_type = STREAM;
    }
    Ok(Wanted {
        redirect,
        pipe_type,
        coroutine,
    })
}

/// The pipe goes when the object is freed; a destructor exists because subclasses call it.
fn do_destruct(_: Frame, place: Place<'_>) -> Result<(), Stop> {
    set_null(place);
    Ok(())
}

fn do_set(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut settings: *mut zval = std::ptr::null_mut();
    parse!(frame, c"a", settings)?;
    let process = state(frame)?;
    // SAFETY: an argument of the running call, an array.
    let array = unsafe { (*deref(settings)).value.arr };
    let mut on = None;
    for_each(array, |key, value| {
        if matches!(key, Key::Name(b"enable_coroutine")) {
            on = Some(is_true(&to_raw(value)));
        }
    });
    if let Some(on) = on {
        process.coroutine.set(on);
    }
    set_null(place);
    Ok(())
}
