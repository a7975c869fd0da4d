//! Flags and copies of file descriptors. Ownership is `std::os::fd::OwnedFd` everywhere.

use super::SysError;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// Switches `O_NONBLOCK` on or off.
pub fn set_nonblocking(fd: impl AsFd, on: bool) -> Result<(), SysError> {
    let fd = fd.as_fd();
    let fail = |e| SysError::new("set O_NONBLOCK", format!("fd {}", fd.as_raw_fd()), e);
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL).map_err(fail)?);
    let mut wanted = flags;
    wanted.set(OFlag::O_NONBLOCK, on);
    if wanted != flags {
        fcntl(fd, FcntlArg::F_SETFL(wanted)).map_err(fail)?;
    }
    Ok(())
}

/// Switches `FD_CLOEXEC` on or off.
pub fn set_cloexec(fd: impl AsFd, on: bool) -> Result<(), SysError> {
    let fd = fd.as_fd();
    let flag = if on {
        FdFlag::FD_CLOEXEC
    } else {
        FdFlag::empty()
    };
    fcntl(fd, FcntlArg::F_SETFD(flag))
        .map(drop)
        .map_err(|e| SysError::new("set FD_CLOEXEC", format!("fd {}", fd.as_raw_fd()), e))
}

/// Writes to a descriptor of any kind, given by its number: user code owns it. A peer that is gone is
/// EPIPE; a pipe without a reader may raise SIGPIPE, which this extension's processes ignore.
pub fn write_to(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let fd = borrow(fd).map_err(io::Error::from)?;
    let sent = match super::socket::write(fd, bytes) {
        Err(Errno::ENOTSOCK) => nix::unistd::write(fd, bytes),
        sent => sent,
    };
    sent.map_err(io::Error::from)
}

/// [`set_nonblocking`] for a descriptor given by its number.
pub fn set_nonblocking_raw(fd: RawFd, on: bool) -> Result<(), SysError> {
    let borrowed =
        borrow(fd).map_err(|e| SysError::new("set O_NONBLOCK", format!("fd {fd}"), e))?;
    set_nonblocking(borrowed, on)
}

/// [`dup`] for a descriptor given by its number.
pub fn dup_raw(fd: RawFd) -> Result<OwnedFd, SysError> {
    let fail = |e| SysError::new("copy a file descriptor", format!("fd {fd}"), e);
    dup(borrow(fd).map_err(fail)?)
}

/// Whether there is a descriptor of this number.
#[must_use]
pub fn is_open(fd: RawFd) -> bool {
    borrow(fd).is_ok_and(|fd| fcntl(fd, FcntlArg::F_GETFD).is_ok())
}

/// A descriptor that user code owns, for one call.
pub(super) fn borrow<'a>(fd: RawFd) -> Result<BorrowedFd<'a>, Errno> {
    if fd < 0 {
        return Err(Errno::EBADF);
    }
    // SAFETY: not -1; a number that is not open only makes the call fail with EBADF, and callers use it
    // for one call.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}

/// A copy with `FD_CLOEXEC`. Status flags such as `O_NONBLOCK` are shared with the original.
pub fn dup(fd: impl AsFd) -> Result<OwnedFd, SysError> {
    let fd = fd.as_fd();
    fd.try_clone_to_owned().map_err(|e| {
        SysError::from_io(
            "copy a file descriptor",
            format!("fd {}", fd.as_raw_fd()),
            &e,
        )
    })
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_set_and_cleared() {
        let (a, _b) = std::os::unix::net::UnixStream::pair().expect("pair");
        let nonblocking =
            |fd: &dyn Fn() -> i32| OFlag::from_bits_retain(fd()).contains(OFlag::O_NONBLOCK);
        let flags = || fcntl(&a, FcntlArg::F_GETFL).expect("flags");
        set_nonblocking(&a, true).expect("set");
        assert!(nonblocking(&flags));
        set_nonblocking(&a, false).expect("clear");
        assert!(!nonblocking(&flags));
        set_cloexec(&a, false).expect("clear");
        assert_eq!(fcntl(&a, FcntlArg::F_GETFD).expect("flags"), 0);
        set_cloexec(&a, true).expect("set");
        assert_eq!(fcntl(&a, FcntlArg::F_GETFD).expect("flags"), 1);
        let copy = dup(&a).expect("dup");
        assert!(is_open(copy.as_raw_fd()));
        assert!(!is_open(-1) && !is_open(1 << 30));
        assert_ne!(copy.as_raw_fd(), a.as_raw_fd());
        assert_eq!(fcntl(&copy, FcntlArg::F_GETFD).expect("flags"), 1);
    }
}
