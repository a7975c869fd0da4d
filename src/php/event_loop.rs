//! The process's event loop as PHP sees it: when it runs, and how it calls user code.

use super::callback::{self, CallOutcome, Callback, Pending, Spawned};
use super::coroutine;
use super::coroutine::engine::PhpThread;
use super::ffi::*;
use super::method::{Stop, docref, protect};
use super::{async_write, event, timer};
use std::cell::Cell;
use std::ffi::CStr;
use std::rc::Rc;
use swoole_core::options;
use swoole_core::reactor::EventLoop;
use swoole_core::reactor::{event_loop, thread_pool};
use swoole_core::server;
use swoole_core::sys::forks;

/// What a script's loop is run by when the script has come to its end.
const AT_THE_END: &[u8] = b"swoole_event_rshutdown";

/// In which process (see [`forks::generation`], counted from 1) that is registered and still to be called; 0:
/// in none. Each further registration would be one more call, and memory for a script that never ends.
static REGISTERED: PhpThread<Cell<u64>> = PhpThread::new(Cell::new(0));

/// At the end of the request, with its shutdown functions.
pub fn request_shutdown() {
    discard();
    REGISTERED.get().set(0);
}

/// The loop, for someone who adds to it. In a plain script the first use sees to it that it runs at the
/// script's end.
pub fn ready() -> Result<Rc<EventLoop>, Stop> {
    if let Some(event_loop) = event_loop::existing()
        && (event_loop.is_adopted() || server::current().is_some())
    {
        return Ok(event_loop);
    }
    if !is_cli() {
        return Err(Stop::Fatal(
            "async-io must be used in PHP CLI mode".to_owned(),
        ));
    }
    let event_loop = event_loop::current().map_err(|error| {
        Stop::Fatal(format!(
            "Unable to create event-loop reactor: {error}; raise the limit of open files (ulimit -n)"
        ))
    })?;
    if server::current().is_none() {
        event_loop.adopt();
        let here = forks::generation() + 1;
        if REGISTERED.get().get() != here {
            callback::call_function(b"register_shutdown_function", AT_THE_END)?;
            REGISTERED.get().set(here);
        }
    }
    Ok(event_loop)
}

/// Whether this PHP runs scripts, not requests of a web server.
pub fn is_cli() -> bool {
    // SAFETY: set by every SAPI before modules start: a static name.
    let name = unsafe { CStr::from_ptr(sapi_module.name) };
    matches!(name.to_bytes(), b"cli" | b"phpdbg" | b"embed" | b"micro")
}

/// Calls user code from the loop, in a coroutine where callbacks run in such. What ends the process ends
/// the loop.
pub fn call(callback: &Callback, args: &[Value]) {
    let outcome = if runs_coroutines() {
        match callback::spawn_borrowed(callback, args) {
            Spawned::Ended(outcome) => outcome,
            Spawned::Suspended(_) => return,
        }
    } else {
        callback::call_borrowed(callback, args)
    };
    check(outcome);
}

/// Whether callbacks of the loop run in coroutines: `enable_coroutine` of the server or of the process.
/// In the manager they do not.
fn runs_coroutines() -> bool {
    match server::current() {
        Some(context) => {
            let settings = context.settings();
            match context.role() {
                server::Role::Manager => false,
                server::Role::TaskWorker { .. } => settings.task.enable_coroutine,
                _ => settings.enable_coroutine,
            }
        }
        None => options::process().enable_coroutine,
    }
}

/// Ends the loop if user code has ended the process.
pub fn check(outcome: CallOutcome) {
    let status = match outcome {
        CallOutcome::Returned => return,
        CallOutcome::Exit(status) => status,
        CallOutcome::Exception | CallOutcome::Bailout => callback::exit_status(),
    };
    event_loop::end(status);
}

/// `Swoole\Event::wait()`: runs the loop of a plain script until nothing is left. In callbacks that a
/// server calls outside of its loop (onStart, onShutdown, onManagerStop, onWorkerStop, onWorkerExit) it runs
/// what comes to an end.
pub fn wait() -> Result<(), Stop> {
    let Some(event_loop) = event_loop::existing() else {
        return Ok(());
    };
    if event_loop.is_running() || callback::pending() != Pending::None || has_fatal_error() {
        return Ok(());
    }
    if is_servers() {
        // A callback of a server outside of its loop: what the server has there stays its own.
        let result = event_loop.run_between();
        coroutine::rest();
        result.map_err(|error| Stop::Fatal(format!("reactor wait failed: {error}")))?;
        return hand_over();
    }
    let mut event_loop = event_loop;
    let mut result = run_to_the_end(&event_loop);
    // A child that a callback forked goes on with what it has added itself.
    while event_loop.is_inherited()
        && let Some(own) = event_loop::existing()
    {
        event_loop = own;
        result = run_to_the_end(&event_loop);
    }
    let is_cut_short = event_loop.ended().is_some();
    // What is left after an exit goes, as it does at the end of the reference's loop.
    discard();
    coroutine::loop_ended(is_cut_short);
    result.map_err(|error| Stop::Fatal(format!("reactor wait failed: {error}")))?;
    hand_over()
}

/// Whether a role of a server turns this process's loop. Processes of `addProcess()` run it themselves.
pub fn is_servers() -> bool {
    server::current().is_some_and(|context| {
        !context.is_copy() && !matches!(context.role(), server::Role::UserProcess { .. })
    })
}

/// Ends the loop with all that user code has in it.
pub fn discard() {
    event_loop::discard();
    thread_pool::discard();
    async_write::discard();
    timer::forget_gone();
    event::forget_gone();
}

/// The end of the process that a callback asked for, for the code around the loop.
pub fn hand_over() -> Result<(), Stop> {
    match callback::take_pending() {
        Pending::None => Ok(()),
        Pending::Exit => Err(Stop::Exit),
        Pending::Bailout => Err(Stop::Bailout),
    }
}

/// Runs until nothing is left, and longer if the user's `exit_condition` says so.
fn run_to_the_end(event_loop: &EventLoop) -> std::io::Result<()> {
    loop {
        event_loop.run()?;
        let is_idle = !event_loop.has_work() && event_loop.ended().is_none();
        if !is_idle || !coroutine::options::forbids_end() {
            return Ok(());
        }
        // A signal, or another process through a descriptor, may change something.
        let _hold = event_loop.hold();
        event_loop.turn(None, |_| {})?;
    }
}

/// `EG_FLAGS_IN_SHUTDOWN` of Zend/zend_globals.h.
pub const EG_FLAGS_IN_SHUTDOWN: u8 = 1;

/// Whether this process's loop is in use, as a server must not find it. Timers alone are not: they go on
/// in the master.
#[must_use]
pub fn is_in_use() -> bool {
    coroutine::count() > 0
        || event_loop::existing()
            .is_some_and(|event_loop| event_loop.is_running() || event_loop.is_engaged())
}

/// At the end of the script: runs what is left. Whatever ends that, the shutdown functions that come
/// after this one run.
pub fn at_the_end() -> Result<(), Stop> {
    // Shutdown functions that come later may begin with a loop again.
    REGISTERED.get().set(0);
    let Some(event_loop) = event_loop::existing() else {
        return Ok(());
    };
    if !event_loop.is_adopted() || event_loop.is_running() || has_fatal_error() {
        return Ok(());
    }
    if !event_loop.has_work() && !coroutine::options::forbids_end() {
        coroutine::loop_ended(event_loop.ended().is_some());
        return Ok(());
    }
    if event_loop.ended().is_none() {
        docref(
            E_DEPRECATED,
            "Event::wait() in shutdown function is deprecated",
        )?;
    }
    match wait() {
        Err(Stop::Exit | Stop::Bailout) => Ok(()),
        done => done,
    }
}

/// Whether the script ended with a fatal error.
#[must_use]
pub fn has_fatal_error() -> bool {
    // SAFETY: reading a word of the engine's globals.
    let kind = unsafe { (*ext_php_rs_process_globals()).last_error_type };
    kind.cast_unsigned()
        & (E_ERROR | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR)
        != 0
}

/// The descriptor behind a value: a number, a PHP stream, a `Socket`, or one of this extension's objects
/// that has one. A warning has been given where there is none.
pub fn descriptor(value: *mut zval) -> Result<i32, Stop> {
    // SAFETY: callers pass an argument of the running call; each union member is read for its type.
    let (kind, value) = unsafe {
        let value = deref(value);
        (u32::from(type_of(value)), value)
    };
    match kind {
        // SAFETY: as above.
        IS_LONG => match i32::try_from(unsafe { (*value).value.lval }) {
            Ok(fd) if fd >= 0 => Ok(fd),
            _ => Err(Stop::Warning(format!(
                "invalid file descriptor#{} passed",
                // SAFETY: as above.
                unsafe { (*value).value.lval }
            ))),
        },
        IS_RESOURCE => stream_descriptor(value),
        IS_OBJECT => object_descriptor(value),
        _ => Err(Stop::Warning("invalid file descriptor passed".to_owned())),
    }
}

fn stream_descriptor(value: *mut zval) -> Result<i32, Stop> {
    let mut fd: i32 = -1;
    // SAFETY: a live resource; one of another kind, or a closed one, throws and gives null; the cast asks for
    // a descriptor, which it writes as an int. It may flush and so run user code: nothing is owned.
    let found = protect(|| unsafe {
        let stream = zend_fetch_resource2_ex(
            value,
            c"stream".as_ptr(),
            php_file_le_stream(),
            php_file_le_pstream(),
        );
        !stream.is_null()
            && _php_stream_cast(
                stream.cast(),
                PHP_STREAM_AS_FD_FOR_SELECT | PHP_STREAM_CAST_INTERNAL,
                (&raw mut fd).cast(),
                1,
            ) == 0
    })?;
    if found && fd >= 0 {
        return Ok(fd);
    }
    // SAFETY: reading a word of the engine's globals.
    if !unsafe { (*eg()).exception }.is_null() {
        // Closed, or a resource of another kind: "supplied resource is not a valid stream resource".
        return Err(Stop::Thrown);
    }
    Err(Stop::Warning(
        "fd argument must be either valid PHP stream or valid PHP socket resource".to_owned(),
    ))
}

const PHP_STREAM_AS_FD_FOR_SELECT: i32 = 3;
const PHP_STREAM_CAST_INTERNAL: i32 = 0x2000_0000;

/// Properties in which this extension's objects show their descriptor.
const FD_PROPERTIES: &[(&str, &CStr)] = &[
    ("swoole\\coroutine\\socket", c"fd"),
    ("swoole\\client", c"sock"),
    ("swoole\\process", c"pipe"),
];

fn object_descriptor(value: *mut zval) -> Result<i32, Stop> {
    // SAFETY: a live object.
    let object = unsafe { (*value).value.obj };
    if let Some(fd) = socket_descriptor(object) {
        return if fd >= 0 {
            Ok(fd)
        } else {
            Err(Stop::Warning("contains a closed socket".to_owned()))
        };
    }
    for (class, property) in FD_PROPERTIES {
        if !is_instance(object, class) {
            continue;
        }
        let mut place = undef();
        // SAFETY: the object lives; the name is static; the result is a borrowed zval or `place`.
        let fd = protect(|| unsafe {
            let found = zend_read_property(
                (*object).ce,
                object,
                property.as_ptr(),
                property.to_bytes().len(),
                true,
                place.ptr(),
            );
            let found = deref(found);
            (u32::from(type_of(found)) == IS_LONG).then(|| (*found).value.lval)
        })?;
        if let Some(fd) = fd
            .and_then(|fd| i32::try_from(fd).ok())
            .filter(|fd| *fd >= 0)
        {
            return Ok(fd);
        }
    }
    Err(Stop::Warning("invalid file descriptor passed".to_owned()))
}

/// Whether an object is of a class, by its name in lower case, or of a subclass.
fn is_instance(object: *mut zend_object, lower_name: &str) -> bool {
    // SAFETY: a live object has a class; parents are linked until null, and names are strings.
    unsafe {
        let mut ce = (*object).ce;
        while !ce.is_null() {
            if str_bytes((*ce).name).eq_ignore_ascii_case(lower_name.as_bytes()) {
                return true;
            }
            ce = (*ce).__bindgen_anon_1.parent;
        }
    }
    false
}

/// The descriptor of a `Socket` of ext/sockets, -1 if it is closed; None: another class.
fn socket_descriptor(object: *mut zend_object) -> Option<i32> {
    // Not of a subclass: there is none, but for our own sockets while the hook of sockets is on.
    // SAFETY: a live object has a class, whose name is a string.
    if !unsafe { str_bytes((*(*object).ce).name) }.eq_ignore_ascii_case(b"socket") {
        return None;
    }
    // SAFETY: the class is final and internal (ext/sockets): its objects begin `offset` bytes before the
    // standard part, with the descriptor as an int.
    unsafe {
        let offset = (*(*object).handlers).offset;
        Some(object.byte_sub(offset as usize).cast::<i32>().read())
    }
}
