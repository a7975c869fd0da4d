//! `Swoole\Server::addProcess()`.

use super::convert::set_long;
use super::ffi::*;
use super::method::{Frame, Stop, Thrown};
use super::method::{parse, trampolines};
use super::server_state::{self, Phase};
use super::{object, process};
use swoole_core::error::{self, codes};

trampolines! {
    add_process => do_add_process;
}

/// Processes of user code that one server may have.
const MAX_PROCESSES: usize = 1024;

fn do_add_process(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut value: *mut zval = std::ptr::null_mut();
    let refused = |text: &str| {
        error::set_last(codes::PHP_FATAL_ERROR);
        Err(Stop::Warning(text.to_owned()))
    };
    let phase = server_state::with(frame, |state| state.phase)?;
    if phase != Phase::Configuring {
        return refused("server is running, can't add process");
    }
    parse!(frame, c"o", value)?;
    // SAFETY: an argument of the running call, an object of that class.
    let object = unsafe { (*deref(value)).value.obj };
    // SAFETY: a live object.
    if !unsafe { object::is_a(object, process::PROCESS.get()) } {
        return Err(Stop::Throw {
            class: Thrown::TypeError,
            code: 0,
            message: "Swoole\\Server::addProcess(): Argument #1 ($process) must be of type \
                      Swoole\\Process"
                .to_owned(),
        });
    }
    let Some(id) = process::id_of(object) else {
        return Err(Stop::not_constructed());
    };
    let known = server_state::with(frame, |state| state.processes.clone())?;
    if known.contains(&object) {
        return refused("this process has been added already");
    }
    if known.len() >= MAX_PROCESSES {
        return refused("failed to add worker: a server has at most 1024 of them");
    }
    // SAFETY: a live argument; the reference is the state's.
    unsafe { try_addref(deref(value)) };
    server_state::with(frame, |state| state.processes.push(object))?;
    set_long(place, id);
    Ok(())
}
