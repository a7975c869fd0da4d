//! The names of the events, and the objects that `event_object` hands to callbacks.

use super::class::{ALLOW_DYNAMIC_PROPERTIES, ClassDef, Default, Entry, public};
use super::convert;
use super::ffi::*;
use super::object;
use std::ffi::CStr;
use swoole_core::server::{ConnectionEvent, Event, WorkerFault};

/// One event that `on()` takes.
#[derive(Debug)]
pub struct EventDef {
    /// Lower case, without "on".
    pub key: &'static str,
    /// The private property that holds the callback.
    pub property: &'static CStr,
    /// None: an event of a later version; its callback is kept.
    pub event: Option<Event>,
}

impl EventDef {
    /// The name as documents write it: the property's, without "on".
    #[must_use]
    pub fn shown(&self) -> String {
        let property = self.property.to_string_lossy();
        property.trim_start_matches("on").to_owned()
    }
}

const fn row(key: &'static str, property: &'static CStr, event: Option<Event>) -> EventDef {
    EventDef {
        key,
        property,
        event,
    }
}

/// Rows of [`SERVER_EVENTS`].
pub const SERVER_EVENT_COUNT: usize = 14;
/// Rows of [`PORT_EVENTS`].
pub const PORT_EVENT_COUNT: usize = 12;

/// Events of the server as a whole.
pub static SERVER_EVENTS: [EventDef; SERVER_EVENT_COUNT] = [
    row("start", c"onStart", Some(Event::Start)),
    row(
        "beforeshutdown",
        c"onBeforeShutdown",
        Some(Event::BeforeShutdown),
    ),
    row("shutdown", c"onShutdown", Some(Event::Shutdown)),
    row("workerstart", c"onWorkerStart", Some(Event::WorkerStart)),
    row("workerstop", c"onWorkerStop", Some(Event::WorkerStop)),
    row("beforereload", c"onBeforeReload", Some(Event::BeforeReload)),
    row("afterreload", c"onAfterReload", Some(Event::AfterReload)),
    row("workerexit", c"onWorkerExit", Some(Event::WorkerExit)),
    row("workererror", c"onWorkerError", Some(Event::WorkerError)),
    row("managerstart", c"onManagerStart", Some(Event::ManagerStart)),
    row("managerstop", c"onManagerStop", Some(Event::ManagerStop)),
    row("task", c"onTask", Some(Event::Task)),
    row("finish", c"onFinish", Some(Event::Finish)),
    row("pipemessage", c"onPipeMessage", Some(Event::PipeMessage)),
];

/// Events of a port.
pub static PORT_EVENTS: [EventDef; PORT_EVENT_COUNT] = [
    row("connect", c"onConnect", Some(Event::Connect)),
    row("receive", c"onReceive", Some(Event::Receive)),
    row("close", c"onClose", Some(Event::Close)),
    row("bufferfull", c"onBufferFull", Some(Event::BufferFull)),
    row("bufferempty", c"onBufferEmpty", Some(Event::BufferEmpty)),
    row("packet", c"onPacket", None),
    row("request", c"onRequest", None),
    row("handshake", c"onHandshake", None),
    row("open", c"onOpen", None),
    row("message", c"onMessage", None),
    row("disconnect", c"onDisconnect", None),
    row(
        "beforehandshakeresponse",
        c"onBeforeHandshakeResponse",
        None,
    ),
];

/// The row of `name` in a table: case does not matter, nor does a leading "on".
#[must_use]
pub fn find(table: &[EventDef], name: &[u8]) -> Option<usize> {
    let position = |name: &[u8]| {
        table
            .iter()
            .position(|row| row.key.as_bytes().eq_ignore_ascii_case(name))
    };
    position(name).or_else(|| match name {
        [b'o' | b'O', b'n' | b'N', rest @ ..] => position(rest),
        _ => None,
    })
}

/// ", did you mean [...]?" for a name that is much like a known one; else empty.
#[must_use]
pub fn hint(name: &[u8]) -> String {
    /// More different letters are no slip of the pen.
    const MAX_DISTANCE: usize = 2;
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let name = name.strip_prefix("on").unwrap_or(&name);
    if name.len() > 32 {
        return String::new();
    }
    SERVER_EVENTS
        .iter()
        .chain(&PORT_EVENTS)
        .map(|row| (strsim::damerau_levenshtein(name, row.key), row))
        .filter(|(distance, _)| *distance <= MAX_DISTANCE)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, row)| format!(", did you mean [{}]?", row.shown()))
        .unwrap_or_default()
}

/// The row of an event in a table.
#[must_use]
pub fn index_of(table: &[EventDef], event: Event) -> Option<usize> {
    table.iter().position(|row| row.event == Some(event))
}

static EVENT: Entry = Entry::unset();
static STATUS_INFO: Entry = Entry::unset();

/// `Swoole\Server\Event`; [`new_event`] relies on the order of the properties.
pub static EVENT_CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Server\\Event",
    parent: None,
    interfaces: &[],
    methods: &[],
    properties: &[
        public(c"reactor_id", Default::Long(0)),
        public(c"fd", Default::Long(0)),
        public(c"dispatch_time", Default::Double(0.0)),
        public(c"data", Default::Null),
    ],
    flags: ZEND_ACC_NOT_SERIALIZABLE | ALLOW_DYNAMIC_PROPERTIES,
    create: Some(object::create_data),
    aliases: &[c"swoole_server_event"],
    entry: &EVENT,
};

/// `Swoole\Server\StatusInfo`; [`new_status_info`] relies on the order of the properties.
pub static STATUS_INFO_CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Server\\StatusInfo",
    parent: None,
    interfaces: &[],
    methods: &[],
    properties: &[
        public(c"worker_id", Default::Long(0)),
        public(c"worker_pid", Default::Long(0)),
        public(c"status", Default::Long(0)),
        public(c"exit_code", Default::Long(0)),
        public(c"signal", Default::Long(0)),
    ],
    flags: ZEND_ACC_NOT_SERIALIZABLE | ALLOW_DYNAMIC_PROPERTIES,
    create: Some(object::create_data),
    aliases: &[c"swoole_server_status_info"],
    entry: &STATUS_INFO,
};

/// # Safety
/// `object` is a new object whose class declares more than `index` properties.
unsafe fn slot<'a>(object: *mut zend_object, index: usize) -> Place<'a> {
    // SAFETY: the caller's promise: declared properties stand in a row in order of declaration.
    unsafe {
        let first: *mut zval = (&raw mut (*object).properties_table).cast();
        Place::new(first.add(index))
    }
}

/// Makes a `Swoole\Server\Event` in `place`; `data` stays null. May bail out: inside `protect`.
/// Returns the place of `data`.
pub fn new_event<'a>(place: &'a mut Value, event: &ConnectionEvent) -> Place<'a> {
    // SAFETY: a class of ours without a constructor; the four slots hold scalars or null so far.
    unsafe {
        object_init_ex(place.ptr(), EVENT.get());
        let object = place.value.obj;
        convert::set_long(slot(object, 0), i64::from(event.reactor_id));
        convert::set_long(slot(object, 1), event.session_id as i64);
        convert::set_double(slot(object, 2), event.dispatch_time_s);
        slot(object, 3)
    }
}

/// Makes a `Swoole\Server\StatusInfo` in `place`. May bail out: inside `protect`.
pub fn new_status_info(place: &mut Value, fault: &WorkerFault) {
    // SAFETY: as in `new_event`, five scalars.
    unsafe {
        object_init_ex(place.ptr(), STATUS_INFO.get());
        let object = place.value.obj;
        convert::set_long(slot(object, 0), i64::from(fault.worker_id));
        convert::set_long(slot(object, 1), i64::from(fault.pid));
        convert::set_long(slot(object, 2), i64::from(fault.status));
        convert::set_long(slot(object, 3), i64::from(fault.exit_code));
        convert::set_long(slot(object, 4), i64::from(fault.signal));
    }
}
