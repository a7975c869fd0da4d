//! `Swoole\Server` while it runs.

use super::convert::{self, Item, set_bool, set_long};
use super::coroutine::{self, Woken};
use super::ffi::*;
use super::method::{Frame, Stop};
use super::method::{parse, trampolines};
use std::rc::Rc;
use swoole_core::error::{self, Error};
use swoole_core::log;
use swoole_core::reactor::clock;
use swoole_core::server::{self, Context, StatValue};

trampolines! {
    later => do_later;
    send => do_send;
    close => do_close;
    exists => do_exists;
    protect => do_protect;
    bind => do_bind;
    stats => do_stats;
    reload => do_reload;
    shutdown => do_shutdown;
    stop => do_stop;
    get_client_info => do_get_client_info;
    get_client_list => do_get_client_list;
    get_worker_id => do_get_worker_id;
    get_worker_pid => do_get_worker_pid;
    get_worker_status => do_get_worker_status;
    get_manager_pid => do_get_manager_pid;
    get_master_pid => do_get_master_pid;
}

/// The largest `find_count` of getClientList.
const MAX_FIND_COUNT: i64 = 100;

/// The running server; get it after the arguments: it must not be held while they are read.
#[inline]
pub fn running() -> Result<Rc<Context>, Stop> {
    server::current().ok_or_else(|| Stop::Warning("server is not running".to_owned()))
}

/// A session id from PHP. Ids start at 1.
#[inline]
fn session(fd: i64) -> Result<u64, Stop> {
    match u64::try_from(fd) {
        Ok(id) if id > 0 => Ok(id),
        _ => Err(Stop::Failed(Error::SessionInvalidId { given: fd })),
    }
}

/// Writes true for success; a failure becomes false and the last error.
fn answer(place: Place<'_>, result: Result<(), Error>) -> Result<(), Stop> {
    result?;
    set_bool(place, true);
    Ok(())
}

/// A method of a later version: says so, and does nothing.
fn do_later(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    Err(Stop::exception(
        0,
        format!(
            "Swoole\\Server::{}() is not built yet in swoole-rs {}: see the list of what there is in \
             its README.md",
            frame.function_name(),
            env!("CARGO_PKG_VERSION")
        ),
    ))
}

fn do_send(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let Some((fd, data)) = send_arguments(frame)? else {
        return Err(Stop::Warning("fd can not be null".to_owned()));
    };
    let context = running()?;
    if data.is_empty() {
        error::set_last(error::codes::NO_PAYLOAD);
        return Err(Stop::SoftWarning(
            "the data sent must not be empty".to_owned(),
        ));
    }
    let sent = send_or_wait(&context, session(fd)?, data)?;
    // The program must change: its author learns it from the log, as with the reference.
    if let Err(error @ (Error::DataTooLarge { .. } | Error::SendInMaster)) = &sent {
        log::warning(format_args!("{}->send(): {error}", frame.class_name()));
    }
    answer(place, sent)
}

/// Looks again so soon by itself whether there is room, in milliseconds: whether the client has taken more is
/// told ([`server::RoomWait`]), whether all clients together have is not.
const LOOK_MS: u64 = 100;
const LOOK_AT_TOTAL_MS: u64 = 10;

/// Sends; where too much waits for the client already, the running coroutine waits for room
/// (`send_yield`), up to `send_timeout`.
fn send_or_wait(
    context: &Context,
    session_id: u64,
    data: &[u8],
) -> Result<Result<(), Error>, Stop> {
    let mut sent = context.send(session_id, data);
    let is_full = |sent: &Result<(), Error>| {
        matches!(
            sent,
            Err(Error::OutputBufferOverflow { .. } | Error::OutputQueueTotal { .. })
        )
    };
    if !is_full(&sent) || !context.settings().send_yield || coroutine::current().is_none() {
        return Ok(sent);
    }
    let end_ms = clock::monotonic_ms().saturating_add(context.settings().send_timeout_ms);
    loop {
        let wait = context.await_room(session_id, coroutine::waker());
        sent = context.send(session_id, data);
        let left_ms = end_ms.saturating_sub(clock::monotonic_ms());
        if !is_full(&sent) || left_ms == 0 {
            return Ok(sent);
        }
        let look_ms = match sent {
            Err(Error::OutputQueueTotal { .. }) => LOOK_AT_TOTAL_MS,
            _ => LOOK_MS,
        };
        let woken = coroutine::suspend(Some(look_ms.min(left_ms)));
        drop(wait);
        match woken {
            Woken::TimedOut | Woken::Resumed => {}
            Woken::Canceled => return Ok(sent),
            Woken::Ended => return Err(Stop::Exit),
        }
    }
}

/// The usual call, an int and a string, is read in place; everything else as PHP converts it.
#[inline]
fn send_arguments<'a>(frame: Frame) -> Result<Option<(i64, &'a [u8])>, Stop> {
    if let (2, Some(fd), Some(data)) = (frame.num_args(), frame.arg(0), frame.arg(1)) {
        // SAFETY: arguments of the running call, which its frame keeps; each union member is read for
        // the type that says so.
        unsafe {
            if u32::from(type_of(fd)) == IS_LONG && u32::from(type_of(data)) == IS_STRING {
                return Ok(Some(((*fd).value.lval, str_bytes((*data).value.str_))));
            }
        }
    }
    let mut any: *mut zval = std::ptr::null_mut();
    let mut data: *mut zend_string = std::ptr::null_mut();
    let mut socket: i64 = -1;
    parse!(frame, c"zS|l", any, data, socket)?;
    // SAFETY: an argument of the running call.
    if u32::from(unsafe { type_of(deref(any)) }) == IS_NULL {
        return Ok(None);
    }
    let mut fd: i64 = 0;
    let mut again: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"lS|l", fd, again, socket)?;
    Ok(Some((fd, convert::bytes_of(again))))
}

fn do_close(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut fd, mut reset) = (0_i64, false);
    parse!(frame, c"l|b", fd, reset)?;
    answer(place, running()?.close(session(fd)?, reset))
}

fn do_exists(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut fd = 0_i64;
    parse!(frame, c"l", fd)?;
    let context = running()?;
    set_bool(place, u64::try_from(fd).is_ok_and(|id| context.exists(id)));
    Ok(())
}

fn do_protect(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut fd, mut on) = (0_i64, true);
    parse!(frame, c"l|b", fd, on)?;
    answer(place, running()?.protect(session(fd)?, on))
}

fn do_bind(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut fd, mut uid) = (0_i64, 0_i64);
    parse!(frame, c"ll", fd, uid)?;
    let context = running()?;
    if uid > i64::from(u32::MAX) || uid < i64::from(i32::MIN) {
        return Err(Stop::Warning(format!(
            "uid can not be greater than {} or less than {}",
            u32::MAX,
            i32::MIN
        )));
    }
    answer(place, context.bind(session(fd)?, uid))
}

fn do_stats(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let stats = running()?.stats();
    let items: Vec<(&str, Item<'_>)> = stats
        .iter()
        .map(|(name, value)| {
            (
                *name,
                match value {
                    StatValue::Int(n) => Item::Long(*n),
                    StatValue::Float(d) => Item::Double(*d),
                },
            )
        })
        .collect();
    Ok(convert::return_array(place, &items)?)
}

fn do_reload(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut only_task_workers = false;
    parse!(frame, c"|b", only_task_workers)?;
    answer(place, running()?.reload(only_task_workers))
}

fn do_shutdown(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    match server::current() {
        Some(context) => answer(place, context.shutdown()),
        None => {
            set_bool(place, false);
            Ok(())
        }
    }
}

fn do_stop(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut worker_id = -1_i64;
    parse!(frame, c"|l", worker_id)?;
    let context = running()?;
    let target = match worker_id {
        ..0 => None,
        id => Some(worker_number(id).ok_or_else(|| unknown_worker(id))?),
    };
    answer(place, context.stop_worker(target))
}

fn worker_number(id: i64) -> Option<u32> {
    u32::try_from(id).ok()
}

fn unknown_worker(id: i64) -> Stop {
    Stop::Failed(Error::InvalidParams(format!("there is no worker {id}")))
}

fn do_get_client_info(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut fd, mut reactor_id, mut ignore_error) = (0_i64, -1_i64, false);
    parse!(frame, c"l|lb", fd, reactor_id, ignore_error)?;
    client_info(place, fd, ignore_error)
}

/// What getClientInfo returns for `fd`.
pub fn client_info(place: Place<'_>, fd: i64, ignore_error: bool) -> Result<(), Stop> {
    let info = running()?.client_info(session(fd)?, ignore_error)?;
    let mut items: Vec<(&str, Item<'_>)> = Vec::with_capacity(17);
    if let Some(uid) = info.uid {
        items.push(("uid", Item::Long(uid)));
    }
    if let Some(worker_id) = info.worker_id {
        items.push(("worker_id", Item::Long(i64::from(worker_id))));
    }
    items.extend([
        ("server_port", Item::Long(i64::from(info.server_port))),
        ("server_fd", Item::Long(i64::from(info.server_fd))),
        ("socket_fd", Item::Long(i64::from(info.socket_fd))),
        ("socket_type", Item::Long(info.socket_type)),
        ("remote_port", Item::Long(i64::from(info.remote_port))),
        ("remote_ip", Item::Bytes(info.remote_ip.as_bytes())),
        ("reactor_id", Item::Long(i64::from(info.reactor_id))),
        ("connect_time", Item::Long(info.connect_time_s as i64)),
        ("last_time", Item::Long(info.last_recv_s as i64)),
        ("last_recv_time", Item::Double(info.last_recv_s)),
        ("last_send_time", Item::Double(info.last_send_s)),
        ("last_dispatch_time", Item::Double(info.last_dispatch_s)),
        ("close_errno", Item::Long(i64::from(info.close_errno))),
        (
            "recv_queued_bytes",
            Item::Long(info.recv_queued_bytes as i64),
        ),
        (
            "send_queued_bytes",
            Item::Long(info.send_queued_bytes as i64),
        ),
    ]);
    Ok(convert::return_array(place, &items)?)
}

fn do_get_client_list(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut after, mut count) = (0_i64, 10_i64);
    parse!(frame, c"|ll", after, count)?;
    let context = running()?;
    if count > MAX_FIND_COUNT {
        return Err(Stop::Warning(format!(
            "swoole connection list max_find_count={MAX_FIND_COUNT}"
        )));
    }
    let count = usize::try_from(count).unwrap_or(1).max(1);
    let after = u64::try_from(after).unwrap_or(0);
    let sessions = context.client_list(after, count)?;
    if sessions.is_empty() {
        set_bool(place, false);
        return Ok(());
    }
    Ok(convert::return_list(place, &sessions)?)
}

fn do_get_worker_id(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    long_or_false(
        place,
        server::current().and_then(|c| c.worker_id()).map(i64::from),
    );
    Ok(())
}

fn do_get_worker_pid(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut worker_id = -1_i64;
    parse!(frame, c"|l", worker_id)?;
    let pid = server::current().and_then(|context| {
        let id = target_worker(&context, worker_id)?;
        context.worker_pid(id)
    });
    long_or_false(place, pid.map(i64::from));
    Ok(())
}

fn do_get_worker_status(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut worker_id = -1_i64;
    parse!(frame, c"|l", worker_id)?;
    let context = running()?;
    let status = target_worker(&context, worker_id).and_then(|id| context.worker_status(id));
    long_or_false(place, status.map(|status| status as i64));
    Ok(())
}

/// The worker that is meant: a negative number is the calling one.
fn target_worker(context: &Context, worker_id: i64) -> Option<u32> {
    if worker_id < 0 {
        context.worker_id()
    } else {
        worker_number(worker_id)
    }
}

fn long_or_false(place: Place<'_>, value: Option<i64>) {
    match value {
        Some(value) => set_long(place, value),
        None => set_bool(place, false),
    }
}

fn do_get_manager_pid(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let pid = server::current().map_or(0, |context| context.manager_pid());
    set_long(place, i64::from(pid));
    Ok(())
}

fn do_get_master_pid(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let pid = server::current().map_or(0, |context| context.master_pid());
    set_long(place, i64::from(pid));
    Ok(())
}
