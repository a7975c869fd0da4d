//! Descriptors of PHP's: whether they block, whether they are ready.

use std::ffi::c_int;
use std::os::fd::RawFd;

/// Sets or clears O_NONBLOCK; returns what it was. A descriptor that is not open is left alone.
pub fn set(fd: RawFd, nonblocking: bool) -> bool {
    // SAFETY: fcntl with integers touches no memory of ours.
    unsafe {
        let flags = libc::fcntl(fd, libc::F_GETFL);
        if flags < 0 {
            return nonblocking;
        }
        let is = flags & libc::O_NONBLOCK != 0;
        if is != nonblocking {
            libc::fcntl(fd, libc::F_SETFL, flags ^ libc::O_NONBLOCK);
        }
        is
    }
}

/// Whether O_NONBLOCK is set.
#[must_use]
pub fn is(fd: RawFd) -> bool {
    // SAFETY: fcntl with integers touches no memory of ours.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    flags >= 0 && flags & libc::O_NONBLOCK != 0
}

/// Runs `f` while the descriptor does not block.
pub fn during<R>(fd: RawFd, f: impl FnOnce() -> R) -> R {
    let was = set(fd, true);
    let result = f();
    if !was {
        set(fd, false);
    }
    result
}

/// What poll(2) says of a descriptor now: `POLL*`; 0: nothing.
#[must_use]
pub fn poll(fd: RawFd, events: i16) -> i16 {
    let mut asked = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    // SAFETY: one pollfd of ours.
    let count = unsafe { libc::poll(&raw mut asked, 1, 0) };
    if count > 0 { asked.revents } else { 0 }
}

/// [`poll`] for several: fills in `revents`.
pub fn poll_all(asked: &mut [libc::pollfd]) {
    // SAFETY: pollfds of ours.
    let count = unsafe { libc::poll(asked.as_mut_ptr(), asked.len() as libc::nfds_t, 0) };
    if count < 0 {
        for asked in asked {
            asked.revents = 0;
        }
    }
}

/// `SO_ERROR`, which it clears.
#[must_use]
pub fn take_error(fd: RawFd) -> c_int {
    let mut error: c_int = 0;
    let mut len = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: an int and its size, which the kernel fills in.
    let result = unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_ERROR,
            (&raw mut error).cast(),
            &raw mut len,
        )
    };
    if result == 0 { error } else { errno() }
}

/// The last error of this thread.
#[must_use]
pub fn errno() -> c_int {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// No error of this thread.
pub fn clear_errno() {
    // SAFETY: this thread's own.
    unsafe { *libc::__errno_location() = 0 };
}
