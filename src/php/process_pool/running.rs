//! Methods that work while the pool runs, in its master or in its workers.

use super::super::convert::{bytes_of, set_bool, set_copy, set_null, set_object};
use super::super::coroutine::{self, Woken};
use super::super::ffi::*;
use super::super::method::{Frame, Stop, parse, protect, trampolines};
use super::super::process::worker::{self, Worker};
use super::super::properties;
use super::{POOL, Pool, current, state, unsupported, warning};
use std::rc::Rc;
use swoole_core::error::{self, codes};
use swoole_core::log;
use swoole_core::process_pool::{Ipc, Role};
use swoole_core::sys::Errno;

trampolines! {
    get_process => do_get_process;
    write => do_write;
    send_message => do_send_message;
    detach => do_detach;
    stop => do_stop;
    shutdown => do_shutdown;
}

fn do_write(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut data: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"S", data)?;
    let pool = state(frame)?;
    if pool.core.ipc() != Ipc::Socket {
        return Err(unsupported(&pool));
    }
    let data = bytes_of(data);
    let written = match data {
        [] => Ok(false),
        data => pool.core.reply(data).map(|()| true),
    };
    set_bool(place, written?);
    Ok(())
}

/// How often a coroutine looks for room for its message, once in a millisecond.
const TRIES: u32 = 60_000;

fn do_send_message(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let pool = state(frame)?;
    if !pool.core.is_started() {
        return Err(warning("process pool is not started."));
    }
    if pool.core.ipc() != Ipc::Pipes {
        return Err(unsupported(&pool));
    }
    drop(pool);
    let mut data: *mut zend_string = std::ptr::null_mut();
    let mut worker_id = 0_i64;
    parse!(frame, c"Sl", data, worker_id)?;
    let pool = state(frame)?;
    let known = u32::try_from(worker_id).ok();
    let Some(worker_id) = known.filter(|id| *id < pool.core.worker_num()) else {
        return Err(no_such_worker(worker_id));
    };
    let data = bytes_of(data);
    let mut sent = pool.core.send_message(worker_id, data);
    for _ in 0..TRIES {
        if sent != Err(Errno::ENOBUFS) || coroutine::current().is_none() {
            break;
        }
        match coroutine::suspend(Some(1)) {
            Woken::Ended => return Err(Stop::Exit),
            Woken::Canceled => break,
            Woken::Resumed | Woken::TimedOut => sent = pool.core.send_message(worker_id, data),
        }
    }
    if let Err(errno) = sent {
        error::set_last(errno as i32);
        let hint = match errno {
            Errno::EMSGSIZE if pool.core.settings().bus => {
                format!("; the limit is {} bytes", pool.core.bus_limit())
            }
            Errno::EMSGSIZE => {
                "; set enable_message_bus for messages of more than about 200 KiB".to_owned()
            }
            _ => String::new(),
        };
        log::warning(format_args!(
            "a message of {} bytes was not sent to worker#{worker_id}, Error: {}[{}]{hint}",
            data.len(),
            error::describe(errno as i32),
            errno as i32
        ));
    }
    set_bool(place, sent.is_ok());
    Ok(())
}

fn no_such_worker(worker_id: i64) -> Stop {
    error::set_last(codes::INVALID_PARAMS);
    Stop::SoftWarning(format!("invalid worker_id[{worker_id}]"))
}

fn do_detach(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    set_bool(place, current().is_some_and(|pool| pool.core.detach()));
    Ok(())
}

fn do_stop(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    if let Some(pool) = current() {
        pool.core.stop();
    }
    set_null(place);
    Ok(())
}

fn do_shutdown(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let Some(pool) = current() else {
        return Err(Stop::exception(
            i64::from(codes::INVALID_PARAMS),
            "The process pool is not started",
        ));
    };
    set_bool(place, pool.core.shutdown());
    Ok(())
}

fn do_get_process(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut worker_id = -1_i64;
    let Some(pool) = current() else {
        set_bool(place, false);
        return Ok(());
    };
    drop(pool);
    parse!(frame, c"|l", worker_id)?;
    let Some(pool) = current() else {
        set_bool(place, false);
        return Ok(());
    };
    let own = match pool.core.role() {
        Role::Worker(id) => Some(id),
        Role::Master | Role::Outside => None,
    };
    let id = match u32::try_from(worker_id) {
        Ok(id) => id,
        Err(_) if worker_id < 0 => own.unwrap_or(0),
        Err(_) => u32::MAX,
    };
    let Some(pid) = pool.core.worker_pid(id) else {
        return Err(no_such_worker(worker_id));
    };
    let this = frame.this();
    if let Some(mut known) = worker::update(find(this, id), pid)? {
        set_copy(place, known.ptr());
        return Ok(());
    }
    let mut made = worker::new_object(describe(&pool, id, pid, own))?;
    // SAFETY: the object was made just now; one reference is the result's, the other the array's.
    unsafe { try_addref(made.ptr()) };
    // SAFETY: as above.
    set_object(place, unsafe { made.value.obj });
    protect(|| remember(this, id, &mut made))?;
    Ok(())
}

fn describe(pool: &Rc<Pool>, id: u32, pid: i32, own: Option<u32>) -> Worker {
    let settings = pool.core.settings();
    let asks_itself = pool.core.ipc() == Ipc::Queue && !settings.takes_messages;
    Worker {
        id,
        pid,
        is_own: own == Some(id),
        pipe: pool.core.pipe(id).cloned(),
        // What is not a part of a message would disturb the bus.
        lends_pipe: !settings.bus,
        queue: pool.core.queue().filter(|_| asks_itself).cloned(),
        coroutines: settings.coroutines,
    }
}

/// The array of the objects made so far; null: none.
fn workers(this: *mut zend_object) -> *mut HashTable {
    let value = properties::get(&POOL, this, c"workers");
    // SAFETY: null or a live value of a property; the union member is read for the type that says so.
    unsafe {
        if value.is_null() || u32::from(type_of(value)) != IS_ARRAY {
            return std::ptr::null_mut();
        }
        (*value).value.arr
    }
}

fn find(this: *mut zend_object, id: u32) -> *mut zval {
    let workers = workers(this);
    if workers.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: a live array.
    let found = unsafe { zend_hash_index_find(workers, u64::from(id)) };
    if found.is_null() {
        return found;
    }
    // SAFETY: an element of a live array.
    unsafe { deref(found) }
}

/// Puts an object into the array, which takes the reference over. Inside `protect`.
fn remember(this: *mut zend_object, id: u32, object: &mut Value) {
    let old = workers(this);
    let mut new = undef();
    // SAFETY: a copy of a live array, or a new one, which is ours until the property has it; the element
    // that it replaces, if any, is released.
    unsafe {
        new.value.arr = if old.is_null() {
            _zend_new_array(0)
        } else {
            zend_array_dup(old)
        };
        new.u1.type_info = IS_ARRAY_EX;
        zend_hash_index_update(new.value.arr, u64::from(id), object.ptr());
    }
    properties::set_new_object(&POOL, this, c"workers", &mut new);
}
