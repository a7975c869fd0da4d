//! `Swoole\Server` before and around `start()`: constructor, `set`, `on`, `getCallback`, `start`.

use super::callback::{self, Callback, Pending};
use super::convert::{self, bytes_of, set_bool, set_copy, set_null, set_object};
use super::coroutine;
use super::event_loop;
use super::ffi::*;
use super::handler::PhpHandler;
use super::method::{Frame, Stop, Thrown, docref, protect};
use super::method::{parse, trampolines};
use super::owned::OwnedCallback;
use super::server::SERVER;
use super::server_event::{self, EventDef, SERVER_EVENT_COUNT, SERVER_EVENTS};
use super::server_state::{self, Phase, PortState, ServerState};
use super::{iterator, object, port, properties};
use std::rc::Rc;
use swoole_core::error::{self, Error, codes};
use swoole_core::log::{self, Level};
use swoole_core::net::address::SockType;
use swoole_core::options::{Env, Options, Raw, Scope, Settings};
use swoole_core::protocol::framing::Rule;
use swoole_core::server::{Event, Finished, Mode, Server};
use swoole_core::sys::process;

trampolines! {
    construct => do_construct;
    destruct => do_destruct;
    set => do_set;
    on => do_on;
    get_callback => do_get_callback;
    start => do_start;
}

/// SWOOLE_SSL, a flag beside the socket type.
const SSL_FLAG: i64 = 512;

fn do_construct(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    let mut host: *mut zend_string = std::ptr::null_mut();
    let (mut port, mut mode, mut sock_type) = (0_i64, Mode::Base as i64, 1_i64);
    parse!(frame, c"|Slll", host, port, mode, sock_type)?;
    let name = frame.class_name();
    // SAFETY: `$this` has the layout of this class.
    if unsafe { (*object::native(frame.this())).server_id } != 0 {
        return Err(Stop::error(format!(
            "Constructor of {name} can only be called once"
        )));
    }
    if !in_cli() {
        return Err(Stop::exception(
            -1,
            format!("{name} can only be used in CLI mode"),
        ));
    }
    let mode = mode_of(mode)?;
    if matches!(
        server_state::phase(),
        Some(Phase::Configuring | Phase::Running)
    ) {
        error::set_last(codes::OPERATION_NOT_SUPPORT);
        return Err(Stop::exception(
            -3,
            format!(
                "server is running. unable to create {name}: a process has one server at a time, \
                 unset the one there is before it is started, or wait until its start() has returned"
            ),
        ));
    }
    let host = if host.is_null() {
        "0.0.0.0".to_owned()
    } else {
        String::from_utf8_lossy(bytes_of(host)).into_owned()
    };
    let server = bind(mode, &host, port, sock_type).map_err(|error| {
        error::set_last(error.code());
        let address = format!("failed to listen server port[{host}:{port}]");
        let why = error.to_string();
        let why = why
            .strip_prefix(&address)
            .map_or(why.as_str(), |rest| rest.trim_start_matches([':', ' ']));
        let code = error.code();
        Stop::exception(i64::from(code), format!("{address}, Error: {why}[{code}]"))
    })?;
    adopt(frame, mode, server)
}

fn bind(mode: Mode, host: &str, port: i64, sock_type: i64) -> Result<Server, Error> {
    if sock_type & SSL_FLAG != 0 {
        return Err(Error::NotBuilt {
            what: "SWOOLE_SSL".to_owned(),
            needs: "TLS".to_owned(),
        });
    }
    let kind =
        SockType::from_number(sock_type).map_err(|_| Error::BadSocketType { given: sock_type })?;
    let port = u16::try_from(port).map_err(|_| Error::BadPort { given: port })?;
    Server::new(mode, host, port, kind, false)
}

fn mode_of(mode: i64) -> Result<Mode, Stop> {
    match mode {
        1 => Ok(Mode::Base),
        2 => Ok(Mode::Process),
        _ => {
            error::set_last(codes::INVALID_PARAMS);
            Err(Stop::error(format!(
                "invalid $mode parameters {mode}: use SWOOLE_BASE (1) or SWOOLE_PROCESS (2)"
            )))
        }
    }
}

pub fn in_cli() -> bool {
    // SAFETY: the SAPI's module description is a static of the running PHP.
    let name = unsafe { std::ffi::CStr::from_ptr((*ext_php_rs_sapi_module()).name) };
    matches!(name.to_bytes(), b"cli" | b"phpdbg" | b"embed" | b"micro")
}

/// Makes `$this` the process' server, with its properties, ports and iterators.
fn adopt(frame: Frame, mode: Mode, server: Server) -> Result<(), Stop> {
    let this = frame.this();
    let ports: Vec<port::Shown> = server.ports().iter().map(port::Shown::of).collect();
    let id = server_state::install(|id| ServerState {
        id,
        phase: Phase::Configuring,
        mode,
        object: this,
        server: Some(server),
        options: Options::of_process(),
        callbacks: [None; SERVER_EVENT_COUNT],
        ports: Vec::new(),
        processes: Vec::new(),
    })?;
    // SAFETY: `$this` has the layout of this class.
    unsafe { (*object::native(this)).server_id = id };
    let mut objects: Vec<*mut zend_object> = Vec::with_capacity(ports.len());
    for (index, shown) in ports.iter().enumerate() {
        objects.push(protect(|| port::new_object(id, index, shown))?);
    }
    protect(|| {
        let mut list = undef();
        convert::set_new_array(list.place(), objects.len());
        for &object in &objects {
            let mut element = undef();
            set_object(element.place(), object);
            // SAFETY: the list takes a reference of its own; ours goes to the state.
            unsafe {
                try_addref(element.ptr());
                zend_hash_next_index_insert(list.value.arr, element.ptr());
            }
        }
        properties::set_new_object(&SERVER, this, c"ports", &mut list);
        let mut all = iterator::new_object(id, None);
        properties::set_new_object(&SERVER, this, c"connections", &mut all);
        properties::set_int(&SERVER, this, c"mode", mode as i64);
        if let Some(first) = ports.first() {
            properties::set_text(&SERVER, this, c"host", &first.host);
            properties::set_int(&SERVER, this, c"port", first.port);
            properties::set_int(&SERVER, this, c"type", first.kind);
        }
    })?;
    server_state::with(frame, |state| {
        state.ports = objects
            .iter()
            .zip(&ports)
            .map(|(&object, shown)| PortState {
                object,
                callbacks: [None; server_event::PORT_EVENT_COUNT],
                is_stream: shown.is_stream,
            })
            .collect();
    })
}

/// The native side goes when the object is freed; a destructor exists because subclasses call it.
fn do_destruct(_: Frame, place: Place<'_>) -> Result<(), Stop> {
    set_null(place);
    Ok(())
}

fn do_set(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut settings: *mut zval = std::ptr::null_mut();
    parse!(frame, c"a", settings)?;
    refuse_if_running(frame, "set")?;
    // SAFETY: an argument of the running call, an array.
    let array = unsafe { (*deref(settings)).value.arr };
    apply_options(frame, Scope::Server, array)?;
    coroutine::options::take(array)?;
    let this = frame.this();
    let port = server_state::with(frame, |state| state.ports.first().map(|port| port.object))?;
    protect(|| {
        if let Some(port) = port {
            properties::merge_array(&port::PORT, port, c"setting", array);
        }
        properties::merge_array(&SERVER, this, c"setting", array);
    })?;
    set_bool(place, true);
    Ok(())
}

fn refuse_if_running(frame: Frame, method: &str) -> Result<(), Stop> {
    match server_state::with(frame, |state| state.phase)? {
        Phase::Configuring => Ok(()),
        Phase::Running => Err(Stop::Warning(format!(
            "server is running, unable to execute {}->{method}: call it before start()",
            frame.class_name()
        ))),
        Phase::Down => Err(Stop::Warning(format!(
            "The server have been shutdown, unable to execute {}->{method}()",
            frame.class_name()
        ))),
    }
}

/// Takes over an array of options: all of it, or (on the first bad value) nothing.
pub fn apply_options(frame: Frame, scope: Scope, array: *mut HashTable) -> Result<(), Stop> {
    let given = convert::to_options(array);
    let mut options = server_state::with(frame, |state| state.options.clone())?;
    options.refresh_process();
    let mut warnings = Vec::new();
    for (name, raw) in &given {
        match options.apply_in(scope, name, raw) {
            Ok(warning) => warnings.extend(warning),
            Err(error) => return Err(bad_option(&error, raw)),
        }
    }
    options.commit_process();
    server_state::with(frame, |state| state.options = options)?;
    for warning in &warnings {
        docref(E_WARNING, &warning.to_string())?;
    }
    Ok(())
}

/// A value of the wrong type is a TypeError, one that is out of range a ValueError.
pub fn bad_option(error: &Error, raw: &Raw) -> Stop {
    let class = match raw {
        Raw::Bool(_) | Raw::Int(_) | Raw::Float(_) => Thrown::ValueError,
        Raw::Str(text) if text.iter().any(u8::is_ascii_digit) => Thrown::ValueError,
        _ => Thrown::TypeError,
    };
    error::set_last(error.code());
    Stop::Throw {
        class,
        code: 0,
        message: error.to_string(),
    }
}

fn do_on(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    let mut value: *mut zval = std::ptr::null_mut();
    parse!(frame, c"Sz", name, value)?;
    match server_state::with(frame, |state| state.phase)? {
        Phase::Configuring => {}
        Phase::Running => {
            return Err(Stop::Warning(
                "server is running, unable to register event callback function: call on() before \
                 start()"
                    .to_owned(),
            ));
        }
        Phase::Down => return refuse_if_running(frame, "on"),
    }
    let name = bytes_of(name);
    let Some(index) = server_event::find(&SERVER_EVENTS, name) else {
        return port::register(frame, 0, name, value, place);
    };
    let callback = Callback::resolve(value)?;
    store(
        frame,
        &SERVER_EVENTS[index],
        callback,
        frame.this(),
        &SERVER,
        |state, callback| {
            state
                .callbacks
                .get_mut(index)
                .and_then(|slot| slot.replace(callback))
        },
    )?;
    set_bool(place, true);
    Ok(())
}

/// Puts a callback into its property and into the state; gives the old one's reference back.
pub fn store(
    frame: Frame,
    row: &EventDef,
    callback: Callback,
    object: *mut zend_object,
    class: &super::class::Entry,
    swap: impl FnOnce(&mut ServerState, Callback) -> Option<Callback>,
) -> Result<(), Stop> {
    let mut value = callback.value();
    // SAFETY: the callable of the running call; this reference is the state's.
    unsafe { try_addref(value.ptr()) };
    let old = server_state::with(frame, |state| swap(state, callback))?;
    protect(|| properties::set(class, object, row.property, &mut value))?;
    if let Some(old) = old {
        server_state::release_value(old.value())?;
    }
    Ok(())
}

fn do_get_callback(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"S", name)?;
    let name = bytes_of(name);
    let callback = server_state::with(frame, |state| {
        match server_event::find(&SERVER_EVENTS, name) {
            Some(index) => state.callbacks.get(index).copied().flatten(),
            None => port::callback(state, 0, name),
        }
    })?;
    match callback {
        Some(callback) => set_copy(place, callback.value().ptr()),
        None => set_null(place),
    }
    Ok(())
}

fn do_start(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let name = frame.class_name();
    match server_state::with(frame, |state| state.phase)? {
        Phase::Configuring => {}
        Phase::Running => {
            return Err(Stop::Warning(format!(
                "The server is running, unable to execute {name}->start()"
            )));
        }
        Phase::Down => {
            return Err(Stop::Warning(format!(
                "The server have been shutdown, unable to execute {name}->start()"
            )));
        }
    }
    require_callbacks(frame)?;
    if event_loop::is_in_use() {
        return Err(Stop::Warning(format!(
            "The event-loop has already been created, unable to start {name}: start the server before \
             any event or coroutine, and make those in its callbacks (onWorkerStart)"
        )));
    }
    let finished = run(frame);
    let pending = callback::take_pending();
    // The state may be gone: a script may end with exit() in a destructor.
    let _ = server_state::with(frame, |state| state.phase = Phase::Down);
    match pending {
        Pending::Bailout => return Err(Stop::Bailout),
        Pending::Exit => return Err(Stop::Exit),
        Pending::None => {}
    }
    match finished? {
        Finished::Master { status } => {
            set_bool(place, status == 0);
            if status != 0 {
                // The script goes on, and its process ends with this unless it says otherwise: who
                // watches it must not take the end of a broken server for a wanted one.
                // SAFETY: writing a word of the engine's globals.
                unsafe { (*eg()).exit_status = status };
            }
            Ok(())
        }
        Finished::Child { status, .. } => {
            // SAFETY: flushes PHP's output buffers; user output handlers may run.
            protect(|| unsafe { php_output_end_all() })?;
            Err(Stop::EndProcess(status))
        }
    }
}

fn require_callbacks(frame: Frame) -> Result<(), Stop> {
    let missing = server_state::with(frame, |state| {
        (0..state.ports.len()).find_map(|index| {
            let event = if state.ports[index].is_stream {
                "receive"
            } else {
                "packet"
            };
            let has = |port| port::callback(state, port, event.as_bytes()).is_some();
            (!has(index) && !has(0)).then_some(event)
        })
    })?;
    match missing {
        Some("packet") => Err(Stop::Fatal("require onPacket callback".to_owned())),
        Some(_) => Err(Stop::Fatal("require onReceive callback".to_owned())),
        None => Ok(()),
    }
}

fn require_on_task(frame: Frame, task_worker_num: u32) -> Result<(), Stop> {
    let index = server_event::index_of(&SERVER_EVENTS, Event::Task);
    let has = server_state::with(frame, |state| {
        index.is_some_and(|index| state.callbacks.get(index).is_some_and(Option::is_some))
    })?;
    if task_worker_num == 0 || has {
        return Ok(());
    }
    error::set_last(codes::SERVER_INVALID_CALLBACK);
    log::coded(
        Level::Warning,
        "Server::start_check()",
        codes::SERVER_INVALID_CALLBACK,
        "require 'onTask' callback",
    );
    Err(Stop::Fatal(
        "failed to start server. Error: require 'onTask' callback".to_owned(),
    ))
}

/// Resolves the options, shows them in the properties and runs the server until this process' part in
/// it is over.
fn run(frame: Frame) -> Result<Finished, Stop> {
    let (options, mode) = server_state::with(frame, |state| (state.options.clone(), state.mode))?;
    let failed = |error: Error| {
        error::set_last(error.code());
        Stop::Fatal(format!("failed to start server. Error: {error}"))
    };
    let mut settings = options.resolve(&env()).map_err(failed)?;
    if mode == Mode::Base && !options.is_given("worker_num") {
        // BASE mode begins with one worker: then there is no fork and no manager.
        settings.worker_num = 1;
        settings.reactor_num = 1;
    }
    require_on_task(frame, settings.task.worker_num)?;
    let this = frame.this();
    let shown = options.shown_defaults(&settings);
    protect(|| {
        properties::set_int(&SERVER, this, c"master_pid", i64::from(std::process::id()));
        let mut defaults = undef();
        convert::set_new_array(defaults.place(), shown.len());
        for (name, value) in &shown {
            if let Raw::Int(value) = value {
                // SAFETY: an array of ours; the engine copies the key.
                unsafe {
                    add_assoc_long_ex(defaults.ptr(), name.as_ptr().cast(), name.len(), *value);
                }
            }
        }
        // SAFETY: as above; then our reference to the array is given back.
        unsafe {
            properties::merge_array(&SERVER, this, c"setting", defaults.value.arr);
            zval_ptr_dtor(defaults.ptr());
        }
    })?;
    let length_function = length_function(frame, &settings)?;
    let (server, php) = server_state::with(frame, |state| {
        state.phase = Phase::Running;
        let php = PhpHandler::new(state, &settings, length_function);
        (state.server.take(), php)
    })?;
    let Some(server) = server else {
        return Err(Stop::error("internal error: the server is gone"));
    };
    server.start(settings, Rc::new(php)).map_err(failed)
}

/// `package_length_func` of the first port, if it is asked.
fn length_function(frame: Frame, settings: &Settings) -> Result<Option<OwnedCallback>, Stop> {
    if settings.framing.framing().rule != Rule::Function {
        return Ok(None);
    }
    let port = server_state::with(frame, |state| state.ports.first().map(|port| port.object))?;
    let Some(port) = port else { return Ok(None) };
    let given = properties::get(&port::PORT, port, c"setting");
    // SAFETY: null, or a live zval; its array is read for the type that says so.
    let function = unsafe {
        if given.is_null() || u32::from(type_of(given)) != IS_ARRAY {
            return Ok(None);
        }
        let name = c"package_length_func";
        zend_hash_str_find((*given).value.arr, name.as_ptr(), name.to_bytes().len())
    };
    if function.is_null() {
        return Ok(None);
    }
    OwnedCallback::new(function).map(Some)
}

fn env() -> Env {
    Env {
        cpu_num: u32::try_from(process::cpu_count()).unwrap_or(1),
        nofile_limit: process::nofile_limit(),
        memory_bytes: process::memory_bytes(),
    }
}
