//! The process' one server, as PHP code sets it up: what is not in the PHP object.
//!
//! A `Swoole\Server` object only holds the number of the server it made; when that number is no
//! longer the current one, the object belongs to a server of the past.

use super::callback::Callback;
use super::ffi::*;
use super::method::{Frame, Stop, protect};
use super::object;
use super::server_event::{PORT_EVENT_COUNT, SERVER_EVENT_COUNT};
use std::cell::RefCell;
use swoole_core::options::Options;
use swoole_core::server::{Mode, Server};

/// Where the server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Bound, not started: `set()` and `on()` are allowed.
    Configuring,
    /// `start()` runs.
    Running,
    /// `start()` has returned.
    Down,
}

/// A port's side of the state.
#[derive(Debug)]
pub struct PortState {
    /// The `Swoole\Server\Port` object; a reference of ours keeps it alive.
    pub object: *mut zend_object,
    pub callbacks: [Option<Callback>; PORT_EVENT_COUNT],
    /// Datagram ports need `onPacket`, stream ports `onReceive`.
    pub is_stream: bool,
}

/// The server. Each stored callback comes with one reference to its value.
#[derive(Debug)]
pub struct ServerState {
    pub id: i64,
    pub phase: Phase,
    pub mode: Mode,
    /// The PHP object; it outlives this state, which goes when the object is freed.
    pub object: *mut zend_object,
    pub server: Option<Server>,
    pub options: Options,
    pub callbacks: [Option<Callback>; SERVER_EVENT_COUNT],
    pub ports: Vec<PortState>,
    /// `Swoole\Process` objects of `addProcess()`, each with a reference of ours.
    pub processes: Vec<*mut zend_object>,
}

#[derive(Debug)]
struct Slot {
    last_id: i64,
    state: Option<ServerState>,
}

thread_local! {
    static SLOT: RefCell<Slot> = const { RefCell::new(Slot { last_id: 0, state: None }) };
}

/// The phase of the current server; None: there is none.
#[must_use]
pub fn phase() -> Option<Phase> {
    SLOT.with_borrow(|slot| slot.state.as_ref().map(|state| state.phase))
}

/// Puts a new server in place of one that is down. Returns its number. The old one's references are
/// given back, which may run destructors.
pub fn install(make: impl FnOnce(i64) -> ServerState) -> Result<i64, Stop> {
    let (id, old) = SLOT.with_borrow_mut(|slot| {
        slot.last_id += 1;
        let state = make(slot.last_id);
        (slot.last_id, slot.state.replace(state))
    });
    if let Some(old) = old {
        release(old)?;
    }
    Ok(id)
}

/// Runs `f` on the state of `$this`, which must be the current server. `f` must not enter PHP.
pub fn with<R>(frame: Frame, f: impl FnOnce(&mut ServerState) -> R) -> Result<R, Stop> {
    let id = server_id(frame)?;
    SLOT.with_borrow_mut(|slot| match &mut slot.state {
        Some(state) if state.id == id => Ok(f(state)),
        _ => Err(Stop::Warning(format!(
            "The server have been shutdown, unable to execute {}",
            describe_call(frame)
        ))),
    })
}

fn describe_call(frame: Frame) -> String {
    format!("{}: make a new one", frame.class_name())
}

/// The number in `$this` (a server, a port or an iterator).
pub fn server_id(frame: Frame) -> Result<i64, Stop> {
    // SAFETY: methods of classes with this layout are only called on their objects.
    let id = unsafe { (*object::native(frame.this())).server_id };
    if id == 0 {
        let name = frame.class_name();
        return Err(Stop::error(format!(
            "Invalid instance of {name}: its constructor has not run (does a subclass' constructor \
             call parent::__construct()?)"
        )));
    }
    Ok(id)
}

/// Called when a server object is freed: forgets its state if it still is the current one.
pub fn object_freed(id: i64) {
    let old = SLOT.try_with(|slot| match slot.try_borrow_mut() {
        Ok(mut slot) if slot.state.as_ref().is_some_and(|state| state.id == id) => {
            slot.state.take()
        }
        _ => None,
    });
    if let Ok(Some(old)) = old {
        // A bailout here has nowhere to go: the request is ending.
        let _ = release(old);
    }
}

/// Gives back the references that the state holds.
fn release(old: ServerState) -> Result<(), Stop> {
    let callbacks = old
        .ports
        .iter()
        .flat_map(|port| port.callbacks.iter())
        .chain(old.callbacks.iter())
        .flatten();
    for callback in callbacks {
        release_value(callback.value())?;
    }
    for &process in &old.processes {
        // SAFETY: the reference that `add_process` took.
        protect(|| unsafe { ext_php_rs_zend_object_release(process) })?;
    }
    for port in &old.ports {
        let object = port.object;
        // SAFETY: the reference that `add_port` took.
        protect(|| unsafe { ext_php_rs_zend_object_release(object) })?;
    }
    Ok(())
}

/// Gives one reference back; a destructor may run.
pub fn release_value(mut value: Value) -> Result<(), Stop> {
    // SAFETY: the reference that came with the callback when it was stored.
    Ok(protect(|| unsafe { zval_ptr_dtor(value.ptr()) })?)
}
