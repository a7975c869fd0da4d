//! `Swoole\Process` objects that stand for the workers of a pool.

use super::super::convert::{set_long, set_object};
use super::super::ffi::*;
use super::super::method::{Stop, protect};
use super::super::object;
use super::super::properties;
use super::pipe::{Ends, Side};
use super::queue::Queue;
use super::{PROCESS, Process};
use std::cell::{Cell, RefCell};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use swoole_core::sys::message_queue::MessageQueue;

/// What is known of a worker.
#[derive(Debug)]
pub struct Worker {
    pub id: u32,
    pub pid: i32,
    /// The process that asks is this worker.
    pub is_own: bool,
    /// The end that others write to, and the worker's own.
    pub pipe: Option<(Rc<OwnedFd>, Rc<OwnedFd>)>,
    /// User code may use the pipe.
    pub lends_pipe: bool,
    pub queue: Option<Rc<MessageQueue>>,
    /// Workers run an event loop.
    pub coroutines: bool,
}

/// A new object, whose one reference is the caller's.
pub fn new_object(worker: Worker) -> Result<Value, Stop> {
    let mut place = undef();
    // SAFETY: a registered class without abstract parts; the constructor does not run.
    protect(|| unsafe { object_init_ex(place.ptr(), PROCESS.get()) })?;
    // SAFETY: it was made just now.
    let object = unsafe { place.value.obj };
    let side = if worker.is_own {
        Side::Worker
    } else {
        Side::Master
    };
    let pipe = match worker.pipe {
        Some((to, own)) => Ends::of_worker(to, own, side),
        None => Ends::default(),
    };
    let fd = pipe.current_fd();
    let process = Process {
        id: i64::from(worker.id),
        pid: Cell::new(worker.pid),
        redirect: false,
        coroutine: Cell::new(worker.coroutines),
        blocking: Cell::new(true),
        is_of_pool: true,
        writes_at_once: worker.coroutines,
        pipe: RefCell::new(if worker.lends_pipe {
            pipe
        } else {
            Ends::default()
        }),
        outbox: RefCell::default(),
        queue: RefCell::new(worker.queue.map(Queue::of_pool)),
        socket: RefCell::default(),
    };
    // SAFETY: an object of the class, made just now.
    unsafe { object::set_state(object, Rc::new(process)) };
    protect(|| {
        properties::set_int(&PROCESS, object, c"id", i64::from(worker.id));
        properties::set_int(&PROCESS, object, c"pid", i64::from(worker.pid));
        if let Some(fd) = fd {
            properties::set_int(&PROCESS, object, c"pipe", i64::from(fd));
        }
    })?;
    Ok(place)
}

/// The object that a value holds, if it is of the class; told that the worker's process is this one now.
pub fn update(value: *mut zval, pid: i32) -> Result<Option<Value>, Stop> {
    // SAFETY: callers pass null or a live value; the union member is read for the type that says so.
    let object = unsafe {
        if value.is_null() || u32::from(type_of(value)) != IS_OBJECT {
            return Ok(None);
        }
        (*value).value.obj
    };
    // SAFETY: a live object, and a registered class.
    if !unsafe { object::is_a(object, PROCESS.get()) } {
        return Ok(None);
    }
    // SAFETY: an object of the class.
    let Some(process) = (unsafe { object::state::<Process>(object) }) else {
        return Ok(None);
    };
    if process.pid.replace(pid) != pid {
        let mut number = undef();
        set_long(number.place(), i64::from(pid));
        protect(|| properties::set(&PROCESS, object, c"pid", &mut number))?;
    }
    let mut place = undef();
    set_object(place.place(), object);
    Ok(Some(place))
}
