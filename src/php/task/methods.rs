//! The methods of `Swoole\Server` about tasks and messages between workers.

use super::waits::{self, Ended, Wait};
use crate::php::convert::{for_each, set_bool, set_long, set_new_array};
use crate::php::coroutine;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, docref, protect};
use crate::php::method::{parse, trampolines};
use crate::php::owned::OwnedCallback;
use crate::php::serialize::{self, Packed};
use crate::php::server_methods::running;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use swoole_core::error::{self, codes};
use swoole_core::log;
use swoole_core::server::{Context, TaskOutcome, TaskRef};

trampolines! {
    task => do_task;
    taskwait => do_taskwait;
    task_wait_multi => do_task_wait_multi;
    task_co => do_task_co;
    finish => do_finish;
    send_message => do_send_message;
}

// `SWOOLE_TASK_*`.
pub const SERIALIZE: u16 = 2;
pub const NONBLOCK: u16 = 4;
pub const CALLBACK: u16 = 8;
pub const WAITALL: u16 = 16;
pub const COROUTINE: u16 = 32;
pub const NOREPLY: u16 = 128;

/// Tasks of one call at most.
const MAX_CONCURRENT: usize = 1024;

thread_local! {
    /// The task that `$server->finish()` is for: the last one that has come.
    static LATEST: Cell<Latest> = const { Cell::new(Latest::None) };
}

/// What came last to a task worker.
#[derive(Clone, Copy, Debug)]
pub enum Latest {
    None,
    Task(TaskRef),
    PipeMessage,
}

pub fn set_latest(latest: Latest) {
    LATEST.set(latest);
}

/// Bytes that are not what `serialize()` makes.
pub fn log_broken(at: usize, len: usize) {
    log::warning(format_args!(
        "unserialize() failed, Error at offset {at} of {len} bytes"
    ));
}

/// Refuses calls in the wrong place, as the reference does; answers which task worker is meant.
fn check(context: &Context, dst_worker_id: i64) -> Result<Option<u32>, Stop> {
    let count = context.task_worker_num();
    let fatal = |text: String| {
        error::set_last(codes::PHP_FATAL_ERROR);
        Err(Stop::Warning(text))
    };
    if count == 0 {
        return fatal("task method can't be executed without task worker".to_owned());
    }
    if dst_worker_id >= i64::from(count) {
        return fatal(format!(
            "worker_id must be less than task_worker_num[{count}]"
        ));
    }
    if context.is_task_worker() {
        return fatal("Server->task() cannot use in the task-worker".to_owned());
    }
    Ok(u32::try_from(dst_worker_id).ok())
}

fn only_in_workers(context: &Context, method: &str) -> Result<(), Stop> {
    if context.gets_results() {
        return Ok(());
    }
    error::set_last(codes::PHP_FATAL_ERROR);
    Err(Stop::Warning(format!(
        "{method} method can only be used in the worker process"
    )))
}

fn flags_of(packed: &Packed<'_>) -> u16 {
    if packed.is_serialized() { SERIALIZE } else { 0 }
}

/// Sends a task; a failure is remembered as the last error and logged.
fn send(context: &Context, packed: &Packed<'_>, flags: u16, worker: Option<u32>) -> Option<u64> {
    let sent = context.task(packed.bytes(), flags | flags_of(packed), worker);
    match sent {
        Ok(id) => Some(id),
        Err(failed) => {
            error::set_last(failed.code());
            log::warning(format_args!("a task was not sent: {failed}"));
            None
        }
    }
}

fn do_task(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    drop(running()?);
    let mut data: *mut zval = std::ptr::null_mut();
    let mut worker_id = -1_i64;
    let mut function: *mut zval = std::ptr::null_mut();
    parse!(frame, c"z|lz!", data, worker_id, function)?;
    let context = running()?;
    let worker = check(&context, worker_id)?;
    let gets_results = context.gets_results();
    drop(context);
    // Before the data: what cannot be called is told before anything is done.
    let callback = if function.is_null() || !gets_results {
        None
    } else {
        Some(Rc::new(OwnedCallback::new(function)?))
    };
    let packed = serialize::pack(data)?;
    let context = running()?;
    let mut flags = NONBLOCK;
    if !gets_results {
        flags |= NOREPLY;
    } else if callback.is_some() {
        flags |= CALLBACK;
    }
    match send(&context, &packed, flags, worker) {
        Some(id) => {
            if let Some(callback) = callback {
                waits::keep_callback(id, callback);
            }
            set_long(place, id as i64);
        }
        None => set_bool(place, false),
    }
    Ok(())
}

/// Seconds as PHP gives them; 0 and less is without limit.
fn limit(seconds: f64) -> Option<Duration> {
    (seconds > 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

fn limit_ms(seconds: f64) -> Option<u64> {
    limit(seconds).map(|limit| (limit.as_micros().div_ceil(1000)).min(u128::from(u64::MAX)) as u64)
}

fn do_taskwait(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    only_in_workers(&*running()?, "taskwait")?;
    let mut data: *mut zval = std::ptr::null_mut();
    let (mut timeout, mut worker_id) = (0.5_f64, -1_i64);
    parse!(frame, c"z|dl", data, timeout, worker_id)?;
    let worker = check(&*running()?, worker_id)?;
    let packed = serialize::pack(data)?;
    let context = running()?;
    set_bool(place, false);
    let Some(cid) = coroutine::current() else {
        let Some(id) = send(&context, &packed, 0, worker) else {
            return Ok(());
        };
        let mut result = None;
        context.wait_results(&[id], limit(timeout), |_, ended| result = ended);
        drop((context, packed));
        return match result {
            Some((bytes, flags)) => put_result(place, &bytes, flags),
            None => Ok(()),
        };
    };
    let Some(id) = send(&context, &packed, NONBLOCK | COROUTINE, worker) else {
        return Ok(());
    };
    drop((context, packed));
    let wait = Wait::new(cid);
    wait.add(Some(id));
    wait.wait(limit_ms(timeout))?;
    let ended = wait.ended.borrow_mut().pop().flatten();
    if let Some(ended) = ended {
        waits::take_value(ended, place);
    }
    Ok(())
}

/// Writes a result; what is broken stays false.
fn put_result(place: Place<'_>, bytes: &[u8], flags: u16) -> Result<(), Stop> {
    match serialize::unpack(bytes, flags & SERIALIZE != 0)? {
        Ok(mut value) => {
            // SAFETY: the place takes the value over.
            unsafe { std::ptr::copy_nonoverlapping(value.ptr(), place.ptr(), 1) };
            Ok(())
        }
        // SAFETY: reading a word of the engine's globals.
        Err(_) if !unsafe { (*eg()).exception }.is_null() => Err(Stop::Thrown),
        Err(at) => {
            log_broken(at, bytes.len());
            Ok(())
        }
    }
}

/// The tasks of an array, sent one after the other; `sent` gets `None` for one that could not be.
fn send_all(tasks: *mut zval, flags: u16, mut sent: impl FnMut(Option<u64>)) -> Result<(), Stop> {
    let mut values: Vec<*mut zval> = Vec::new();
    // SAFETY: an argument of the running call, an array.
    let array = unsafe { (*deref(tasks)).value.arr };
    for_each(array, |_, value| values.push(value));
    for value in values {
        let packed = serialize::pack(value)?;
        sent(send(&*running()?, &packed, flags, None));
    }
    Ok(())
}

fn check_count(tasks: *mut zval) -> Result<(), Stop> {
    let mut count = 0;
    // SAFETY: an argument of the running call, an array.
    for_each(unsafe { (*deref(tasks)).value.arr }, |_, _| count += 1);
    if count >= MAX_CONCURRENT {
        error::set_last(codes::PHP_FATAL_ERROR);
        return Err(Stop::Warning("too many concurrent tasks".to_owned()));
    }
    Ok(())
}

fn arguments(frame: Frame, method: &str) -> Result<(*mut zval, f64), Stop> {
    only_in_workers(&*running()?, method)?;
    let mut tasks: *mut zval = std::ptr::null_mut();
    let mut timeout = 0.5_f64;
    parse!(frame, c"a|d", tasks, timeout)?;
    check(&*running()?, -1)?;
    check_count(tasks)?;
    Ok((tasks, timeout))
}

fn none_sent(place: Place<'_>, sent: &[Option<u64>]) -> bool {
    let none = sent.iter().all(Option::is_none);
    if none {
        error::set_last(codes::TASK_DISPATCH_FAIL);
        set_bool(place, false);
    }
    none
}

fn do_task_wait_multi(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    if coroutine::current().is_some() {
        return wait_in_coroutine(frame, place, "taskWaitMulti");
    }
    let (tasks, timeout) = arguments(frame, "taskWaitMulti")?;
    let mut sent = Vec::new();
    send_all(tasks, WAITALL, |id| sent.push(id))?;
    if none_sent(place, &sent) {
        return Ok(());
    }
    let ids: Vec<u64> = sent.iter().flatten().copied().collect();
    let mut results: Vec<Option<TaskOutcome>> = vec![None; ids.len()];
    running()?.wait_results(&ids, limit(timeout), |at, result| {
        if let Some(slot) = results.get_mut(at) {
            *slot = Some(result);
        }
    });
    protect(|| set_new_array(place, sent.len()))?;
    let mut results = results.into_iter();
    for (index, id) in sent.iter().enumerate() {
        let result = match id {
            Some(_) => results.next().flatten(),
            None => Some(None),
        };
        let Some(result) = result else { continue };
        let mut value = undef();
        set_bool(value.place(), false);
        if let Some((bytes, flags)) = result {
            put_result(value.place(), &bytes, flags)?;
        }
        put_at(place, index, &mut value)?;
    }
    Ok(())
}

/// Adds an element, which takes the value over.
fn put_at(place: Place<'_>, index: usize, value: &mut Value) -> Result<(), Stop> {
    Ok(protect(|| {
        // SAFETY: `place` holds an array of our own.
        unsafe {
            zend_hash_index_update((*place.ptr()).value.arr, index as u64, value.ptr());
        }
    })?)
}

fn do_task_co(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    drop(running()?);
    if coroutine::current().is_none() {
        return Err(coroutine::outside());
    }
    wait_in_coroutine(frame, place, "taskCo")
}

fn wait_in_coroutine(frame: Frame, place: Place<'_>, method: &str) -> Result<(), Stop> {
    let (tasks, timeout) = arguments(frame, method)?;
    let cid = coroutine::required()?;
    let wait = Wait::new(cid);
    let mut sent = Vec::new();
    // Each is waited for from the start: serializing the next one may run code that waits.
    let all_sent = send_all(tasks, NONBLOCK | COROUTINE, |id| {
        wait.add(id);
        sent.push(id);
    });
    if let Err(stop) = all_sent {
        wait.give_up();
        return Err(stop);
    }
    if none_sent(place, &sent) {
        return Ok(());
    }
    wait.wait(limit_ms(timeout))?;
    let ended = wait.ended.take();
    protect(|| set_new_array(place, ended.len()))?;
    for (index, ended) in ended.into_iter().enumerate() {
        let ended = match ended {
            // Whose time is over is left out, but for taskCo().
            None if method != "taskCo" => continue,
            None => Ended::Lost,
            Some(ended) => ended,
        };
        let mut value = undef();
        waits::take_value(ended, value.place());
        put_at(place, index, &mut value)?;
    }
    Ok(())
}

fn do_finish(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let context = running()?;
    if context.settings().task.enable_coroutine {
        drop(context);
        return Err(Stop::Fatal(
            "please use Swoole\\Server\\Task->finish instead when task_enable_coroutine is enable"
                .to_owned(),
        ));
    }
    drop(context);
    let mut data: *mut zval = std::ptr::null_mut();
    parse!(frame, c"z", data)?;
    match LATEST.get() {
        Latest::Task(task) => send_result(&task, data, place),
        latest => {
            let why = if running()?.task_worker_num() == 0 {
                "cannot use Server::task()/Server::finish() method, because no set [task_worker_num]"
            } else if matches!(latest, Latest::PipeMessage) {
                "Server::task()/Server::finish() is not supported in onPipeMessage callback"
            } else {
                "Server::finish() can only be used in the task worker process, in or after onTask"
            };
            log::warning(why);
            set_bool(place, false);
            Ok(())
        }
    }
}

/// Sends the result of a task.
pub fn send_result(task: &TaskRef, data: *mut zval, place: Place<'_>) -> Result<(), Stop> {
    let packed = serialize::pack(data)?;
    let sent = running()?.finish_task(task, packed.bytes(), flags_of(&packed));
    if let Err(failed) = &sent {
        error::set_last(failed.code());
        use swoole_core::error::Error::{MessageNotTaken, WorkerTerminated};
        // The one was logged already; the other is nobody's mistake: who asked for it is gone.
        if !matches!(failed, MessageNotTaken { .. } | WorkerTerminated { .. }) {
            log::warning(failed);
        }
    }
    set_bool(place, sent.is_ok());
    Ok(())
}

fn do_send_message(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    drop(running()?);
    let mut message: *mut zval = std::ptr::null_mut();
    let mut worker_id = -1_i64;
    let has_callback = super::events::has_pipe_message();
    if !has_callback {
        error::set_last(codes::PHP_FATAL_ERROR);
        return Err(Stop::Warning(
            "onPipeMessage is null, can't use sendMessage".to_owned(),
        ));
    }
    parse!(frame, c"zl", message, worker_id)?;
    let context = running()?;
    let own = context.worker_id().map(i64::from);
    let known = context.has_worker(worker_id);
    drop(context);
    let refused = if own == Some(worker_id) {
        Some("can't send messages to self".to_owned())
    } else if !known {
        Some(format!("worker_id[{worker_id}] is invalid"))
    } else {
        None
    };
    if let Some(text) = refused {
        error::set_last(codes::PHP_FATAL_ERROR);
        return Err(Stop::Warning(text));
    }
    let packed = serialize::pack(message)?;
    let sent = running()?.send_message(packed.bytes(), flags_of(&packed), worker_id as u32);
    if let Err(failed) = &sent {
        error::set_last(failed.code());
        docref(E_WARNING, &format!("the message was not sent: {failed}"))?;
    }
    set_bool(place, sent.is_ok());
    Ok(())
}
