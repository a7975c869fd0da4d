//! `Swoole\Process\Pool`: workers that are kept running, and messages for them. The table and the methods
//! before the start; `run` has the start and the callbacks, `running` the methods while it runs.

mod run;
mod running;

use super::class::*;
use super::convert::{bytes_of, set_bool, set_null, to_options};
use super::coroutine;
use super::ffi::*;
use super::method::{Frame, Stop, docref, parse, trampolines};
use super::object::{self, Stateful};
use super::owned::OwnedCallback;
use super::process::is_true;
use super::server_state::{self, Phase};
use std::cell::RefCell;
use std::ffi::CStr;
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::Duration;
use swoole_core::error::{self, codes};
use swoole_core::log;
use swoole_core::options::Raw;
use swoole_core::process_pool::{self as core, Ipc, ListenAt};

trampolines! {
    construct => do_construct;
    destruct => do_destruct;
    set => do_set;
    on => do_on;
    listen => do_listen;
}

/// The registered class, the scope of its properties.
static POOL: Entry = Entry::unset();

const PROCESS_OR_FALSE: Ty = Ty::Class(c"Swoole\\Process", FALSE);
const NULL_OR_FALSE: Ty = Ty::Mask(NULL | FALSE);

static METHODS: &[MethodDef] = &[
    method(
        c"__construct",
        construct,
        &[
            arg(c"worker_num", INT),
            opt(c"ipc_type", INT, c"0"),
            opt(c"msgqueue_key", INT, c"0"),
            opt(c"enable_coroutine", BOOL, c"false"),
        ],
        Ty::None,
    ),
    method(c"__destruct", destruct, &[], Ty::None),
    method(c"set", set, &[arg(c"settings", ARRAY)], VOID),
    method(
        c"on",
        on,
        &[arg(c"name", STRING), arg(c"callback", CALLABLE)],
        BOOL,
    ),
    method(
        c"getProcess",
        running::get_process,
        &[opt(c"work_id", INT, c"-1")],
        PROCESS_OR_FALSE,
    ),
    method(
        c"listen",
        listen,
        &[
            arg(c"host", STRING),
            opt(c"port", INT, c"0"),
            opt(c"backlog", INT, c"2048"),
        ],
        BOOL,
    ),
    method(c"write", running::write, &[arg(c"data", STRING)], BOOL),
    method(
        c"sendMessage",
        running::send_message,
        &[arg(c"data", STRING), arg(c"dst_worker_id", INT)],
        BOOL,
    ),
    method(c"detach", running::detach, &[], BOOL),
    method(c"start", run::start, &[], NULL_OR_FALSE),
    method(c"stop", running::stop, &[], VOID),
    method(c"shutdown", running::shutdown, &[], BOOL),
];

/// `Swoole\Process\Pool`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Process\\Pool",
    parent: None,
    interfaces: &[],
    methods: METHODS,
    properties: &[
        public(c"master_pid", Default::Long(-1)),
        public(c"workerPid", Default::Long(-1)),
        public(c"workerId", Default::Long(-1)),
        public(c"workers", Default::Null),
        public(c"workerRunning", Default::Bool(true)),
        public(c"running", Default::Bool(true)),
    ],
    flags: ZEND_ACC_NOT_SERIALIZABLE | ALLOW_DYNAMIC_PROPERTIES,
    create: Some(object::create_stateful::<Pool>),
    aliases: &[],
    entry: &POOL,
};

/// Events that a callback may be set for, in the order of [`EVENTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Start,
    Shutdown,
    WorkerStart,
    WorkerStop,
    WorkerExit,
    Message,
}

const EVENTS: [(&str, Event); 6] = [
    ("Start", Event::Start),
    ("Shutdown", Event::Shutdown),
    ("WorkerStart", Event::WorkerStart),
    ("WorkerStop", Event::WorkerStop),
    ("WorkerExit", Event::WorkerExit),
    ("Message", Event::Message),
];

/// What an object stands for.
#[derive(Debug)]
struct Pool {
    core: core::Pool,
    ipc_type: i64,
    callbacks: RefCell<[Option<Rc<OwnedCallback>>; EVENTS.len()]>,
}

impl Stateful for Pool {
    fn handlers() -> &'static OnceLock<zend_object_handlers> {
        static HANDLERS: OnceLock<zend_object_handlers> = OnceLock::new();
        &HANDLERS
    }
}

thread_local! {
    /// The pool that runs, in its master and in all processes that come from it.
    static CURRENT: RefCell<Option<Rc<Pool>>> = const { RefCell::new(None) };
}

fn current() -> Option<Rc<Pool>> {
    CURRENT.with_borrow(Clone::clone)
}

impl Pool {
    fn callback(&self, event: Event) -> Option<Rc<OwnedCallback>> {
        self.callbacks.borrow().get(event as usize)?.clone()
    }
}

/// The state of `$this`.
fn state(frame: Frame) -> Result<Rc<Pool>, Stop> {
    // SAFETY: `$this` in a method of the class.
    unsafe { object::state::<Pool>(frame.this()) }.ok_or_else(Stop::not_constructed)
}

/// `php_error_docref` with the code that the reference leaves for mistakes of the caller.
fn warning(text: impl Into<String>) -> Stop {
    error::set_last(codes::PHP_FATAL_ERROR);
    Stop::Warning(text.into())
}

/// A mistake that is thrown as an Error.
fn refusal(text: impl Into<String>) -> Stop {
    error::set_last(codes::OPERATION_NOT_SUPPORT);
    Stop::error(text)
}

const NEEDS_PIPES: &str =
    "the parameter $ipc_type must be SWOOLE_IPC_UNIXSOCK when enable coroutine";

fn do_construct(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    refuse_construction(frame)?;
    let (mut worker_num, mut ipc_type, mut queue_key) = (0_i64, 0_i64, 0_i64);
    let mut coroutines = false;
    parse!(frame, c"l|llb", worker_num, ipc_type, queue_key, coroutines)?;
    if worker_num <= 0 {
        return Err(Stop::exception(
            0,
            "the parameter $worker_num must be greater than 0",
        ));
    }
    let ipc = match ipc_type {
        1 => Ipc::Pipes,
        2 => Ipc::Queue,
        3 => Ipc::Socket,
        _ => Ipc::None,
    };
    if coroutines && ipc_type > 0 && ipc != Ipc::Pipes {
        return Err(Stop::error(NEEDS_PIPES));
    }
    let failed = |error: error::Error| {
        let code = error.code();
        error::set_last(code);
        Stop::exception(
            i64::from(code),
            format!("failed to create process pool: {error}"),
        )
    };
    // More than fit are too many in any case; the kernel's keys are 32 bits wide.
    let worker_num = u32::try_from(worker_num).unwrap_or(u32::MAX);
    let core = core::Pool::new(worker_num, ipc, queue_key as i32).map_err(failed)?;
    core.change_settings(|settings| settings.coroutines = coroutines);
    let pool = Pool {
        core,
        ipc_type: if ipc == Ipc::None { 0 } else { ipc_type },
        callbacks: RefCell::default(),
    };
    // SAFETY: `$this` in a method of the class.
    unsafe { object::set_state(frame.this(), Rc::new(pool)) };
    Ok(())
}

fn refuse_construction(frame: Frame) -> Result<(), Stop> {
    let name = frame.class_name();
    // SAFETY: `$this` in a method of the class.
    if unsafe { object::peek_state::<Pool>(frame.this()) }.is_some() {
        return Err(Stop::error(format!(
            "Constructor of {name} can only be called once"
        )));
    }
    if !super::server_setup::in_cli() {
        return Err(refusal(format!("{name} can only be used in PHP CLI mode")));
    }
    if matches!(
        server_state::phase(),
        Some(Phase::Configuring | Phase::Running)
    ) {
        return Err(refusal(
            "cannot create server and process pool instances simultaneously",
        ));
    }
    if current().is_some() {
        return Err(refusal(
            "A process pool instance has already been created and cannot be created again",
        ));
    }
    Ok(())
}

/// Everything goes when the object is freed; a destructor exists because subclasses call it.
fn do_destruct(_: Frame, place: Place<'_>) -> Result<(), Stop> {
    set_null(place);
    Ok(())
}

/// The largest `max_package_size`, in bytes: a worker sets so much memory aside.
const MAX_PACKAGE_BYTES: i64 = 1 << 30;

fn do_set(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut settings: *mut zval = std::ptr::null_mut();
    parse!(frame, c"a", settings)?;
    let pool = state(frame)?;
    // SAFETY: an argument of the running call, an array.
    let array = unsafe { (*deref(settings)).value.arr };
    coroutine::options::set(array)?;
    for (name, value) in to_options(array) {
        if value == Raw::Null {
            continue;
        }
        match name.as_str() {
            "enable_coroutine" => pool
                .core
                .change_settings(|s| s.coroutines = is_true(&value)),
            "enable_message_bus" => pool.core.change_settings(|s| s.bus = is_true(&value)),
            "max_wait_time" => {
                let seconds = u64::try_from(value.int().unwrap_or(0)).unwrap_or(0);
                let seconds = seconds.min(u64::from(u32::MAX));
                let limit = (seconds > 0).then(|| Duration::from_secs(seconds));
                pool.core.change_settings(|s| s.max_wait = limit);
            }
            "max_package_size" => set_package_size(&pool, &value)?,
            _ => {}
        }
    }
    set_null(place);
    Ok(())
}

fn set_package_size(pool: &Pool, value: &Raw) -> Result<(), Stop> {
    let size = value.int_size().unwrap_or(0);
    match usize::try_from(size) {
        Ok(bytes) if (1..=MAX_PACKAGE_BYTES).contains(&size) => {
            pool.core.change_settings(|s| s.max_message_bytes = bytes);
        }
        _ => docref(
            E_WARNING,
            &format!(
                "max_package_size must be 1 to {MAX_PACKAGE_BYTES} bytes, {} given: it stays at {}",
                value.shown(),
                pool.core.settings().max_message_bytes
            ),
        )?,
    }
    Ok(())
}

fn do_on(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let pool = state(frame)?;
    if pool.core.is_started() {
        return Err(warning(
            "process pool is started. unable to register event callback function",
        ));
    }
    drop(pool);
    let mut name: *mut zend_string = std::ptr::null_mut();
    let mut callback: *mut zval = std::ptr::null_mut();
    parse!(frame, c"Sz", name, callback)?;
    let pool = state(frame)?;
    let name = bytes_of(name);
    let known = EVENTS
        .iter()
        .find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name));
    let Some((_, event)) = known else {
        let shown = String::from_utf8_lossy(name);
        return Err(Stop::SoftWarning(format!("unknown event type[{shown}]")));
    };
    if *event == Event::Message && pool.core.ipc() == Ipc::None {
        return Err(Stop::exception(
            i64::from(codes::INVALID_PARAMS),
            "cannot set `onMessage` event with ipc_type=0",
        ));
    }
    let new = Some(Rc::new(OwnedCallback::new(callback)?));
    let former = match pool.callbacks.borrow_mut().get_mut(*event as usize) {
        Some(slot) => std::mem::replace(slot, new),
        None => None,
    };
    // Outside of the borrow: a destructor may run.
    drop(former);
    if *event == Event::Message {
        pool.core.change_settings(|s| s.takes_messages = true);
    }
    set_bool(place, true);
    Ok(())
}

fn do_listen(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut host: *mut zend_string = std::ptr::null_mut();
    let (mut port, mut backlog) = (0_i64, 2048_i64);
    parse!(frame, c"S|ll", host, port, backlog)?;
    let pool = state(frame)?;
    if pool.core.is_started() {
        return Err(warning("process pool is started. unable to listen"));
    }
    if pool.core.ipc() != Ipc::Socket {
        return Err(unsupported(&pool));
    }
    let host = String::from_utf8_lossy(bytes_of(host));
    const UNIX: &str = "unix:";
    let at = match host.split_at_checked(UNIX.len()) {
        Some((scheme, path)) if scheme.eq_ignore_ascii_case(UNIX) && path.starts_with('/') => {
            ListenAt::Unix(path)
        }
        _ => ListenAt::Tcp(&host, port),
    };
    let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
    let listening = pool.core.listen(at, backlog);
    if let Err(error) = &listening {
        error::set_last(error.code());
        log::warning(format_args!("the process pool cannot listen: {error}"));
    }
    set_bool(place, listening.is_ok());
    Ok(())
}

fn unsupported(pool: &Pool) -> Stop {
    warning(format!("unsupported ipc type[{}]", pool.ipc_type))
}

/// A C string of a property of the class.
type Property = &'static CStr;
