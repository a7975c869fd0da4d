//! A counter in the kernel that wakes an event loop.

use super::SysError;
use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd as NixEventFd};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

/// Nonblocking, close-on-exec. Shared with a process forked later.
#[derive(Debug)]
pub struct EventFd {
    inner: NixEventFd,
}

impl EventFd {
    pub fn new() -> Result<EventFd, SysError> {
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        NixEventFd::from_value_and_flags(0, flags)
            .map(|inner| EventFd { inner })
            .map_err(|e| SysError::new("create an eventfd", "", e))
    }

    /// Wakes whoever polls it; each ring is an edge for edge-triggered polling. Never blocks: a full
    /// counter means that nobody looked for 2^64 rings, and then it is readable anyway.
    pub fn ring(&self) {
        // A nonblocking eventfd can only answer EAGAIN (full), which is as good as rung.
        let _ = self.inner.write(1);
    }

    /// Takes the rings so far; true if there were any.
    pub fn clear(&self) -> bool {
        loop {
            match self.inner.read() {
                Ok(_) => return true,
                Err(Errno::EINTR) => {}
                Err(_) => return false,
            }
        }
    }
}

impl AsFd for EventFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_fd().as_raw_fd()
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn rings_are_taken_once() {
        let bell = EventFd::new().expect("eventfd");
        assert!(!bell.clear());
        bell.ring();
        bell.ring();
        assert!(bell.clear());
        assert!(!bell.clear());
    }
}
