//! `proc_open()` and its family: other coroutines run while a child ends.
//!
//! A process that a coroutine opens is PHP's own, but for the name of its resource's type, which the
//! reference has made part of what scripts see.

use super::flags::{Hook, applies};
use super::nonblocking;
use super::ready::{self, Way};
use super::take_over::{Taken, taken};
use crate::php::convert::set_long;
use crate::php::coroutine;
use crate::php::ffi::*;
use crate::php::method::{Bailout, Frame, Stop, protect};
use std::ffi::{c_char, c_int};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::OnceLock;

taken! {
    OPEN = c"proc_open", proc_open, applies(Hook::Proc) => do_open;
    CLOSE = c"proc_close", proc_close, true => do_close;
    STATUS = c"proc_get_status", proc_get_status, true => do_status;
    TERMINATE = c"proc_terminate", proc_terminate, true => do_terminate;
}

/// Types of resources: PHP's, and ours.
#[derive(Clone, Copy, Debug)]
struct Types {
    process: c_int,
    ours: c_int,
}

static TYPES: OnceLock<Types> = OnceLock::new();

type Destroy = unsafe extern "C" fn(*mut zend_resource);

// SAFETY: declared in Zend/zend_list.h, PHP 8.2 to 8.5.
unsafe extern "C" {
    fn zend_register_list_destructors_ex(
        destroy: Option<Destroy>,
        destroy_persistent: Option<Destroy>,
        type_name: *const c_char,
        module_number: c_int,
    ) -> c_int;
    fn zend_fetch_list_dtor_id(type_name: *const c_char) -> c_int;
    fn zend_list_close(resource: *mut zend_resource);
}

/// `php_process_handle` of ext/standard/proc_open.h, up to what is used here.
#[repr(C)]
struct Process {
    child: libc::pid_t,
    pipe_count: c_int,
    pipes: *mut *mut zend_resource,
}

/// Registers the type of resources; at module startup.
pub fn register(module_number: i32) {
    // SAFETY: module startup; the names are static.
    unsafe {
        let process = zend_fetch_list_dtor_id(c"process".as_ptr());
        let ours = zend_register_list_destructors_ex(
            Some(destroy),
            None,
            c"process/coroutine".as_ptr(),
            module_number,
        );
        if process > 0 && ours > 0 {
            TYPES.get_or_init(|| Types { process, ours });
        }
    }
}

pub fn take_over() {
    if TYPES.get().is_some() {
        for function in [&OPEN, &CLOSE, &STATUS, &TERMINATE] {
            function.take();
        }
    }
}

/// Lets PHP's own code end what is PHP's own. Owns nothing: a bailout may pass.
unsafe extern "C" fn destroy(resource: *mut zend_resource) {
    let Some(types) = TYPES.get() else { return };
    // SAFETY: called by the engine with a resource of our type, which PHP's `proc_open()` has made.
    unsafe {
        let mut copy = std::ptr::read(resource);
        copy.type_ = types.process;
        copy.gc.refcount = 1;
        zend_list_close(&raw mut copy);
    }
}

fn do_open(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    OPEN.original(frame, place)?;
    // SAFETY: what PHP's own has written: a resource has a type.
    unsafe {
        if u32::from(type_of(place.ptr())) == IS_RESOURCE
            && let Some(types) = TYPES.get()
        {
            (*(*place.ptr()).value.res).type_ = types.ours;
        }
    }
    Ok(())
}

/// The first argument if it is a process that a coroutine has opened.
fn process_of(frame: Frame) -> Option<(*mut zend_resource, Types)> {
    let (types, value) = (TYPES.get()?, frame.arg(0)?);
    // SAFETY: a live argument; a resource has a type.
    unsafe {
        (u32::from(type_of(value)) == IS_RESOURCE && (*(*value).value.res).type_ == types.ours)
            .then(|| ((*value).value.res, *types))
    }
}

/// PHP's own, to which the resource is one of its own.
fn as_original(function: &Taken, frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let Some((resource, types)) = process_of(frame) else {
        return function.original(frame, place);
    };
    // SAFETY: a live resource, which the arguments keep.
    unsafe {
        (*resource).type_ = types.process;
        let done = function.original(frame, place);
        if (*resource).type_ == types.process {
            (*resource).type_ = types.ours;
        }
        done
    }
}

fn do_status(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    as_original(&STATUS, frame, place)
}

fn do_terminate(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    as_original(&TERMINATE, frame, place)
}

fn do_close(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    if coroutine::current().is_some()
        && let Some((resource, _)) = process_of(frame)
    {
        // SAFETY: a resource of our type holds this; see `destroy`.
        let process: *mut Process = unsafe { (*resource).ptr.cast() };
        // SAFETY: as above.
        let child = unsafe { (*process).child };
        close_pipes(process)?;
        if !wait_for_end(child)? {
            // Canceled: the child goes on, and PHP's own would wait for it.
            set_long(place, -1);
            return Ok(());
        }
        // Another coroutine may have closed it meanwhile: PHP's own says so then.
    }
    as_original(&CLOSE, frame, place)
}

/// As PHP's own does first: a child that reads to the end would not end. Closing may let other coroutines
/// run, and one of them may end the process: all pipes are taken out of it first.
fn close_pipes(process: *mut Process) -> Result<(), Bailout> {
    // SAFETY: PHP's process: so many pipes, each null or a resource that it holds a reference to.
    let pipes: Vec<*mut zend_resource> = unsafe {
        let count = usize::try_from((*process).pipe_count).unwrap_or(0);
        (0..count)
            .map(|index| (*process).pipes.add(index).replace(std::ptr::null_mut()))
            .filter(|pipe| !pipe.is_null())
            .collect()
    };
    for pipe in pipes {
        // SAFETY: the reference that the process held.
        protect(|| unsafe {
            (*pipe).gc.refcount -= 1;
            zend_list_close(pipe);
        })?;
    }
    Ok(())
}

/// How often a child is looked after where the kernel gives no descriptor for it.
const LOOK_MS: u64 = 10;

/// Waits until the child has ended, and leaves it to be reaped. False: canceled.
fn wait_for_end(child: libc::pid_t) -> Result<bool, Stop> {
    if !is_running(child) {
        return Ok(true);
    }
    // SAFETY: takes integers, and gives a new descriptor or -1.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, child, 0) };
    let Ok(fd @ 0..) = c_int::try_from(fd) else {
        return wait_by_looking(child);
    };
    // SAFETY: the kernel just made it for us.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // `proc_get_status()` reaps, too, in some versions of PHP, and the number goes to another process then:
    // it was this child that the descriptor was made for if it is ours now.
    if !is_running(child) {
        return Ok(true);
    }
    while nonblocking::poll(fd.as_raw_fd(), libc::POLLIN) == 0 {
        match ready::wait_many(&[(fd.as_raw_fd(), Way::Read)], None)? {
            ready::Waited::Ready => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

fn wait_by_looking(child: libc::pid_t) -> Result<bool, Stop> {
    while is_running(child) {
        match coroutine::suspend(Some(LOOK_MS)) {
            coroutine::Woken::TimedOut => {}
            coroutine::Woken::Ended => return Err(Stop::Exit),
            coroutine::Woken::Canceled | coroutine::Woken::Resumed => return Ok(false),
        }
    }
    Ok(true)
}

/// Whether a child is there that has not ended.
fn is_running(child: libc::pid_t) -> bool {
    // SAFETY: plain bytes, which the kernel fills in; nothing is reaped.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        let Ok(id) = libc::id_t::try_from(child) else {
            return false;
        };
        libc::waitid(libc::P_PID, id, &raw mut info, flags) == 0 && info.si_pid() == 0
    }
}
