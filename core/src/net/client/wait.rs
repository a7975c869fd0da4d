//! Waiting for a socket, with a point in time at which it ends: however often bytes drip in, no call
//! takes longer than its time limit.

use crate::sys::socket::Interest;
use crate::sys::transfer::poll_for;
use nix::errno::Errno;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// When a call gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    pub const NEVER: Deadline = Deadline(None);

    /// None: never.
    #[must_use]
    pub fn after(timeout: Option<Duration>) -> Deadline {
        Deadline(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// What is left, 0 if it has passed; None: without limit.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        self.0
            .map(|at| at.saturating_duration_since(Instant::now()))
    }

    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.left() == Some(Duration::ZERO)
    }

    /// For poll(2): what is left in milliseconds, rounded up; -1: without limit.
    #[must_use]
    pub fn left_ms(&self) -> i32 {
        match self.left() {
            None => -1,
            Some(left) => {
                let ms = left.as_nanos().div_ceil(1_000_000);
                i32::try_from(ms).unwrap_or(i32::MAX)
            }
        }
    }
}

/// Time limits in seconds as PHP gives them: 0 is `default`, less is none.
#[must_use]
pub fn timeout_of(seconds: f64, default: Option<Duration>) -> Option<Duration> {
    if seconds == 0.0 || seconds.is_nan() {
        default
    } else {
        // Too large for a duration is without limit, too.
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// Why a wait or a transfer ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Fault {
    TimedOut,
    /// The coroutine was cancelled.
    Canceled,
    /// The process ends: return at once.
    Ended,
    /// Only a coroutine can wait, and none runs.
    Outside,
    /// The kernel says so.
    Os(i32),
}

impl Fault {
    /// For `errCode`.
    #[must_use]
    pub fn errno(&self) -> i32 {
        match self {
            Fault::TimedOut => libc::ETIMEDOUT,
            Fault::Canceled | Fault::Ended => libc::ECANCELED,
            Fault::Outside => libc::EAGAIN,
            Fault::Os(errno) => *errno,
        }
    }

    /// Whether the connection is of no use any more.
    #[must_use]
    pub fn breaks_connection(&self) -> bool {
        let Fault::Os(errno) = self else { return false };
        matches!(
            Errno::from_raw(*errno),
            Errno::ECONNRESET
                | Errno::ECONNABORTED
                | Errno::EPIPE
                | Errno::ENOTCONN
                | Errno::ETIMEDOUT
                | Errno::ECONNREFUSED
                | Errno::ENETDOWN
                | Errno::ENETUNREACH
                | Errno::EHOSTDOWN
                | Errno::EHOSTUNREACH
                | Errno::EBADF
        )
    }
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Fault {
        Fault::Os(errno as i32)
    }
}

/// Waits until a socket can be read or written. Poll blocks the process; a coroutine's waiter leaves
/// the coroutine.
pub trait Waiter {
    /// Whether calls on a blocking socket may wait in the kernel, by the socket's own time limits,
    /// which saves a call.
    const MAY_BLOCK: bool;

    fn wait(&self, fd: BorrowedFd<'_>, interest: Interest, deadline: Deadline)
    -> Result<(), Fault>;

    /// Whether a call may succeed at once; false: it is known not to.
    fn may_try(&self, _: Interest) -> bool {
        true
    }

    /// A TCP connection gave less than was asked for: there is no more at the moment.
    fn drained(&self) {}

    /// Waits for what no descriptor tells of.
    fn nap(&self, time: Duration) -> Result<(), Fault> {
        std::thread::sleep(time);
        Ok(())
    }
}

/// Blocks.
#[derive(Clone, Copy, Debug)]
pub struct Poll;

impl Waiter for Poll {
    const MAY_BLOCK: bool = true;

    fn wait(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        loop {
            match poll_for(fd, interest, deadline.left_ms()) {
                Ok(true) => return Ok(()),
                Ok(false) if deadline.has_passed() => return Err(Fault::TimedOut),
                Ok(false) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_of_php_become_limits() {
        let default = Some(Duration::from_secs(9));
        assert_eq!(timeout_of(0.0, default), default);
        assert_eq!(timeout_of(0.5, default), Some(Duration::from_millis(500)));
        for none in [-1.0, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 1e300] {
            assert_eq!(timeout_of(none, default), None, "{none}");
        }
        assert_eq!(timeout_of(f64::NAN, default), default);
    }

    #[test]
    fn deadlines_far_away_do_not_overflow() {
        assert_eq!(Deadline::after(Some(Duration::MAX)), Deadline::NEVER);
        assert_eq!(Deadline::NEVER.left_ms(), -1);
        let far = Deadline::after(Some(Duration::from_secs(1 << 40)));
        assert_eq!(far.left_ms(), i32::MAX);
        let past = Deadline::after(Some(Duration::ZERO));
        assert!(past.has_passed());
        assert_eq!(past.left_ms(), 0);
    }
}
