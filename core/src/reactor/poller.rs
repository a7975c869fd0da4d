//! Readiness of descriptors, over mio.

use mio::unix::SourceFd;
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

pub use mio::{Interest, Token};

/// The kernel counts in int milliseconds: longer waits are cut to this, and end without events.
const LONGEST_WAIT: Duration = Duration::from_millis(i32::MAX as u64 - 1);
/// Events taken from the kernel in one wait; the rest come with the next.
const EVENTS_PER_WAIT: usize = 1024;

/// Tells which descriptors are ready, edge-triggered: readiness is reported once, and again only after
/// the descriptor has said "would block". So read or write until it does, or remember that it did not.
///
/// Make it in the process that polls: a copy made by fork shares the parent's registrations.
/// A descriptor is deregistered by closing it, if no other process or copy holds it open.
#[derive(Debug)]
pub struct Poller {
    poll: mio::Poll,
    events: mio::Events,
}

/// A descriptor that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    pub token: usize,
    pub readable: bool,
    pub writable: bool,
    /// The peer sends no more, or is gone: reading on shows the end.
    pub read_closed: bool,
    /// Writing will fail.
    pub write_closed: bool,
    pub error: bool,
}

impl Poller {
    pub fn new() -> io::Result<Poller> {
        Ok(Poller {
            poll: mio::Poll::new()?,
            events: mio::Events::with_capacity(EVENTS_PER_WAIT),
        })
    }

    /// Watches a descriptor. Readiness that exists already is reported by the next wait.
    pub fn register(&self, fd: RawFd, token: Token, interest: Interest) -> io::Result<()> {
        let registry = self.poll.registry();
        registry.register(&mut SourceFd(&fd), token, interest)
    }

    /// Watches a descriptor for both, which saves the calls that would switch interests: being
    /// edge-triggered, a writable connection costs one event at the start and then none.
    pub fn register_both(&self, fd: RawFd, token: Token) -> io::Result<()> {
        self.register(fd, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Changes token or interest. Readiness that exists is reported anew.
    pub fn reregister(&self, fd: RawFd, token: Token, interest: Interest) -> io::Result<()> {
        let registry = self.poll.registry();
        registry.reregister(&mut SourceFd(&fd), token, interest)
    }

    pub fn deregister(&self, fd: RawFd) -> io::Result<()> {
        self.poll.registry().deregister(&mut SourceFd(&fd))
    }

    /// Waits for events, at most so long; `None` waits without end. A signal ends the wait without events.
    /// Fractions of a millisecond are rounded up.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = timeout.map(|timeout| timeout.min(LONGEST_WAIT));
        match self.poll.poll(&mut self.events, timeout) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            result => result,
        }
    }

    /// The events of the last wait. One of a descriptor that was deregistered since may be among them.
    pub fn events(&self) -> impl Iterator<Item = Ready> + '_ {
        self.events.iter().map(|event| Ready {
            token: event.token().0,
            readable: event.is_readable(),
            writable: event.is_writable(),
            read_closed: event.is_read_closed(),
            write_closed: event.is_write_closed(),
            error: event.is_error(),
        })
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    fn wait(poller: &mut Poller) -> Vec<Ready> {
        poller.wait(Some(Duration::ZERO)).expect("wait");
        poller.events().collect()
    }

    #[test]
    fn readiness_is_reported_once_per_edge() {
        let mut poller = Poller::new().expect("poller");
        let (mut a, mut b) = UnixStream::pair().expect("pair");
        a.set_nonblocking(true).expect("nonblocking");
        poller
            .register_both(a.as_raw_fd(), Token(7))
            .expect("register");
        let first = wait(&mut poller);
        assert_eq!(first.len(), 1);
        assert!(first[0].token == 7 && first[0].writable && !first[0].readable);
        assert!(wait(&mut poller).is_empty());

        b.write_all(b"x").expect("write");
        assert!(wait(&mut poller)[0].readable);
        assert!(wait(&mut poller).is_empty(), "edge, not level");
        a.read_exact(&mut [0]).expect("read");
        drop(b);
        let last = wait(&mut poller);
        assert!(last[0].read_closed && last[0].write_closed);

        poller.deregister(a.as_raw_fd()).expect("deregister");
        assert!(wait(&mut poller).is_empty());
    }

    #[test]
    fn a_new_token_shows_what_is_ready_already() {
        let mut poller = Poller::new().expect("poller");
        let (a, _b) = UnixStream::pair().expect("pair");
        poller
            .register_both(a.as_raw_fd(), Token(1))
            .expect("register");
        assert_eq!(wait(&mut poller)[0].token, 1);
        poller
            .reregister(a.as_raw_fd(), Token(2), Interest::WRITABLE)
            .expect("reregister");
        assert_eq!(wait(&mut poller)[0].token, 2);
    }
}
