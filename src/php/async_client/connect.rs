//! Making the connection of a client that the event loop drives.

use super::super::client::{self, mistake, set_code};
use super::super::client_connect::{Settings, attach, check_port, kind_of, new_socket};
use super::super::convert::{bytes_of, set_bool};
use super::super::event_loop;
use super::super::ffi::*;
use super::super::method::{Frame, Stop, parse};
use super::output::Marks;
use super::{
    Holder, ON_CLOSE, ON_CONNECT, ON_ERROR, ON_RECEIVE, Phase, Session, events, fire, has,
};
use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use swoole_core::error::{self, codes, describe};
use swoole_core::net::client::{ClientError, Fault};
use swoole_core::net::dns::{self, Family, Source};
use swoole_core::net::{Address, SockType};
use swoole_core::protocol::proxy::Target;
use swoole_core::reactor::thread_pool;

/// Where to, and how.
#[derive(Clone)]
struct Goal {
    sock_type: SockType,
    /// Of the proxy, if there is one.
    host: String,
    port: i64,
    timeout_s: f64,
    /// Datagrams of others are not taken.
    fixed_peer: bool,
}

pub fn do_connect(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut host: *mut zend_string = std::ptr::null_mut();
    let (mut port, mut timeout_s, mut sock_flag) = (0_i64, 0.5_f64, 0_i64);
    parse!(frame, c"S|ldl", host, port, timeout_s, sock_flag)?;
    let host = String::from_utf8_lossy(bytes_of(host)).into_owned();
    if host.is_empty() {
        return Err(mistake("The host is empty"));
    }
    if client::state(frame)?.link.borrow().is_some() {
        return Err(mistake(
            "connection to the server has already been established",
        ));
    }
    let (sock_type, _) = kind_of(frame)?;
    check_callbacks(frame.this(), sock_type)?;
    check_port(sock_type, port)?;
    let goal = Goal {
        sock_type,
        host: host.clone(),
        port,
        timeout_s,
        fixed_peer: sock_flag == 1,
    };
    let (session, goal) = prepare(frame, goal)?;
    let object = frame.this();
    let started = match known_address(&goal) {
        Some(address) => address.and_then(|address| begin(&session, object, &goal, address)),
        None => look_up(&session, object, goal.clone()),
    };
    if let Err(error) = started {
        let code = error.code();
        fail(&session, object, code)?;
        set_code(frame, code)?;
        return Err(Stop::SoftWarning(format!(
            "connect to server[{host}:{port}] failed. Error: {}[{code}]",
            describe(code)
        )));
    }
    set_bool(place, true);
    if session.is_up() && has(object, ON_CONNECT) {
        fire(object, ON_CONNECT, None)?;
    }
    Ok(())
}

fn check_callbacks(object: *mut zend_object, sock_type: SockType) -> Result<(), Stop> {
    if !super::EVENTS.iter().any(|event| has(object, event)) {
        return Err(mistake("async client is not initialized"));
    }
    let needed: &[_] = if sock_type.is_stream() {
        &[ON_RECEIVE, ON_CONNECT, ON_ERROR, ON_CLOSE]
    } else {
        &[ON_RECEIVE]
    };
    match needed.iter().find(|event| !has(object, event)) {
        Some(event) => Err(Stop::Fatal(format!(
            "no '{}' callback function",
            event.to_string_lossy()
        ))),
        None => Ok(()),
    }
}

/// The socket with its options, and whom it connects to.
fn prepare(frame: Frame, goal: Goal) -> Result<(Rc<Session>, Goal), Stop> {
    let event_loop = event_loop::ready()?;
    let settings = Settings::of(frame);
    let target = Target {
        host: goal.host.clone(),
        port: u16::try_from(goal.port).unwrap_or(0),
    };
    let options = settings.options(target, true)?;
    let marks = Marks::of(&settings)?;
    let mut socket = new_socket(frame, goal.sock_type)?;
    socket
        .prepare(&options)
        .map_err(|error| client::failed(frame, error.code(), "failed to create client"))?;
    let (goal, tunnel) = match options.proxy {
        Some((host, port, handshake)) if goal.sock_type.is_tcp() => {
            let port = i64::from(port);
            (Goal { host, port, ..goal }, Some(handshake))
        }
        _ => (goal, None),
    };
    let state = client::state(frame)?;
    let session = Rc::new(Session {
        link: attach(&state, socket, None),
        phase: Cell::new(Phase::Resolving),
        event_loop: Rc::downgrade(&event_loop),
        watch: Cell::new(None),
        timer: Cell::new(None),
        asleep: Cell::new(false),
        outgoing: RefCell::default(),
        marks,
        is_full: Cell::new(false),
        tunnel: RefCell::new(tunnel),
    });
    *state.session.borrow_mut() = Some(Rc::clone(&session));
    Ok((session, goal))
}

/// The address, if it need not be looked up.
fn known_address(goal: &Goal) -> Option<Result<Address, ClientError>> {
    let address =
        |host: &str| Address::resolve(goal.sock_type, host, goal.port).map_err(ClientError::from);
    if goal.sock_type.is_unix() || goal.host.parse::<IpAddr>().is_ok() {
        return Some(address(&goal.host));
    }
    let known = dns::cached(&goal.host, family(goal.sock_type), Source::System)?;
    Some(address(&dns::pick(&known)?.to_string()))
}

fn family(sock_type: SockType) -> Family {
    match sock_type {
        SockType::Tcp6 | SockType::Udp6 => Family::V6,
        _ => Family::V4,
    }
}

/// Looks a name up in a thread and goes on then.
fn look_up(session: &Rc<Session>, object: *mut zend_object, goal: Goal) -> Result<(), ClientError> {
    let holder = Holder::new(session, object);
    let (host, family) = (goal.host.clone(), family(goal.sock_type));
    let job = move || dns::resolve(&host, family).unwrap_or_default();
    let done = move |addresses: Vec<IpAddr>| {
        let (session, object) = (&holder.session, holder.object());
        if session.phase.get() == Phase::Resolving {
            events::enter(|| looked_up(session, object, &goal, &addresses));
        }
    };
    thread_pool::run(job, done).map_err(|error| {
        let errno = error.raw_os_error().unwrap_or(libc::EAGAIN);
        ClientError::Link(Fault::Os(errno))
    })
}

fn looked_up(
    session: &Rc<Session>,
    object: *mut zend_object,
    goal: &Goal,
    addresses: &[IpAddr],
) -> Result<(), Stop> {
    let Some(ip) = dns::pick(addresses) else {
        return fail(session, object, codes::DNSLOOKUP_RESOLVE_FAILED);
    };
    dns::keep(
        &goal.host,
        family(goal.sock_type),
        Source::System,
        addresses,
    );
    let begun = Address::resolve(goal.sock_type, &ip.to_string(), goal.port)
        .map_err(ClientError::from)
        .and_then(|address| begin(session, object, goal, address));
    match begun {
        Err(error) => fail(session, object, error.code()),
        Ok(()) if session.is_up() && has(object, ON_CONNECT) => fire(object, ON_CONNECT, None),
        Ok(()) => Ok(()),
    }
}

/// Starts to connect; datagrams can be sent at once.
fn begin(
    session: &Rc<Session>,
    object: *mut zend_object,
    goal: &Goal,
    address: Address,
) -> Result<(), ClientError> {
    let is_stream = goal.sock_type.is_stream();
    if is_stream {
        let is_there = session.link.socket.borrow_mut().start(&address)?;
        session.phase.set(Phase::Connecting);
        if !is_there && goal.timeout_s > 0.0 {
            limit(session, object, goal.timeout_s);
        }
    } else {
        let mut socket = session.link.socket.borrow_mut();
        socket.aim(address, goal.fixed_peer)?;
        session.phase.set(Phase::Up);
    }
    events::watch(session, object).map_err(|_| ClientError::Refused(codes::OPERATION_NOT_SUPPORT))
}

/// Gives up when the time is over.
fn limit(session: &Rc<Session>, object: *mut zend_object, timeout_s: f64) {
    let Some(event_loop) = session.event_loop() else {
        return;
    };
    let holder = Holder::new(session, object);
    // A time that is too long for the cast ends at the longest there is.
    let delay_ms = (timeout_s * 1000.0).ceil() as u64;
    let give_up = move || {
        let (session, object) = (&holder.session, holder.object());
        session.timer.set(None);
        events::enter(|| fail(session, object, libc::ETIMEDOUT));
    };
    let timer = event_loop.after(delay_ms, Box::new(give_up));
    session.timer.set(Some(timer));
}

/// The connection did not come about.
pub fn fail(session: &Rc<Session>, object: *mut zend_object, code: i32) -> Result<(), Stop> {
    if session.phase.get() == Phase::Over {
        return Ok(());
    }
    events::end(session, object)?;
    error::set_last(code);
    events::set_code(object, code)?;
    if has(object, ON_ERROR) {
        fire(object, ON_ERROR, None)?;
    }
    Ok(())
}
