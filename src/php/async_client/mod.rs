//! `Swoole\Async\Client`: a client with callbacks, driven by the event loop. Connecting is in `connect`,
//! what the loop reports in `events`, sending in `output`; what it has in common with the client that
//! blocks is inherited from `client`.
//!
//! Who owns what: the object's state has the [`Session`] from `connect()` to the end of the connection.
//! What the loop keeps (a watch, a timer, a name lookup) owns a [`Holder`], the session with a reference
//! to the object: so an object that nobody else holds lives until its connection ends, and no longer. The
//! callbacks are the object's properties, where the engine finds cycles through them.

pub mod connect;
pub mod events;
pub mod legacy;
pub mod output;

use super::callback::{self, Callback, Pending};
use super::class::*;
use super::client::{self, CLIENT, CONNECT_ARGS, Client, Link, connected, mistake, not_built};
use super::convert::{set_bool, set_bytes};
use super::ffi::*;
use super::method::{Frame, Stop, docref, parse, protect, trampolines};
use super::object;
use super::owned::Owned;
use super::properties;
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::rc::{Rc, Weak};
use swoole_core::error::{self, codes};
use swoole_core::net::client::Outgoing;
use swoole_core::protocol::proxy::Handshake;
use swoole_core::reactor::event_loop::WatchId;
use swoole_core::reactor::{EventLoop, TimerId};

trampolines! {
    construct => do_construct;
    destruct => do_destruct;
    connect_to => connect::do_connect;
    sleep => do_sleep;
    wakeup => do_wakeup;
    enable_ssl => do_enable_ssl;
    is_connected => do_is_connected;
    close => do_close;
    on => do_on;
}

/// The registered `Swoole\Async\Client`.
pub static ENTRY: Entry = Entry::unset();

/// `Swoole\Async\Client`.
#[rustfmt::skip]
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Async\\Client",
    parent: Some(|| CLIENT.get()),
    interfaces: &[],
    methods: &[
        method(c"__construct", construct, &[arg(c"type", INT)], Ty::None),
        method(c"__destruct", destruct, &[], Ty::None),
        method(c"connect", connect_to, CONNECT_ARGS, BOOL),
        method(c"sleep", sleep, &[], BOOL),
        method(c"wakeup", wakeup, &[], BOOL),
        method(c"pause", sleep, &[], BOOL),
        method(c"resume", wakeup, &[], BOOL),
        method(c"enableSSL", enable_ssl, &[opt(c"onSslReady", NULLABLE_CALLABLE, c"NULL")], BOOL),
        method(c"isConnected", is_connected, &[], BOOL),
        method(c"close", close, &[opt(c"force", BOOL, c"false")], BOOL),
        method(c"on", on, &[arg(c"host", STRING), arg(c"callback", CALLABLE)], BOOL),
    ],
    properties: &[
        private(ON_CONNECT),
        private(ON_ERROR),
        private(ON_RECEIVE),
        private(ON_CLOSE),
        private(ON_BUFFER_FULL),
        private(ON_BUFFER_EMPTY),
        private(c"onSSLReady"),
    ],
    flags: ZEND_ACC_NOT_SERIALIZABLE,
    create: None,
    aliases: &[],
    entry: &ENTRY,
};

pub const ON_CONNECT: &CStr = c"onConnect";
pub const ON_ERROR: &CStr = c"onError";
pub const ON_RECEIVE: &CStr = c"onReceive";
pub const ON_CLOSE: &CStr = c"onClose";
pub const ON_BUFFER_FULL: &CStr = c"onBufferFull";
pub const ON_BUFFER_EMPTY: &CStr = c"onBufferEmpty";

const EVENTS: &[&CStr] = &[
    ON_CONNECT,
    ON_RECEIVE,
    ON_CLOSE,
    ON_ERROR,
    ON_BUFFER_FULL,
    ON_BUFFER_EMPTY,
];

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Resolving,
    Connecting,
    /// Speaking with the proxy.
    Tunnel,
    Up,
    Over,
}

/// A connection, from `connect()` to its end.
pub struct Session {
    link: Rc<Link>,
    phase: Cell<Phase>,
    event_loop: Weak<EventLoop>,
    watch: Cell<Option<WatchId>>,
    timer: Cell<Option<TimerId>>,
    asleep: Cell<bool>,
    outgoing: RefCell<Outgoing>,
    marks: output::Marks,
    /// The high mark was reached, and the low one not since.
    is_full: Cell<bool>,
    tunnel: RefCell<Option<Handshake>>,
}

impl Session {
    /// The loop it was connected in. A copy that fork made of it is not touched: its kernel side is the
    /// parent's.
    fn event_loop(&self) -> Option<Rc<EventLoop>> {
        let event_loop = self.event_loop.upgrade()?;
        (!event_loop.is_inherited()).then_some(event_loop)
    }

    pub fn is_up(&self) -> bool {
        self.phase.get() == Phase::Up
    }
}

/// What the loop keeps.
struct Holder {
    session: Rc<Session>,
    object: Owned,
}

impl Holder {
    fn new(session: &Rc<Session>, object: *mut zend_object) -> Holder {
        Holder {
            session: Rc::clone(session),
            object: Owned::object(object),
        }
    }

    fn object(&self) -> *mut zend_object {
        // SAFETY: made of an object by `new`.
        unsafe { self.object.view().value.obj }
    }
}

/// The state of a client's object.
fn state_of(object: *mut zend_object) -> Result<Rc<Client>, Stop> {
    // SAFETY: callers pass a live object of the class.
    unsafe { object::state::<Client>(object) }.ok_or_else(Stop::not_constructed)
}

/// Whether there is a callback.
fn has(object: *mut zend_object, event: &CStr) -> bool {
    let value = properties::get(&ENTRY, object, event);
    // SAFETY: null, or a live zval.
    !value.is_null() && u32::from(unsafe { type_of(value) }) != IS_NULL
}

/// Calls a callback, with data if there is some. An exception is left under way, as [`Stop::Thrown`].
fn fire(object: *mut zend_object, event: &CStr, data: Option<&[u8]>) -> Result<(), Stop> {
    if callback::pending() != Pending::None {
        return Err(Stop::Exit);
    }
    if !has(object, event) {
        let event = event.to_string_lossy();
        docref(E_WARNING, &format!("the client has no {event} callback"))?;
        return Ok(());
    }
    // The callback may set another one, or give up the last reference to the object.
    let function = Owned::new(properties::get(&ENTRY, object, event));
    let client = Owned::object(object);
    let callback = match Callback::resolve(function.view().ptr()) {
        Ok(callback) => callback,
        Err(Stop::Warning(text)) => return Ok(docref(E_WARNING, &text)?),
        Err(stop) => return Err(stop),
    };
    let mut args = [client.view(), undef()];
    let count = 1 + u32::from(data.is_some());
    let called = protect(|| {
        let [_, second] = &mut args;
        if let Some(data) = data {
            set_bytes(second.place(), data);
        }
        let mut result = undef();
        let (value, resolved) = (callback.value(), callback.resolved());
        callback::call_resolved(
            value,
            resolved,
            args.as_mut_ptr().cast(),
            count,
            &mut result,
        );
        // SAFETY: values of our own.
        unsafe {
            zval_ptr_dtor(result.ptr());
            zval_ptr_dtor(args[1].ptr());
        }
    });
    called?;
    // SAFETY: reading a word of the engine's globals.
    if unsafe { (*eg()).exception }.is_null() {
        Ok(())
    } else {
        Err(Stop::Thrown)
    }
}

fn do_construct(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    let mut kind = 0_i64;
    parse!(frame, c"l", kind)?;
    if kind & client::SSL != 0 {
        return Err(not_built("SWOOLE_SSL"));
    }
    client::set_type(frame, kind)
}

fn do_destruct(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    if !client::is_destructed(frame) {
        return Ok(());
    }
    let state = client::state(frame)?;
    let session = state.session.borrow().clone();
    match session {
        Some(session) => events::close(&session, frame.this()),
        None if state.link.borrow().is_some() => {
            client::do_close(frame, place)?;
            Ok(())
        }
        None => Ok(()),
    }
}

fn do_is_connected(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let state = client::state(frame)?;
    let link = state.link.borrow();
    let is_connected = link
        .as_ref()
        .is_some_and(|link| link.socket.borrow().is_connected());
    set_bool(place, is_connected);
    Ok(())
}

fn do_close(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut force = false;
    parse!(frame, c"|b", force)?;
    let session = client::state(frame)?.session.borrow().clone();
    let Some(session) = session else {
        return client::do_close(frame, place);
    };
    set_bool(place, true);
    events::close(&session, frame.this())
}

/// The session of a client that is connected.
fn session(frame: Frame) -> Result<Rc<Session>, Stop> {
    let state = client::state(frame)?;
    connected(frame)?;
    let session = state.session.borrow().clone();
    session.ok_or_else(|| mistake("the client was not connected by connect()"))
}

fn do_sleep(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let session = session(frame)?;
    let was_asleep = session.asleep.replace(true);
    events::watch(&session, frame.this())?;
    set_bool(place, !was_asleep);
    Ok(())
}

fn do_wakeup(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let session = session(frame)?;
    let was_asleep = session.asleep.replace(false);
    events::watch(&session, frame.this())?;
    if was_asleep {
        events::deliver_later(&session, frame.this());
    }
    set_bool(place, was_asleep);
    Ok(())
}

fn do_enable_ssl(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    let mut function: *mut zval = std::ptr::null_mut();
    parse!(frame, c"|z", function)?;
    if function.is_null() {
        let code = i64::from(codes::INVALID_PARAMS);
        return Err(Stop::exception(code, "require `onSslReady` callback"));
    }
    connected(frame)?;
    Err(not_built("enableSSL()"))
}

fn do_on(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    let mut function: *mut zval = std::ptr::null_mut();
    parse!(frame, c"Sz", name, function)?;
    Callback::resolve(function)?;
    // SAFETY: an argument of the running call.
    let name = unsafe { str_bytes(name) };
    let event = EVENTS.iter().find(|event| {
        let event = event.to_bytes().get(2..).unwrap_or_default();
        event.eq_ignore_ascii_case(name)
    });
    let Some(event) = event else {
        error::set_last(codes::PHP_FATAL_ERROR);
        return Err(Stop::Warning(format!(
            "Unknown event callback type name '{}'",
            String::from_utf8_lossy(name)
        )));
    };
    // SAFETY: an argument; its bits are lent to the call, which counts what it keeps.
    let mut value: Value = unsafe { std::ptr::read(deref(function).cast()) };
    protect(|| properties::set(&ENTRY, frame.this(), event, &mut value))?;
    set_bool(place, true);
    Ok(())
}
