//! `Swoole\Server\Port`.

use super::callback::Callback;
use super::class::*;
use super::convert::{bytes_of, set_bool, set_copy, set_null};
use super::ffi::*;
use super::method::{Frame, Stop, protect};
use super::method::{parse, trampolines};
use super::server_event::{self, PORT_EVENTS};
use super::server_state::{self, Phase, ServerState};
use super::{iterator, object, properties, server_methods, server_setup};
use swoole_core::options::Scope;
use swoole_core::server::PortInfo;

trampolines! {
    construct => do_construct;
    destruct => do_destruct;
    set => do_set;
    on => do_on;
    get_callback => do_get_callback;
}

/// The registered class, the scope of the private properties.
pub static PORT: Entry = Entry::unset();

/// `Swoole\Server\Port`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Server\\Port",
    parent: None,
    interfaces: &[],
    methods: &[
        MethodDef {
            flags: ZEND_ACC_PRIVATE,
            ..method(c"__construct", construct, &[], Ty::None)
        },
        method(c"__destruct", destruct, &[], Ty::None),
        method(c"set", set, &[arg(c"settings", ARRAY)], VOID),
        method(
            c"on",
            on,
            &[arg(c"event_name", STRING), arg(c"callback", CALLABLE)],
            BOOL,
        ),
        method(
            c"getCallback",
            get_callback,
            &[arg(c"event_name", STRING)],
            Ty::Class(c"Closure", NULL),
        ),
        method(
            c"getSocket",
            server_methods::later,
            &[],
            Ty::Class(c"Socket", FALSE),
        ),
    ],
    properties: &[
        private(c"onConnect"),
        private(c"onReceive"),
        private(c"onClose"),
        private(c"onPacket"),
        private(c"onBufferFull"),
        private(c"onBufferEmpty"),
        private(c"onRequest"),
        private(c"onHandshake"),
        private(c"onOpen"),
        private(c"onMessage"),
        private(c"onDisconnect"),
        private(c"onBeforeHandshakeResponse"),
        public(c"host", Default::Null),
        public(c"port", Default::Long(0)),
        public(c"type", Default::Long(0)),
        public(c"sock", Default::Long(-1)),
        public(c"ssl", Default::Bool(false)),
        public(c"setting", Default::Null),
        public(c"connections", Default::Null),
    ],
    flags: ZEND_ACC_NOT_SERIALIZABLE | ALLOW_DYNAMIC_PROPERTIES,
    create: Some(object::create_plain),
    aliases: &[c"swoole_server_port"],
    entry: &PORT,
};

/// What a port's properties show.
#[derive(Debug)]
pub struct Shown {
    pub host: String,
    pub port: i64,
    pub kind: i64,
    pub fd: i64,
    pub is_stream: bool,
}

impl Shown {
    #[must_use]
    pub fn of(info: &PortInfo) -> Self {
        Shown {
            host: info.host.clone(),
            port: i64::from(info.port),
            kind: info.sock_type.number(),
            fd: i64::from(info.fd),
            is_stream: info.sock_type.is_stream(),
        }
    }
}

/// Makes the object of a port, with one reference. Inside `protect`.
#[must_use]
pub fn new_object(server_id: i64, index: usize, shown: &Shown) -> *mut zend_object {
    let mut place = undef();
    // SAFETY: a class of ours; its objects have the native layout.
    let object = unsafe {
        object_init_ex(place.ptr(), PORT.get());
        let object = place.value.obj;
        (*object::native(object)).server_id = server_id;
        (*object::native(object)).port = index as i64;
        object
    };
    properties::set_text(&PORT, object, c"host", &shown.host);
    properties::set_int(&PORT, object, c"port", shown.port);
    properties::set_int(&PORT, object, c"type", shown.kind);
    properties::set_int(&PORT, object, c"sock", shown.fd);
    properties::set_flag(&PORT, object, c"ssl", false);
    let mut connections = iterator::new_object(server_id, Some(index));
    properties::set_new_object(&PORT, object, c"connections", &mut connections);
    object
}

fn index_of(frame: Frame) -> usize {
    // SAFETY: methods of this class are called on its objects, which have the native layout.
    let index = unsafe { (*object::native(frame.this())).port };
    usize::try_from(index).unwrap_or(0)
}

/// The callback of a port's event.
#[must_use]
pub fn callback(state: &ServerState, port: usize, name: &[u8]) -> Option<Callback> {
    let index = server_event::find(&PORT_EVENTS, name)?;
    *state.ports.get(port)?.callbacks.get(index)?
}

/// `on()` for a port's event, from the port or from the server.
pub fn register(
    frame: Frame,
    port: usize,
    name: &[u8],
    value: *mut zval,
    place: Place<'_>,
) -> Result<(), Stop> {
    let Some(index) = server_event::find(&PORT_EVENTS, name) else {
        return Err(Stop::SoftWarning(format!(
            "unknown event types[{}]{}",
            String::from_utf8_lossy(name),
            server_event::hint(name)
        )));
    };
    let callback = Callback::resolve(value)?;
    let Some(object) = server_state::with(frame, |state| state.ports.get(port).map(|p| p.object))?
    else {
        return Err(Stop::error("internal error: there is no such port"));
    };
    server_setup::store(
        frame,
        &PORT_EVENTS[index],
        callback,
        object,
        &PORT,
        |state, callback| {
            let slot = state.ports.get_mut(port)?.callbacks.get_mut(index)?;
            slot.replace(callback)
        },
    )?;
    set_bool(place, true);
    Ok(())
}

fn do_construct(_: Frame, _: Place<'_>) -> Result<(), Stop> {
    Err(Stop::error("please use the Swoole\\Server->listen method"))
}

fn do_destruct(_: Frame, place: Place<'_>) -> Result<(), Stop> {
    set_null(place);
    Ok(())
}

fn do_set(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut settings: *mut zval = std::ptr::null_mut();
    parse!(frame, c"a", settings)?;
    if server_state::with(frame, |state| state.phase)? != Phase::Configuring {
        return Err(Stop::Warning(
            "server is running, unable to execute Swoole\\Server\\Port->set: call it before start()"
                .to_owned(),
        ));
    }
    // SAFETY: an argument of the running call, an array.
    let array = unsafe { (*deref(settings)).value.arr };
    server_setup::apply_options(frame, Scope::Port, array)?;
    let this = frame.this();
    protect(|| properties::merge_array(&PORT, this, c"setting", array))?;
    set_null(place);
    Ok(())
}

fn do_on(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    let mut value: *mut zval = std::ptr::null_mut();
    parse!(frame, c"Sz", name, value)?;
    if server_state::with(frame, |state| state.phase)? != Phase::Configuring {
        return Err(Stop::Warning(
            "can't register event callback function after server started".to_owned(),
        ));
    }
    register(frame, index_of(frame), bytes_of(name), value, place)
}

fn do_get_callback(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"S", name)?;
    let port = index_of(frame);
    let found = server_state::with(frame, |state| callback(state, port, bytes_of(name)))?;
    match found {
        Some(callback) => set_copy(place, callback.value().ptr()),
        None => set_null(place),
    }
    Ok(())
}
