//! The System V message queue of a process.

use super::super::convert::{Item, bytes_of, return_array, return_bytes, set_bool};
use super::super::ffi::*;
use super::super::method::{Frame, Stop, protect};
use super::super::method::{parse, trampolines};
use super::super::properties;
use super::{PROCESS, Process, state, warning};
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;
use swoole_core::sys::message_queue::{MAX_MESSAGE_BYTES, MessageQueue, Wait, key_of_file};
use swoole_core::sys::{Errno, SysError};
use swoole_core::{error, log};

trampolines! {
    use_queue => do_use_queue;
    stat_queue => do_stat_queue;
    free_queue => do_free_queue;
    push => do_push;
    pop => do_pop;
}

/// `Process::IPC_NOWAIT`, a flag of the mode.
pub const NO_WAIT: i64 = 1 << 8;
/// `SWOOLE_MSGQUEUE_BALANCE`: whoever asks first gets a message; else each gets those with its id.
const BALANCE: i64 = 2;

/// A queue as an object uses it.
#[derive(Clone, Debug)]
pub struct Queue {
    queue: Rc<MessageQueue>,
    wait: Wait,
    is_shared: bool,
}

impl Queue {
    /// The queue of a pool, for all of its workers.
    #[must_use]
    pub fn of_pool(queue: Rc<MessageQueue>) -> Queue {
        Queue {
            queue,
            wait: Wait::Yes,
            is_shared: true,
        }
    }
}

/// What the reference logs of a failed system call.
pub fn log_failure(call: &str, errno: i32) {
    error::set_last(errno);
    let why = error::describe(errno);
    log::warning(format_args!("{call} failed, Error: {why}[{errno}]"));
}

fn failed(call: &str, failure: &SysError, place: Place<'_>) -> Result<(), Stop> {
    log_failure(call, failure.errno);
    set_bool(place, false);
    Ok(())
}

fn do_use_queue(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut key, mut mode, mut capacity) = (0_i64, BALANCE, -1_i64);
    parse!(frame, c"|lll", key, mode, capacity)?;
    let process = state(frame)?;
    let key = if key > 0 {
        i32::try_from(key).map_err(|_| {
            warning(format!(
                "the key of a queue is a 32-bit number, {key} given"
            ))
        })?
    } else {
        key_of_script()?
    };
    let queue = match MessageQueue::open(key) {
        Ok(queue) => queue,
        Err(failure) => return failed(&format!("msgget({key:#x})"), &failure, place),
    };
    if let Some(capacity) = u64::try_from(capacity).ok().filter(|bytes| *bytes > 0)
        && let Err(failure) = queue.set_capacity(capacity)
    {
        let call = format!(
            "msgctl(msqid={}, IPC_SET, msg_qbytes={capacity})",
            queue.id()
        );
        log_failure(&call, failure.errno);
    }
    let id = queue.id();
    process.queue.replace(Some(Queue {
        queue: Rc::new(queue),
        wait: if mode & NO_WAIT == 0 {
            Wait::Yes
        } else {
            Wait::No
        },
        is_shared: mode & !NO_WAIT == BALANCE,
    }));
    let this = frame.this();
    protect(|| {
        properties::set_int(&PROCESS, this, c"msgQueueId", i64::from(id));
        properties::set_int(&PROCESS, this, c"msgQueueKey", i64::from(key));
    })?;
    set_bool(place, true);
    Ok(())
}

/// The key that stands for the running script.
fn key_of_script() -> Result<i32, Stop> {
    // SAFETY: the engine's name of the running file, or a placeholder; NUL-terminated, and copied before
    // anything else runs.
    let file = unsafe { CStr::from_ptr(zend_get_executed_filename()) }.to_owned();
    let path = Path::new(OsStr::from_bytes(file.to_bytes()));
    key_of_file(path, 1).ok_or_else(|| {
        warning(format!(
            "no key can be derived from {}, which is no file: give one to useQueue()",
            path.display()
        ))
    })
}

fn queue(process: &Process, or_else: &str) -> Result<Queue, Stop> {
    let queue = process.queue.borrow().clone();
    queue.ok_or_else(|| warning(or_else))
}

fn do_stat_queue(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let process = state(frame)?;
    let queue = queue(&process, "no queue, can't get stats of the queue")?;
    match queue.queue.stats() {
        Ok(stats) => Ok(return_array(
            place,
            &[
                ("queue_num", Item::Long(stats.messages.cast_signed())),
                ("queue_bytes", Item::Long(stats.bytes.cast_signed())),
            ],
        )?),
        Err(errno) => {
            error::set_last(errno as i32);
            set_bool(place, false);
            Ok(())
        }
    }
}

fn do_free_queue(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let process = state(frame)?;
    let queue = process.queue.borrow().clone();
    let Some(queue) = queue else {
        set_bool(place, false);
        return Ok(());
    };
    if let Err(failure) = queue.queue.remove() {
        let call = format!("msgctl({}, IPC_RMID)", queue.queue.id());
        return failed(&call, &failure, place);
    }
    process.queue.replace(None);
    set_bool(place, true);
    Ok(())
}

fn do_push(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut data: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"S", data)?;
    let data = bytes_of(data);
    if data.is_empty() {
        return Err(warning("the data to push is empty"));
    }
    if data.len() >= MAX_MESSAGE_BYTES {
        return Err(warning("the data to push is too big"));
    }
    let process = state(frame)?;
    let queue = queue(&process, "no msgqueue, cannot use push()")?;
    let pushed = queue.queue.push(process.id + 1, data, queue.wait);
    if let Err(errno) = pushed {
        error::set_last(errno as i32);
        if errno != Errno::EAGAIN {
            let call = format!(
                "msgsnd({}, {}, {})",
                queue.queue.id(),
                data.len(),
                process.id + 1
            );
            log_failure(&call, errno as i32);
        }
    }
    set_bool(place, pushed.is_ok());
    Ok(())
}

fn do_pop(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut size = MAX_MESSAGE_BYTES as i64;
    parse!(frame, c"|l", size)?;
    let size = usize::try_from(size)
        .ok()
        .filter(|size| (1..=MAX_MESSAGE_BYTES).contains(size))
        .unwrap_or(MAX_MESSAGE_BYTES);
    let process = state(frame)?;
    let queue = queue(&process, "no msgqueue, cannot use pop()")?;
    let kind = if queue.is_shared { 0 } else { process.id + 1 };
    match queue.queue.pop(kind, size, queue.wait) {
        Ok(bytes) => Ok(return_bytes(place, &bytes)?),
        Err(errno) => {
            error::set_last(errno as i32);
            if !matches!(errno, Errno::ENOMSG | Errno::EINTR) {
                let call = format!("msgrcv({}, {size}, {kind})", queue.queue.id());
                log_failure(&call, errno as i32);
            }
            set_bool(place, false);
            Ok(())
        }
    }
}
