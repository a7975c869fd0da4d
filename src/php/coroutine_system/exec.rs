//! `exec()`: a command of the shell and what it prints.

use super::children::{self, Outcome};
use super::{files, remember, remember_errno};
use crate::php::convert::{Item, bytes_of, return_array, set_bool};
use crate::php::coroutine::co::Woken;
use crate::php::coroutine::{required, wait_fd};
use crate::php::event_loop;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use swoole_core::options;
use swoole_core::reactor::Interest;
use swoole_core::sys::files::Failed;
use swoole_core::sys::{fd, shell};

/// Taken from the pipe at a time.
const CHUNK_BYTES: usize = 64 * 1024;

pub fn do_exec(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut command: *mut zend_string = std::ptr::null_mut();
    let mut errors = false;
    parse!(frame, c"S|b", command, errors)?;
    required()?;
    event_loop::ready()?;
    let command = OsStr::from_bytes(bytes_of(command));
    set_bool(place, false);
    let running = shell::run(command, errors).and_then(|running| {
        fd::set_nonblocking(&running.output, true)?;
        Ok(running)
    });
    let running = match running {
        Ok(running) => running,
        Err(failed) => {
            files::note(&Failed {
                call: format!("exec('{}')", command.to_string_lossy()),
                errno: failed.errno,
            });
            return Ok(());
        }
    };
    // Reaped when it ends, also if this coroutine does not get to it.
    let child = children::begin(running.pid.as_raw())?;
    let mut output = Vec::new();
    match read_all(File::from(running.output), &mut output)? {
        Woken::Canceled => {
            // It may have ended before SIGCHLD was caught.
            children::look();
            remember(Woken::Canceled, 0);
            return Ok(());
        }
        // With no output for that long, what there is has to do.
        Woken::TimedOut | Woken::Resumed | Woken::Ended => {}
    }
    match children::ended(&child, None, false)? {
        Outcome::Ended(_, status) => {
            return Ok(return_array(
                place,
                &[
                    ("code", Item::Long(i64::from(status.code))),
                    ("signal", Item::Long(i64::from(status.signal))),
                    ("output", Item::Bytes(&output)),
                ],
            )?);
        }
        Outcome::Failed(errno) => remember_errno(errno as i32),
        Outcome::TimedOut => remember(Woken::TimedOut, libc::ETIMEDOUT),
        Outcome::Canceled => remember(Woken::Canceled, 0),
    }
    Ok(())
}

/// Reads to the end, or until more has come than PHP may have in memory: then PHP says so.
fn read_all(mut pipe: File, output: &mut Vec<u8>) -> Result<Woken, Stop> {
    // SAFETY: reading a word of PHP's globals.
    let limit = unsafe { (*ext_php_rs_process_globals()).memory_limit };
    let max_bytes = usize::try_from(limit).unwrap_or(usize::MAX);
    let timeout_ms = options::process().socket.read_timeout_ms;
    let mut chunk = vec![0; CHUNK_BYTES];
    while output.len() < max_bytes {
        match pipe.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => output.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                match wait_fd(pipe.as_raw_fd(), Interest::READABLE, timeout_ms) {
                    Ok(Woken::Resumed) => {}
                    Ok(Woken::Ended) => return Err(Stop::Exit),
                    Ok(woken) => return Ok(woken),
                    Err(_) => break,
                }
            }
            Err(_) => break,
        }
    }
    Ok(Woken::Resumed)
}
