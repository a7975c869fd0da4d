//! What the event loop reports of a client's connection.

use super::super::callback::{self, CallOutcome, Pending};
use super::super::client::CLIENT;
use super::super::client_io::length_function;
use super::super::convert::set_copy;
use super::super::ffi::*;
use super::super::method::{Bailout, Stop, protect};
use super::super::properties;
use super::connect::fail;
use super::{
    Holder, ON_BUFFER_EMPTY, ON_CLOSE, ON_CONNECT, ON_RECEIVE, Phase, Session, fire, has, state_of,
};
use std::os::fd::AsFd;
use std::rc::Rc;
use swoole_core::error::codes;
use swoole_core::log;
use swoole_core::net::client::{Arrival, ClientError};
use swoole_core::protocol::Step;
use swoole_core::protocol::proxy::Turn;
use swoole_core::reactor::event_loop::Trigger;
use swoole_core::reactor::{Interest, Ready};
use swoole_core::sys::transfer::Room;

/// Reads of one event, before others have their turn.
const MAX_READS: usize = 16;

const DATAGRAM_BYTES: usize = 65_536;

/// An answer of a proxy is shorter than this.
const TUNNEL_MAX_BYTES: usize = 32 * 1024;

/// Runs what the loop calls: an exception ends the process, as one that nobody caught does.
pub fn enter(f: impl FnOnce() -> Result<(), Stop>) {
    if callback::pending() != Pending::None {
        return;
    }
    let outcome = match f() {
        Err(Stop::Bailout) => CallOutcome::Bailout,
        _ => protect(callback::take_exception).unwrap_or(CallOutcome::Bailout),
    };
    callback::coroutine_ended(outcome);
}

pub fn set_code(object: *mut zend_object, code: i32) -> Result<(), Bailout> {
    protect(|| properties::set_int(&CLIENT, object, c"errCode", i64::from(code)))
}

/// Has the loop watch for what the session waits for.
pub fn watch(session: &Rc<Session>, object: *mut zend_object) -> Result<(), Stop> {
    let Some(event_loop) = session.event_loop() else {
        return Err(Stop::Warning(
            "the event loop that the client was connected in has ended; connect a new one".into(),
        ));
    };
    let phase = session.phase.get();
    let reads = match phase {
        Phase::Up => !session.asleep.get(),
        phase => phase == Phase::Tunnel,
    };
    let writes = phase == Phase::Connecting || !session.outgoing.borrow().is_empty();
    let interest = match (reads, writes) {
        (true, true) => Interest::READABLE | Interest::WRITABLE,
        (true, false) => Interest::READABLE,
        (false, true) => Interest::WRITABLE,
        (false, false) => {
            if let Some(watch) = session.watch.take() {
                event_loop.unwatch(watch);
            }
            return Ok(());
        }
    };
    let watched = match session.watch.get() {
        Some(watch) if event_loop.interest(watch) == Some(interest) => Ok(()),
        Some(watch) => event_loop.change(watch, interest),
        None => {
            let holder = Holder::new(session, object);
            let fd = session.link.socket.borrow().raw_fd();
            let callback = Rc::new(move |event: Ready| {
                enter(|| ready(&holder.session, holder.object(), event));
            });
            let watch = event_loop.watch(fd, interest, Trigger::Level, callback);
            watch.map(|watch| session.watch.set(Some(watch)))
        }
    };
    watched
        .map_err(|error| Stop::Warning(format!("the event loop cannot watch the client: {error}")))
}

fn ready(session: &Rc<Session>, object: *mut zend_object, event: Ready) -> Result<(), Stop> {
    match session.phase.get() {
        Phase::Connecting => connected(session, object),
        Phase::Tunnel => {
            if event.writable {
                flush(session, object)?;
            }
            tunnel(session, object)
        }
        Phase::Up => {
            if event.writable || event.write_closed || event.error {
                flush(session, object)?;
            }
            if event.readable || event.read_closed || event.error {
                read(session, object)?;
            }
            Ok(())
        }
        Phase::Resolving | Phase::Over => Ok(()),
    }
}

/// The socket is connected, or has failed to.
fn connected(session: &Rc<Session>, object: *mut zend_object) -> Result<(), Stop> {
    let checked = session.link.socket.borrow_mut().check();
    if let Err(error) = checked {
        return fail(session, object, error.code());
    }
    let greeting = session
        .tunnel
        .borrow()
        .as_ref()
        .map(|tunnel| tunnel.start());
    match greeting {
        Some(greeting) => {
            session.phase.set(Phase::Tunnel);
            session.outgoing.borrow_mut().push(&greeting);
            watch(session, object)
        }
        None => open(session, object),
    }
}

fn open(session: &Rc<Session>, object: *mut zend_object) -> Result<(), Stop> {
    cancel_timer(session);
    session.link.socket.borrow_mut().opened();
    session.phase.set(Phase::Up);
    watch(session, object)?;
    fire(object, ON_CONNECT, None)
}

/// Goes on with the proxy.
fn tunnel(session: &Rc<Session>, object: *mut zend_object) -> Result<(), Stop> {
    let arrived = session.link.socket.borrow_mut().read_now();
    match arrived {
        Ok(Arrival::Bytes { .. }) => {}
        Ok(Arrival::Nothing) => return Ok(()),
        Ok(Arrival::End) => return fail(session, object, codes::HTTP_PROXY_HANDSHAKE_ERROR),
        Err(error) => return fail(session, object, error.code()),
    }
    loop {
        let turn = {
            let socket = session.link.socket.borrow();
            let mut tunnel = session.tunnel.borrow_mut();
            let Some(handshake) = tunnel.as_mut() else {
                return Ok(());
            };
            if socket.buffered().len() > TUNNEL_MAX_BYTES {
                Err(codes::HTTP_PROXY_HANDSHAKE_ERROR)
            } else {
                handshake
                    .advance(socket.buffered())
                    .map_err(|error| error.code)
            }
        };
        match turn {
            Err(code) => return fail(session, object, code),
            Ok(Turn::NeedMore) => return watch(session, object),
            Ok(Turn::Send { consumed, bytes }) => {
                session.link.socket.borrow_mut().consume(consumed);
                session.outgoing.borrow_mut().push(&bytes);
            }
            Ok(Turn::Done { consumed }) => {
                session.link.socket.borrow_mut().consume(consumed);
                session.tunnel.take();
                open(session, object)?;
                // What came behind the proxy's answer.
                return deliver(session, object);
            }
        }
    }
}

/// Sends what waits.
fn flush(session: &Rc<Session>, object: *mut zend_object) -> Result<(), Stop> {
    let flushed = {
        let socket = session.link.socket.borrow();
        session.outgoing.borrow_mut().flush(socket.as_fd())
    };
    if flushed.is_err() {
        return close(session, object);
    }
    let waits = session.outgoing.borrow().bytes();
    let is_emptied = session.is_full.get() && waits <= session.marks.low;
    watch(session, object)?;
    if is_emptied {
        session.is_full.set(false);
        if has(object, ON_BUFFER_EMPTY) {
            fire(object, ON_BUFFER_EMPTY, None)?;
        }
    }
    Ok(())
}

fn is_reading(session: &Session) -> bool {
    session.is_up() && !session.asleep.get()
}

/// Reads and passes on what came.
fn read(session: &Rc<Session>, object: *mut zend_object) -> Result<(), Stop> {
    let is_stream = session.link.socket.borrow().sock_type().is_stream();
    if !is_stream {
        return read_datagrams(session, object);
    }
    for _ in 0..MAX_READS {
        if !is_reading(session) {
            return Ok(());
        }
        let arrived = session.link.socket.borrow_mut().read_now();
        match arrived {
            Ok(Arrival::Bytes { more }) => {
                deliver(session, object)?;
                if !more {
                    return Ok(());
                }
            }
            Ok(Arrival::Nothing) => return Ok(()),
            Ok(Arrival::End) | Err(_) => return close(session, object),
        }
    }
    Ok(())
}

fn read_datagrams(session: &Rc<Session>, object: *mut zend_object) -> Result<(), Stop> {
    let mut memory = vec![0; DATAGRAM_BYTES];
    for _ in 0..MAX_READS {
        if !is_reading(session) {
            return Ok(());
        }
        let mut room = Room::of(&mut memory);
        let got = session.link.socket.borrow_mut().take_datagram(&mut room);
        match got {
            Ok(Some(_)) => fire(object, ON_RECEIVE, Some(room.filled()))?,
            // That the peer refuses one is told once, and by the next call that gets nothing.
            Ok(None) | Err(_) => return Ok(()),
        }
    }
    Ok(())
}

/// Passes on the packages that have come.
fn deliver(session: &Rc<Session>, object: *mut zend_object) -> Result<(), Stop> {
    while is_reading(session) {
        let step = session.link.socket.borrow_mut().step();
        let step = match step {
            Ok(Step::Ask) => {
                let length = ask(session, object)?;
                if !session.is_up() {
                    return Ok(());
                }
                session.link.socket.borrow_mut().answer(length)
            }
            step => step,
        };
        match step {
            Ok(Step::Package { len }) => {
                let package = session.link.socket.borrow().buffered()[..len].to_vec();
                session.link.socket.borrow_mut().consume(len);
                fire(object, ON_RECEIVE, Some(&package))?;
            }
            Ok(Step::NeedMore { .. } | Step::Ask) => return Ok(()),
            Err(error) => {
                if let ClientError::Malformed(malformed) = error {
                    log::warning(malformed.to_string());
                }
                return close(session, object);
            }
        }
    }
    Ok(())
}

/// Calls the length function with what has come.
fn ask(session: &Rc<Session>, object: *mut zend_object) -> Result<i64, Stop> {
    let head = session.link.socket.borrow().buffered().to_vec();
    let mut function = undef();
    let set = length_function(object);
    if !set.is_null() {
        set_copy(function.place(), set);
    }
    let length = callback::call_for_int(function.ptr(), &head);
    // SAFETY: our own reference.
    protect(|| unsafe { zval_ptr_dtor(function.ptr()) })?;
    length
}

/// What came before the client was put to sleep is passed on when it is awake.
pub fn deliver_later(session: &Rc<Session>, object: *mut zend_object) {
    if session.link.socket.borrow().buffered().is_empty() {
        return;
    }
    if let Some(event_loop) = session.event_loop() {
        let holder = Holder::new(session, object);
        event_loop.defer(Box::new(move || {
            enter(|| deliver(&holder.session, holder.object()));
        }));
    }
}

fn cancel_timer(session: &Session) {
    if let Some(timer) = session.timer.take()
        && let Some(event_loop) = session.event_loop()
    {
        event_loop.cancel(timer);
    }
}

/// The connection is over: the loop gives up what it keeps of it. Callers hold the object.
pub fn end(session: &Rc<Session>, object: *mut zend_object) -> Result<(), Stop> {
    session.phase.set(Phase::Over);
    session.outgoing.borrow_mut().clear();
    let state = state_of(object)?;
    let is_current = {
        let current = state.session.borrow();
        current.as_ref().is_some_and(|it| Rc::ptr_eq(it, session))
    };
    if is_current {
        state.session.take();
        drop(state.take());
    }
    cancel_timer(session);
    if let Some(watch) = session.watch.take()
        && let Some(event_loop) = session.event_loop()
    {
        event_loop.unwatch(watch);
    }
    Ok(())
}

/// Closes the connection.
pub fn close(session: &Rc<Session>, object: *mut zend_object) -> Result<(), Stop> {
    let was_up = session.is_up();
    if session.phase.get() == Phase::Over {
        return Ok(());
    }
    end(session, object)?;
    if was_up && has(object, ON_CLOSE) {
        fire(object, ON_CLOSE, None)?;
    }
    Ok(())
}
