//! Opening a named pipe, which waits until somebody has opened its other end. A thread that waits in open(2)
//! cannot be called back, so the pipe is opened without waiting, and looked at from time to time.

use crate::php::coroutine::{self, Woken};
use crate::php::method::Stop;
use crate::php::runtime::nonblocking;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The first and the longest time between two looks.
const FIRST_NAP_MS: u64 = 1;
const LAST_NAP_MS: u64 = 32;

/// What keeps open(2) from waiting; nothing for files of other kinds.
#[derive(Debug, Default)]
pub struct Ends {
    _read: Option<File>,
    _write: Option<File>,
}

fn open(path: &Path, is_read: bool) -> io::Result<File> {
    OpenOptions::new()
        .read(is_read)
        .write(!is_read)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
}

/// Waits until opening would not wait. None: canceled.
pub fn wait_for_peer(path: &Path, mode: &[u8]) -> Result<Option<Ends>, Stop> {
    if mode.contains(&b'+') || mode.contains(&b'n') {
        return Ok(Some(Ends::default()));
    }
    let is_read = mode.first() == Some(&b'r');
    // Held from the start: it is what a writer waits for.
    let mut read = None;
    if is_read {
        match open(path, true) {
            Ok(end) => read = Some(end),
            // PHP's own says what is wrong.
            Err(_) => return Ok(Some(Ends::default())),
        }
    }
    let mut nap_ms = FIRST_NAP_MS;
    loop {
        let write = match &read {
            Some(end) => has_writer(end).then(|| open(path, false)),
            None => Some(open(path, false)),
        };
        match write {
            Some(Ok(write)) => {
                let read = read.or_else(|| open(path, true).ok());
                return Ok(Some(Ends {
                    _read: read,
                    _write: Some(write),
                }));
            }
            Some(Err(error)) if error.raw_os_error() != Some(libc::ENXIO) => {
                return Ok(Some(Ends {
                    _read: read,
                    _write: None,
                }));
            }
            _ => {}
        }
        match coroutine::suspend(Some(nap_ms)) {
            Woken::TimedOut => nap_ms = (nap_ms * 2).min(LAST_NAP_MS),
            Woken::Ended => return Err(Stop::Exit),
            Woken::Canceled | Woken::Resumed => return Ok(None),
        }
    }
}

/// Whether somebody has opened the pipe to write since it was opened to read.
fn has_writer(read: &File) -> bool {
    // Something was written, or a writer has gone again.
    if nonblocking::poll(read.as_raw_fd(), libc::POLLIN) != 0 {
        return true;
    }
    // An empty pipe is at its end if there is no writer; tee(2) asks, and takes nothing out of it.
    let Ok((_other, into)) = io::pipe() else {
        return false;
    };
    // SAFETY: takes integers, and moves bytes within the kernel.
    let copied = unsafe {
        libc::tee(
            read.as_raw_fd(),
            into.as_raw_fd(),
            1,
            libc::SPLICE_F_NONBLOCK,
        )
    };
    copied > 0 || (copied < 0 && nonblocking::errno() == libc::EAGAIN)
}
